//! Journey 3, the rule: who gets an LDevID, and what stands in it.
//!
//! No LDevID without an order, and no order without an admission and a request whose evidence was appraised:
//!
//! ```
//! # use brski_common::{Csr, UnixTime};
//! # use brski_registrar::{Admission, CertificateAuthority, IssueOrder, Settings, enroll::{self, AppraisedCsr, Enrollee}};
//! fn decide(csr: &AppraisedCsr, enrollee: Enrollee<'_>, admission: &Admission, settings: &Settings, now: UnixTime) {
//!     let order = enroll::evaluate(csr, enrollee, Some(admission), None, settings, now);
//! }
//! fn act(ca: &dyn CertificateAuthority, order: IssueOrder) {
//!     let issued = ca.issue(order);
//! }
//! ```
//! A mere assurance is no admission:
//!
//! ```compile_fail,E0308
//! # use brski_common::{Csr, UnixTime};
//! # use brski_registrar::{Admission, CertificateAuthority, IssueOrder, Settings, enroll::{self, AppraisedCsr, Enrollee}};
//! fn decide(csr: &AppraisedCsr, enrollee: Enrollee<'_>, admission: &Admission, settings: &Settings, now: UnixTime) {
//!     let order = enroll::evaluate(csr, enrollee, Some(&true), None, settings, now);
//! }
//! ```
//! nor is a request whose evidence about its key nobody has appraised one to be decided about:
//!
//! ```compile_fail,E0308
//! # use brski_common::{Csr, UnixTime};
//! # use brski_registrar::{Admission, CertificateAuthority, IssueOrder, Settings, enroll::{self, Enrollee}};
//! fn decide(csr: &Csr, enrollee: Enrollee<'_>, admission: &Admission, settings: &Settings, now: UnixTime) {
//!     let order = enroll::evaluate(csr, enrollee, Some(admission), None, settings, now);
//! }
//! ```
//! nobody but the rule fills in an order, be it from the fields of another one:
//!
//! ```compile_fail,E0451
//! # use brski_registrar::{CertificateAuthority, IssueOrder};
//! fn act(ca: &dyn CertificateAuthority, order: IssueOrder) {
//!     let issued = ca.issue(IssueOrder { ..order });
//! }
//! ```
//! and an order is spent once:
//!
//! ```compile_fail,E0382
//! # use brski_registrar::{CertificateAuthority, IssueOrder};
//! fn act(ca: &dyn CertificateAuthority, order: IssueOrder) {
//!     let issued = (ca.issue(order), ca.issue(order));
//! }
//! ```

mod evidence;
mod nonces;
pub mod profile;
mod reappraised;
#[cfg(test)]
mod tests;

use brski_common::sign::KeyKind;
use brski_common::time::at;
use brski_common::{
    Anchors, Certificate, Csr, DeviceId, PeerCertificates, PolicyOid, PublicKey, Refusal, SerialNumber, SpkiDigest, UnixTime, Usage, VerifyError,
};

pub use self::evidence::{AppraisedCsr, KeyGround};
pub use self::nonces::Nonces;
pub use self::profile::CertificateProfile;
use self::profile::{ExtendedUsage, Names};
pub use self::reappraised::Reappraised;
use crate::error::Error;
use crate::registrar::Settings;
use crate::relay::Admission;
use crate::trust::VerifiedIDevId;

/// Permission to issue one LDevID. Made by [`evaluate`] alone, spent by value.
#[derive(Debug)]
pub struct IssueOrder {
    device: DeviceId,
    subject: Vec<u8>,
    csr: Csr,
    names: Names,
    usages: Vec<ExtendedUsage>,
    policies: Vec<PolicyOid>,
    crl_url: Option<String>,
    no_revocation: bool,
    not_before: UnixTime,
    not_after: UnixTime,
}

impl IssueOrder {
    /// Which device it is for.
    pub fn device(&self) -> &DeviceId {
        &self.device
    }

    /// The LDevID's subject Name in DER, which has exactly one serialNumber: the device's.
    pub fn subject_der(&self) -> &[u8] {
        &self.subject
    }

    /// The LDevID's key.
    pub fn public_key(&self) -> &PublicKey {
        self.csr.public_key()
    }

    /// The pledge's request as it came, for an authority that wants to see proof of possession itself. Its subject is a wish; [`subject_der`](Self::subject_der) decides.
    pub fn csr(&self) -> &Csr {
        &self.csr
    }

    /// What its subjectAltName says.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Its extended key usages.
    pub fn usages(&self) -> &[ExtendedUsage] {
        &self.usages
    }

    /// The certificate policies it is issued under: what the owner's PKI says of how the IDevID's key came to be.
    pub fn policies(&self) -> &[PolicyOid] {
        &self.policies
    }

    /// Where a CRL tells of its revocation.
    pub fn crl_url(&self) -> Option<&str> {
        self.crl_url.as_deref()
    }

    /// Whether it says that nothing tells of its revocation (RFC 9608).
    pub fn no_revocation(&self) -> bool {
        self.no_revocation
    }

    /// When its validity begins.
    pub fn not_before(&self) -> UnixTime {
        self.not_before
    }

    /// When its validity ends at the latest; an issuing CA that expires earlier ends it earlier.
    pub fn not_after(&self) -> UnixTime {
        self.not_after
    }
}

/// Whom TLS authenticated: which of EST's two doors the request came through.
#[derive(Clone, Copy, Debug)]
pub enum Enrollee<'a> {
    /// simpleenroll: a pledge with its IDevID.
    Pledge(&'a VerifiedIDevId),
    /// simplereenroll: a member of the domain with its LDevID, whose provenance was appraised again.
    Member(&'a VerifiedLDevId, &'a Reappraised),
}

