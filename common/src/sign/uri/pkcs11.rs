//! `pkcs11:` URIs (RFC 7512), as far as they name a private key.

use core::fmt;
use std::path::PathBuf;

use super::{KeyUri, KeyUriError, LONGEST_SHOWN, decoded_text, percent_decoded};
use crate::text::printable;

/// Which private key of which token, through which module, and where the PIN is.
///
/// An attribute that is absent matches everything; exactly one key may be left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pkcs11Uri {
    /// Label of the token (CK_TOKEN_INFO), at most 32 octets.
    pub token: Option<String>,
    /// Serial number of the token, at most 16 octets.
    pub serial: Option<String>,
    /// Manufacturer of the token, at most 32 octets.
    pub manufacturer: Option<String>,
    /// Model of the token, at most 16 octets.
    pub model: Option<String>,
    /// The slot it is in. Some modules number their slots anew at each start.
    pub slot_id: Option<u64>,
    /// Label of the key (CKA_LABEL).
    pub object: Option<String>,
    /// Identifier of the key (CKA_ID).
    pub id: Option<Vec<u8>>,
    /// The shared library that speaks to the token: an absolute path.
    pub module_path: PathBuf,
    /// The file whose first line is the user's PIN. A relative path is relative to whatever names it; `None` for a token that asks for none.
    pub pin_source: Option<PathBuf>,
}

impl Pkcs11Uri {
    /// What follows `pkcs11:`.
    pub(super) fn parse(rest: &str) -> Result<Self, KeyUriError> {
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = attributes(path, ';', &BEFORE)?;
        let query = attributes(query, '&', &AFTER)?;
        let text = |name, longest, expected| path.text(name, longest, expected);

        match path.find("type") {
            None | Some("private") => (),
            Some(_) => return Err(KeyUriError::Value { attribute: "type", expected: "private, or absent: only a private key signs" }),
        }
        if query.find("pin-value").is_some() {
            return Err(KeyUriError::PinValue);
        }
        let uri = Self {
            token: text("token", 32, "1 to 32 octets, as a token's label is")?,
            serial: text("serial", 16, "1 to 16 octets, as a token's serial number is")?,
            manufacturer: text("manufacturer", 32, "1 to 32 octets, as a token's manufacturer is")?,
            model: text("model", 16, "1 to 16 octets, as a token's model is")?,
            slot_id: path.find("slot-id").map(slot_id).transpose()?,
            object: text("object", 1024, "a label of 1 to 1024 octets")?,
            id: path.find("id").map(id).transpose()?,
            module_path: module_path(query.find("module-path"))?,
            pin_source: query.find("pin-source").map(pin_source).transpose()?,
        };
        match uri.object.is_some() || uri.id.is_some() {
            true => Ok(uri),
            false => Err(KeyUriError::Missing { attribute: "object", expected: "object=LABEL or id=%01, or both, say which key of the token it is" }),
        }
    }
}

impl fmt::Display for Pkcs11Uri {
    /// The key and its token, in the form of the URI, without where module and PIN are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = [("token", &self.token), ("serial", &self.serial), ("manufacturer", &self.manufacturer), ("model", &self.model), ("object", &self.object)];
        let mut parts: Vec<String> = texts.iter().filter_map(|(name, value)| Some(format!("{name}={}", encoded(value.as_deref()?.as_bytes())))).collect();
        parts.extend(self.slot_id.map(|slot| format!("slot-id={slot}")));
        parts.extend(self.id.as_ref().map(|id| format!("id={}", id.iter().map(|octet| format!("%{octet:02X}")).collect::<String>())));
        write!(f, "pkcs11:{}", parts.join(";"))
    }
}

fn encoded(octets: &[u8]) -> String {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~');
    octets.iter().map(|&octet| if plain(octet) { char::from(octet).to_string() } else { format!("%{octet:02X}") }).collect()
}

/// One side of the question mark.
struct Side {
    /// Which side, and what may stand there.
    known: &'static [&'static str],
    place: &'static str,
    /// Characters beyond the unreserved ones that need no percent-encoding (RFC 7512, section 2.3).
    plain: &'static str,
}

struct Attributes<'a>(Vec<(&'static str, &'a str)>);

