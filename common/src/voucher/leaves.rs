//! Reading leaves by name and type, whatever the encoding. Absent leaves are `None`.

use std::collections::{BTreeMap, BTreeSet};

use super::encoded::{Choice, Encoded, Listed};
use super::schema::{Container, EXTENSION_CONTENT};
use super::{EXTENSION_NAME, Nonce, Wanted};
use crate::certificate::Certificate;
use crate::error::DecodeError;
use crate::identity::{KeyIdentifier, SerialNumber};
use crate::leniency::{Leniency, Reading};
use crate::sign::PublicKey;
use crate::text::printable;
use crate::time::{UnixTime, from_rfc3339};

/// What is in a container.
pub(super) struct Leaves<'a, V> {
    container: &'static Container,
    reading: &'a Reading,
    members: BTreeMap<&'static str, &'a V>,
}

impl<'a, V: Encoded> Leaves<'a, V> {
    pub(super) fn of(container: &'static Container, value: &'a V, reading: &'a Reading) -> Result<Self, DecodeError> {
        Ok(Self { container, reading, members: value.members(container)? })
    }

    pub(super) fn serial_number(&self) -> Result<SerialNumber, DecodeError> {
        let text = self.text("serial-number", 64, "a string")?;
        let missing = DecodeError::MissingField { field: "serial-number", artefact: self.container.artefact };
        SerialNumber::new(text.ok_or(missing)?)
    }

    pub(super) fn choice<C: Choice>(&self, leaf: &'static str) -> Result<Option<C>, DecodeError> {
        self.get(leaf, |value| value.choice(leaf))
    }

    pub(super) fn time(&self, leaf: &'static str) -> Result<Option<UnixTime>, DecodeError> {
        let text = self.text(leaf, 64, "an RFC 3339 date-and-time such as 2026-01-31T12:00:00Z")?;
        text.map(|text| from_rfc3339(leaf, text)).transpose()
    }

    pub(super) fn boolean(&self, leaf: &'static str) -> Result<Option<bool>, DecodeError> {
        self.get(leaf, |value| value.boolean(leaf))
    }

    pub(super) fn nonce(&self) -> Result<Option<Nonce>, DecodeError> {
        self.get("nonce", |value| value.nonce("nonce"))
    }

    pub(super) fn wanted(&self, leaf: &'static str) -> Result<Option<Wanted>, DecodeError> {
        self.get(leaf, |value| value.wanted(leaf))
    }

    pub(super) fn idevid_issuer(&self) -> Result<Option<KeyIdentifier>, DecodeError> {
        let invalid =
            DecodeError::InvalidField { field: "idevid-issuer", expected: "the IDevID's AuthorityKeyIdentifier extension value (RFC 8366bis, section 6.3)" };
        let Some(octets) = self.binary("idevid-issuer", ISSUER)? else { return Ok(None) };
        if let Some(issuer) = KeyIdentifier::from_whole_idevid_issuer(&octets) {
            return Ok(Some(issuer));
        }
        let issuer = KeyIdentifier::from_idevid_issuer(&octets).map_err(|_| invalid)?;
        let sentence = "idevid-issuer is not the whole OCTET STRING of the IDevID's AuthorityKeyIdentifier extension";
        self.reading.tolerate(Leniency::IdevidIssuerForms, "RFC 8366bis, section 6.3", sentence)?;
        Ok(Some(issuer))
    }

    /// The certificate keeps the octets it came in.
    pub(super) fn certificate(&self, leaf: &'static str) -> Result<Option<Certificate>, DecodeError> {
        let octets = self.binary(leaf, CERTIFICATE)?;
        octets.map(|der| self.reading.certificate(&der).map_err(|err| DecodeError::syntax(leaf, "X.509", err))).transpose()
    }

    /// A SubjectPublicKeyInfo of a kind we know; its octets are kept.
    pub(super) fn public_key(&self, leaf: &'static str) -> Result<Option<Vec<u8>>, DecodeError> {
        let octets = self.binary(leaf, CERTIFICATE)?;
        let checked = |der: Vec<u8>| match PublicKey::from_spki(&der) {
            Ok(_) => Ok(der),
            Err(err) => Err(DecodeError::syntax(leaf, "SubjectPublicKeyInfo", err)),
        };
        octets.map(checked).transpose()
    }

    pub(super) fn hash(&self, leaf: &'static str) -> Result<Option<[u8; 32]>, DecodeError> {
        let octets = self.binary(leaf, 64)?;
        let invalid = DecodeError::InvalidField { field: leaf, expected: "a SHA-256 hash of 32 octets" };
        octets.map(|octets| octets.try_into().map_err(|_| invalid)).transpose()
    }

    pub(super) fn uri(&self, leaf: &'static str) -> Result<Option<String>, DecodeError> {
        self.visible(leaf, 2048, "a URI in printable ASCII")
    }

    /// Parameters need no spaces, so that a media type has none.
    pub(super) fn media_type(&self, leaf: &'static str) -> Result<Option<String>, DecodeError> {
        self.visible(leaf, 128, "a media type without spaces")
    }

