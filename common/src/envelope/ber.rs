//! BER to DER, as far as senders of CMS need it: RFC 5652 allows BER, and senders that stream write indefinite lengths and octet strings in pieces.
//!
//! Only lengths and pieces are made canonical. Whatever else differs from DER is left for the DER parser to refuse.

use der::asn1::OctetStringRef;
use der::{Decode as _, Reader as _, SliceReader};

use crate::asn1::element;
use crate::error::DecodeError;

/// Largest input, in octets. DER is shorter than BER but for one octet an element of 64 KiB or more, so that this limits the output as well.
pub(super) const MAX_OCTETS: usize = 1 << 20;

/// Deepest nesting; a voucher with its certificates needs about twelve levels.
pub(super) const MAX_DEPTH: usize = 32;

/// The one BER element that `input` is, in DER.
pub(crate) fn to_der(input: &[u8]) -> Result<Vec<u8>, DecodeError> {
    if input.len() > MAX_OCTETS {
        return Err(DecodeError::TooLarge { what: "BER in octets", limit: MAX_OCTETS });
    }
    let mut out = Vec::with_capacity(input.len());
    match convert(input, MAX_DEPTH, &mut out)? {
        [] => Ok(out),
        _ => Err(malformed("octets follow its end")),
    }
}

/// Appends the first element of `input` to `out` in DER and returns what follows it.
fn convert<'a>(input: &'a [u8], depth: usize, out: &mut Vec<u8>) -> Result<&'a [u8], DecodeError> {
    let depth = depth.checked_sub(1).ok_or(DecodeError::TooLarge { what: "nesting of BER", limit: MAX_DEPTH })?;
    let (tag, rest) = input.split_first().ok_or_else(|| malformed("an element is cut short"))?;
    let (length, rest) = length(rest)?;
    match Kind::of(*tag)? {
        Kind::Primitive => {
            let length = length.ok_or_else(|| malformed("a primitive element has no length"))?;
            let (content, rest) = rest.split_at_checked(length).ok_or_else(|| malformed("an element is cut short"))?;
            out.extend(element(*tag, content));
            Ok(rest)
        }
        Kind::Constructed => {
            let mut content = Vec::new();
            let rest = children(length, rest, depth, &mut content)?;
            out.extend(element(*tag, &content));
            Ok(rest)
        }
        Kind::OctetStringInPieces => {
            let mut pieces = Vec::new();
            let rest = children(length, rest, depth, &mut pieces)?;
            out.extend(element(OCTET_STRING, &joined(&pieces)?));
            Ok(rest)
        }
    }
}

/// Appends all elements up to the given or the indefinite end, and returns what follows that.
fn children<'a>(length: Option<usize>, input: &'a [u8], depth: usize, out: &mut Vec<u8>) -> Result<&'a [u8], DecodeError> {
    match length {
        Some(length) => {
            let (mut content, rest) = input.split_at_checked(length).ok_or_else(|| malformed("an element is cut short"))?;
            while !content.is_empty() {
                content = convert(content, depth, out)?;
            }
            Ok(rest)
        }
        None => {
            let mut rest = input;
            loop {
                match rest {
                    [0, 0, after @ ..] => return Ok(after),
                    more => rest = convert(more, depth, out)?,
                }
            }
        }
    }
}

/// The content of octet strings, one after the other.
fn joined(pieces: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let syntax = |err: der::Error| malformed(&err.to_string());
    let mut reader = SliceReader::new(pieces).map_err(syntax)?;
    let mut whole = Vec::with_capacity(pieces.len());
    while !reader.is_finished() {
        whole.extend_from_slice(OctetStringRef::decode(&mut reader).map_err(syntax)?.as_bytes());
    }
    Ok(whole)
}

/// Reads length octets; `None` is the indefinite form.
fn length(input: &[u8]) -> Result<(Option<usize>, &[u8]), DecodeError> {
    let (first, rest) = input.split_first().ok_or_else(|| malformed("a length is cut short"))?;
    match first {
        short @ 0..=0x7f => Ok((Some(usize::from(*short)), rest)),
        0x80 => Ok((None, rest)),
        long => {
            let (octets, rest) = rest.split_at_checked(usize::from(long & 0x7f)).ok_or_else(|| malformed("a length is cut short"))?;
            let zeros = octets.iter().take_while(|b| **b == 0).count();
            let significant = &octets[zeros..];
            // Four octets of length are beyond any input that is read here.
            if significant.len() > 4 {
                return Err(malformed("a length is beyond the input"));
            }
            let length = significant.iter().fold(0u64, |sum, b| sum << 8 | u64::from(*b));
            usize::try_from(length).map(|l| (Some(l), rest)).map_err(|_| malformed("a length is beyond the input"))
        }
    }
}

