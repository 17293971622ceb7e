//! Signed notes (C2SP signed-note v1.0.0): a text, an empty line, and signatures a line each.

use core::fmt;

use super::LogName;
use crate::codec::{base64, unbase64};
use crate::error::DecodeError;

/// One signature under a note: who claims to have made it, and its octets, whatever their type is. Shown and read as a line.
#[derive(Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: LogName,
    key_id: [u8; 4],
    signature: Vec<u8>,
}

impl NoteSignature {
    /// # Errors
    /// [`DecodeError`] if the signature is empty or longer than 8 KiB.
    pub fn new(name: LogName, key_id: [u8; 4], signature: Vec<u8>) -> Result<Self, DecodeError> {
        match (1..=LONGEST_SIGNATURE).contains(&signature.len()) {
            true => Ok(Self { name, key_id, signature }),
            false => Err(DecodeError::InvalidField { field: "signature of the note", expected: "a key ID of 4 octets and 1 to 8192 octets more" }),
        }
    }

    /// The name of the key.
    pub fn name(&self) -> &LogName {
        &self.name
    }

    /// The key ID, which tells keys of one name apart.
    pub fn key_id(&self) -> [u8; 4] {
        self.key_id
    }

    /// What the key made of the text.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

impl core::str::FromStr for NoteSignature {
    type Err = DecodeError;
    fn from_str(line: &str) -> Result<Self, DecodeError> {
        let wrong = || DecodeError::InvalidField { field: "signature of the note", expected: "an em dash, a key name and base64, with a space between them" };
        let (name, encoded) = line.strip_prefix(DASH).and_then(|rest| rest.split_once(' ')).ok_or_else(wrong)?;
        if encoded.len() > LONGEST_SIGNATURE.div_ceil(3) * 4 + 8 {
            return Err(DecodeError::TooLarge { what: "length of a note's signature in octets", limit: LONGEST_SIGNATURE });
        }
        let octets = unbase64("signature of the note", encoded)?;
        let (key_id, signature) = octets.split_first_chunk().ok_or_else(wrong)?;
        Self::new(LogName::new(name)?, *key_id, signature.to_vec())
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{DASH}{} {}", self.name, base64(&[&self.key_id, self.signature.as_slice()].concat()))
    }
}

impl fmt::Debug for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSignature({}, {:08x}, {} octets)", self.name, u32::from_be_bytes(self.key_id), self.signature.len())
    }
}

/// The text of a note with its last newline, and its signatures.
pub(super) fn split(note: &str) -> Result<(&str, Vec<NoteSignature>), DecodeError> {
    if note.len() > LONGEST {
        return Err(DecodeError::TooLarge { what: "length of the note in octets", limit: LONGEST });
    }
    if note.contains(|c: char| c < ' ' && c != '\n') {
        return Err(DecodeError::InvalidField { field: "note", expected: "without control characters" });
    }
    let form = || DecodeError::InvalidField { field: "note", expected: "a text, an empty line and a line for each signature" };
    // The text may have empty lines of its own; the last one ends it.
    let end = note.rfind("\n\n").ok_or_else(form)? + 1;
    let (text, rest) = note.split_at_checked(end).ok_or_else(form)?;
    let lines = rest.strip_prefix('\n').and_then(|rest| rest.strip_suffix('\n')).ok_or_else(form)?;
    check_number(lines.split('\n').count())?;
    Ok((text, lines.split('\n').map(str::parse).collect::<Result<_, _>>()?))
}

pub(super) fn check_number(signatures: usize) -> Result<(), DecodeError> {
    match signatures <= MOST_SIGNATURES {
        true => Ok(()),
        false => Err(DecodeError::TooLarge { what: "number of signatures of the note", limit: MOST_SIGNATURES }),
    }
}

/// An em dash and a space.
const DASH: &str = "\u{2014} ";

/// The specification demands 16 at least.
const MOST_SIGNATURES: usize = 64;

/// Signatures that withstand quantum computers have nearly 5 kB.
const LONGEST_SIGNATURE: usize = 8 * 1024;

const LONGEST: usize = 256 * 1024;
