//! One CBOR item out of a stream, without knowing its length beforehand.

use std::io::{BufRead, ErrorKind, Read as _};

/// Copies the next item. An error of the input itself comes back as it is, any other as what is wrong with the item.
pub(super) fn read(input: &mut impl BufRead, limit: usize) -> Result<Vec<u8>, std::io::Result<String>> {
    let mut item = Vec::new();
    match copy(input, &mut item, limit, DEEPEST) {
        Ok(_) => Ok(item),
        Err(Stopped::Input(err)) if err.kind() == ErrorKind::UnexpectedEof => Err(Ok("the batch ends too early".to_owned())),
        Err(Stopped::Input(err)) => Err(Err(err)),
        Err(Stopped::TooLong) => Err(Ok(format!("the batch is longer than {limit} octets"))),
        Err(Stopped::Malformed) => Err(Ok("what stands here is no CBOR, expected a sequence of COSE_Sign1 messages".to_owned())),
    }
}

enum Stopped {
    Input(std::io::Error),
    TooLong,
    Malformed,
}

impl From<std::io::Error> for Stopped {
    fn from(err: std::io::Error) -> Self {
        Self::Input(err)
    }
}

/// Copies one item; false if it was the end of one of indefinite length.
fn copy(input: &mut impl BufRead, item: &mut Vec<u8>, limit: usize, depth: usize) -> Result<bool, Stopped> {
    let depth = depth.checked_sub(1).ok_or(Stopped::Malformed)?;
    let mut initial = [0];
    input.read_exact(&mut initial)?;
    item.extend_from_slice(&initial);
    let [initial] = initial;
    let (major, information) = (initial >> 5, initial & 0x1f);
    let argument = match information {
        0..=23 => Some(u64::from(information)),
        24..=27 => {
            let mut number = [0; 8];
            let octets = number.get_mut(8 - (1 << (information - 24))..).ok_or(Stopped::Malformed)?;
            input.read_exact(octets)?;
            item.extend_from_slice(octets);
            Some(u64::from_be_bytes(number))
        }
        31 => None,
        _ => return Err(Stopped::Malformed),
    };
    let members = match (major, argument) {
        (UNSIGNED | NEGATIVE, Some(_)) | (OTHER, Some(_)) => 0,
        (OTHER, None) => return Ok(false),
        (BYTES | TEXT, Some(length)) => {
            let room = limit.saturating_sub(item.len()) as u64;
            if length > room {
                return Err(Stopped::TooLong);
            }
            if input.take(length).read_to_end(item)? as u64 != length {
                return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into());
            }
            0
        }
        (ARRAY, Some(count)) => count,
        (MAP, Some(count)) => count.checked_mul(2).ok_or(Stopped::TooLong)?,
        (TAG, Some(_)) => 1,
        (BYTES | TEXT | ARRAY | MAP, None) => u64::MAX,
        _ => return Err(Stopped::Malformed),
    };
    for _ in 0..members {
        if item.len() >= limit {
            return Err(Stopped::TooLong);
        }
        match (copy(input, item, limit, depth)?, argument) {
            (true, _) => {}
            (false, None) => break,
            (false, Some(_)) => return Err(Stopped::Malformed),
        }
    }
    Ok(true)
}

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const OTHER: u8 = 7;

const DEEPEST: usize = 16;
