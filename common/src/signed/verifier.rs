//! Whose signature is acceptable, and the check that it is theirs.

use crate::certificate::Certificate;
use crate::chain::{Anchors, Usage, consistent_path};
use crate::envelope::{Opened, SignatureBlock};
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
    /// The same for further certificates of the signer's key, longest first. Certificates may stand in an envelope unsigned, so that several paths say nothing about which one its
    /// signer meant: who decides by a path looks for the one that another signature names.
    pub others: Vec<Vec<Certificate>>,
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
    /// Somebody whose certificate leads to one of these anchors and allows this use. Certificates come from the envelope and from `known`, which also is where the signer
    /// of a COSE voucher is looked for that carries no certificate.
    Anchored {
        /// The anchors.
        anchors: &'a Anchors,
        /// What the end-entity certificate must allow.
        usage: Usage,
        /// Certificates at hand beside those in the envelope: an envelope need not carry any.
        known: &'a [Certificate],
    },
    /// Exactly the holder of this certificate, whom the caller has already verified: its TLS peer. Certificates that came with a COSE voucher-request are passed over
    /// (constrained BRSKI, section 9.2.2); in other envelopes they must not name anybody else.
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
    /// With the default leniencies: other forms of idevid-issuer are overlooked, and nothing else ([`Reading::default`](crate::Reading::default)). [`Leniencies::NONE`] is stricter.
    pub fn strict(by: SignedBy<'a>) -> Self {
        Self { by, lenient: Leniencies::default() }
    }

    /// Certificates that it has.
    pub(super) fn certificates(&self) -> Vec<Certificate> {
        match self.by {
            SignedBy::Anchored { anchors, known, .. } => anchors.certificates().iter().chain(known).cloned().collect(),
            SignedBy::Holder(holder) => vec![holder.clone()],
            SignedBy::Enrolled(_) | SignedBy::AnyoneConsistent { .. } => Vec::new(),
        }
    }

    /// Finds the signature that is acceptable, or says of the one that comes closest why it is not.
    pub(super) fn check(&self, artefact: &'static str, opened: &Opened, now: UnixTime) -> Result<SignerFound, VerifyError> {
        let (mut closest, mut paths_left): (Option<VerifyError>, usize) = (None, MOST_PATHS);
        for block in &opened.signatures {
            match self.check_one(artefact, block, now, &mut paths_left) {
                Ok(found) => return Ok(found),
                Err(err) if closest.as_ref().is_none_or(|closest| progress(&err) > progress(closest)) => closest = Some(err),
                Err(_) => {}
            }
        }
        Err(closest.unwrap_or_else(|| VerifyError::UnknownSigner { artefact, detail: "it bears no signature".to_owned() }))
    }

    fn check_one(&self, artefact: &'static str, block: &SignatureBlock, now: UnixTime, paths_left: &mut usize) -> Result<SignerFound, VerifyError> {
        match self.by {
            SignedBy::Anchored { anchors, usage, known } => {
                let pool: Vec<Certificate> = block.certificates.iter().chain(known).cloned().collect();
                certified(artefact, block, known, paths_left, |signer| anchors.verify_path(signer, &pool, usage, now))
            }
            SignedBy::Holder(holder) => {
                if let Some(other) = block.contradicts(holder) {
                    let (found, expected) = told_apart(other, holder);
                    return Err(VerifyError::WrongSigner { artefact, found, expected });
                }
                block.check_signature(artefact, &holder.public_key(), holder.subject())?;
                Ok(SignerFound { key: holder.public_key(), chain: vec![holder.clone()], others: Vec::new(), key_name: None })
            }
            SignedBy::Enrolled(keys) => {
                let name = block.key_name().ok_or_else(|| VerifyError::UnknownSigner { artefact, detail: "it carries no kid".to_owned() })?;
                let enrolled = keys.iter().find(|k| k.name == name);
                let enrolled = enrolled.ok_or_else(|| VerifyError::UnknownSigner { artefact, detail: format!("no key is enrolled as '{name}'") })?;
                block.check_signature(artefact, &enrolled.key, &enrolled.name)?;
                Ok(SignerFound { key: enrolled.key.clone(), chain: Vec::new(), others: Vec::new(), key_name: Some(name.to_owned()) })
            }
            SignedBy::AnyoneConsistent { usage } => {
                certified(artefact, block, &[], paths_left, |signer| consistent_path(signer, &block.certificates, usage, now))
            }
        }
    }
}