impl<'a> Attributes<'a> {
    fn find(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// A text of at least one and at most `longest` octets.
    fn text(&self, name: &'static str, longest: usize, expected: &'static str) -> Result<Option<String>, KeyUriError> {
        let Some(value) = self.find(name) else { return Ok(None) };
        let text = decoded_text(name, value)?;
        match (1..=longest).contains(&text.len()) {
            true => Ok(Some(text)),
            false => Err(KeyUriError::Value { attribute: name, expected }),
        }
    }
}

fn attributes<'a>(text: &'a str, separator: char, side: &Side) -> Result<Attributes<'a>, KeyUriError> {
    let mut found = Attributes(Vec::new());
    for part in text.split(separator).filter(|_| !text.is_empty()) {
        let Some((name, value)) = part.split_once('=') else {
            // No further than a name goes: what follows may have been meant as a PIN.
            let name = part.split(|c: char| !c.is_ascii_alphabetic() && c != '-').next().unwrap_or_default();
            return Err(KeyUriError::NoAttribute { part: printable(name, LONGEST_SHOWN) });
        };
        let Some(attribute) = side.known.iter().copied().find(|known| *known == name) else {
            // Whoever wrote it meant it to narrow the choice down; to pass over it could take another key.
            let known = side.known.iter().filter(|known| **known != "pin-value").copied().collect::<Vec<_>>().join(", ");
            return Err(KeyUriError::UnknownAttribute { attribute: printable(name, LONGEST_SHOWN), place: side.place, known });
        };
        if found.find(attribute).is_some() {
            return Err(KeyUriError::Twice { attribute });
        }
        if attribute != "pin-value"
            && let Some(character) = value.chars().find(|c| !is_plain(*c, side.plain))
        {
            return Err(KeyUriError::Character { attribute: attribute.to_owned(), character });
        }
        found.0.push((attribute, value));
    }
    Ok(found)
}

fn is_plain(character: char, plain: &str) -> bool {
    character.is_ascii_alphanumeric() || "-._~%:[]@!$'()*+,=".contains(character) || plain.contains(character)
}

fn slot_id(text: &str) -> Result<u64, KeyUriError> {
    let digits = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.ok_or(KeyUriError::Value { attribute: "slot-id", expected: "a decimal number" })
}

fn id(text: &str) -> Result<Vec<u8>, KeyUriError> {
    let octets = percent_decoded(text).ok_or_else(|| KeyUriError::Encoding { part: "id".to_owned() })?;
    match (1..=1024).contains(&octets.len()) {
        true => Ok(octets),
        false => Err(KeyUriError::Value { attribute: "id", expected: "1 to 1024 octets, percent-encoded, such as %01" }),
    }
}

fn module_path(text: Option<&str>) -> Result<PathBuf, KeyUriError> {
    let expected = "the absolute path of the token's shared library, such as ?module-path=/usr/lib/softhsm/libsofthsm2.so";
    let text = text.ok_or(KeyUriError::Missing { attribute: "module-path", expected })?;
    // Whatever is loaded runs with our rights: no search path may decide what that is.
    match PathBuf::from(decoded_text("module-path", text)?) {
        path if path.is_absolute() => Ok(path),
        _ => Err(KeyUriError::Value { attribute: "module-path", expected }),
    }
}

fn pin_source(text: &str) -> Result<PathBuf, KeyUriError> {
    let expected = "a file, such as pin-source=file:/etc/brski/pin.txt, whose first line is the PIN";
    match decoded_text("pin-source", text)?.parse() {
        // A | begins a command that some programs would run (RFC 7512, section 2.4).
        Ok(KeyUri::File(path)) if !path.as_os_str().as_encoded_bytes().starts_with(b"|") => Ok(path),
        Ok(KeyUri::File(_) | KeyUri::Pkcs11(_)) | Err(_) => Err(KeyUriError::Value { attribute: "pin-source", expected }),
    }
}

const BEFORE: Side = Side { known: &["token", "serial", "manufacturer", "model", "slot-id", "object", "id", "type"], place: "before", plain: "&" };

// pin-value is known in order to be refused with its reason.
const AFTER: Side = Side { known: &["module-path", "pin-source", "pin-value"], place: "after", plain: "/?|" };
