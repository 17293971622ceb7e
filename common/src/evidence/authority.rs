//! Whose evidence counts, and for what.

use crate::certificate::Certificate;
use crate::chain::{Anchors, Usage};
use crate::error::VerifyError;
use crate::provenance::{Basis, Locus};
use crate::time::UnixTime;

/// Somebody whose modules' word counts: a TPM vendor, the maker of an HSM or of secure elements, an auditor. Configured, never learned.
#[derive(Clone, Debug)]
pub struct Authority {
    /// The name that records and sentences give it.
    pub name: String,
    /// Above the certificates that sign evidence.
    pub anchors: Anchors,
    /// The basis that its evidence is: `key-attestation` for what devices hold, `hsm-attested` for the factory's own module, and so on.
    pub basis: Basis,
    /// Where keys live that it attests, if that is always the same: what tells a firmware TPM (avocado) from a discrete one (salak).
    pub locus: Option<Locus>,
}

/// All that are configured; none by default.
#[derive(Clone, Debug, Default)]
pub struct Authorities(Vec<Authority>);

impl Authorities {
    /// These.
    pub fn new(authorities: impl IntoIterator<Item = Authority>) -> Self {
        Self(authorities.into_iter().collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each.
    pub fn iter(&self) -> impl Iterator<Item = &Authority> {
        self.0.iter()
    }

    /// Whose certificate this is: the first authority to whose anchors a path leads from `signer` through `pool`.
    ///
    /// # Errors
    /// [`VerifyError`] of the last authority that was tried, or that none is configured.
    pub fn vouching(&self, signer: &Certificate, pool: &[Certificate], now: UnixTime) -> Result<&Authority, VerifyError> {
        let none = || VerifyError::NoPath { subject: signer.subject().to_owned(), detail: "no authority for evidence is configured".to_owned() };
        let mut refused = None;
        for authority in &self.0 {
            match authority.anchors.verify_path(signer, pool, Usage::Any, now) {
                Ok(_) => return Ok(authority),
                Err(err) => refused = Some(err),
            }
        }
        Err(refused.unwrap_or_else(none))
    }
}
