//! Conceptual message wrappers: what is in them, as far as it is known here.

use ciborium::Value as Cbor;
use der::asn1::{AnyRef, OctetStringRef, Utf8StringRef};
use der::{Decode as _, Tag, Tagged as _};
use serde_json::Value as Json;

use crate::codec::{from_any_cbor, unbase64url};
use crate::error::DecodeError;
use crate::text::printable;

/// The statement type of a wrapper in a bundle.
pub(crate) const ID_PE_CMW: &str = "1.3.6.1.5.5.7.1.35";

/// The media type of a token.
pub(crate) const EAT_CWT: &str = "application/eat+cwt";

pub(super) const NAME: &str = "conceptual message wrapper";

/// What a wrapper has in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrapped {
    /// A token in COSE.
    Token(Vec<u8>),
    /// Something else: what, in a few words.
    Other(String),
}

impl Wrapped {
    /// Reads `CHOICE { json UTF8String, cbor OCTET STRING }` in DER.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, DecodeError> {
        let syntax = |err: der::Error| DecodeError::syntax(NAME, "DER", err);
        let choice = AnyRef::from_der(der).map_err(syntax)?;
        match choice.tag() {
            Tag::Utf8String => Self::from_json(choice.decode_as::<Utf8StringRef<'_>>().map_err(syntax)?.as_str()),
            Tag::OctetString => Self::from_cbor(choice.decode_as::<OctetStringRef<'_>>().map_err(syntax)?.as_bytes()),
            other => Err(DecodeError::Unexpected { what: NAME, found: other.to_string(), expected: "a UTF8String with JSON or an OCTET STRING with CBOR" }),
        }
    }

    fn from_json(text: &str) -> Result<Self, DecodeError> {
        let value: Json = serde_json::from_str(text).map_err(|err| DecodeError::syntax(NAME, "JSON", err))?;
        match value {
            Json::Array(record) => {
                let (kind, content, indicator) = match record.as_slice() {
                    [Json::String(kind), Json::String(content)] => (kind, content, None),
                    [Json::String(kind), Json::String(content), indicator] => (kind, content, Some(indicator.as_u64().unwrap_or_default())),
                    _ => return Err(no_record()),
                };
                check(indicator)?;
                Self::of(kind, || unbase64url("value of the wrapper", content))
            }
            Json::Object(_) => Ok(Self::Other(COLLECTION.to_owned())),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => Err(no_record()),
        }
    }

    fn from_cbor(octets: &[u8]) -> Result<Self, DecodeError> {
        match from_any_cbor(NAME, octets)? {
            Cbor::Array(record) => {
                let (kind, content, indicator) = match record.as_slice() {
                    [kind, Cbor::Bytes(content)] => (kind, content, None),
                    [kind, Cbor::Bytes(content), indicator] => {
                        (kind, content, Some(indicator.as_integer().and_then(|bits| u64::try_from(bits).ok()).unwrap_or_default()))
                    }
                    _ => return Err(no_record()),
                };
                check(indicator)?;
                match kind {
                    Cbor::Text(kind) => Self::of(kind, || Ok(content.clone())),
                    Cbor::Integer(number) if i128::from(*number) == i128::from(EAT_CWT_FORMAT) => Ok(Self::Token(content.clone())),
                    Cbor::Integer(number) if u16::try_from(*number).is_ok() => Ok(Self::Other(format!("content format {}", i128::from(*number)))),
                    _ => Err(no_record()),
                }
            }
            Cbor::Map(_) => Ok(Self::Other(COLLECTION.to_owned())),
            Cbor::Tag(tag, content) if tag == tag_of(EAT_CWT_FORMAT) => content.into_bytes().map(Self::Token).map_err(|_| no_record()),
            Cbor::Tag(tag, _) => Ok(Self::Other(format!("CBOR tag {tag}"))),
            _ => Err(no_record()),
        }
    }

    fn of(media_type: &str, content: impl FnOnce() -> Result<Vec<u8>, DecodeError>) -> Result<Self, DecodeError> {
        // Its profile may stand there as a parameter (RFC 9782), and stands in the token as well.
        let name = media_type.split(';').next().unwrap_or_default().trim();
        match name.eq_ignore_ascii_case(EAT_CWT) {
            true => content().map(Self::Token),
            false => Ok(Self::Other(printable(name, 100))),
        }
    }
}

/// Which kinds of conceptual messages are in it, if that is said at all: a bit each.
fn check(indicator: Option<u64>) -> Result<(), DecodeError> {
    match indicator {
        None | Some(1..=ALL_INDICATORS) => Ok(()),
        Some(_) => Err(DecodeError::InvalidField { field: "ind of the wrapper", expected: "a number from 1 to 31, one bit a kind of message" }),
    }
}

/// The CBOR tag of a content format (RFC 9277, appendix B).
fn tag_of(content_format: u64) -> u64 {
    1_668_546_817 + content_format / 255 * 256 + content_format % 255
}

fn no_record() -> DecodeError {
    DecodeError::InvalidField { field: NAME, expected: "a record of type and value, a tagged value or a collection" }
}

/// CoAP content format of `application/eat+cwt` (RFC 9782).
const EAT_CWT_FORMAT: u64 = 263;
/// Reference values, endorsements, evidence, attestation results and appraisal policy.
const ALL_INDICATORS: u64 = 0b1_1111;
const COLLECTION: &str = "a collection of several messages";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::element;
    use crate::codec::base64url;

