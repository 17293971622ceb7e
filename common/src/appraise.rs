//! The one rule by which both sides judge provenance: an owner's [`Policy`], rule by rule, the first that matches decides.
//!
//! No method is better than another here: a policy lists what its owner accepts, and what no rule accepts is refused.

mod condition;
mod parse;
mod policy;

use core::time::Duration;

use serde::{Deserialize, Serialize};

pub use policy::{Policy, PolicyError};

use crate::certificate::IDevIdCert;
use crate::provenance::{Method, ProvenanceStatement, Status};
use crate::refusal::Refusal;
use crate::signed::Verified;
use crate::time::{UnixTime, to_rfc3339};

/// What a rule, and thereby a policy, decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The pledge may enroll.
    Accept,
    /// A person must look at it first.
    Hold,
    /// The pledge may not enroll.
    Refuse,
}

impl Verdict {
    /// `accept`, `hold` or `refuse`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Hold => "hold",
            Self::Refuse => "refuse",
        }
    }
}

/// What a policy made of one pledge, and why. Made by [`appraise`] alone: it can be written down but not read back, as its steps can.
///
/// ```
/// # use brski_common::appraise::{Appraisal, TraceStep};
/// fn read_back(written: &str) -> Option<TraceStep> {
///     serde_json::from_str::<TraceStep>(written).ok()
/// }
/// ```
///
/// ```compile_fail,E0277
/// # use brski_common::appraise::{Appraisal, TraceStep};
/// fn read_back(written: &str) -> Option<Appraisal> {
///     serde_json::from_str::<Appraisal>(written).ok()
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Appraisal {
    verdict: Verdict,
    rule: String,
    found: Option<Method>,
    accepted: String,
    trace: Vec<TraceStep>,
}

/// One rule that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceStep {
    /// Its name.
    pub rule: String,
    /// Whether it matched, and so decided.
    pub matched: bool,
    /// Which conditions held, or the first that did not, in words.
    pub because: String,
}

/// Proof that a policy accepted a pledge's provenance. Made by [`Appraisal::permit`] alone.
///
/// ```
/// # use brski_common::{Accepted, Appraisal, Refusal};
/// fn prove(appraisal: Appraisal) -> Result<Accepted, Refusal> {
///     appraisal.permit(core::time::Duration::ZERO)
/// }
/// ```
///
/// ```compile_fail,E0451
/// # use brski_common::{Accepted, Appraisal, Refusal};
/// fn prove(appraisal: Appraisal) -> Result<Accepted, Refusal> {
///     Ok(Accepted { appraisal })
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    appraisal: Appraisal,
}

impl Accepted {
    /// The appraisal that accepted it.
    pub fn appraisal(&self) -> &Appraisal {
        &self.appraisal
    }
}

impl Appraisal {
    /// What was decided.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The rule that decided.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The method that the statement names; none without a statement.
    pub fn found(&self) -> Option<Method> {
        self.found
    }

    /// Every rule that was tried, in order; the last one decided.
    pub fn trace(&self) -> &[TraceStep] {
        &self.trace
    }

    /// Turns an acceptance into its proof. `wait` is what a pledge is told whose case waits for a person.
    ///
    /// # Errors
    /// [`Refusal::Pending`] for hold, [`Refusal::ProvenanceUnacceptable`] for refuse.
    pub fn permit(&self, wait: Duration) -> Result<Accepted, Refusal> {
        let rule = self.rule.clone();
        match self.verdict {
            Verdict::Accept => Ok(Accepted { appraisal: self.clone() }),
            Verdict::Hold => Err(Refusal::Pending { reason: format!("rule '{rule}' holds {} for a person to decide", Method::in_words(&self.found)), wait }),
            Verdict::Refuse => Err(Refusal::ProvenanceUnacceptable { rule, found: self.found, accepted: self.accepted.clone() }),
        }
    }
}

/// Judges what is known of a pledge's key. `None`: there is no statement, which only rules that say so can accept.
///
/// # Errors
/// [`Refusal::StatementMismatch`] if the statement speaks of another device or key, [`Refusal::StatementVoid`] if it has expired or its manufacturer has
/// marked the key as compromised: no policy can accept those. So it is if the manufacturer disputes the record, unless the rule that decides lists that status.
pub fn appraise(policy: &Policy, idevid: &IDevIdCert, statement: Option<&Verified<ProvenanceStatement>>, now: UnixTime) -> Result<Appraisal, Refusal> {
    judge(policy, idevid, statement.map(Verified::get), now)
}

fn judge(policy: &Policy, idevid: &IDevIdCert, statement: Option<&ProvenanceStatement>, now: UnixTime) -> Result<Appraisal, Refusal> {
    if let Some(statement) = statement {
        statement.check_binding(idevid)?;
        usable(statement, now)?;
    }

    let mut trace = Vec::new();
    let mut verdict = None;
    let mut undecided = None;
    for rule in policy.rules() {
        let mut outcome = rule.test(statement);
        // A rule that was written with keys in mind that their maker stands by admits no other.
        if outcome.is_ok() && is_disputed(statement) && !rule.lists_status() && rule.verdict() != Verdict::Refuse {
            undecided = undecided.or(Some(rule.name()));
            outcome = Err("status is disputed, which this rule does not list".to_owned());
        }
        let matched = outcome.is_ok();
        trace.push(TraceStep { rule: rule.name().to_owned(), matched, because: outcome.unwrap_or_else(|why_not| why_not) });
        if matched {
            verdict = Some((rule.verdict(), rule.name().to_owned()));
            break;
        }
    }
    let admits = matches!(verdict, Some((Verdict::Accept | Verdict::Hold, _)));
    if let Some(rule) = undecided.filter(|_| !admits) {
        return Err(Refusal::StatementVoid(format!(
            "its manufacturer disputes the record behind it; rule '{rule}' would decide if it listed status = [\"valid\", \"disputed\"]"
        )));
    }
    let (verdict, rule) = verdict.unwrap_or_else(|| {
        trace.push(TraceStep { rule: NOTHING_ELSE_MATCHED.to_owned(), matched: true, because: "no rule of the policy matched".to_owned() });
        (Verdict::Refuse, NOTHING_ELSE_MATCHED.to_owned())
    });
    Ok(Appraisal { verdict, rule, found: statement.map(|s| s.method), accepted: policy.accepted_in_words(), trace })
}

fn usable(statement: &ProvenanceStatement, now: UnixTime) -> Result<(), Refusal> {
    if let Some(expiry) = statement.expires_at.filter(|expiry| *expiry <= now) {
        return Err(Refusal::StatementVoid(format!("it expired at {}", to_rfc3339(expiry))));
    }
    match statement.status {
        Status::Valid | Status::Disputed => Ok(()),
        Status::Compromised => Err(Refusal::StatementVoid("its manufacturer has marked the key as compromised".to_owned())),
    }
}

fn is_disputed(statement: Option<&ProvenanceStatement>) -> bool {
    match statement.map(|said| said.status) {
        Some(Status::Disputed) => true,
        Some(Status::Valid | Status::Compromised) | None => false,
    }
}

/// Name of the built-in last rule, which refuses.
pub const NOTHING_ELSE_MATCHED: &str = "nothing-else-matched";

#[cfg(test)]
mod tests;
