//! Elements and their claims: the types that the draft defines, by name.

use core::fmt;

use crate::codec::hex;
use crate::text::{LONGEST_WORDS, printable};
use crate::time::{UnixTime, to_rfc3339};

/// What evidence says of one part: of the module, of a key in it, or of the request for the evidence itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Of which part.
    pub kind: ElementKind,
    /// What, in its order; at least one claim.
    pub claims: Vec<Claim>,
}

/// Which part an element is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElementKind {
    /// The request for the evidence.
    Transaction,
    /// The module.
    Platform,
    /// A key in it.
    Key,
    /// Something else: a dotted object identifier.
    Other(String),
}

/// One claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its name in the draft, as in `never-extractable`; a dotted object identifier if the draft does not have it for this kind of element.
    pub name: String,
    /// What it says.
    pub value: Value,
}

/// What a claim says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Octets: nonce, ak-spki, oemid, hwmodel, spki.
    Octets(Vec<u8>),
    /// Text.
    Text(String),
    /// A number.
    Integer(i64),
    /// Yes or no.
    Boolean(bool),
    /// A time, by the module's own clock, which may be wrong.
    Time(UnixTime),
    /// What a key may be used for: names, as in `sign`, or dotted object identifiers.
    Purposes(Vec<String>),
    /// Of a claim that is not known: one DER element, or nothing.
    Other(Option<Vec<u8>>),
}

impl ElementKind {
    /// The numbers below id-evidence-element.
    pub(super) const ALL: [Self; 3] = [Self::Transaction, Self::Platform, Self::Key];

    pub(super) fn claims(&self) -> &'static [Known] {
        match self {
            Self::Transaction => &TRANSACTION,
            Self::Platform => &PLATFORM,
            Self::Key => &KEY,
            Self::Other(_) => &[],
        }
    }
}

impl fmt::Display for ElementKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transaction => "transaction",
            Self::Platform => "platform",
            Self::Key => "key",
            Self::Other(oid) => oid,
        })
    }
}

impl Element {
    /// Octets of the claim with this name.
    pub(super) fn octets(&self, name: &str) -> Option<&[u8]> {
        self.all(name).find_map(|value| if let Value::Octets(octets) = value { Some(octets.as_slice()) } else { None })
    }

    /// Yes or no of the claim with this name.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.all(name).find_map(|value| if let Value::Boolean(flag) = value { Some(*flag) } else { None })
    }

    /// What the claims with this name say.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.claims.iter().filter(move |claim| claim.name == name).map(|claim| &claim.value)
    }
}

impl Claim {
    /// A claim of this name.
    pub fn new(name: &str, value: Value) -> Self {
        Self { name: name.to_owned(), value }
    }

    /// Its value for people.
    pub fn shown(&self) -> String {
        match &self.value {
            // Whoever has a word for a model often writes it so.
            Value::Octets(octets) if !octets.is_empty() && octets.iter().all(|octet| (0x20..0x7f).contains(octet)) => {
                printable(&format!("'{}'", String::from_utf8_lossy(octets)), LONGEST_WORDS)
            }
            Value::Octets(octets) => printable(&hex(octets), LONGEST_WORDS),
            Value::Text(text) => printable(text, LONGEST_WORDS),
            Value::Integer(number) if self.name == DEBUG_STATUS => match usize::try_from(*number).ok().and_then(|number| DEBUG_STATES.get(number)) {
                Some(state) => format!("{number} ({state})"),
                None => number.to_string(),
            },
            Value::Integer(number) => number.to_string(),
            Value::Boolean(flag) => flag.to_string(),
            Value::Time(time) => to_rfc3339(*time),
            Value::Purposes(purposes) => printable(&purposes.join(", "), LONGEST_WORDS),
            Value::Other(None) => "nothing".to_owned(),
            Value::Other(Some(der)) => format!("{} octets of a claim that is not known", der.len()),
        }
    }
}

/// A type of claims; its number is its place in its element's list.
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) form: Form,
    /// Whether an element may have it more than once.
    pub(super) repeatable: bool,
}

/// How a claim's value is written.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Octets,
    Text,
    Integer,
    Boolean,
    Time,
    Purposes,
}

const fn once(name: &'static str, form: Form) -> Known {
    Known { name, form, repeatable: false }
}

const fn repeated(name: &'static str, form: Form) -> Known {
    Known { name, form, repeatable: true }
}

const TRANSACTION: [Known; 3] = [once(NONCE, Form::Octets), once(TIMESTAMP, Form::Time), repeated(AK_SPKI, Form::Octets)];

const PLATFORM: [Known; 14] = [
    once("vendor", Form::Text),
    once("oemid", Form::Octets),
    once("hwmodel", Form::Octets),
    once("hwversion", Form::Text),
    once("hwserial", Form::Text),
    once("swname", Form::Text),
    once("swversion", Form::Text),
    once(DEBUG_STATUS, Form::Integer),
    once("uptime", Form::Integer),
    once("bootcount", Form::Integer),
    once("fipsboot", Form::Boolean),
    once("fipsver", Form::Text),
    once(FIPS_LEVEL, Form::Integer),
    once("fipsmodule", Form::Text),
];

const KEY: [Known; 8] = [
    repeated(IDENTIFIER, Form::Text),
    once(SPKI, Form::Octets),
    once(EXTRACTABLE, Form::Boolean),
    once(SENSITIVE, Form::Boolean),
    once(NEVER_EXTRACTABLE, Form::Boolean),
    once(LOCAL, Form::Boolean),
    once("expiry", Form::Time),
    once("purpose", Form::Purposes),
];

/// What keys may be used for, by their numbers below id-evidence-key-capability.
pub(super) const PURPOSES: [&str; 9] = ["encrypt", "decrypt", "wrap", "unwrap", "sign", "sign-recover", "verify", "verify-recover", "derive"];

/// What is known of debugging (RFC 9711, section 4.2.9), by number.
pub(in crate::evidence) const DEBUG_STATES: [&str; 5] =
    ["enabled", "disabled", "disabled since boot", "disabled permanently", "disabled fully and permanently"];

pub(super) const NONCE: &str = "nonce";
pub(super) const TIMESTAMP: &str = "timestamp";
pub(super) const AK_SPKI: &str = "ak-spki";
pub(super) const DEBUG_STATUS: &str = "dbgstat";
pub(super) const FIPS_LEVEL: &str = "fipslevel";
pub(super) const IDENTIFIER: &str = "identifier";
pub(super) const SPKI: &str = "spki";
pub(super) const EXTRACTABLE: &str = "extractable";
pub(super) const SENSITIVE: &str = "sensitive";
pub(super) const NEVER_EXTRACTABLE: &str = "never-extractable";
pub(super) const LOCAL: &str = "local";
