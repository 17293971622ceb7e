//! Credential activation: how whoever verifies learns that an attestation key is in the very TPM whose endorsement key (EK) its vendor certified (TPM 2.0 Library, part 1, section 24).
//!
//! An EK only decrypts, so that it cannot sign for an attestation key. Instead a secret is encrypted to it, together with the attestation key's Name: a TPM tells the secret
//! (TPM2_ActivateCredential) only if it holds both keys. Whoever answers with the secret may therefore be given a certificate for the attestation key, of which the EK's vendor
//! is the ground. That the EK is a vendor's must have been checked before: its certificate leads to that vendor's anchor, and has the key of the public area given here.

use aws_lc_rs::agreement::{self, ECDH_P256, ECDH_P384, EphemeralPrivateKey, UnparsedPublicKey};
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::kdf::{self, KbkdfCtrHmacAlgorithmId, SskdfDigestAlgorithmId};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512, OaepPublicEncryptingKey, PublicEncryptingKey};
use aws_lc_rs::{error::Unspecified, hmac};
use zeroize::Zeroizing;

use super::public::{DECRYPT, FIXED_PARENT, FIXED_TPM, PublicArea, RESTRICTED, SENSITIVE_DATA_ORIGIN, SIGN, Symmetric};
use crate::sign::{Hash, KeyKind};

/// What TPM2_ActivateCredential takes, besides the two keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// TPM2B_ID_OBJECT: the encrypted secret, and what protects its integrity.
    pub credential_blob: Vec<u8>,
    /// TPM2B_ENCRYPTED_SECRET: the seed of its keys, encrypted to the EK.
    pub encrypted_secret: Vec<u8>,
}

/// Why no credential is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// Only a restricted decryption key takes credentials.
    #[error("the endorsement key is no restricted decryption key with AES of 128 or 256 bits in CFB mode, which alone takes credentials")]
    NoEndorsementKey,
    /// Another key than a restricted signing key that cannot leave the TPM which made it could sign what looks like a TPM's word.
    #[error("the attestation key is not a restricted signing key that this TPM made and that cannot leave it (fixedTPM, fixedParent, sensitiveDataOrigin)")]
    NoAttestationKey,
    /// There is none, or it is longer than a digest of the EK's Name.
    #[error("the secret must have 1 to {longest} octets")]
    SecretLength {
        /// As many octets as a TPM takes.
        longest: usize,
    },
    /// The EK cannot be encrypted to, or there is no randomness.
    #[error("the credential cannot be encrypted to the endorsement key")]
    Encrypt,
}

/// Encrypts a secret for the TPM that holds both this endorsement key and this attestation key (TPM2_MakeCredential, done in software).
///
/// The secret is to be random and used once, and the answer to be compared in constant time.
///
/// # Errors
/// [`CredentialError`] if one of the keys is not what it should be, which its attributes tell, or the secret is too long.
pub fn make_credential(endorsement: &PublicArea, attestation: &PublicArea, secret: &[u8]) -> Result<Credential, CredentialError> {
    let symmetric = endorsement.symmetric().filter(|symmetric| matches!(symmetric, Symmetric { algorithm: AES, bits: 128 | 256, mode: CFB }));
    let symmetric = symmetric.filter(|_| endorsement.has(RESTRICTED | DECRYPT) && !endorsement.has(SIGN)).ok_or(CredentialError::NoEndorsementKey)?;
    if !attestation.has(RESTRICTED | SIGN | FIXED_TPM | FIXED_PARENT | SENSITIVE_DATA_ORIGIN) || attestation.has(DECRYPT) {
        return Err(CredentialError::NoAttestationKey);
    }
    let hash = endorsement.name_hash();
    if !(1..=octets_of(hash)).contains(&secret.len()) {
        return Err(CredentialError::SecretLength { longest: octets_of(hash) });
    }
    let encrypted = || {
        let (seed, encrypted_secret) = match endorsement.key().kind() {
            KeyKind::P256 => shared_seed(endorsement, &ECDH_P256)?,
            KeyKind::P384 => shared_seed(endorsement, &ECDH_P384)?,
            KeyKind::Rsa => encrypted_seed(endorsement)?,
            KeyKind::P521 | KeyKind::Ed25519 => return Err(Unspecified),
        };
        let identity = encrypted_identity(&seed, hash, symmetric, attestation.name(), secret)?;
        let integrity = integrity(&seed, hash, &identity, attestation.name())?;
        Ok(Credential { credential_blob: sized(&[&sized(&integrity)[..], &identity].concat()), encrypted_secret: sized(&encrypted_secret) })
    };
    encrypted().map_err(|Unspecified| CredentialError::Encrypt)
}

type Seed = Zeroizing<Vec<u8>>;

/// A random seed, and what it is in RSA-OAEP under the EK (part 1, section B.10.4).
fn encrypted_seed(endorsement: &PublicArea) -> Result<(Seed, Vec<u8>), Unspecified> {
    let mut seed = Zeroizing::new(vec![0; octets_of(endorsement.name_hash())]);
    SystemRandom::new().fill(&mut seed)?;
    let algorithm = match endorsement.name_hash() {
        Hash::Sha256 => &OAEP_SHA256_MGF1SHA256,
        Hash::Sha384 => &OAEP_SHA384_MGF1SHA384,
        Hash::Sha512 => &OAEP_SHA512_MGF1SHA512,
    };
    let key = PublicEncryptingKey::from_der(endorsement.key().spki()).map_err(|_| Unspecified)?;
    let key = OaepPublicEncryptingKey::new(key)?;
    let mut encrypted = vec![0; key.ciphertext_size()];
    let length = key.encrypt(algorithm, &seed, &mut encrypted, Some(IDENTITY))?.len();
    encrypted.truncate(length);
    Ok((seed, encrypted))
}

