//! JWS in general JSON serialization (RFC 7515, section 7.2.1) with one signature or several, everything protected.

use core::fmt;
use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Opened, SignatureBlock, SignerId};
use crate::certificate::Certificate;
use crate::codec::{base64, base64url, unbase64, unbase64url};
use crate::error::{DecodeError, VerifyError};
use crate::leniency::Reading;
use crate::sign::{Signature, SignatureAlgorithm, SignatureScheme, SigningIdentity};
use crate::signed::Typ;

/// Most certificates that are read from one envelope.
const MAX_CERTIFICATES: usize = 32;

/// Most signatures that are read from one envelope.
const MAX_SIGNATURES: usize = 8;

/// Takes an envelope apart.
///
/// Which signatures of several must be good is the application's to say (RFC 7515, sections 5.2 and 7.2). Our rule: one that is acceptable is enough, whatever stands beside it.
/// So those are left out that can be none of ours: of an unsupported algorithm, another type, with a critical extension, or with a header or certificates that cannot be read.
/// Why the first of them was left out is told if nothing else is left. What is wrong with the envelope itself is an error in any case.
pub(crate) fn open(artefact: &'static str, typ: Typ, wire: &[u8], reading: &Reading) -> Result<Opened, VerifyError> {
    let undecodable = |source| VerifyError::Decode { artefact, source };
    let envelope: Envelope<'_> = serde_json::from_slice(wire).map_err(|err| other_serialization(wire).unwrap_or_else(|| syntax(err))).map_err(undecodable)?;
    if !(1..=MAX_SIGNATURES).contains(&envelope.signatures.len()) {
        let found = envelope.signatures.len().to_string();
        return Err(undecodable(DecodeError::Unexpected { what: "number of JWS signatures", found, expected: "1 to 8" }));
    }
    let payload = unbase64url("payload", &envelope.payload).map_err(undecodable)?;
    let (mut signatures, mut left_out) = (Vec::new(), None);
    for block in &envelope.signatures {
        match read_block(block, &envelope.payload, typ, reading) {
            Ok(Block::Supported(block)) => signatures.push(block),
            Ok(Block::Unsupported(found)) => {
                left_out.get_or_insert(VerifyError::UnsupportedAlgorithm { artefact, found });
            }
            Err(source) => {
                left_out.get_or_insert(undecodable(source));
            }
        }
    }
    match left_out {
        Some(why) if signatures.is_empty() => Err(why),
        Some(_) | None => Ok(Opened { payload, signatures }),
    }
}

/// One signature of an envelope.
enum Block {
    Supported(SignatureBlock),
    /// With the name of its algorithm.
    Unsupported(String),
}

fn read_block(wire: &WireBlock, payload: &str, typ: Typ, reading: &Reading) -> Result<Block, DecodeError> {
    let header = unbase64url("protected", &wire.protected)?;
    let ProtectedHeader(header) = serde_json::from_slice(&header).map_err(syntax)?;
    check_header(&header, typ)?;
    let name = text(&header, "alg")?.ok_or(MISSING_ALG)?;
    let signature = unbase64url("signature", &wire.signature)?;
    let certificates = header.get("x5c").map(|value| x5c(value, reading)).transpose()?.unwrap_or_default();
    let key_name = text(&header, "kid")?;
    let Some(algorithm) = SignatureAlgorithm::from_jose(name) else {
        return Ok(Block::Unsupported(format!("JWS algorithm '{}'", shortened(name))));
    };
    Ok(Block::Supported(SignatureBlock {
        signed_octets: signing_input(&wire.protected, payload),
        signature: Signature::from_fixed(algorithm, signature)?.fixed().to_vec(),
        scheme: SignatureScheme::Fixed(algorithm),
        signer: match (certificates.is_empty(), key_name) {
            (false, _) => SignerId::FirstCertificate,
            (true, Some(name)) => SignerId::KeyName(name.to_owned()),
            (true, None) => SignerId::Unnamed,
        },
        certificates,
        certificates_are_hints: false,
    }))
}

/// What to say of a JWS in one of the serializations that are not read here; nothing if it is neither.
fn other_serialization(wire: &[u8]) -> Option<DecodeError> {
    let found = match serde_json::from_slice::<Value>(wire) {
        Ok(Value::Object(members)) if members.contains_key("signature") && !members.contains_key("signatures") => "flattened JSON",
        Ok(_) => return None,
        Err(_) => {
            let parts = wire.trim_ascii().split(|octet| *octet == b'.');
            let base64url = |part: &[u8]| part.iter().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'));
            (parts.clone().count() == 3 && parts.clone().all(base64url)).then_some("compact")?
        }
    };
    let expected = "general JSON, with the members payload and signatures (RFC 7515, section 7.2.1)";
    Some(DecodeError::Unexpected { what: "JWS serialization", found: found.to_owned(), expected })
}

