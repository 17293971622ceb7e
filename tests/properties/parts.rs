//! Signed messages taken apart, with no regard to what is in them.

use std::ops::Range;

use ciborium::Value;

/// Of a COSE_Sign1: protected header, unprotected header, payload, signature.
pub(crate) fn of_cose(wire: &[u8]) -> [Value; 4] {
    let message: Value = ciborium::from_reader(wire).unwrap();
    let (tag, message) = message.into_tag().unwrap();
    assert_eq!(tag, 18);
    message.into_array().unwrap().try_into().unwrap()
}

/// Where the DER elements between these octets are.
pub(crate) fn of_der(octets: &[u8], within: Range<usize>) -> Vec<Range<usize>> {
    let mut elements = Vec::new();
    let mut from = within.start;
    while from < within.end {
        let end = der_content(octets, from).end;
        elements.push(from..end);
        from = end;
    }
    elements
}

/// Where the content octets of the DER element are that begins here.
pub(crate) fn der_content(octets: &[u8], element: usize) -> Range<usize> {
    let first = usize::from(octets[element + 1]);
    let long = first.saturating_sub(0x80);
    let from = element + 2 + long;
    let length = match long {
        0 => first,
        _ => octets[element + 2..from].iter().fold(0, |length, octet| length << 8 | usize::from(*octet)),
    };
    from..from + length
}
