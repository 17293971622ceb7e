//! A person's yes to a pledge that the policy holds.

mod person;
mod question;

use brski_common::appraise::{Appraisal, Case, Facts, MasaFindings, ReceiptFinding, Verdict};
use brski_common::sign::Hash;
use brski_common::{Leniencies, Policy, Refusal, SerialNumber, SpkiDigest};
use serde::{Deserialize, Serialize};

pub use self::person::{Person, Unfit, Via};
pub(crate) use self::question::changes;
pub use self::question::{NoQuestion, QuestionDigest};
use crate::trail::{PledgeFile, State};

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
    /// That these persons approved what was held. Each counts once, by name, however it is written.
    pub fn of(held: HeldBy, persons: impl IntoIterator<Item = Person>) -> Self {
        let mut approval = Self { held, persons: Vec::new() };
        for person in persons {
            if approval.persons.iter().all(|other| !other.is_same_as(&person)) {
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
        let record = case.statement.map(|statement| statement.get().record.0);
        Self::made(policy, case.idevid.spki_digest(), appraisal.rule(), record, (case.receipt, case.word))
    }

    /// The same of what was kept of a pledge, for a rehearsal. None if that cannot be read.
    fn of_facts(policy: &Policy, pledge: SpkiDigest, facts: &Facts, rule: &str) -> Option<Self> {
        let statement = facts.statement().ok()?.map(|statement| statement.peek_unverified(Leniencies::default())).transpose().ok()?;
        let record = statement.map(|statement| statement.record.0);
        Some(Self::made(policy, pledge, rule, record, (facts.receipt, facts.word.as_ref())))
    }

    fn made(policy: &Policy, pledge: SpkiDigest, rule: &str, record: Option<[u8; 32]>, findings: (ReceiptFinding, Option<&MasaFindings>)) -> Self {
        let hex = |digest: [u8; 32]| SpkiDigest(digest).to_string();
        let findings = serde_json::to_vec(&findings).ok();
        Self {
            pledge,
            rule: rule.to_owned(),
            record: record.map(hex),
            policy: Some(hex(*policy.digest())),
            findings: findings.and_then(|findings| Hash::Sha256.of(&findings).try_into().ok()).map(hex),
        }
    }
}

/// What becomes of a pledge under a policy that is rehearsed, with what persons said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rehearsed {
    /// Accept also for a pledge that the policy holds and that was approved; refuse for one that a person refused.
    pub outcome: Verdict,
    /// Who said what, and whether it counts; none if nobody said anything that matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persons: Option<String>,
}

impl Rehearsed {
    /// Of a pledge of which `policy` decides this by this rule, judging what was kept in its file. The owner demands `needed` persons.
    ///
    /// The approval counts that is in force: for a pledge that was admitted on it as long as that stands, else for four days, as of when the pledge was last seen.
    pub fn new(file: &PledgeFile, policy: &Policy, verdict: Verdict, rule: &str, needed: usize) -> Self {
        if let Some(by) = &file.disapproval {
            return Self { outcome: Verdict::Refuse, persons: Some(format!("{} refused it", by.name)) };
        }
        let Some(approval) = in_force(file).filter(|_| verdict == Verdict::Hold) else { return Self { outcome: verdict, persons: None } };
        let names = approval.persons().iter().map(|person| person.name.as_str()).collect::<Vec<_>>().join(" and ");
        let asked = file.decision.as_ref().and_then(|decision| HeldBy::of_facts(policy, file.pledge.key, &decision.facts, rule));
        let (outcome, persons) = match asked {
            Some(asked) if approval.covers(&asked, needed) => (Verdict::Accept, format!("approved by {names}")),
            Some(asked) if approval.held == asked => (verdict, format!("approved by {names}, which is {} of {needed}", approval.persons().len())),
            _ => (verdict, format!("what {names} approved was another rule, policy or record, and does not count")),
        };
        Self { outcome, persons: Some(persons) }
    }

    /// What became of it by the decision that is on record.
    pub fn on_record(file: &PledgeFile, verdict: Verdict, needed: usize) -> Verdict {
        let approved = || in_force(file).is_some_and(|approval| approval.persons().len() >= needed.max(1));
        match verdict {
            _ if file.disapproval.is_some() => Verdict::Refuse,
            Verdict::Hold if approved() => Verdict::Accept,
            Verdict::Accept | Verdict::Hold | Verdict::Refuse => verdict,
        }
    }
}

fn in_force(file: &PledgeFile) -> Option<Approval> {
    match file.state {
        State::Admitted | State::Enrolled => file.approval(),
        State::Held | State::Deferred | State::Refused | State::Revoked => file.approval_at(file.last_seen),
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