impl Enrollee<'_> {
    /// The key that TLS authenticated.
    pub fn spki_digest(&self) -> SpkiDigest {
        match self {
            Self::Pledge(pledge) => pledge.spki_digest(),
            Self::Member(member, _) => member.certificate.spki_digest(),
        }
    }
}

/// An LDevID whose path to this domain's CA was verified. Made by [`VerifiedLDevId::verify`] alone.
#[derive(Clone, Debug)]
pub struct VerifiedLDevId {
    certificate: Certificate,
}

impl VerifiedLDevId {
    /// Verifies that the peer holds a current certificate that one of these CAs has issued.
    ///
    /// # Errors
    /// [`Refusal::ClientCertificateRequired`] if it holds none, [`VerifyError`] if its certificate is another CA's or not current.
    pub fn verify(peer: &PeerCertificates, issuing: &[Certificate], now: UnixTime) -> Result<Self, Error> {
        let own = peer.own().ok_or(Refusal::ClientCertificateRequired("an LDevID of this domain"))?;
        let path = Anchors::new(issuing.iter().cloned())?.verify_path(own, &[], Usage::TlsClient, now)?;
        // The anchor itself is no member.
        match path.len() {
            0 | 1 => Err(VerifyError::NoPath { subject: own.subject().to_owned(), detail: "it is no LDevID of this domain".to_owned() }.into()),
            _ => Ok(Self { certificate: own.clone() }),
        }
    }

    /// The LDevID.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}

/// Decides whether this request becomes an LDevID, and what stands in it.
///
/// `admission` is what the store holds under the enrollee's key, `holder` what it holds under the key in the request.
///
/// # Errors
/// [`Refusal::NotAdmitted`] or [`Refusal::CsrUnacceptable`].
pub fn evaluate(
    request: &AppraisedCsr,
    enrollee: Enrollee<'_>,
    admission: Option<&Admission>,
    holder: Option<&Admission>,
    settings: &Settings,
    now: UnixTime,
) -> Result<IssueOrder, Refusal> {
    let csr = request.csr();
    let admission = admission.filter(|admission| is_of(admission, enrollee)).ok_or(Refusal::NotAdmitted)?;
    let (device, profile) = (admission.device(), &settings.ldevid);
    // As it stands in the IDevID's subject, whatever of it the manufacturer knows the device by: the LDevID gets the same subject.
    let serial = admission.idevid().subject_serial().ok_or(Refusal::NotAdmitted)?;
    let facts = match enrollee {
        Enrollee::Pledge(_) => admission.ground().facts.as_ref(),
        Enrollee::Member(_, reappraised) => Some(&reappraised.decision().facts),
    };
    let names = profile.names_of(&device.serial).map_err(Refusal::CsrUnacceptable)?;
    check_csr(csr, &serial, &names)?;
    if holder.is_some_and(|holder| holder.spki_digest() != admission.spki_digest()) {
        return Err(Refusal::CsrUnacceptable("its key already belongs to another pledge; a new key pair would do".to_owned()));
    }

    Ok(IssueOrder {
        device: device.clone(),
        subject: profile.subject_der(admission.idevid().certificate(), &device.serial),
        csr: csr.clone(),
        names,
        usages: profile.usages.clone(),
        policies: profile.policies.of(facts),
        crl_url: profile.crl_url.clone(),
        no_revocation: profile.no_revocation,
        not_before: at(now.as_secs().saturating_sub(profile.backdating.unwrap_or(settings.clock_skew).as_secs())),
        not_after: at(now.as_secs().saturating_add(profile.lifetime.as_secs())),
    })
}

/// Whether an admission speaks of this peer, whatever the store returned.
fn is_of(admission: &Admission, enrollee: Enrollee<'_>) -> bool {
    match enrollee {
        Enrollee::Pledge(pledge) => admission.spki_digest() == pledge.spki_digest() && admission.device() == pledge.device(),
        // Its key was bound to the admission when it was issued; a certificate of our CA for somebody else would name somebody else.
        Enrollee::Member(member, reappraised) => {
            let same_device = member.certificate.serial_number().is_some_and(|serial| Some(serial) == admission.idevid().subject_serial());
            same_device && reappraised.pledge() == admission.spki_digest()
        }
    }
}

fn check_csr(csr: &Csr, serial: &SerialNumber, names: &Names) -> Result<(), Refusal> {
    let unacceptable = |text: String| Err(Refusal::CsrUnacceptable(text));
    if csr.requests_ca() {
        return unacceptable("it asks for a CA certificate (CA:TRUE or keyCertSign); LDevIDs are end-entity certificates".to_owned());
    }
    if csr.serial_number().as_ref() != Some(serial) {
        return unacceptable(format!("its subject must have exactly one serialNumber, {serial}"));
    }
    if csr.requests_names() && !csr.requests_names_of(&names.dns, &names.uris) {
        let granted: Vec<&str> = names.dns.iter().chain(&names.uris).map(String::as_str).collect();
        let granted = if granted.is_empty() { "none".to_owned() } else { granted.join(", ") };
        return unacceptable(format!("its subjectAltName is not what csrattrs says; the LDevID of {serial} has {granted}, and a request may leave that out"));
    }
    match csr.public_key().kind() {
        KeyKind::P256 | KeyKind::P384 | KeyKind::Ed25519 => Ok(()),
        KeyKind::P521 => unacceptable("its key is on P-521; P-256, P-384 and Ed25519 are accepted".to_owned()),
        KeyKind::Rsa => unacceptable("its key is RSA; P-256, P-384 and Ed25519 are accepted".to_owned()),
        // A kind that is added later is refused until somebody decides.
        other => unacceptable(format!("its key is of kind {other:?}; P-256, P-384 and Ed25519 are accepted")),
    }
}
