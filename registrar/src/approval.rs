//! A person's yes to a pledge that the policy holds.

use core::time::Duration;

use brski_common::appraise::{Appraisal, Case};
use brski_common::sign::Hash;
use brski_common::time::rfc3339;
use brski_common::{Policy, Refusal, SerialNumber, SpkiDigest, UnixTime};
use serde::{Deserialize, Serialize};

/// Somebody who said yes or no to a held pledge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Person {
    /// Who: the name of a credential, or what the command line was told.
    pub name: String,
    /// Why, in their words.
    pub why: String,
    /// When.
    #[serde(with = "rfc3339")]
    pub at: UnixTime,
}

/// What exactly persons were asked about: a pledge that comes back with another statement or history, or that another rule or policy holds, is another question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HeldBy {
    /// The pledge's IDevID key.
    pub pledge: SpkiDigest,
    /// The rule that holds it.
    pub rule: String,
    /// Digest of the record that the statement is a view of, in hex; none if there was no statement. A record that was corrected or marked has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// SHA-256 over the policy, in hex: a rule of the same name may say something else by now. None if an older store did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// SHA-256 in hex over whatever else was looked at: what the MASA said and what the receipt is worth. None if an older store did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<String>,
}

/// That as many persons as the owner demands said yes to one held pledge. Made by [`Approval::of`], and by a store that kept what they said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    held: HeldBy,
    persons: Vec<Person>,
}

impl Approval {
    /// That these persons approved what was held. Each counts once, by name.
    pub fn of(held: HeldBy, persons: impl IntoIterator<Item = Person>) -> Self {
        let mut approval = Self { held, persons: Vec::new() };
        for person in persons {
            if approval.persons.iter().all(|other| other.name != person.name) {
                approval.persons.push(person);
            }
        }
        approval
    }

    /// What was approved.
    pub fn held(&self) -> &HeldBy {
        &self.held
    }

    /// Who approved, each once, in the order in which they did.
    pub fn persons(&self) -> &[Person] {
        &self.persons
    }

    /// Whether it is a yes, by at least `needed` persons, to what `appraisal` holds now.
    pub fn covers(&self, held: &HeldBy, needed: usize) -> bool {
        // Who was asked without its being known of what said yes to nothing.
        self.held == *held && held.policy.is_some() && held.findings.is_some() && self.persons.len() >= needed.max(1)
    }
}

impl HeldBy {
    /// What a person is asked about if this policy's appraisal of this case holds.
    pub fn new(policy: &Policy, case: &Case<'_>, appraisal: &Appraisal) -> Self {
        let hex = |digest: [u8; 32]| SpkiDigest(digest).to_string();
        let findings = serde_json::to_vec(&(case.receipt, case.word)).ok();
        Self {
            pledge: case.idevid.spki_digest(),
            rule: appraisal.rule().to_owned(),
            record: case.statement.map(|statement| hex(statement.get().record.0)),
            policy: Some(hex(*policy.digest())),
            findings: findings.and_then(|findings| Hash::Sha256.of(&findings).try_into().ok()).map(hex),
        }
    }
}

/// Somebody decided against a pledge.
pub(crate) fn refused_by_person(serial: &SerialNumber) -> Refusal {
    // Who, and in which words, is the owner's business; the pledge's installer is told whom to ask.
    Refusal::NotApproved { serial: serial.clone(), why: "its owner decided against it; `brski-registrar pledges show` tells who and why".to_owned() }
}

/// Nobody decided while the pledge waited.
pub(crate) fn undecided(serial: &SerialNumber) -> Refusal {
    Refusal::NotApproved { serial: serial.clone(), why: "nobody decided within four days, which is how long a pledge waits (RFC 8995, section 5.6)".to_owned() }
}

/// How long a pledge repeats its request, "longer than a long weekend" (RFC 8995, section 5.6), and how long a person's yes counts.
pub const LONGEST_WAIT: Duration = Duration::from_secs(4 * 86_400);
