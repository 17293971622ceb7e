//! PKIX key attestation (draft-ietf-rats-pkix-key-attestation): what an HSM or a secure element says of the keys in it, signed with its attestation key.

mod claims;
mod make;
mod signers;
mod wire;

pub(super) use self::claims::DEBUG_STATES;
pub use self::claims::{Claim, Element, ElementKind, Value};
use self::claims::{EXTRACTABLE, LOCAL, NEVER_EXTRACTABLE, NONCE, SENSITIVE, SPKI};
pub(crate) use self::signers::Block;
use super::{Authorities, Claims, EvidenceError, Expected, Made, Nonced, Outcome, Platform};
use crate::certificate::Certificate;
use crate::codec::hex;
use crate::error::DecodeError;
use crate::identity::SpkiDigest;
use crate::provenance::{Evidence, EvidenceType, Protection};
use crate::text::{LONGEST_WORDS, printable};
use crate::time::UnixTime;

/// Evidence as it was read. Nothing in it is verified: [`appraise`](super::appraise) does that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAttestation {
    der: Vec<u8>,
    signed: Vec<u8>,
    elements: Vec<Element>,
    blocks: Vec<Block>,
    certificates: Vec<Certificate>,
    unread: usize,
}

impl KeyAttestation {
    /// id-evidence, below which all numbers of the format are, and the kind of such evidence. A placeholder that the draft's samples use: no number is assigned yet.
    pub const KIND: &'static str = "1.3.6.1.5.5.999";

    /// id-kp-attestationKey, the extended key usage of certificates of attestation keys. A placeholder likewise.
    pub const ATTESTATION_KEY_USAGE: &'static str = "1.3.6.1.5.5.7.3.999";

    pub(crate) const NAME: &'static str = "PKIX key attestation";

    /// Largest evidence, in octets.
    pub const LARGEST: usize = 64 * 1024;

    /// Reads evidence in DER. Elements and claims of unknown types are kept and passed over.
    ///
    /// # Errors
    /// [`DecodeError`] if it is malformed, of another version than 1, too large, or says twice what may be said once.
    pub fn from_der(der: &[u8]) -> Result<Self, DecodeError> {
        wire::read(der)
    }

    /// The exact octets.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The evidence as records keep it, by itself.
    ///
    /// # Errors
    /// None in fact: its kind is a constant.
    pub fn to_evidence(&self) -> Result<Evidence, DecodeError> {
        Ok(Evidence { kind: EvidenceType::new(Self::KIND)?, data: self.der.clone() })
    }

    /// What is said of which part, in its order; at least one.
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// The certificates that came with it to lead to an anchor, as far as they can be read.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// How many certificates cannot be read, perhaps because of their keys.
    pub fn unread_certificates(&self) -> usize {
        self.unread
    }

    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The octets that every signature covers.
    pub(crate) fn signed(&self) -> &[u8] {
        &self.signed
    }

    fn of_kind(&self, kind: &ElementKind) -> impl Iterator<Item = &Element> {
        self.elements.iter().filter(move |element| element.kind == *kind)
    }
}

/// What an attestation key lacks by the draft, as a clause that follows its certificate's subject; none if it may sign evidence.
pub(crate) fn attestation_key_fault(certificate: &Certificate) -> Option<String> {
    signers::fault(certificate)
}

/// Evidence, alone or as a statement of a bundle with these certificates.
pub(super) fn appraise(
    statement: &[u8],
    certificates: &[Certificate],
    expected: &Expected<'_>,
    authorities: &Authorities,
    now: UnixTime,
) -> Result<Outcome, EvidenceError> {
    let format = KeyAttestation::NAME;
    let evidence = KeyAttestation::from_der(statement).map_err(|source| EvidenceError::Unreadable { format, source })?;
    let (authority, signer) = signers::verify(&evidence, certificates, authorities, now)?;
    let nonced = answered(&evidence, expected)?;
    let attester = format!("{} ({})", authority.name, printable(signer.subject(), LONGEST_WORDS));
    if evidence.of_kind(&ElementKind::Key).next().is_none() {
        return Ok(Outcome::OfPlatform(Platform { format, attester, details: details(&evidence, None) }));
    }
    let element = about(&evidence, expected)?;
    if signer.public_key() == *expected.key {
        let what = "is signed with the very key that it is about, which proves nothing of it".to_owned();
        return Err(EvidenceError::Wrong { format, what });
    }
    Ok(Outcome::Holds(Box::new(Claims {
        format,
        authority: authority.name.clone(),
        attester,
        basis: authority.basis,
        locus: authority.locus,
        made: made(element),
        protection: protection(element),
        nonced,
        details: details(&evidence, Some(element)),
    })))
}

