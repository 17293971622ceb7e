//! What a leaf's value must be able to do, in JSON and in CBOR alike. All else is built on this and written once.

use std::collections::BTreeMap;

use super::schema::Container;
use super::{Assertion, Nonce, Wanted};
use crate::error::DecodeError;
use crate::leniency::Reading;
use crate::provenance::{Method, Protection, Source, Transfer};

/// A value of one encoding. Every error names the leaf; a value of another kind than the leaf's is wrong, and so is `null`.
pub(super) trait Encoded: Sized {
    /// Reads a whole document, bounded in size, depth and number of items.
    fn parse(artefact: &'static str, octets: &[u8]) -> Result<Self, DecodeError>;

    /// The container in a document that has exactly this root and nothing beside it: a document with two roots would be a voucher to one reader and a request to another.
    fn root(&self, container: &'static Container, reading: &Reading) -> Result<&Self, DecodeError>;

    /// What is in a container, by leaf. Strangers are left out; a leaf that occurs twice, perhaps under two names, is refused.
    fn members(&self, container: &'static Container) -> Result<BTreeMap<&'static str, &Self>, DecodeError>;

    /// A text of at most `limit` octets.
    fn text(&self, leaf: &'static str, limit: usize, expected: &'static str) -> Result<&str, DecodeError>;

    /// A YANG binary of at most `limit` octets.
    fn octets(&self, leaf: &'static str, limit: usize) -> Result<Vec<u8>, DecodeError>;

    /// As `octets`, in the alphabet of manufacturer-proprietary (RFC 8366bis, section 8.7).
    fn opaque(&self, leaf: &'static str, limit: usize) -> Result<Vec<u8>, DecodeError>;

    /// True or false.
    fn boolean(&self, leaf: &'static str) -> Result<bool, DecodeError>;

    /// A YANG enumeration.
    fn choice<C: Choice>(&self, leaf: &'static str) -> Result<C, DecodeError>;

    /// The pledge's nonce.
    fn nonce(&self, leaf: &'static str) -> Result<Nonce, DecodeError>;

    /// The bits full and summary.
    fn wanted(&self, leaf: &'static str) -> Result<Wanted, DecodeError>;

    /// The elements, if it is an array.
    fn elements(&self) -> Option<&[Self]>;

    /// The extension that an element of the leaf-list `extensions` stands for; none if it is neither name nor SID.
    fn listed(&self) -> Option<Listed<'_>>;

    /// From a text.
    fn from_text(text: &str) -> Self;

    /// From octets.
    fn from_octets(octets: &[u8]) -> Self;

    /// From octets, for manufacturer-proprietary.
    fn from_opaque(octets: &[u8]) -> Self;

    /// From true or false.
    fn from_boolean(value: bool) -> Self;

    /// From a variant.
    fn from_choice(choice: impl Choice) -> Self;

    /// From a nonce, if this encoding can carry it.
    fn from_nonce(nonce: &Nonce) -> Result<Self, DecodeError>;

    /// From bits.
    fn from_wanted(wanted: Wanted) -> Self;

    /// From the elements of a leaf-list.
    fn from_elements(elements: Vec<Self>) -> Self;

    /// The leaf-list `extensions` with our extension alone.
    fn own_extension() -> Self;

    /// From what is in a container.
    fn from_members(container: &'static Container, members: BTreeMap<&'static str, Self>) -> Self;

    /// The whole document with this root.
    fn document(self, container: &'static Container) -> Result<Vec<u8>, DecodeError>;
}

/// An extension as `extensions` lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Listed<'a> {
    /// By name.
    Name(&'a str),
    /// By the SID of its module.
    Sid(u64),
}

impl core::fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Sid(sid) => sid.fmt(f),
        }
    }
}

/// A YANG enumeration: words in JSON (RFC 7951, section 6.4), integers in CBOR (RFC 9254, section 6.6).
pub(super) trait Choice: Copy + 'static {
    /// What may stand in JSON.
    const WORDS: &'static str;
    /// What may stand in CBOR.
    const NUMBERS: &'static str;
    /// The variant with this word.
    fn from_word(word: &str) -> Option<Self>;
    /// The variant with this number.
    fn from_value(value: u64) -> Option<Self>;
    /// Its word.
    fn word(self) -> &'static str;
    /// Its number.
    fn value(self) -> u8;
}

macro_rules! choices {
    ($( $enum:ident: $first:literal $(, $number:literal $word:literal)+; )+) => { $(
        impl Choice for $enum {
            const WORDS: &'static str = concat!("one of ", $first $(, ", ", $word)+);
            const NUMBERS: &'static str = concat!("an integer in CBOR and no word: 0 ", $first $(, ", ", $number, " ", $word)+);
            fn from_word(word: &str) -> Option<Self> {
                Self::from_name(word)
            }
            fn from_value(value: u64) -> Option<Self> {
                Self::from_number(value)
            }
            fn word(self) -> &'static str {
                self.name()
            }
            fn value(self) -> u8 {
                self.number()
            }
        }
    )+ };
}

choices! {
    Assertion: "verified", 1 "logged", 2 "proximity", 3 "agent-proximity";
    Method: "unknown", 1 "avocado", 2 "bamboo", 3 "carrot", 4 "salak", 5 "sapodilla";
    Transfer: "unknown", 1 "none", 2 "mechanically-installed", 3 "mechanically-transferred", 4 "network-transferred";
    Source: "unknown", 1 "loaded", 2 "device-derived", 3 "generated-on-device", 4 "key-agreement", 5 "co-generated", 6 "kdf";
    Protection: "unknown", 1 "none-software", 2 "extractable-migratable", 3 "extractable-for-backup", 4 "extractable-for-storage", 5 "non-extractable";
}
