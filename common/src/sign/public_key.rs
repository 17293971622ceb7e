//! Public keys, and the forms of signatures that are verified with them.

use core::fmt;

use aws_lc_rs::signature::{self as alg, UnparsedPublicKey};
use der::asn1::{AnyRef, UintRef};
use der::{Decode as _, Encode as _};

use super::SignatureAlgorithm;
use crate::error::DecodeError;
use crate::identity::SpkiDigest;

/// How a signature stands on the wire, for verification; wider than what we make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureScheme {
    /// ECDSA in ASN.1 form with this hash, on whichever curve the key has (CMS, X.509).
    EcdsaAsn1(Hash),
    /// JOSE or COSE form: the algorithm fixes curve and hash.
    Fixed(SignatureAlgorithm),
    /// Ed25519 (CMS, X.509).
    Ed25519,
    /// RSA PKCS #1 v1.5 with this hash, 2048 to 8192 bits.
    RsaPkcs1(Hash),
}

/// Hash functions we verify with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// The digest of `bytes`.
    pub fn of(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => &aws_lc_rs::digest::SHA256,
            Self::Sha384 => &aws_lc_rs::digest::SHA384,
            Self::Sha512 => &aws_lc_rs::digest::SHA512,
        };
        aws_lc_rs::digest::digest(algorithm, bytes).as_ref().to_vec()
    }
}

/// A public key of a kind we can verify with.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: KeyKind,
    spki: Vec<u8>,
    /// Where in it the key's own octets begin; they go on to its end.
    raw: usize,
}

/// Kinds of public keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521, verified only.
    P521,
    /// Ed25519.
    Ed25519,
    /// RSA, verified only.
    Rsa,
}

