//! A voucher's or request's container as it stands, whatever the strict reader thinks of it.

use ciborium::Value as Cbor;
use serde_json::{Value as Json, json};

use super::names::{self, Kind};
use crate::codec::hex;
use crate::envelope::Format;
use crate::inspect::certificate::{shown, summary};
use crate::inspect::layers::{STANDARD, URL_SAFE, cbor, unbase64};
use crate::voucher::{Assertion, EXTENSION_NAME, EXTENSION_SID, PRM_ROOT, extension_leaf_numbered, leaf_numbered, root};

/// Under which name or number a container stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::inspect) enum Root {
    /// That of a voucher today.
    Voucher,
    /// That of a request today.
    Request,
    /// That of a request in early BRSKI-PRM.
    PrmRequest,
    /// The number of a voucher in the constrained voucher of 2019.
    OldVoucher,
    /// The number of a request in the constrained voucher of 2019.
    OldRequest,
}

impl Root {
    const ALL: [Self; 5] = [Self::Voucher, Self::Request, Self::PrmRequest, Self::OldVoucher, Self::OldRequest];

    fn name(self) -> &'static str {
        match self {
            Self::Voucher => root(false).0,
            Self::Request => root(true).0,
            Self::PrmRequest => PRM_ROOT,
            Self::OldVoucher => "ietf-constrained-voucher:voucher",
            Self::OldRequest => "ietf-constrained-voucher-request:voucher",
        }
    }

    /// Its number; early BRSKI-PRM had none.
    fn sid(self) -> Option<u64> {
        match self {
            Self::Voucher => Some(root(false).1),
            Self::Request => Some(root(true).1),
            Self::PrmRequest => None,
            Self::OldVoucher => Some(1_001_100),
            Self::OldRequest => Some(1_001_154),
        }
    }

    /// The root of a JSON document.
    pub(in crate::inspect) fn of_json(value: &Json) -> Option<Self> {
        let members = value.as_object()?;
        Self::ALL.into_iter().find(|root| members.get(root.name()).is_some_and(Json::is_object))
    }

    /// The root of a CBOR document.
    pub(in crate::inspect) fn of_cbor(value: &Cbor) -> Option<Self> {
        value.as_map()?.iter().find_map(|(key, content)| content.is_map().then(|| Self::of_key(key)).flatten())
    }

    fn of_key(key: &Cbor) -> Option<Self> {
        let number = key.as_integer().and_then(|number| u64::try_from(number).ok());
        Self::ALL.into_iter().find(|root| key.as_text() == Some(root.name()) || (number.is_some() && number == root.sid()))
    }

    fn is_request(self) -> bool {
        match self {
            Self::Request | Self::PrmRequest | Self::OldRequest => true,
            Self::Voucher | Self::OldVoucher => false,
        }
    }

    /// Number of the module whose numbers the leaves have, where it is today's.
    fn parent(self) -> Option<u64> {
        match self {
            Self::Voucher | Self::Request => self.sid(),
            Self::PrmRequest | Self::OldVoucher | Self::OldRequest => None,
        }
    }
}

/// A leaf's value.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::inspect) enum Raw {
    Text(String),
    Number(i128),
    Flag(bool),
    Octets(Vec<u8>),
    List(Vec<Raw>),
    Container(Vec<(String, Raw)>),
    Other,
}

/// All leaves under one root.
pub(in crate::inspect) struct Container {
    pub(in crate::inspect) root: Root,
    pub(in crate::inspect) format: Format,
    pub(in crate::inspect) leaves: Vec<(String, Raw)>,
}

impl Container {
    /// Reads a payload of this format.
    pub(in crate::inspect) fn read(format: Format, payload: &[u8]) -> Option<Self> {
        match format {
            Format::Cms | Format::Jws => {
                let document: Json = serde_json::from_slice(payload).ok()?;
                let root = Root::of_json(&document)?;
                let leaves = document.get(root.name())?.as_object()?.iter().map(|(name, value)| (name.clone(), of_json(name, value))).collect();
                Some(Self { root, format, leaves })
            }
            Format::Cose => {
                let document = cbor(payload)?;
                let (root, content) = document.as_map()?.iter().find_map(|(key, content)| Some((Root::of_key(key)?, content.as_map()?)))?;
                let leaves = content.iter().map(|(key, value)| leaf_of_cbor(key, value, root)).collect();
                Some(Self { root, format, leaves })
            }
        }
    }

