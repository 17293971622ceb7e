//! Whose signature is acceptable, and the check that it is theirs.

use crate::certificate::Certificate;
use crate::chain::{Anchors, Usage, consistent_path};
use crate::envelope::Opened;
use crate::error::VerifyError;
use crate::leniency::Leniencies;
use crate::sign::PublicKey;
use crate::time::UnixTime;

/// Who signed a [`Verified`](super::Verified) value.
#[derive(Clone, Debug)]
pub struct SignerFound {
    /// The key that verified the signature.
    pub key: PublicKey,
    /// The signer's certificate, then the path above it as far as signatures or configured anchors vouch for it; empty if a bare key signed.
    pub chain: Vec<Certificate>,
    /// The key's enrolled name, if a bare key signed.
    pub key_name: Option<String>,
}

/// Whose signature is acceptable, and which deviations are.
#[derive(Clone, Copy, Debug)]
pub struct Verifier<'a> {
    /// Whose signature.
    pub by: SignedBy<'a>,
    /// Which deviations.
    pub lenient: Leniencies,
}

/// Whose signature is acceptable.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum SignedBy<'a> {
    /// Somebody whose certificate leads to one of these anchors and allows this use. Certificates come from the envelope and from `known`.
    Anchored {
        /// The anchors.
        anchors: &'a Anchors,
        /// What the end-entity certificate must allow.
        usage: Usage,
        /// Certificates at hand beside those in the envelope: an envelope need not carry any.
        known: &'a [Certificate],
    },
    /// Exactly the holder of this certificate, whom the caller has already verified: its TLS peer.
    Holder(&'a Certificate),
    /// One of these enrolled keys, named by the envelope's key identifier.
    Enrolled(&'a [EnrolledKey]),
    /// Whoever it is, if the certificates in the envelope are consistent in themselves: the topmost serves as temporary anchor (RFC 8995, section 5.5.2).
    AnyoneConsistent {
        /// What the end-entity certificate must allow.
        usage: Usage,
    },
}

/// A bare public key that was enrolled under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolledKey {
    /// The name, as the envelope's `kid` gives it.
    pub name: String,
    /// The key.
    pub key: PublicKey,
}

impl<'a> Verifier<'a> {
    /// A strict verifier.
    pub fn strict(by: SignedBy<'a>) -> Self {
        Self { by, lenient: Leniencies::default() }
    }

    pub(super) fn check(&self, artefact: &'static str, opened: &Opened, now: UnixTime) -> Result<SignerFound, VerifyError> {
        match self.by {
            SignedBy::Anchored { anchors, usage, known } => {
                let signer = opened.signer_among(artefact, known)?;
                opened.check_signature(artefact, &signer.public_key(), signer.subject())?;
                let pool: Vec<Certificate> = opened.certificates().iter().chain(known).cloned().collect();
                let chain = anchors.verify_path(&signer, &pool, usage, now)?;
                Ok(SignerFound { key: signer.public_key(), chain, key_name: None })
            }
            SignedBy::Holder(holder) => {
                if let Ok(signer) = opened.signer_among(artefact, &[])
                    && signer != *holder
                {
                    let (found, expected) = (signer.subject().to_owned(), holder.subject().to_owned());
                    return Err(VerifyError::WrongSigner { artefact, found, expected });
                }
                opened.check_signature(artefact, &holder.public_key(), holder.subject())?;
                Ok(SignerFound { key: holder.public_key(), chain: vec![holder.clone()], key_name: None })
            }
            SignedBy::Enrolled(keys) => {
                let name = opened.key_name().ok_or_else(|| VerifyError::UnknownSigner { artefact, detail: "it carries no kid".to_owned() })?;
                let enrolled = keys.iter().find(|k| k.name == name);
                let enrolled = enrolled.ok_or_else(|| VerifyError::UnknownSigner { artefact, detail: format!("no key is enrolled as '{name}'") })?;
                opened.check_signature(artefact, &enrolled.key, &enrolled.name)?;
                Ok(SignerFound { key: enrolled.key.clone(), chain: Vec::new(), key_name: Some(name.to_owned()) })
            }
            SignedBy::AnyoneConsistent { usage } => {
                let signer = opened.signer_among(artefact, &[])?;
                opened.check_signature(artefact, &signer.public_key(), signer.subject())?;
                let chain = consistent_path(&signer, opened.certificates(), usage, now)?;
                Ok(SignerFound { key: signer.public_key(), chain, key_name: None })
            }
        }
    }
}
