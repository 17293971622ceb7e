use ciborium::Value;

use super::*;
use crate::codec;
use crate::identity::{KeyIdentifier, SerialNumber};
use crate::provenance::testing::{any_device, device, full_origin, origin, record, statement, text};
use crate::provenance::{Fact, KeyOrigin, Overrides, Quantity, SplitReveal};
use crate::sign::{KeyKind, SignatureAlgorithm};
use crate::test_pki::NOW;
use crate::time::at;

fn encoded(statement: &ProvenanceStatement) -> Vec<u8> {
    statement.encode(Format::Cose).unwrap()
}

fn decoded(octets: &[u8]) -> Result<ProvenanceStatement, DecodeError> {
    ProvenanceStatement::decode(octets, Format::Cose, &crate::leniency::Reading::default())
}

/// A statement whose every octet is known.
fn fixed() -> ProvenanceStatement {
    let key = PublicKey::from_raw(KeyKind::Ed25519, &[7; 32]).unwrap();
    ProvenanceStatement {
        issuer: "masa.example.com".to_owned(),
        device: DeviceId { issuer: KeyIdentifier::new([0xaa; 20]).unwrap(), serial: SerialNumber::new("JADA123456789").unwrap() },
        spki: key.digest(),
        public_key: Some(key),
        issued_at: at(NOW - 800),
        expires_at: None,
        id: vec![9; 16],
        seq: 3,
        status: Status::Valid,
        record: RecordDigest([0xbb; 32]),
        audited: None,
        method: Method::Salak,
        source: Source::GeneratedOnDevice,
        protection: Protection::NonExtractable,
        locus: Locus::SecureElement,
        certificate_transfer: Some(Transfer::NetworkTransferred),
        private_transfer: Some(Transfer::None),
        se_generation: None,
        lock: Some(Lock::Fuse),
        basis: Basis::KeyAttestation,
        evidence: Some(FindingResult::Supports),
        seed_copies_destroyed: None,
        made_at: Some(at(NOW - 1000)),
        key_retained: Some(false),
        co_generation: Some(Quorum { parties: 3 }),
        site: None,
        line: None,
        station: None,
        batch: None,
        answers: Answers { identity_pki_level: 3.try_into().ok(), identity_number_per_subordinate: Some(Quantity::UNLIMITED), ..Answers::default() },
    }
}

// Made by Python's cbor2 from the same values.
const FIXED: &str = "a701706d6173612e6578616d706c652e636f6d026d4a414441313233343536373839061a6ab1386007500909090909090909090909090909090908a101a301012006\
215820070707070707070707070707070707070707070707070707070707070707070719010978277461673a6272736b692e6578616d706c652c323032363a6b65792d70726f76656e616e6365\
23313a00011170b20158205d2d7a2942537f03ce7c388afb54861fbcf87f4854b9c0dacb6db3a81704dea30254aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0303040405030605070508\
0409010b030c040dc11a6ab137980ea206030869756e6c696d697465640ff41100125820bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb13a10103181803";

#[test]
fn another_implementation_encodes_the_same_octets() {
    assert_eq!(codec::hex(&encoded(&fixed())), FIXED);
    assert_eq!(decoded(&encoded(&fixed())).unwrap(), fixed());
}

#[test]
fn view_of_every_level_survives_its_encoding() {
    for algorithm in [SignatureAlgorithm::Es256, SignatureAlgorithm::Es384, SignatureAlgorithm::EdDsa] {
        let (idevid, _) = device("JADA123456789", algorithm);
        for level in Disclosure::ALL {
            let view = statement(&idevid, full_origin(), *level);
            assert!(view.public_key.is_some());
            assert_eq!(decoded(&encoded(&view)).unwrap(), view);
        }
    }
}

#[test]
fn key_without_cose_form_is_named_by_its_digest() {
    let rsa = PublicKey::from_raw(KeyKind::Rsa, &[0x30, 6, 2, 1, 3, 2, 1, 3]).unwrap();
    let about_rsa = ProvenanceStatement { spki: rsa.digest(), ..record_view(&rsa) };
    assert_eq!(about_rsa.public_key, None);
    assert_eq!(decoded(&encoded(&about_rsa)).unwrap(), about_rsa);
}

