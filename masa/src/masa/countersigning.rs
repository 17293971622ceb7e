//! Third-party audits of what is on record.

use brski_common::evidence::{Expected, Outcome, appraise};
use brski_common::provenance::Text;
use brski_common::{DecodeError, DeviceId, Refusal};

use super::{Masa, random};
use crate::error::Error;
use crate::manufacture::audit;

/// What became of a countersignature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Countersigned {
    /// Index of the entry of the record that rests on it; `None` if the ledger had it already.
    pub index: Option<u64>,
}

impl Masa {
    /// Adds an auditor's countersignature, a COSE_Sign1, to what is on record of a device. From then on the record's basis is third-party-audit; `by` is on whose word it is added.
    ///
    /// # Errors
    /// [`Error::Refused`] if the device is unknown, if no auditor among the [authorities](Self::with_authorities) made it, or if it is of another key, record or report;
    /// [`Error::Ledger`].
    pub async fn countersign(&self, device: &DeviceId, message: Vec<u8>, by: &Text) -> Result<Countersigned, Error> {
        let now = self.0.clock.now();
        let known = self.known(device).await?;
        let evidence = audit::evidence(message).map_err(|err: DecodeError| Refusal::Inconsistent(err.to_string()))?;
        let expected = Expected { key: &known.idevid().certificate().public_key(), nonce: None };
        let outcome = appraise(&evidence, &expected, &self.2, now).into_iter().next().map_or(Outcome::Unknown, |one| one.outcome);
        let entries = audit::evaluate(&known, &evidence, &outcome, by, random()?, now)?.into_entries();
        if entries.is_empty() {
            return Ok(Countersigned { index: None });
        }
        Ok(Countersigned { index: Some(self.0.ledger.append(entries).await?.start) })
    }
}
