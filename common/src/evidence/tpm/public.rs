//! TPMT_PUBLIC: the public area of a key in a TPM (TPM 2.0 Library, part 2, section 12.2), from which its Name is computed.

use super::read::{DIGEST, NULL, RSA, Reader, hash};
use crate::asn1::element;
use crate::error::DecodeError;
use crate::provenance::TpmaObject;
use crate::sign::{Hash, KeyKind, PublicKey};

/// The public area of a key: its attributes, its public key and the Name that stands for both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicArea {
    name: Vec<u8>,
    name_hash: Hash,
    attributes: TpmaObject,
    key: PublicKey,
    /// What it encrypts its children with: algorithm, bits and mode; none if it has none.
    symmetric: Option<Symmetric>,
}

/// TPMT_SYM_DEF_OBJECT, unless it is TPM_ALG_NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Symmetric {
    pub(super) algorithm: u16,
    pub(super) bits: u16,
    pub(super) mode: u16,
}

impl PublicArea {
    /// Reads one TPMT_PUBLIC, without a number of octets before it: RSA of 2048 bits and more, P-256 or P-384, whose Name is made with SHA-256, SHA-384 or SHA-512.
    ///
    /// # Errors
    /// [`DecodeError`] if it is malformed, followed by octets, or of another kind.
    pub fn from_octets(octets: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("TPMT_PUBLIC", octets);
        let kind = reader.u16("type")?;
        let name_algorithm = reader.u16("nameAlg")?;
        let attributes = TpmaObject(reader.u32("objectAttributes")?);
        reader.sized("authPolicy", DIGEST)?;
        let (symmetric, key) = match kind {
            TYPE_RSA => rsa(&mut reader)?,
            TYPE_ECC => ecc(&mut reader)?,
            other => {
                let found = format!("{other:#06x}");
                return Err(DecodeError::Unexpected { what: "type of the TPM object", found, expected: "RSA (0x0001) or ECC (0x0023)" });
            }
        };
        reader.finish()?;
        let name_hash = hash(name_algorithm).ok_or_else(|| {
            let expected = "SHA-256 (0x000b), SHA-384 (0x000c) or SHA-512 (0x000d)";
            DecodeError::Unexpected { what: "nameAlg of the TPM object", found: format!("{name_algorithm:#06x}"), expected }
        })?;
        let name = [&name_algorithm.to_be_bytes()[..], &name_hash.of(octets)].concat();
        Ok(Self { name, name_hash, attributes, key, symmetric })
    }

    /// Its Name: the hash algorithm and the digest over the whole public area (TPM 2.0 Library, part 1, section 16).
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The hash of its Name, with which keys are derived for it as well.
    pub(super) fn name_hash(&self) -> Hash {
        self.name_hash
    }

    /// What may be done with it, and how it came to be.
    pub fn attributes(&self) -> TpmaObject {
        self.attributes
    }

    /// Its public key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// What it encrypts with, if it is a parent.
    pub(super) fn symmetric(&self) -> Option<Symmetric> {
        self.symmetric
    }

    /// Whether all of these attributes are set.
    pub(super) fn has(&self, attributes: u32) -> bool {
        self.attributes.0 & attributes == attributes
    }

    /// The attributes that are set, in the specification's words.
    pub(crate) fn attributes_in_words(&self) -> String {
        let set: Vec<&str> = ATTRIBUTES.into_iter().filter(|(bit, _)| self.has(*bit)).map(|(_, word)| word).collect();
        if set.is_empty() { "none".to_owned() } else { set.join(", ") }
    }
}

/// TPMS_RSA_PARMS and the modulus.
fn rsa(reader: &mut Reader<'_>) -> Result<(Option<Symmetric>, PublicKey), DecodeError> {
    let symmetric = symmetric(reader)?;
    match reader.u16("scheme")? {
        NULL | RSAES => (),
        RSASSA | RSAPSS | OAEP => drop(reader.u16("hash of the scheme")?),
        other => return Err(reader.fault(format!("scheme {other:#06x} is none of RSA"))),
    }
    let bits = reader.u16("keyBits")?;
    let exponent = match reader.u32("exponent")? {
        0 => 65_537,
        other => other,
    };
    let modulus = reader.sized("modulus", RSA)?;
    if modulus.len() * 8 != usize::from(bits) || modulus.first().is_none_or(|first| *first < 0x80) || bits < 2048 {
        return Err(reader.fault(format!("the modulus of {} octets is not one of keyBits {bits}, expected 2048 or more", modulus.len())));
    }
    let key = element(0x30, &[integer(modulus), integer(&exponent.to_be_bytes())].concat());
    Ok((symmetric, PublicKey::from_raw(KeyKind::Rsa, &key)?))
}

