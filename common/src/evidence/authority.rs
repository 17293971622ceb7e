//! Whose evidence counts, and for what.

use crate::certificate::Certificate;
use crate::chain::{Anchors, Usage};
use crate::codec::sha256;
use crate::error::VerifyError;
use crate::provenance::{Basis, Locus, Text};
use crate::time::{UnixTime, to_rfc3339};

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
    /// `unmarked-attestation-keys` in configurations, false if it is not said: whether a TPM's attestation key counts whose certificate does not say that it is one.
    ///
    /// Only a restricted key signs nothing but what its TPM made. Certificates say so by tcg-kp-AIKCertificate or tcg-cap-verifiedTPMRestricted. With `true`, whoever has a
    /// certificate below these anchors that names no usage can forge a TPM's word: say it of an authority alone that certifies attestation keys and nothing else.
    pub unmarked_attestation_keys: bool,
}

/// A key that signs no evidence any more that counts, whoever certified it: nothing of it is accepted from then on, whenever it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithdrawnSigner {
    /// A certificate of the key.
    pub certificate: Certificate,
    /// Since when.
    pub since: UnixTime,
    /// Why, in words.
    pub reason: Option<Text>,
}

/// All that are configured; none by default.
#[derive(Clone, Debug, Default)]
pub struct Authorities {
    authorities: Vec<Authority>,
    withdrawn: Vec<WithdrawnSigner>,
}

impl Authorities {
    /// These.
    pub fn new(authorities: impl IntoIterator<Item = Authority>) -> Self {
        Self { authorities: authorities.into_iter().collect(), withdrawn: Vec::new() }
    }

    /// The same, without what these keys sign, or what those sign that they certified.
    #[must_use]
    pub fn withdrawing(mut self, withdrawn: impl IntoIterator<Item = WithdrawnSigner>) -> Self {
        self.withdrawn.extend(withdrawn);
        self
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.authorities.is_empty()
    }

    /// Each.
    pub fn iter(&self) -> impl Iterator<Item = &Authority> {
        self.authorities.iter()
    }

    /// The certificate that is named by this SHA-256 thumbprint, where evidence carries none: an authority's own anchor, or one that was withdrawn.
    pub(super) fn certificate(&self, thumbprint: &[u8; 32]) -> Option<&Certificate> {
        let anchors = self.authorities.iter().flat_map(|authority| authority.anchors.certificates());
        anchors.chain(self.withdrawn.iter().map(|withdrawn| &withdrawn.certificate)).find(|certificate| sha256(certificate.der()) == *thumbprint)
    }

    /// That this certificate's key was withdrawn, and why, as a clause that begins with a verb; none if it may sign still.
    pub(super) fn withdrawal(&self, certificate: &Certificate, now: UnixTime) -> Option<String> {
        let withdrawn = self.withdrawn.iter().find(|withdrawn| withdrawn.since <= now && withdrawn.certificate.spki_digest() == certificate.spki_digest())?;
        let reason = withdrawn.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        Some(format!("was withdrawn on {}{reason}", to_rfc3339(withdrawn.since)))
    }

    /// Those whose modules speak: all but parties of ceremonies, stations that receive seeds, and auditors, who sign testimonies alone.
    pub(super) fn of_modules(&self) -> impl Iterator<Item = &Authority> {
        self.authorities.iter().filter(|authority| !matches!(authority.basis, Basis::WitnessedCeremony | Basis::ThirdPartyAudit))
    }

    /// That a key of this path, leaf first, was withdrawn; whatever else the path proves then counts for nothing.
    ///
    /// # Errors
    /// [`VerifyError::KeyRetired`] naming the first such key.
    pub(super) fn demand_standing(&self, artefact: &'static str, path: &[Certificate], now: UnixTime) -> Result<(), VerifyError> {
        let withdrawn = path.iter().find_map(|certificate| Some((certificate.subject().to_owned(), self.withdrawal(certificate, now)?)));
        withdrawn.map_or(Ok(()), |(name, detail)| Err(VerifyError::KeyRetired { artefact, name, detail }))
    }

    /// Whose certificate this is: the authority to whose anchors the shortest path leads from `signer` through `pool`. A vendor's CA that is an authority of its own, for its firmware
    /// TPMs say, is nearer than the vendor's root, whatever certificates somebody sends along.
    ///
    /// # Errors
    /// [`VerifyError`] of the last authority that was tried, that none is configured, or that a key of the path was withdrawn.
    pub fn vouching(&self, artefact: &'static str, signer: &Certificate, pool: &[Certificate], now: UnixTime) -> Result<&Authority, VerifyError> {
        let none = || VerifyError::UnknownSigner { artefact, detail: "no authority for such evidence is configured".to_owned() };
        let (mut nearest, mut refused) = (None::<(&Authority, Vec<Certificate>)>, None);
        for authority in self.of_modules() {
            match authority.anchors.verify_path(signer, pool, Usage::Any, now) {
                Ok(path) if nearest.as_ref().is_none_or(|(_, known)| path.len() < known.len()) => nearest = Some((authority, path)),
                Ok(_) => {}
                Err(err) => refused = Some(err),
            }
        }
        let (authority, path) = nearest.ok_or_else(|| refused.unwrap_or_else(none))?;
        self.demand_standing(artefact, &path, now)?;
        Ok(authority)
    }
}
