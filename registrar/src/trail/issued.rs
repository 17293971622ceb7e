//! LDevIDs as the trail knows them: each by its issuer and the serial number that this issuer gave it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use brski_common::appraise::KeyFinding;
use brski_common::text::{LONGEST_WORDS, printable};
use brski_common::time::rfc3339;
use brski_common::{Certificate, Csr, SpkiDigest, UnixTime};
use serde::{Deserialize, Serialize};

use super::RequestDigest;

/// SHA-256 over a Name in DER, octet for octet, in hex.
pub type NameDigest = SpkiDigest;

/// The CA that issued a certificate, by its name: a CA that goes on under its name with another key is the same issuer (RFC 5280, section 4.1.2.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Issuer {
    /// For people, made printable and short.
    pub name: String,
    /// What it is known by.
    pub sha256: NameDigest,
}

impl Issuer {
    /// The issuer of this certificate.
    pub fn of(certificate: &Certificate) -> Self {
        Self { name: printable(&certificate.issuer(), LONGEST_WORDS), sha256: NameDigest::of(certificate.issuer_der()) }
    }

    /// What certificates that this CA issues know it by.
    pub fn digest_of_ca(ca: &Certificate) -> NameDigest {
        NameDigest::of(ca.subject_der())
    }
}

/// What tells a certificate from all others: a serial number is unique within its issuer alone (RFC 5280, section 4.1.2.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateId {
    /// Its serial number in lower-case hexadecimal digits.
    pub serial: String,
    /// Its issuer; none if an older version wrote it down, which kept no issuer.
    pub issuer: Option<NameDigest>,
}

impl CertificateId {
    /// Of this certificate.
    pub fn of(certificate: &Certificate) -> Self {
        let serial = certificate.certificate_serial().iter().map(|octet| format!("{octet:02x}")).collect();
        Self { serial, issuer: Some(NameDigest::of(certificate.issuer_der())) }
    }

    /// Whether both are the same certificate as far as is known.
    ///
    /// An issuer that nobody wrote down could be any: then the serial number alone decides, so that what was revoked before issuers were kept stays revoked. It can hit no other
    /// LDevID unless a CA elsewhere numbers its certificates in a row; the built-in one draws numbers of 128 bits.
    pub fn may_be(&self, other: &Self) -> bool {
        self.serial == other.serial && (self.issuer == other.issuer || self.issuer.is_none() || other.issuer.is_none())
    }

    /// Whether it belongs on the list of what the CA with this name revoked; one whose issuer nobody wrote down is on every list, where a serial number too many revokes nothing.
    pub fn is_listed_by(&self, ca: &NameDigest) -> bool {
        self.issuer.is_none_or(|issuer| issuer == *ca)
    }
}

/// An LDevID as the trail knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct IssuedCertificate {
    /// Its serial number in lower-case hexadecimal digits.
    pub serial: String,
    /// Who issued it; none if an older version wrote this, which kept neither issuer nor certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Issuer>,
    /// Its key.
    pub key: SpkiDigest,
    /// SHA-256 over the certificate in hex.
    pub sha256: String,
    /// Its last second.
    #[serde(with = "rfc3339")]
    pub not_after: UnixTime,
}

impl IssuedCertificate {
    /// What the trail keeps of this certificate.
    pub fn of(certificate: &Certificate) -> Self {
        Self {
            serial: CertificateId::of(certificate).serial,
            issuer: Some(Issuer::of(certificate)),
            key: certificate.spki_digest(),
            sha256: certificate.fingerprint(),
            not_after: certificate.not_after(),
        }
    }

    /// What tells it from all others.
    pub fn id(&self) -> CertificateId {
        CertificateId { serial: self.serial.clone(), issuer: self.issuer.as_ref().map(|issuer| issuer.sha256) }
    }
}

/// A certification request as it came, with what its evidence had to answer: whoever doubts what was found in it can have it appraised again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KeptRequest {
    /// PKCS #10 in DER, in base64.
    pub csr: String,
    /// The nonce that had been handed out to whoever asked, if any had, in base64url without padding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

impl KeptRequest {
    /// The most octets of a request that was refused: whoever is refused may come again and again, each time otherwise.
    pub const LARGEST_REFUSED: usize = 16 * 1024;

    /// Of this request, whose evidence had to answer this nonce.
    pub fn of(csr: &Csr, nonce: Option<&[u8]>) -> Self {
        Self { csr: STANDARD.encode(csr.der()), nonce: nonce.map(|nonce| URL_SAFE_NO_PAD.encode(nonce)) }
    }

    /// The same of a request that was refused because of its evidence; none without evidence, or if it is too large.
    pub fn of_refused(csr: &Csr, nonce: Option<&[u8]>) -> Option<Self> {
        (csr.attestation().is_some() && csr.der().len() <= Self::LARGEST_REFUSED).then(|| Self::of(csr, nonce))
    }

    /// The request and the nonce; none if they cannot be read.
    pub fn read(&self) -> Option<(Csr, Option<Vec<u8>>)> {
        let csr = Csr::from_der(&STANDARD.decode(&self.csr).ok()?).ok()?;
        let nonce = self.nonce.as_ref().map(|nonce| URL_SAFE_NO_PAD.decode(nonce)).transpose().ok()?;
        Some((csr, nonce))
    }
}

/// What was attested of a key for an LDevID. The trail has the request itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Attested {
    /// SHA-256 over the certification request.
    pub request: RequestDigest,
    /// Its key.
    pub key: SpkiDigest,
    /// What became of each statement about it.
    pub findings: Vec<KeyFinding>,
    /// What is not as the owner demands, if the policy only warned of it.
    pub warned: Option<String>,
    /// When it came.
    #[serde(with = "rfc3339")]
    pub at: UnixTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(serial: &str, issuer: Option<u8>) -> CertificateId {
        CertificateId { serial: serial.to_owned(), issuer: issuer.map(|octet| SpkiDigest([octet; 32])) }
    }

    #[test]
    fn same_number_of_another_issuer_is_another_certificate() {
        assert!(id("05", Some(1)).may_be(&id("05", Some(1))));
        assert!(!id("05", Some(1)).may_be(&id("05", Some(2))) && !id("05", Some(1)).may_be(&id("06", Some(1))));
    }

    #[test]
    fn issuer_that_nobody_wrote_down_could_be_any() {
        assert!(id("05", None).may_be(&id("05", Some(2))) && id("05", Some(2)).may_be(&id("05", None)) && !id("05", None).may_be(&id("06", None)));
        assert!([1, 2].iter().all(|ca| id("05", None).is_listed_by(&SpkiDigest([*ca; 32]))));
    }

    #[test]
    fn certificate_that_an_older_version_wrote_down_is_read() {
        let older = format!(r#"{{"serial":"05","key":"{0}","sha256":"ab","not-after":"2027-01-01T00:00:00Z"}}"#, SpkiDigest([1; 32]));
        assert_eq!(serde_json::from_str::<IssuedCertificate>(&older).unwrap().id(), id("05", None));
    }
}
