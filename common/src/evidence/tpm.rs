//! TPM 2.0: what a TPM's attestation key (AK) says of another key in the same TPM, by TPM2_Certify or TPM2_CertifyCreation.
//!
//! Read by a parser of our own, so that whoever verifies needs no TPM software. The statement is `tcg-attest-tpm-certify`, as draft-ietf-lamps-csr-attestation defined it before it
//! left it to the TCG; its octets are the bare structures, without a TPM2B's number of octets before them:
//!
//! ```text
//! SEQUENCE { tpmSAttest OCTET STRING (TPMS_ATTEST), signature OCTET STRING (TPMT_SIGNATURE), tpmTPublic OCTET STRING (TPMT_PUBLIC) OPTIONAL }
//! ```
//! Nobody has a type of its own for TPM2_CertifyCreation: it is the same structure under the same type, told apart by the type within TPMS_ATTEST, which the TPM signs.
//! tpmTPublic must be there: a Name is a digest, and says nothing of a key's attributes to who has not seen what was digested.
//!
//! TPM2_Certify certifies imported keys as well, and whoever imports one may call it made by a TPM (sensitiveDataOrigin). A key counts as made inside only if it can also neither leave
//! the TPM nor its parent (fixedTPM, fixedParent), which no TPM grants to what it imports. Attributes cannot tell whether somebody else has the seed of which a primary key was made.
//!
//! How an attestation key itself is proved to be in a genuine TPM is told in [`credential`].

mod attest;
mod attestation_key;
pub mod credential;
mod public;
mod read;
mod signature;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use der::Decode as _;
use der::asn1::OctetStringRef;

pub(crate) use self::attest::{Attest, GENERATED};
pub(super) use self::attestation_key::mark as attestation_key_mark;
pub use self::public::PublicArea;
use self::public::{FIXED_PARENT, FIXED_TPM};
pub(crate) use self::signature::Signature;
use super::{Authorities, Claims, EvidenceError, Expected, Made, Nonced};
use crate::asn1::element;
use crate::certificate::Certificate;
use crate::codec::hex;
use crate::error::DecodeError;
use crate::provenance::Protection;
use crate::time::UnixTime;

/// tcg-attest-tpm-certify: the type under which an attestation bundle holds such a statement.
pub const TCG_ATTEST_TPM_CERTIFY: &str = "2.23.133.20.1";

/// Appraises one statement: verifies it with the attestation key whose certificate is in the bundle and under an authority, and binds it to the expected key.
///
/// # Errors
/// [`EvidenceError`] if it cannot be read, nobody who is trusted signed it, it is about another key or object, or answers another nonce.
pub fn appraise(stmt: &[u8], certs: &[Certificate], expected: &Expected<'_>, authorities: &Authorities, now: UnixTime) -> Result<Claims, EvidenceError> {
    let parts = Parts::from_der(stmt).map_err(unreadable)?;
    let attest = Attest::from_octets(parts.attest)?;
    let signature = Signature::from_octets(parts.signature)?;
    let public = parts.public.ok_or_else(|| wrong("has no public area (tpmTPublic), without which its Name tells neither key nor attributes"))?;
    let public = PublicArea::from_octets(public).map_err(unreadable)?;

    let signer = attestation_key::signer(&signature, parts.attest, certs)?;
    let authority = authorities.vouching(FORMAT, signer, certs, now).map_err(untrusted)?;
    attestation_key::demand_restricted(signer, authority)?;

    if attest.name != public.name() {
        return Err(EvidenceError::OtherKey { format: FORMAT, found: format!("Name {}", hex(&attest.name)), expected: format!("Name {}", hex(public.name())) });
    }
    if public.key() != expected.key {
        let [found, expected] = [public.key(), expected.key].map(|key| format!("SPKI {}", key.digest()));
        return Err(EvidenceError::OtherKey { format: FORMAT, found, expected });
    }
    if signer.public_key() == *expected.key {
        return Err(wrong("is signed by the very key that it is about, which therefore signs whatever it is given, and no TPM answers for it"));
    }
    let nonced = match expected.nonce {
        None => Nonced::Unasked,
        Some(_) if attest.extra_data.is_empty() => Nonced::Unanswered,
        Some(nonce) if nonce == attest.extra_data => Nonced::Fresh,
        Some(_) => return Err(EvidenceError::Stale { format: FORMAT }),
    };
    let mut details: Vec<(String, String)> = attest.details().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    details.push(("attributes".to_owned(), public.attributes_in_words()));
    details.extend(attestation_key::details(signer).into_iter().map(|(name, value)| (name.to_owned(), value)));
    Ok(Claims {
        format: FORMAT,
        authority: authority.name.clone(),
        attester: format!("{} ({})", authority.name, signer.subject()),
        basis: authority.basis,
        locus: authority.locus,
        made: made(&public),
        protection: protection(&public),
        nonced,
        details,
    })
}

/// Puts a statement together: TPMS_ATTEST, TPMT_SIGNATURE and TPMT_PUBLIC, each without the number of octets that a TPM2B has before it.
pub fn encode_statement(attest: &[u8], signature: &[u8], public: &[u8]) -> Vec<u8> {
    element(0x30, &[attest, signature, public].map(|octets| element(0x04, octets)).concat())
}

/// The three structures of a statement.
pub(crate) struct Parts<'a> {
    /// TPMS_ATTEST.
    pub(crate) attest: &'a [u8],
    /// TPMT_SIGNATURE.
    pub(crate) signature: &'a [u8],
    /// TPMT_PUBLIC.
    pub(crate) public: Option<&'a [u8]>,
}

impl<'a> Parts<'a> {
    /// Takes a statement apart.
    pub(crate) fn from_der(der: &'a [u8]) -> Result<Self, DecodeError> {
        if der.len() > LONGEST {
            return Err(DecodeError::TooLarge { what: "octets of a TPM certification", limit: LONGEST });
        }
        let read = TpmCertify::from_der(der).map_err(|err| DecodeError::syntax("tcg-attest-tpm-certify", "DER", err))?;
        Ok(Self { attest: read.attest.as_bytes(), signature: read.signature.as_bytes(), public: read.public.map(|public| public.as_bytes()) })
    }
}

#[derive(der::Sequence)]
struct TpmCertify<'a> {
    attest: OctetStringRef<'a>,
    signature: OctetStringRef<'a>,
    public: Option<OctetStringRef<'a>>,
}

/// Whether the TPM made it, as far as attributes tell.
fn made(public: &PublicArea) -> Made {
    match public.attributes().made_inside() {
        Some(true) => Made::Inside,
        Some(false) => Made::Outside,
        None => Made::Unsaid,
    }
}

/// Only with both can it not be duplicated: a key that is fixed to its parent goes wherever the parent goes.
fn protection(public: &PublicArea) -> Protection {
    match public.has(FIXED_TPM | FIXED_PARENT) {
        true => Protection::NonExtractable,
        false => Protection::ExtractableMigratable,
    }
}

fn unreadable(source: DecodeError) -> EvidenceError {
    EvidenceError::Unreadable { format: FORMAT, source }
}

fn untrusted(source: crate::error::VerifyError) -> EvidenceError {
    EvidenceError::Untrusted { format: FORMAT, source }
}

fn wrong(what: impl Into<String>) -> EvidenceError {
    EvidenceError::Wrong { format: FORMAT, what: what.into() }
}

/// What sentences call it.
const FORMAT: &str = "TPM certification";

/// An RSA key of 8192 bits, signed by such a one, needs about half of it.
const LONGEST: usize = 4096;