fn record_view(key: &PublicKey) -> ProvenanceStatement {
    let about = ProvenanceRecord { spki: key.digest(), ..record(&any_device(), origin(Method::Avocado)) };
    ProvenanceStatement::view(&about, key, "masa.example.com", Disclosure::Public, [9; 16], at(NOW)).unwrap()
}

#[test]
fn view_of_a_record_of_another_key_is_refused() {
    let other = PublicKey::from_raw(KeyKind::Ed25519, &[7; 32]).unwrap();
    let about = record(&any_device(), origin(Method::Avocado));
    assert!(ProvenanceStatement::view(&about, &other, "masa.example.com", Disclosure::Public, [9; 16], at(NOW)).is_err());
}

#[test]
fn public_does_not_see_what_is_for_customers_and_auditors() {
    let view = statement(&any_device(), full_origin(), Disclosure::Public);
    assert_eq!((view.lock, view.made_at), (None, None));
    assert_eq!((view.site, view.line, view.station, view.batch), (None, None, None, None));
    assert_eq!(view.answers.identity_anchor_storage, None);
    assert_eq!(view.private_transfer, Some(Transfer::NetworkTransferred));
}

#[test]
fn customer_sees_the_lock_and_what_the_manufacturer_opened() {
    let view = statement(&any_device(), full_origin(), Disclosure::Customer);
    assert_eq!(view.lock, Some(Lock::Fuse));
    assert_eq!(view.batch, Some(text("2026-30")), "full_origin opens it");
    assert_eq!(view.site, None);
    assert_eq!(view.answers.first_stage_exposure, None);
    assert_eq!(view.answers.pki_breadth, None, "full_origin closes it");
}

#[test]
fn auditor_sees_where_it_was_made() {
    let view = statement(&any_device(), full_origin(), Disclosure::Auditor);
    assert_eq!((view.site, view.line, view.station), (Some(text("Basel")), Some(text("3")), Some(text("3-b"))));
    assert_eq!(view.answers.first_stage_exposure, None);
}

#[test]
fn number_of_parties_stays_with_the_manufacturer_unless_it_decided_otherwise() {
    let told = |origin: &KeyOrigin, level| statement(&any_device(), origin.clone(), level).co_generation;
    let origin = full_origin();
    assert_eq!(told(&origin, Disclosure::Auditor), None);
    assert_eq!(told(&origin, Disclosure::Internal), Some(Quorum { parties: 3 }));
    let opened = Overrides([(Fact::CoGeneration.into(), Disclosure::Public)].into());
    assert_eq!(told(&KeyOrigin { disclosure: opened, ..origin }, Disclosure::Public), Some(Quorum { parties: 3 }));
}

#[test]
fn statement_of_earlier_times_that_told_a_threshold_is_read_without_it() {
    let earlier = FIXED.replace("13a10103", "13a201030202");
    assert_eq!(decoded(&codec::unhex("statement", &earlier).unwrap()).unwrap(), fixed());
}

#[test]
fn n_minus_k_that_tells_both_is_in_no_view_for_others() {
    let idevid = any_device();
    let origin = KeyOrigin { split: SplitReveal::MinimalMajority, ..full_origin() };
    for level in [Disclosure::Public, Disclosure::Customer, Disclosure::Auditor] {
        assert_eq!(statement(&idevid, origin.clone(), level).answers.identity_shared_split_extra, None);
    }
}

#[test]
fn fact_can_be_closed_to_customers() {
    let mut closed = origin(Method::Bamboo);
    closed.disclosure = Overrides([(Fact::PrivateTransfer.into(), Disclosure::Auditor)].into());
    let idevid = any_device();
    assert_eq!(statement(&idevid, closed.clone(), Disclosure::Customer).private_transfer, None);
    assert_eq!(statement(&idevid, closed, Disclosure::Auditor).private_transfer, Some(Transfer::MechanicallyInstalled));
}

