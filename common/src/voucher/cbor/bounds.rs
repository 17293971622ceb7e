//! How many items foreign CBOR may have and of which kinds, found out before anything is built from it.

use crate::error::DecodeError;

/// Walks from head to head without regard to nesting, which is the parser's business, and allocates nothing.
///
/// # Errors
/// [`DecodeError::TooLarge`] for too many items: one octet may be one, and a value in memory is much larger.
/// [`DecodeError::Syntax`] for a string that claims more octets than there are, and for a bignum: numbers of YANG are plain ones (RFC 9254, sections 6.1 and 6.2), as SIDs are, and the
/// parser would take the one for the other.
pub(super) fn check(artefact: &'static str, octets: &[u8]) -> Result<(), DecodeError> {
    let mut rest = octets;
    for _ in 0..MOST_ITEMS {
        match after_head(rest) {
            Ok([]) => return Ok(()),
            Ok(next) => rest = next,
            Err(detail) => return Err(DecodeError::syntax(artefact, "CBOR", detail)),
        }
    }
    Err(DecodeError::TooLarge { what: "number of CBOR items", limit: MOST_ITEMS })
}

/// What follows the head of an item, and its content if that is a string of definite length.
fn after_head(octets: &[u8]) -> Result<&[u8], &'static str> {
    let (head, rest) = octets.split_first().ok_or(CUT_SHORT)?;
    let (major, information) = (head >> 5, head & 0x1f);
    let (argument, rest) = match information {
        0..=23 => (u64::from(information), rest),
        24..=27 => {
            let (argument, rest) = rest.split_at_checked(1 << (information - 24)).ok_or(CUT_SHORT)?;
            (argument.iter().fold(0, |number, octet| number << 8 | u64::from(*octet)), rest)
        }
        28..=30 => return Err("an item is of a reserved kind"),
        // An indefinite length, or the break that ends it.
        _ => return Ok(rest),
    };
    match major {
        BYTES | TEXT => usize::try_from(argument).ok().and_then(|length| rest.get(length..)).ok_or(CUT_SHORT),
        TAG if BIGNUMS.contains(&argument) => Err("a number is written as a bignum"),
        _ => Ok(rest),
    }
}

const BYTES: u8 = 2;
const TEXT: u8 = 3;
const TAG: u8 = 6;

/// Tags of positive and negative ones (RFC 8949, section 3.4.3).
const BIGNUMS: [u64; 2] = [2, 3];

const CUT_SHORT: &str = "it ends too early";

// Leaves, their keys and the elements of their lists, and room for strangers.
const MOST_ITEMS: usize = 4096;
