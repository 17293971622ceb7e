use serde_json::{Value, json};

use crate::envelope::Format;
use crate::error::DecodeError;
use crate::identity::KeyIdentifier;
use crate::leniency::{Leniencies, Leniency, Reading};
use crate::signed::Payload as _;
use crate::voucher::testing::{request_from, serial, voucher, voucher_from};
use crate::voucher::{EXTENSION_NAME, ProvenanceExtension, Voucher, VoucherRequest};

fn decode(leaves: Value) -> Result<Voucher, DecodeError> {
    let document = json!({ "ietf-voucher:voucher": leaves });
    voucher_from(document.to_string().as_bytes(), Format::Cms)
}

#[test]
fn leaves_are_written_as_rfc_7951_says() {
    let voucher = voucher();
    let certificate = crate::codec::base64(voucher.pinned_domain_cert.as_ref().unwrap().der());
    let mut document: Value = serde_json::from_slice(&voucher.encode(Format::Cms).unwrap()).unwrap();
    let leaves = document["ietf-voucher:voucher"].as_object_mut().unwrap();
    assert_eq!(leaves.remove("pinned-domain-cert").unwrap(), certificate);
    assert!(leaves.remove("pinned-domain-pubk").unwrap().is_string());
    assert!(leaves.remove("pinned-domain-pubk-sha256").unwrap().is_string());
    let expected = json!({
        "assertion": "proximity",
        "created-on": "2016-10-07T19:31:42Z",
        "domain-cert-revocation-checks": false,
        "expires-on": "2017-07-14T02:40:00Z",
        "idevid-issuer": "BBgwFoAUBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
        "last-renewal-date": "2017-03-20T08:53:20Z",
        "nonce": "CQkJCQkJCQkJCQkJCQkJCQ==",
        "serial-number": "JADA123456789",
        "additional-configuration-url": "https://configuration.example.com/jada",
        "est-domain": "https://est.example.com",
        "manufacturer-proprietary": "-_8B",
        "extensions": [EXTENSION_NAME],
        "extension:brski-key-provenance": {
            "request": "full summary",
            "statement": "0oQ=",
            "statement-type": "application/eat+cwt",
            "statement-hash": "BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=",
            "statement-uri": "https://masa.example.com/statement",
            "method": "salak",
            "transfer": "none",
            "source": "generated-on-device",
            "protection": "non-extractable",
            "evidence": ["gwE=", "gwI="],
        },
    });
    assert_eq!(document["ietf-voucher:voucher"], expected);
}

