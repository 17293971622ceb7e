//! TPMT_SIGNATURE (TPM 2.0 Library, part 2, section 11.3).

use super::FORMAT;
use super::public::{ECDSA, RSAPSS, RSASSA, integer};
use super::read::{RSA, Reader, hash};
use crate::asn1::element;
use crate::error::{DecodeError, VerifyError};
use crate::evidence::EvidenceError;
use crate::sign::{Hash, PublicKey, SignatureScheme};

/// A signature of an attestation key, in the form in which keys verify it.
pub(crate) struct Signature {
    scheme: SignatureScheme,
    octets: Vec<u8>,
}

impl Signature {
    /// Reads a TPMT_SIGNATURE: ECDSA or RSASSA (PKCS #1 v1.5), with SHA-256, SHA-384 or SHA-512. RSAPSS is not verified: TPMs differ in the length of its salt.
    ///
    /// The draft that defined the statement had an RSA signature in its example without what TPMT_SIGNATURE puts before it. Such a one is read as well, by its length, which
    /// no TPMT_SIGNATURE has; it is RSASSA with SHA-256.
    pub(crate) fn from_octets(octets: &[u8]) -> Result<Self, EvidenceError> {
        if matches!(octets.len(), 256 | 384 | 512) {
            return Ok(Self { scheme: SignatureScheme::RsaPkcs1(Hash::Sha256), octets: octets.to_vec() });
        }
        let mut reader = Reader::new("TPMT_SIGNATURE", octets);
        let unreadable = |source: DecodeError| EvidenceError::Unreadable { format: FORMAT, source };
        let (algorithm, hashed) = Self::head(&mut reader).map_err(unreadable)?;
        let unsupported = |found: String| EvidenceError::Untrusted { format: FORMAT, source: VerifyError::UnsupportedAlgorithm { artefact: FORMAT, found } };
        let named = match algorithm {
            RSASSA | ECDSA => None,
            RSAPSS => Some("RSAPSS (0x0016)".to_owned()),
            other => Some(format!("the signature algorithm {other:#06x}")),
        };
        if let Some(found) = named {
            return Err(unsupported(found));
        }
        let hash = hash(hashed).ok_or_else(|| unsupported(format!("the hash {hashed:#06x}")))?;
        Self::rest(algorithm, hash, reader).map_err(unreadable)
    }

    fn head(reader: &mut Reader<'_>) -> Result<(u16, u16), DecodeError> {
        Ok((reader.u16("sigAlg")?, reader.u16("hash")?))
    }

    fn rest(algorithm: u16, hash: Hash, mut reader: Reader<'_>) -> Result<Self, DecodeError> {
        let read = match algorithm {
            RSASSA => Self { scheme: SignatureScheme::RsaPkcs1(hash), octets: reader.sized("signature", RSA)?.to_vec() },
            _ => {
                let (r, s) = (reader.sized("signatureR", COORDINATE)?, reader.sized("signatureS", COORDINATE)?);
                Self { scheme: SignatureScheme::EcdsaAsn1(hash), octets: element(0x30, &[integer(r), integer(s)].concat()) }
            }
        };
        reader.finish()?;
        Ok(read)
    }

    /// Whether this key made it over the octets.
    pub(crate) fn is_of(&self, key: &PublicKey, message: &[u8]) -> bool {
        key.verifies(self.scheme, message, &self.octets)
    }

    /// What it is called.
    pub(crate) fn algorithm(&self) -> &'static str {
        match self.scheme {
            SignatureScheme::RsaPkcs1(Hash::Sha256) => "RSASSA with SHA-256",
            SignatureScheme::RsaPkcs1(Hash::Sha384) => "RSASSA with SHA-384",
            SignatureScheme::RsaPkcs1(Hash::Sha512) => "RSASSA with SHA-512",
            SignatureScheme::EcdsaAsn1(Hash::Sha256) => "ECDSA with SHA-256",
            SignatureScheme::EcdsaAsn1(Hash::Sha384) => "ECDSA with SHA-384",
            SignatureScheme::EcdsaAsn1(Hash::Sha512) => "ECDSA with SHA-512",
            SignatureScheme::Fixed(_) | SignatureScheme::Ed25519 => "none of a TPM's",
        }
    }
}

/// Most octets of a number of the largest curve.
const COORDINATE: usize = 66;
