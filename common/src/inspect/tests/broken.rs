//! What cannot be decoded is told in its decoder's words, and shown as far as it goes.

use std::sync::Arc;

use ciborium::Value as Cbor;
use serde_json::{Value as Json, json};

use super::artefacts::{World, changed, octets, path, receipt, sealed};
use super::*;
use crate::asn1::element;
use crate::codec::{base64, base64url};
use crate::envelope::Format;
use crate::leniency::Leniencies;
use crate::log::{Hash, Inclusion, Receipt, leaf_hash, node_hash, with_receipt};
use crate::provenance::testing::origin;
use crate::provenance::{KeyOrigin, ManufactureReport, Method, Source};
use crate::sign::{SignatureAlgorithm, Signer as _};
use crate::signed::SigningParty;
use crate::test_pki::{block_on, new_key};

/// A JWS after `change` of its protected header.
fn with_header(wire: &[u8], change: impl FnOnce(&mut Json)) -> String {
    let mut document: Json = serde_json::from_slice(wire).unwrap();
    let text = document["signatures"][0]["protected"].as_str().unwrap().to_owned();
    let mut header = serde_json::from_slice(&crate::codec::unbase64url("test", &text).unwrap()).unwrap();
    change(&mut header);
    document["signatures"][0]["protected"] = base64url(header.to_string().as_bytes()).into();
    document.to_string()
}

#[test]
fn elements_of_the_right_shape_that_cannot_be_read_are_told() {
    let (sequence, integer, bits) = (element(0x30, &[]), element(2, &[0]), element(3, &[0]));
    let certificate = element(0x30, &[integer.clone(), sequence.clone(), sequence.clone(), sequence.clone(), sequence.clone()].concat());
    let request = element(0x30, &[integer, sequence.clone(), sequence.clone(), element(0xa0, &[])].concat());
    for (parts, kind) in [
        (vec![certificate, sequence.clone(), bits.clone()], Kind::Certificate),
        (vec![request, sequence.clone(), bits.clone()], Kind::CertificationRequest),
        (vec![sequence, bits], Kind::PublicKey),
    ] {
        let shown = inspect(&element(0x30, &parts.concat()), &plain());
        assert_eq!((shown.kind, shown.deviations.len()), (kind, 1), "{shown}");
    }
}

#[test]
fn certificates_in_an_envelope_that_are_none_are_told_and_the_leaves_are_shown() {
    let world = World::new();
    let signer = world.voucher_signer.party(&[&world.masa]);
    let cose = changed(sealed(&signer, &world.voucher(), Format::Cose).wire(), |parts| parts[1] = Cbor::Map(vec![(32.into(), vec![1, 2, 3].into())]));
    let jws = sealed(&signer, &world.voucher(), Format::Jws);
    let no_base64 = with_header(jws.wire(), |header| header["x5c"] = json!(["!"]));
    let no_certificate = with_header(jws.wire(), |header| header["x5c"] = json!([base64(b"abc")]));
    let cases = [
        (cose.as_slice(), "(RFC 9360, section 2)"),
        (no_base64.as_bytes(), "x5c is not valid base64"),
        (no_certificate.as_bytes(), "certificate is not valid"),
    ];
    for (octets, words) in cases {
        let shown = inspect(octets, &plain());
        assert_eq!((shown.kind, shown.value("serial-number")), (Kind::Voucher, Some(&"JADA123456789".into())));
        assert_told(&shown, &[words]);
    }
}

#[test]
fn jws_without_its_parts_is_told() {
    for (document, words) in [
        (json!({ "payload": "", "signatures": [] }), "the first signature"),
        (json!({ "payload": "", "signatures": 1 }), "the array of signatures"),
        (json!({ "payload": "", "signatures": [{}] }), "the protected header"),
        (json!({ "payload": "!", "signatures": [{ "protected": base64url(b"{}") }] }), "the payload"),
    ] {
        let shown = inspect(document.to_string().as_bytes(), &plain());
        assert!(!shown.is_recognised());
        assert_told(&shown, &[words]);
    }
}

#[test]
fn statement_that_cannot_be_decoded_is_told_and_its_claims_are_shown() {
    let world = World::new();
    let claims = octets(&Cbor::Map(vec![(1.into(), "masa.example.com".into()), ((-70_001).into(), Cbor::Map(vec![]))]));
    let statement = changed(world.statement().wire(), |parts| parts[2] = claims.into());
    let shown = inspect(&statement, &plain());
    assert_eq!((shown.kind, &shown.value("claims").unwrap()["1"]), (Kind::ProvenanceStatement, &json!("masa.example.com")));
    assert!(!shown.deviations.is_empty());
}