    fn cbor(value: &Cbor) -> Result<Wrapped, String> {
        let mut octets = Vec::new();
        ciborium::into_writer(value, &mut octets).unwrap();
        Wrapped::from_der(&element(0x04, &octets)).map_err(|err| err.to_string())
    }

    fn json(text: &str) -> Result<Wrapped, String> {
        Wrapped::from_der(&element(0x0c, text.as_bytes())).map_err(|err| err.to_string())
    }

    #[test]
    fn token_is_found_in_every_form_of_a_wrapper() {
        let (octets, token) = (|| Cbor::Bytes(vec![1, 2, 3]), Ok(Wrapped::Token(vec![1, 2, 3])));
        assert_eq!(cbor(&Cbor::Array(vec![263.into(), octets()])), token);
        assert_eq!(cbor(&Cbor::Array(vec![Cbor::Text("application/eat+cwt".to_owned()), octets(), 4.into()])), token);
        assert_eq!(cbor(&Cbor::Tag(1_668_547_081, Box::new(octets()))), token);
        assert_eq!(json(&format!("[\"Application/EAT+CWT; eat_profile=x\", \"{}\", 2]", base64url(&[1, 2, 3]))), token);
    }

    #[test]
    fn other_messages_are_named() {
        let other = |text: &str| Ok(Wrapped::Other(text.to_owned()));
        assert_eq!(json("[\"application/eat+jwt\", \"AAAA\"]"), other("application/eat+jwt"));
        assert_eq!(json("{\"a\": []}"), other(COLLECTION));
        assert_eq!(cbor(&Cbor::Map(Vec::new())), other(COLLECTION));
        assert_eq!(cbor(&Cbor::Array(vec![60.into(), Cbor::Bytes(vec![])])), other("content format 60"));
        assert_eq!(cbor(&Cbor::Tag(1, Box::new(1.into()))), other("CBOR tag 1"));
    }

    #[test]
    fn what_is_no_wrapper_is_refused() {
        for text in ["[]", "[\"a/b\"]", "[263, \"AAAA\"]", "7", "[\"a/b\", \"AAAA\", 1, 1]"] {
            assert!(json(text).unwrap_err().starts_with("conceptual message wrapper must be a record"), "{text}");
        }
        assert!(json("[\"a/b\", \"AAAA\", 32]").unwrap_err().starts_with("ind of the wrapper must be a number from 1 to 31"));
        assert!(cbor(&Cbor::Array(vec![263.into(), Cbor::Bytes(vec![]), 0.into()])).is_err());
        assert!(cbor(&Cbor::Array(vec![(-1).into(), Cbor::Bytes(vec![])])).is_err());
        assert!(json("[\"application/eat+cwt\", \"A A\"]").is_err());
        let wrong = Wrapped::from_der(&element(0x30, &[])).unwrap_err().to_string();
        assert!(wrong.ends_with("expected a UTF8String with JSON or an OCTET STRING with CBOR"), "{wrong}");
        assert!(Wrapped::from_der(&[0x04, 0x81]).is_err());
    }
}
