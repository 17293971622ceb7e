//! JWS in general JSON serialization (RFC 7515, section 7.2.1) with exactly one signature, everything protected.

use core::fmt;
use std::collections::BTreeMap;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Opened, SignerId};
use crate::certificate::Certificate;
use crate::codec::{base64, base64url, unbase64, unbase64url};
use crate::error::{DecodeError, VerifyError};
use crate::sign::{Signature, SignatureAlgorithm, SignatureScheme, SigningIdentity};
use crate::signed::Typ;

/// Most certificates that are read from one envelope.
const MAX_CERTIFICATES: usize = 32;

/// Takes an envelope apart.
pub(crate) fn open(artefact: &'static str, typ: Typ, wire: &[u8]) -> Result<Opened, VerifyError> {
    let undecodable = |source| VerifyError::Decode { artefact, source };
    let envelope: Envelope = serde_json::from_slice(wire).map_err(syntax).map_err(undecodable)?;
    let [block] = envelope.signatures.as_slice() else {
        let found = envelope.signatures.len().to_string();
        return Err(undecodable(DecodeError::Unexpected { what: "number of JWS signatures", found, expected: "exactly one" }));
    };
    let header = unbase64url("protected", &block.protected).map_err(undecodable)?;
    let ProtectedHeader(header) = serde_json::from_slice(&header).map_err(syntax).map_err(undecodable)?;
    check_header(&header, typ).map_err(undecodable)?;

    let name = text(&header, "alg").map_err(undecodable)?.ok_or(MISSING_ALG).map_err(undecodable)?;
    let unsupported = || VerifyError::UnsupportedAlgorithm { artefact, found: format!("JWS algorithm '{}'", shortened(name)) };
    let algorithm = SignatureAlgorithm::from_jose(name).ok_or_else(unsupported)?;
    let signature = unbase64url("signature", &block.signature).and_then(|fixed| Signature::from_fixed(algorithm, fixed)).map_err(undecodable)?;

    let certificates = header.get("x5c").map(x5c).transpose().map_err(undecodable)?.unwrap_or_default();
    let signer = match (certificates.is_empty(), text(&header, "kid").map_err(undecodable)?) {
        (false, _) => SignerId::FirstCertificate,
        (true, Some(name)) => SignerId::KeyName(name.to_owned()),
        (true, None) => SignerId::Unnamed,
    };
    Ok(Opened {
        payload: unbase64url("payload", &envelope.payload).map_err(undecodable)?,
        signed_octets: signing_input(&block.protected, &envelope.payload),
        signature: signature.fixed().to_vec(),
        scheme: SignatureScheme::Fixed(algorithm),
        signer,
        certificates,
    })
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
    let signer = match (identity.chain.as_slice(), &identity.key_name) {
        ([], Some(name)) => ("kid", Value::from(name.as_str())),
        ([], None) => return Err(DecodeError::MissingField { field: "certificate or key name", artefact: "JWS signer's identity" }),
        (chain, _) => ("x5c", chain.iter().map(|c| base64(c.der())).collect()),
    };
    let header = BTreeMap::from([("alg", identity.algorithm.jose_name().into()), ("typ", Value::from(typ.name())), signer]);
    let header = serde_json::to_vec(&header).map_err(syntax)?;
    let (protected, payload) = (base64url(&header), base64url(&payload));
    Ok(Draft { to_be_signed: signing_input(&protected, &payload), protected, payload, algorithm: identity.algorithm })
}

impl Draft {
    pub(crate) fn to_be_signed(&self) -> &[u8] {
        &self.to_be_signed
    }

    pub(crate) fn attach(self, signature: Signature) -> Result<Vec<u8>, DecodeError> {
        signature.check_algorithm(self.algorithm)?;
        let block = Block { protected: self.protected, signature: base64url(signature.fixed()) };
        serde_json::to_vec(&Envelope { payload: self.payload, signatures: vec![block] }).map_err(syntax)
    }
}

// Members that are not named here, such as an unprotected header, are refused: nothing in them would be under the signature.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    payload: String,
    signatures: Vec<Block>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
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
        Some(found) if found == typ.name() => Ok(()),
        Some(found) => Err(DecodeError::Unexpected { what: "typ", found: format!("'{}'", shortened(found)), expected: typ.name() }),
        None if matches!(typ, Typ::Optional(_)) => Ok(()),
        None => Err(DecodeError::MissingField { field: "typ", artefact: "protected header" }),
    }
}

fn text<'a>(header: &'a BTreeMap<String, Value>, name: &'static str) -> Result<Option<&'a str>, DecodeError> {
    let text = |value: &'a Value| value.as_str().ok_or(DecodeError::InvalidField { field: name, expected: "a string" });
    header.get(name).map(text).transpose()
}

/// The signer's certificate, then the path above it, in standard base64 (RFC 7515, section 4.1.6).
fn x5c(value: &Value) -> Result<Vec<Certificate>, DecodeError> {
    let wrong = || DecodeError::InvalidField { field: "x5c", expected: "an array of 1 to 32 certificates in base64" };
    let certificates = value.as_array().filter(|a| (1..=MAX_CERTIFICATES).contains(&a.len())).ok_or_else(wrong)?;
    certificates.iter().map(|c| Certificate::from_der(&unbase64("x5c", c.as_str().ok_or_else(wrong)?)?)).collect()
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
