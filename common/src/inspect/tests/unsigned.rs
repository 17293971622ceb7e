//! Each rule about leaves, by a payload that breaks it. That flawless ones break none is shown beside.

use ciborium::Value as Cbor;
use serde_json::{Value as Json, json};

use super::artefacts::{World, octets, sealed};
use super::*;
use crate::codec::base64;
use crate::envelope::Format;

const UNSIGNED: &str = "it is not signed";
const CREATED: &str = "should have created-on";

fn voucher(leaves: Json) -> Inspection {
    inspect(json!({ "ietf-voucher:voucher": leaves }).to_string().as_bytes(), &plain())
}

fn request(leaves: Json) -> Inspection {
    inspect(json!({ "ietf-voucher-request:voucher": leaves }).to_string().as_bytes(), &plain())
}

/// A voucher with these CBOR leaves.
fn cbor_voucher(root: u64, leaves: Vec<(u64, Cbor)>) -> Inspection {
    let leaves = leaves.into_iter().map(|(key, value)| (key.into(), value)).collect();
    inspect(&octets(&Cbor::Map(vec![(root.into(), Cbor::Map(leaves))])), &plain())
}

#[test]
fn leaves_that_break_a_rule_of_vouchers_are_told() {
    let expiry = "2030-01-01T00:00:00Z";
    let cases = [
        (json!({ "serial-number": "J", "nonce": "AQID" }), vec!["3 octets, but must have 8 to 32"]),
        (json!({ "serial-number": "J", "nonce": "AQIDBAUGBwg" }), vec!["lacks its padding"]),
        (json!({ "serial-number": "J", "nonce": "AQIDBA" }), vec!["4 octets, but must have 8 to 32", "lacks its padding"]),
        (json!({ "serial-number": "J", "nonce": "-_-_-_-_-_-_" }), vec!["is base64url"]),
        (json!({ "serial-number": "J", "nonce": "in plain words" }), vec!["is plain text"]),
        (json!({ "serial-number": "J", "nonce": 7 }), vec!["nonce must be base64 of 8 to 32 octets (RFC 8366bis, section 8)"]),
        (json!({ "nonce": "AQIDBAUGBwg=" }), vec!["serial-number is missing from the voucher (RFC 8366bis, section 8)"]),
        (json!({ "serial-number": "J", "nonce": "AQIDBAUGBwg=", "expires-on": expiry }), vec!["are alternatives"]),
        (json!({ "serial-number": "J", "last-renewal-date": expiry }), vec!["last-renewal-date"]),
        (json!({ "serial-number": "J", "manufacturer-private": "AQ" }), vec!["called manufacturer-proprietary now"]),
        (json!({ "serial-number": "J", "assertion": "maybe" }), vec!["assertion must be one of"]),
        (json!({ "serial-number": "J", "idevid-issuer": "!" }), vec!["idevid-issuer is not valid base64: Invalid symbol 33, offset 0 (RFC 4648, section 4)"]),
    ];
    for (mut leaves, words) in cases {
        leaves["pinned-domain-pubk-sha256"] = base64(&[7; 32]).into();
        let shown = voucher(leaves);
        assert_eq!(shown.kind, Kind::Voucher);
        assert_told(&shown, &[&[UNSIGNED], words.as_slice()].concat());
    }
    assert_told(&voucher(json!({ "serial-number": "J" })), &[UNSIGNED, "pins no domain"]);
}

#[test]
fn leaves_that_break_a_rule_of_pledges_requests_are_told() {
    let shown = request(json!({ "serial-number": "J" }));
    assert_eq!(shown.kind, Kind::PledgeVoucherRequest);
    assert_told(&shown, &[UNSIGNED, "must have a nonce", "does not name the registrar", "must ask for an assertion"]);
}

#[test]
fn leaves_that_break_a_rule_of_registrars_requests_are_told() {
    let world = World::new();
    let prior = base64(world.signed_pvr(Format::Jws).wire());
    let certificate = base64(world.registrar.certificate.der());
    let issuer = base64(&[&[4, 24, 0x30, 22, 0x80, 20][..], &[7; 20]].concat());
    let cases = [
        (json!({ "serial-number": "JADA123456789", "prior-signed-voucher-request": prior }), vec!["must have idevid-issuer", CREATED]),
        (
            json!({ "serial-number": "JADA123456789", "prior-signed-voucher-request": prior, "proximity-registrar-cert": certificate }),
            vec!["must have idevid-issuer", "belongs in a pledge's request", CREATED],
        ),
        (json!({ "serial-number": "J", "idevid-issuer": issuer }), vec!["is not enclosed", CREATED]),
        (json!({ "serial-number": "J", "idevid-issuer": issuer, "prior-signed-voucher-request": prior }), vec![CREATED, "serial-number differs"]),
        (
            json!({ "serial-number": "JADA123456789", "idevid-issuer": issuer, "prior-signed-voucher-request": prior, "nonce": "AQIDBAUGBwg=" }),
            vec![CREATED, "nonce differs"],
        ),
    ];
    for (leaves, words) in cases {
        let shown = request(leaves);
        assert_eq!(shown.kind, Kind::RegistrarVoucherRequest);
        assert_told(&shown, &[&[UNSIGNED], words.as_slice()].concat());
    }
}

