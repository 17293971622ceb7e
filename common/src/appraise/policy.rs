//! An owner's policy, read from TOML.

mod reach;

use std::collections::{BTreeMap, BTreeSet};

use super::condition::{AboutDevice, AboutStatement, Condition, LogWord, Outcome};
use super::parse::{self, Parsed};
use super::view::View;
use super::{KeyDemands, Verdict};
use crate::time::UnixTime;

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
    mode: Mode,
    rules: Vec<Rule>,
    overrides: BTreeMap<String, Override>,
    ldevid_key: KeyDemands,
    digest: [u8; 32],
}

/// What becomes of a pledge that the rules hold or refuse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// What they say.
    #[default]
    Enforce,
    /// It passes, and the appraisal says what would have become of it. What is refused unless a rule lists it stays refused.
    Warn,
}

impl Mode {
    /// `enforce` or `warn`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Warn => "warn",
        }
    }
}

/// What applies to one manufacturer's pledges: a mode instead of the policy's, rules before the policy's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Override {
    pub(super) mode: Option<Mode>,
    pub(super) rules: Vec<Rule>,
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
        let Parsed { mode, rules, overrides, ldevid_key } = parse::policy(text)?;
        Ok(Self { mode, rules, overrides, ldevid_key, digest: crate::codec::sha256(text.as_bytes()) })
    }

    /// SHA-256 over the text it was read from: which policy decided, for whoever keeps a decision.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// What becomes of this manufacturer's pledges that the rules hold or refuse.
    pub fn mode_for(&self, manufacturer: &str) -> Mode {
        self.overrides.get(manufacturer).and_then(|own| own.mode).unwrap_or(self.mode)
    }

    /// What becomes of those of a manufacturer that it does not name.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What it demands of the key that a certificate is asked for, whoever made the device.
    pub fn ldevid_key(&self) -> &KeyDemands {
        &self.ldevid_key
    }

    /// Manufacturers that it names, be it in a condition or with rules of their own: an owner may have misspelt one.
    pub fn manufacturers(&self) -> BTreeSet<&str> {
        let rules = self.overrides.values().flat_map(|own| &own.rules).chain(&self.rules);
        let named = rules.flat_map(|rule| &rule.conditions).filter_map(|condition| match condition {
            Condition::Device(AboutDevice::Manufacturer(names)) => Some(names),
            Condition::Device(AboutDevice::Model(_) | AboutDevice::Serial(_)) | Condition::Statement(_) | Condition::Masa(_) => None,
        });
        named.flatten().chain(self.overrides.keys()).map(String::as_str).collect()
    }

    /// What it accepts, as the end of a refusal: "avocado, salak; sapodilla made inside the element". Empty if nothing.
    pub fn accepted_in_words(&self) -> String {
        let own = self.overrides.iter().map(|(name, own)| (name, accepted(own.rules.iter()))).filter(|(_, words)| !words.is_empty());
        let own = own.map(|(name, words)| format!("from {name}: {words}"));
        Some(accepted(self.rules.iter())).into_iter().filter(|words| !words.is_empty()).chain(own).collect::<Vec<_>>().join("; ")
    }

    /// What it accepts from this manufacturer.
    pub(super) fn accepted_from(&self, manufacturer: &str) -> String {
        accepted(self.rules_for(manufacturer))
    }

    /// Its rules in their order, each in a line: "accept by 'made-in-the-device': avocado, salak". A manufacturer's own come before those for all.
    pub fn rules_in_words(&self) -> Vec<String> {
        let line = |rule: &Rule| format!("{} by '{}': {}", rule.then.name(), rule.name, rule.in_words());
        let own = self.overrides.iter().flat_map(|(name, own)| {
            let mode = own.mode.map(|mode| format!("from {name}: mode is {}", mode.name()));
            mode.into_iter().chain(own.rules.iter().map(move |rule| format!("from {name}: {}", line(rule)))).collect::<Vec<_>>()
        });
        own.chain(self.rules.iter().map(line)).collect()
    }

    /// The rules that this manufacturer's pledges are judged by, in order.
    pub(super) fn rules_for(&self, manufacturer: &str) -> impl Iterator<Item = &Rule> {
        self.overrides.get(manufacturer).map(|own| own.rules.as_slice()).unwrap_or_default().iter().chain(&self.rules)
    }
}

/// What these rules accept, in their order.
fn accepted<'a>(rules: impl Iterator<Item = &'a Rule>) -> String {
    let mut other_before = false;
    let in_words = |rule: &Rule| {
        other_before |= rule.then != Verdict::Accept;
        // A rule that names no method takes what the rules above it left over.
        let rest = if other_before && rule.names_no_method() { " that no earlier rule decides" } else { "" };
        (rule.then == Verdict::Accept).then(|| format!("{}{rest}", rule.in_words()))
    };
    rules.filter_map(in_words).collect::<Vec<_>>().join("; ")
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

    /// It holds if every condition does; it fails with the first that does; else the MASA's answer decides.
    pub(super) fn test(&self, view: &View<'_>, now: UnixTime) -> Outcome {
        let mut held = Vec::new();
        let mut open = None;
        for condition in &self.conditions {
            match condition.test(view, now) {
                Outcome::Holds(how) => held.push(how),
                Outcome::Fails(why) => return Outcome::Fails(why),
                Outcome::Open(why) => open = open.or(Some(why)),
            }
        }
        match (open, held.is_empty()) {
            (Some(why), _) => Outcome::Open(why),
            (None, true) => Outcome::Holds("it has no conditions".to_owned()),
            (None, false) => Outcome::Holds(held.join(", ")),
        }
    }

    /// Which of its conditions hold beside those that tell the kind, in words.
    pub(super) fn beside_the_method(&self, view: &View<'_>, now: UnixTime) -> String {
        let beside = self.conditions.iter().filter(|condition| condition.restriction_in_words().is_some());
        let held = beside.filter_map(|condition| match condition.test(view, now) {
            Outcome::Holds(how) => Some(how),
            Outcome::Fails(_) | Outcome::Open(_) => None,
        });
        held.collect::<Vec<_>>().join(" and ")
    }

    /// Whether it says for which status it is meant.
    pub(super) fn lists_status(&self) -> bool {
        self.conditions.iter().any(|condition| matches!(condition, Condition::Statement(AboutStatement::Status(_))))
    }

    /// Whether it says that it is meant for audit logs with this finding.
    pub(super) fn lists(&self, finding: LogWord) -> bool {
        self.conditions.iter().any(|condition| match condition {
            Condition::Masa(masa) => masa.lists(finding),
            Condition::Device(_) | Condition::Statement(_) => false,
        })
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
