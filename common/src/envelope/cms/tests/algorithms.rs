//! Signatures of algorithms that are verified and never made here: ECDSA on P-521 and RSA; and those that are refused.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{self as alg, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _, RsaEncoding};

use super::*;
use crate::issuing::{Subject, Template};
use crate::sign::PublicKey;
use crate::test_pki::NOW;
use crate::time::at;

const ECDSA: [&str; 3] = ["1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3", "1.2.840.10045.4.3.4"];
const RSA: [&str; 3] = ["1.2.840.113549.1.1.11", "1.2.840.113549.1.1.12", "1.2.840.113549.1.1.13"];
const RSA_ENCRYPTION: &str = "1.2.840.113549.1.1.1";
const HASHES: [Hash; 3] = [Hash::Sha256, Hash::Sha384, Hash::Sha512];
const NULL: &[u8] = &[5, 0];

/// A certificate for this key under a root.
fn certified(root: &Entity, key: &PublicKey) -> Certificate {
    let template = Template::new(Subject::common_name("Signer"), key, [5; 16], at(NOW - 9), at(NOW + 9));
    block_on(template.issued_by(&root.certificate, &root.key)).unwrap()
}

/// An envelope that announces this algorithm, with the identifier's parameters, over what `sign` makes of the attributes.
fn made(signer: &Certificate, hash: Hash, algorithm: &str, parameters: &[u8], sign: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let message_digest = attribute(MESSAGE_DIGEST, &[element(OCTET_STRING, &hash.of(PAYLOAD))]);
    let attributes = [content_type(VOUCHER), message_digest].concat();
    let digest = digest_identifier(hash).to_der().unwrap();
    let id = [signer.issuer_der().to_vec(), element(INTEGER, signer.certificate_serial())];
    let info = [
        element(INTEGER, &[1]),
        element(SEQUENCE, &id.concat()),
        digest.clone(),
        element(CONTEXT_0, &attributes),
        element(SEQUENCE, &[&oid(algorithm), parameters].concat()),
        element(OCTET_STRING, &sign(&element(SET, &attributes))),
    ];
    let content = [oid(VOUCHER), element(CONTEXT_0, &element(OCTET_STRING, PAYLOAD))];
    let data = [
        element(INTEGER, &[3]),
        element(SET, &digest),
        element(SEQUENCE, &content.concat()),
        certificate_set(core::slice::from_ref(signer)),
        element(SET, &element(SEQUENCE, &info.concat())),
    ];
    content_info(&data.concat())
}

