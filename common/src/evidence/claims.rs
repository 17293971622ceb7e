//! What evidence says, in the words of records, whatever its format.

use crate::provenance::{Basis, Locus, Protection};

/// What genuine evidence says of the key that it was bound to. Its signature, its path to a configured authority and that binding were checked by whoever made this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Which format, as in `TPM certification`.
    pub format: &'static str,
    /// Who vouches: the configured [`Authority`](super::Authority)'s name, and the subject of the certificate below it that signed.
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

/// Whether a key came into being where it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Made {
    /// The module made it: CKA_LOCAL, sensitiveDataOrigin, `local`.
    Inside,
    /// It was put in.
    Outside,
    /// Nothing is said.
    Unsaid,
}

/// Whether evidence is fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nonced {
    /// It answers the nonce that was expected.
    Fresh,
    /// None was expected.
    Unasked,
}
