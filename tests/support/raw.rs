//! What no honest library writes: payloads of any octets under a good signature, and certification requests that ask for too much.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256};
use brski_common::issuing::Subject;
use brski_common::{CoseCertificates, DecodeError, Format, Payload, PublicKey, Reading, Signer, Typ, VoucherRequest};
use serde_json::{Map, Value};

/// Octets to be signed as if they were a voucher-request.
pub(crate) struct Raw(pub(crate) Vec<u8>);

impl Payload for Raw {
    const NAME: &'static str = "voucher-request";

    const COSE_CERTIFICATES: CoseCertificates = VoucherRequest::COSE_CERTIFICATES;

    fn typ(format: Format) -> Option<Typ> {
        VoucherRequest::typ(format)
    }

    fn encode(&self, _: Format) -> Result<Vec<u8>, DecodeError> {
        Ok(self.0.clone())
    }

    fn decode(octets: &[u8], _: Format, _: &Reading) -> Result<Self, DecodeError> {
        Ok(Self(octets.to_vec()))
    }
}

/// A voucher-request's JSON after `edit` had its way with the leaves.
pub(crate) fn edited(request: &VoucherRequest, edit: impl FnOnce(&mut Map<String, Value>)) -> Raw {
    let mut document: Value = serde_json::from_slice(&request.encode(Format::Cms).unwrap()).unwrap();
    edit(document["ietf-voucher-request:voucher"].as_object_mut().unwrap());
    Raw(document.to_string().into_bytes())
}

/// A certification request (RFC 2986) for a CA certificate: extensionRequest with basicConstraints cA.
pub(crate) async fn ca_request(subject_der: &[u8], key: &dyn Signer) -> Vec<u8> {
    let constraints = element(0x30, &[&element(0x01, &[&[0xff]])]);
    let extension = element(0x30, &[BASIC_CONSTRAINTS, &element(0x01, &[&[0xff]]), &element(0x04, &[&constraints])]);
    let attribute = element(0x30, &[EXTENSION_REQUEST, &element(0x31, &[&element(0x30, &[&extension])])]);
    request_signed_by(key, subject_der, key.public_key(), &attribute).await
}

/// A certification request with two attributes that hold an attestation bundle, which is one too many.
pub(crate) async fn twice_attested_request(subject_der: &[u8], key: &dyn Signer, bundles: [&[u8]; 2]) -> Vec<u8> {
    let mut attributes = bundles.map(|bundle| element(0x30, &[ATTESTATION, &element(0x31, &[bundle])]));
    // A SET OF in DER is in the order of its octets.
    attributes.sort();
    request_signed_by(key, subject_der, key.public_key(), &attributes.concat()).await
}

/// A certification request for any key, with any attributes, that `signer` signed.
pub(crate) async fn request_signed_by(signer: &dyn Signer, subject_der: &[u8], key: &PublicKey, attributes: &[u8]) -> Vec<u8> {
    let info = element(0x30, &[&[2, 1, 0], subject_der, key.spki(), &element(0xa0, &[attributes])]);
    let signature = signer.sign(&info).await.unwrap().to_asn1().unwrap();
    element(0x30, &[&info, ECDSA_WITH_SHA256, &element(0x03, &[&[0], &signature])])
}

/// A certification request for a key on P-521.
pub(crate) fn p521_request(subject_der: &[u8]) -> Vec<u8> {
    let key = EcdsaKeyPair::generate(&ECDSA_P521_SHA512_ASN1_SIGNING).unwrap();
    let spki: Vec<u8> = key.public_key().as_der().unwrap().as_ref().to_vec();
    let info = element(0x30, &[&[2, 1, 0], subject_der, &spki, &element(0xa0, &[])]);
    let signature = key.sign(&SystemRandom::new(), &info).unwrap();
    element(0x30, &[&info, ECDSA_WITH_SHA512, &element(0x03, &[&[0], signature.as_ref()])])
}

/// A certification request for an RSA key of 2048 bits.
pub(crate) fn rsa_request(subject_der: &[u8]) -> Vec<u8> {
    let key = rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
    let spki: Vec<u8> = key.public_key().as_der().unwrap().as_ref().to_vec();
    let info = element(0x30, &[&[2, 1, 0], subject_der, &spki, &element(0xa0, &[])]);
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &info, &mut signature).unwrap();
    element(0x30, &[&info, RSA_WITH_SHA256, &element(0x03, &[&[0], &signature])])
}

/// One Name with the attributes of both, in DER.
pub(crate) fn joined(first: &Subject, second: &Subject) -> Vec<u8> {
    // Names as short as these have one length octet.
    element(0x30, &[&first.to_der()[2..], &second.to_der()[2..]])
}

/// One DER element of at most 64 KiB.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content: Vec<u8> = parts.concat();
    let [.., high, low] = content.len().to_be_bytes();
    let head = match content.len() {
        0..0x80 => vec![tag, low],
        0x80..0x100 => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head, content].concat()
}

const BASIC_CONSTRAINTS: &[u8] = &[6, 3, 0x55, 0x1d, 0x13];
const EXTENSION_REQUEST: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14];
const ATTESTATION: &[u8] = &[6, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 59];
const ECDSA_WITH_SHA512: &[u8] = &[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4];
const RSA_WITH_SHA256: &[u8] = &[0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11, 5, 0];
const ECDSA_WITH_SHA256: &[u8] = &[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