impl PublicKey {
    /// Reads the first `PUBLIC KEY` block of a PEM text.
    ///
    /// # Errors
    /// [`DecodeError`] if there is none or it is malformed.
    pub fn from_pem(text: &str) -> Result<Self, DecodeError> {
        use rustls_pki_types::SubjectPublicKeyInfoDer;
        use rustls_pki_types::pem::PemObject as _;
        let spki = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes());
        Self::from_spki(&spki.map_err(|_| DecodeError::syntax("public key", "PEM", "no readable PUBLIC KEY block"))?)
    }

    /// Reads a DER SubjectPublicKeyInfo in the one form that its kind has: keys are told apart by their octets, so that another form would make two keys of one.
    ///
    /// An EC key is named by its curve and is an uncompressed point (RFC 5480, section 2.2), Ed25519 has no parameters (RFC 8410, section 3), RSA has NULL (RFC 3279, section 2.3.1).
    ///
    /// # Errors
    /// [`DecodeError`] if it is malformed, in another form, or of another kind than [`KeyKind`].
    pub fn from_spki(der: &[u8]) -> Result<Self, DecodeError> {
        let (kind, raw) = match HEADS.into_iter().find_map(|(kind, head)| Some((kind, der.strip_prefix(head)?))) {
            Some(usual) => usual,
            None => parts(der)?,
        };
        if let Some(expected) = unusual_form(kind, raw) {
            return Err(DecodeError::InvalidField { field: "subjectPublicKey", expected });
        }
        match spki_of(kind, raw)? {
            spki if spki == der => Ok(Self { kind, raw: spki.len() - raw.len(), spki }),
            _ => Err(DecodeError::InvalidField { field: "public key", expected: "encoded with just the parameters of its kind" }),
        }
    }

    /// Wraps a bare key in a SubjectPublicKeyInfo of its kind.
    ///
    /// # Errors
    /// [`DecodeError`] if that cannot be encoded.
    pub(crate) fn from_raw(kind: KeyKind, raw: &[u8]) -> Result<Self, DecodeError> {
        Self::from_spki(&spki_of(kind, raw)?)
    }

    /// The key as DER SubjectPublicKeyInfo.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The key itself: the uncompressed point, the 32 octets of Ed25519, or RSAPublicKey.
    pub fn raw(&self) -> &[u8] {
        &self.spki[self.raw..]
    }

    /// Its kind.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// SHA-256 over the SubjectPublicKeyInfo.
    pub fn digest(&self) -> SpkiDigest {
        SpkiDigest::of(&self.spki)
    }

    /// Whether `signature` over `message` was made by the private half; false also for a scheme that does not fit the key.
    pub fn verifies(&self, scheme: SignatureScheme, message: &[u8], signature: &[u8]) -> bool {
        let algorithm: &dyn alg::VerificationAlgorithm = match (self.kind, scheme) {
            (KeyKind::P256, SignatureScheme::EcdsaAsn1(Hash::Sha256)) => &alg::ECDSA_P256_SHA256_ASN1,
            (KeyKind::P256, SignatureScheme::EcdsaAsn1(Hash::Sha384)) => &alg::ECDSA_P256_SHA384_ASN1,
            (KeyKind::P256, SignatureScheme::EcdsaAsn1(Hash::Sha512)) => &alg::ECDSA_P256_SHA512_ASN1,
            (KeyKind::P384, SignatureScheme::EcdsaAsn1(Hash::Sha256)) => &alg::ECDSA_P384_SHA256_ASN1,
            (KeyKind::P384, SignatureScheme::EcdsaAsn1(Hash::Sha384)) => &alg::ECDSA_P384_SHA384_ASN1,
            (KeyKind::P384, SignatureScheme::EcdsaAsn1(Hash::Sha512)) => &alg::ECDSA_P384_SHA512_ASN1,
            (KeyKind::P521, SignatureScheme::EcdsaAsn1(Hash::Sha256)) => &alg::ECDSA_P521_SHA256_ASN1,
            (KeyKind::P521, SignatureScheme::EcdsaAsn1(Hash::Sha384)) => &alg::ECDSA_P521_SHA384_ASN1,
            (KeyKind::P521, SignatureScheme::EcdsaAsn1(Hash::Sha512)) => &alg::ECDSA_P521_SHA512_ASN1,
            (KeyKind::P256, SignatureScheme::Fixed(SignatureAlgorithm::Es256)) => &alg::ECDSA_P256_SHA256_FIXED,
            (KeyKind::P384, SignatureScheme::Fixed(SignatureAlgorithm::Es384)) => &alg::ECDSA_P384_SHA384_FIXED,
            (KeyKind::Ed25519, SignatureScheme::Ed25519 | SignatureScheme::Fixed(SignatureAlgorithm::EdDsa)) => &alg::ED25519,
            (KeyKind::Rsa, SignatureScheme::RsaPkcs1(Hash::Sha256)) => &alg::RSA_PKCS1_2048_8192_SHA256,
            (KeyKind::Rsa, SignatureScheme::RsaPkcs1(Hash::Sha384)) => &alg::RSA_PKCS1_2048_8192_SHA384,
            (KeyKind::Rsa, SignatureScheme::RsaPkcs1(Hash::Sha512)) => &alg::RSA_PKCS1_2048_8192_SHA512,
            (
                KeyKind::P256 | KeyKind::P384 | KeyKind::P521 | KeyKind::Ed25519 | KeyKind::Rsa,
                SignatureScheme::EcdsaAsn1(_) | SignatureScheme::Fixed(_) | SignatureScheme::Ed25519 | SignatureScheme::RsaPkcs1(_),
            ) => return false,
        };
        UnparsedPublicKey::new(algorithm, self.raw()).verify(message, signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?}, {})", self.kind, self.digest())
    }
}

