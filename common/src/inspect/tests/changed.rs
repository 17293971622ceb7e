//! Envelopes that were changed after they were signed, and what is shown of them and counts.

use serde_json::{Value as Json, json};

use super::artefacts::{World, changed, sealed};
use super::*;
use crate::VoucherRequest;
use crate::envelope::Format;
use crate::sign::SignatureAlgorithm;

fn jws(world: &World) -> Json {
    serde_json::from_slice(sealed(&world.voucher_signer.party(&[&world.masa]), &world.voucher(), Format::Jws).wire()).unwrap()
}

/// A JWS whose payload is there twice, the second time as it was signed.
fn doubled(document: &Json) -> String {
    document.to_string().replacen('{', "{\"payload\":\"e30\",", 1)
}

#[test]
fn general_jws_that_no_reader_accepts_is_not_verified_and_says_why() {
    let world = World::new();
    let trusting = anchored([world.masa.certificate.clone()]);
    let mut with_member = jws(&world);
    with_member["comment"] = "unsigned".into();
    let mut with_header = jws(&world);
    with_header["signatures"][0]["header"] = json!({ "kid": "unsigned" });
    let cases = [
        (with_member.to_string(), "unknown field `comment`"),
        (with_header.to_string(), "unknown field `header`"),
        (doubled(&jws(&world)), "duplicate field `payload`"),
    ];
    assert!(inspect(jws(&world).to_string().as_bytes(), &trusting).is_verified(&trusting));
    for (text, words) in cases {
        let shown = inspect(text.as_bytes(), &trusting);
        assert_told(&shown, &[words]);
        assert!(matches!(&shown.signatures[0].check, Check::Unchecked { why } if why.contains("cannot be opened")), "{shown}");
        assert_eq!((shown.kind, shown.is_verified(&trusting)), (Kind::Voucher, false));
    }
}

#[test]
fn flattened_jws_names_the_members_that_were_left_out() {
    let world = World::new();
    let document = jws(&world);
    let block = &document["signatures"][0];
    let mut flattened = json!({ "payload": document["payload"], "protected": block["protected"], "signature": block["signature"] });
    let form = "in flattened serialization, which no reader accepts";
    assert_told(&inspect(flattened.to_string().as_bytes(), &plain()), &[form]);
    assert_told(&inspect(doubled(&flattened).as_bytes(), &plain()), &[form, "left out: 'payload'"]);
    flattened["header"] = json!({ "kid": "unsigned" });
    flattened["comment"] = "unsigned".into();
    assert_told(&inspect(flattened.to_string().as_bytes(), &plain()), &[form, "left out: 'comment', 'header'"]);
}

#[test]
fn array_of_jws_with_a_doubled_member_is_not_looked_at() {
    let world = World::new();
    let shown = inspect(format!("[{}]", doubled(&jws(&world))).as_bytes(), &plain());
    assert_told(&shown, &["payload occurs twice"]);
    assert!(!shown.is_recognised());
    assert!(inspect(format!("[{}]", jws(&world)).as_bytes(), &plain()).is_recognised());
}

#[test]
fn each_signature_of_a_jws_has_its_own_algorithm() {
    let world = World::new();
    let other = world.masa.issue("other signer", SignatureAlgorithm::Es384, |t| t);
    let (mut first, second) = (jws(&world), sealed(&other.party(&[&world.masa]), &world.voucher(), Format::Jws));
    let second: Json = serde_json::from_slice(second.wire()).unwrap();
    let added = second["signatures"][0].clone();
    first["signatures"].as_array_mut().unwrap().push(added);
    let shown = inspect(first.to_string().as_bytes(), &plain());
    let algorithms: Vec<_> = shown.signatures.iter().map(|signature| signature.algorithm.as_deref()).collect();
    assert_eq!(algorithms, [Some("ES256"), Some("ES384")]);
}

/// A signature with one bit changed.
fn damaged(wire: &[u8]) -> Vec<u8> {
    changed(wire, |parts| *parts[3].as_bytes_mut().unwrap().last_mut().unwrap() ^= 1)
}

#[test]
fn changed_cose_that_brings_certificates_along_counts_with_and_without_anchors() {
    let world = World::new();
    let voucher = sealed(&world.voucher_signer.party(&[&world.masa]), &world.voucher(), Format::Cose);
    for options in [plain(), anchored([world.masa.certificate.clone()])] {
        assert!(inspect(voucher.wire(), &options).is_verified(&options));
        let shown = inspect(&damaged(voucher.wire()), &options);
        assert!(matches!(&shown.signatures[0].check, Check::Unmatched { .. }), "{shown}");
        assert!(!shown.is_verified(&options));
        assert_eq!(serde_json::to_value(&shown).unwrap()["signatures"][0]["check"], "unmatched");
    }
}

#[test]
fn changed_cose_without_certificates_cannot_be_told_from_one_whose_signer_is_not_at_hand() {
    let world = World::new();
    let request = damaged(world.signed_pvr(Format::Cose).wire());
    assert!(matches!(&inspect(&request, &plain()).signatures[0].check, Check::Unchecked { .. }));
    assert!(inspect(&request, &plain()).is_verified(&plain()));
}

#[test]
fn changed_request_within_a_registrars_counts_with_and_without_anchors() {
    let world = World::new();
    let all = anchored([world.domain.certificate.clone(), world.manufacturer.certificate.clone(), world.masa.certificate.clone()]);
    for options in [plain(), all] {
        let sent = |prior: Vec<u8>| {
            let rvr = VoucherRequest { prior_signed_voucher_request: Some(prior), ..world.rvr(Format::Cose) };
            inspect(sealed(&world.registrar(), &rvr, Format::Cose).wire(), &options)
        };
        let prior = world.signed_pvr(Format::Cose).wire().to_vec();
        assert!(sent(prior.clone()).is_verified(&options));
        let shown = sent(damaged(&prior));
        assert!(matches!(&shown.nested[0].inspection.signatures[0].check, Check::Unmatched { .. }), "{shown}");
        assert!(!shown.is_verified(&options));
    }
}

#[test]
fn signatures_beyond_a_number_are_not_verified_and_that_is_said() {
    let world = World::new();
    let lines = vec![sealed(&world.registrar(), &world.rvr(Format::Jws), Format::Jws); 256];
    let text = lines.iter().map(|line| core::str::from_utf8(line.wire()).unwrap()).collect::<Vec<_>>().join("\n");
    let trusting = anchored([world.domain.certificate.clone()]);
    let shown = inspect(text.as_bytes(), &trusting);
    let exhausted = |check: &Check| matches!(check, Check::Unchecked { why } if why.contains("too many signatures"));
    let checks: Vec<bool> = shown.nested.iter().map(|nested| exhausted(&nested.inspection.signatures[0].check)).collect();
    assert_eq!((checks.first(), checks.last()), (Some(&false), Some(&true)));
    assert!(shown.notes.iter().any(|note| note.contains("more signatures than are verified")) && !shown.is_verified(&trusting));
}
