use ciborium::Value;

use super::*;
use crate::codec::{from_cbor, to_deterministic_cbor};
use crate::log::{Frontier, Plan, ProofError, leaf_hash};
use crate::sign::SoftwareKey;
use crate::test_pki::{block_on, new_key};

const SIZE: u64 = 11;

fn leaf(number: u64) -> Hash {
    leaf_hash(&number.to_be_bytes())
}

fn root(size: u64) -> Hash {
    let mut frontier = Frontier::new();
    (0..size).for_each(|number| drop(frontier.append(leaf(number))));
    frontier.root()
}

fn path(plan: Plan) -> Vec<Hash> {
    let subtree = |level: u8, index: u64| {
        let mut frontier = Frontier::new();
        (index << level..(index + 1) << level).for_each(|number| drop(frontier.append(leaf(number))));
        Ok::<_, ()>(frontier.root())
    };
    plan.path(subtree).unwrap()
}

fn inclusion(leaf_index: u64) -> Inclusion {
    Inclusion { tree_size: SIZE, leaf_index, path: path(Plan::inclusion(leaf_index, SIZE).unwrap()) }
}

fn consistency(old_size: u64) -> Consistency {
    Consistency { old_size, new_size: SIZE, path: path(Plan::consistency(old_size, SIZE).unwrap()) }
}

fn included(index: u64, key: &SoftwareKey) -> Receipt {
    block_on(Receipt::of_inclusion(inclusion(index), &leaf(index), &root(SIZE), key).unwrap().sign(key)).unwrap()
}

fn consistent(old_size: u64, key: &SoftwareKey) -> Receipt {
    block_on(Receipt::of_consistency(consistency(old_size), &root(old_size), &root(SIZE), key).unwrap().sign(key)).unwrap()
}

fn key() -> SoftwareKey {
    new_key(SignatureAlgorithm::Es256)
}