#[test]
fn every_view_carries_the_same_digest() {
    let idevid = any_device();
    let digests = Disclosure::ALL.iter().map(|level| statement(&idevid, full_origin(), *level).record);
    let digest = record(&idevid, full_origin()).digest().unwrap();
    assert!(digests.into_iter().all(|d| d == digest));
}

#[test]
fn statement_is_bound_to_key_serial_and_issuer() {
    let idevid = any_device();
    let said = statement(&idevid, origin(Method::Avocado), Disclosure::Customer);
    assert_eq!(said.check_binding(&idevid), Ok(()));

    let mismatch = |said: ProvenanceStatement| match said.check_binding(&idevid) {
        Err(Refusal::StatementMismatch { what, .. }) => what,
        other => panic!("expected a mismatch, found {other:?}"),
    };
    assert_eq!(mismatch(ProvenanceStatement { spki: SpkiDigest([1; 32]), ..said.clone() }), "key");
    let serial = DeviceId { serial: SerialNumber::new("OTHER").unwrap(), ..said.device.clone() };
    assert_eq!(mismatch(ProvenanceStatement { device: serial, ..said.clone() }), "serial-number");
    let issuer = DeviceId { issuer: KeyIdentifier::new([1; 20]).unwrap(), ..said.device.clone() };
    assert_eq!(mismatch(ProvenanceStatement { device: issuer, ..said }), "idevid-issuer");
}

/// What comes of the fixed statement after `change` to its claims and to its key-provenance map.
fn changed(change: impl FnOnce(&mut Vec<(Value, Value)>)) -> Result<ProvenanceStatement, DecodeError> {
    let mut claims: Value = ciborium::from_reader(encoded(&fixed()).as_slice()).unwrap();
    change(claims.as_map_mut().unwrap());
    decoded(&plain(&claims))
}

fn changed_inside(change: impl FnOnce(&mut Vec<(Value, Value)>)) -> Result<ProvenanceStatement, DecodeError> {
    changed(|claims| change(claims.last_mut().unwrap().1.as_map_mut().unwrap()))
}

fn plain(value: &Value) -> Vec<u8> {
    let mut octets = Vec::new();
    ciborium::into_writer(value, &mut octets).unwrap();
    octets
}

fn set(map: &mut Vec<(Value, Value)>, key: i64, value: impl Into<Value>) {
    map.retain(|(k, _)| *k != key.into());
    map.push((key.into(), value.into()));
}

#[test]
fn unknown_claims_and_keys_are_ignored() {
    assert_eq!(changed(|claims| claims.insert(0, (256.into(), Value::Bytes(vec![1; 7])))).unwrap(), fixed());
    assert_eq!(changed(|claims| claims.insert(0, ("later".into(), true.into()))).unwrap(), fixed());
    assert_eq!(changed_inside(|map| set(map, 99, "later")).unwrap(), fixed());
}

#[test]
fn doubled_key_is_refused() {
    assert!(matches!(changed(|claims| claims.push(claims[0].clone())), Err(DecodeError::DuplicateField { .. })));
    assert!(matches!(changed_inside(|map| map.push(map[0].clone())), Err(DecodeError::DuplicateField { .. })));
}

#[test]
fn missing_claim_is_named() {
    for (key, name) in [(1, "iss"), (2, "sub"), (6, "iat"), (7, "cti"), (8, "cnf"), (265, "eat_profile"), (-70_001, "key-provenance")] {
        match changed(|claims| claims.retain(|(k, _)| *k != key.into())) {
            Err(DecodeError::MissingField { field, .. }) => assert_eq!(field, name),
            other => panic!("expected {name} to be missed, found {other:?}"),
        }
    }
}

#[test]
fn wrong_type_is_named() {
    let wrong = [(3, "seq"), (4, "method"), (12, "basis"), (15, "key-retained"), (18, "record"), (19, "co-generation"), (24, "evidence")];
    for (key, name) in wrong {
        match changed_inside(|map| set(map, key, "text")) {
            Err(DecodeError::InvalidField { field, .. }) => assert_eq!(field, name),
            other => panic!("expected {name} to be invalid, found {other:?}"),
        }
    }
}