    pub(super) fn manufacturer_proprietary(&self) -> Result<Option<Vec<u8>>, DecodeError> {
        self.get("manufacturer-proprietary", |value| value.opaque("manufacturer-proprietary", OPAQUE))
    }

    /// One certificate, or an array of them: BRSKI-PRM and the YANG module differ.
    pub(super) fn agent_sign_cert(&self) -> Result<Option<Vec<Vec<u8>>>, DecodeError> {
        let leaf = "agent-sign-cert";
        self.get(leaf, |value| match value.elements() {
            None => Ok(vec![value.octets(leaf, CERTIFICATE)?]),
            Some(values) if values.len() > CHAIN => Err(DecodeError::TooLarge { what: "number of certificates in agent-sign-cert", limit: CHAIN }),
            Some(values) => values.iter().map(|value| value.octets(leaf, CERTIFICATE)).collect(),
        })
    }

    /// Evidence records; none if the leaf-list is absent.
    pub(super) fn evidence(&self) -> Result<Vec<Vec<u8>>, DecodeError> {
        let leaf = "evidence";
        let records = self.get(leaf, |value| match value.elements() {
            None => Err(DecodeError::InvalidField { field: leaf, expected: "an array" }),
            Some(values) if values.len() > RECORDS => Err(DecodeError::TooLarge { what: "number of evidence records", limit: RECORDS }),
            Some(values) => values.iter().map(|value| value.octets(leaf, OPAQUE)).collect(),
        })?;
        Ok(records.unwrap_or_default())
    }

    /// The content of our extension, if `extensions` lists it; of a listed extension without content, nothing.
    ///
    /// In YANG data an empty container and an absent one are the same (RFC 7950, section 7.5.1).
    /// Content that is not listed is refused: a reader that goes by the list would overlook what another one uses.
    pub(super) fn extension(&self) -> Result<Option<Option<&'a V>>, DecodeError> {
        let content = self.members.get(EXTENSION_CONTENT).copied();
        match (self.lists_extension()?, content) {
            (false, None) => Ok(None),
            (false, Some(_)) => Err(DecodeError::MissingField { field: EXTENSION_NAME, artefact: "leaf-list extensions, although its content is there" }),
            (true, content) => Ok(Some(content)),
        }
    }

    /// How strictly to read.
    pub(super) fn reading(&self) -> &'a Reading {
        self.reading
    }

    fn lists_extension(&self) -> Result<bool, DecodeError> {
        let invalid = DecodeError::InvalidField { field: "extensions", expected: "an array of extensions by name, or by SID in CBOR" };
        let Some(value) = self.members.get("extensions") else { return Ok(false) };
        let values = value.elements().ok_or(invalid.clone())?;
        if values.len() > EXTENSIONS {
            return Err(DecodeError::TooLarge { what: "number of extensions", limit: EXTENSIONS });
        }
        let mut listed = BTreeSet::new();
        for value in values {
            let extension = value.listed().ok_or(invalid.clone())?;
            if !listed.insert(extension) {
                return Err(DecodeError::DuplicateField { field: printable(&extension.to_string(), 64), artefact: "leaf-list extensions" });
            }
        }
        Ok(listed.contains(&Listed::Name(EXTENSION_NAME)))
    }

    /// Octets, at most `limit` of them.
    pub(super) fn binary(&self, leaf: &'static str, limit: usize) -> Result<Option<Vec<u8>>, DecodeError> {
        self.get(leaf, |value| value.octets(leaf, limit))
    }

    /// Text of at least one character, all of them printable ASCII and no space.
    fn visible(&self, leaf: &'static str, limit: usize, expected: &'static str) -> Result<Option<String>, DecodeError> {
        let text = self.text(leaf, limit, expected)?;
        let checked = |text: &str| match !text.is_empty() && text.bytes().all(|b| (0x21..0x7f).contains(&b)) {
            true => Ok(text.to_owned()),
            false => Err(DecodeError::InvalidField { field: leaf, expected }),
        };
        text.map(checked).transpose()
    }

    fn text(&self, leaf: &'static str, limit: usize, expected: &'static str) -> Result<Option<&'a str>, DecodeError> {
        self.get(leaf, |value| value.text(leaf, limit, expected))
    }

    fn get<T>(&self, leaf: &'static str, read: impl FnOnce(&'a V) -> Result<T, DecodeError>) -> Result<Option<T>, DecodeError> {
        self.members.get(leaf).copied().map(read).transpose()
    }
}

/// Octets of the longest document. A request within a request, with a statement in each, still fits.
pub(super) const DOCUMENT: usize = 256 * 1024;
/// Octets of the longest signed envelope inside a request.
pub(super) const ENVELOPE: usize = 96 * 1024;
/// Octets of the longest leaf whose content is the manufacturer's, an agent's or the device's own business.
pub(super) const OPAQUE: usize = 16 * 1024;
/// Octets of the longest provenance statement.
pub(super) const STATEMENT: usize = 32 * 1024;
const CERTIFICATE: usize = 16 * 1024;
const ISSUER: usize = 512;

// Elements.
const CHAIN: usize = 10;
const RECORDS: usize = 8;
const EXTENSIONS: usize = 64;
