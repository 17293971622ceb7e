mod headers;
mod written;

use coset::{CborSerializable as _, Label};

use super::*;
use crate::sign::Signer as _;
use crate::test_pki::{Entity, block_on, new_key};

const CHAIN: CoseCertificates = CoseCertificates::Chain;
const TYPE: &str = "application/eat+cwt";
const PAYLOAD: &[u8] = &[0xa1, 0x01, 0x02];

fn open(artefact: &'static str, typ: Typ, written: CoseCertificates, wire: &[u8]) -> Result<Opened, VerifyError> {
    super::open(artefact, typ, written, wire, &Reading::default())
}

fn named(algorithm: SignatureAlgorithm) -> (crate::sign::SoftwareKey, SigningIdentity) {
    let key = new_key(algorithm);
    (key, SigningIdentity { chain: Vec::new(), algorithm, key_name: Some("key-1".to_owned()), enclosed: Vec::new() })
}

fn sealed(key: &crate::sign::SoftwareKey, identity: &SigningIdentity) -> Vec<u8> {
    let draft = draft(Typ::Required(TYPE), CoseCertificates::Chain, PAYLOAD.to_vec(), identity).unwrap();
    let signature = block_on(key.sign(draft.to_be_signed())).unwrap();
    draft.attach(signature).unwrap()
}

/// An envelope with freely chosen headers, properly signed.
fn forged(shape: impl FnOnce(&mut Header, &mut Header)) -> Vec<u8> {
    forged_message(shape).to_tagged_vec().unwrap()
}

fn forged_message(shape: impl FnOnce(&mut Header, &mut Header)) -> CoseSign1 {
    let key = new_key(SignatureAlgorithm::Es256);
    let mut header = Header { alg: Some(Algorithm::Assigned(iana::Algorithm::ES256)), rest: vec![(TYP, Value::from(TYPE))], ..Header::default() };
    let mut unprotected = Header::default();
    shape(&mut header, &mut unprotected);
    let protected = ProtectedHeader { original_data: None, header };
    let message = CoseSign1 { protected, unprotected, payload: Some(PAYLOAD.to_vec()), signature: Vec::new() };
    let signature = block_on(key.sign(&message.tbs_data(&[]))).unwrap().fixed().to_vec();
    CoseSign1 { signature, ..message }
}