/// A seed agreed with the EK by a key that is thrown away, and that key's public point (part 1, section C.6.1).
fn shared_seed(endorsement: &PublicArea, curve: &'static agreement::Algorithm) -> Result<(Seed, Vec<u8>), Unspecified> {
    let own = EphemeralPrivateKey::generate(curve, &SystemRandom::new())?;
    let own_point = own.compute_public_key()?;
    let (own_x, own_y) = coordinates(own_point.as_ref())?;
    let (endorsement_x, _) = coordinates(endorsement.key().raw())?;
    let info = [IDENTITY, own_x, endorsement_x].concat();
    let hash = endorsement.name_hash();
    let id = match hash {
        Hash::Sha256 => SskdfDigestAlgorithmId::Sha256,
        Hash::Sha384 => SskdfDigestAlgorithmId::Sha384,
        Hash::Sha512 => SskdfDigestAlgorithmId::Sha512,
    };
    let derivation = kdf::get_sskdf_digest_algorithm(id).ok_or(Unspecified)?;
    let mut seed = Zeroizing::new(vec![0; octets_of(hash)]);
    let theirs = UnparsedPublicKey::new(curve, endorsement.key().raw());
    // KDFe is the one-step derivation of NIST SP 800-56C.
    agreement::agree_ephemeral(own, theirs, Unspecified, |shared| kdf::sskdf_digest(derivation, shared, &info, &mut seed))?;
    Ok((seed, [sized(own_x), sized(own_y)].concat()))
}

/// The coordinates of an uncompressed point.
fn coordinates(point: &[u8]) -> Result<(&[u8], &[u8]), Unspecified> {
    let both = point.strip_prefix(&[0x04]).ok_or(Unspecified)?;
    Ok(both.split_at(both.len() / 2))
}

/// The secret as TPM2B_DIGEST, encrypted with a key that depends on the attestation key's Name.
fn encrypted_identity(seed: &[u8], hash: Hash, symmetric: Symmetric, name: &[u8], secret: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let key = derived(hash, seed, STORAGE, name, symmetric.bits)?;
    let algorithm = if symmetric.bits == 128 { &AES_128 } else { &AES_256 };
    let key = EncryptingKey::cfb128(UnboundCipherKey::new(algorithm, &key)?)?;
    let mut identity = Zeroizing::new(Vec::with_capacity(2 + secret.len()));
    identity.extend_from_slice(&length(secret));
    identity.extend_from_slice(secret);
    // Every key is used once, so that the specification wants no other initialization vector.
    key.less_safe_encrypt(&mut identity, EncryptionContext::Iv128(FixedLength::from([0; 16])))?;
    Ok(core::mem::take(&mut *identity))
}

/// HMAC over the encrypted secret and the attestation key's Name.
fn integrity(seed: &[u8], hash: Hash, identity: &[u8], name: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let bits = u16::try_from(octets_of(hash) * 8).map_err(|_| Unspecified)?;
    let key = derived(hash, seed, INTEGRITY, &[], bits)?;
    let algorithm = match hash {
        Hash::Sha256 => hmac::HMAC_SHA256,
        Hash::Sha384 => hmac::HMAC_SHA384,
        Hash::Sha512 => hmac::HMAC_SHA512,
    };
    Ok(hmac::sign(&hmac::Key::new(algorithm, &key), &[identity, name].concat()).as_ref().to_vec())
}

/// KDFa: the derivation in counter mode of NIST SP 800-108 (part 1, section 11.4.10.2).
fn derived(hash: Hash, seed: &[u8], label: &[u8], context: &[u8], bits: u16) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let id = match hash {
        Hash::Sha256 => KbkdfCtrHmacAlgorithmId::Sha256,
        Hash::Sha384 => KbkdfCtrHmacAlgorithmId::Sha384,
        Hash::Sha512 => KbkdfCtrHmacAlgorithmId::Sha512,
    };
    let derivation = kdf::get_kbkdf_ctr_hmac_algorithm(id).ok_or(Unspecified)?;
    let mut key = Zeroizing::new(vec![0; usize::from(bits / 8)]);
    kdf::kbkdf_ctr_hmac(derivation, seed, &[label, context, &u32::from(bits).to_be_bytes()].concat(), &mut key)?;
    Ok(key)
}

/// A TPM2B: what is given here never reaches 65,536 octets.
fn sized(octets: &[u8]) -> Vec<u8> {
    [&length(octets)[..], octets].concat()
}

fn length(octets: &[u8]) -> [u8; 2] {
    (octets.len() as u16).to_be_bytes()
}

fn octets_of(hash: Hash) -> usize {
    match hash {
        Hash::Sha256 => 32,
        Hash::Sha384 => 48,
        Hash::Sha512 => 64,
    }
}

/// Labels, each with the zero that ends it.
const IDENTITY: &[u8] = b"IDENTITY\0";
const STORAGE: &[u8] = b"STORAGE\0";
const INTEGRITY: &[u8] = b"INTEGRITY\0";

/// TPM_ALG_AES and TPM_ALG_CFB.
const AES: u16 = 0x0006;
const CFB: u16 = 0x0043;