    pub(in crate::inspect) fn get(&self, name: &str) -> Option<&Raw> {
        self.leaves.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(in crate::inspect) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(in crate::inspect) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Raw::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(in crate::inspect) fn octets(&self, name: &str) -> Option<&[u8]> {
        match self.get(name)? {
            Raw::Octets(octets) => Some(octets),
            _ => None,
        }
    }

    /// The nonce's octets: in JSON those its text stands for.
    pub(in crate::inspect) fn nonce(&self) -> Option<Vec<u8>> {
        match self.get("nonce")? {
            Raw::Octets(octets) => Some(octets.clone()),
            Raw::Text(text) => Some(crate::Nonce::from_text(text.as_str()).map_or_else(|_| text.clone().into_bytes(), |nonce| nonce.octets())),
            _ => None,
        }
    }

    pub(in crate::inspect) fn is_request(&self) -> bool {
        // Some pledges write their requests under the voucher's root.
        self.root.is_request()
            || ["prior-signed-voucher-request", "proximity-registrar-cert", "proximity-registrar-pubk", "proximity-registrar-pubk-sha256"]
                .iter()
                .any(|leaf| self.has(leaf))
    }

    /// The provenance extension's content.
    pub(in crate::inspect) fn extension(&self) -> Option<&[(String, Raw)]> {
        match self.get(&format!("extension:{EXTENSION_NAME}"))? {
            Raw::Container(leaves) => Some(leaves),
            _ => None,
        }
    }
}

fn of_json(name: &str, value: &Json) -> Raw {
    let binary = matches!(names::kind(name), Kind::Binary | Kind::Certificate | Kind::Envelope);
    match value {
        Json::String(text) if binary => {
            let octets = unbase64(text, &STANDARD).or_else(|| unbase64(text, &URL_SAFE));
            octets.map_or_else(|| Raw::Text(text.clone()), Raw::Octets)
        }
        Json::String(text) => Raw::Text(text.clone()),
        Json::Bool(flag) => Raw::Flag(*flag),
        Json::Number(number) => number.as_i128().map_or(Raw::Other, Raw::Number),
        Json::Array(values) => Raw::List(values.iter().map(|value| of_json(name, value)).collect()),
        Json::Object(members) => Raw::Container(members.iter().map(|(name, value)| (name.clone(), of_json(name, value))).collect()),
        Json::Null => Raw::Other,
    }
}

fn leaf_of_cbor(key: &Cbor, value: &Cbor, root: Root) -> (String, Raw) {
    let number = |value: &Cbor| value.as_integer().and_then(|number| u64::try_from(number).ok());
    let named = |sid: u64| root.parent().and_then(|_| leaf_numbered(root.is_request(), sid)).map(str::to_owned);
    let name = match key {
        Cbor::Text(name) => name.clone(),
        // An absolute SID (RFC 9254, section 3.2).
        Cbor::Tag(47, sid) => number(sid).map(|sid| named(sid).unwrap_or_else(|| format!("SID {sid}"))).unwrap_or_else(unknown_key),
        other => {
            let delta = number(other);
            let sid = delta.zip(root.parent()).and_then(|(delta, parent)| parent.checked_add(delta));
            sid.and_then(named).or_else(|| delta.map(|delta| format!("key {delta}"))).unwrap_or_else(unknown_key)
        }
    };
    let raw = match value.as_map() {
        Some(content) if name == format!("extension:{EXTENSION_NAME}") => {
            Raw::Container(content.iter().map(|(key, value)| extension_leaf(key, value)).collect())
        }
        Some(_) | None => of_cbor(value),
    };
    (name, raw)
}

fn extension_leaf(key: &Cbor, value: &Cbor) -> (String, Raw) {
    let number = key.as_integer().and_then(|number| u64::try_from(number).ok());
    let known = number.and_then(|delta| extension_leaf_numbered(EXTENSION_SID.checked_add(delta)?)).map(str::to_owned);
    (known.or_else(|| key.as_text().map(str::to_owned)).unwrap_or_else(unknown_key), of_cbor(value))
}

fn unknown_key() -> String {
    "an unknown key".to_owned()
}

fn of_cbor(value: &Cbor) -> Raw {
    match value {
        Cbor::Text(text) => Raw::Text(text.clone()),
        Cbor::Bool(flag) => Raw::Flag(*flag),
        Cbor::Bytes(octets) => Raw::Octets(octets.clone()),
        Cbor::Integer(number) => Raw::Number((*number).into()),
        Cbor::Array(values) => Raw::List(values.iter().map(of_cbor).collect()),
        Cbor::Tag(_, inner) => of_cbor(inner),
        Cbor::Map(entries) => Raw::Container(
            entries.iter().map(|(key, value)| (key.as_text().map_or_else(|| format!("{:?}", of_cbor(key)), str::to_owned), of_cbor(value))).collect(),
        ),
        _ => Raw::Other,
    }
}

/// A value for people and programs.
pub(super) fn value(name: &str, raw: &Raw) -> Json {
    match raw {
        Raw::Text(text) => shown(text).into(),
        Raw::Number(number) if names::kind(name) == Kind::Assertion => {
            let known = u64::try_from(*number).ok().and_then(Assertion::from_number);
            known.map_or_else(|| number.to_string(), |assertion| assertion.name().to_owned()).into()
        }
        Raw::Number(number) => i64::try_from(*number).map_or_else(|_| number.to_string().into(), Json::from),
        Raw::Flag(flag) => (*flag).into(),
        Raw::Octets(octets) if names::kind(name) == Kind::Certificate => {
            crate::Certificate::from_der(octets).map_or_else(|_| hex(octets).into(), |certificate| summary(&certificate))
        }
        Raw::Octets(octets) => hex(octets).into(),
        Raw::List(values) => values.iter().map(|item| value(name, item)).collect(),
        Raw::Container(leaves) => Json::Object(leaves.iter().map(|(name, raw)| (shown(name), value(name, raw))).collect()),
        Raw::Other => json!("no value of a kind that leaves have"),
    }
}