enum Kind {
    Primitive,
    Constructed,
    OctetStringInPieces,
}

impl Kind {
    fn of(tag: u8) -> Result<Self, DecodeError> {
        let (universal, constructed, number) = (tag & 0xc0 == 0, tag & 0x20 != 0, tag & 0x1f);
        match (universal, constructed, number) {
            (_, _, 0x1f) => Err(malformed("tag numbers above 30 do not occur in CMS")),
            (true, _, 0) => Err(malformed("an end of contents stands where no content began")),
            (true, true, 4) => Ok(Self::OctetStringInPieces),
            (true, true, 0x10 | 0x11) | (false, true, _) => Ok(Self::Constructed),
            (true, true, _) => Err(malformed("only octet strings may come in pieces")),
            (_, false, _) => Ok(Self::Primitive),
        }
    }
}

const OCTET_STRING: u8 = 0x04;

fn malformed(detail: &str) -> DecodeError {
    DecodeError::syntax("CMS", "BER", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn der_stays_as_it_is() {
        let der = element(0x30, &[element(0x02, &[5]), element(0xa0, &element(0x04, &[7; 300]))].concat());
        assert_eq!(to_der(&der).unwrap(), der);
    }

    #[test]
    fn indefinite_lengths_and_pieces_become_definite_and_whole() {
        let streamed = [0x30, 0x80, 0xa0, 0x80, 0x24, 0x80, 4, 1, b'a', 0x24, 3, 4, 1, b'b', 4, 0, 0, 0, 0, 0, 0, 0];
        let der = element(0x30, &element(0xa0, &element(0x04, b"ab")));
        assert_eq!(to_der(&streamed).unwrap(), der);
    }

    #[test]
    fn roundabout_length_becomes_short() {
        assert_eq!(to_der(&[4, 0x84, 0, 0, 0, 2, 7, 8]).unwrap(), [4, 2, 7, 8]);
    }

    #[test]
    fn nesting_deeper_than_the_limit_is_refused() {
        let nested = |depth: usize| [[0x30, 0x80].repeat(depth), [0, 0].repeat(depth)].concat();
        assert!(to_der(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(to_der(&nested(MAX_DEPTH + 1)), Err(DecodeError::TooLarge { what: "nesting of BER", limit: MAX_DEPTH }));
        assert!(to_der(&nested(MAX_OCTETS / 4)).is_err());
    }

    #[test]
    fn input_larger_than_the_limit_is_refused() {
        assert_eq!(to_der(&vec![0; MAX_OCTETS + 1]), Err(DecodeError::TooLarge { what: "BER in octets", limit: MAX_OCTETS }));
    }

    #[test]
    fn malformed_elements_are_refused() {
        let malformed: [&[u8]; 11] = [
            &[],
            &[0x30],
            &[0x30, 0x80],             // no end of contents
            &[4, 0x80, 0, 0],          // primitive without length
            &[4, 2, 7],                // cut short
            &[4, 0x85, 1, 0, 0, 0, 0], // absurd length
            &[0x30, 2, 0, 0],          // end of contents within a definite length
            &[0x23, 4, 3, 2, 0, 1],    // bit string in pieces
            &[0x24, 3, 2, 1, 0],       // integer as a piece of an octet string
            &[0x1f, 0x85, 0x01, 0],    // high tag number
            &[4, 1, 7, 0],             // trailing octet
        ];
        for input in malformed {
            assert!(to_der(input).is_err(), "{input:02x?}");
        }
    }

    #[test]
    fn arbitrary_octets_never_panic_and_what_comes_out_is_stable() {
        // xorshift64: the same octets in every run. Octets that BER gives a meaning are more frequent.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let telling = [0x30, 0x80, 0x24, 0x04, 0x00, 0x00, 0xa0, 0x02, 0x01, 0x84, 0x31, 0x81];
        let mut converted = 0;
        for _ in 0..200_000 {
            let len = (next() % 24) as usize;
            let octet = |random: u64| if random.is_multiple_of(8) { (random >> 8) as u8 } else { telling[(random >> 8) as usize % telling.len()] };
            let input: Vec<u8> = (0..len).map(|_| octet(next())).collect();
            if let Ok(der) = to_der(&input) {
                assert_eq!(to_der(&der).unwrap(), der, "{input:02x?}");
                converted += 1;
            }
        }
        assert!(converted > 1_000, "only {converted} inputs were well-formed");
    }
}
