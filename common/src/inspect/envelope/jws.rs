//! JWS in JSON, general or flattened (RFC 7515, section 7.2).

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value as Json, json};

use super::Envelope;
use crate::certificate::Certificate;
use crate::envelope::Format;
use crate::error::DecodeError;
use crate::inspect::Finding;
use crate::inspect::certificate::shown;
use crate::inspect::layers::{STANDARD, URL_SAFE, unbase64};

/// Whether this document claims to be a JWS.
pub(in crate::inspect) fn is_jws(value: &Json) -> bool {
    value.get("payload").is_some_and(Json::is_string) && (value.get("signatures").is_some() || value.get("protected").is_some())
}

/// Takes these octets, which were parsed, apart.
///
/// What is in general serialization is verified as it is. No reader accepts the flattened one; what it says is verified as if it were the other, and what gets lost by that is named.
pub(super) fn open(octets: &[u8], value: &Json) -> Result<Envelope, Finding> {
    let unreadable = |what: &str| Finding::new("RFC 7515, section 7.2", format!("{what} of the JWS is missing or not what it should be"));
    let mut findings = Vec::new();
    let payload_text = value.get("payload").and_then(Json::as_str).ok_or_else(|| unreadable("the payload"))?;
    let flattened = json!([{ "protected": value.get("protected"), "signature": value.get("signature") }]);
    let (signatures, wire) = match value.get("signatures") {
        Some(signatures) => (signatures, octets.to_vec()),
        None => {
            let sentence = "the JWS is in flattened serialization, which no reader accepts; general JSON serialization is the only form";
            findings.push(Finding::new("JWS vouchers, section 3", sentence));
            findings.extend(left_out(octets));
            (&flattened, json!({ "payload": payload_text, "signatures": flattened }).to_string().into_bytes())
        }
    };
    let signatures = signatures.as_array().ok_or_else(|| unreadable("the array of signatures"))?;
    let first = signatures.first().ok_or_else(|| unreadable("the first signature"))?;
    let protected = first.get("protected").and_then(Json::as_str).and_then(|text| unbase64(text, &URL_SAFE));
    let header: Map<String, Json> = protected.and_then(|octets| serde_json::from_slice(&octets).ok()).ok_or_else(|| unreadable("the protected header"))?;

    let mut certificates = Vec::new();
    let x5c = header.get("x5c").and_then(Json::as_array);
    for text in x5c.into_iter().flatten().take(32).filter_map(Json::as_str) {
        let der = unbase64(text, &STANDARD).ok_or_else(|| DecodeError::syntax("a certificate in x5c", "base64", "it has other characters"));
        match der.and_then(|der| Certificate::from_der(&der)) {
            Ok(certificate) => certificates.push(certificate),
            // The strict reader leaves such a signature out, and only says so if there is no other.
            Err(err) if signatures.len() > 1 => findings.push(Finding::undecodable("RFC 7515, section 4.1.6", &err)),
            Err(_) => (),
        }
    }
    let claimed = certificates.first().cloned();
    let text = |name: &str| header.get(name).and_then(Json::as_str).map(shown);
    Ok(Envelope {
        format: Format::Jws,
        wire,
        payload: unbase64(payload_text, &URL_SAFE).ok_or_else(|| unreadable("the payload"))?,
        typ: text("typ"),
        algorithm: text("alg"),
        certificates,
        claimed,
        findings,
    })
}

/// Names the members of a flattened JWS that were left out, those that occur a second time included.
fn left_out(octets: &[u8]) -> Option<Finding> {
    let Names(names) = serde_json::from_slice(octets).ok()?;
    let mut read = vec!["payload", "protected", "signature"];
    let mut others = Vec::new();
    for name in names {
        match read.iter().position(|known| *known == name) {
            Some(place) => drop(read.swap_remove(place)),
            None => others.push(format!("'{}'", shown(&name))),
        }
    }
    let sentence = format!("the JWS has members beside payload, protected and signature, or one of these twice, which were left out: {}", others.join(", "));
    (!others.is_empty()).then(|| Finding::new("JWS vouchers, section 3", sentence))
}

/// The names of an object's members, in their order and as often as they occur.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }

        deserializer.deserialize_map(Members)
    }
}
