//! Private keys in this process's memory.

use core::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self as alg, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use zeroize::{Zeroize as _, Zeroizing};

use super::{KeyKind, PublicKey, Signature, SignatureAlgorithm, Signer};
use crate::BoxFuture;
use crate::error::{DecodeError, SignError};

/// A private key in this process's memory; wiped when the last clone is dropped.
#[derive(Clone)]
pub struct SoftwareKey {
    pair: Arc<Pair>,
    public: PublicKey,
}

enum Pair {
    // Boxed: an ECDSA pair is several times larger than an Ed25519 pair.
    Ecdsa(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl SoftwareKey {
    /// A new key from the system's random numbers, with its PKCS #8 form for whoever must store it.
    ///
    /// # Errors
    /// [`SignError::Key`] if the system gives no randomness.
    pub fn generate(algorithm: SignatureAlgorithm) -> Result<(Self, Zeroizing<Vec<u8>>), SignError> {
        let rng = SystemRandom::new();
        let pkcs8 = match algorithm {
            SignatureAlgorithm::Es256 => EcdsaKeyPair::generate_pkcs8(&alg::ECDSA_P256_SHA256_FIXED_SIGNING, &rng).map(|d| Zeroizing::new(d.as_ref().to_vec())),
            SignatureAlgorithm::Es384 => EcdsaKeyPair::generate_pkcs8(&alg::ECDSA_P384_SHA384_FIXED_SIGNING, &rng).map(|d| Zeroizing::new(d.as_ref().to_vec())),
            SignatureAlgorithm::EdDsa => Ed25519KeyPair::generate_pkcs8(&rng).map(|d| Zeroizing::new(d.as_ref().to_vec())),
        };
        let pkcs8 = pkcs8.map_err(|err| SignError::Key(err.into()))?;
        let key = Self::from_der(&pkcs8).map_err(|err| SignError::Key(err.into()))?;
        Ok((key, pkcs8))
    }

    /// Reads a private key in PKCS #8 or SEC 1 (RFC 5915) DER.
    ///
    /// # Errors
    /// [`DecodeError`] if it is none on P-256, P-384 or Ed25519.
    pub fn from_der(der: &[u8]) -> Result<Self, DecodeError> {
        let ecdsa = |signing, kind| EcdsaKeyPair::from_private_key_der(signing, der).ok().map(|pair| (kind, pair));
        let pair = ecdsa(&alg::ECDSA_P256_SHA256_FIXED_SIGNING, KeyKind::P256).or_else(|| ecdsa(&alg::ECDSA_P384_SHA384_FIXED_SIGNING, KeyKind::P384));
        let (kind, raw, pair) = match pair {
            Some((kind, pair)) => (kind, pair.public_key().as_ref().to_vec(), Pair::Ecdsa(Box::new(pair))),
            None => {
                let wrong = || DecodeError::InvalidField { field: "private key", expected: "PKCS #8 or SEC 1 on P-256, P-384 or Ed25519, unencrypted" };
                let pair = Ed25519KeyPair::from_pkcs8(der).map_err(|_| wrong())?;
                (KeyKind::Ed25519, pair.public_key().as_ref().to_vec(), Pair::Ed25519(Box::new(pair)))
            }
        };
        let public = PublicKey::from_raw(kind, &raw)?;
        Ok(Self { pair: Arc::new(pair), public })
    }

    /// A P-256 pair of a private scalar and the uncompressed point that belongs to it.
    pub(super) fn from_p256_scalar(scalar: &[u8; 32], point: &[u8]) -> Result<Self, DecodeError> {
        let wrong = |_| DecodeError::InvalidField { field: "private key", expected: "a P-256 scalar with its point" };
        let pair = EcdsaKeyPair::from_private_key_and_public_key(&alg::ECDSA_P256_SHA256_FIXED_SIGNING, scalar, point).map_err(wrong)?;
        Ok(Self { pair: Arc::new(Pair::Ecdsa(Box::new(pair))), public: PublicKey::from_raw(KeyKind::P256, point)? })
    }

    /// Reads the first `PRIVATE KEY` or `EC PRIVATE KEY` block of a PEM text.
    ///
    /// # Errors
    /// [`DecodeError`] if there is none or it is of another kind.
    pub fn from_pem(text: &str) -> Result<Self, DecodeError> {
        Self::from_der(&Self::pem_to_der(text)?)
    }

    /// The DER of the first `PRIVATE KEY` or `EC PRIVATE KEY` block of a PEM text.
    pub(crate) fn pem_to_der(text: &str) -> Result<Zeroizing<Vec<u8>>, DecodeError> {
        use rustls_pki_types::PrivateKeyDer;
        use rustls_pki_types::pem::PemObject as _;
        // The parser's own words may quote what it read, and that is secret.
        let unreadable = |_| DecodeError::syntax("private key", "PEM", "no readable PRIVATE KEY or EC PRIVATE KEY block");
        let mut parsed = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(unreadable)?;
        let der = Zeroizing::new(parsed.secret_der().to_vec());
        parsed.zeroize();
        Ok(der)
    }
}

impl Signer for SoftwareKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match (&*self.pair, self.public.kind()) {
            (Pair::Ed25519(_), _) => SignatureAlgorithm::EdDsa,
            (Pair::Ecdsa(_), KeyKind::P384) => SignatureAlgorithm::Es384,
            (Pair::Ecdsa(_), KeyKind::P256 | KeyKind::P521 | KeyKind::Ed25519 | KeyKind::Rsa) => SignatureAlgorithm::Es256,
        }
    }

    fn sign<'a>(&'a self, tbs: &'a [u8]) -> BoxFuture<'a, Result<Signature, SignError>> {
        let fixed = match &*self.pair {
            Pair::Ecdsa(pair) => pair.sign(&SystemRandom::new(), tbs).map(|s| s.as_ref().to_vec()).map_err(|err| SignError::Key(err.into())),
            Pair::Ed25519(pair) => Ok(pair.sign(tbs).as_ref().to_vec()),
        };
        let signature = fixed.and_then(|f| Signature::from_fixed(self.algorithm(), f).map_err(|err| SignError::Key(err.into())));
        Box::pin(core::future::ready(signature))
    }
}

impl fmt::Debug for SoftwareKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SoftwareKey({:?})", self.public)
    }
}
