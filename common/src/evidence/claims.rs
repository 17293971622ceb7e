//! What evidence says, in the words of records, whatever its format.

use crate::provenance::{Basis, CaArrangement, Locus, Protection, SecureElementGeneration};

/// What genuine evidence says of the key that it was bound to. Its signature, its path to a configured authority and that binding were checked by whoever made this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Which format, as in `TPM certification`.
    pub format: &'static str,
    /// The configured [`Authority`](super::Authority) that vouches.
    pub authority: String,
    /// Who vouches, for people: the configured [`Authority`](super::Authority)'s name, and the subject of the certificate below it that signed.
    pub attester: String,
    /// The basis that a record may rest on because of it.
    pub basis: Basis,
    /// Where the key lives, if the authority attests nothing else: a TPM vendor's anchor for firmware TPMs says so.
    pub locus: Option<Locus>,
    /// Whether the key came into being where it is held.
    pub made: Made,
    /// How well it is held, as far as attributes tell; `unknown` if they do not.
    pub protection: Protection,
    /// Whether it answers a nonce.
    pub nonced: Nonced,
    /// What else was read, for people: name and value, in the format's own words.
    pub details: Vec<(String, String)>,
}

/// What the maker of a secure element says of the keys in it beside that it delivered them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Delivered {
    /// Whether the element made them or was given them, if it says so.
    pub se_generation: Option<SecureElementGeneration>,
    /// Whose CA certified them, if it says so.
    pub ca_arrangement: Option<CaArrangement>,
}

/// Whether a key came into being where it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Made {
    /// The module made it: CKA_LOCAL, sensitiveDataOrigin, `local`.
    Inside,
    /// It was put in.
    Outside,
    /// The maker of a secure element put it into service and delivered the element with it (sapodilla).
    Delivered(Delivered),
    /// Nothing is said.
    Unsaid,
}

/// Whether evidence is fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nonced {
    /// It answers the nonce that was expected.
    Fresh,
    /// One was expected, and it answers none: it may be an old one.
    Unanswered,
    /// None was expected.
    Unasked,
}

impl Nonced {
    /// Of evidence whose format has no place for a nonce.
    pub(super) fn of_none(expected: &super::Expected<'_>) -> Self {
        if expected.nonce.is_some() { Self::Unanswered } else { Self::Unasked }
    }
}
