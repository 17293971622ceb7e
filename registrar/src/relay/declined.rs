//! A "no" or "not yet" of journey 2, with what the trail keeps of it.

use core::time::Duration;

use brski_common::appraise::{Appraisal, Facts};
use brski_common::{Policy, Refusal};

use crate::approval::HeldBy;
use crate::error::Error;
use crate::trail::Decision;

/// Why a pledge is not taken in, or not yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Declined {
    /// The reason, as its peer hears it.
    pub refusal: Refusal,
    /// What the policy said, if it was asked.
    pub decision: Option<Box<Decision>>,
    /// What a person could approve, if the policy holds.
    pub held: Option<Box<HeldBy>>,
}

impl Declined {
    /// A "no" that the MASA's answer would not change.
    pub(crate) fn early(policy: &Policy, appraisal: &Appraisal, facts: Facts) -> Option<Self> {
        let refusal = appraisal.permit(Duration::ZERO).err()?;
        Some(Self { refusal, decision: Some(Box::new(Decision::new(policy.digest(), appraisal, facts))), held: None })
    }

    pub(crate) fn by_policy(refusal: Refusal, policy: &Policy, appraisal: &Appraisal, facts: Facts, held: HeldBy) -> Self {
        let held = matches!(refusal, Refusal::Pending { .. }).then(|| Box::new(held));
        Self { refusal, decision: Some(Box::new(Decision::new(policy.digest(), appraisal, facts))), held }
    }
}

impl From<Refusal> for Declined {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, decision: None, held: None }
    }
}

impl From<Declined> for Error {
    fn from(declined: Declined) -> Self {
        Self::Refused(declined.refusal)
    }
}