/// The four items of a receipt.
fn items(receipt: &Receipt) -> Vec<Value> {
    match from_cbor("receipt", receipt.wire()).unwrap() {
        Value::Tag(18, inner) => inner.into_array().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn tagged(tag: u64, items: Vec<Value>) -> Vec<u8> {
    to_deterministic_cbor("receipt", &Value::Tag(tag, Box::new(Value::Array(items)))).unwrap()
}

/// A receipt with this in the place of its item.
fn altered(receipt: &Receipt, item: usize, value: Value) -> Result<Receipt, DecodeError> {
    let mut items = items(receipt);
    items[item] = value;
    Receipt::from_wire(&tagged(18, items))
}

fn encoded(value: Value) -> Value {
    Value::Bytes(to_deterministic_cbor("item", &value).unwrap())
}

fn map<const N: usize>(entries: [(i64, Value); N]) -> Value {
    Value::Map(entries.into_iter().map(|(label, value)| (label.into(), value)).collect())
}

/// An unprotected header with this proof.
fn proof(kind: i64, proof: Value) -> Value {
    map([(396, map([(kind, Value::Array(vec![encoded(proof)]))]))])
}

#[test]
fn every_entry_has_a_receipt_with_keys_of_every_kind() {
    for algorithm in [SignatureAlgorithm::Es256, SignatureAlgorithm::Es384, SignatureAlgorithm::EdDsa] {
        let key = new_key(algorithm);
        for index in 0..SIZE {
            let receipt = Receipt::from_wire(included(index, &key).wire()).unwrap();
            let verified = receipt.verify_inclusion(&leaf(index), key.public_key()).unwrap();
            assert_eq!(verified, VerifiedInclusion { tree_size: SIZE, leaf_index: index, root: root(SIZE) });
        }
    }
}

#[test]
fn every_older_tree_has_a_receipt() {
    let key = key();
    for old in 1..SIZE {
        let receipt = consistent(old, &key);
        assert_eq!(receipt.verify_consistency(old, &root(old), key.public_key()), Ok(VerifiedConsistency { tree_size: SIZE, root: root(SIZE) }));
        let other = receipt.verify_consistency(old, &root(SIZE), key.public_key());
        assert!(matches!(other, Err(VerifyError::BadProof { artefact: "receipt", source: ProofError::WrongOldRoot | ProofError::WrongRoot })));
        assert!(receipt.verify_consistency(old + 1, &root(old), key.public_key()).is_err());
    }
}

#[test]
fn receipt_is_laid_out_as_the_specification_has_it() {
    let key = key();
    let [protected, unprotected, payload, _] = <[Value; 4]>::try_from(items(&included(3, &key))).unwrap();
    let spki = key.public_key().digest();
    assert_eq!(protected, encoded(map([(1, (-7).into()), (4, spki.0.as_slice().into()), (395, 1.into())])));
    let hashes = inclusion(3).path.iter().map(|h| Value::from(h.as_bytes().as_slice())).collect();
    assert_eq!(unprotected, proof(-1, Value::Array(vec![SIZE.into(), 3.into(), Value::Array(hashes)])));
    assert_eq!(payload, Value::Null);

    let [_, unprotected, payload, _] = <[Value; 4]>::try_from(items(&consistent(6, &key))).unwrap();
    let hashes = consistency(6).path.iter().map(|h| Value::from(h.as_bytes().as_slice())).collect();
    assert_eq!(unprotected, proof(-2, Value::Array(vec![6.into(), SIZE.into(), Value::Array(hashes)])));
    assert_eq!(payload, root(SIZE).as_bytes().as_slice().into());
}

#[test]
fn receipt_is_a_message_that_another_implementation_verifies() {
    use coset::TaggedCborSerializable as _;
    let key = key();
    let scheme = SignatureScheme::Fixed(SignatureAlgorithm::Es256);
    let verify = |signature: &[u8], signed: &[u8]| key.public_key().verifies(scheme, signed, signature).then_some(()).ok_or(());
    let included = coset::CoseSign1::from_tagged_slice(included(3, &key).wire()).unwrap();
    assert_eq!(included.verify_detached_signature(root(SIZE).as_bytes(), &[], verify), Ok(()));
    let consistent = coset::CoseSign1::from_tagged_slice(consistent(6, &key).wire()).unwrap();
    assert_eq!(consistent.verify_signature(&[], verify), Ok(()));
}

#[test]
fn signature_of_one_tree_serves_all_its_receipts() {
    let key = key();
    let draft = |index| Receipt::of_inclusion(inclusion(index), &leaf(index), &root(SIZE), &key).unwrap();
    assert_eq!(draft(0).to_be_signed(), draft(7).to_be_signed());
    let signature = block_on(key.sign(draft(0).to_be_signed())).unwrap();
    assert!(draft(7).attach(&signature).unwrap().verify_inclusion(&leaf(7), key.public_key()).is_ok());
}

#[test]
fn entry_that_is_not_in_the_log_has_no_receipt() {
    let key = key();
    let (receipt, stranger) = (included(3, &key), leaf(99));
    assert!(matches!(receipt.verify_inclusion(&stranger, key.public_key()), Err(VerifyError::BadSignature { artefact: "receipt", .. })));
    assert!(matches!(receipt.verify_inclusion(&leaf(4), key.public_key()), Err(VerifyError::BadSignature { .. })));
}

#[test]
fn receipt_of_another_log_is_refused() {
    let receipt = included(3, &key());
    for algorithm in [SignatureAlgorithm::Es256, SignatureAlgorithm::EdDsa] {
        let outcome = receipt.verify_inclusion(&leaf(3), new_key(algorithm).public_key());
        assert!(matches!(outcome, Err(VerifyError::BadSignature { artefact: "receipt", .. })));
    }
}

#[test]
fn no_octet_of_a_receipt_can_change() {
    let key = new_key(SignatureAlgorithm::EdDsa);
    let wire = included(3, &key).wire().to_vec();
    for i in 0..wire.len() {
        for bit in [1, 0x80] {
            let mut changed = wire.clone();
            changed[i] ^= bit;
            let outcome = Receipt::from_wire(&changed).map(|receipt| receipt.verify_inclusion(&leaf(3), key.public_key()));
            assert!(!matches!(outcome, Ok(Ok(VerifiedInclusion { tree_size: SIZE, leaf_index: 3, .. }))), "octet {i}");
        }
        assert!(Receipt::from_wire(&wire[..i]).is_err());
    }
}

#[test]
fn root_may_be_attached_but_not_another_one() {
    let key = key();
    let attached = altered(&included(3, &key), 2, root(SIZE).as_bytes().as_slice().into()).unwrap();
    assert!(attached.verify_inclusion(&leaf(3), key.public_key()).is_ok());
    let detached = altered(&consistent(6, &key), 2, Value::Null).unwrap();
    assert!(detached.verify_consistency(6, &root(6), key.public_key()).is_ok());
    let other = altered(&included(3, &key), 2, root(4).as_bytes().as_slice().into()).unwrap();
    assert_eq!(other.verify_inclusion(&leaf(3), key.public_key()), Err(VerifyError::BadProof { artefact: "receipt", source: ProofError::WrongRoot }));
}

#[test]
fn receipt_of_one_kind_is_not_taken_for_the_other() {
    let key = key();
    assert!(matches!(included(3, &key).verify_consistency(3, &root(3), key.public_key()), Err(VerifyError::Decode { artefact: "receipt", .. })));
    assert!(matches!(consistent(3, &key).verify_inclusion(&leaf(3), key.public_key()), Err(VerifyError::Decode { artefact: "receipt", .. })));
}

#[test]
fn log_does_not_sign_what_it_cannot_prove() {
    let key = key();
    assert!(Receipt::of_inclusion(inclusion(3), &leaf(4), &root(SIZE), &key).is_err());
    assert!(Receipt::of_inclusion(inclusion(3), &leaf(3), &root(SIZE - 1), &key).is_err());
    assert!(Receipt::of_consistency(consistency(3), &root(3), &root(4), &key).is_err());
    // What has an empty path cannot be said by a receipt.
    let only = Inclusion { tree_size: 1, leaf_index: 0, path: Vec::new() };
    assert!(Receipt::of_inclusion(only, &leaf(0), &leaf(0), &key).is_err());
    let same = Consistency { old_size: 3, new_size: 3, path: Vec::new() };
    assert!(Receipt::of_consistency(same, &root(3), &root(3), &key).is_err());
}

#[test]
fn signature_of_another_algorithm_is_not_attached() {
    let (key, other) = (key(), new_key(SignatureAlgorithm::EdDsa));
    let draft = Receipt::of_inclusion(inclusion(3), &leaf(3), &root(SIZE), &key).unwrap();
    let signature = block_on(other.sign(draft.to_be_signed())).unwrap();
    assert!(draft.attach(&signature).is_err());
}

#[test]
fn proofs_of_other_shapes_are_refused() {
    let receipt = included(3, &key());
    let hash = || Value::Bytes(vec![7; 32]);
    let array = |items: Vec<Value>| Value::Array(items);
    let good = || array(vec![11.into(), 3.into(), array(vec![hash(); 64])]);
    assert!(altered(&receipt, 1, proof(-1, good())).is_ok());
    let bad = [
        array(vec![11.into(), 3.into(), array(vec![hash(); 65])]),
        array(vec![11.into(), 3.into(), array(vec![])]),
        array(vec![11.into(), 3.into(), array(vec![Value::Bytes(vec![7; 31])])]),
        array(vec![11.into(), 3.into(), hash()]),
        array(vec![11.into(), (-3).into(), array(vec![hash()])]),
        array(vec![11.into(), "3".into(), array(vec![hash()])]),
        array(vec![11.into(), 3.into()]),
        array(vec![11.into(), 3.into(), array(vec![hash()]), 0.into()]),
        11.into(),
    ];
    for bad in bad {
        assert!(altered(&receipt, 1, proof(-1, bad.clone())).is_err(), "{bad:?}");
    }
    assert!(altered(&receipt, 1, proof(-3, good())).is_err());
    for several in [vec![], vec![encoded(good()), encoded(good())], vec![good()]] {
        assert!(altered(&receipt, 1, map([(396, map([(-1, Value::Array(several))]))])).is_err());
    }
    let both = map([(-1, array(vec![encoded(good())])), (-2, array(vec![encoded(good())]))]);
    assert!(altered(&receipt, 1, map([(396, both)])).is_err());
    assert_eq!(altered(&receipt, 1, map([])), Err(DecodeError::MissingField { field: "vdp", artefact: "receipt's unprotected header" }));
}

#[test]
fn headers_that_say_too_little_or_too_much_are_refused() {
    let receipt = included(3, &key());
    let protected = |entries: Vec<(i64, Value)>| encoded(Value::Map(entries.into_iter().map(|(l, v)| (l.into(), v)).collect()));
    let alg = || (1, Value::from(-7));
    // Other parameters may stand there, such as CWT claims.
    assert!(altered(&receipt, 0, protected(vec![alg(), (4, Value::Bytes(b"test-key-1".to_vec())), (15, map([])), (395, 1.into())])).is_ok());
    assert!(altered(&receipt, 0, protected(vec![alg(), (395, 1.into())])).is_ok_and(|r| r.key_id().is_none()));
    for bad in [
        vec![alg()],
        vec![alg(), (395, 2.into())],
        vec![alg(), (395, "1".into())],
        vec![(395, 1.into())],
        vec![(1, (-257).into()), (395, 1.into())],
        vec![alg(), (2, Value::Array(vec![395.into()])), (395, 1.into())],
        vec![alg(), (395, 1.into()), (396, 0.into())],
        vec![alg(), (4, "text".into()), (395, 1.into())],
    ] {
        assert!(altered(&receipt, 0, protected(bad.clone())).is_err(), "{bad:?}");
    }
    assert!(altered(&receipt, 0, Value::Bytes(Vec::new())).is_err());
    for label in [1, 2, 395] {
        let unprotected = items(&receipt).swap_remove(1).into_map().unwrap();
        let added = [unprotected, vec![(label.into(), 1.into())]].concat();
        assert!(altered(&receipt, 1, Value::Map(added)).is_err(), "{label}");
    }
}

#[test]
fn other_messages_are_no_receipts() {
    let receipt = included(3, &key());
    for tag in [17, 61, 98] {
        assert!(Receipt::from_wire(&tagged(tag, items(&receipt))).is_err());
    }
    assert!(Receipt::from_wire(&receipt.wire()[1..]).is_err());
    assert!(Receipt::from_wire(&tagged(18, items(&receipt)[..3].to_vec())).is_err());
    assert!(Receipt::from_wire(&[receipt.wire(), &[0]].concat()).is_err());
    assert!(altered(&receipt, 2, Value::Bytes(vec![0; 31])).is_err());
    assert!(altered(&receipt, 2, Value::Bool(false)).is_err());
    assert!(altered(&receipt, 3, Value::Bytes(vec![0; 63])).is_err());
    assert_eq!(Receipt::from_wire(&[0; 8193]), Err(DecodeError::TooLarge { what: "size of the receipt in octets", limit: 8192 }));
}

#[test]
fn receipt_travels_with_a_statement_whose_signature_still_holds() {
    use crate::provenance::testing::{any_device, origin, statement};
    use crate::provenance::{Disclosure, Method};
    use crate::signed::{SignedBy, SigningParty, Verifier};
    use crate::{Format, ProvenanceStatement, Signed};

    let signer = crate::test_pki::Entity::root("Provenance");
    let party = SigningParty::with_chain(vec![signer.certificate.clone()], std::sync::Arc::new(signer.key.clone()));
    let statement = statement(&any_device(), origin(Method::Avocado), Disclosure::Customer);
    let sealed = block_on(party.seal(&statement, Format::Cose)).unwrap();
    let log = key();
    let (first, second) = (included(3, &log), consistent(4, &log));
    let wire = with_receipt(&with_receipt(sealed.wire(), &first).unwrap(), &second).unwrap();
    assert_eq!(receipts_of(&wire).unwrap(), [first, second]);
    assert_eq!(receipts_of(sealed.wire()).unwrap(), []);

    let carried = Signed::<ProvenanceStatement>::from_wire(Format::Cose, wire);
    let verifier = Verifier::strict(SignedBy::Holder(&signer.certificate));
    assert_eq!(*carried.verify(&verifier, crate::time::at(crate::test_pki::NOW)).unwrap().get(), statement);
}

#[test]
fn malformed_receipt_of_a_statement_is_not_passed_over() {
    let wire = crate::codec::unhex("statement", "d28440a119018a81410041014102").unwrap();
    assert!(receipts_of(&wire).is_err());
}