#[test]
fn statement_shows_the_receipts_that_came_with_it() {
    let (inclusion, _) = receipt(-1, &[8.into(), 3.into(), path()], None);
    let receipts =
        |several: Vec<Cbor>| changed(World::new().statement().wire(), |parts| parts[1].as_map_mut().unwrap().push((394.into(), Cbor::Array(several))));
    let shown = inspect(&receipts(vec![inclusion.into(), vec![0].into()]), &plain());
    let kinds: Vec<Kind> = shown.nested.iter().filter(|nested| nested.name.starts_with("receipt")).map(|nested| nested.inspection.kind).collect();
    assert_eq!(kinds, [Kind::ReceiptOfInclusion, Kind::Unknown]);
}

#[test]
fn receipt_of_a_statement_is_verified_with_the_key_of_its_log() {
    let world = World::new();
    let statement = world.statement();
    let record: Hash = statement.peek_unverified(Leniencies::NONE).unwrap().record.0.into();
    let log = new_key(SignatureAlgorithm::EdDsa);
    let receipt = |leaf: Hash| {
        let (genesis, proof) = (leaf_hash(b"genesis"), |path| Inclusion { tree_size: 2, leaf_index: 1, path });
        let unsigned = Receipt::of_inclusion(proof(vec![genesis]), &leaf, &node_hash(&genesis, &leaf), &log).unwrap();
        with_receipt(statement.wire(), &block_on(unsigned.sign(&log)).unwrap()).unwrap()
    };
    let check = |wire: &[u8], keys: Vec<crate::PublicKey>| {
        let shown = inspect(wire, &Options { keys, ..plain() });
        shown.nested.into_iter().find(|nested| nested.name == "receipt 1").unwrap().inspection.signatures.remove(0).check
    };
    let other = new_key(SignatureAlgorithm::EdDsa).public_key().clone();
    let log_key = || log.public_key().clone();
    assert_eq!(check(&receipt(record), vec![other.clone(), log_key()]), Check::Anchored { anchor: format!("public key {}", log_key().digest()) });
    assert!(matches!(check(&receipt(record), vec![other]), Check::Untrusted { .. }));
    assert!(matches!(check(&receipt(record), vec![]), Check::Unchecked { .. }));
    assert!(matches!(check(&receipt(leaf_hash(b"another record")), vec![log_key()]), Check::Wrong { .. }));
}

#[test]
fn receipt_over_another_data_structure_is_told() {
    let (wire, _) = receipt(-1, &[8.into(), 3.into(), path()], None);
    let protected = octets(&Cbor::Map(vec![(1.into(), Cbor::from(-7)), (395.into(), 2.into())]));
    assert_told(&inspect(&changed(&wire, |parts| parts[0] = protected.into()), &plain()), &["vds must be 1 (RFC9162_SHA256)"]);
}

#[test]
fn report_that_contradicts_itself_or_cannot_be_decoded_is_told() {
    let world = World::new();
    let idevid = crate::IDevIdCert::new(world.device.certificate.clone()).unwrap();
    let origin = KeyOrigin { source: Source::Loaded, ..origin(Method::Avocado) };
    let station = SigningParty::with_name("station-1", Arc::new(new_key(SignatureAlgorithm::Es256)));
    let report = sealed(&station, &ManufactureReport { idevid, origin: Some(origin) }, Format::Jws);
    let shown = inspect(report.wire(), &plain());
    assert!(shown.deviations.iter().any(|deviation| deviation.section == "taxonomy, section 4.1.1"), "{shown}");

    let mut document: Json = serde_json::from_slice(report.wire()).unwrap();
    document["payload"] = base64url(br#"{"version":2}"#).into();
    let shown = inspect(document.to_string().as_bytes(), &plain());
    assert_eq!((shown.kind, shown.value("version")), (Kind::ManufactureReport, Some(&2.into())));
    assert!(!shown.deviations.is_empty());
}

#[test]
fn bare_key_tells_its_kind() {
    let spki = new_key(SignatureAlgorithm::EdDsa).public_key().spki().to_vec();
    assert_eq!(inspect(&spki, &plain()).value("public-key"), Some(&"Ed25519".into()));
}
