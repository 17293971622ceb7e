//! JWS in JSON, general or flattened (RFC 7515, section 7.2).

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

/// Takes it apart.
pub(super) fn open(value: &Json) -> Result<Envelope, Finding> {
    let unreadable = |what: &str| Finding::new("RFC 7515, section 7.2", format!("{what} of the JWS is missing or not what it should be"));
    let mut findings = Vec::new();
    let payload_text = value.get("payload").and_then(Json::as_str).ok_or_else(|| unreadable("the payload"))?;
    let flattened = value.get("protected").is_some();
    let signatures = match value.get("signatures") {
        Some(Json::Array(signatures)) => signatures.clone(),
        Some(_) => return Err(unreadable("the array of signatures")),
        None => vec![json!({ "protected": value.get("protected"), "signature": value.get("signature") })],
    };
    if flattened {
        findings.push(Finding::new("JWS vouchers, section 3", "the JWS is in flattened serialization; general JSON serialization is the only form"));
    }
    let first = signatures.first().ok_or_else(|| unreadable("the first signature"))?;
    let protected = first.get("protected").and_then(Json::as_str).and_then(|text| unbase64(text, &URL_SAFE));
    let header: Map<String, Json> = protected.and_then(|octets| serde_json::from_slice(&octets).ok()).ok_or_else(|| unreadable("the protected header"))?;

    let mut certificates = Vec::new();
    let x5c = header.get("x5c").and_then(Json::as_array);
    for text in x5c.into_iter().flatten().take(32).filter_map(Json::as_str) {
        let der = unbase64(text, &STANDARD).ok_or_else(|| DecodeError::syntax("a certificate in x5c", "base64", "it has other characters"));
        match der.and_then(|der| Certificate::from_der(&der)) {
            Ok(certificate) => certificates.push(certificate),
            Err(err) => findings.push(Finding::undecodable("RFC 7515, section 4.1.6", &err)),
        }
    }
    let claimed = certificates.first().cloned();
    let text = |name: &str| header.get(name).and_then(Json::as_str).map(shown);
    let general = json!({ "payload": payload_text, "signatures": signatures });
    Ok(Envelope {
        format: Format::Jws,
        wire: general.to_string().into_bytes(),
        payload: unbase64(payload_text, &URL_SAFE).ok_or_else(|| unreadable("the payload"))?,
        typ: text("typ"),
        algorithm: text("alg"),
        certificates,
        claimed,
        findings,
    })
}
