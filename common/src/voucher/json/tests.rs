use serde_json::{Value, json};

use crate::envelope::Format;
use crate::error::DecodeError;
use crate::identity::{KeyIdentifier, SerialNumber};
use crate::sign::Signer as _;
use crate::signed::Payload as _;
use crate::test_pki::Entity;
use crate::time::at;
use crate::voucher::{Assertion, EXTENSION_NAME, Nonce, ProvenanceExtension, Voucher, VoucherRequest};

fn serial() -> SerialNumber {
    SerialNumber::new("JADA123456789").unwrap()
}

/// Every leaf is set.
fn voucher() -> Voucher {
    let domain = Entity::root("Domain");
    Voucher {
        serial_number: serial(),
        assertion: Some(Assertion::Proximity),
        created_on: Some(at(1_475_868_702)),
        domain_cert_revocation_checks: Some(false),
        expires_on: Some(at(1_500_000_000)),
        idevid_issuer: Some(KeyIdentifier::new([7; 20]).unwrap()),
        last_renewal_date: Some(at(1_490_000_000)),
        nonce: Some(Nonce::from_bytes(&[9; 16]).unwrap()),
        pinned_domain_cert: Some(domain.certificate.clone()),
        pinned_domain_pubk: Some(domain.key.public_key().spki().to_vec()),
        pinned_domain_pubk_sha256: Some(domain.certificate.spki_digest().0),
        additional_configuration_url: Some("https://configuration.example.com/jada".to_owned()),
        est_domain: Some("https://est.example.com".to_owned()),
        manufacturer_proprietary: Some(vec![0xfb, 0xff, 1]),
        provenance: Some(ProvenanceExtension::with_statement(vec![0xd2, 0x84])),
    }
}

/// Every leaf is set.
fn request() -> VoucherRequest {
    let registrar = Entity::root("Registrar").certificate;
    let voucher = voucher();
    VoucherRequest {
        serial_number: serial(),
        assertion: Some(Assertion::AgentProximity),
        created_on: voucher.created_on,
        domain_cert_revocation_checks: Some(true),
        expires_on: voucher.expires_on,
        idevid_issuer: voucher.idevid_issuer,
        last_renewal_date: voucher.last_renewal_date,
        nonce: voucher.nonce,
        pinned_domain_cert: voucher.pinned_domain_cert,
        pinned_domain_pubk: voucher.pinned_domain_pubk,
        pinned_domain_pubk_sha256: voucher.pinned_domain_pubk_sha256,
        additional_configuration_url: voucher.additional_configuration_url,
        est_domain: voucher.est_domain,
        manufacturer_proprietary: voucher.manufacturer_proprietary,
        prior_signed_voucher_request: Some(vec![0x30, 0x80]),
        proximity_registrar_pubk: Some(registrar.public_key().spki().to_vec()),
        proximity_registrar_pubk_sha256: Some(registrar.spki_digest().0),
        agent_provided_proximity_registrar_cert: Some(registrar.clone()),
        agent_sign_cert: Some(vec![registrar.der().to_vec(), vec![1]]),
        agent_signed_data: Some(b"signed".to_vec()),
        proximity_registrar_cert: Some(registrar),
        provenance: voucher.provenance,
    }
}

fn decode(leaves: Value) -> Result<Voucher, DecodeError> {
    let document = json!({ "ietf-voucher:voucher": leaves });
    Voucher::decode(document.to_string().as_bytes(), Format::Cms, &crate::leniency::Reading::default())
}

#[test]
fn every_leaf_of_a_voucher_survives() {
    for voucher in [voucher(), Voucher::new(serial())] {
        assert_eq!(Voucher::decode(&voucher.encode(Format::Cms).unwrap(), Format::Cms, &crate::leniency::Reading::default()).unwrap(), voucher);
    }
}

#[test]
fn every_leaf_of_a_request_survives() {
    for request in [request(), VoucherRequest::new(serial())] {
        assert_eq!(VoucherRequest::decode(&request.encode(Format::Jws).unwrap(), Format::Jws, &crate::leniency::Reading::default()).unwrap(), request);
    }
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
        "extension:brski-key-provenance": {"statement": "0oQ="},
    });
    assert_eq!(document["ietf-voucher:voucher"], expected);
}

#[test]
fn request_without_serial_number_is_refused() {
    let err = VoucherRequest::decode(br#"{"ietf-voucher-request:voucher":{"assertion":"proximity"}}"#, Format::Cms, &crate::leniency::Reading::default());
    assert_eq!(err.unwrap_err(), DecodeError::MissingField { field: "serial-number", artefact: "voucher-request" });
}

#[test]
fn doubled_leaf_is_refused() {
    let text = br#"{"ietf-voucher:voucher":{"serial-number":"JADA123456789","serial-number":"OTHER"}}"#;
    let doubled = DecodeError::DuplicateField { field: "serial-number".to_owned(), artefact: "voucher" };
    assert_eq!(Voucher::decode(text, Format::Cms, &crate::leniency::Reading::default()).unwrap_err(), doubled);
}

#[test]
fn request_is_no_voucher() {
    let request = VoucherRequest::new(serial()).encode(Format::Cms).unwrap();
    let found = "ietf-voucher-request:voucher".to_owned();
    let expected = DecodeError::Unexpected { what: "the JSON root", found, expected: "ietf-voucher:voucher" };
    assert_eq!(Voucher::decode(&request, Format::Cms, &crate::leniency::Reading::default()).unwrap_err(), expected);
}

#[test]
fn document_with_two_roots_is_refused() {
    let both = json!({"ietf-voucher:voucher": {"serial-number": "A"}, "ietf-voucher-request:voucher": {"serial-number": "A"}});
    assert!(matches!(Voucher::decode(both.to_string().as_bytes(), Format::Cms, &crate::leniency::Reading::default()), Err(DecodeError::Unexpected { .. })));
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
    assert!(VoucherRequest::decode(ignored.to_string().as_bytes(), Format::Cms, &crate::leniency::Reading::default()).is_ok());
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
fn cbor_vouchers_are_not_spoken() {
    let voucher = Voucher::new(serial());
    assert!(matches!(voucher.encode(Format::Cose), Err(DecodeError::Unexpected { .. })));
    assert!(matches!(Voucher::decode(&[0xa0], Format::Cose, &crate::leniency::Reading::default()), Err(DecodeError::Unexpected { .. })));
}

#[test]
fn assertions_have_the_numbers_of_the_yang_module() {
    let numbered = ["verified", "logged", "proximity", "agent-proximity"].map(|name| Assertion::from_name(name).unwrap().number());
    assert_eq!(numbered, [0, 1, 2, 3]);
}

#[test]
fn proximity_is_named_by_hash_before_key_before_certificate() {
    let [near, far] = ["Near", "Far"].map(|name| Entity::root(name).certificate);
    let by_certificate = VoucherRequest { proximity_registrar_cert: Some(near.clone()), ..VoucherRequest::new(serial()) };
    assert!(by_certificate.proximity().unwrap().names(&near));
    let by_key = VoucherRequest { proximity_registrar_pubk: Some(far.public_key().spki().to_vec()), ..by_certificate };
    assert!(by_key.proximity().unwrap().names(&far) && !by_key.proximity().unwrap().names(&near));
    let by_hash = VoucherRequest { proximity_registrar_pubk_sha256: Some(near.spki_digest().0), ..by_key };
    assert_eq!(by_hash.proximity().unwrap().spki_digest(), near.spki_digest());
    assert_eq!(VoucherRequest::new(serial()).proximity(), None);
}
