//! What a rule can ask, by what it asks about: the device, its statement, or the MASA's word.

mod answers;
mod device;
mod masa;
mod statement;
mod wider;
mod words;

pub(super) use answers::{Answer, Kind, Wanted, minutes};
pub(super) use device::AboutDevice;
pub(super) use masa::{AboutMasa, LogWord, assertion_name};
pub(super) use statement::{AboutStatement, Made, Place, Received, evidence_name};
pub(super) use words::told;

use super::view::View;
use crate::time::UnixTime;

/// One condition of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Device(AboutDevice),
    Statement(AboutStatement),
    Masa(AboutMasa),
}

/// What became of a condition or a rule, each in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It holds, and how.
    Holds(String),
    /// It does not, and why.
    Fails(String),
    /// The MASA's answer decides.
    Open(String),
}

impl Condition {
    pub(super) fn test(&self, view: &View<'_>, now: UnixTime) -> Outcome {
        match self {
            Self::Device(condition) => condition.test(view),
            Self::Statement(condition) => condition.test(view, now),
            Self::Masa(condition) => condition.test(view.word),
        }
    }

    /// What a policy accepts by this condition, if it tells the kind: "avocado, salak".
    pub(super) fn subject_in_words(&self) -> Option<String> {
        match self {
            Self::Statement(condition) => condition.subject_in_words(),
            Self::Device(_) | Self::Masa(_) => None,
        }
    }

    /// How this condition narrows what a policy accepts: "made inside the element".
    pub(super) fn restriction_in_words(&self) -> Option<String> {
        match self {
            Self::Device(condition) => Some(condition.restriction_in_words()),
            Self::Statement(condition) => condition.restriction_in_words(),
            Self::Masa(condition) => Some(condition.restriction_in_words()),
        }
    }
}

impl Outcome {
    /// `found` if it holds, else also what was wanted instead.
    fn decide(holds: bool, found: String, wanted: &str) -> Self {
        match holds {
            true => Self::Holds(found),
            false => Self::Fails(format!("{found}, not {wanted}")),
        }
    }

    /// What fails today the MASA's answer may change.
    fn unless_answered(self, open: bool) -> Self {
        match self {
            Self::Fails(why) if open => Self::Open(format!("{why}, which the MASA's answer may change")),
            outcome => outcome,
        }
    }
}