/// Two certificates by their subjects, and if those are the same, by the fingerprints as well.
fn told_apart(found: &Certificate, expected: &Certificate) -> (String, String) {
    let shown = |certificate: &Certificate| match found.subject() == expected.subject() {
        true => format!("{} (certificate with SHA-256 {})", certificate.subject(), certificate.fingerprint()),
        false => certificate.subject().to_owned(),
    };
    (shown(found), shown(expected))
}

/// Most paths that are built for one message, however many signatures it bears; an old and a new certificate of one key, or a maker's and an owner's signature, are usual, and a path
/// costs many signatures.
const MOST_PATHS: usize = 4;

/// The certificate that has the signer's key and a good path. Of several with one key, an old one and its renewal, that with the longest: it shows most.
///
/// CAs come last, since they seldom sign anything else than certificates, and each key verifies once: verifying is what costs here.
fn certified(
    artefact: &'static str,
    block: &SignatureBlock,
    known: &[Certificate],
    paths_left: &mut usize,
    path: impl Fn(&Certificate) -> Result<Vec<Certificate>, VerifyError>,
) -> Result<SignerFound, VerifyError> {
    let mut candidates = block.candidates(known);
    let unknown =
        || VerifyError::UnknownSigner { artefact, detail: "its signer's certificate is neither known here nor enclosed in a form that can be read".to_owned() };
    let (first, tried) = (*candidates.first().ok_or_else(unknown)?, candidates.len());
    candidates.sort_by_key(|c| c.is_ca());
    let mut refused = None;
    while let Some(key) = candidates.first().filter(|_| *paths_left > 0).map(|c| c.public_key()) {
        let (of_key, others) = candidates.into_iter().partition::<Vec<_>, _>(|c| c.public_key() == key);
        candidates = others;
        if !block.is_made_by(&key) {
            continue;
        }
        let mut paths: Vec<Vec<Certificate>> = Vec::new();
        for signer in of_key.into_iter().take(*paths_left) {
            *paths_left -= 1;
            let may_not = || VerifyError::MayNotSign { subject: signer.subject().to_owned() };
            match signer.may_sign_messages().then(|| path(signer)).ok_or_else(may_not).flatten() {
                Ok(chain) => paths.push(chain),
                // The first of them is told.
                Err(err) => {
                    refused.get_or_insert(err);
                }
            }
        }
        paths.sort_by_key(|path| core::cmp::Reverse(path.len()));
        let mut paths = paths.into_iter();
        if let Some(chain) = paths.next() {
            return Ok(SignerFound { key, chain, others: paths.collect(), key_name: None });
        }
    }
    let signer = || match tried {
        1 => first.subject().to_owned(),
        several => format!("any of the {several} certificates at hand"),
    };
    Err(refused.unwrap_or_else(|| VerifyError::BadSignature { artefact, signer: signer() }))
}

/// How far a signature got before it was refused.
fn progress(refused: &VerifyError) -> u8 {
    match refused {
        VerifyError::Decode { .. } | VerifyError::NoSignedAttributes { .. } | VerifyError::UnsupportedAlgorithm { .. } => 0,
        VerifyError::UnknownSigner { .. } => 1,
        VerifyError::WrongSigner { .. } => 2,
        VerifyError::BadSignature { .. } | VerifyError::BadProof { .. } => 3,
        VerifyError::NoPath { .. }
        | VerifyError::NotCurrent { .. }
        | VerifyError::WrongUsage { .. }
        | VerifyError::WrongPolicy { .. }
        | VerifyError::MayNotSign { .. }
        | VerifyError::KeyRetired { .. } => 4,
    }
}