#[test]
fn number_that_no_method_has_is_refused() {
    assert!(matches!(changed_inside(|map| set(map, 4, 6)), Err(DecodeError::InvalidField { field: "method", .. })));
}

#[test]
fn result_of_evidence_that_nothing_has_is_refused() {
    for number in [0, 4] {
        assert!(matches!(changed_inside(|map| set(map, 24, number)), Err(DecodeError::InvalidField { field: "evidence", .. })));
    }
}

#[test]
fn of_several_findings_the_best_is_told_and_of_none_nothing() {
    use crate::provenance::{EvidenceType, Finding};
    let finding = |result| Finding { kind: EvidenceType::new("2.999.1").unwrap(), result, attester: None, basis: None };
    let idevid = any_device();
    let told = |findings: Vec<Finding>| {
        let record = ProvenanceRecord { findings, ..record(&idevid, origin(Method::Salak)) };
        let key = idevid.certificate().public_key();
        ProvenanceStatement::view(&record, &key, "masa.example.com", Disclosure::Public, [9; 16], at(NOW)).unwrap().evidence
    };
    assert_eq!(told(vec![]), None);
    assert_eq!(told(vec![finding(FindingResult::NotUnderstood)]), Some(FindingResult::NotUnderstood));
    let all = [FindingResult::Silent, FindingResult::Supports, FindingResult::NotUnderstood].map(finding);
    assert_eq!(told(all.to_vec()), Some(FindingResult::Supports));
}

#[test]
fn statement_of_another_profile_is_refused() {
    let other = |claims: &mut Vec<(Value, Value)>| set(claims, 265, "tag:other.example,2026:x");
    assert!(matches!(changed(other), Err(DecodeError::Unexpected { what: "eat_profile", .. })));
}

#[test]
fn key_that_is_not_the_digest_s_is_refused() {
    let other = |map: &mut Vec<(Value, Value)>| set(map, 1, vec![1; 32]);
    assert!(matches!(changed_inside(other), Err(DecodeError::InvalidField { field: "cnf", .. })));
}

#[test]
fn date_is_read_as_text_too() {
    let date = Value::Tag(0, Box::new("2026-09-21T12:33:20Z".into()));
    let read = changed_inside(|map| set(map, 13, date)).unwrap();
    assert_eq!(read.made_at, Some(crate::time::from_rfc3339("made-at", "2026-09-21T12:33:20Z").unwrap()));
}

#[test]
fn indefinite_length_and_trailing_octets_are_refused() {
    let octets = encoded(&fixed());
    let indefinite = [&[0xbf], &octets[1..], &[0xff]].concat();
    assert!(matches!(decoded(&indefinite), Err(DecodeError::Syntax { .. })));
    assert!(matches!(decoded(&[octets, vec![0]].concat()), Err(DecodeError::Syntax { .. })));
}

#[test]
fn bottomless_nesting_is_refused() {
    assert!(matches!(decoded(&[0x81; 60_000]), Err(DecodeError::Syntax { .. })));
}

#[test]
fn huge_announced_length_is_refused() {
    assert!(decoded(&[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
    assert!(decoded(&[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
}

#[test]
fn damaged_statement_is_refused_or_read_but_never_panics() {
    let octets = encoded(&statement(&any_device(), full_origin(), Disclosure::Internal));
    for end in 0..octets.len() {
        assert!(decoded(&octets[..end]).is_err());
    }
    for index in 0..octets.len() {
        for flip in [0x01, 0x20, 0x80, 0xff] {
            let mut damaged = octets.clone();
            damaged[index] ^= flip;
            if let Ok(read) = decoded(&damaged) {
                assert_eq!(decoded(&encoded(&read)).unwrap(), read);
            }
        }
    }
}

#[test]
fn statement_has_no_form_but_cose() {
    assert!(fixed().encode(Format::Jws).is_err());
    assert!(ProvenanceStatement::decode(&encoded(&fixed()), Format::Cms, &crate::leniency::Reading::default()).is_err());
}
