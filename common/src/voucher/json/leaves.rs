//! Reading leaves by name and type. Every error names the leaf; absent leaves are `None`; `null` is a wrong value and not an absent one.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::content_of;
use crate::certificate::Certificate;
use crate::codec::unbase64;
use crate::error::DecodeError;
use crate::identity::{KeyIdentifier, SerialNumber};
use crate::json::read_object;
use crate::sign::PublicKey;
use crate::text::printable;
use crate::time::{UnixTime, from_rfc3339};
use crate::voucher::{Assertion, EXTENSION_NAME, Nonce, ProvenanceExtension};

/// A voucher's or request's container.
pub(super) struct Leaves {
    artefact: &'static str,
    members: Map<String, Value>,
}

impl Leaves {
    /// Takes the container out of a document that has exactly this root and nothing beside it: a document with two roots would be a voucher to one reader and a request to another.
    pub(super) fn read(artefact: &'static str, root: &'static str, octets: &[u8]) -> Result<Self, DecodeError> {
        let mut document = read_object(artefact, octets, DOCUMENT)?;
        match (document.len(), document.remove(root)) {
            (1, Some(Value::Object(members))) => Ok(Self { artefact, members }),
            (1, Some(_)) => Err(DecodeError::InvalidField { field: root, expected: "a JSON object" }),
            (_, Some(_)) => Err(DecodeError::Unexpected { what: "the JSON root", found: "accompanied by other members".to_owned(), expected: root }),
            (_, None) => {
                let found = document.keys().next().map_or_else(|| "empty".to_owned(), |name| printable(name, 64));
                Err(DecodeError::Unexpected { what: "the JSON root", found, expected: root })
            }
        }
    }

    pub(super) fn serial_number(&self) -> Result<SerialNumber, DecodeError> {
        let text = self.text("serial-number", 64, "a string")?;
        let missing = DecodeError::MissingField { field: "serial-number", artefact: self.artefact };
        SerialNumber::new(text.ok_or(missing)?)
    }

    pub(super) fn assertion(&self, leaf: &'static str) -> Result<Option<Assertion>, DecodeError> {
        let expected = "verified, logged, proximity or agent-proximity";
        let Some(name) = self.text(leaf, 64, expected)? else { return Ok(None) };
        Assertion::from_name(name).map(Some).ok_or(DecodeError::InvalidField { field: leaf, expected })
    }

    pub(super) fn time(&self, leaf: &'static str) -> Result<Option<UnixTime>, DecodeError> {
        let text = self.text(leaf, 64, "an RFC 3339 date-and-time such as 2026-01-31T12:00:00Z")?;
        text.map(|text| from_rfc3339(leaf, text)).transpose()
    }

    pub(super) fn boolean(&self, leaf: &'static str) -> Result<Option<bool>, DecodeError> {
        let value = self.members.get(leaf);
        value.map(|value| value.as_bool().ok_or(DecodeError::InvalidField { field: leaf, expected: "true or false" })).transpose()
    }

    pub(super) fn nonce(&self) -> Result<Option<Nonce>, DecodeError> {
        self.text("nonce", 128, "base64 of 8 to 32 octets")?.map(Nonce::from_text).transpose()
    }

    pub(super) fn idevid_issuer(&self) -> Result<Option<KeyIdentifier>, DecodeError> {
        let invalid =
            DecodeError::InvalidField { field: "idevid-issuer", expected: "the IDevID's AuthorityKeyIdentifier extension value (RFC 8366bis, section 6.3)" };
        let octets = self.binary("idevid-issuer", 128)?;
        octets.map(|octets| KeyIdentifier::from_idevid_issuer(&octets).map_err(|_| invalid)).transpose()
    }

    pub(super) fn certificate(&self, leaf: &'static str) -> Result<Option<Certificate>, DecodeError> {
        let octets = self.binary(leaf, CERTIFICATE)?;
        octets.map(|der| Certificate::from_der(&der).map_err(|err| DecodeError::syntax(leaf, "X.509", err))).transpose()
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
        let expected = "a URI in printable ASCII";
        let text = self.text(leaf, 2048, expected)?;
        let checked = |text: &str| match !text.is_empty() && text.bytes().all(|b| (0x21..0x7f).contains(&b)) {
            true => Ok(text.to_owned()),
            false => Err(DecodeError::InvalidField { field: leaf, expected }),
        };
        text.map(checked).transpose()
    }

    /// Also under its older name. Base64url as RFC 8366bis, section 8.7 recommends, or base64 as the YANG type wants it.
    pub(super) fn manufacturer_proprietary(&self) -> Result<Option<Vec<u8>>, DecodeError> {
        let [own, old] = ["manufacturer-proprietary", "manufacturer-private"];
        let leaf = match (self.members.contains_key(own), self.members.contains_key(old)) {
            (true, true) => return Err(DecodeError::DuplicateField { field: format!("{own} (also as {old})"), artefact: self.artefact }),
            (false, true) => old,
            (true | false, false) => own,
        };
        let Some(text) = self.text(leaf, encoded(OPAQUE), "base64url")? else { return Ok(None) };
        let octets = URL_SAFE_NO_PAD.decode(text).or_else(|_| STANDARD.decode(text));
        octets.map(Some).map_err(|err| DecodeError::syntax(leaf, "base64url", err))
    }

