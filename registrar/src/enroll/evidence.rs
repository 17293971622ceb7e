//! The evidence that a certification request carries about its key (draft-ietf-lamps-csr-attestation), before an LDevID is issued for that key.

use brski_common::appraise::{KeyAppraisal, KeyFinding};
use brski_common::evidence::{Authorities, Expected};
use brski_common::{Csr, Policy, Refusal, UnixTime};

/// By what a key is judged.
#[derive(Clone, Copy, Debug)]
pub struct KeyGround<'a> {
    /// The owner's policy, whose table `[ldevid-key]` says what has to be attested.
    pub policy: &'a Policy,
    /// The device's manufacturer by the owner's name for it, for which the policy may only warn; none if it is not known.
    pub manufacturer: Option<&'a str>,
    /// Whose evidence counts.
    pub authorities: &'a Authorities,
    /// The nonce that was handed out to whoever asks, if any was.
    pub nonce: Option<&'a [u8]>,
}

impl KeyGround<'_> {
    /// What becomes of the evidence in this request.
    pub fn appraise(&self, csr: &Csr, now: UnixTime) -> KeyAppraisal {
        let expected = Expected { key: csr.public_key(), nonce: self.nonce };
        self.policy.ldevid_key().appraise(csr.attestation(), &expected, self.authorities, now)
    }

    /// What becomes of a key of which there is no request, and so no evidence.
    pub fn appraise_without_request(&self) -> KeyAppraisal {
        self.policy.ldevid_key().without_evidence()
    }

    /// Whether what is only demanded is refused, or warned of.
    pub fn mode(&self) -> brski_common::appraise::Mode {
        self.manufacturer.map_or(self.policy.mode(), |name| self.policy.mode_for(name))
    }
}

/// A certification request whose evidence, or want of it, the owner's policy accepts. Made by [`AppraisedCsr::accept`] alone.
///
/// ```
/// # use brski_common::{Csr, Refusal, UnixTime};
/// # use brski_registrar::enroll::{AppraisedCsr, KeyGround};
/// fn judged(csr: Csr, ground: &KeyGround<'_>, now: UnixTime) -> Result<AppraisedCsr, Refusal> {
///     AppraisedCsr::accept(csr, ground, now)
/// }
/// ```
/// Nobody else fills it in, be it from the fields of another one:
///
/// ```compile_fail,E0451
/// # use brski_common::{Csr, Refusal, UnixTime};
/// # use brski_registrar::enroll::{AppraisedCsr, KeyGround};
/// fn judged(csr: Csr, another: AppraisedCsr) -> AppraisedCsr {
///     AppraisedCsr { csr, ..another }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppraisedCsr {
    csr: Csr,
    nonce: Option<Vec<u8>>,
    findings: Vec<KeyFinding>,
    warned: Option<String>,
}

impl AppraisedCsr {
    /// Appraises the evidence in this request.
    ///
    /// # Errors
    /// [`Refusal::CsrUnacceptable`] if evidence of a known kind does not hold or is about another key, or is not what the owner demands.
    pub fn accept(csr: Csr, ground: &KeyGround<'_>, now: UnixTime) -> Result<Self, Refusal> {
        let appraisal = ground.appraise(&csr, now);
        appraisal.permit(ground.mode())?;
        let warned = appraisal.warned(ground.mode()).map(str::to_owned);
        Ok(Self { csr, nonce: ground.nonce.map(<[u8]>::to_vec), findings: appraisal.findings().to_vec(), warned })
    }

    /// The request.
    pub fn csr(&self) -> &Csr {
        &self.csr
    }

    /// The nonce that its evidence had to answer, if one had been handed out.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref()
    }

    /// What became of each statement about its key, in their order.
    pub fn findings(&self) -> &[KeyFinding] {
        &self.findings
    }

    /// What is not as the owner demands although the policy only warns of it.
    pub fn warned(&self) -> Option<&str> {
        self.warned.as_deref()
    }
}
