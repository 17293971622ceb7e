//! The octets of a COSE_Sign1 message, cut into its four items without disturbing them (RFC 9052, section 4.2).
//!
//! Nothing is decoded before every length, count and nesting in it is known to fit the input.

use coset::cbor::Value;
use coset::{AsCborValue as _, CborSerializable as _, Label};

use crate::error::DecodeError;

/// Deepest nesting; two tags, the message and a header with an array of certificates need six levels.
pub(super) const MAX_DEPTH: usize = 16;

/// The four items of the message, and what stands around them.
pub(super) struct Message<'a> {
    /// Tags and the head of the array, then the protected header.
    before: &'a [u8],
    pub(super) protected: &'a [u8],
    pub(super) unprotected: &'a [u8],
    payload: &'a [u8],
    pub(super) signature: &'a [u8],
    /// All that follows the unprotected header.
    after: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a message within tag 18, which may itself stand in tag 61 (CWT; RFC 8392, section 6).
    pub(super) fn from_wire(wire: &'a [u8]) -> Result<Self, DecodeError> {
        if !skip(wire, MAX_DEPTH)?.is_empty() {
            return Err(malformed("octets follow its end"));
        }
        let (tag, inner) = tagged(wire)?;
        let array = match tag {
            CWT => tagged(inner).and_then(|(tag, inner)| sign1(tag, inner))?,
            other => sign1(other, inner)?,
        };
        let (Head { major: ARRAY, argument }, items) = head(array)? else { return Err(no_message()) };
        if argument.is_some_and(|count| count != 4) {
            return Err(no_message());
        }
        let (protected, rest) = first(items)?;
        let (unprotected, after) = first(rest)?;
        let (payload, rest) = first(after)?;
        let (signature, end) = first(rest)?;
        // Of an array without count, its end is left.
        if argument.is_none() && end != [BREAK] {
            return Err(no_message());
        }
        let before = &wire[..wire.len() - after.len() - unprotected.len()];
        Ok(Self { before, protected, unprotected, payload, signature, after })
    }

    /// The payload's octets; one that is kept elsewhere is refused.
    pub(super) fn payload(&self) -> Result<Vec<u8>, DecodeError> {
        match value(self.payload)? {
            Value::Bytes(payload) => Ok(payload),
            Value::Null => Err(DecodeError::MissingField { field: "payload", artefact: "COSE_Sign1" }),
            _ => Err(DecodeError::InvalidField { field: "payload", expected: "a byte string" }),
        }
    }

    /// The message without these labels in its unprotected header, everything else octet for octet; `None` if there are none of them.
    pub(super) fn without(&self, labels: &[Label]) -> Result<Option<Vec<u8>>, DecodeError> {
        let all = entries(self.unprotected)?;
        let mut kept = Vec::with_capacity(all.len());
        for (label, value) in &all {
            if !labels.contains(&label_of(label)?) {
                kept.push([*label, *value].concat());
            }
        }
        if kept.len() == all.len() {
            return Ok(None);
        }
        let map = map_head(kept.len())?;
        Ok(Some([self.before, &map, &kept.concat(), self.after].concat()))
    }

    /// The message with this value under `label` in its unprotected header, in the place of one that is there or else at its end; everything else octet for octet.
    pub(super) fn with(&self, label: &Label, value: &Value) -> Result<Vec<u8>, DecodeError> {
        let written = |value: &Value| value.clone().to_vec().map_err(|_| malformed("a header parameter cannot be written"));
        let entry = [written(&label.clone().to_cbor_value().map_err(|_| malformed("a label cannot be written"))?)?, written(value)?].concat();
        let mut kept = Vec::new();
        let mut place = None;
        for (met, value) in entries(self.unprotected)? {
            match label_of(met)? == *label {
                true => place = place.or(Some(kept.len())),
                false => kept.push([met, value].concat()),
            }
        }
        kept.insert(place.unwrap_or(kept.len()), entry);
        Ok([self.before, &map_head(kept.len())?, &kept.concat(), self.after].concat())
    }
}

/// Label and value, each as it stands there.
type Entry<'a> = (&'a [u8], &'a [u8]);

/// The entries of a map.
pub(super) fn entries(map: &[u8]) -> Result<Vec<Entry<'_>>, DecodeError> {
    let (Head { major: MAP, argument }, mut rest) = head(map)? else {
        return Err(DecodeError::InvalidField { field: "COSE header", expected: "a CBOR map" });
    };
    let mut entries = Vec::new();
    while !rest.is_empty() && rest != [BREAK] && argument.is_none_or(|count| count > entries.len() as u64) {
        let (label, after) = first(rest)?;
        let (value, after) = first(after)?;
        entries.push((label, value));
        rest = after;
    }
    Ok(entries)
}

/// What an item is, once its bounds are known to be right.
pub(super) fn value(item: &[u8]) -> Result<Value, DecodeError> {
    // The parser clears the buffer that it is given, or else 4 KiB, for each of the message's items.
    coset::cbor::de::from_reader_with_buffer(item, &mut [0; 512]).map_err(|_| malformed("an item is not what it says"))
}

/// The label that an item is. A bignum is none, though the parser would make a number of it.
pub(super) fn label_of(item: &[u8]) -> Result<Label, DecodeError> {
    let wrong = || DecodeError::InvalidField { field: "COSE header's label", expected: "a number or a text" };
    match head(item)? {
        (Head { major: TAG, .. }, _) => Err(wrong()),
        _ => Label::from_cbor_value(value(item)?).map_err(|_| wrong()),
    }
}

