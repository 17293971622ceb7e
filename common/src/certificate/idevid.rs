//! What a pledge's manufacturer wrote into its certificate: which device it is, and where its MASA answers.

use core::fmt;

use serde::{Deserialize, Serialize};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

use super::{Certificate, sha1};
use crate::error::DecodeError;
use crate::identity::{DeviceId, KeyIdentifier, SerialNumber, SpkiDigest};

/// A certificate that names a device as an IDevID does: one serialNumber in its subject, and perhaps the MASA's URL (RFC 8995, section 2.3). Not trusted by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IDevIdCert {
    certificate: Certificate,
    device: DeviceId,
    source: SerialSource,
}

impl IDevIdCert {
    /// Reads the device's name out of a certificate.
    ///
    /// # Errors
    /// [`DecodeError`] if the subject has no serialNumber, several, or a malformed one.
    pub fn new(certificate: Certificate) -> Result<Self, DecodeError> {
        Self::with_serial_from(certificate, SerialSource::SerialNumber)
    }

    /// The same for a manufacturer that knows its devices by another serial number than the whole of the subject's.
    ///
    /// # Errors
    /// As for [`new`](Self::new), and if that serial number is not where `source` says.
    pub fn with_serial_from(certificate: Certificate, source: SerialSource) -> Result<Self, DecodeError> {
        let whole = match certificate.0.serial_numbers.as_slice() {
            [one] => SerialNumber::new(one.clone())?,
            [] => return Err(DecodeError::MissingField { field: "serialNumber", artefact: "IDevID's subject" }),
            _ => return Err(DecodeError::DuplicateField { field: "serialNumber".to_owned(), artefact: "IDevID's subject" }),
        };
        // Without an AuthorityKeyIdentifier the IDevID's own key stands in (RFC 8366bis, section 6.1, rule 2).
        let issuer = match certificate.authority_key_id() {
            Some(id) => KeyIdentifier::new(id)?,
            None => KeyIdentifier::new(sha1(certificate.0.public_key.raw()))?,
        };
        Ok(Self { certificate, device: DeviceId { issuer, serial: source.find(whole)? }, source })
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Which device it names, as its manufacturer knows it: so vouchers and statements name it.
    pub fn device(&self) -> &DeviceId {
        &self.device
    }

    /// Where the serial number of [`device`](Self::device) was found in the subject.
    pub fn serial_source(&self) -> SerialSource {
        self.source
    }

    /// The subject's serialNumber as a whole, as it stands in every certificate and request with the same subject.
    pub fn subject_serial(&self) -> Option<SerialNumber> {
        self.certificate.serial_number()
    }

    /// SHA-256 over the IDevID's SubjectPublicKeyInfo.
    pub fn spki_digest(&self) -> SpkiDigest {
        self.certificate.spki_digest()
    }

    /// What its subject may call the device's model or product line: each commonName and organizationalUnitName, and what follows `PID:` in the serialNumber.
    pub fn models(&self) -> Vec<String> {
        // The octets were read as a Name before, so that there is one.
        let Ok((_, name)) = X509Name::from_der(self.certificate.subject_der()) else { return Vec::new() };
        let product = self.device.serial.as_str().strip_prefix("PID:").map(|rest| rest.split(" SN:").next().unwrap_or(rest).trim());
        let named = name.iter_common_name().chain(name.iter_organizational_unit()).filter_map(|attribute| attribute.as_str().ok());
        named.chain(product).filter(|model| !model.is_empty()).map(str::to_owned).collect()
    }

    /// Where the manufacturer's MASA answers, if the certificate says so.
    ///
    /// # Errors
    /// [`DecodeError`] if the extension holds no usable URL.
    pub fn masa_url(&self) -> Result<Option<MasaUrl>, DecodeError> {
        self.certificate.0.masa_url.as_deref().map(MasaUrl::new).transpose()
    }
}

/// Where in an IDevID's subject the serial number stands by which the manufacturer, and so its MASA, knows the device. RFC 8995, section 2.3.1 wants the serialNumber
/// attribute; what is in it besides is the manufacturer's matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SerialSource {
    /// The whole serialNumber.
    #[default]
    SerialNumber,
    /// What follows `SN:` in a serialNumber such as `PID:C9300 SN:FOC1234`.
    SnOfPid,
}

impl SerialSource {
    /// Its name in profiles and configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::SerialNumber => "serial-number",
            Self::SnOfPid => "sn-of-pid",
        }
    }

    /// Whether it is the whole serialNumber, as RFC 8995 has it.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The serial number in the subject's serialNumber.
    fn find(self, whole: SerialNumber) -> Result<SerialNumber, DecodeError> {
        match self {
            Self::SerialNumber => Ok(whole),
            Self::SnOfPid => {
                // One of each, or two readers could find two serial numbers.
                let parts = whole.as_str().strip_prefix("PID:").and_then(|rest| rest.split_once(" SN:"));
                let found = parts.filter(|(model, serial)| !model.trim().is_empty() && !serial.is_empty() && !serial.contains(' '));
                let wrong = DecodeError::InvalidField { field: "serialNumber", expected: "of the form `PID:... SN:...`, as this manufacturer's profile says" };
                found.ok_or(wrong).and_then(|(_, serial)| SerialNumber::new(serial))
            }
        }
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