/// TPMS_ECC_PARMS and the point.
fn ecc(reader: &mut Reader<'_>) -> Result<(Option<Symmetric>, PublicKey), DecodeError> {
    let symmetric = symmetric(reader)?;
    match reader.u16("scheme")? {
        NULL => (),
        ECDAA => drop((reader.u16("hash of the scheme")?, reader.u16("count of the scheme")?)),
        ECDSA | ECDH | SM2 | ECSCHNORR | ECMQV => drop(reader.u16("hash of the scheme")?),
        other => return Err(reader.fault(format!("scheme {other:#06x} is none of ECC"))),
    }
    let (kind, size) = match reader.u16("curveID")? {
        0x0003 => (KeyKind::P256, 32),
        0x0004 => (KeyKind::P384, 48),
        other => {
            let expected = "P-256 (0x0003) or P-384 (0x0004)";
            return Err(DecodeError::Unexpected { what: "curve of the TPM object", found: format!("{other:#06x}"), expected });
        }
    };
    if reader.u16("kdf")? != NULL {
        reader.u16("hash of the kdf")?;
    }
    // Some TPMs leave out leading zeros.
    let mut point = vec![0x04];
    for coordinate in ["x", "y"] {
        let octets = reader.sized(coordinate, size)?;
        point.resize(point.len() + size - octets.len(), 0);
        point.extend_from_slice(octets);
    }
    Ok((symmetric, PublicKey::from_raw(kind, &point)?))
}

fn symmetric(reader: &mut Reader<'_>) -> Result<Option<Symmetric>, DecodeError> {
    match reader.u16("symmetric")? {
        NULL => Ok(None),
        algorithm => Ok(Some(Symmetric { algorithm, bits: reader.u16("keyBits of symmetric")?, mode: reader.u16("mode of symmetric")? })),
    }
}

/// A non-negative INTEGER in DER, whatever zeros it begins with.
pub(super) fn integer(octets: &[u8]) -> Vec<u8> {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let significant = octets.get(zeros..).unwrap_or_default();
    // What begins with a set bit would be negative; nothing at all is no number.
    let padded = significant.first().is_none_or(|first| *first >= 0x80);
    element(0x02, &[if padded { &[0][..] } else { &[] }, significant].concat())
}

const TYPE_RSA: u16 = 0x0001;
const TYPE_ECC: u16 = 0x0023;

pub(super) const RSASSA: u16 = 0x0014;
const RSAES: u16 = 0x0015;
pub(super) const RSAPSS: u16 = 0x0016;
const OAEP: u16 = 0x0017;
pub(super) const ECDSA: u16 = 0x0018;
const ECDH: u16 = 0x0019;
const ECDAA: u16 = 0x001a;
const SM2: u16 = 0x001b;
const ECSCHNORR: u16 = 0x001c;
const ECMQV: u16 = 0x001d;

/// TPMA_OBJECT.
pub(super) const FIXED_TPM: u32 = 1 << 1;
pub(super) const FIXED_PARENT: u32 = 1 << 4;
pub(super) const SENSITIVE_DATA_ORIGIN: u32 = 1 << 5;
pub(super) const RESTRICTED: u32 = 1 << 16;
pub(super) const DECRYPT: u32 = 1 << 17;
pub(super) const SIGN: u32 = 1 << 18;

const ATTRIBUTES: [(u32, &str); 11] = [
    (FIXED_TPM, "fixedTPM"),
    (1 << 2, "stClear"),
    (FIXED_PARENT, "fixedParent"),
    (SENSITIVE_DATA_ORIGIN, "sensitiveDataOrigin"),
    (1 << 6, "userWithAuth"),
    (1 << 7, "adminWithPolicy"),
    (1 << 10, "noDA"),
    (1 << 11, "encryptedDuplication"),
    (RESTRICTED, "restricted"),
    (DECRYPT, "decrypt"),
    (SIGN, "sign"),
];
