//! Who signed an artefact, and how far that could be verified.

use serde::Serialize;

use super::certificate::shown;
use super::envelope::Envelope;
use super::{Context, Finding, PATH};
use crate::certificate::Certificate;
use crate::chain::Usage;
use crate::envelope::{self, SignatureBlock};
use crate::error::VerifyError;
use crate::leniency::Reading;
use crate::sign::SignatureScheme;
use crate::signed::{Payload, Signed};

/// One signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct SignatureFound {
    /// Whose it is said to be: a subject, or the name of a key.
    pub by: String,
    /// Its algorithm, if the envelope names one.
    pub algorithm: Option<String>,
    /// What became of verifying it.
    #[serde(flatten)]
    pub check: Check,
}

/// What became of verifying a signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "check")]
#[non_exhaustive]
pub enum Check {
    /// It is right, and this anchor vouches for who made it.
    Anchored {
        /// The anchor's subject, or the digest of the bare key that was given.
        anchor: String,
    },
    /// It is right, but only the artefact itself says whose it is.
    OwnCertificate {
        /// What that shows.
        why: String,
    },
    /// It is right, but no anchor that was given vouches for who made it.
    Untrusted {
        /// Why not.
        why: String,
    },
    /// It is wrong.
    Wrong {
        /// In which way.
        why: String,
    },
    /// Certificates came along, but none of them made it, nor did any that is at hand: it was changed, or its signer's is not among them.
    Unmatched {
        /// What was looked at.
        why: String,
    },
    /// It could not be checked.
    Unchecked {
        /// Why not.
        why: String,
    },
}

impl Check {
    /// Whether an anchor that was given vouches for it. Proof of possession needs none.
    pub(super) fn is_anchored(&self) -> bool {
        match self {
            Self::Anchored { .. } | Self::OwnCertificate { .. } => true,
            Self::Untrusted { .. } | Self::Wrong { .. } | Self::Unmatched { .. } | Self::Unchecked { .. } => false,
        }
    }

    /// Whether something must have been changed or left out, whatever the anchors are.
    pub(super) fn is_bad(&self) -> bool {
        match self {
            Self::Wrong { .. } | Self::Unmatched { .. } => true,
            Self::Anchored { .. } | Self::OwnCertificate { .. } | Self::Untrusted { .. } | Self::Unchecked { .. } => false,
        }
    }
}

/// An envelope's content as the strict reader sees it, with all that was overlooked.
pub(super) struct Read {
    pub(super) signatures: Vec<SignatureFound>,
    pub(super) findings: Vec<Finding>,
    /// The certificate whose key made the signature.
    pub(super) signer: Option<Certificate>,
}

/// Where it is written what an envelope and what is in it must be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sections {
    pub(super) envelope: &'static str,
    pub(super) content: &'static str,
}

/// Opens an envelope with every leniency, decodes its payload and checks its signature.
///
/// `decoded` is given the value, if it can be read at all.
pub(super) fn read<T: Payload>(envelope: &Envelope, sections: Sections, context: &Context<'_>, decoded: impl FnOnce(&T)) -> Read {
    let signed = Signed::<T>::from_wire(envelope.format, envelope.wire.clone());
    let algorithm = envelope.algorithm.clone();
    let reading = Reading::collecting();
    let mut read = Read { signatures: Vec::new(), findings: Vec::new(), signer: None };
    match envelope::open::<T>(&signed, &reading) {
        Ok(opened) => {
            read.findings.extend(decode(&opened.payload, envelope, sections, &reading, decoded));
            for block in &opened.signatures {
                let algorithm = match block.scheme {
                    SignatureScheme::Fixed(own) => Some(own.jose_name().to_owned()),
                    SignatureScheme::EcdsaAsn1(_) | SignatureScheme::Ed25519 | SignatureScheme::RsaPkcs1(_) => algorithm.clone(),
                };
                let (found, signer) = check(block, algorithm, context);
                read.signatures.push(found);
                read.signer = read.signer.or(signer);
            }
        }
        // Only CMS is refused so before any key is asked for: its attributes hold the content's digest.
        Err(VerifyError::BadSignature { .. }) => {
            read.findings.extend(decode(&envelope.payload, envelope, sections, &reading, decoded));
            let why = "the content was changed: its digest is not the one that was signed".to_owned();
            read.signatures.push(SignatureFound { by: claimed(envelope), algorithm, check: Check::Wrong { why } });
        }
        Err(err) => {
            read.findings.push(Finding::undecodable(sections.envelope, &err));
            let why = "the envelope cannot be opened".to_owned();
            read.signatures.push(SignatureFound { by: claimed(envelope), algorithm, check: Check::Unchecked { why } });
        }
    }
    read.findings.extend(reading.overlooked().into_iter().map(Finding::from));
    read
}

