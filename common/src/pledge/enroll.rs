//! From the domain's CA certificates to an LDevID and its renewal (RFC 8995, section 5.9; RFC 7030).

use std::sync::Arc;

use crate::certificate::Certificate;
use crate::chain::{Anchors, Usage};
use crate::error::DecodeError;
use crate::pledge::{Answer, Ask, CSR_ATTRIBUTES, ENROLL_STATUS, Failed, Pledge, PledgeError, SIMPLE_ENROLL, SIMPLE_REENROLL, Step, check_registrar};
use crate::sign::Signer;
use crate::telemetry::Telemetry;
use crate::time::UnixTime;
use crate::{csr, est};

/// What the pledge trusts in its domain, and the certificates that fill the gaps.
#[derive(Clone, Debug)]
struct Domain {
    anchors: Anchors,
    pool: Vec<Certificate>,
}

/// A pledge that knows its domain's CA certificates.
#[derive(Debug)]
#[must_use]
pub struct Trusting {
    pledge: Pledge,
    domain: Domain,
    ask: Ask,
}

impl Trusting {
    pub(super) fn with_ca_certificates(pledge: Pledge, pinned: Anchors, registrar: &[Certificate], answer: &Answer, now: UnixTime) -> Result<Self, Failed> {
        let domain = domain_of(&pinned, registrar, answer, now).map_err(failed)?;
        Ok(Self { pledge, domain, ask: Ask::get(CSR_ATTRIBUTES, est::CSR_ATTRS) })
    }

    /// csrattrs, which RFC 8995 section 5.9.2 makes the pledge ask for.
    pub fn ask(&self) -> &Ask {
        &self.ask
    }

    /// The anchors: what the voucher pins, and the domain's self-issued CA certificates.
    pub fn anchors(&self) -> &Anchors {
        &self.domain.anchors
    }

    /// Takes what the CA wishes to find in a request. 204 and 404 mean that it has no wishes (RFC 7030, section 4.5.2).
    ///
    /// # Errors
    /// [`Failed`] for any other answer without attributes; an enrollstatus report is owed.
    pub fn answered(self, answer: &Answer) -> Result<Prepared, Failed> {
        let attributes = match answer.status {
            204 | 404 => None,
            _ => Some(attributes_in(answer).map_err(failed)?),
        };
        Ok(Prepared { pledge: self.pledge, domain: self.domain, attributes })
    }
}

/// A pledge that is ready to enroll.
#[derive(Debug)]
#[must_use]
pub struct Prepared {
    pledge: Pledge,
    domain: Domain,
    attributes: Option<Vec<u8>>,
}

impl Prepared {
    /// What the CA wishes to find in a request, CsrAttrs in DER. Nothing but the key's kind can be heeded: choose it by this.
    pub fn csr_attributes(&self) -> Option<&[u8]> {
        self.attributes.as_deref()
    }

    /// Asks for an LDevID for this key, with the IDevID's own subject.
    ///
    /// # Errors
    /// [`PledgeError::Sign`] if the key does not sign.
    pub async fn enroll(self, key: Arc<dyn Signer>) -> Result<EnrollmentAsked, PledgeError> {
        let subject = self.pledge.idevid().certificate().subject_der().to_vec();
        EnrollmentAsked::new(self.domain, &subject, key, SIMPLE_ENROLL).await
    }
}

/// A certification request that waits for its answer.
#[must_use]
pub struct EnrollmentAsked {
    domain: Domain,
    key: Arc<dyn Signer>,
    ask: Ask,
}

impl EnrollmentAsked {
    async fn new(domain: Domain, subject_der: &[u8], key: Arc<dyn Signer>, path: &'static str) -> Result<Self, PledgeError> {
        let request = csr::request(subject_der, &*key).await.map_err(|source| PledgeError::Sign { what: "certification request", source })?;
        let ask = Ask::post(path, est::PKCS10, "application/pkcs7-mime", est::to_body(&request));
        Ok(Self { domain, key, ask })
    }

    /// simpleenroll or simplereenroll.
    pub fn ask(&self) -> &Ask {
        &self.ask
    }

    /// Takes the LDevID, if it is for our key and leads to the domain.
    ///
    /// # Errors
    /// [`Failed`] if the registrar refused or issued something else; an enrollstatus report is owed.
    pub fn answered(self, answer: &Answer, now: UnixTime) -> Result<Step<Box<Enrolled>, Self>, Failed> {
        if let Some(wait) = answer.wait() {
            return Ok(Step::Wait(wait, self));
        }
        let chain = self.issued(answer, now).map_err(failed)?;
        let report = Ask::report(ENROLL_STATUS, &Telemetry::success());
        Ok(Step::Done(Box::new(Enrolled { domain: self.domain, key: self.key, chain, report })))
    }

    fn issued(&self, answer: &Answer, now: UnixTime) -> Result<Vec<Certificate>, PledgeError> {
        let resource = if self.ask.path == SIMPLE_REENROLL { "simplereenroll" } else { "simpleenroll" };
        let issued = certificates_in(resource, answer)?;
        let ours = issued.iter().find(|certificate| certificate.public_key() == *self.key.public_key());
        let ours = ours.ok_or(PledgeError::NotOurKey(issued.len()))?;
        let pool: Vec<Certificate> = issued.iter().chain(&self.domain.pool).cloned().collect();
        self.domain.anchors.verify_path(ours, &pool, Usage::TlsClient, now).map_err(PledgeError::LDevIdUntrusted)
    }
}