/// What is in a byte string, which may have come in pieces; `None` for another item.
pub(super) fn bytes(item: &[u8]) -> Result<Option<Vec<u8>>, DecodeError> {
    Ok(value(item)?.into_bytes().ok())
}

/// The one item that `octets` are, once its bounds are known to be right.
pub(super) fn whole(octets: &[u8]) -> Result<&[u8], DecodeError> {
    match first(octets)? {
        (item, []) => Ok(item),
        _ => Err(malformed("octets follow its end")),
    }
}

/// How an item begins.
struct Head {
    major: u8,
    /// The number in the head: a value, a length or a count; none for an indefinite length and for the end of one.
    argument: Option<u64>,
}

/// Reads the head of an item and returns what follows it.
fn head(input: &[u8]) -> Result<(Head, &[u8]), DecodeError> {
    let (initial, rest) = input.split_first().ok_or_else(|| malformed(CUT_SHORT))?;
    let (major, information) = (initial >> 5, initial & 0x1f);
    let octets = match information {
        0..=23 => return Ok((Head { major, argument: Some(u64::from(information)) }, rest)),
        24..=27 => 1 << (information - 24),
        31 if matches!(major, BYTES | TEXT | ARRAY | MAP | OTHER) => return Ok((Head { major, argument: None }, rest)),
        _ => return Err(malformed("the head of an item is reserved")),
    };
    let (number, rest) = rest.split_at_checked(octets).ok_or_else(|| malformed(CUT_SHORT))?;
    let argument = number.iter().fold(0, |sum, octet| sum << 8 | u64::from(*octet));
    Ok((Head { major, argument: Some(argument) }, rest))
}

/// Cuts the first item off.
fn first(input: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let rest = skip(input, MAX_DEPTH)?;
    Ok(input.split_at(input.len() - rest.len()))
}

/// What follows the first item.
fn skip(input: &[u8], depth: usize) -> Result<&[u8], DecodeError> {
    let depth = depth.checked_sub(1).ok_or(DecodeError::TooLarge { what: "nesting of CBOR", limit: MAX_DEPTH })?;
    let (Head { major, argument }, rest) = head(input)?;
    match (major, argument) {
        (BYTES | TEXT, Some(length)) => {
            let length = usize::try_from(length).map_err(|_| malformed(CUT_SHORT))?;
            rest.get(length..).ok_or_else(|| malformed(CUT_SHORT))
        }
        (BYTES | TEXT, None) => skip_until_break(rest, |rest| match head(rest)? {
            (piece, _) if piece.major == major && piece.argument.is_some() => skip(rest, depth),
            _ => Err(malformed("a string has pieces of another kind")),
        }),
        (ARRAY, Some(count)) => skip_many(rest, count, depth),
        (MAP, Some(count)) => skip_many(skip_many(rest, count, depth)?, count, depth),
        (ARRAY, None) => skip_until_break(rest, |rest| skip(rest, depth)),
        (MAP, None) => skip_until_break(rest, |rest| skip(skip(rest, depth)?, depth)),
        (TAG, Some(_)) => skip(rest, depth),
        (OTHER, None) => Err(malformed("an end stands where nothing began")),
        _ => Ok(rest),
    }
}

fn skip_many(input: &[u8], count: u64, depth: usize) -> Result<&[u8], DecodeError> {
    // Each item has an octet at least, so that no count beyond the input is run through.
    let count = usize::try_from(count).ok().filter(|count| *count <= input.len()).ok_or_else(|| malformed(CUT_SHORT))?;
    (0..count).try_fold(input, |rest, _| skip(rest, depth))
}

fn skip_until_break<'a>(input: &'a [u8], next: impl Fn(&'a [u8]) -> Result<&'a [u8], DecodeError>) -> Result<&'a [u8], DecodeError> {
    let mut rest = input;
    loop {
        match rest {
            [BREAK, after @ ..] => return Ok(after),
            more => rest = next(more)?,
        }
    }
}

/// A tag's number and what is in it.
fn tagged(input: &[u8]) -> Result<(u64, &[u8]), DecodeError> {
    match head(input)? {
        (Head { major: TAG, argument: Some(tag) }, inner) => Ok((tag, inner)),
        _ => Err(DecodeError::Unexpected { what: "CBOR tag", found: "absent".to_owned(), expected: EXPECTED_TAG }),
    }
}

fn sign1(tag: u64, inner: &[u8]) -> Result<&[u8], DecodeError> {
    match tag {
        SIGN1 => Ok(inner),
        other => Err(DecodeError::Unexpected { what: "CBOR tag", found: other.to_string(), expected: EXPECTED_TAG }),
    }
}

/// The head of a map: that of the number of its entries, under another major type.
fn map_head(entries: usize) -> Result<Vec<u8>, DecodeError> {
    let mut head = Value::from(entries as u64).to_vec().map_err(|_| malformed("it has too many header parameters"))?;
    head.iter_mut().take(1).for_each(|initial| *initial |= MAP << 5);
    Ok(head)
}

fn no_message() -> DecodeError {
    DecodeError::InvalidField { field: "COSE_Sign1", expected: "an array of protected header, unprotected header, payload and signature" }
}

fn malformed(detail: &str) -> DecodeError {
    DecodeError::syntax("COSE_Sign1", "CBOR", detail)
}

const EXPECTED_TAG: &str = "18 (COSE_Sign1)";
const CUT_SHORT: &str = "it ends too early";

const SIGN1: u64 = 18;
const CWT: u64 = 61;

const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const OTHER: u8 = 7;
const BREAK: u8 = 0xff;

#[cfg(test)]
mod tests;
