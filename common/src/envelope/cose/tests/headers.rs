//! What may stand in the headers of a COSE message, and in which form.

use super::*;
use crate::envelope::Format;

const VOUCHER: Typ = Typ::Optional("application/voucher+cose");

const BAG: CoseCertificates = CoseCertificates::Bag;

fn read(wire: &[u8]) -> SignatureBlock {
    open("statement", Typ::Required(TYPE), BAG, wire).unwrap().signatures.remove(0)
}

fn refused(written: CoseCertificates, wire: &[u8]) -> DecodeError {
    match open("statement", Typ::Required(TYPE), written, wire) {
        Err(VerifyError::Decode { source, .. }) => source,
        other => panic!("{other:?}"),
    }
}

/// An envelope whose protected header is these octets, signed by the key that is returned.
fn with_protected(octets: &[u8]) -> (crate::sign::SoftwareKey, Vec<u8>) {
    let key = new_key(SignatureAlgorithm::Es256);
    let protected = ProtectedHeader { original_data: Some(octets.to_vec()), header: Header::default() };
    let message = CoseSign1 { protected, unprotected: Header::default(), payload: Some(PAYLOAD.to_vec()), signature: Vec::new() };
    let signature = block_on(key.sign(&message.tbs_data(&[]))).unwrap().fixed().to_vec();
    (key, CoseSign1 { signature, ..message }.to_tagged_vec().unwrap())
}

fn two_certificates() -> [Certificate; 2] {
    [Entity::root("One").certificate, Entity::root("Two").certificate]
}

fn array(certificates: &[Certificate]) -> Value {
    Value::Array(certificates.iter().map(|c| c.der().into()).collect())
}

#[test]
fn certificates_are_read_from_either_header_in_either_form() {
    let [one, two] = two_certificates();
    let forms = [
        (Value::from(one.der()), vec![one.clone()]),
        (array(core::slice::from_ref(&one)), vec![one.clone()]),
        (array(&[one.clone(), two.clone()]), vec![one, two]),
    ];
    for (value, expected) in forms {
        for (label, signer) in [(X5CHAIN, SignerId::FirstCertificate), (X5BAG, SignerId::AnyCertificate)] {
            let parameter = || (label.clone(), value.clone());
            for wire in [forged(|p, _| p.rest.push(parameter())), forged(|_, u| u.rest.push(parameter()))] {
                let block = read(&wire);
                assert_eq!((&block.certificates, &block.signer), (&expected, &signer));
            }
        }
    }
}

#[test]
fn chain_and_bag_together_are_read_once_each_with_the_chain_first() {
    let [one, two] = two_certificates();
    let bag = array(&[two.clone(), one.clone()]);
    let wire = forged(|p, u| {
        p.rest.push((X5CHAIN, one.der().into()));
        u.rest.push((X5BAG, bag));
    });
    let block = read(&wire);
    assert_eq!(block.certificates, [one.clone(), two]);
    assert_eq!(block.candidates(&[]), [&one]);
}

#[test]
fn certificates_hide_a_kid() {
    let [one, _] = two_certificates();
    let wire = forged(|p, u| {
        p.key_id = b"key-1".to_vec();
        u.rest.push((X5BAG, one.der().into()));
    });
    assert_eq!(read(&wire).key_name(), None);
}

#[test]
fn x5bag_and_x5chain_of_other_shapes_are_refused() {
    let [one, _] = two_certificates();
    let most = vec![one.clone(); MAX_CERTIFICATES];
    for (label, field, written) in [(X5CHAIN, "x5chain", CHAIN), (X5CHAIN, "x5chain", BAG), (X5BAG, "x5bag", BAG)] {
        for value in
            [Value::Array(Vec::new()), Value::from("text"), Value::from(1), Value::Array(vec![1.into()]), array(&[most.clone(), vec![one.clone()]].concat())]
        {
            let refused = refused(written, &forged(|_, u| u.rest.push((label.clone(), value))));
            assert_eq!(refused, DecodeError::InvalidField { field, expected: "one certificate as byte string, or an array of 1 to 32 of them" });
        }
    }
}

#[test]
fn certificate_that_cannot_be_read_is_refused_in_a_chain_that_names_the_signer() {
    let [one, _] = two_certificates();
    for value in [Value::Bytes(vec![1]), Value::Array(vec![one.der().into(), Value::Bytes(vec![1])])] {
        assert!(matches!(refused(CHAIN, &forged(|p, _| p.rest.push((X5CHAIN, value)))), DecodeError::Syntax { what: "certificate", .. }));
    }
}

