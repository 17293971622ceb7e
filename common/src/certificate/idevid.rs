//! What a pledge's manufacturer wrote into its certificate: which device it is, and where its MASA answers.

use core::fmt;

use super::{Certificate, sha1};
use crate::error::DecodeError;
use crate::identity::{DeviceId, KeyIdentifier, SerialNumber, SpkiDigest};

/// A certificate that names a device as an IDevID does: one serialNumber in its subject, and perhaps the MASA's URL (RFC 8995, section 2.3). Not trusted by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IDevIdCert {
    certificate: Certificate,
    device: DeviceId,
}

impl IDevIdCert {
    /// Reads the device's name out of a certificate.
    ///
    /// # Errors
    /// [`DecodeError`] if the subject has no serialNumber, several, or a malformed one.
    pub fn new(certificate: Certificate) -> Result<Self, DecodeError> {
        let serial = match certificate.0.serial_numbers.as_slice() {
            [one] => SerialNumber::new(one.clone())?,
            [] => return Err(DecodeError::MissingField { field: "serialNumber", artefact: "IDevID's subject" }),
            _ => return Err(DecodeError::DuplicateField { field: "serialNumber".to_owned(), artefact: "IDevID's subject" }),
        };
        // Without an AuthorityKeyIdentifier the IDevID's own key stands in (RFC 8366bis, section 6.1, rule 2).
        let issuer = match certificate.authority_key_id() {
            Some(id) => KeyIdentifier::new(id)?,
            None => KeyIdentifier::new(sha1(certificate.0.public_key.raw()))?,
        };
        Ok(Self { certificate, device: DeviceId { issuer, serial } })
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Which device it names.
    pub fn device(&self) -> &DeviceId {
        &self.device
    }

    /// SHA-256 over the IDevID's SubjectPublicKeyInfo.
    pub fn spki_digest(&self) -> SpkiDigest {
        self.certificate.spki_digest()
    }

    /// Where the manufacturer's MASA answers, if the certificate says so.
    ///
    /// # Errors
    /// [`DecodeError`] if the extension holds no usable URL.
    pub fn masa_url(&self) -> Result<Option<MasaUrl>, DecodeError> {
        self.certificate.0.masa_url.as_deref().map(MasaUrl::new).transpose()
    }
}

/// Where a MASA answers (RFC 8995, section 2.3.2). Always HTTPS, whatever scheme the certificate wrote.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MasaUrl {
    authority: String,
    path: String,
}

impl MasaUrl {
    /// Reads an authority (`masa.example.com`, `127.0.0.1:9443`) or a URL with scheme and path.
    ///
    /// # Errors
    /// [`DecodeError::InvalidField`] if there is no host, or characters that no authority or path can have.
    pub fn new(text: &str) -> Result<Self, DecodeError> {
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) if !path.is_empty() => (authority, format!("/{}", path.trim_end_matches('/'))),
            Some((authority, _)) => (authority, "/.well-known/brski".to_owned()),
            None => (rest, "/.well-known/brski".to_owned()),
        };
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~:[]/%".contains(&b);
        match !authority.is_empty() && rest.len() <= 255 && rest.bytes().all(allowed) {
            true => Ok(Self { authority: authority.to_owned(), path }),
            false => Err(DecodeError::InvalidField { field: "masa-url", expected: "a host such as masa.example.com, or an https URL without query" }),
        }
    }

    /// Host and, if not 443, port.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Path of one of its resources, such as `requestvoucher`.
    pub fn path_of(&self, resource: &str) -> String {
        format!("{}/{resource}", self.path)
    }
}

impl fmt::Display for MasaUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}{}", self.authority, self.path)
    }
}