fn decode<T: Payload>(payload: &[u8], envelope: &Envelope, sections: Sections, reading: &Reading, decoded: impl FnOnce(&T)) -> Option<Finding> {
    match T::decode(payload, envelope.format, reading) {
        Ok(value) => {
            decoded(&value);
            None
        }
        Err(err) => Some(Finding::of_decoder(sections.content, &err)),
    }
}

/// Whom the envelope names as its signer.
fn claimed(envelope: &Envelope) -> String {
    envelope.claimed.as_ref().map_or_else(|| "unknown".to_owned(), |signer| shown(signer.subject()))
}

/// What becomes of one signature, and the certificate of whoever made it.
pub(super) fn check(block: &SignatureBlock, algorithm: Option<String>, context: &Context<'_>) -> (SignatureFound, Option<Certificate>) {
    let anchors = &context.options.anchors;
    let at_hand: Vec<Certificate> = context.known.iter().chain(anchors.certificates()).cloned().collect();
    let candidates = block.candidates(&at_hand);
    let came_along = block.certificates.len() + context.known.len();
    // Anchors and keys are not the file's, and cost what whoever gave them wants.
    if !context.may_verify(1 + came_along) {
        let by = candidates.first().map_or_else(|| "unknown".to_owned(), |claimed| shown(claimed.subject()));
        return (SignatureFound { by, algorithm, check: Check::Unchecked { why: EXHAUSTED.to_owned() } }, None);
    }
    let signer = candidates.iter().find(|candidate| block.is_made_by(&candidate.public_key()));
    let found = |by: String, check| SignatureFound { by, algorithm: algorithm.clone(), check };

    if let Some(signer) = signer {
        let pool: Vec<Certificate> = block.certificates.iter().chain(&at_hand).cloned().collect();
        let check = match context.options.verifies() {
            true if !context.may_verify(PATH) => Check::Unchecked { why: EXHAUSTED.to_owned() },
            true => match anchors.verify_path(signer, &pool, Usage::Any, context.options.now) {
                Ok(path) => Check::Anchored { anchor: path.last().map(|top| shown(top.subject())).unwrap_or_default() },
                Err(err) => Check::Untrusted { why: crate::text::in_full(&err) },
            },
            false => Check::OwnCertificate { why: "the certificate is at hand, but no anchor is given that vouches for it".to_owned() },
        };
        return (found(shown(signer.subject()), check), Some((*signer).clone()));
    }
    // Certificates that came along claim the signature; those that happen to be at hand do not, and those of a bag need not.
    if let Some(claimed) = block.candidates(&[]).first()
        && !block.certificates_are_hints
    {
        let why = "it does not verify with the key of that certificate".to_owned();
        return (found(shown(claimed.subject()), Check::Wrong { why }), None);
    }

    let by = block.key_name().map_or_else(|| "nobody named".to_owned(), |name| format!("key '{}'", shown(name)));
    let comes_bare = block.certificates_are_hints && block.certificates.is_empty();
    let advice = if comes_bare { BARE } else { "" };
    let check = match context.options.keys.iter().find(|key| block.is_made_by(key)) {
        Some(key) => Check::Anchored { anchor: format!("public key {}", key.digest()) },
        // A bag may lack its signer's (RFC 9360, section 2), so that it need not be wrong; but nobody would accept it either.
        None if block.certificates_are_hints && came_along > 0 => Check::Unmatched {
            why: "none of the certificates that came along made it, nor any at hand: it was changed, or its signer's is not among them".to_owned(),
        },
        None if context.options.verifies() => Check::Untrusted { why: format!("no certificate or key that is at hand made it{advice}") },
        None => Check::Unchecked { why: format!("the signer's certificate or key is not at hand{advice}") },
    };
    (found(by, check), None)
}

/// Why a signature is not checked that stands behind too many others.
pub(super) const EXHAUSTED: &str = "too many signatures were verified for this file already";

const BARE: &str = "; vouchers in COSE come to a pledge, and requests from it, without certificates, so that the signer's own certificate is needed as anchor, not only its CA's";
