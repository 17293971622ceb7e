//! The JSON encoding (RFC 8366bis with RFC 7951): one root object, leaves by name, binary in padded base64, enumerations by name, times in RFC 3339.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::encoded::{Choice, Encoded, Listed};
use super::leaves::DOCUMENT;
use super::schema::{Container, PRM_ROOT, REQUEST, VOUCHER};
use super::{EXTENSION_NAME, Nonce, Wanted};
use crate::codec::{base64, base64url, unbase64};
use crate::error::DecodeError;
use crate::json::read_object;
use crate::leniency::{Leniency, Reading};
use crate::text::printable;

impl Encoded for Value {
    fn parse(artefact: &'static str, octets: &[u8]) -> Result<Self, DecodeError> {
        read_object(artefact, octets, DOCUMENT).map(Value::Object)
    }

    fn root(&self, container: &'static Container, reading: &Reading) -> Result<&Self, DecodeError> {
        let expected = container.name;
        let unexpected = |found| DecodeError::Unexpected { what: "the JSON root", found, expected };
        let document = self.as_object().ok_or(DecodeError::InvalidField { field: container.artefact, expected: "a JSON object" })?;
        let mut members = document.iter();
        match (members.next(), members.next()) {
            (None, _) => Err(unexpected("empty".to_owned())),
            (Some((root, value)), None) if root == expected || overlooked(root, container, reading)? => Ok(value),
            (Some(_), Some(_)) if document.contains_key(expected) => Err(unexpected("accompanied by other members".to_owned())),
            (Some((root, _)), None | Some(_)) => Err(unexpected(printable(root, 64))),
        }
    }

    fn members(&self, container: &'static Container) -> Result<BTreeMap<&'static str, &Self>, DecodeError> {
        let object = self.as_object().ok_or(DecodeError::InvalidField { field: container.name, expected: "a JSON object" })?;
        let mut members = BTreeMap::new();
        for (name, value) in object {
            let Some(leaf) = container.leaf_named(name) else { continue };
            if members.insert(leaf, value).is_some() {
                return Err(DecodeError::DuplicateField { field: format!("{leaf} (also under an older name)"), artefact: container.artefact });
            }
        }
        Ok(members)
    }

    fn text(&self, leaf: &'static str, limit: usize, expected: &'static str) -> Result<&str, DecodeError> {
        match self {
            Self::String(text) if text.len() > limit => Err(DecodeError::TooLarge { what: leaf, limit }),
            Self::String(text) => Ok(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Array(_) | Self::Object(_) => Err(DecodeError::InvalidField { field: leaf, expected }),
        }
    }

    /// Padded base64 (RFC 7951, section 6.6).
    fn octets(&self, leaf: &'static str, limit: usize) -> Result<Vec<u8>, DecodeError> {
        within(leaf, limit, unbase64(leaf, characters(self, leaf, limit, "base64")?)?)
    }

    /// Base64url as RFC 8366bis, section 8.7 recommends, or base64 as the YANG type wants it.
    fn opaque(&self, leaf: &'static str, limit: usize) -> Result<Vec<u8>, DecodeError> {
        let text = characters(self, leaf, limit, "base64url")?;
        let octets = URL_SAFE_NO_PAD.decode(text).or_else(|_| STANDARD.decode(text));
        within(leaf, limit, octets.map_err(|err| DecodeError::syntax(leaf, "base64url", err))?)
    }

    fn boolean(&self, leaf: &'static str) -> Result<bool, DecodeError> {
        self.as_bool().ok_or(DecodeError::InvalidField { field: leaf, expected: "true or false" })
    }

    fn choice<C: Choice>(&self, leaf: &'static str) -> Result<C, DecodeError> {
        C::from_word(self.text(leaf, 64, C::WORDS)?).ok_or(DecodeError::InvalidField { field: leaf, expected: C::WORDS })
    }

    fn nonce(&self, leaf: &'static str) -> Result<Nonce, DecodeError> {
        Nonce::from_text(self.text(leaf, 128, "base64 of 8 to 32 octets")?)
    }

    /// The names of the bits that are set, with one space between them (RFC 7951, section 6.5).
    fn wanted(&self, leaf: &'static str) -> Result<Wanted, DecodeError> {
        let expected = "\"full\", \"summary\", \"full summary\" or empty";
        let mut wanted = Wanted::default();
        for bit in self.text(leaf, 64, expected)?.split_ascii_whitespace() {
            match bit {
                FULL if !wanted.full => wanted.full = true,
                SUMMARY if !wanted.summary => wanted.summary = true,
                _ => return Err(DecodeError::InvalidField { field: leaf, expected }),
            }
        }
        Ok(wanted)
    }

    fn elements(&self) -> Option<&[Self]> {
        self.as_array().map(Vec::as_slice)
    }

    /// SIDs, which some write as numbers here too, name nothing in JSON.
    fn listed(&self) -> Option<Listed<'_>> {
        self.as_str().map(Listed::Name).or_else(|| self.as_u64().map(Listed::Sid))
    }

    fn from_text(text: &str) -> Self {
        text.into()
    }

    fn from_octets(octets: &[u8]) -> Self {
        base64(octets).into()
    }

    fn from_opaque(octets: &[u8]) -> Self {
        base64url(octets).into()
    }

    fn from_boolean(value: bool) -> Self {
        value.into()
    }

    fn from_choice(choice: impl Choice) -> Self {
        choice.word().into()
    }

    fn from_nonce(nonce: &Nonce) -> Result<Self, DecodeError> {
        Ok(nonce.as_text().into())
    }

    fn from_wanted(Wanted { full, summary }: Wanted) -> Self {
        let set = [(full, FULL), (summary, SUMMARY)].into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name);
        set.collect::<Vec<_>>().join(" ").into()
    }

