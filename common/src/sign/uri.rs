//! Where a private key lives, as a configuration says it: a bare path, a `file:` URI, or a `pkcs11:` URI (RFC 7512).

mod file;
mod pkcs11;
#[cfg(test)]
mod tests;

use core::fmt;
use core::str::FromStr;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::Error as _;

pub use self::pkcs11::Pkcs11Uri;
use crate::text::printable;

/// Where a private key lives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyUri {
    /// In a PEM file. A relative path is relative to whatever names it.
    File(PathBuf),
    /// In a token that speaks PKCS #11, and never leaves it.
    Pkcs11(Box<Pkcs11Uri>),
}

/// A text that is no [`KeyUri`]. What it says never quotes a PIN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyUriError {
    /// There is nothing.
    #[error("is empty, but must be a path, file:PATH or a pkcs11: URI")]
    Empty,
    /// It is longer than any real one.
    #[error("is longer than {LONGEST} octets")]
    TooLong,
    /// Its scheme is none of ours.
    #[error("'{scheme}:' is an unknown scheme: a key is a path, file:PATH or a pkcs11: URI; a path whose name has a colon begins with ./")]
    UnknownScheme {
        /// What stands before the colon.
        scheme: String,
    },
    /// A `%` that two hexadecimal digits do not follow, or octets that are no text.
    #[error("{part} is wrongly percent-encoded: a % and two hexadecimal digits stand for one octet, and all octets together are UTF-8 without NUL")]
    Encoding {
        /// Which part.
        part: String,
    },
    /// A `file:` URI with more than a path.
    #[error("a file: URI is a path alone, such as file:keys/x.pem or file:///etc/brski/x.pem: {problem}")]
    File {
        /// What it has beyond that.
        problem: &'static str,
    },
    /// A character that has to be percent-encoded.
    #[error("{attribute} has the character {character:?}, which a pkcs11: URI percent-encodes")]
    Character {
        /// In which attribute.
        attribute: String,
        /// Which.
        character: char,
    },
    /// A part without `=`.
    #[error("what begins with '{part}' is no attribute: a pkcs11: URI is made of name=value, parted by ; before the ? and by & after it")]
    NoAttribute {
        /// How it begins.
        part: String,
    },
    /// An attribute that we do not know, and that might narrow the choice down.
    #[error("'{attribute}' is an unknown attribute; {place} the ? these are known: {known}")]
    UnknownAttribute {
        /// Its name.
        attribute: String,
        /// On which side of the question mark it stands.
        place: &'static str,
        /// Those that may stand there.
        known: String,
    },
    /// The same attribute twice.
    #[error("{attribute} occurs twice")]
    Twice {
        /// Its name.
        attribute: &'static str,
    },
    /// An attribute's value cannot be any.
    #[error("{attribute} must be {expected}")]
    Value {
        /// Its name.
        attribute: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// A PIN in a configuration file.
    #[error(
        "pin-value would be a secret in a configuration file, which is copied and shown to others: put the PIN into a file of its own and name it with pin-source=file:PATH"
    )]
    PinValue,
    /// An attribute that cannot be done without.
    #[error("{attribute} is missing: {expected}")]
    Missing {
        /// Its name.
        attribute: &'static str,
        /// What would be right.
        expected: &'static str,
    },
}

impl FromStr for KeyUri {
    type Err = KeyUriError;

    fn from_str(text: &str) -> Result<Self, KeyUriError> {
        match text {
            "" => return Err(KeyUriError::Empty),
            long if long.len() > LONGEST => return Err(KeyUriError::TooLong),
            _ => (),
        }
        let Some((scheme, rest)) = scheme(text) else { return file::bare(text).map(Self::File) };
        match scheme.to_ascii_lowercase().as_str() {
            "file" => file::parse(rest).map(Self::File),
            "pkcs11" => Pkcs11Uri::parse(rest).map(|uri| Self::Pkcs11(Box::new(uri))),
            _ => Err(KeyUriError::UnknownScheme { scheme: printable(scheme, LONGEST_SHOWN) }),
        }
    }
}

impl From<PathBuf> for KeyUri {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&str> for KeyUri {
    /// A path, whatever it looks like.
    fn from(path: &str) -> Self {
        Self::File(path.into())
    }
}

impl fmt::Display for KeyUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Pkcs11(uri) => uri.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for KeyUri {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// What stands before and after the first colon, if that is a scheme (RFC 3986, section 3.1).
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let mut characters = scheme.bytes();
    let well_formed = characters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && characters.all(|other| other.is_ascii_alphanumeric() || matches!(other, b'+' | b'-' | b'.'));
    well_formed.then_some((scheme, rest))
}

/// The octets that a percent-encoded text stands for (RFC 3986, section 2.1). `None` if two hexadecimal digits do not follow each `%`.
fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'%' => hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?,
            other => other,
        });
    }
    Some(octets)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// The text that a percent-encoded text stands for, without NUL: no path and no label has one.
fn decoded_text(part: &str, text: &str) -> Result<String, KeyUriError> {
    let octets = percent_decoded(text).filter(|octets| !octets.contains(&0));
    let text = octets.and_then(|octets| String::from_utf8(octets).ok());
    text.ok_or_else(|| KeyUriError::Encoding { part: part.to_owned() })
}

/// Far more than every attribute needs together.
const LONGEST: usize = 4096;

/// Characters of what somebody wrote that an error repeats.
const LONGEST_SHOWN: usize = 40;
