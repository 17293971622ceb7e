//! The rules that a policy tried, one a line, as people read them: the same wherever a decision is shown.

use std::io::{self, Write};

use brski_common::appraise::TraceStep;
use brski_common::text::{LONGEST_LINE, printable};

/// Writes each step on a line of its own: an arrow before the rule that decided, its name, and why it matched or did not.
pub(crate) fn write(out: &mut impl Write, trace: &[TraceStep]) -> io::Result<()> {
    let width = trace.iter().map(|step| step.rule.len()).max().unwrap_or_default();
    trace.iter().try_for_each(|step| {
        let mark = if step.matched { "->" } else { "  " };
        // The statement's own words are among the reasons.
        writeln!(out, "  {mark} {:width$}  {}", printable(&step.rule, LONGEST_LINE), printable(&step.because, LONGEST_LINE))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_that_decided_is_marked_and_reasons_stand_in_a_column() {
        let step = |rule: &str, matched, because: &str| TraceStep { rule: rule.to_owned(), matched, because: because.to_owned() };
        let mut out = Vec::new();
        write(&mut out, &[step("made-inside", false, "method is carrot, not salak"), step("ask", true, "method is carrot")]).unwrap();
        let expected = "     made-inside  method is carrot, not salak\n  -> ask          method is carrot\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn control_characters_in_a_reason_do_not_reach_the_terminal() {
        let mut out = Vec::new();
        write(&mut out, &[TraceStep { rule: "a".to_owned(), matched: true, because: "line is \u{1b}[2J".to_owned() }]).unwrap();
        assert!(!out.contains(&0x1b));
    }
}
