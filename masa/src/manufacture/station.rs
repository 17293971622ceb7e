//! Who may report a manufacture, for how long, and on whose word it may let a report stand.

use brski_common::provenance::{Basis, Text};
use brski_common::time::to_rfc3339;
use brski_common::{EnrolledKey, UnixTime, VerifyError};

/// A station at the assembly line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Station {
    /// The key that signs its reports.
    pub key: EnrolledKey,
    /// Every basis that it may claim. One that evidence can ground takes such evidence in the report as well, unless it may do [without](Self::without_evidence); that of witnesses is
    /// the manufacturer's trust in this station.
    pub bases: Vec<Basis>,
    /// Whether it may claim what is attested without showing the evidence: the manufacturer's trust in this station, which has to have seen the attestation itself. What it shows
    /// is appraised nevertheless, and must not contradict the report.
    pub without_evidence: bool,
    /// When its key expires; none if it does not.
    pub not_after: Option<UnixTime>,
    /// That its key was taken out of use.
    pub withdrawn: Option<Withdrawal>,
}

/// A station's key was taken out of use: nothing that it signed is recorded from then on, whenever it was signed. What is recorded stays; marking the station says more about that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// Since when.
    pub since: UnixTime,
    /// Why, in words.
    pub reason: Option<Text>,
}

impl Station {
    /// A station that may claim no more than its own signature proves: `self-declared` and `station-signed`.
    pub fn new(key: EnrolledKey) -> Self {
        Self { key, bases: vec![Basis::SelfDeclared, Basis::StationSigned], without_evidence: false, not_after: None, withdrawn: None }
    }

    /// Whether what it signed is accepted now. The time of signing would be its own word, which a stolen key can give as well.
    pub(super) fn check_in_use(&self, artefact: &'static str, now: UnixTime) -> Result<(), VerifyError> {
        let retired = |detail| Err(VerifyError::KeyRetired { artefact, name: self.key.name.clone(), detail });
        match (&self.withdrawn, self.not_after) {
            (Some(withdrawal), _) if withdrawal.since <= now => {
                let reason = withdrawal.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
                retired(format!(
                    "was withdrawn on {}{reason}; withdrawn under its entry of [[stations]] in the MASA's configuration says so",
                    to_rfc3339(withdrawal.since)
                ))
            }
            (_, Some(not_after)) if not_after < now => {
                retired(format!("expired on {}; not-after under its entry of [[stations]] in the MASA's configuration says so", to_rfc3339(not_after)))
            }
            (Some(_) | None, Some(_) | None) => Ok(()),
        }
    }
}
