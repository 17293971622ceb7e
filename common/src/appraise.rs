//! The one rule by which both sides judge provenance: an owner's [`Policy`], rule by rule, the first that matches decides.
//!
//! No method is better than another here: a policy lists what its owner accepts, and what no rule accepts is refused.

mod case;
mod condition;
mod facts;
mod glob;
mod judging;
mod ldevid_key;
mod parse;
mod policy;
mod view;

use core::time::Duration;

use serde::{Deserialize, Serialize};

pub use case::{Case, HistoryFindings, MasaFindings, ReceiptFinding};
pub use facts::{Facts, Rehearsal, RehearsalError, Supposition, rehearse};
pub use judging::{NOTHING_ELSE_MATCHED, WARNED};
pub use ldevid_key::{KeyAppraisal, KeyDemands, KeyFinding, KeyResult};
pub use policy::{Mode, Policy, PolicyError};

use self::judging::{Judged, judge};
use self::view::View;
use crate::provenance::Method;
use crate::refusal::Refusal;
use crate::time::UnixTime;

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
    /// Which conditions of that rule held beside that on the method.
    because: String,
    accepted: String,
    trace: Vec<TraceStep>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warned: Option<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    objection: Option<Objection>,
}

/// What refuses a pledge although a rule would admit it, unless that rule lists it. Each with its sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Objection {
    Disputed(String),
    AuditLog(String),
}

impl Objection {
    const DISPUTED: &'static str = "disputed-record";
    const AUDIT_LOG: &'static str = "audit-log";

    /// Its name in traces.
    fn rule(&self) -> &'static str {
        match self {
            Self::Disputed(_) => Self::DISPUTED,
            Self::AuditLog(_) => Self::AUDIT_LOG,
        }
    }

    fn sentence(&self) -> &str {
        match self {
            Self::Disputed(sentence) | Self::AuditLog(sentence) => sentence,
        }
    }

    fn refusal(&self) -> Refusal {
        match self {
            Self::Disputed(sentence) => Refusal::StatementVoid(sentence.clone()),
            Self::AuditLog(sentence) => Refusal::AuditLogUnacceptable(sentence.clone()),
        }
    }
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

    /// What the rules decided, if it was no acceptance and the policy only warns, so that the verdict is accept nevertheless.
    pub fn warned(&self) -> Option<Verdict> {
        self.warned
    }

    /// Every rule that was tried, in order, and what overruled the last; the last one decided.
    pub fn trace(&self) -> &[TraceStep] {
        &self.trace
    }

    /// Turns an acceptance into its proof. `wait` is what a pledge is told whose case waits for a person.
    ///
    /// # Errors
    /// [`Refusal::Pending`] for hold, [`Refusal::ProvenanceUnacceptable`] for refuse; [`Refusal::StatementVoid`] for a record that its manufacturer disputes and
    /// [`Refusal::AuditLogUnacceptable`] for such a history, where no rule that admits lists that.
    pub fn permit(&self, wait: Duration) -> Result<Accepted, Refusal> {
        let rule = self.rule.clone();
        if let Some(objection) = &self.objection {
            return Err(objection.refusal());
        }
        match self.verdict {
            Verdict::Accept => Ok(Accepted { appraisal: self.clone() }),
            Verdict::Hold => Err(Refusal::Pending { reason: self.hold_in_words(), wait }),
            Verdict::Refuse => Err(Refusal::ProvenanceUnacceptable { rule, found: self.found, because: self.because.clone(), accepted: self.accepted.clone() }),
        }
    }

    fn hold_in_words(&self) -> String {
        let found = Method::in_words(&self.found);
        match self.because.as_str() {
            "" => format!("rule '{}' holds {found} for a person to decide", self.rule),
            because => format!("rule '{}' holds {found} where {because} for a person to decide", self.rule),
        }
    }

    /// Turns an acceptance into its proof, and likewise a hold on which somebody entitled has said yes: whoever calls has made sure of that, and that it was said
    /// of this pledge, this rule and this statement.
    ///
    /// # Errors
    /// As [`permit`](Self::permit) for refuse: what a policy refuses, no person admits without changing the policy.
    pub fn permit_approved(&self) -> Result<Accepted, Refusal> {
        match self.verdict {
            Verdict::Accept | Verdict::Hold => Ok(Accepted { appraisal: self.clone() }),
            Verdict::Refuse => self.permit(Duration::ZERO),
        }
    }
}

/// Judges what is known of a pledge and of how its key came to be. Without a statement only rules that say so can accept; what the MASA has not said counts as absent.
///
/// # Errors
/// [`Refusal::StatementMismatch`] if the statement speaks of another device or key, [`Refusal::StatementVoid`] if it has expired or its manufacturer has
/// marked the key as compromised: no policy can accept those, in either mode.
pub fn appraise(policy: &Policy, case: &Case<'_>, now: UnixTime) -> Result<Appraisal, Refusal> {
    decided(policy, &View::complete(case), now)
}

/// Whether a pledge that the MASA has not been asked about yet need not be asked about: no answer could make this policy accept or hold it.
///
/// # Errors
/// What the policy will say of it then, as [`appraise`] and [`Appraisal::permit`].
pub fn still_hopeful(policy: &Policy, case: &Case<'_>, now: UnixTime) -> Result<(), Refusal> {
    foresee(policy, case, now)?.map_or(Ok(()), |appraisal| appraisal.permit(Duration::ZERO).map(|_| ()))
}

/// The appraisal that refuses this pledge whatever the MASA, which has not been asked about it, would answer; none if an answer could make the policy accept or
/// hold it.
///
/// # Errors
/// As [`appraise`].
pub fn foresee(policy: &Policy, case: &Case<'_>, now: UnixTime) -> Result<Option<Appraisal>, Refusal> {
    hopeless(policy, &View::complete(case), now)
}

fn decided(policy: &Policy, view: &View<'_>, now: UnixTime) -> Result<Appraisal, Refusal> {
    match judge(policy, view, now)? {
        Judged::Decided(appraisal) => Ok(appraisal),
        // Nothing is open once the MASA's word is in, so that this is not reached; if it were, nobody would pass.
        Judged::Open => Err(Refusal::Pending { reason: "the MASA has not been asked".to_owned(), wait: Duration::ZERO }),
    }
}

fn hopeless(policy: &Policy, view: &View<'_>, now: UnixTime) -> Result<Option<Appraisal>, Refusal> {
    match judge(policy, &view.early(), now)? {
        Judged::Open => Ok(None),
        Judged::Decided(appraisal) => Ok(Some(appraisal).filter(|appraisal| appraisal.verdict == Verdict::Refuse)),
    }
}

#[cfg(test)]
mod tests;