/// What the key's own octets should be, if they are anything else. The library that verifies would take other forms, a whole SubjectPublicKeyInfo included.
fn unusual_form(kind: KeyKind, raw: &[u8]) -> Option<&'static str> {
    let point = |octets| raw.len() == octets && raw.first() == Some(&0x04);
    let (usual, expected) = match kind {
        KeyKind::P256 => (point(65), "an uncompressed point of 65 octets"),
        KeyKind::P384 => (point(97), "an uncompressed point of 97 octets"),
        KeyKind::P521 => (point(133), "an uncompressed point of 133 octets"),
        KeyKind::Ed25519 => (raw.len() == 32, "32 octets"),
        KeyKind::Rsa => (RsaPublicKey::from_der(raw).is_ok(), "modulus and exponent (RFC 8017, section A.1.1)"),
    };
    (!usual).then_some(expected)
}

/// RFC 8017, section A.1.1.
#[derive(der::Sequence)]
struct RsaPublicKey<'a> {
    #[allow(dead_code, reason = "only its form is of interest")]
    modulus: UintRef<'a>,
    #[allow(dead_code, reason = "only its form is of interest")]
    exponent: UintRef<'a>,
}

/// What stands before the octets of a key whose kind has one length: all that is not the key itself. Most keys are told by it without decoding.
const HEADS: [(KeyKind, &[u8]); 4] = [
    (KeyKind::P256, b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00"),
    (KeyKind::P384, b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00"),
    (KeyKind::P521, b"\x30\x81\x9b\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23\x03\x81\x86\x00"),
    (KeyKind::Ed25519, b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"),
];

/// Kind and octets of the key in a DER SubjectPublicKeyInfo of any form.
fn parts(der: &[u8]) -> Result<(KeyKind, &[u8]), DecodeError> {
    use const_oid::db::{rfc5912 as pkix, rfc8410};
    let spki = spki::SubjectPublicKeyInfoRef::from_der(der).map_err(|err| DecodeError::syntax("public key", "DER", err))?;
    let kind = match (spki.algorithm.oid, spki.algorithm.parameters_oid().ok()) {
        (pkix::ID_EC_PUBLIC_KEY, Some(pkix::SECP_256_R_1)) => KeyKind::P256,
        (pkix::ID_EC_PUBLIC_KEY, Some(pkix::SECP_384_R_1)) => KeyKind::P384,
        (pkix::ID_EC_PUBLIC_KEY, Some(pkix::SECP_521_R_1)) => KeyKind::P521,
        (rfc8410::ID_ED_25519, _) => KeyKind::Ed25519,
        (pkix::RSA_ENCRYPTION, _) => KeyKind::Rsa,
        (other, _) => {
            let expected = "an EC key on P-256, P-384 or P-521, Ed25519 or RSA";
            return Err(DecodeError::Unexpected { what: "public key", found: format!("of algorithm {other}"), expected });
        }
    };
    let whole_octets = || DecodeError::InvalidField { field: "subjectPublicKey", expected: "a whole number of octets" };
    Ok((kind, spki.subject_public_key.as_bytes().ok_or_else(whole_octets)?))
}

/// A DER SubjectPublicKeyInfo around a key's own octets, which are in the form of their kind.
fn spki_of(kind: KeyKind, raw: &[u8]) -> Result<Vec<u8>, DecodeError> {
    if let Some((_, head)) = HEADS.iter().find(|(of, _)| *of == kind) {
        return Ok([head, raw].concat());
    }
    let bad = |err: der::Error| DecodeError::syntax("public key", "DER", err);
    let spki = spki::SubjectPublicKeyInfo {
        algorithm: spki::AlgorithmIdentifier { oid: const_oid::db::rfc5912::RSA_ENCRYPTION, parameters: Some(AnyRef::NULL) },
        subject_public_key: der::asn1::BitStringRef::from_bytes(raw).map_err(bad)?,
    };
    spki.to_der().map_err(bad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::element;
    use crate::sign::Signer as _;
    use crate::test_pki::new_key;

    const EC: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    const ED25519: &[u8] = &[6, 3, 0x2b, 0x65, 0x70];
    const RSA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    const NULL: &[u8] = &[5, 0];
    const MODULUS_AND_EXPONENT: &[u8] = &[0x30, 6, 2, 1, 3, 2, 1, 3];

    fn spki(algorithm: &[&[u8]], raw: &[u8]) -> Vec<u8> {
        element(0x30, &[element(0x30, &algorithm.concat()), element(0x03, &[&[0], raw].concat())].concat())
    }

    #[test]
    fn head_of_each_kind_is_that_of_its_subject_public_key_info() {
        use const_oid::db::{rfc5912 as pkix, rfc8410};
        let oid = |oid: &const_oid::ObjectIdentifier| element(0x06, oid.as_bytes());
        let on_curve = |curve| [oid(&pkix::ID_EC_PUBLIC_KEY), oid(curve)].concat();
        let [p256, p384, p521] = [&pkix::SECP_256_R_1, &pkix::SECP_384_R_1, &pkix::SECP_521_R_1].map(on_curve);
        for (kind, identifier, raw) in [
            (KeyKind::P256, p256, [&[4][..], &[7; 64]].concat()),
            (KeyKind::P384, p384, [&[4][..], &[7; 96]].concat()),
            (KeyKind::P521, p521, [&[4][..], &[7; 132]].concat()),
            (KeyKind::Ed25519, oid(&rfc8410::ID_ED_25519), vec![7; 32]),
        ] {
            let der = spki(&[&identifier], &raw);
            assert_eq!(parts(&der), Ok((kind, &raw[..])));
            let key = PublicKey::from_spki(&der).unwrap();
            assert_eq!((key.kind(), key.raw(), key.spki()), (kind, &raw[..], &der[..]));
            assert_eq!(PublicKey::from_raw(kind, &raw), Ok(key));
        }
    }

    #[test]
    fn key_cut_short_or_followed_by_octets_is_refused() {
        let whole = new_key(SignatureAlgorithm::Es256).public_key().spki().to_vec();
        assert!(PublicKey::from_spki(&whole[..whole.len() - 1]).is_err());
        assert!(PublicKey::from_spki(&[&whole[..], &[0]].concat()).is_err());
    }

    #[test]
    fn ec_key_has_one_form() {
        let key = new_key(SignatureAlgorithm::Es256).public_key().clone();
        let (x, y) = key.raw()[1..].split_at(32);
        let sign = y[31] & 1;
        assert_eq!(PublicKey::from_spki(&spki(&[EC], key.raw())), Ok(key.clone()));
        for raw in [[&[2 + sign], x].concat(), [&[6 + sign], x, y].concat(), key.spki().to_vec(), [key.raw(), &[0]].concat(), vec![0]] {
            let expected = "an uncompressed point of 65 octets";
            assert_eq!(PublicKey::from_spki(&spki(&[EC], &raw)), Err(DecodeError::InvalidField { field: "subjectPublicKey", expected }));
        }
    }

    #[test]
    fn ed25519_key_has_one_form() {
        let key = new_key(SignatureAlgorithm::EdDsa).public_key().clone();
        assert_eq!(PublicKey::from_spki(&spki(&[ED25519], key.raw())), Ok(key.clone()));
        assert!(PublicKey::from_spki(&spki(&[ED25519, NULL], key.raw())).is_err());
        assert!(PublicKey::from_spki(&spki(&[ED25519], key.spki())).is_err());
    }

    #[test]
    fn rsa_key_has_one_form() {
        let whole = spki(&[RSA, NULL], MODULUS_AND_EXPONENT);
        assert_eq!(PublicKey::from_spki(&whole).unwrap().raw(), MODULUS_AND_EXPONENT);
        assert!(PublicKey::from_spki(&spki(&[RSA], MODULUS_AND_EXPONENT)).is_err());
        for raw in [&whole[..], &[0x30, 7, 2, 2, 0, 3, 2, 1, 3], &[0x30, 6, 2, 1, 3, 2, 1, 3, 0]] {
            assert!(PublicKey::from_spki(&spki(&[RSA, NULL], raw)).is_err());
        }
    }
}