#[test]
fn request_within_a_request_of_another_format_is_told() {
    let world = World::new();
    let rvr = crate::VoucherRequest { prior_signed_voucher_request: world.rvr(Format::Cose).prior_signed_voucher_request, ..world.rvr(Format::Jws) };
    assert_told(&inspect(sealed(&world.registrar(), &rvr, Format::Jws).wire(), &plain()), &["the request within is in another format"]);
}

#[test]
fn voucher_that_outlives_its_pin_is_told() {
    let pinned = World::new().domain.reissued(|tbs| {
        let end = ::der::asn1::UtcTime::from_unix_duration(core::time::Duration::from_secs(crate::test_pki::NOW)).unwrap();
        tbs.validity.not_after = x509_cert::time::Time::UtcTime(end);
    });
    let leaves = json!({ "serial-number": "J", "expires-on": "2040-01-01T00:00:00Z", "pinned-domain-cert": base64(pinned.der()) });
    assert_told(&voucher(leaves), &[UNSIGNED, "outlives the certificate that it pins"]);
}

#[test]
fn forms_of_older_drafts_in_cbor_are_told_and_shown() {
    let shown = cbor_voucher(2451, vec![(1, "logged".into()), (11, "J".into())]);
    assert_told(&shown, &[UNSIGNED, "assertion must be an integer in CBOR", "pins no domain"]);
    assert_eq!(shown.value("assertion"), Some(&"logged".into()));
    assert_told(&cbor_voucher(2451, vec![(11, "J".into()), (17, Cbor::Array(vec![60100.into()]))]), &[UNSIGNED, "pins no domain", "extensions is at key 17"]);
    assert_told(
        &cbor_voucher(2501, vec![(13, "J".into()), (17, Cbor::Array(vec![60100.into()]))]),
        &[UNSIGNED, "must be a byte string", "a nonce", "the registrar", "an assertion", "extensions is at key 17"],
    );
    for (sid, kind) in [(1_001_100, Kind::Voucher), (1_001_154, Kind::PledgeVoucherRequest)] {
        let old = cbor_voucher(sid, vec![(11, "J".into())]);
        assert_eq!((old.kind, old.value("key 11")), (kind, Some(&"J".into())));
        assert_told(&old, &[UNSIGNED, "the CBOR root is"]);
        assert!(old.notes.iter().any(|note| note.contains("constrained voucher of 2019")));
    }
}

#[test]
fn leaves_by_absolute_number_or_by_name_are_known_too() {
    let leaves = vec![(Cbor::Tag(47, Box::new(2462.into())), "J".into()), ("assertion".into(), 2.into())];
    let shown = inspect(&octets(&Cbor::Map(vec![("ietf-voucher:voucher".into(), Cbor::Map(leaves))])), &plain());
    assert_eq!((shown.value("serial-number"), shown.value("assertion")), (Some(&"J".into()), Some(&"proximity".into())));
}

#[test]
fn payload_without_signature_is_told() {
    assert_told(&voucher(json!({ "serial-number": "J" })), &[UNSIGNED, "pins no domain"]);
}

#[test]
fn payload_without_signature_is_not_verified_by_any_anchor() {
    let options = anchored([World::new().masa.certificate]);
    let payload = json!({ "ietf-voucher:voucher": { "serial-number": "J" } }).to_string();
    assert!(!inspect(payload.as_bytes(), &options).is_verified(&options));
}

#[test]
fn forms_that_a_leniency_accepts_are_told_with_its_name() {
    let prm = json!({ "ietf-voucher-request-prm:voucher": { "serial-number": "J" } });
    let bare = json!({ "ietf-voucher-request:voucher": { "serial-number": "J", "idevid-issuer": base64(&[7; 20]) } });
    for (payload, leniency) in [(prm, Leniency::PrmLegacyRoot), (bare, Leniency::IdevidIssuerForms)] {
        let shown = inspect(payload.to_string().as_bytes(), &plain());
        assert!(shown.deviations.iter().any(|deviation| deviation.leniency == Some(leniency)), "{shown}");
    }
}

#[test]
fn nonce_is_shown_as_octets_in_each_format_and_as_text_where_it_is_text() {
    let octets = [1, 2, 3, 4, 5, 6, 7, 8];
    let json = voucher(json!({ "serial-number": "J", "nonce": "AQIDBAUGBwg" }));
    let cbor = cbor_voucher(2451, vec![(11, "J".into()), (7, octets.to_vec().into())]);
    for shown in [&json, &cbor] {
        assert_eq!(shown.value("nonce"), Some(&crate::codec::hex(&octets).into()), "{shown}");
    }
    assert_eq!((json.value("nonce-text"), cbor.value("nonce-text")), (Some(&"AQIDBAUGBwg".into()), None));
}
