//! A TPM in software, as far as its word goes: the structures that it would give out, in an encoder that shares nothing with the parser.

use super::*;
use crate::asn1::element;
use crate::evidence::Authority;
use crate::issuing::Template;
use crate::provenance::{Basis, Locus};
use crate::sign::{KeyKind, PublicKey, SignatureAlgorithm, Signer as _, SoftwareKey};
use crate::test_pki::{Entity, NOW, block_on, new_key};
use crate::{Anchors, time::at};

/// Attributes of a key that the TPM made for signing and that stays there.
pub(super) const HONEST: u32 = 0x0004_0072;
/// Of an endorsement key.
pub(super) const ENDORSEMENT: u32 = 0x0003_00b2;
/// As `tpm2_import` sets them.
pub(super) const IMPORTED: u32 = 0x0006_0040;

pub(super) const NONCE: &[u8] = b"nonce of the verifier";

/// A vendor, its CA for attestation keys, an attestation key and a key that it certifies.
pub(super) struct World {
    pub(super) vendor: Entity,
    pub(super) ca: Entity,
    pub(super) ak: Entity,
    pub(super) key: SoftwareKey,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(SignatureAlgorithm::Es256, |template| template.usages(&["2.23.133.8.3"]))
    }

    /// With an attestation key of this algorithm and this certificate.
    pub(super) fn with(algorithm: SignatureAlgorithm, shape: impl FnOnce(Template) -> Template) -> Self {
        let vendor = Entity::root("TPM vendor");
        let ca = vendor.issue_ca("AK CA");
        let ak = ca.issue("AK of TPM 7", algorithm, shape);
        Self { vendor, ca, ak, key: new_key(SignatureAlgorithm::Es256) }
    }

    pub(super) fn authorities(&self) -> Authorities {
        self.authorities_that(false)
    }

    /// A vendor whose attestation keys need to be marked, or need not.
    pub(super) fn authorities_that(&self, unmarked_attestation_keys: bool) -> Authorities {
        let anchors = Anchors::new([self.vendor.certificate.clone()]).unwrap();
        Authorities::new([Authority {
            name: "vendor".to_owned(),
            anchors,
            basis: Basis::KeyAttestation,
            locus: Some(Locus::DiscreteTpm),
            unmarked_attestation_keys,
        }])
    }

    pub(super) fn certs(&self) -> Vec<Certificate> {
        vec![self.ak.certificate.clone(), self.ca.certificate.clone()]
    }

    /// The statement about the key with these attributes, in answer to [`NONCE`].
    pub(super) fn statement(&self, attributes: u32) -> Vec<u8> {
        let public = public(self.key.public_key(), attributes);
        self.signed(&attest(0x8017, &name(&public), NONCE), &public)
    }

    /// What the attestation key signs, and the public area beside it.
    pub(super) fn signed(&self, attest: &[u8], public: &[u8]) -> Vec<u8> {
        statement(&[attest, &signature(&self.ak.key, attest), public])
    }

    /// What is made of a statement about the key, the nonce being expected.
    pub(super) fn appraise(&self, stmt: &[u8]) -> Result<Claims, EvidenceError> {
        self.appraise_for(stmt, self.key.public_key(), Some(NONCE))
    }

    pub(super) fn appraise_for(&self, stmt: &[u8], key: &PublicKey, nonce: Option<&[u8]>) -> Result<Claims, EvidenceError> {
        appraise(stmt, &self.certs(), &Expected { key, nonce }, &self.authorities(), at(NOW))
    }
}

pub(super) fn statement(parts: &[&[u8]]) -> Vec<u8> {
    element(0x30, &parts.iter().map(|part| element(0x04, part)).collect::<Vec<_>>().concat())
}

/// TPMT_SIGNATURE.
pub(super) fn signature(key: &SoftwareKey, message: &[u8]) -> Vec<u8> {
    let signature = block_on(key.sign(message)).unwrap();
    let (r, s) = signature.fixed().split_at(signature.fixed().len() / 2);
    let hash = if r.len() == 32 { [0, 0x0b] } else { [0, 0x0c] };
    [&[0, 0x18], &hash[..], &sized(r), &sized(s)].concat()
}

/// TPMS_ATTEST of TPM2_Certify (0x8017) or TPM2_CertifyCreation (0x801a).
pub(super) fn attest(kind: u16, name: &[u8], nonce: &[u8]) -> Vec<u8> {
    let signer = [&[0, 0x0b][..], &[7; 32]].concat();
    let last = if kind == 0x8017 { signer.clone() } else { vec![9; 32] };
    let clock = [&1234u64.to_be_bytes()[..], &[0, 0, 0, 1, 0, 0, 0, 0], &[1], &0x2019_1023_0016_3636u64.to_be_bytes()].concat();
    [&[0xff, 0x54, 0x43, 0x47], &kind.to_be_bytes()[..], &sized(&signer), &sized(nonce), &clock, &sized(name), &sized(&last)].concat()
}

/// TPMT_PUBLIC, its Name made with SHA-256; that of an endorsement key has AES-128-CFB.
pub(super) fn public(key: &PublicKey, attributes: u32) -> Vec<u8> {
    let symmetric: &[u8] = if attributes == ENDORSEMENT { &[0, 6, 0, 128, 0, 0x43] } else { &[0, 0x10] };
    let kind = if key.kind() == KeyKind::Rsa { 1 } else { 0x23 };
    let head = [&[0, kind, 0, 0x0b][..], &attributes.to_be_bytes(), &sized(&[]), symmetric, &[0, 0x10]].concat();
    let unique = match key.kind() {
        KeyKind::Rsa => {
            // SEQUENCE, INTEGER: 257 octets with the zero before the modulus.
            let modulus = &key.raw()[9..9 + 256];
            [&[8, 0, 0, 0, 0, 0][..], &sized(modulus)].concat()
        }
        kind => {
            let (x, y) = key.raw()[1..].split_at(key.raw().len() / 2);
            let curve = if kind == KeyKind::P256 { 3 } else { 4 };
            [&[0, curve, 0, 0x10][..], &sized(x), &sized(y)].concat()
        }
    };
    [head, unique].concat()
}

/// The Name of a public area.
pub(super) fn name(public: &[u8]) -> Vec<u8> {
    [&[0, 0x0b][..], &crate::codec::sha256(public)].concat()
}

fn sized(octets: &[u8]) -> Vec<u8> {
    [&u16::try_from(octets.len()).unwrap().to_be_bytes()[..], octets].concat()
}
