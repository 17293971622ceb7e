//! Names of devices, keys and domains. Each newtype can only hold a valid value.

use core::fmt;
use std::sync::Arc;

use der::Decode as _;
use der::asn1::OctetString;
use serde::{Deserialize, Serialize};
use x509_cert::ext::pkix::AuthorityKeyIdentifier;

use crate::error::DecodeError;

/// A device's serial number as its manufacturer wrote it: X.520 serialNumber, 1 to 64 printable ASCII characters (RFC 8995, section 2.3.1).
///
/// Never the certificate's own serial number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SerialNumber(Arc<str>);

impl SerialNumber {
    /// # Errors
    /// [`DecodeError::InvalidField`] unless 1 to 64 printable ASCII characters.
    pub fn new(text: impl Into<String>) -> Result<Self, DecodeError> {
        let text = text.into();
        let printable = text.bytes().all(|b| (0x20..0x7f).contains(&b));
        match (1..=64).contains(&text.len()) && printable {
            true => Ok(Self(text.into())),
            false => Err(DecodeError::InvalidField { field: "serial-number", expected: "1 to 64 printable ASCII characters" }),
        }
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SerialNumber {
    type Error = DecodeError;
    fn try_from(text: String) -> Result<Self, DecodeError> {
        Self::new(text)
    }
}

impl From<SerialNumber> for String {
    fn from(serial: SerialNumber) -> Self {
        serial.0.as_ref().to_owned()
    }
}

/// A keyIdentifier, 1 to 64 octets: the issuing CA's key as the IDevID's AuthorityKeyIdentifier names it (RFC 8366bis, section 6.3), without any wrapping. Shown in hex.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyIdentifier(Arc<[u8]>);

impl KeyIdentifier {
    /// # Errors
    /// [`DecodeError::InvalidField`] unless 1 to 64 octets.
    pub fn new(octets: impl Into<Vec<u8>>) -> Result<Self, DecodeError> {
        let octets = octets.into();
        match (1..=64).contains(&octets.len()) {
            true => Ok(Self(octets.into())),
            false => Err(DecodeError::InvalidField { field: "keyIdentifier", expected: "1 to 64 octets" }),
        }
    }

    /// The bare octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Normalises the four forms in which `idevid-issuer` is met (`04 18 30 16 80 14 ..`, `30 16 80 14 ..`, `80 14 ..`, bare) to the keyIdentifier.
    ///
    /// # Errors
    /// [`DecodeError::InvalidField`] if nothing is left.
    pub fn from_idevid_issuer(leaf: &[u8]) -> Result<Self, DecodeError> {
        let mut rest = leaf;
        for tag in [0x04, 0x30, 0x80] {
            // A bare identifier that happens to begin with a tag is told apart by its length octet. Short lengths suffice for 64 octets and their wrapping.
            if let [t, len, inner @ ..] = rest
                && *t == tag
                && usize::from(*len) == inner.len()
                && *len < 0x80
            {
                rest = inner;
            }
        }
        Self::new(rest)
    }

    /// Reads the form that RFC 8366bis, section 6.3 prescribes, whatever the AuthorityKeyIdentifier has beside its keyIdentifier. None for any other form.
    pub(crate) fn from_whole_idevid_issuer(leaf: &[u8]) -> Option<Self> {
        let value = OctetString::from_der(leaf).ok()?;
        let authority = AuthorityKeyIdentifier::from_der(value.as_bytes()).ok()?;
        Self::new(authority.key_identifier?.into_bytes()).ok()
    }

    /// The form that RFC 8366bis, section 6.3 prescribes: the whole OCTET STRING of the extension value around an AuthorityKeyIdentifier with just this keyIdentifier.
    pub fn to_idevid_issuer(&self) -> Vec<u8> {
        [0x80, 0x30, 0x04].iter().fold(self.0.to_vec(), |inner, tag| {
            // At most 64 octets and six of wrapping, so that one length octet is enough.
            let mut outer = vec![*tag, inner.len() as u8];
            outer.extend_from_slice(&inner);
            outer
        })
    }
}

impl fmt::Display for KeyIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::codec::hex(&self.0))
    }
}

impl fmt::Debug for KeyIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyIdentifier({self})")
    }
}

impl TryFrom<String> for KeyIdentifier {
    type Error = DecodeError;
    fn try_from(text: String) -> Result<Self, DecodeError> {
        Self::new(crate::codec::unhex("keyIdentifier", &text)?)
    }
}

impl From<KeyIdentifier> for String {
    fn from(id: KeyIdentifier) -> Self {
        id.to_string()
    }
}

/// SHA-256 over a DER SubjectPublicKeyInfo: which key, whatever the certificate around it. Shown in hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SpkiDigest(pub [u8; 32]);

impl SpkiDigest {
    /// Digest of a DER SubjectPublicKeyInfo.
    pub fn of(spki_der: &[u8]) -> Self {
        Self(crate::codec::sha256(spki_der))
    }
}

