//! Which of several keys is the signer's, and whether its certificate lets it sign.

use super::*;
use crate::envelope::{Opened, SignatureBlock, SignerId};
use crate::issuing::{Subject, Template};
use crate::sign::{PublicKey, SignatureScheme};
use crate::test_pki::{NOW, template};
use crate::time::at;

/// An end-entity certificate, self-signed, whose keyUsage is this BIT STRING in DER.
fn with_key_usage(bits: [u8; 4]) -> Entity {
    let key = new_key(ES256);
    let entity = Entity { certificate: block_on(template(Subject::common_name("Signer"), &key).self_signed(&key)).unwrap(), key };
    let certificate = entity.reissued(|tbs| {
        let key_usage = x509_cert::ext::Extension {
            extn_id: der::asn1::ObjectIdentifier::new_unwrap("2.5.29.15"),
            critical: true,
            extn_value: der::asn1::OctetString::new(bits).unwrap(),
        };
        let extensions = tbs.extensions.get_or_insert_default();
        extensions.retain(|e| e.extn_id != key_usage.extn_id);
        extensions.push(key_usage);
    });
    Entity { certificate, key: entity.key }
}

#[test]
fn certificate_whose_key_usage_is_no_signing_does_not_sign() {
    let outcome = |bits, format| {
        let signer = with_key_usage(bits);
        let anchors = Anchors::new([signer.certificate.clone()]).unwrap();
        verify(&seal(&signer.party(&[]), format), anchored(&anchors, &[])).map(drop)
    };
    let (digital_signature, non_repudiation) = ([3, 2, 7, 0x80], [3, 2, 6, 0x40]);
    let (key_encipherment, key_agreement) = ([3, 2, 5, 0x20], [3, 2, 3, 0x08]);
    for format in CHAINED {
        assert_eq!(outcome(digital_signature, format), Ok(()));
        assert_eq!(outcome(non_repudiation, format), Ok(()));
        for bits in [key_encipherment, key_agreement] {
            assert_eq!(outcome(bits, format), Err(VerifyError::MayNotSign { subject: "CN=Signer".to_owned() }));
        }
    }
}

/// ECDSA: a signature of `words` by which two keys verify. Its first half tells a point but for its sign, and each of the two points leads to a key.
const SIGNATURE: &str = "2f2a6f312668dd60dd837c9e06fbe89795211ea91dc3b0511b89458fbd76a9ee7e43d039bbb9fa8f00901d4f9a9e90be459f35df98a35257631253f031f06560";
const KEYS: [&str; 2] = [
    "c21fdc7d052c21ed2d6f43ea25537f65edcc514ee4e5c9fc2c62f05ff188c7a7f8d2235046135b791f6f4d0c24272674df5f53b17ca5636787e7c18823e6bfcd",
    "caf41f4d01e921201a4574236ae468c0dc5799308907cc947111164485e7300edf9e0bb2e073f58bf89007331a2d87bc20f7bd59bb15042b472714e19ba57a0e",
];

/// What precedes an uncompressed point of P-256 in a SubjectPublicKeyInfo.
const P256: &str = "3059301306072a8648ce3d020106082a8648ce3d03010703420004";

fn octets(text: &str) -> Vec<u8> {
    crate::codec::unhex("test", text).unwrap()
}

/// A certificate for one of the two keys.
fn issued(ca: &Entity, key: &str) -> Certificate {
    let key = PublicKey::from_spki(&octets(&format!("{P256}{key}"))).unwrap();
    let template = Template::new(Subject::common_name("Leaf"), &key, [7; 16], at(NOW - 99), at(NOW + 99));
    block_on(template.issued_by(&ca.certificate, &ca.key)).unwrap()
}

fn signer_among(certificates: &[&Certificate], anchors: &Anchors) -> Result<Certificate, VerifyError> {
    let block = SignatureBlock {
        signed_octets: b"words".to_vec(),
        signature: octets(SIGNATURE),
        scheme: SignatureScheme::Fixed(ES256),
        signer: SignerId::AnyCertificate,
        certificates: certificates.iter().map(|c| (*c).clone()).collect(),
        certificates_are_hints: true,
    };
    let opened = Opened { payload: b"words".to_vec(), signatures: vec![block] };
    Verifier::strict(anchored(anchors, &[])).check("note", &opened, now()).map(|found| found.chain[0].clone())
}

#[test]
fn of_two_keys_that_verify_the_one_that_leads_to_an_anchor_is_the_signers() {
    let (here, elsewhere) = (Entity::root("Here"), Entity::root("Elsewhere"));
    let anchors = Anchors::new([here.certificate.clone()]).unwrap();
    for [ours, theirs] in [[KEYS[0], KEYS[1]], [KEYS[1], KEYS[0]]] {
        let (signer, decoy) = (issued(&here, ours), issued(&elsewhere, theirs));
        for shown in [[&signer, &decoy], [&decoy, &signer]] {
            assert_eq!(signer_among(&shown, &anchors).unwrap(), signer);
        }
    }
}

#[test]
fn of_two_keys_that_verify_and_lead_to_an_anchor_the_first_is_the_signers() {
    let here = Entity::root("Here");
    let anchors = Anchors::new([here.certificate.clone()]).unwrap();
    let [one, other] = KEYS.map(|key| issued(&here, key));
    assert_eq!(signer_among(&[&one, &other], &anchors).unwrap(), one);
    assert_eq!(signer_among(&[&other, &one], &anchors).unwrap(), other);
}

#[test]
fn of_two_keys_that_verify_and_lead_nowhere_the_first_is_told() {
    let elsewhere = Entity::root("Elsewhere");
    let anchors = Anchors::new([Entity::root("Here").certificate]).unwrap();
    let certificates = KEYS.map(|key| issued(&elsewhere, key));
    assert!(matches!(signer_among(&certificates.each_ref(), &anchors), Err(VerifyError::NoPath { .. })));
}
