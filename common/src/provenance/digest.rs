//! SHA-256 digests by which records and reports are told apart. Shown in hex.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::report::ManufactureReport;
use crate::codec;
use crate::envelope::Format;
use crate::error::DecodeError;
use crate::signed::Payload as _;

/// Declares a digest, read and written as 64 hexadecimal digits.
macro_rules! digest {
    ($(#[$meta:meta])* $name:ident, $what:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&codec::hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = DecodeError;
            fn try_from(text: String) -> Result<Self, DecodeError> {
                let invalid = DecodeError::InvalidField { field: $what, expected: "64 hexadecimal digits" };
                codec::unhex($what, &text)?.try_into().map(Self).map_err(|_| invalid)
            }
        }

        impl From<$name> for String {
            fn from(digest: $name) -> Self {
                digest.to_string()
            }
        }
    };
}

digest! {
    /// SHA-256 leaf hash of a whole record: every view of the record carries it.
    RecordDigest, "record digest"
}

digest! {
    /// SHA-256 of a manufacture report as its station made it: the record that followed from it keeps it, so that the same report is known again.
    ReportDigest, "report digest"
}

digest! {
    /// SHA-256 over the octets of a document or a list that is kept elsewhere.
    ContentDigest, "digest of a document"
}

impl ContentDigest {
    /// Of these octets.
    pub fn of(octets: &[u8]) -> Self {
        Self(codec::sha256(octets))
    }
}

impl ReportDigest {
    /// Of this report's JSON, as [`ManufactureReport`] writes it: no space, members in the order of their declaration, nothing that was left out.
    ///
    /// # Errors
    /// [`DecodeError`] if the report cannot be written.
    pub fn of(report: &ManufactureReport) -> Result<Self, DecodeError> {
        Ok(Self(codec::sha256(&report.encode(Format::Jws)?)))
    }
}

#[cfg(test)]
mod tests;
