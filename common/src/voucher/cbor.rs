//! The CBOR encoding (RFC 8366bis with RFC 9254): one root map, leaves by SID or name, binary in byte strings, enumerations by number, times in RFC 3339 text.
//!
//! What we write is deterministic (RFC 8949, section 4.2.1). What others write need not be.

mod bounds;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use ciborium::Value;

use super::encoded::{Choice, Encoded, Listed};
use super::leaves::DOCUMENT;
use super::schema::{Container, EXTENSION_CONTENT, REQUEST, VOUCHER};
use super::{EXTENSION_NAME, EXTENSION_SID, Nonce, Wanted};
use crate::codec::{from_any_cbor, to_deterministic_cbor};
use crate::error::DecodeError;
use crate::leniency::Reading;
use crate::text::printable;

impl Encoded for Value {
    fn parse(artefact: &'static str, octets: &[u8]) -> Result<Self, DecodeError> {
        if octets.len() > DOCUMENT {
            return Err(DecodeError::TooLarge { what: artefact, limit: DOCUMENT });
        }
        bounds::check(artefact, octets)?;
        from_any_cbor(artefact, octets)
    }

    fn root(&self, container: &'static Container, _reading: &Reading) -> Result<&Self, DecodeError> {
        let unexpected = |found| DecodeError::Unexpected { what: "the CBOR root", found, expected: container.name };
        let document = self.as_map().ok_or(DecodeError::InvalidField { field: container.artefact, expected: "a CBOR map" })?;
        let own = |key: &Key<'_>| match key {
            Key::Sid(sid) => *sid == i128::from(container.sid),
            Key::Name(name) => *name == container.name,
        };
        match document.as_slice() {
            [] => Err(unexpected("empty".to_owned())),
            // The root's SID is a delta to nothing.
            [(key, value)] => match Key::read(key, 0) {
                Some(key) if own(&key) => Ok(value),
                Some(key) => Err(unexpected(described(&key))),
                None => Err(unexpected("neither a SID nor a name".to_owned())),
            },
            [_, _, ..] => Err(unexpected("accompanied by other members".to_owned())),
        }
    }

    fn members(&self, container: &'static Container) -> Result<BTreeMap<&'static str, &Self>, DecodeError> {
        let invalid = |expected| DecodeError::InvalidField { field: container.name, expected };
        let entries = self.as_map().ok_or(invalid("a CBOR map"))?;
        let (mut members, mut strangers) = (BTreeMap::new(), BTreeSet::new());
        for (key, value) in entries {
            let key = Key::read(key, container.sid).ok_or(invalid("a CBOR map whose keys are integers, integers in tag 47, or names"))?;
            let doubled = match key.leaf(container) {
                Some(leaf) => members.insert(leaf, value).is_some().then(|| leaf.to_owned()),
                None => (!strangers.insert(key)).then(|| key.to_string()),
            };
            if let Some(field) = doubled {
                return Err(DecodeError::DuplicateField { field, artefact: container.artefact });
            }
        }
        Ok(members)
    }

    fn text(&self, leaf: &'static str, limit: usize, expected: &'static str) -> Result<&str, DecodeError> {
        match self.as_text() {
            Some(text) if text.len() > limit => Err(DecodeError::TooLarge { what: leaf, limit }),
            Some(text) => Ok(text),
            None => Err(DecodeError::InvalidField { field: leaf, expected }),
        }
    }

    fn octets(&self, leaf: &'static str, limit: usize) -> Result<Vec<u8>, DecodeError> {
        match self {
            Self::Bytes(octets) if octets.len() > limit => Err(DecodeError::TooLarge { what: leaf, limit }),
            Self::Bytes(octets) => Ok(octets.clone()),
            Self::Text(_) => Err(DecodeError::InvalidField { field: leaf, expected: "a byte string in CBOR (RFC 9254, section 6.8), and no base64 text" }),
            _ => Err(DecodeError::InvalidField { field: leaf, expected: "a byte string" }),
        }
    }

    fn opaque(&self, leaf: &'static str, limit: usize) -> Result<Vec<u8>, DecodeError> {
        self.octets(leaf, limit)
    }

    fn boolean(&self, leaf: &'static str) -> Result<bool, DecodeError> {
        self.as_bool().ok_or(DecodeError::InvalidField { field: leaf, expected: "true or false" })
    }

    fn choice<C: Choice>(&self, leaf: &'static str) -> Result<C, DecodeError> {
        let number = self.as_integer().and_then(|number| u64::try_from(number).ok());
        number.and_then(C::from_value).ok_or(DecodeError::InvalidField { field: leaf, expected: C::NUMBERS })
    }

    fn nonce(&self, leaf: &'static str) -> Result<Nonce, DecodeError> {
        Nonce::from_bytes(&self.octets(leaf, 64)?)
    }

    /// A byte string whose first octet holds bit 0 as its lowest, or an array of just that (RFC 9254, section 6.7).
    fn wanted(&self, leaf: &'static str) -> Result<Wanted, DecodeError> {
        let expected = "a byte string of the bits full (h'01') and summary (h'02')";
        let string = match self.elements() {
            Some([string]) => string,
            Some(_) | None => self,
        };
        let bits = match string.as_bytes().map(Vec::as_slice) {
            Some([]) => 0,
            Some([bits]) if bits & !(FULL | SUMMARY) == 0 => *bits,
            Some(_) | None => return Err(DecodeError::InvalidField { field: leaf, expected }),
        };
        Ok(Wanted { full: bits & FULL != 0, summary: bits & SUMMARY != 0 })
    }

    fn elements(&self) -> Option<&[Self]> {
        self.as_array().map(Vec::as_slice)
    }

    /// Our own extension is known by its SID as well, so that it counts as the same under both.
    fn listed(&self) -> Option<Listed<'_>> {
        let sid = |number| match u64::try_from(number).ok()? {
            EXTENSION_SID => Some(Listed::Name(EXTENSION_NAME)),
            sid => Some(Listed::Sid(sid)),
        };
        self.as_text().map(Listed::Name).or_else(|| self.as_integer().and_then(sid))
    }

    fn from_text(text: &str) -> Self {
        text.into()
    }

    fn from_octets(octets: &[u8]) -> Self {
        octets.into()
    }

    fn from_opaque(octets: &[u8]) -> Self {
        octets.into()
    }

    fn from_boolean(value: bool) -> Self {
        value.into()
    }

    fn from_choice(choice: impl Choice) -> Self {
        choice.value().into()
    }

    fn from_nonce(nonce: &Nonce) -> Result<Self, DecodeError> {
        // Plain words would come back as the base64 of their octets, which is another nonce.
        match nonce.has_yang_length() {
            true => Ok(Self::Bytes(nonce.octets())),
            false => Err(DecodeError::InvalidField { field: "nonce", expected: "base64 of 8 to 32 octets, which are what CBOR carries" }),
        }
    }

    fn from_wanted(Wanted { full, summary }: Wanted) -> Self {
        let bits = if full { FULL } else { 0 } | if summary { SUMMARY } else { 0 };
        // Octets without a bit are left out.
        Self::Bytes([bits].into_iter().filter(|bits| *bits != 0).collect())
    }

    fn from_elements(elements: Vec<Self>) -> Self {
        Self::Array(elements)
    }

    fn own_extension() -> Self {
        Self::Array(vec![EXTENSION_SID.into()])
    }

    fn from_members(container: &'static Container, members: BTreeMap<&'static str, Self>) -> Self {
        let key = |leaf| match container.delta_of(leaf) {
            // Another module's, and written as RFC 8366bis, section 8.6 shows it.
            Some(_) if leaf == EXTENSION_CONTENT => Self::Tag(ABSOLUTE_SID, Box::new(EXTENSION_SID.into())),
            Some(delta) => delta.into(),
            None => leaf.into(),
        };
        Self::Map(members.into_iter().map(|(leaf, value)| (key(leaf), value)).collect())
    }

    fn document(self, container: &'static Container) -> Result<Vec<u8>, DecodeError> {
        to_deterministic_cbor(container.artefact, &Self::Map(vec![(container.sid.into(), self)]))
    }
}