#[test]
fn hints_that_cannot_be_read_are_passed_over() {
    let [one, two] = two_certificates();
    let (unreadable, first, second) = (Value::Bytes(vec![1]), Value::from(one.der()), Value::from(two.der()));
    let among = |label: Label, items: [&Value; 3]| read(&forged(|_, u| u.rest.push((label, Value::Array(items.map(Clone::clone).to_vec())))));

    assert_eq!(among(X5BAG, [&unreadable, &first, &second]).certificates, [one.clone(), two]);
    assert_eq!(among(X5CHAIN, [&first, &unreadable, &second]).certificates, [one]);
    for label in [X5BAG, X5CHAIN] {
        let nothing = among(label, [&unreadable; 3]);
        assert_eq!((nothing.certificates, nothing.signer), (Vec::new(), SignerId::Unnamed));
    }
    assert_eq!(among(X5CHAIN, [&unreadable, &first, &second]).signer, SignerId::Unnamed);
}

#[test]
fn bag_does_not_stand_in_for_a_chain_that_names_the_signer() {
    let [one, two] = two_certificates();
    let (alone, beside) = (vec![(X5BAG, one.der().into())], vec![(X5CHAIN, two.der().into()), (X5BAG, one.der().into())]);
    for parameters in [alone, beside] {
        let refused = refused(CHAIN, &forged(|p, _| p.rest.extend(parameters)));
        assert_eq!(refused, DecodeError::InvalidField { field: "x5bag", expected: "absent: the signer's certificate travels in x5chain" });
    }
}

#[test]
fn bignum_is_no_label() {
    // {2(h'01'): -7}
    let refused = refused(BAG, &with_protected(&[0xa1, 0xc2, 0x41, 0x01, 0x26]).1);
    assert_eq!(refused, DecodeError::InvalidField { field: "COSE header's label", expected: "a number or a text" });
}

#[test]
fn more_certificates_in_both_together_than_one_may_have_are_refused() {
    let root = Entity::root("Root");
    let many: Vec<Certificate> = (0..MAX_CERTIFICATES).map(|i| root.issue(&format!("Leaf {i}"), SignatureAlgorithm::Es256, |t| t).certificate).collect();
    let wire = |chain: &Certificate| forged(|_, u| u.rest.extend([(X5CHAIN, chain.der().into()), (X5BAG, array(&many))]));
    assert_eq!(refused(BAG, &wire(&root.certificate)), DecodeError::TooLarge { what: "number of certificates", limit: MAX_CERTIFICATES });
    assert_eq!(read(&wire(&many[3])).certificates.len(), MAX_CERTIFICATES);
}

#[test]
fn same_bag_in_both_headers_is_refused() {
    let [one, _] = two_certificates();
    let wire = forged(|p, u| {
        p.rest.push((X5BAG, one.der().into()));
        u.rest.push((X5BAG, one.der().into()));
    });
    assert_eq!(refusal(&wire), DecodeError::DuplicateField { field: "label 32".to_owned(), artefact: "COSE headers" });
}

#[test]
fn optional_type_may_be_absent_but_nothing_else() {
    let outcome = |wire: &[u8]| open("voucher", VOUCHER, CoseCertificates::Bag, wire).map(|_| ());
    let typed = |value: Value| forged(|p, _| p.rest = vec![(TYP, value)]);
    assert_eq!(outcome(&forged(|p, _| p.rest.clear())), Ok(()));
    assert_eq!(outcome(&typed(Format::Cose.voucher_media_type().into())), Ok(()));
    assert_eq!(outcome(&typed(836.into())), Ok(()));
    for wrong in [Value::from("application/voucher-cose+cbor"), "".into(), 835.into(), (-836).into(), Value::Null, Value::Bytes(b"836".to_vec())] {
        assert!(matches!(outcome(&typed(wrong)), Err(VerifyError::Decode { source: DecodeError::Unexpected { what: "typ", .. }, .. })));
    }
    // The number is that of vouchers alone.
    assert!(matches!(refusal(&typed(836.into())), DecodeError::Unexpected { what: "typ", .. }));
}

