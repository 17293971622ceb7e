//! How many items foreign CBOR may have, found out before anything is built from it.

use crate::error::DecodeError;

/// Walks from head to head without regard to nesting, which is the parser's business, and allocates nothing.
///
/// # Errors
/// [`DecodeError::TooLarge`] for too many items: one octet may be one, and a value in memory is much larger.
/// [`DecodeError::Syntax`] for a string that claims more octets than there are.
pub(super) fn check(artefact: &'static str, octets: &[u8]) -> Result<(), DecodeError> {
    let mut rest = octets;
    for _ in 0..MOST_ITEMS {
        match after_head(rest) {
            Some([]) => return Ok(()),
            Some(next) => rest = next,
            None => return Err(DecodeError::syntax(artefact, "CBOR", "it ends too early, or has an item of a reserved kind")),
        }
    }
    Err(DecodeError::TooLarge { what: "number of CBOR items", limit: MOST_ITEMS })
}

/// What follows the head of an item, and its content if that is a string of definite length.
fn after_head(octets: &[u8]) -> Option<&[u8]> {
    let (head, rest) = octets.split_first()?;
    let (major, information) = (head >> 5, head & 0x1f);
    let (argument, rest) = match information {
        0..=23 => (u64::from(information), rest),
        24..=27 => {
            let (argument, rest) = rest.split_at_checked(1 << (information - 24))?;
            (argument.iter().fold(0, |number, octet| number << 8 | u64::from(*octet)), rest)
        }
        28..=30 => return None,
        // An indefinite length, or the break that ends it.
        _ => return Some(rest),
    };
    match major {
        BYTES | TEXT => rest.get(usize::try_from(argument).ok()?..),
        _ => Some(rest),
    }
}

const BYTES: u8 = 2;
const TEXT: u8 = 3;

// Leaves, their keys and the elements of their lists, and room for strangers.
const MOST_ITEMS: usize = 4096;
