//! What people, stations and auditors say of a key over their own signatures: no module can tell that seeds were destroyed, that somebody took part, or that somebody looked on.
//!
//! A testimony is a COSE_Sign1 of a type of its own around deterministic CBOR by names. It counts only from an [`Authority`](super::Authority) whose basis is the testimony's own, so
//! that no maker of modules speaks for people, and only if the signer's very certificate is among that authority's anchors: whoever else a CA certifies is somebody else.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ceremony::CeremonySignature;
use super::countersignature::Countersignature;
use super::seeds::SeedNotice;
use super::{Authorities, EvidenceError, Expected, demand_signer_of_messages};
use crate::chain::Usage;
use crate::codec::{from_cbor, to_deterministic_cbor};
use crate::envelope::Format;
use crate::error::{DecodeError, VerifyError};
use crate::identity::SpkiDigest;
use crate::leniency::Leniencies;
use crate::provenance::Basis;
use crate::signed::{Payload, Signed, SignedBy, Verifier};
use crate::text::{LONGEST_WORDS, printable};
use crate::time::UnixTime;

/// A testimony whose signature leads to a configured authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Testimony {
    /// Name of the authority: a party's, a receiving station's or an auditor's.
    pub by: String,
    /// Subject of the certificate that signed.
    pub signer: String,
    /// What it says.
    pub word: Word,
}

/// What a testimony says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// That somebody took part in making the key.
    Ceremony(CeremonySignature),
    /// What became of a batch of seeds; it names no key.
    Seeds(SeedNotice),
    /// That somebody audited how the key came to be.
    Audit(Countersignature),
}

impl Testimony {
    /// The basis that a record may rest on because of it.
    pub fn basis(&self) -> Basis {
        match self.word {
            Word::Ceremony(_) => CeremonySignature::BASIS,
            Word::Seeds(_) => SeedNotice::BASIS,
            Word::Audit(_) => Countersignature::BASIS,
        }
    }

    /// When it happened, or was signed, by its own word.
    pub fn at(&self) -> UnixTime {
        match &self.word {
            Word::Ceremony(signature) => signature.at,
            Word::Seeds(notice) => notice.at,
            Word::Audit(audit) => audit.at,
        }
    }

    /// Most octets that one may have, its certificates included.
    pub const LARGEST: usize = 32 * 1024;
}

/// Content of a testimony, and what all of them have in common.
pub(super) trait Content: Payload + Serialize + DeserializeOwned {
    /// The basis of those whose word counts.
    const BASIS: Basis;

    /// The key that it is about, if it is about one.
    fn key(&self) -> Option<SpkiDigest>;
}

/// Verifies who signed a testimony, and that it is about the expected key.
pub(super) fn appraise<T: Content>(
    message: &[u8],
    word: fn(T) -> Word,
    expected: &Expected<'_>,
    authorities: &Authorities,
    now: UnixTime,
) -> Result<Testimony, EvidenceError> {
    if message.len() > Testimony::LARGEST {
        let source = DecodeError::TooLarge { what: "the testimony's size in octets with its certificates", limit: Testimony::LARGEST };
        return Err(EvidenceError::Unreadable { format: T::NAME, source });
    }
    let signed = Signed::<T>::from_wire(Format::Cose, message);
    if let Err(VerifyError::Decode { source, .. }) = signed.peek_unverified(Leniencies::NONE) {
        return Err(EvidenceError::Unreadable { format: T::NAME, source });
    }
    let mut refused =
        VerifyError::UnknownSigner { artefact: T::NAME, detail: format!("no authority for evidence with basis {} is configured", T::BASIS.name()) };
    for authority in authorities.iter().filter(|authority| authority.basis == T::BASIS) {
        let by = SignedBy::Anchored { anchors: &authority.anchors, usage: Usage::Any, known: authority.anchors.certificates() };
        let found = match signed.verify(&Verifier { by, lenient: Leniencies::NONE }, now) {
            Ok(found) => found,
            Err(err) => {
                refused = err;
                continue;
            }
        };
        // Whoever else an anchor certified is somebody else, for whom nobody configured that their word counts.
        let Some(own) = found.signer().chain.first().filter(|own| authority.anchors.certificates().contains(own)) else {
            let below = found.signer().chain.first().map(|own| printable(own.subject(), LONGEST_WORDS)).unwrap_or_default();
            let detail = format!("the certificate of {below} has to be an anchor itself, and is below one");
            refused = VerifyError::UnknownSigner { artefact: T::NAME, detail };
            continue;
        };
        authorities.demand_standing(T::NAME, core::slice::from_ref(own), now).map_err(|source| EvidenceError::Untrusted { format: T::NAME, source })?;
        demand_signer_of_messages(T::NAME, own)?;
        if let Some(found) = found.get().key().filter(|key| *key != expected.key.digest()) {
            return Err(EvidenceError::OtherKey { format: T::NAME, found: found.to_string(), expected: expected.key.digest().to_string() });
        }
        if found.signer().key == *expected.key {
            return Err(EvidenceError::Wrong { format: T::NAME, what: "is signed with the very key that it is about, which proves nothing of it".to_owned() });
        }
        let signer = printable(own.subject(), LONGEST_WORDS);
        return Ok(Testimony { by: authority.name.clone(), signer, word: word(found.into_content()) });
    }
    Err(EvidenceError::Untrusted { format: T::NAME, source: refused })
}

pub(super) fn encode<T: Content>(content: &T, format: Format) -> Result<Vec<u8>, DecodeError> {
    only_cose::<T>(format)?;
    to_deterministic_cbor(T::NAME, content)
}

pub(super) fn decode<T: Content>(octets: &[u8], format: Format) -> Result<T, DecodeError> {
    only_cose::<T>(format)?;
    if octets.len() > LARGEST {
        return Err(DecodeError::TooLarge { what: "the testimony's size in octets", limit: LARGEST });
    }
    from_cbor(T::NAME, octets)?.deserialized().map_err(|err| DecodeError::syntax(T::NAME, "CBOR", err))
}

fn only_cose<T: Content>(format: Format) -> Result<(), DecodeError> {
    match format {
        Format::Cose => Ok(()),
        Format::Cms | Format::Jws => {
            Err(DecodeError::Unexpected { what: T::NAME, found: format!("{format:?}"), expected: "a COSE_Sign1: testimonies have no other form" })
        }
    }
}

/// Several times what the longest texts take.
const LARGEST: usize = 8 * 1024;

/// Makes a type the content of a testimony.
macro_rules! content {
    ($content:ident, $name:literal, $kind:literal, $basis:expr) => {
        impl $content {
            /// The kind of evidence that it is: its media type, and the `typ` of its COSE_Sign1.
            pub const KIND: &'static str = $kind;
            /// The basis of an authority whose word on this counts.
            pub const BASIS: crate::provenance::Basis = $basis;
        }

        impl crate::signed::Payload for $content {
            const NAME: &'static str = $name;

            fn typ(_: crate::envelope::Format) -> Option<crate::signed::Typ> {
                Some(crate::signed::Typ::Required($kind))
            }

            fn encode(&self, format: crate::envelope::Format) -> Result<Vec<u8>, crate::error::DecodeError> {
                $crate::evidence::testimony::encode(self, format)
            }

            fn decode(octets: &[u8], format: crate::envelope::Format, _: &crate::leniency::Reading) -> Result<Self, crate::error::DecodeError> {
                $crate::evidence::testimony::decode(octets, format)
            }
        }
    };
}
pub(super) use content;

#[cfg(test)]
mod tests;