#[test]
fn parameters_that_nobody_here_knows_are_passed_over() {
    let (registered, text) = ((Label::Int(3), Value::from(836)), (Label::Text("note".to_owned()), Value::Map(vec![(1.into(), 2.into())])));
    let private = (Label::Int(-70_001), Value::Tag(1, Box::new(5.into())));
    let wire = forged(|p, u| {
        p.rest.extend([registered, private.clone()]);
        u.rest.extend([text]);
    });
    assert_eq!(read(&wire).signer, SignerId::Unnamed);
}

#[test]
fn critical_parameter_must_be_known_and_protected() {
    // Algorithm and type, then crit.
    let header = |critical: &str| [&[0xa3, 0x01, 0x26, 0x10, 0x73][..], TYPE.as_bytes(), &[0x02], &crate::codec::unhex("crit", critical).unwrap()].concat();
    for understood in ["8101", "820110", "8110"] {
        assert!(open("statement", Typ::Required(TYPE), CHAIN, &with_protected(&header(understood)).1).is_ok(), "{understood}");
    }
    // None and no array; then labels that nobody knows, that are no label, and that are known but not there.
    for (refused, what) in
        [("80", "crit"), ("01", "crit"), ("8105", "unknown"), ("81616b", "unknown"), ("82011820", "not protected"), ("8104", "not protected")]
    {
        let err = refusal(&with_protected(&header(refused)).1);
        match what {
            "crit" => assert!(matches!(err, DecodeError::InvalidField { field: "crit", .. }), "{refused}"),
            _ => assert!(matches!(err, DecodeError::Unexpected { what: "critical header parameter", .. }), "{refused}"),
        }
    }
}

#[test]
fn too_many_parameters_are_refused() {
    let with = |count: i64| forged(|_, u| u.rest.extend((100..100 + count).map(|label| (Label::Int(label), Value::Null))));
    assert!(open("statement", Typ::Required(TYPE), CHAIN, &with(64)).is_ok());
    assert_eq!(refusal(&with(65)), DecodeError::TooLarge { what: "number of COSE header parameters", limit: 64 });
}

#[test]
fn protected_header_is_checked_in_the_octets_in_which_it_came() {
    // The map has no length, its label 1 is in a roundabout form, and so is the length of the type.
    let octets = [&[0xbf, 0x18, 0x01, 0x26, 0x10, 0x79, 0x00, 0x13][..], TYPE.as_bytes(), &[0xff]].concat();
    let (key, wire) = with_protected(&octets);
    assert!(read(&wire).is_made_by(key.public_key()));
}

#[test]
fn empty_protected_header_names_no_algorithm() {
    for empty in [&[][..], &[0xa0]] {
        let outcome = open("voucher", VOUCHER, CoseCertificates::Bag, &with_protected(empty).1).map(|_| ());
        assert_eq!(outcome, Err(VerifyError::UnsupportedAlgorithm { artefact: "voucher", found: "no COSE algorithm in its protected header".to_owned() }));
    }
}

#[test]
fn protected_header_must_be_one_whole_map() {
    for octets in [&[0x80][..], &[0xa0, 0xa0], &[0xa1, 0x01], &[0xa2, 0x01, 0x26, 0x01, 0x26], &[0xa1, 0x40, 0x26]] {
        assert!(matches!(open("voucher", VOUCHER, CoseCertificates::Bag, &with_protected(octets).1), Err(VerifyError::Decode { .. })), "{octets:02x?}");
    }
}

#[test]
fn ed25519_has_two_numbers_and_others_have_none() {
    let key = new_key(SignatureAlgorithm::EdDsa);
    let outcome = |number: i64| {
        let header = Header { rest: vec![(Label::Int(1), number.into())], ..Header::default() };
        let message = CoseSign1 { protected: ProtectedHeader { original_data: None, header }, payload: Some(PAYLOAD.to_vec()), ..CoseSign1::default() };
        let signature = block_on(key.sign(&message.tbs_data(&[]))).unwrap().fixed().to_vec();
        let opened = open("voucher", VOUCHER, CoseCertificates::Bag, &CoseSign1 { signature, ..message }.to_tagged_vec().unwrap())?;
        opened.signatures[0].check_signature("voucher", key.public_key(), "key")
    };
    for number in [-8, -19] {
        assert_eq!(outcome(number), Ok(()));
    }
    // HMAC, ES512, PS256, Ed448, one of private use, and the least of all.
    for number in [5, -36, -37, -53, -70_001, i64::MIN] {
        assert_eq!(outcome(number), Err(VerifyError::UnsupportedAlgorithm { artefact: "voucher", found: format!("COSE algorithm {number}") }));
    }
}
