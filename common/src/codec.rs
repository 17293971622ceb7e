//! Base64, hashing and deterministic CBOR: what every module needs and no caller should see.

mod deterministic;

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ciborium::Value;

use crate::error::DecodeError;

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    out
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn unbase64(field: &'static str, text: &str) -> Result<Vec<u8>, DecodeError> {
    STANDARD.decode(text).map_err(|err| DecodeError::syntax(field, "base64", err))
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn unbase64url(field: &'static str, text: &str) -> Result<Vec<u8>, DecodeError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|err| DecodeError::syntax(field, "base64url", err))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(octets: &[u8]) -> String {
    let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half & 0xf)]);
    let mut text = String::with_capacity(octets.len() * 2);
    text.extend(octets.iter().flat_map(|octet| [digit(octet >> 4), digit(*octet)]));
    text
}

/// Reads pairs of hexadecimal digits.
pub(crate) fn unhex(field: &'static str, text: &str) -> Result<Vec<u8>, DecodeError> {
    let invalid = DecodeError::InvalidField { field, expected: "pairs of hexadecimal digits" };
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let (pairs, rest) = text.as_bytes().as_chunks();
    let octets = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect::<Option<_>>();
    octets.filter(|_| rest.is_empty()).ok_or(invalid)
}

/// Encodes a value as deterministic CBOR (RFC 8949, section 4.2.1): shortest forms, definite lengths, map keys sorted by their encoding.
pub(crate) fn to_deterministic_cbor(what: &'static str, value: &impl serde::Serialize) -> Result<Vec<u8>, DecodeError> {
    match deterministic::written(value) {
        Some(octets) => Ok(octets),
        None => by_values(what, value),
    }
}

/// The same for any value, and slower.
fn by_values(what: &'static str, value: &impl serde::Serialize) -> Result<Vec<u8>, DecodeError> {
    let mut value = Value::serialized(value).map_err(|err| DecodeError::syntax(what, "CBOR", err))?;
    sort_maps(what, &mut value)?;
    to_cbor(what, &value)
}

/// Reads one CBOR item in any well-formed serialization, with nothing after it, at most 16 levels deep. Map keys may occur twice.
pub(crate) fn from_any_cbor(what: &'static str, octets: &[u8]) -> Result<Value, DecodeError> {
    let mut rest = octets;
    let value: Value =
        ciborium::de::from_reader_with_recursion_limit(&mut rest, DEEPEST_CBOR).map_err(|err| DecodeError::syntax(what, "CBOR", cbor_fault(&err)))?;
    match rest.is_empty() {
        true => Ok(value),
        false => Err(DecodeError::syntax(what, "CBOR", "octets follow its end")),
    }
}

/// Reads one CBOR item in preferred serialization (RFC 8949, section 4.1): definite lengths, shortest forms, no map key twice, nothing after it, at most 16 levels.
pub(crate) fn from_cbor(what: &'static str, octets: &[u8]) -> Result<Value, DecodeError> {
    let value = from_any_cbor(what, octets)?;
    // Whatever was not in its one preferred form comes out differently.
    if to_cbor(what, &value)? != octets {
        return Err(DecodeError::syntax(what, "CBOR", "a length is indefinite or a number is not in its shortest form"));
    }
    no_key_twice(what, &value)?;
    Ok(value)
}

fn to_cbor(what: &'static str, value: &Value) -> Result<Vec<u8>, DecodeError> {
    let mut octets = Vec::new();
    ciborium::into_writer(value, &mut octets).map_err(|err| DecodeError::syntax(what, "CBOR", err))?;
    Ok(octets)
}

/// What is wrong with a PEM text. The parser's own words quote lines of it, and whoever mistook a private key's file for another would find them in a log.
pub(crate) fn pem_fault(err: &rustls_pki_types::pem::Error) -> &'static str {
    use rustls_pki_types::pem::Error;
    match err {
        Error::NoItemsFound => "no block of this kind is in it",
        Error::MissingSectionEnd { .. } => "a block lacks its END line",
        Error::IllegalSectionStart { .. } => "a BEGIN line is not complete",
        Error::Base64Decode(_) => "a block is not base64",
        _ => "it cannot be read",
    }
}

fn cbor_fault(err: &ciborium::de::Error<std::io::Error>) -> String {
    match err {
        ciborium::de::Error::Io(_) => "it ends too early".to_owned(),
        ciborium::de::Error::Syntax(offset) => format!("bad item at octet {offset}"),
        ciborium::de::Error::Semantic(_, text) => text.clone(),
        ciborium::de::Error::RecursionLimitExceeded => format!("nested deeper than {DEEPEST_CBOR} levels"),
    }
}

// Only called on values of our own making, whose depth is that of our types.
fn sort_maps(what: &'static str, value: &mut Value) -> Result<(), DecodeError> {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| sort_maps(what, item)),
        Value::Tag(_, inner) => sort_maps(what, inner),
        Value::Map(entries) => {
            // What our types have. The encoding of a text begins with its length, so that the shorter comes first.
            if entries.iter().all(|(key, _)| key.is_text()) {
                entries.sort_by(|(a, _), (b, _)| a.as_text().map(by_length).cmp(&b.as_text().map(by_length)));
                return entries.iter_mut().try_for_each(|(_, item)| sort_maps(what, item));
            }
            let mut keyed = Vec::with_capacity(entries.len());
            for (key, mut item) in core::mem::take(entries) {
                sort_maps(what, &mut item)?;
                keyed.push((to_cbor(what, &key)?, key, item));
            }
            keyed.sort_by(|(a, ..), (b, ..)| a.cmp(b));
            *entries = keyed.into_iter().map(|(_, key, item)| (key, item)).collect();
            Ok(())
        }
        _ => Ok(()),
    }
}

fn by_length(text: &str) -> (usize, &[u8]) {
    (text.len(), text.as_bytes())
}

// Called on values whose depth the parser has limited.
fn no_key_twice(what: &'static str, value: &Value) -> Result<(), DecodeError> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| no_key_twice(what, item)),
        Value::Tag(_, inner) => no_key_twice(what, inner),
        Value::Map(entries) => {
            let mut met = BTreeSet::new();
            for (key, item) in entries {
                if !met.insert(to_cbor(what, key)?) {
                    let field: String = format!("key {key:?}").chars().take(60).collect();
                    return Err(DecodeError::DuplicateField { field, artefact: what });
                }
                no_key_twice(what, item)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

const DEEPEST_CBOR: usize = 16;

#[cfg(test)]
mod tests;
