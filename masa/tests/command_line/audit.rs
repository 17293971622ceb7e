//! `attest` and `audit`: an auditor's countersignature, from the auditor's key to the owner's statement.

use serde_json::{Value, json};

use super::support::Folder;
use super::{manufacture, manufacturer, masa};

/// A manufacturer with a device on record, and an auditor that its configuration names.
fn audited() -> Folder {
    let folder = manufacturer();
    folder.write("reports.jsonl", manufacture::report(&folder, "JADA1"));
    masa(&folder, &["record", "reports.jsonl"]).ok();
    // Somebody else's key, with a certificate: any will do as an auditor's.
    masa(&folder, &["init", "--dir", "auditor"]).ok();
    let configured = folder.read("masa/masa.toml");
    let auditor = "\n[[evidence]]\nname = \"auditor\"\nanchors = [\"../auditor/certificates/voucher-signer.pem\"]\nbasis = \"third-party-audit\"\n";
    folder.write("masa/masa.toml", configured + auditor);
    folder
}

fn told(folder: &Folder, arguments: &[&str]) -> Value {
    serde_json::from_str(&masa(folder, arguments).ok()).unwrap()
}

/// A countersignature of this record, for the device's key.
fn countersign(folder: &Folder, record: &Value) {
    masa(folder, &["statement", "JADA1", "--out", "statement.cbor"]).ok();
    let shown = told(folder, &["inspect", "-o", "json", "statement.cbor"]).to_string();
    let place = shown.find("spki-sha256").unwrap();
    let key = shown[place..].split('"').find(|part| part.len() == 64).unwrap();
    let description = json!({ "title": "How keys are made", "digest": "00".repeat(32) });
    let said = json!({ "key": key, "record": record, "description": description, "at": "2026-02-10T12:00:00Z" });
    folder.write("audit.json", said.to_string());
    let (key, certificate) = ("auditor/keys/voucher-signer.pem", "auditor/certificates/voucher-signer.pem");
    masa(folder, &["attest", "audit", "audit.json", "--key", key, "--certificate", certificate, "--out", "audit.cose"]).ok();
}

#[test]
fn countersignature_raises_the_basis_that_owners_read_and_is_recorded_once() {
    let folder = audited();
    let record = told(&folder, &["statement", "JADA1", "-o", "json"])["record"].clone();
    countersign(&folder, &record);
    assert!(told(&folder, &["audit", "JADA1", "audit.cose", "-o", "json"])["index"].is_u64());
    assert_eq!(told(&folder, &["audit", "JADA1", "audit.cose", "-o", "json"])["index"], Value::Null);
    masa(&folder, &["statement", "JADA1", "--out", "audited.cbor"]).ok();
    assert!(masa(&folder, &["inspect", "audited.cbor"]).ok().contains("third-party-audit"));
    let shown = masa(&folder, &["inspect", "audit.cose", "--anchor", "auditor/certificates/voucher-ca.pem"]).ok();
    assert!(shown.contains("auditor's countersignature") && shown.contains("verified under"), "{shown}");
}

#[test]
fn countersignature_of_another_record_is_refused_with_both() {
    let folder = audited();
    countersign(&folder, &json!("11".repeat(32)));
    let error = masa(&folder, &["audit", "JADA1", "audit.cose"]).error();
    assert!(error.contains(&format!("the countersignature is of record {}", "11".repeat(32))), "{error}");
}

#[test]
fn nothing_is_signed_with_another_key_than_the_certificates() {
    let folder = audited();
    folder.write("audit.json", "{}");
    let (key, certificate) = ("masa/keys/station-1.pem", "masa/certificates/voucher-signer.pem");
    let error = masa(&folder, &["attest", "audit", "audit.json", "--key", key, "--certificate", certificate, "--out", "audit.cose"]).error();
    assert!(error.contains("begins with a certificate of another key than --key"), "{error}");
}