/// A root of another kind, by SID and name if it is one of ours.
fn described(root: &Key<'_>) -> String {
    let known = [&VOUCHER, &REQUEST].into_iter().find(|container| matches!(root, Key::Sid(sid) if *sid == i128::from(container.sid)));
    known.map_or_else(|| root.to_string(), |container| format!("{root} ({})", container.name))
}

/// A map's key: what RFC 9254 lets stand for a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    /// An absolute SID, or what comes out if a delta leads nowhere.
    Sid(i128),
    Name(&'a str),
}

impl<'a> Key<'a> {
    /// An integer is a delta to the SID of the parent; in tag 47 it is a SID itself (RFC 9254, section 3.2).
    fn read(key: &'a Value, parent: u64) -> Option<Self> {
        match key {
            Value::Integer(delta) => Some(Self::Sid(i128::from(parent).checked_add(i128::from(*delta))?)),
            Value::Tag(ABSOLUTE_SID, sid) => Some(Self::Sid(i128::from(u64::try_from(sid.as_integer()?).ok()?))),
            Value::Text(name) => Some(Self::Name(name)),
            _ => None,
        }
    }

    fn leaf(&self, container: &Container) -> Option<&'static str> {
        match self {
            Self::Sid(sid) => container.leaf_numbered(u64::try_from(*sid).ok()?),
            // Content may be named like its extension.
            Self::Name(EXTENSION_NAME) => container.leaf_named(EXTENSION_CONTENT),
            Self::Name(name) => container.leaf_named(name),
        }
    }
}

impl core::fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Sid(sid) => sid.fmt(f),
            Self::Name(name) => f.write_str(&printable(name, 64)),
        }
    }
}

// RFC 9254, section 9.3.
const ABSOLUTE_SID: u64 = 47;

// The YANG positions 0 and 1.
const FULL: u8 = 1;
const SUMMARY: u8 = 2;
