//! What somebody has before them who decides about a pledge, so that what they say can be held against it.

use core::fmt;
use core::str::FromStr;

use brski_common::sign::Hash;
use brski_common::text::{LONGEST_WORDS, printable};
use serde::{Deserialize, Serialize};

use super::HeldBy;
use crate::trail::{Decision, PledgeFile};

/// Which question stands in a pledge's file: the first eight octets of SHA-256 over what persons are shown, in hex.
///
/// That is the pledge's key, what holds it (rule, policy, record, findings), which rules the policy tried and what they decided, and who refused it, if somebody did. How long it
/// has waited and who else approved it makes no other question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct QuestionDigest([u8; 8]);

impl QuestionDigest {
    /// The one that stands in this file.
    pub fn of(file: &PledgeFile) -> Self {
        let decision = file.decision.as_deref().map(|decision| {
            // Not the reasons in words: how old a statement is changes by itself.
            let tried: Vec<_> = decision.trace.iter().map(|step| (&step.rule, step.matched)).collect();
            (&decision.policy, decision.verdict, &decision.rule, tried)
        });
        let shown = serde_json::to_vec(&(DOMAIN, file.pledge.key, &file.held, decision, &file.disapproval)).unwrap_or_default();
        let mut first = [0; 8];
        first.iter_mut().zip(Hash::Sha256.of(&shown)).for_each(|(octet, digest)| *octet = digest);
        Self(first)
    }
}

impl fmt::Display for QuestionDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl From<QuestionDigest> for String {
    fn from(question: QuestionDigest) -> Self {
        question.to_string()
    }
}

/// What is no question's digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a question is 16 hexadecimal digits, as `pledges show` tells them")]
pub struct NoQuestion;

impl FromStr for QuestionDigest {
    type Err = NoQuestion;

    fn from_str(text: &str) -> Result<Self, NoQuestion> {
        // A sign is no digit, though the reader of numbers takes one.
        match text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            true => Ok(Self(u64::from_str_radix(text, 16).map_err(|_| NoQuestion)?.to_be_bytes())),
            false => Err(NoQuestion),
        }
    }
}

impl TryFrom<String> for QuestionDigest {
    type Error = NoQuestion;

    fn try_from(text: String) -> Result<Self, NoQuestion> {
        text.parse()
    }
}

/// In what the question in one file is another than in the file of the same pledge earlier, in words.
pub(crate) fn changes(before: &PledgeFile, now: &PledgeFile) -> String {
    let mut changes = Vec::new();
    match (&before.held, &now.held) {
        (Some(before), Some(now)) => changes.extend(held_otherwise(before, now)),
        (None, Some(now)) => changes.push(format!("rule '{}' holds it", words(&now.rule))),
        (Some(_), None) => changes.push("the policy does not hold it any more".to_owned()),
        (None, None) => {}
    }
    changes.extend(decided_otherwise(before.decision.as_deref(), now.decision.as_deref(), !changes.is_empty()));
    match (&before.disapproval, &now.disapproval) {
        (before, Some(by)) if before.as_ref() != Some(by) => changes.push(format!("{} refused it", words(&by.name))),
        (Some(_), None) => changes.push("no person refuses it any more".to_owned()),
        (_, Some(_)) | (None, None) => {}
    }
    match changes.is_empty() {
        true => "what was judged is told otherwise".to_owned(),
        false => changes.join(", "),
    }
}

fn held_otherwise(before: &HeldBy, now: &HeldBy) -> Vec<String> {
    let mut changes = Vec::new();
    if before.rule != now.rule {
        changes.push(format!("rule '{}' holds it, and no longer '{}'", words(&now.rule), words(&before.rule)));
    }
    for (differs, what) in [
        (before.policy != now.policy, "the policy is another"),
        (before.record != now.record, "the manufacturer's record of its key is another"),
        (before.findings != now.findings, "what its MASA says of it, or its receipt, is another"),
    ] {
        changes.extend(differs.then(|| what.to_owned()));
    }
    changes
}

fn decided_otherwise(before: Option<&Decision>, now: Option<&Decision>, told: bool) -> Option<String> {
    let outcome = |decision: Option<&Decision>| decision.map(|decision| (decision.verdict, decision.rule.clone()));
    match (outcome(before) == outcome(now), now) {
        (false, Some(now)) => Some(format!("rule '{}' says {}", words(&now.rule), now.verdict.name())),
        (false, None) => Some("the policy has not judged it".to_owned()),
        (true, _) => (!told && before.map(|decision| &decision.policy) != now.map(|decision| &decision.policy)).then(|| "the policy is another".to_owned()),
    }
}

fn words(text: &str) -> String {
    printable(text, LONGEST_WORDS)
}

/// What is hashed for this is hashed for nothing else.
const DOMAIN: &str = "brski-registrar question";
