//! The claims of a token.

use ciborium::Value;

use crate::codec::{from_any_cbor, hex};
use crate::envelope::Format;
use crate::error::DecodeError;
use crate::evidence::pkix::DEBUG_STATES;
use crate::leniency::Reading;
use crate::provenance::cose_key;
use crate::sign::PublicKey;
use crate::signed::{CoseCertificates, Payload, Typ};
use crate::text::{LONGEST_WORDS, printable};
use crate::time::{UnixTime, at, to_rfc3339};

/// What a token says, as far as it is looked at here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    octets: Vec<u8>,
    /// eat_profile, if it is a URI.
    pub(crate) profile: Option<String>,
    /// eat_nonce: one or several.
    pub(crate) nonces: Vec<Vec<u8>>,
    /// The COSE_Key in cnf.
    pub(crate) key: Option<PublicKey>,
    pub(crate) expires_at: Option<UnixTime>,
    pub(crate) not_before: Option<UnixTime>,
    /// What else is said of the platform, for people.
    pub(crate) details: Vec<(String, String)>,
}

impl Token {
    fn read(octets: &[u8]) -> Result<Self, DecodeError> {
        if octets.len() > LARGEST {
            return Err(DecodeError::TooLarge { what: "the entity attestation token's size in octets", limit: LARGEST });
        }
        let claims = Labelled::new(Self::NAME, from_any_cbor(Self::NAME, octets)?)?;
        let profile = claims.get(EAT_PROFILE).and_then(Value::as_text).map(str::to_owned);
        let key = match claims.get(CNF) {
            Some(cnf) => Labelled::new("cnf", cnf.clone())?.get(COSE_KEY).cloned().map(cose_key).transpose()?,
            None => None,
        };
        let mut details = Vec::new();
        for (label, name, form) in DETAILS {
            if let Some(value) = claims.get(label) {
                let wrong = DecodeError::InvalidField { field: name, expected: form.expected() };
                details.push((name.to_owned(), form.shown(value).ok_or(wrong)?));
            }
        }
        let nonces = claims.get(NONCE).map(nonces).transpose()?.unwrap_or_default();
        let [expires_at, not_before] = [(EXP, "exp"), (NBF, "nbf")].map(|(label, name)| claims.get(label).map(|value| date(name, value)).transpose());
        Ok(Self { octets: octets.to_vec(), profile, nonces, key, expires_at: expires_at?, not_before: not_before?, details })
    }
}

impl Payload for Token {
    const NAME: &'static str = "entity attestation token";
    const COSE_CERTIFICATES: CoseCertificates = CoseCertificates::Bag;

    fn typ(_: Format) -> Option<Typ> {
        Some(Typ::Optional(super::EAT_CWT))
    }

    fn encode(&self, _: Format) -> Result<Vec<u8>, DecodeError> {
        Ok(self.octets.clone())
    }

    fn decode(octets: &[u8], _: Format, _: &Reading) -> Result<Self, DecodeError> {
        Self::read(octets)
    }
}

/// A CBOR map whose numbered entries are there once.
struct Labelled(Vec<(i128, Value)>);

impl Labelled {
    fn new(name: &'static str, value: Value) -> Result<Self, DecodeError> {
        let entries = value.into_map().map_err(|_| DecodeError::InvalidField { field: name, expected: "a map" })?;
        let mut numbered: Vec<(i128, Value)> = entries.into_iter().filter_map(|(key, value)| Some((key.as_integer()?.into(), value))).collect();
        numbered.sort_by_key(|(label, _)| *label);
        match numbered.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(DecodeError::DuplicateField { field: format!("claim {}", pair[0].0), artefact: name }),
            None => Ok(Self(numbered)),
        }
    }

    fn get(&self, label: i128) -> Option<&Value> {
        self.0.iter().find(|(found, _)| *found == label).map(|(_, value)| value)
    }
}

fn nonces(value: &Value) -> Result<Vec<Vec<u8>>, DecodeError> {
    let octets = |value: &Value| value.as_bytes().filter(|nonce| (8..=64).contains(&nonce.len())).cloned();
    let read = match value {
        Value::Array(several) if !several.is_empty() => several.iter().map(octets).collect::<Option<_>>(),
        one => octets(one).map(|one| vec![one]),
    };
    read.ok_or(DecodeError::InvalidField { field: "eat_nonce", expected: "8 to 64 octets, or an array of such nonces" })
}

/// NumericDate (RFC 8392, section 2): seconds, perhaps with a fraction, which is dropped.
fn date(field: &'static str, value: &Value) -> Result<UnixTime, DecodeError> {
    let seconds = match value {
        Value::Integer(seconds) => u64::try_from(*seconds).ok(),
        // Below 2^53, so that a floating-point number is exact.
        Value::Float(seconds) if (0.0..9_007_199_254_740_992.0).contains(seconds) => Some(*seconds as u64),
        _ => None,
    };
    seconds.map(at).ok_or(DecodeError::InvalidField { field, expected: "a number of seconds since 1970" })
}

/// How a claim of the platform is written.
#[derive(Clone, Copy)]
enum Form {
    Octets,
    OctetsOrNumber,
    Text,
    /// A text, perhaps with its scheme.
    Version,
    Number,
    Boolean,
    DebugStatus,
    Date,
}

impl Form {
    fn shown(self, value: &Value) -> Option<String> {
        let number = || value.as_integer().and_then(|number| u64::try_from(number).ok());
        let text = |value: &Value| value.as_text().map(|text| printable(text, LONGEST_WORDS));
        match self {
            Self::Octets => value.as_bytes().map(|octets| printable(&hex(octets), LONGEST_WORDS)),
            Self::OctetsOrNumber => Self::Octets.shown(value).or_else(|| number().map(|number| number.to_string())),
            Self::Text => text(value),
            Self::Version => value.as_array().and_then(|parts| parts.first()).and_then(text),
            Self::Number => number().map(|number| number.to_string()),
            Self::Boolean => value.as_bool().map(|flag| flag.to_string()),
            Self::DebugStatus => {
                let number = number().and_then(|number| usize::try_from(number).ok())?;
                DEBUG_STATES.get(number).map(|state| format!("{number} ({state})"))
            }
            Self::Date => date("date", value).ok().map(to_rfc3339),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Octets => "an octet string",
            Self::OctetsOrNumber => "an octet string or a number",
            Self::Text => "a text",
            Self::Version => "an array that begins with a text",
            Self::Number => "an unsigned number",
            Self::Boolean => "true or false",
            Self::DebugStatus => "a number from 0 to 4",
            Self::Date => "a number of seconds since 1970",
        }
    }
}

/// Claims that people may want to know: label, name and form (RFC 9711, section 4).
const DETAILS: [(i128, &str, Form); 13] = [
    (6, "iat", Form::Date),
    (256, "ueid", Form::Octets),
    (258, "oemid", Form::OctetsOrNumber),
    (259, "hwmodel", Form::Octets),
    (260, "hwversion", Form::Version),
    (261, "uptime", Form::Number),
    (262, "oemboot", Form::Boolean),
    (263, "dbgstat", Form::DebugStatus),
    (267, "bootcount", Form::Number),
    (270, "swname", Form::Text),
    (271, "swversion", Form::Version),
    (275, "intuse", Form::Number),
    (1, "iss", Form::Text),
];

const LARGEST: usize = 64 * 1024;

const EXP: i128 = 4;
const NBF: i128 = 5;
const CNF: i128 = 8;
const NONCE: i128 = 10;
const EAT_PROFILE: i128 = 265;
/// In cnf (RFC 8747, section 3.1).
const COSE_KEY: i128 = 1;
