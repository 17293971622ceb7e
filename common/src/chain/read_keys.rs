//! Keys of CAs, read once: to read one again for each signature that it made costs more than all else around the signature itself.

use core::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ParsedPublicKey, VerificationAlgorithm};
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};
use webpki::ALL_VERIFICATION_ALGS;
use webpki::aws_lc_rs::{ECDSA_P256_SHA256, ECDSA_P384_SHA384};

use crate::certificate::Certificate;
use crate::sign::KeyKind;

/// The elliptic keys of some CAs, for signatures over a hash as long as the key. Every other key and signature is verified as usual.
#[derive(Clone)]
pub(super) struct ReadKeys(Arc<[OfCurve; 2]>);

struct OfCurve {
    usual: &'static dyn SignatureVerificationAlgorithm,
    keys: Vec<ParsedPublicKey>,
}

impl Default for ReadKeys {
    fn default() -> Self {
        Self::of(&[])
    }
}

impl ReadKeys {
    /// Reads the keys of these certificates.
    pub(super) fn of(authorities: &[Certificate]) -> Self {
        let of_curve = |kind, usual, algorithm: &'static dyn VerificationAlgorithm| {
            let keys = authorities.iter().map(Certificate::public_key).filter(|key| key.kind() == kind);
            // One that cannot be read verifies nothing, which is for the usual way to say.
            OfCurve { usual, keys: keys.filter_map(|key| ParsedPublicKey::new(algorithm, key.raw()).ok()).collect() }
        };
        Self(Arc::new([
            of_curve(KeyKind::P256, ECDSA_P256_SHA256, &ECDSA_P256_SHA256_ASN1),
            of_curve(KeyKind::P384, ECDSA_P384_SHA384, &ECDSA_P384_SHA384_ASN1),
        ]))
    }

    /// All algorithms that paths are verified with, where these keys are not read again.
    pub(super) fn algorithms(&self) -> Vec<&dyn SignatureVerificationAlgorithm> {
        let known = self.0.iter().map(|of_curve| -> &dyn SignatureVerificationAlgorithm { of_curve });
        known.chain(ALL_VERIFICATION_ALGS.iter().copied()).collect()
    }
}

impl SignatureVerificationAlgorithm for OfCurve {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        match self.keys.iter().find(|key| key.as_ref() == public_key) {
            Some(key) => key.verify_sig(message, signature).map_err(|_| InvalidSignature),
            None => self.usual.verify_signature(public_key, message, signature),
        }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.usual.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.usual.signature_alg_id()
    }
}

impl fmt::Debug for OfCurve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.usual.fmt(f)
    }
}
