//! Keys: the [`Signer`] joint (software key, PKCS#11 token, secure element), public keys, and signatures in the two forms that envelopes want.

mod derive;
#[cfg(feature = "pkcs11")]
mod pkcs11;
mod public_key;
mod software;
mod uri;

use core::fmt;
use std::sync::Arc;

use der::Encode as _;

#[cfg(feature = "pkcs11")]
pub use self::pkcs11::{NewKey, Pkcs11Key, TokenError};
pub use self::public_key::{Hash, KeyKind, PublicKey, SignatureScheme};
pub use self::software::SoftwareKey;
pub use self::uri::{KeyUri, KeyUriError, Pkcs11Uri};
use crate::BoxFuture;
use crate::asn1::element;
use crate::certificate::Certificate;
use crate::error::{DecodeError, SignError};

/// A private key that signs, wherever it lives.
///
/// The octets returned must verify with [`public_key`](Self::public_key) under [`algorithm`](Self::algorithm): callers put them on the wire without looking again.
/// An implementation must not log what it signs nor keep it.
pub trait Signer: Send + Sync {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// With which algorithm it signs.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// Signs `tbs`; hashing is part of it.
    fn sign<'a>(&'a self, tbs: &'a [u8]) -> BoxFuture<'a, Result<Signature, SignError>>;
}

impl<S: Signer + ?Sized> Signer for Arc<S> {
    fn public_key(&self) -> &PublicKey {
        (**self).public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        (**self).algorithm()
    }

    fn sign<'a>(&'a self, tbs: &'a [u8]) -> BoxFuture<'a, Result<Signature, SignError>> {
        (**self).sign(tbs)
    }
}

/// A signer's public face: its certificate path (its own first; empty for a bare key), its key and its name.
#[derive(Clone, Debug)]
pub struct SigningIdentity {
    /// The signer's certificate, then the path above it up to and including the anchor, where an envelope should carry it.
    pub chain: Vec<Certificate>,
    /// With which algorithm it signs.
    pub algorithm: SignatureAlgorithm,
    /// `kid`, for a bare key.
    pub key_name: Option<String>,
    /// Other certificates that an x5bag should carry: a registrar's request brings the pledge's chain along (constrained BRSKI, section 9.2.2).
    pub enclosed: Vec<Certificate>,
}

/// How a signature is made. P-521 and RSA are verified, never made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// ECDSA P-256 with SHA-256.
    Es256,
    /// ECDSA P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl SignatureAlgorithm {
    /// JOSE name.
    pub fn jose_name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// COSE algorithm number.
    pub fn cose_number(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::Es384 => -35,
            Self::EdDsa => -8,
        }
    }

    /// The one with this JOSE name.
    pub fn from_jose(name: &str) -> Option<Self> {
        [Self::Es256, Self::Es384, Self::EdDsa].into_iter().find(|a| a.jose_name() == name)
    }

    /// The one with this COSE number; Ed25519 has one of its own as well (-19; RFC 9864, section 2.2).
    pub fn from_cose(number: i64) -> Option<Self> {
        match number {
            -19 => Some(Self::EdDsa),
            other => [Self::Es256, Self::Es384, Self::EdDsa].into_iter().find(|a| a.cose_number() == other),
        }
    }
}

/// A signature, with r and s (or Ed25519's R and S) side by side, each of the curve's length, as JOSE and COSE carry it.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature {
    algorithm: SignatureAlgorithm,
    fixed: Vec<u8>,
}

impl Signature {
    /// # Errors
    /// [`DecodeError::InvalidField`] if the length does not fit the algorithm.
    pub fn from_fixed(algorithm: SignatureAlgorithm, fixed: impl Into<Vec<u8>>) -> Result<Self, DecodeError> {
        let fixed = fixed.into();
        let (len, expected) = match algorithm {
            SignatureAlgorithm::Es256 => (64, "r and s of 32 octets each (RFC 9053), not an ASN.1 DER signature"),
            SignatureAlgorithm::Es384 => (96, "r and s of 48 octets each (RFC 9053), not an ASN.1 DER signature"),
            SignatureAlgorithm::EdDsa => (64, "64 octets"),
        };
        match fixed.len() == len {
            true => Ok(Self { algorithm, fixed }),
            false => Err(DecodeError::InvalidField { field: "signature", expected }),
        }
    }

