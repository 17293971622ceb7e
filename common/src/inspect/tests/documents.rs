//! Documents that nobody signs, flawless and not.

use serde_json::json;

use super::artefacts::World;
use super::*;
use crate::audit_log::{AuditLog, Event, Truncation};
use crate::telemetry::Telemetry;
use crate::test_pki::NOW;
use crate::time::at;
use crate::{Assertion, DomainId, Nonce};

const POLICY: &str = "version = 1\n[[rule]]\nname = \"in-the-device\"\nmethod = [\"avocado\", \"salak\"]\nthen = \"accept\"\n";

fn profile() -> String {
    let anchor = World::new().masa.certificate.to_pem();
    format!(
        "version = 1\nname = \"Example Devices\"\nmasa-url = \"https://masa.example.com\"\nidevid-anchors = \"\"\"\n{anchor}\"\"\"\nvoucher-anchors = \"\"\"\n{anchor}\"\"\"\n"
    )
}

#[test]
fn our_own_documents_deviate_in_nothing() {
    let event = Event {
        date: at(NOW),
        domain_id: DomainId::new([7; 20]).unwrap(),
        nonce: Some(Nonce::from_bytes(&[7; 16]).unwrap()),
        assertion: Assertion::Proximity,
        truncated: 0,
    };
    let log = AuditLog { events: vec![event], truncation: Truncation::default() }.to_json();
    for (octets, kind) in [
        (POLICY.as_bytes(), Kind::Policy),
        (profile().as_bytes(), Kind::ManufacturerProfile),
        (&log, Kind::AuditLog),
        (&Telemetry::success().to_json(), Kind::Telemetry),
        (&Telemetry::failure("nonce differs").to_json(), Kind::Telemetry),
        // The same in CBOR (constrained BRSKI, section 6.5.1).
        (&crate::codec::unhex("test", "a26776657273696f6e0166737461747573f5").unwrap(), Kind::Telemetry),
    ] {
        let shown = inspect(octets, &plain());
        assert_eq!((shown.kind, told(&shown)), (kind, vec![]), "{shown}");
    }
}

#[test]
fn policy_is_told_in_words() {
    let shown = inspect(POLICY.as_bytes(), &plain());
    assert_eq!(shown.value("accepts"), Some(&"avocado, salak".into()));
    assert_eq!(shown.value("rules"), Some(&json!(["accept by 'in-the-device': avocado, salak"])));
}

#[test]
fn policy_that_cannot_be_read_is_told_in_its_reader_s_words() {
    let shown = inspect(POLICY.replace("salak", "potato").as_bytes(), &plain());
    assert_eq!(shown.kind, Kind::Policy);
    assert_told(&shown, &["potato"]);
}

#[test]
fn profile_with_mistakes_is_told() {
    for (from, to, words) in [
        ("version = 1", "version = 2", &["version must be 1"][..]),
        ("name = ", "title = ", &["lacks its manufacturer's name", "'title', which is not known"]),
        ("voucher-anchors", "vouchers", &["no voucher-anchors", "'vouchers', which is not known"]),
        ("https://masa.example.com", "https://masa example", &["masa-url must be"]),
        ("BEGIN CERTIFICATE-----", "BEGIN CERTIFICATE-----\n!", &["not valid PEM"; 2]),
    ] {
        assert_told(&inspect(profile().replace(from, to).as_bytes(), &plain()), words);
    }
}

#[test]
fn logs_and_reports_of_status_with_mistakes_are_told() {
    for (text, words) in [
        (r#"{"version":"1","events":[]}"#, "version is text"),
        (r#"{"version":1,"events":[{}]}"#, "missing from the audit log's event"),
        (r#"{"version":1,"status":false}"#, "should have a reason"),
        (r#"{"version":2,"status":true}"#, "not known here"),
        (r#"{"version":1,"Status":true}"#, "status is missing"),
    ] {
        let shown = inspect(text.as_bytes(), &plain());
        assert!(shown.is_recognised());
        assert_told(&shown, &[words]);
    }
}

#[test]
fn digest_of_a_profile_is_over_its_exact_text() {
    let text = format!("\n{}\n\n", profile());
    let digest = crate::codec::hex(&crate::codec::sha256(text.as_bytes()));
    assert_eq!(inspect(text.as_bytes(), &plain()).value("sha256"), Some(&digest.into()));
}
