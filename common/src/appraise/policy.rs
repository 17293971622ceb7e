//! An owner's policy, read from TOML.

use super::Verdict;
use super::condition::Condition;
use super::parse;
use crate::provenance::ProvenanceStatement;

/// An owner's policy: named rules in order, of which the first that matches decides. Whatever no rule matches is refused.
///
/// ```
/// let policy = brski_common::Policy::from_toml(
///     r#"
///     version = 1
///
///     [[rule]]
///     name = "made-in-the-device"
///     method = ["avocado", "salak"]
///     protection-at-least = "extractable-for-storage"
///     then = "accept"
///
///     [[rule]]
///     name = "ask-about-carrots"
///     method = ["carrot"]
///     then = "hold"
///     "#,
/// )?;
/// assert_eq!(policy.accepted_in_words(), "avocado, salak protected extractable-for-storage or better");
/// # Ok::<(), brski_common::appraise::PolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    rules: Vec<Rule>,
    digest: [u8; 32],
}

/// A policy that cannot be read: one sentence with line, rule, field and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PolicyError {
    /// The sentence.
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    name: String,
    conditions: Vec<Condition>,
    then: Verdict,
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`PolicyError`] for unknown words, rules without or with the same name, and acceptance of just anything.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        parse::rules(text).map(|rules| Self { rules, digest: crate::codec::sha256(text.as_bytes()) })
    }

    /// SHA-256 over the text it was read from: which policy decided, for whoever keeps a decision.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// What it accepts, as the end of a refusal: "avocado, salak; sapodilla made inside the element". Empty if nothing.
    pub fn accepted_in_words(&self) -> String {
        let first = self.rules.iter().position(|rule| rule.then != Verdict::Accept);
        let accepting = self.rules.iter().enumerate().filter(|(_, rule)| rule.then == Verdict::Accept);
        // A rule that names no method takes what the rules above it left over.
        let in_words = |(i, rule): (usize, &Rule)| match first.is_some_and(|first| first < i) && rule.names_no_method() {
            true => format!("{} that no earlier rule decides", rule.in_words()),
            false => rule.in_words(),
        };
        accepting.map(in_words).collect::<Vec<_>>().join("; ")
    }

    /// Its rules in their order, each in a line: "accept by 'made-in-the-device': avocado, salak".
    pub fn rules_in_words(&self) -> Vec<String> {
        self.rules.iter().map(|rule| format!("{} by '{}': {}", rule.then.name(), rule.name, rule.in_words())).collect()
    }

    pub(super) fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

impl Rule {
    pub(super) fn new(name: &str, conditions: Vec<Condition>, then: Verdict) -> Self {
        Self { name: name.to_owned(), conditions, then }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn verdict(&self) -> Verdict {
        self.then
    }

    /// Ok: which conditions held. Err: the first that did not.
    pub(super) fn test(&self, statement: Option<&ProvenanceStatement>) -> Result<String, String> {
        let held: Vec<String> = self.conditions.iter().map(|condition| condition.test(statement)).collect::<Result<_, _>>()?;
        match held.is_empty() {
            true => Ok("it has no conditions".to_owned()),
            false => Ok(held.join(", ")),
        }
    }

    /// Whether it says for which status it is meant.
    pub(super) fn lists_status(&self) -> bool {
        self.conditions.iter().any(|condition| matches!(condition, Condition::Status(_)))
    }

    fn names_no_method(&self) -> bool {
        self.conditions.iter().all(|condition| condition.subject_in_words().is_none())
    }

    fn in_words(&self) -> String {
        let subject = self.conditions.iter().find_map(Condition::subject_in_words).unwrap_or_else(|| "any method".to_owned());
        let restrictions: Vec<String> = self.conditions.iter().filter_map(Condition::restriction_in_words).collect();
        match restrictions.is_empty() {
            true => subject,
            false => format!("{subject} {}", restrictions.join(" and ")),
        }
    }
}

#[cfg(test)]
mod tests;
