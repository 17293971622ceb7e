use super::*;
use crate::provenance::Method;
use crate::provenance::testing::{any_device, full_origin, origin, record, text};

#[test]
fn record_survives_its_encoding() {
    let idevid = any_device();
    for origin in [origin(Method::Avocado), full_origin()] {
        let record = record(&idevid, origin);
        assert_eq!(ProvenanceRecord::from_cbor(&record.to_cbor().unwrap()).unwrap(), record);
    }
}

#[test]
fn map_keys_are_sorted_by_their_encoding() {
    let octets = record(&any_device(), full_origin()).to_cbor().unwrap();
    let value: ciborium::Value = ciborium::from_reader(octets.as_slice()).unwrap();
    let map = value.as_array().unwrap()[1].as_map().unwrap();
    let keys: Vec<&str> = map.iter().map(|(key, _)| key.as_text().unwrap()).collect();
    assert_eq!(keys, ["seq", "salt", "spki", "device", "origin", "status", "recorded-at", "reported-by"]);
}

#[test]
fn digest_is_the_leaf_hash_of_the_encoding() {
    let record = record(&any_device(), origin(Method::Bamboo));
    let leaf = [vec![0], record.to_cbor().unwrap()].concat();
    assert_eq!(record.digest().unwrap().0, crate::codec::sha256(&leaf));
}

#[test]
fn salt_changes_the_digest() {
    let first = record(&any_device(), origin(Method::Bamboo));
    let second = ProvenanceRecord { salt: [6; 16], ..first.clone() };
    assert_ne!(first.digest().unwrap(), second.digest().unwrap());
}

#[test]
fn unsorted_encoding_is_refused() {
    let octets = record(&any_device(), origin(Method::Avocado)).to_cbor().unwrap();
    let mut value: ciborium::Value = ciborium::from_reader(octets.as_slice()).unwrap();
    value.as_array_mut().unwrap()[1].as_map_mut().unwrap().reverse();
    let mut reversed = Vec::new();
    ciborium::into_writer(&value, &mut reversed).unwrap();
    assert!(matches!(ProvenanceRecord::from_cbor(&reversed), Err(DecodeError::Syntax { syntax: "deterministic CBOR", .. })));
}

#[test]
fn record_of_another_version_is_refused() {
    let mut octets = record(&any_device(), origin(Method::Avocado)).to_cbor().unwrap();
    octets[1] = 2;
    assert!(matches!(ProvenanceRecord::from_cbor(&octets), Err(DecodeError::Unexpected { .. })));
}

#[test]
fn damaged_record_is_refused_or_read_but_never_panics() {
    let octets = record(&any_device(), origin(Method::Carrot)).to_cbor().unwrap();
    for end in 0..octets.len() {
        assert!(ProvenanceRecord::from_cbor(&octets[..end]).is_err());
    }
    for index in 0..octets.len() {
        for flip in [0x01, 0x20, 0x80, 0xff] {
            let mut damaged = octets.clone();
            damaged[index] ^= flip;
            // What can still be read is another record with an encoding of its own.
            if let Ok(other) = ProvenanceRecord::from_cbor(&damaged) {
                assert_eq!(other.to_cbor().unwrap(), damaged);
            }
        }
    }
}

#[test]
fn correction_survives_its_encoding() {
    let first = record(&any_device(), origin(Method::Avocado));
    let supersedes = Supersession { record: first.digest().unwrap(), reason: text("wrong batch"), by: "Ada".to_owned() };
    let second = ProvenanceRecord { seq: 1, report: Some(ReportDigest([7; 32])), supersedes: Some(supersedes), ..first };
    assert_eq!(ProvenanceRecord::from_cbor(&second.to_cbor().unwrap()).unwrap(), second);
}
