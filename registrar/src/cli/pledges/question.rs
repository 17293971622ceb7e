//! To which question somebody answers: that which they saw, or which they are shown now.

use std::io::{self, BufRead, IsTerminal as _, Write};

use brski_registrar::approval::QuestionDigest;
use brski_registrar::desk::Pick;
use brski_registrar::trail::PledgeFile;
use clap::Args;

use super::show::Shown;
use crate::config::Configuration;

#[derive(Debug, Args)]
pub(super) struct Asked {
    /// The question that was looked at, as `pledges show` tells it; without it a terminal shows what is asked now, and asks back
    #[arg(long, value_name = "DIGEST", conflicts_with = "unseen")]
    question: Option<QuestionDigest>,
    /// Decide about whatever is asked now, without looking at it
    #[arg(long)]
    unseen: bool,
}

impl Asked {
    /// The pledge with the question that whoever runs this has seen. `verb` says what they are about to do.
    pub(super) fn pick(&self, file: PledgeFile, verb: &str, configuration: &Configuration) -> anyhow::Result<Pick> {
        let pick = self.question.map_or(Pick::of(&file), |question| Pick::asking(&file, question));
        if self.question.is_some() || self.unseen {
            return Ok(pick);
        }
        let serial = file.pledge.serial.to_string();
        anyhow::ensure!(
            io::stdin().is_terminal() && io::stderr().is_terminal(),
            "nobody says to which question: look with `brski-registrar pledges show {serial}`, and give the question that stands there with --question; --unseen decides about whatever is asked"
        );
        let shown = Shown::new(file, Vec::new(), configuration);
        // The result alone goes to standard output.
        match confirmed(&shown, verb, &mut io::stdin().lock(), &mut io::stderr().lock())? {
            true => Ok(pick),
            false => anyhow::bail!("nothing was decided about {serial}"),
        }
    }
}

/// Shows what is asked, and whether whoever reads that says yes. Anything else is a no.
fn confirmed(shown: &Shown, verb: &str, input: &mut impl BufRead, out: &mut impl Write) -> io::Result<bool> {
    shown.write(out)?;
    write!(out, "\n{verb} {}? [y/N] ", shown.serial())?;
    out.flush()?;
    let mut line = String::new();
    // More than a word is no answer to this.
    io::Read::take(input, 16).read_line(&mut line)?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use brski_common::time::at;
    use brski_common::{SerialNumber, SpkiDigest};
    use brski_registrar::approval::HeldBy;
    use brski_registrar::trail::{Event, Subject, What};

    use super::*;

    fn held() -> PledgeFile {
        let key = SpkiDigest([1; 32]);
        let pledge = Subject { key, serial: SerialNumber::new("JADA1").unwrap(), manufacturer: "Maker".to_owned() };
        let held = HeldBy { pledge: key, rule: "ask".to_owned(), record: None, policy: None, findings: None };
        let what = What::Held { request: SpkiDigest([9; 32]), held: Some(held), sentence: "rule 'ask' holds it".to_owned(), decision: None };
        PledgeFile::after(None, &Event { at: at(0), pledge: Some(pledge), what }).unwrap()
    }

    fn answered(answer: &str) -> (bool, String) {
        let mut out = Vec::new();
        let shown = Shown::of(held(), Vec::new(), 1, Path::new("policy.toml"));
        let yes = confirmed(&shown, "approve", &mut answer.as_bytes(), &mut out).unwrap();
        (yes, String::from_utf8(out).unwrap())
    }

    #[test]
    fn only_a_yes_is_a_yes() {
        for (answer, expected) in
            [("y\n", true), ("YES\n", true), ("", false), ("\n", false), ("n\n", false), ("yesterday\n", false), ("of course, yes\n", false)]
        {
            assert_eq!(answered(answer).0, expected, "{answer:?}");
        }
    }

    #[test]
    fn question_is_shown_before_it_is_answered() {
        let (_, out) = answered("y\n");
        assert!(out.starts_with("JADA1 of Maker is held: rule 'ask' holds it\n") && out.ends_with("\napprove JADA1? [y/N] "), "{out}");
        assert!(out.contains(&format!("\nquestion: {}\n", QuestionDigest::of(&held()))), "{out}");
    }
}