    fn from_elements(elements: Vec<Self>) -> Self {
        Self::Array(elements)
    }

    fn own_extension() -> Self {
        json!([EXTENSION_NAME])
    }

    fn from_members(_container: &'static Container, members: BTreeMap<&'static str, Self>) -> Self {
        Self::Object(members.into_iter().map(|(leaf, value)| (leaf.to_owned(), value)).collect::<Map<_, _>>())
    }

    fn document(self, container: &'static Container) -> Result<Vec<u8>, DecodeError> {
        Ok(json!({ container.name: self }).to_string().into_bytes())
    }
}

/// Whether a request's wrong root is one that this reading tolerates.
fn overlooked(root: &str, container: &'static Container, reading: &Reading) -> Result<bool, DecodeError> {
    if container.sid != REQUEST.sid {
        return Ok(false);
    }
    let leniency = match root {
        _ if root == VOUCHER.name => Leniency::RequestRootVoucher,
        PRM_ROOT => Leniency::PrmLegacyRoot,
        _ => return Ok(false),
    };
    let sentence = format!("the JSON root of a voucher-request is {root}, expected {}", container.name);
    reading.tolerate(leniency, "RFC 8366bis, section 9", sentence).map(|()| true)
}

/// No more characters than base64 needs for so many octets, for which one or two octets more may be written as well: see [`within`].
fn characters<'a>(value: &'a Value, leaf: &'static str, limit: usize, expected: &'static str) -> Result<&'a str, DecodeError> {
    let text = value.text(leaf, usize::MAX, expected)?;
    match text.len() <= limit.div_ceil(3) * 4 {
        true => Ok(text),
        false => Err(DecodeError::TooLarge { what: leaf, limit }),
    }
}

/// The limit of a leaf is the same in every encoding.
fn within(leaf: &'static str, limit: usize, octets: Vec<u8>) -> Result<Vec<u8>, DecodeError> {
    match octets.len() <= limit {
        true => Ok(octets),
        false => Err(DecodeError::TooLarge { what: leaf, limit }),
    }
}

const FULL: &str = "full";
const SUMMARY: &str = "summary";