fn answered(evidence: &KeyAttestation, expected: &Expected<'_>) -> Result<Nonced, EvidenceError> {
    let Some(nonce) = expected.nonce else { return Ok(Nonced::Unasked) };
    let given = evidence.of_kind(&ElementKind::Transaction).find_map(|element| element.octets(NONCE));
    match given {
        None => Ok(Nonced::Unanswered),
        Some(given) if given == nonce => Ok(Nonced::Fresh),
        Some(_) => Err(EvidenceError::Stale { format: KeyAttestation::NAME }),
    }
}

/// The element of the expected key. It may be there several times, imported twice for instance, if the module says the same of each.
fn about<'a>(evidence: &'a KeyAttestation, expected: &Expected<'_>) -> Result<&'a Element, EvidenceError> {
    let format = KeyAttestation::NAME;
    let mut ours = evidence.of_kind(&ElementKind::Key).filter(|element| element.octets(SPKI) == Some(expected.key.spki()));
    let Some(first) = ours.next() else { return Err(other_key(evidence, expected)) };
    match ours.all(|other| made(other) == made(first) && protection(other) == protection(first)) {
        true => Ok(first),
        false => {
            let what =
                "holds the key several times and says different things of how it is kept: who wants to rely on it must attest one of them alone".to_owned();
            Err(EvidenceError::Wrong { format, what })
        }
    }
}

fn other_key(evidence: &KeyAttestation, expected: &Expected<'_>) -> EvidenceError {
    let named = evidence.of_kind(&ElementKind::Key).filter_map(|key| key.octets(SPKI));
    let named: Vec<String> = named.map(|spki| SpkiDigest::of(spki).to_string()).collect();
    let format = KeyAttestation::NAME;
    match named.as_slice() {
        [] => EvidenceError::Wrong { format, what: "does not say which public key it is about (claim spki)".to_owned() },
        [one] => EvidenceError::OtherKey { format, found: one.clone(), expected: expected.key.digest().to_string() },
        [one, rest @ ..] => EvidenceError::OtherKey { format, found: format!("{one} and {} more", rest.len()), expected: expected.key.digest().to_string() },
    }
}

fn made(key: &Element) -> Made {
    match key.flag(LOCAL) {
        Some(true) => Made::Inside,
        Some(false) => Made::Outside,
        None => Made::Unsaid,
    }
}

/// PKCS #11's attributes, from the worst to the best: of what contradicts itself the worse counts.
fn protection(key: &Element) -> Protection {
    match (key.flag(SENSITIVE), key.flag(EXTRACTABLE), key.flag(NEVER_EXTRACTABLE)) {
        // What is not extractable cannot be read either, whether it is sensitive or not (PKCS #11 3.1, section 4.9).
        (Some(false), Some(true) | None, _) => Protection::NoneSoftware,
        // Somebody may have it wrapped, now or from earlier, even where nobody says whether it is sensitive.
        (Some(true) | None, Some(true), _) | (_, _, Some(false)) => Protection::ExtractableMigratable,
        (_, Some(false), Some(true)) => Protection::NonExtractable,
        (Some(true) | None, None, Some(true) | None) | (_, Some(false), None) => Protection::Unknown,
    }
}

/// What people may want to know beside it: the platform's claims, the key's, and the time that the module says it was.
fn details(evidence: &KeyAttestation, key: Option<&Element>) -> Vec<(String, String)> {
    let platform = evidence.of_kind(&ElementKind::Platform).flat_map(|element| &element.claims);
    let transaction = evidence.of_kind(&ElementKind::Transaction).flat_map(|element| &element.claims).filter(|claim| claim.name == claims::TIMESTAMP);
    let key = key.into_iter().flat_map(|element| &element.claims).filter(|claim| claim.name != SPKI);
    let known = platform.chain(transaction).chain(key).filter(|claim| !matches!(claim.value, Value::Other(_)));
    known.map(|claim| (claim.name.clone(), claim.shown())).collect()
}

/// For people who compare.
fn shown_key_id(id: &[u8]) -> String {
    printable(&hex(id), LONGEST_WORDS)
}

#[cfg(test)]
mod tests;
