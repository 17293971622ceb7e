use super::*;
use crate::identity::{KeyIdentifier, SerialNumber};
use crate::provenance::testing::{any_device, full_origin, origin, record, text};
use crate::provenance::{Basis, EvidenceType, FindingResult, Method};

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

/// A record whose every octet is known: those that are in logs from before evidence was appraised have this form.
fn fixed() -> ProvenanceRecord {
    let device = DeviceId { issuer: KeyIdentifier::new([0xaa; 20]).unwrap(), serial: SerialNumber::new("JADA123456789").unwrap() };
    ProvenanceRecord { device, spki: SpkiDigest([7; 32]), ..record(&any_device(), origin(Method::Salak)) }
}

#[test]
fn record_without_findings_has_the_leaf_that_it_always_had() {
    assert_eq!(fixed().digest().unwrap().to_string(), "44d0725a022ab613814a1a7824aa4018a2ea0352cc6b836dc9880bbc9d376b24");
}

#[test]
fn record_with_findings_survives_its_encoding_and_is_another_leaf() {
    let kind = EvidenceType::new("2.23.133.20.1").unwrap();
    let supports =
        Finding { kind: kind.clone(), result: FindingResult::Supports, attester: Some("Vendor (CN=AK)".to_owned()), basis: Some(Basis::KeyAttestation) };
    let unknown = Finding { kind, result: FindingResult::NotUnderstood, attester: None, basis: None };
    let record = ProvenanceRecord { findings: vec![supports, unknown], ..fixed() };
    assert_eq!(ProvenanceRecord::from_cbor(&record.to_cbor().unwrap()).unwrap(), record);
    assert_ne!(record.digest().unwrap(), fixed().digest().unwrap());
}
