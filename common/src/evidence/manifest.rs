//! What the maker of secure elements says of each that it delivered: its manifests, in the format that Microchip publishes for its Trust Platform (sapodilla, taxonomy, section
//! 4.1.1.5).
//!
//! A manifest is a JSON array of JWS in flattened serialization (RFC 7515, section 7.2.2), one an element, each verified and kept by itself: a report carries the one of its device,
//! octet for octet. The signer's certificate does not come with it. It is named by its SHA-256 thumbprint (`x5t#S256`), and has to stand among an authority's anchors itself: a CA above
//! it is not enough, since nobody has the certificate between.

mod make;
mod wire;

use super::{Authorities, Authority, Claims, Delivered, EvidenceError, Expected, Made, Nonced, Outcome, Platform, demand_signer_of_messages};
use crate::certificate::Certificate;
use crate::chain::Usage;
use crate::codec::hex;
use crate::error::{DecodeError, VerifyError};
use crate::identity::SpkiDigest;
use crate::provenance::{Evidence, EvidenceType, Protection, Text};
use crate::sign::{PublicKey, SignatureAlgorithm, SignatureScheme};
use crate::text::{LONGEST_WORDS, printable};
use crate::time::UnixTime;

/// One element of a manifest as it was read. Nothing in it is verified: [`signed_by`](Self::signed_by) and [`appraise`](super::appraise) do that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestElement {
    octets: Vec<u8>,
    /// What the signature covers.
    signed: Vec<u8>,
    signature: Vec<u8>,
    algorithm: SignatureAlgorithm,
    /// SHA-256 over the signer's certificate.
    signer: [u8; 32],
    content: SecureElement,
}

/// What a manifest says of one secure element. It does not say whether the element made its keys or was given them, nor on whose order its CA certified them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecureElement {
    /// `uniqueId`: its own serial number, which need not be a device's; 1 to 64 printable ASCII characters.
    pub unique_id: Text,
    /// `model`, as in `ATECC608C`.
    pub model: Text,
    /// `partNumber`, which names how it was provisioned.
    pub part_number: Option<Text>,
    /// `manufacturer`: who made it, by the name of the organization.
    pub manufacturer: Option<Text>,
    /// `provisioner`: who put keys and certificates into it, likewise.
    pub provisioner: Option<Text>,
    /// `groupId`: the elements that were provisioned alike.
    pub group: Option<Text>,
    /// `provisioningTimestamp`.
    pub provisioned_at: Option<UnixTime>,
    /// `publicKeySet`: the keys that it holds. The short form of a manifest names none.
    pub keys: Vec<ElementKey>,
}

/// A key that a secure element holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElementKey {
    /// `kid`: the slot or handle that the private half is in.
    pub slot: Text,
    /// The public half; none on curves that are not known here.
    pub key: Option<PublicKey>,
    /// `x5c`: the certificate of this key, if the element has one, and those above it as far as they can be read.
    pub certificates: Vec<Certificate>,
}

impl ManifestElement {
    /// The media type of such evidence. It is this project's own: the format has none but that of any JWS.
    pub const KIND: &'static str = "application/secure-element+jws";

    pub(crate) const NAME: &'static str = "secure-element manifest";

    /// Largest element, in octets: some times as large as one with five keys and their certificates.
    pub const LARGEST: usize = 16 * 1024;

    /// Most keys of one element.
    pub const MOST_KEYS: usize = 64;

    /// Most certificates of one key.
    pub const MOST_CERTIFICATES: usize = 8;

    /// Reads one element of the array: a JSON object.
    ///
    /// # Errors
    /// [`DecodeError`] if it is malformed, too large, of a version that is not known, or does not say who signed it.
    pub fn from_json(octets: &[u8]) -> Result<Self, DecodeError> {
        wire::read(octets)
    }

    /// The exact octets.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// What is said.
    pub fn content(&self) -> &SecureElement {
        &self.content
    }

    /// SHA-256 over the signer's certificate, in hex: what it is looked up by.
    pub fn signer(&self) -> String {
        hex(&self.signer)
    }

    /// The element as records keep it.
    ///
    /// # Errors
    /// None in fact: its kind is a constant.
    pub fn to_evidence(&self) -> Result<Evidence, DecodeError> {
        Ok(Evidence { kind: EvidenceType::new(Self::KIND)?, data: self.octets.clone() })
    }