#[test]
fn request_without_serial_number_is_refused() {
    let err = request_from(br#"{"ietf-voucher-request:voucher":{"assertion":"proximity"}}"#, Format::Cms);
    assert_eq!(err.unwrap_err(), DecodeError::MissingField { field: "serial-number", artefact: "voucher-request" });
}

#[test]
fn doubled_leaf_is_refused() {
    let text = br#"{"ietf-voucher:voucher":{"serial-number":"JADA123456789","serial-number":"OTHER"}}"#;
    let doubled = DecodeError::DuplicateField { field: "serial-number".to_owned(), artefact: "voucher" };
    assert_eq!(voucher_from(text, Format::Cms).unwrap_err(), doubled);
}

#[test]
fn request_is_no_voucher() {
    let request = VoucherRequest::new(serial()).encode(Format::Cms).unwrap();
    let found = "ietf-voucher-request:voucher".to_owned();
    let expected = DecodeError::Unexpected { what: "the JSON root", found, expected: "ietf-voucher:voucher" };
    assert_eq!(voucher_from(&request, Format::Cms).unwrap_err(), expected);
}

#[test]
fn document_with_two_roots_is_refused() {
    let both = json!({"ietf-voucher:voucher": {"serial-number": "A"}, "ietf-voucher-request:voucher": {"serial-number": "A"}});
    assert!(matches!(voucher_from(both.to_string().as_bytes(), Format::Cms), Err(DecodeError::Unexpected { .. })));
}

#[test]
fn unknown_leaf_is_ignored() {
    assert_eq!(decode(json!({"serial-number": "JADA123456789", "new-leaf": {"a": [null]}})).unwrap(), Voucher::new(serial()));
}

#[test]
fn wrong_value_is_blamed_on_its_leaf() {
    let wrong = [
        ("assertion", json!("Proximity")),
        ("assertion", json!(2)),
        ("created-on", json!("2016-10-07")),
        ("domain-cert-revocation-checks", json!("false")),
        ("expires-on", json!(null)),
        ("nonce", json!("")),
        ("pinned-domain-pubk-sha256", json!("AAAA")),
        ("serial-number", json!(123)),
        ("est-domain", json!("https://x y")),
        ("extensions", json!({})),
        ("idevid-issuer", json!("")),
    ];
    for (leaf, value) in wrong {
        let mut leaves = json!({"serial-number": "JADA123456789"});
        leaves[leaf] = value;
        let blamed = match decode(leaves).unwrap_err() {
            DecodeError::InvalidField { field, .. } => field,
            other => panic!("{leaf}: {other:?}"),
        };
        assert_eq!(blamed, leaf);
    }
}

#[test]
fn binary_must_be_padded_base64_of_what_it_claims_to_be() {
    for text in ["AAA", "-_-_", "AAAA\n", "MAA="] {
        let err = decode(json!({"serial-number": "JADA123456789", "pinned-domain-cert": text})).unwrap_err();
        assert!(matches!(err, DecodeError::Syntax { what: "pinned-domain-cert", .. }), "{text:?}: {err:?}");
    }
}

#[test]
fn idevid_issuer_is_read_in_every_form() {
    let id = KeyIdentifier::new([7; 20]).unwrap();
    let full = id.to_idevid_issuer();
    for form in [&full[..], &full[2..], &full[4..], &full[6..]] {
        let read = decode(json!({"serial-number": "A", "idevid-issuer": crate::codec::base64(form)})).unwrap();
        assert_eq!(read.idevid_issuer, Some(id.clone()));
    }
}

#[test]
fn manufacturer_proprietary_answers_to_its_old_name_but_not_to_both() {
    let old = decode(json!({"serial-number": "A", "manufacturer-private": "-_8B"})).unwrap();
    assert_eq!(old.manufacturer_proprietary, Some(vec![0xfb, 0xff, 1]));
    let both = decode(json!({"serial-number": "A", "manufacturer-private": "AA", "manufacturer-proprietary": "AA"}));
    assert!(matches!(both, Err(DecodeError::DuplicateField { .. })));
}

#[test]
fn last_renewal_date_needs_an_expiry() {
    let err = decode(json!({"serial-number": "A", "last-renewal-date": "2017-07-14T02:40:00Z"})).unwrap_err();
    assert_eq!(err, DecodeError::InvalidField { field: "last-renewal-date", expected: "accompanied by expires-on" });
    let ignored = json!({"ietf-voucher-request:voucher": {"serial-number": "A", "last-renewal-date": "2017-07-14T02:40:00Z"}});
    assert!(request_from(ignored.to_string().as_bytes(), Format::Cms).is_ok());
}

#[test]
fn listed_extension_without_content_is_empty() {
    let read = decode(json!({"serial-number": "A", "extensions": [60100, "another", EXTENSION_NAME]})).unwrap();
    assert_eq!(read.provenance, Some(ProvenanceExtension::default()));
}

#[test]
fn extension_content_that_is_not_listed_is_refused() {
    let hidden = decode(json!({"serial-number": "A", "extensions": ["another"], "extension:brski-key-provenance": {"statement": "AAAA"}}));
    assert!(matches!(hidden, Err(DecodeError::MissingField { field: EXTENSION_NAME, .. })));
}

#[test]
fn extension_listed_twice_is_refused() {
    let twice = decode(json!({"serial-number": "A", "extensions": ["x", "x"]}));
    assert!(matches!(twice, Err(DecodeError::DuplicateField { .. })));
}

#[test]
fn leaves_are_bounded() {
    let long = |leaf: &str, chars: usize| decode(json!({"serial-number": "A", leaf: "A".repeat(chars)})).unwrap_err();
    for (leaf, chars) in [("pinned-domain-cert", 40_000), ("manufacturer-proprietary", 40_000), ("nonce", 200), ("est-domain", 3000)] {
        assert!(matches!(long(leaf, chars), DecodeError::TooLarge { .. }), "{leaf}");
    }
}

#[test]
fn limits_are_in_octets_whatever_their_base64_is_rounded_to() {
    // In base64 16384 octets are 21848 characters, as 16386 are.
    for leaf in ["manufacturer-proprietary", "agent-signed-data"] {
        for (octets, fits) in [(16_384, true), (16_385, false), (16_386, false), (16_387, false)] {
            let content = crate::codec::base64(&vec![7; octets]);
            let document = json!({"ietf-voucher-request:voucher": {"serial-number": "A", leaf: content}}).to_string();
            let read = request_from(document.as_bytes(), Format::Jws);
            assert_eq!(read.err(), (!fits).then_some(DecodeError::TooLarge { what: leaf, limit: 16_384 }), "{octets}");
        }
    }
}

#[test]
fn wrong_value_within_the_extension_is_blamed_on_its_leaf() {
    let wrong = [
        ("request", json!("full full")),
        ("request", json!("everything")),
        ("request", json!(1)),
        ("statement-type", json!("a b")),
        ("statement-hash", json!("AAAA")),
        ("statement-uri", json!("")),
        ("method", json!(4)),
        ("method", json!("Salak")),
        ("transfer", json!("unheard-of")),
        ("source", json!(null)),
        ("protection", json!(["unknown"])),
        ("evidence", json!("gwE=")),
        ("evidence", json!([1])),
    ];
    for (leaf, value) in wrong {
        let read = decode(json!({"serial-number": "A", "extensions": [EXTENSION_NAME], "extension:brski-key-provenance": {leaf: value}}));
        assert!(matches!(read, Err(DecodeError::InvalidField { field, .. }) if field == leaf), "{leaf}: {read:?}");
    }
}

#[test]
fn extension_is_bounded() {
    for (leaf, value) in [("statement", json!("A".repeat(60_000))), ("evidence", json!(vec!["AAAA"; 9])), ("evidence", json!(["A".repeat(40_000)]))] {
        let read = decode(json!({"serial-number": "A", "extensions": [EXTENSION_NAME], "extension:brski-key-provenance": {leaf: value}}));
        assert!(matches!(read, Err(DecodeError::TooLarge { .. })), "{leaf}");
    }
}

#[test]
fn unknown_leaf_of_the_extension_and_other_extensions_are_ignored() {
    let leaves = json!({
        "serial-number": "A",
        "extensions": [EXTENSION_NAME, "another"],
        "extension:brski-key-provenance": {"method": "salak", "new-leaf": 1},
        "extension:another": {"method": 7},
    });
    assert_eq!(decode(leaves).unwrap().provenance.unwrap().method, Some(crate::provenance::Method::Salak));
}

#[test]
fn foreign_root_of_a_request_needs_its_leniency() {
    for (root, leniency) in [("ietf-voucher:voucher", Leniency::RequestRootVoucher), ("ietf-voucher-request-prm:voucher", Leniency::PrmLegacyRoot)] {
        let document = json!({root: {"serial-number": "JADA123456789"}}).to_string();
        let refused = request_from(document.as_bytes(), Format::Cms).unwrap_err();
        assert!(matches!(refused, DecodeError::Deviation(deviation) if deviation.leniency == leniency));
        let reading = Reading::new(Leniencies::with([leniency]));
        assert_eq!(VoucherRequest::decode(document.as_bytes(), Format::Cms, &reading).unwrap(), VoucherRequest::new(serial()));
        assert_eq!(reading.overlooked().len(), 1);
    }
}

#[test]
fn no_leniency_makes_a_voucher_of_a_request_or_lets_a_root_stand_beside_another() {
    let all = Reading::new(Leniencies::ALL);
    for root in ["ietf-voucher-request:voucher", "ietf-voucher-request-prm:voucher"] {
        let request = json!({root: {"serial-number": "A"}}).to_string();
        assert!(matches!(Voucher::decode(request.as_bytes(), Format::Cms, &all), Err(DecodeError::Unexpected { .. })));
    }
    let both = json!({"ietf-voucher:voucher": {"serial-number": "A"}, "ietf-voucher-request-prm:voucher": {"serial-number": "A"}}).to_string();
    assert!(matches!(VoucherRequest::decode(both.as_bytes(), Format::Cms, &all), Err(DecodeError::Unexpected { .. })));
    assert_eq!(all.overlooked(), []);
}

#[test]
fn idevid_issuer_in_another_form_is_noted_and_can_be_refused() {
    let full = KeyIdentifier::new([7; 20]).unwrap().to_idevid_issuer();
    let read = |form: &[u8], reading: &Reading| {
        let document = json!({"ietf-voucher:voucher": {"serial-number": "A", "idevid-issuer": crate::codec::base64(form)}});
        Voucher::decode(document.to_string().as_bytes(), Format::Cms, reading)
    };
    for (form, deviates) in [(&full[..], false), (&full[2..], true), (&full[4..], true), (&full[6..], true)] {
        assert_eq!(read(form, &Reading::new(Leniencies::NONE)).is_err(), deviates);
        let lenient = Reading::default();
        assert!(read(form, &lenient).is_ok());
        assert_eq!(lenient.overlooked().len(), usize::from(deviates));
    }
}
