//! What a COSE message says of its signer, and what is left of that when it is passed on.

use super::*;
use crate::envelope::cose::message::{entries, label_of, value};

const VOUCHER: Typ = Typ::Optional("application/voucher+cose");

fn write(typ: Typ, certificates: CoseCertificates, key: &crate::sign::SoftwareKey, identity: &SigningIdentity) -> Vec<u8> {
    let draft = draft(typ, certificates, PAYLOAD.to_vec(), identity).unwrap();
    let signature = block_on(key.sign(draft.to_be_signed())).unwrap();
    draft.attach(signature).unwrap()
}

/// Labels and values of the protected and the unprotected header.
fn headers(wire: &[u8]) -> [Vec<(Label, Value)>; 2] {
    let message = Message::from_wire(wire).unwrap();
    let protected = value(message.protected).unwrap().into_bytes().unwrap();
    [protected.as_slice(), message.unprotected].map(|map| entries(map).unwrap().into_iter().map(|(l, v)| (label_of(l).unwrap(), value(v).unwrap())).collect())
}

fn ders(certificates: &[&Certificate]) -> Value {
    Value::Array(certificates.iter().map(|c| c.der().into()).collect())
}

const ALG: Label = Label::Int(1);
const KID: Label = Label::Int(4);

#[test]
fn bag_holds_path_root_and_what_is_enclosed_each_once() {
    let (root, maker) = (Entity::root("Root"), Entity::root("Maker"));
    let ca = root.issue_ca("CA");
    let leaf = ca.issue("Leaf", SignatureAlgorithm::Es256, |t| t);
    let pledge = maker.issue("Pledge", SignatureAlgorithm::Es256, |t| t);
    let enclosed = [&pledge, &maker, &root, &pledge].map(|e| e.certificate.clone()).to_vec();
    let identity = leaf.party(&[&ca, &root]).enclosing(enclosed).identity;
    let expected = ders(&[&leaf, &ca, &root, &pledge, &maker].map(|e| &e.certificate));
    let [protected, unprotected] = headers(&write(VOUCHER, CoseCertificates::Bag, &leaf.key, &identity));
    assert_eq!(unprotected, [(X5BAG, expected)]);
    assert_eq!(protected, [(ALG, Value::from(-7))]);

    // What an x5bag brings along is no part of a path.
    let [_, unprotected] = headers(&write(VOUCHER, CHAIN, &leaf.key, &identity));
    assert_eq!(unprotected, [(X5CHAIN, ders(&[&leaf.certificate, &ca.certificate]))]);
}

#[test]
fn lone_certificate_is_no_array() {
    let root = Entity::root("Root");
    for (certificates, label) in [(CoseCertificates::Bag, X5BAG), (CHAIN, X5CHAIN)] {
        let [_, unprotected] = headers(&write(VOUCHER, certificates, &root.key, &root.party(&[&root]).identity));
        assert_eq!(unprotected, [(label, Value::from(root.certificate.der()))]);
    }
}

#[test]
fn nameless_signer_is_not_mentioned() {
    let leaf = Entity::root("Leaf");
    let identity = leaf.party(&[]).enclosing(vec![leaf.certificate.clone()]).nameless().identity;
    for certificates in [CoseCertificates::Bag, CHAIN] {
        let [protected, unprotected] = headers(&write(VOUCHER, certificates, &leaf.key, &identity));
        assert_eq!((protected, unprotected), (vec![(ALG, Value::from(-7))], Vec::new()));
    }
}

#[test]
fn required_type_and_name_of_a_bare_key_are_protected() {
    let (key, identity) = named(SignatureAlgorithm::EdDsa);
    let [protected, unprotected] = headers(&write(Typ::Required(TYPE), CHAIN, &key, &identity));
    assert_eq!(protected, [(ALG, Value::from(-8)), (KID, Value::Bytes(b"key-1".to_vec())), (TYP, Value::from(TYPE))]);
    assert_eq!(unprotected, []);
}

#[test]
fn more_certificates_than_anybody_reads_are_not_written() {
    let root = Entity::root("Root");
    let many: Vec<Certificate> = (0..MAX_CERTIFICATES).map(|i| root.issue(&format!("Leaf {i}"), SignatureAlgorithm::Es256, |t| t).certificate).collect();
    let outcome = |enclosed: &[Certificate]| {
        let identity = root.party(&[]).enclosing(enclosed.to_vec()).identity;
        draft(VOUCHER, CoseCertificates::Bag, PAYLOAD.to_vec(), &identity).map(|_| ())
    };
    assert_eq!(outcome(&many[1..]), Ok(()));
    assert_eq!(outcome(&many), Err(DecodeError::TooLarge { what: "number of certificates", limit: MAX_CERTIFICATES }));
}

#[test]
fn only_unprotected_certificates_are_taken_out() {
    let root = Entity::root("Root").certificate;
    let der = || Value::from(root.der());
    let receipt = || (Label::Int(394), Value::Array(vec![Value::Bytes(vec![1])]));
    let full = forged(|p, u| {
        p.rest.push((X5CHAIN, der()));
        u.key_id = b"key-1".to_vec();
        u.rest.extend([receipt(), (X5BAG, Value::Array(vec![der(), der()]))]);
    });
    let stripped = without_unprotected_certificates(&full).unwrap();
    let [protected, unprotected] = headers(&stripped);
    assert_eq!(unprotected, [(KID, Value::Bytes(b"key-1".to_vec())), receipt()]);
    assert_eq!(protected, headers(&full)[0]);
    let items = |wire: &[u8]| {
        let message = Message::from_wire(wire).unwrap();
        [message.protected.to_vec(), message.payload().unwrap(), message.signature.to_vec()]
    };
    assert_eq!(items(&stripped), items(&full));
    assert_eq!(without_unprotected_certificates(&stripped).unwrap(), stripped);
}

#[test]
fn certificates_alone_leave_an_empty_header() {
    let root = Entity::root("Root");
    for certificates in [CoseCertificates::Bag, CHAIN] {
        let identity = root.party(&[]).identity;
        let stripped = without_unprotected_certificates(&write(VOUCHER, certificates, &root.key, &identity)).unwrap();
        assert_eq!(headers(&stripped)[1], []);
        let opened = open("voucher", VOUCHER, certificates, &stripped).unwrap();
        opened.signatures[0].check_signature("voucher", root.key.public_key(), "root").unwrap();
    }
}

#[test]
fn only_a_tagged_message_is_stripped() {
    let untagged = forged_message(|_, _| {}).to_vec().unwrap();
    for wire in [&untagged[..], &[], &[0xd2], b"{}"] {
        assert!(without_unprotected_certificates(wire).is_err());
    }
}