    /// The algorithm it was made with.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// An envelope has announced its algorithm before it gets its signature.
    pub(crate) fn check_algorithm(&self, announced: SignatureAlgorithm) -> Result<(), DecodeError> {
        match self.algorithm == announced {
            true => Ok(()),
            false => Err(DecodeError::InvalidField { field: "signature", expected: "made with the algorithm that the envelope announces" }),
        }
    }

    /// As JOSE and COSE carry it.
    pub fn fixed(&self) -> &[u8] {
        &self.fixed
    }

    /// As CMS and X.509 carry it: `SEQUENCE { r, s }` for ECDSA, the bare octets for Ed25519.
    ///
    /// # Errors
    /// [`DecodeError::Syntax`] if r or s cannot be encoded.
    pub fn to_asn1(&self) -> Result<Vec<u8>, DecodeError> {
        match self.algorithm {
            SignatureAlgorithm::EdDsa => Ok(self.fixed.clone()),
            SignatureAlgorithm::Es256 | SignatureAlgorithm::Es384 => {
                let (r, s) = self.fixed.split_at(self.fixed.len() / 2);
                let bad = |err: der::Error| DecodeError::syntax("signature", "DER", err);
                let integer = |octets| der::asn1::UintRef::new(octets).and_then(|i| i.to_der()).map_err(bad);
                Ok(element(0x30, &[integer(r)?, integer(s)?].concat()))
            }
        }
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({:?})", self.algorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_pki::{block_on, new_key};

    #[test]
    fn software_signatures_verify_in_both_forms() {
        for algorithm in [SignatureAlgorithm::Es256, SignatureAlgorithm::Es384, SignatureAlgorithm::EdDsa] {
            let (key, _) = SoftwareKey::generate(algorithm).unwrap();
            let signature = block_on(key.sign(b"words")).unwrap();
            let asn1 = match algorithm {
                SignatureAlgorithm::Es256 => SignatureScheme::EcdsaAsn1(Hash::Sha256),
                SignatureAlgorithm::Es384 => SignatureScheme::EcdsaAsn1(Hash::Sha384),
                SignatureAlgorithm::EdDsa => SignatureScheme::Ed25519,
            };
            assert!(key.public_key().verifies(SignatureScheme::Fixed(algorithm), b"words", signature.fixed()));
            assert!(key.public_key().verifies(asn1, b"words", &signature.to_asn1().unwrap()));
            assert!(!key.public_key().verifies(asn1, b"other words", &signature.to_asn1().unwrap()));
        }
    }

    #[test]
    fn key_survives_its_pkcs8_form() {
        let (key, pkcs8) = SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap();
        assert_eq!(SoftwareKey::from_der(&pkcs8).unwrap().public_key(), key.public_key());
    }

    #[test]
    fn unreadable_key_is_not_quoted_in_the_error() {
        let text = "-----BEGIN PRIVATE KEY-----\nsecret!\n-----END PRIVATE KEY-----\n";
        assert!(!format!("{:?}", SoftwareKey::from_pem(text).unwrap_err()).contains("secret!"));
    }

    #[test]
    fn scheme_that_does_not_fit_the_key_never_verifies() {
        let key = new_key(SignatureAlgorithm::Es256);
        let signature = block_on(key.sign(b"words")).unwrap();
        for scheme in [
            SignatureScheme::EcdsaAsn1(Hash::Sha256),
            SignatureScheme::Fixed(SignatureAlgorithm::Es384),
            SignatureScheme::Fixed(SignatureAlgorithm::EdDsa),
            SignatureScheme::Ed25519,
            SignatureScheme::RsaPkcs1(Hash::Sha256),
        ] {
            assert!(!key.public_key().verifies(scheme, b"words", signature.fixed()), "{scheme:?}");
        }
    }

    #[test]
    fn asn1_form_has_minimal_integers() {
        let mut fixed = [0; 64];
        (fixed[31], fixed[32]) = (1, 0x80);
        let signature = Signature::from_fixed(SignatureAlgorithm::Es256, fixed).unwrap();
        let s = [&[0x02, 33, 0x00, 0x80][..], &[0; 31]].concat();
        assert_eq!(signature.to_asn1().unwrap(), [&[0x30, 38, 0x02, 1, 1][..], &s].concat());
    }

    #[test]
    fn key_of_an_unsupported_kind_is_refused() {
        // X25519 (RFC 8410): for key agreement only.
        let spki = [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 3, 0x21, 0][..], &[9; 32]].concat();
        assert!(matches!(PublicKey::from_spki(&spki), Err(DecodeError::Unexpected { what: "public key", .. })));
    }
}