impl fmt::Display for SpkiDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::codec::hex(&self.0))
    }
}

impl fmt::Debug for SpkiDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpkiDigest({self})")
    }
}

impl TryFrom<String> for SpkiDigest {
    type Error = DecodeError;
    fn try_from(text: String) -> Result<Self, DecodeError> {
        let invalid = DecodeError::InvalidField { field: "spki-sha256", expected: "64 hexadecimal digits" };
        crate::codec::unhex("spki-sha256", &text).ok().and_then(|octets| octets.try_into().ok()).map(Self).ok_or(invalid)
    }
}

impl From<SpkiDigest> for String {
    fn from(digest: SpkiDigest) -> Self {
        digest.to_string()
    }
}

/// One device in the world: serial numbers are unique only within the CA that issued the IDevID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeviceId {
    /// keyIdentifier of the CA that issued the IDevID.
    pub issuer: KeyIdentifier,
    /// Serial number in the IDevID's subject.
    pub serial: SerialNumber,
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (IDevID issuer {})", self.serial, self.issuer)
    }
}

/// A domain as audit logs name it, 1 to 64 octets: see [`Certificate::domain_id`](crate::Certificate::domain_id). Shown and serialized in base64.
///
/// The bound keeps one domain's name from making a device's log unreadable to all later owners.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DomainId(Vec<u8>);

impl DomainId {
    /// # Errors
    /// [`DecodeError::InvalidField`] unless 1 to 64 octets.
    pub fn new(octets: impl Into<Vec<u8>>) -> Result<Self, DecodeError> {
        let octets = octets.into();
        match (1..=64).contains(&octets.len()) {
            true => Ok(Self(octets)),
            false => Err(DecodeError::InvalidField { field: "domainID", expected: "1 to 64 octets" }),
        }
    }

    /// The bare octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<SpkiDigest> for DomainId {
    fn from(digest: SpkiDigest) -> Self {
        Self(digest.0.to_vec())
    }
}

impl fmt::Display for DomainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::codec::base64(&self.0))
    }
}

impl fmt::Debug for DomainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DomainId({self})")
    }
}

impl TryFrom<String> for DomainId {
    type Error = DecodeError;
    fn try_from(text: String) -> Result<Self, DecodeError> {
        Self::new(crate::codec::unbase64("domainID", &text)?)
    }
}

impl From<DomainId> for String {
    fn from(id: DomainId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_idevid_issuer_names_the_same_key() {
        let id = KeyIdentifier::new([7; 20]).unwrap();
        let full = id.to_idevid_issuer();
        assert_eq!(full[..6], [0x04, 0x18, 0x30, 0x16, 0x80, 0x14]);
        for form in [&full[..], &full[2..], &full[4..], &full[6..]] {
            assert_eq!(KeyIdentifier::from_idevid_issuer(form).unwrap(), id);
        }
    }

    #[test]
    fn whole_idevid_issuer_may_name_more_than_the_key() {
        let id = KeyIdentifier::new([7; 20]).unwrap();
        let full = id.to_idevid_issuer();
        assert_eq!(KeyIdentifier::from_whole_idevid_issuer(&full), Some(id.clone()));
        // 04 1f 30 1d, keyIdentifier, authorityCertIssuer (a DNS name) and authorityCertSerialNumber.
        let more = [&[0x04, 0x1f, 0x30, 0x1d], &full[4..], &[0xa1, 0x02, 0x82, 0x00, 0x82, 0x01, 0x05][..]].concat();
        assert_eq!(KeyIdentifier::from_whole_idevid_issuer(&more), Some(id));
        for form in [&full[2..], &full[4..], &full[6..], &full[..25], &[0x04, 0x02, 0x30, 0x00]] {
            assert_eq!(KeyIdentifier::from_whole_idevid_issuer(form), None);
        }
    }

    #[test]
    fn serial_number_with_a_control_character_is_refused() {
        assert!(SerialNumber::new("JADA\n123").is_err());
        assert!(SerialNumber::new("").is_err());
        assert!(SerialNumber::new("x".repeat(65)).is_err());
    }

    #[test]
    fn domain_id_is_bounded_in_every_form() {
        for (octets, fits) in [(0, false), (1, true), (64, true), (65, false)] {
            let octets = vec![7; octets];
            assert_eq!(DomainId::try_from(crate::codec::base64(&octets)).is_ok(), fits);
            assert_eq!(DomainId::new(octets).is_ok(), fits);
        }
    }

    #[test]
    fn key_identifier_survives_its_text_form() {
        let id = KeyIdentifier::new([0, 1, 0xfe]).unwrap();
        assert_eq!(id.to_string(), "0001fe");
        assert_eq!(KeyIdentifier::try_from(id.to_string()).unwrap(), id);
    }
}