/// Opens it and checks the signature with the certificate's key.
fn outcome(wire: &[u8], signer: &Certificate) -> Result<(), VerifyError> {
    let opened = open("voucher", wire, STRICT)?;
    assert_eq!(opened.signatures[0].candidates(&[]), [signer]);
    opened.signatures[0].check_signature("voucher", &signer.public_key(), signer.subject())
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> (EcdsaKeyPair, PublicKey) {
    let key = EcdsaKeyPair::generate(algorithm).unwrap();
    let spki: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    let public = PublicKey::from_spki(spki.as_ref()).unwrap();
    (key, public)
}

fn rsa() -> (RsaKeyPair, PublicKey) {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let spki: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    let public = PublicKey::from_spki(spki.as_ref()).unwrap();
    (key, public)
}

fn rsa_signature(key: &RsaKeyPair, padding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(padding, &SystemRandom::new(), message, &mut signature).unwrap();
    signature
}

#[test]
fn ecdsa_on_p521_verifies_with_each_hash() {
    let root = Entity::root("Root");
    let makers = [&alg::ECDSA_P521_SHA256_ASN1_SIGNING, &alg::ECDSA_P521_SHA384_ASN1_SIGNING, &alg::ECDSA_P521_SHA512_ASN1_SIGNING];
    for ((algorithm, hash), name) in makers.into_iter().zip(HASHES).zip(ECDSA) {
        let (key, public) = ecdsa(algorithm);
        let signer = certified(&root, &public);
        let wire = made(&signer, hash, name, &[], |tbs| key.sign(&SystemRandom::new(), tbs).unwrap().as_ref().to_vec());
        assert_eq!(outcome(&wire, &signer), Ok(()), "{hash:?}");
        let other = made(&signer, hash, name, &[], |_| key.sign(&SystemRandom::new(), b"other").unwrap().as_ref().to_vec());
        assert!(matches!(outcome(&other, &signer), Err(VerifyError::BadSignature { .. })));
    }
}

#[test]
fn rsa_with_pkcs1_padding_verifies_with_each_hash_and_name() {
    let root = Entity::root("Root");
    let (key, public) = rsa();
    let signer = certified(&root, &public);
    let paddings: [&'static dyn RsaEncoding; 3] = [&alg::RSA_PKCS1_SHA256, &alg::RSA_PKCS1_SHA384, &alg::RSA_PKCS1_SHA512];
    for ((padding, hash), name) in paddings.into_iter().zip(HASHES).zip(RSA) {
        for name in [name, RSA_ENCRYPTION] {
            let wire = made(&signer, hash, name, NULL, |tbs| rsa_signature(&key, padding, tbs));
            assert_eq!(outcome(&wire, &signer), Ok(()), "{hash:?} {name}");
        }
    }
}

#[test]
fn rsa_with_pss_padding_is_refused_by_name() {
    let root = Entity::root("Root");
    let (key, public) = rsa();
    let signer = certified(&root, &public);
    let pss = |tbs: &[u8]| rsa_signature(&key, &alg::RSA_PSS_SHA256, tbs);
    let wire = made(&signer, Hash::Sha256, "1.2.840.113549.1.1.10", &element(SEQUENCE, &[]), pss);
    let found = "RSASSA-PSS (1.2.840.113549.1.1.10)".to_owned();
    assert_eq!(outcome(&wire, &signer), Err(VerifyError::UnsupportedAlgorithm { artefact: "voucher", found }));
    // Nor does it pass under another name.
    let wire = made(&signer, Hash::Sha256, RSA[0], NULL, pss);
    assert!(matches!(outcome(&wire, &signer), Err(VerifyError::BadSignature { .. })));
}

#[test]
fn sha1_and_disagreeing_hashes_are_refused() {
    let root = Entity::root("Root");
    let (key, public) = rsa();
    let signer = certified(&root, &public);
    let sign = |tbs: &[u8]| rsa_signature(&key, &alg::RSA_PKCS1_SHA256, tbs);
    for name in ["1.2.840.113549.1.1.5", RSA[1], "1.2.840.113549.1.1.14"] {
        let wire = made(&signer, Hash::Sha256, name, NULL, sign);
        assert_eq!(outcome(&wire, &signer), Err(VerifyError::UnsupportedAlgorithm { artefact: "voucher", found: name.to_owned() }));
    }
}

#[test]
fn algorithm_of_another_kind_of_key_does_not_verify() {
    let root = Entity::root("Root");
    let (key, public) = rsa();
    let signer = certified(&root, &public);
    let wire = made(&signer, Hash::Sha256, ECDSA[0], &[], |tbs| rsa_signature(&key, &alg::RSA_PKCS1_SHA256, tbs));
    assert!(matches!(outcome(&wire, &signer), Err(VerifyError::BadSignature { .. })));
}

#[test]
fn ed25519_needs_sha512() {
    let (_, leaf) = signer(SignatureAlgorithm::EdDsa);
    let sign = |tbs: &[u8]| block_on(leaf.key.sign(tbs)).unwrap().to_asn1().unwrap();
    let wire = |hash| made(&leaf.certificate, hash, "1.3.101.112", &[], sign);
    assert_eq!(outcome(&wire(Hash::Sha512), &leaf.certificate), Ok(()));
    for hash in [Hash::Sha256, Hash::Sha384] {
        assert!(matches!(outcome(&wire(hash), &leaf.certificate), Err(VerifyError::UnsupportedAlgorithm { .. })));
    }
}