    /// Verifies the signature, and returns who made it: the authority that has exactly this signer's certificate among its anchors, and that certificate.
    ///
    /// # Errors
    /// [`VerifyError::UnknownSigner`] naming the certificate that is needed, [`VerifyError::KeyRetired`] if it was withdrawn, or what is wrong with certificate or signature.
    pub fn signed_by<'a>(&self, authorities: &'a Authorities, now: UnixTime) -> Result<(&'a Authority, &'a Certificate), VerifyError> {
        let artefact = Self::NAME;
        let Some(certificate) = authorities.certificate(&self.signer) else {
            let thumbprint = self.signer();
            let detail = format!(
                "it needs the certificate with the SHA-256 thumbprint {thumbprint} among the anchors of an authority for evidence, and none of them has it"
            );
            return Err(VerifyError::UnknownSigner { artefact, detail });
        };
        let subject = certificate.subject().to_owned();
        if let Some(detail) = authorities.withdrawal(certificate, now) {
            return Err(VerifyError::KeyRetired { artefact, name: subject, detail });
        }
        let has_it = |authority: &&Authority| authority.anchors.certificates().contains(certificate);
        let unknown =
            || VerifyError::UnknownSigner { artefact, detail: format!("the key of {subject} is withdrawn from a later time on, and is nobody's anchor now") };
        let authority = authorities.of_modules().find(has_it).ok_or_else(unknown)?;
        authority.anchors.verify_path(certificate, &[], Usage::Any, now)?;
        if !certificate.may_sign_messages() {
            return Err(VerifyError::MayNotSign { subject });
        }
        match certificate.public_key().verifies(SignatureScheme::Fixed(self.algorithm), &self.signed, &self.signature) {
            true => Ok((authority, certificate)),
            false => Err(VerifyError::BadSignature { artefact, signer: subject }),
        }
    }
}

impl SecureElement {
    /// The key that is this one.
    pub fn holding(&self, key: &PublicKey) -> Option<&ElementKey> {
        self.keys.iter().find(|held| held.key.as_ref() == Some(key))
    }

    /// What people may want to know beside the key.
    fn details(&self, slot: Option<&Text>) -> Vec<(String, String)> {
        let facts = [
            ("uniqueId", Some(&self.unique_id)),
            ("model", Some(&self.model)),
            ("partNumber", self.part_number.as_ref()),
            ("manufacturer", self.manufacturer.as_ref()),
            ("provisioner", self.provisioner.as_ref()),
            ("groupId", self.group.as_ref()),
            ("slot", slot),
        ];
        facts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), printable(text?.as_str(), LONGEST_WORDS)))).collect()
    }
}

/// One element, alone or as a statement of its kind.
pub(super) fn appraise(octets: &[u8], expected: &Expected<'_>, authorities: &Authorities, now: UnixTime) -> Result<Outcome, EvidenceError> {
    let format = ManifestElement::NAME;
    let read = ManifestElement::from_json(octets).map_err(|source| EvidenceError::Unreadable { format, source })?;
    let (authority, signer) = read.signed_by(authorities, now).map_err(|source| EvidenceError::Untrusted { format, source })?;
    demand_signer_of_messages(format, signer)?;
    let content = &read.content;
    let attester = format!("{} ({})", authority.name, printable(signer.subject(), LONGEST_WORDS));
    if content.keys.is_empty() {
        return Ok(Outcome::OfPlatform(Platform { format, attester, details: content.details(None) }));
    }
    let Some(held) = content.holding(expected.key) else {
        let digests: Vec<SpkiDigest> = content.keys.iter().filter_map(|held| Some(held.key.as_ref()?.digest())).collect();
        let found = match digests.as_slice() {
            [] => "one on a curve that is not known here".to_owned(),
            [one] => one.to_string(),
            [one, rest @ ..] => format!("{one} and {} more", rest.len()),
        };
        return Err(EvidenceError::OtherKey { format, found, expected: expected.key.digest().to_string() });
    };
    if signer.public_key() == *expected.key {
        return Err(EvidenceError::Wrong { format, what: "is signed with the very key that it is about, which proves nothing of it".to_owned() });
    }
    Ok(Outcome::Holds(Box::new(Claims {
        format,
        authority: authority.name.clone(),
        attester,
        basis: authority.basis,
        locus: authority.locus,
        made: Made::Delivered(Delivered { se_generation: None, ca_arrangement: None }),
        protection: Protection::Unknown,
        nonced: Nonced::of_none(expected),
        details: content.details(Some(&held.slot)),
    })))
}

#[cfg(test)]
mod tests;