/// An envelope that lacks its signature.
#[derive(Debug)]
pub(crate) struct Draft {
    protected: String,
    payload: String,
    to_be_signed: Vec<u8>,
    algorithm: SignatureAlgorithm,
}

/// Prepares an envelope around a payload.
pub(crate) fn draft(typ: Typ, payload: Vec<u8>, identity: &SigningIdentity) -> Result<Draft, DecodeError> {
    let payload = base64url(&payload);
    let signer = match (identity.chain.as_slice(), &identity.key_name) {
        ([], Some(name)) => ("kid", Value::from(name.as_str())),
        ([], None) => return Err(DecodeError::MissingField { field: "certificate or key name", artefact: "JWS signer's identity" }),
        (chain, _) => ("x5c", chain.iter().map(|c| base64(c.der())).collect()),
    };
    let header = BTreeMap::from([("alg", identity.algorithm.jose_name().into()), ("typ", Value::from(typ.name())), signer]);
    let protected = base64url(&serde_json::to_vec(&header).map_err(syntax)?);
    Ok(Draft { to_be_signed: signing_input(&protected, &payload), protected, payload, algorithm: identity.algorithm })
}

impl Draft {
    pub(crate) fn to_be_signed(&self) -> &[u8] {
        &self.to_be_signed
    }

    pub(crate) fn attach(self, signature: Signature) -> Result<Vec<u8>, DecodeError> {
        signature.check_algorithm(self.algorithm)?;
        let block = WireBlock { protected: self.protected, signature: base64url(signature.fixed()) };
        serde_json::to_vec(&Envelope { payload: self.payload.into(), signatures: vec![block] }).map_err(syntax)
    }
}

// Members that are not named here, such as an unprotected header, are refused: nothing in them would be under the signature.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a JSON object with the members payload and signatures (RFC 7515, section 7.2.1)")]
struct Envelope<'a> {
    /// Large, and never escaped, so that it is not copied.
    #[serde(borrow)]
    payload: Cow<'a, str>,
    signatures: Vec<WireBlock>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a JSON object with the members protected and signature")]
struct WireBlock {
    protected: String,
    signature: String,
}

/// Members of the protected header, each once (RFC 7515, section 4).
struct ProtectedHeader(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for ProtectedHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = BTreeMap<String, Value>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member occurs twice"));
                    }
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Members).map(Self)
    }
}

fn check_header(header: &BTreeMap<String, Value>, typ: Typ) -> Result<(), DecodeError> {
    // No extension is understood here, `b64` (RFC 7797) included.
    if header.contains_key("crit") {
        return Err(DecodeError::InvalidField { field: "crit", expected: "absent: no critical extension is understood" });
    }
    match text(header, "typ")? {
        Some(found) if is_media_type(found, typ.name()) => Ok(()),
        Some(found) => Err(DecodeError::Unexpected { what: "typ", found: format!("'{}'", shortened(found)), expected: typ.name() }),
        None if matches!(typ, Typ::Optional(_)) => Ok(()),
        None => Err(DecodeError::MissingField { field: "typ", artefact: "protected header" }),
    }
}

/// Whether this `typ` names our media type. Case does not matter, and `application/` stands before what has no other `/` (RFC 7515, section 4.1.9).
fn is_media_type(found: &str, own: &str) -> bool {
    let short = match found.split_once('/') {
        Some((kind, name)) if kind.eq_ignore_ascii_case("application") && !name.contains('/') => name,
        Some(_) | None => found,
    };
    short.eq_ignore_ascii_case(own)
}

fn text<'a>(header: &'a BTreeMap<String, Value>, name: &'static str) -> Result<Option<&'a str>, DecodeError> {
    let text = |value: &'a Value| value.as_str().ok_or(DecodeError::InvalidField { field: name, expected: "a string" });
    header.get(name).map(text).transpose()
}

/// The signer's certificate, then the path above it, in standard base64 (RFC 7515, section 4.1.6).
fn x5c(value: &Value, reading: &Reading) -> Result<Vec<Certificate>, DecodeError> {
    let wrong = || DecodeError::InvalidField { field: "x5c", expected: "an array of 1 to 32 certificates in base64" };
    let certificates = value.as_array().filter(|a| (1..=MAX_CERTIFICATES).contains(&a.len())).ok_or_else(wrong)?;
    certificates.iter().map(|c| reading.certificate(&unbase64("x5c", c.as_str().ok_or_else(wrong)?)?)).collect()
}

/// What a JWS signature covers (RFC 7515, section 5.1): both parts as they stand in the envelope.
fn signing_input(protected: &str, payload: &str) -> Vec<u8> {
    [protected.as_bytes(), b".", payload.as_bytes()].concat()
}

/// A peer's text, short enough for an error's sentence.
fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

fn syntax(err: serde_json::Error) -> DecodeError {
    DecodeError::syntax("JWS", "general JSON serialization", err)
}

const MISSING_ALG: DecodeError = DecodeError::MissingField { field: "alg", artefact: "protected header" };

#[cfg(test)]
mod tests;