impl core::fmt::Debug for EnrollmentAsked {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "EnrollmentAsked({:?})", self.key.public_key())
    }
}

/// A device with an LDevID.
#[must_use]
pub struct Enrolled {
    domain: Domain,
    key: Arc<dyn Signer>,
    chain: Vec<Certificate>,
    report: Ask,
}

impl Enrolled {
    /// The LDevID, then the path above it up to and including its anchor.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The key behind the LDevID, for TLS.
    pub fn signer(&self) -> &Arc<dyn Signer> {
        &self.key
    }

    /// The domain's anchors.
    pub fn anchors(&self) -> &Anchors {
        &self.domain.anchors
    }

    /// enrollstatus, which is sent over a new TLS connection with the LDevID (RFC 8995, section 5.9.4). Its answer decides nothing.
    pub fn report(&self) -> &Ask {
        &self.report
    }

    /// [`check_registrar`] under the domain's anchors, with the domain's CA certificates at hand.
    ///
    /// # Errors
    /// As there.
    pub fn check_registrar(&self, chain: &[Certificate], now: UnixTime) -> Result<(), PledgeError> {
        let whole: Vec<Certificate> = chain.iter().chain(&self.domain.pool).cloned().collect();
        match chain.is_empty() {
            true => Err(PledgeError::NoRegistrarCertificate),
            false => check_registrar(&self.domain.anchors, &whole, now),
        }
    }

    /// Asks for a new LDevID for this key, which may be the old one, with the LDevID's own subject (RFC 7030, section 4.2.2).
    ///
    /// # Errors
    /// [`PledgeError::Sign`] if the key does not sign.
    pub async fn reenroll(&self, key: Arc<dyn Signer>) -> Result<EnrollmentAsked, PledgeError> {
        let subject = self.chain.first().map(|ldevid| ldevid.subject_der().to_vec()).unwrap_or_default();
        EnrollmentAsked::new(self.domain.clone(), &subject, key, SIMPLE_REENROLL).await
    }
}

impl core::fmt::Debug for Enrolled {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Enrolled({:?})", self.chain.first())
    }
}

/// What is trusted from now on: the pinned certificate and the self-issued ones of cacerts; an intermediate certificate only fills a gap.
fn domain_of(pinned: &Anchors, registrar: &[Certificate], answer: &Answer, now: UnixTime) -> Result<Domain, PledgeError> {
    let certificates = certificates_in("cacerts", answer)?;
    let handed_out = |error| PledgeError::Body { resource: "cacerts", source: error };
    if !certificates.iter().all(Certificate::is_ca) {
        return Err(handed_out(DecodeError::InvalidField { field: "certificates", expected: "CA certificates only" }));
    }

    // The registrar has proven that it belongs to the pinned domain. If it stands under what it hands out, too, then that is the same domain.
    // A registrar that is pinned itself is the exception: nothing need stand above it.
    let (own, above) = registrar.split_first().ok_or(PledgeError::NoRegistrarCertificate)?;
    if !pinned.certificates().contains(own) {
        let pool: Vec<Certificate> = above.iter().chain(&certificates).cloned().collect();
        let handed_out = Anchors::new(certificates.iter().cloned()).map_err(handed_out)?;
        handed_out.verify_path(own, &pool, Usage::Any, now).map_err(PledgeError::CaCertificatesForeign)?;
    }
    let roots = certificates.iter().filter(|certificate| certificate.is_self_issued() && !pinned.certificates().contains(certificate));
    let anchors = Anchors::new(pinned.certificates().iter().chain(roots).cloned()).map_err(handed_out)?;
    Ok(Domain { anchors, pool: certificates })
}

fn certificates_in(resource: &'static str, answer: &Answer) -> Result<Vec<Certificate>, PledgeError> {
    let body = answer.body_of_type(resource, est::CERTS_ONLY)?;
    let der = est::from_body("certificates", body).and_then(|der| est::read_certs_only(&der));
    der.map_err(|source| PledgeError::Body { resource, source })
}

fn attributes_in(answer: &Answer) -> Result<Vec<u8>, PledgeError> {
    use der::{Decode as _, Tagged as _};
    let body = answer.body_of_type("csrattrs", est::CSR_ATTRS)?;
    let attributes = est::from_body("CsrAttrs", body).and_then(|der| match der::asn1::AnyRef::from_der(&der) {
        Ok(any) if any.tag() == der::Tag::Sequence => Ok(der),
        Ok(_) => Err(DecodeError::InvalidField { field: "CsrAttrs", expected: "a SEQUENCE" }),
        Err(err) => Err(DecodeError::syntax("CsrAttrs", "DER", err)),
    });
    attributes.map_err(|source| PledgeError::Body { resource: "csrattrs", source })
}

fn failed(error: PledgeError) -> Failed {
    Failed::reporting(ENROLL_STATUS, error)
}