    /// One certificate, or an array of them: BRSKI-PRM and the YANG module differ.
    pub(super) fn agent_sign_cert(&self) -> Result<Option<Vec<Vec<u8>>>, DecodeError> {
        let leaf = "agent-sign-cert";
        let expected = "base64 of a certificate, or an array of such";
        let octets = |value: &Value| within(leaf, value.as_str().ok_or(DecodeError::InvalidField { field: leaf, expected })?, CERTIFICATE);
        match self.members.get(leaf) {
            None => Ok(None),
            Some(Value::Array(values)) if values.len() > CHAIN => {
                Err(DecodeError::TooLarge { what: "number of certificates in agent-sign-cert", limit: CHAIN })
            }
            Some(Value::Array(values)) => values.iter().map(octets).collect::<Result<_, _>>().map(Some),
            Some(value) => octets(value).map(|one| Some(vec![one])),
        }
    }

    /// The extension, if `extensions` lists it.
    ///
    /// Listed without content, it is present and empty: in JSON of YANG an empty container and an absent one are the same (RFC 7950, section 7.5.1).
    /// Content that is not listed is refused: a reader that goes by the list would overlook what another one uses.
    pub(super) fn provenance(&self) -> Result<Option<ProvenanceExtension>, DecodeError> {
        let listed = self.extensions()?.contains(EXTENSION_NAME);
        match (listed, self.members.get(&content_of(EXTENSION_NAME))) {
            (false, None) => Ok(None),
            (false, Some(_)) => Err(DecodeError::MissingField { field: EXTENSION_NAME, artefact: "leaf-list extensions, although its content is there" }),
            (true, None) => Ok(Some(ProvenanceExtension::default())),
            (true, Some(Value::Object(content))) => {
                let statement = content.get("statement").map(|value| match value.as_str() {
                    Some(text) => within(STATEMENT_LEAF, text, STATEMENT),
                    None => Err(DecodeError::InvalidField { field: STATEMENT_LEAF, expected: "base64" }),
                });
                Ok(Some(ProvenanceExtension { statement: statement.transpose()?, ..ProvenanceExtension::default() }))
            }
            (true, Some(_)) => Err(DecodeError::InvalidField { field: "extension:brski-key-provenance", expected: "a JSON object" }),
        }
    }

    /// The names in `extensions`. SIDs, which JSON carries as numbers or as text, name nothing here.
    fn extensions(&self) -> Result<BTreeSet<&str>, DecodeError> {
        let invalid = DecodeError::InvalidField { field: "extensions", expected: "an array of extension names" };
        let values = match self.members.get("extensions") {
            None => return Ok(BTreeSet::new()),
            Some(Value::Array(values)) if values.len() > EXTENSIONS => {
                return Err(DecodeError::TooLarge { what: "number of extensions", limit: EXTENSIONS });
            }
            Some(Value::Array(values)) => values,
            Some(_) => return Err(invalid),
        };
        let mut names = BTreeSet::new();
        for value in values {
            match value {
                Value::String(name) if names.insert(name.as_str()) => {}
                Value::String(name) => return Err(DecodeError::DuplicateField { field: printable(name, 64), artefact: "leaf-list extensions" }),
                Value::Number(sid) if sid.is_u64() => {}
                Value::Number(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Err(invalid),
            }
        }
        Ok(names)
    }

    /// Octets in padded base64 (RFC 7951, section 6.6), at most `limit` of them.
    pub(super) fn binary(&self, leaf: &'static str, limit: usize) -> Result<Option<Vec<u8>>, DecodeError> {
        let text = self.text(leaf, encoded(limit), "base64")?;
        text.map(|text| within(leaf, text, limit)).transpose()
    }

    fn text(&self, leaf: &'static str, limit: usize, expected: &'static str) -> Result<Option<&str>, DecodeError> {
        match self.members.get(leaf) {
            None => Ok(None),
            Some(Value::String(text)) if text.len() > limit => Err(DecodeError::TooLarge { what: leaf, limit }),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Err(DecodeError::InvalidField { field: leaf, expected })
            }
        }
    }
}

fn within(leaf: &'static str, text: &str, limit: usize) -> Result<Vec<u8>, DecodeError> {
    match text.len() <= encoded(limit) {
        true => unbase64(leaf, text),
        false => Err(DecodeError::TooLarge { what: leaf, limit }),
    }
}

/// How many characters base64 needs for so many octets.
const fn encoded(octets: usize) -> usize {
    octets.div_ceil(3) * 4
}

const STATEMENT_LEAF: &str = "statement in extension:brski-key-provenance";

// Octets. A request within a request, with a statement in each, still fits the whole.
const DOCUMENT: usize = 256 * 1024;
/// Longest signed envelope inside a request.
pub(super) const ENVELOPE: usize = 96 * 1024;
/// Longest leaf whose content is the manufacturer's or an agent's own business.
pub(super) const OPAQUE: usize = 16 * 1024;
const STATEMENT: usize = 32 * 1024;
const CERTIFICATE: usize = 16 * 1024;

// Elements.
const CHAIN: usize = 10;
const EXTENSIONS: usize = 64;