fn refusal(wire: &[u8]) -> DecodeError {
    match open("statement", Typ::Required(TYPE), CHAIN, wire) {
        Err(VerifyError::Decode { artefact: "statement", source }) => source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn envelope_of_every_algorithm_opens_and_verifies() {
    for algorithm in [SignatureAlgorithm::Es256, SignatureAlgorithm::Es384, SignatureAlgorithm::EdDsa] {
        let (key, identity) = named(algorithm);
        let opened = open("statement", Typ::Required(TYPE), CHAIN, &sealed(&key, &identity)).unwrap();
        assert_eq!(opened.payload, PAYLOAD);
        assert_eq!(opened.signatures[0].key_name(), Some("key-1"));
        opened.signatures[0].check_signature("statement", key.public_key(), "key-1").unwrap();
    }
}

#[test]
fn chain_travels_without_its_anchor() {
    let root = Entity::root("Root");
    let ca = root.issue_ca("CA");
    let leaf = ca.issue("Leaf", SignatureAlgorithm::Es256, |t| t);
    let opened = open("statement", Typ::Required(TYPE), CHAIN, &sealed(&leaf.key, &leaf.party(&[&ca, &root]).identity)).unwrap();
    assert_eq!(opened.signatures[0].certificates, [leaf.certificate.clone(), ca.certificate]);
    assert_eq!(opened.signatures[0].candidates(&[]), [&leaf.certificate]);
}

#[test]
fn lone_self_signed_certificate_travels() {
    let root = Entity::root("Root");
    let opened = open("statement", Typ::Required(TYPE), CHAIN, &sealed(&root.key, &root.party(&[]).identity)).unwrap();
    assert_eq!(opened.signatures[0].certificates, [root.certificate]);
}

#[test]
fn tag_61_around_tag_18_is_accepted() {
    let (key, identity) = named(SignatureAlgorithm::Es256);
    let wire = [&[0xd8, 61][..], &sealed(&key, &identity)].concat();
    assert_eq!(open("statement", Typ::Required(TYPE), CHAIN, &wire).unwrap().payload, PAYLOAD);
}

#[test]
fn untagged_or_otherwise_tagged_message_is_refused() {
    let message = forged_message(|_, _| {});
    let untagged = message.clone().to_vec().unwrap();
    assert!(matches!(refusal(&untagged), DecodeError::Unexpected { what: "CBOR tag", .. }));
    let cose_sign = [&[0xd8, 98][..], &untagged].concat();
    assert!(matches!(refusal(&cose_sign), DecodeError::Unexpected { what: "CBOR tag", .. }));
}

#[test]
fn no_changed_octet_goes_unnoticed() {
    let (key, identity) = named(SignatureAlgorithm::Es256);
    let wire = sealed(&key, &identity);
    let accepted = |wire: &[u8]| open("statement", Typ::Required(TYPE), CHAIN, wire)?.signatures[0].check_signature("statement", key.public_key(), "key-1");
    assert_eq!(accepted(&wire), Ok(()));
    for i in 0..wire.len() {
        let mut changed = wire.clone();
        changed[i] ^= 0x01;
        assert!(accepted(&changed).is_err(), "octet {i}");
        assert!(accepted(&wire[..i]).is_err(), "cut at {i}");
    }
}

#[test]
fn octets_after_the_end_are_refused() {
    let mut wire = forged(|_, _| {});
    wire.push(0xf6);
    assert!(matches!(refusal(&wire), DecodeError::Syntax { .. }));
}

#[test]
fn der_signature_is_refused_for_what_it_is() {
    let mut message = forged_message(|_, _| {});
    message.signature = Signature::from_fixed(SignatureAlgorithm::Es256, message.signature).unwrap().to_asn1().unwrap();
    let expected = "r and s of 32 octets each (RFC 9053), not an ASN.1 DER signature";
    assert_eq!(refusal(&message.to_tagged_vec().unwrap()), DecodeError::InvalidField { field: "signature", expected });
}

#[test]
fn algorithm_of_another_curve_does_not_verify() {
    let key = new_key(SignatureAlgorithm::Es384);
    let (other, identity) = named(SignatureAlgorithm::Es256);
    let opened = open("statement", Typ::Required(TYPE), CHAIN, &sealed(&other, &identity)).unwrap();
    assert!(opened.signatures[0].check_signature("statement", key.public_key(), "P-384 key").is_err());
}

#[test]
fn algorithm_outside_the_protected_header_is_refused() {
    let both = forged(|_, unprotected| unprotected.alg = Some(Algorithm::Assigned(iana::Algorithm::ES256)));
    let only_outside = forged(|protected, unprotected| unprotected.alg = protected.alg.take());
    for wire in [both, only_outside] {
        assert!(matches!(refusal(&wire), DecodeError::InvalidField { field: "unprotected header", .. }));
    }
}

#[test]
fn missing_and_unsupported_algorithms_are_refused() {
    for alg in [None, Some(Algorithm::Assigned(iana::Algorithm::HMAC_256_256)), Some(Algorithm::Text("ES256".to_owned()))] {
        let wire = forged(|protected, _| protected.alg = alg);
        assert!(matches!(open("statement", Typ::Required(TYPE), CHAIN, &wire), Err(VerifyError::UnsupportedAlgorithm { .. })));
    }
}

#[test]
fn type_must_be_protected_and_equal() {
    assert!(matches!(refusal(&forged(|p, _| p.rest.clear())), DecodeError::MissingField { field: "typ", .. }));
    assert!(matches!(refusal(&forged(|p, _| p.rest = vec![(TYP, "application/cwt".into())])), DecodeError::Unexpected { what: "typ", .. }));
    assert!(matches!(refusal(&forged(|p, _| p.rest = vec![(TYP, 263.into())])), DecodeError::Unexpected { what: "typ", .. }));
    let outside = forged(|p, u| u.rest.append(&mut p.rest));
    assert!(matches!(refusal(&outside), DecodeError::InvalidField { field: "unprotected header", .. }));
}

#[test]
fn unknown_critical_parameter_is_refused() {
    let critical = |label: coset::iana::HeaderParameter| forged(|p, _| p.crit = vec![coset::RegisteredLabelWithPrivate::Assigned(label)]);
    assert!(matches!(refusal(&critical(iana::HeaderParameter::CwtClaims)), DecodeError::Unexpected { what: "critical header parameter", .. }));
    assert!(open("statement", Typ::Required(TYPE), CHAIN, &critical(iana::HeaderParameter::Alg)).is_ok());
}

#[test]
fn label_in_both_headers_is_refused() {
    let label = Label::Int(394);
    let wire = forged(|p, u| {
        p.rest.push((label.clone(), 1.into()));
        u.rest.push((label, 1.into()));
    });
    assert!(matches!(refusal(&wire), DecodeError::DuplicateField { .. }));
    let wire = forged(|p, u| (p.key_id, u.key_id) = (b"a".to_vec(), b"b".to_vec()));
    assert!(matches!(refusal(&wire), DecodeError::DuplicateField { .. }));
}

#[test]
fn label_twice_in_one_header_is_refused() {
    // {4: 'a', 4: 'b'} in the unprotected header, which our encoder would not write.
    let honest = forged(|_, u| u.key_id = b"a".to_vec());
    let at = honest.windows(4).position(|w| w == [0xa1, 0x04, 0x41, b'a']).unwrap();
    let doubled = [&honest[..at], &[0xa2, 0x04, 0x41, b'a', 0x04, 0x41, b'b'], &honest[at + 4..]].concat();
    assert_eq!(refusal(&doubled), DecodeError::DuplicateField { field: "label 4".to_owned(), artefact: "COSE header" });
}

#[test]
fn detached_payload_is_refused() {
    let wire = CoseSign1 { payload: None, ..forged_message(|_, _| {}) }.to_tagged_vec().unwrap();
    assert!(matches!(refusal(&wire), DecodeError::MissingField { field: "payload", .. }));
}

#[test]
fn receipts_beside_the_signature_are_passed_over() {
    let wire = forged(|_, u| u.rest.push((Label::Int(394), Value::Array(vec![Value::Bytes(vec![1])]))));
    assert_eq!(open("statement", Typ::Required(TYPE), CHAIN, &wire).unwrap().payload, PAYLOAD);
}

#[test]
fn too_many_certificates_are_refused() {
    let root = Entity::root("Root").certificate;
    let wire = forged(|_, u| u.rest.push((X5CHAIN, Value::Array(vec![root.der().into(); MAX_CERTIFICATES + 1]))));
    assert!(matches!(refusal(&wire), DecodeError::InvalidField { field: "x5chain", .. }));
}
