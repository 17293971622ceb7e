//! Rules that never decide, because one before them always does.

use super::super::condition::LogWord;
use super::{Policy, Rule};
use crate::appraise::Verdict;

impl Policy {
    /// Its rules that can never decide because an earlier one always does, each with that one in a sentence; as far as their conditions tell it without a pledge. Rules
    /// of a manufacturer are compared with each other: that they come before those for all is what they are for.
    pub fn unreachable_in_words(&self) -> Vec<String> {
        let own = self.overrides.iter().flat_map(|(name, own)| unreachable(&own.rules).into_iter().map(move |sentence| format!("from {name}: {sentence}")));
        own.chain(unreachable(&self.rules)).collect()
    }
}

fn unreachable(rules: &[Rule]) -> Vec<String> {
    let sentence = |(place, rule): (usize, &Rule)| {
        let earlier = rules.iter().take(place).find(|earlier| earlier.always_decides_before(rule))?;
        let why = match earlier.conditions.is_empty() {
            true => "which has no conditions and so decides about every pledge",
            false => "whose conditions hold wherever its own do",
        };
        Some(format!("rule '{}' never decides: rule '{}' comes before it, {why}", rule.name, earlier.name))
    };
    rules.iter().enumerate().filter_map(sentence).collect()
}

impl Rule {
    fn always_decides_before(&self, later: &Self) -> bool {
        self.conditions.iter().all(|wide| later.conditions.iter().any(|narrow| wide.is_as_wide_as(narrow))) && !self.is_passed_over_for(later)
    }

    /// Whether a pledge whose record is disputed, or whose history is bad, can pass by this rule and be admitted by the later one, which lists that.
    fn is_passed_over_for(&self, later: &Self) -> bool {
        match (self.then, later.then) {
            // Nothing is objected to a refusal; and where an admission met an objection, that refuses rather than the later rule.
            (Verdict::Refuse, _) | (Verdict::Accept | Verdict::Hold, Verdict::Refuse) => false,
            (Verdict::Accept | Verdict::Hold, Verdict::Accept | Verdict::Hold) => {
                let only_later = |finding| later.lists(finding) && !self.lists(finding);
                later.lists_status() && !self.lists_status() || [LogWord::ForeignNonceless, LogWord::Truncated].into_iter().any(only_later)
            }
        }
    }
}
