//! Receipts that travel with a COSE message (RFC 9942, section 4): in its unprotected header, so that they can be added once it is signed.

use coset::Label;
use coset::cbor::Value;

use super::headers::Header;
use super::message::{self, Message};
use crate::error::DecodeError;

/// The receipts in the unprotected header, in their order and octet for octet; none if there is no such parameter.
pub(crate) fn receipts(wire: &[u8]) -> Result<Vec<Vec<u8>>, DecodeError> {
    of_message(&Message::from_wire(wire)?)
}

/// The message with one more receipt after those that it has. What is signed does not change, nor does any other octet but in the header's own head.
pub(crate) fn with_receipt(wire: &[u8], receipt: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let message = Message::from_wire(wire)?;
    let protected = message::bytes(message.protected)?.ok_or(DecodeError::InvalidField { field: "protected header", expected: "a byte string" })?;
    if Header::from_protected(&protected)?.has(&RECEIPTS) {
        return Err(DecodeError::InvalidField { field: "protected header", expected: "without receipts, to which none can be added" });
    }
    let mut all = of_message(&message)?;
    if all.len() >= MAX_RECEIPTS {
        return Err(too_many());
    }
    all.push(receipt.to_vec());
    message.with(&RECEIPTS, &Value::Array(all.into_iter().map(Value::Bytes).collect()))
}

/// The message without its receipts, as it was before the first one was added.
pub(crate) fn without_receipts(wire: &[u8]) -> Result<Vec<u8>, DecodeError> {
    Ok(Message::from_wire(wire)?.without(&[RECEIPTS])?.unwrap_or_else(|| wire.to_vec()))
}

fn of_message(message: &Message<'_>) -> Result<Vec<Vec<u8>>, DecodeError> {
    let wrong = || DecodeError::InvalidField { field: "receipts", expected: "an array of one byte string at least" };
    let header = Header::from_map(message.unprotected)?;
    let several = match header.get(&RECEIPTS) {
        None => return Ok(Vec::new()),
        Some(Value::Array(several)) if !several.is_empty() => several,
        Some(_) => return Err(wrong()),
    };
    if several.len() > MAX_RECEIPTS {
        return Err(too_many());
    }
    several.iter().map(|receipt| receipt.as_bytes().cloned().ok_or_else(wrong)).collect()
}

fn too_many() -> DecodeError {
    DecodeError::TooLarge { what: "number of receipts", limit: MAX_RECEIPTS }
}

/// Most receipts of one message.
const MAX_RECEIPTS: usize = 16;

pub(crate) const RECEIPTS: Label = Label::Int(394);

#[cfg(test)]
mod tests;
