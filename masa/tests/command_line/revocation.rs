//! `mark`, `affected`, `statement` and `audit-log`.

use serde_json::{Value, json};

use super::support::{Finished, Folder};
use super::{manufacture, manufacturer, masa};

/// A manufacturer that recorded these devices, of batch B1 and station S1.
fn with_devices(serials: &[&str]) -> Folder {
    let folder = manufacturer();
    let reports: String = serials.iter().map(|serial| manufacture::report_of(&folder, serial, ORIGIN)).collect();
    folder.write("reports.jsonl", reports);
    masa(&folder, &["record", "reports.jsonl"]).ok();
    folder
}

fn json_of(finished: Finished) -> Value {
    serde_json::from_str(&finished.ok()).unwrap()
}

fn told(folder: &Folder, arguments: &[&str]) -> Value {
    json_of(masa(folder, &[arguments, &["-o", "json"]].concat()))
}

fn mark(folder: &Folder, which: [&str; 2], status: &str) -> Value {
    told(folder, &["mark", which[0], which[1], "--status", status, "--reason", "its key was copied", "--by", "jane"])
}

#[test]
fn mark_tells_whom_it_concerns() {
    let folder = with_devices(&["JADA1", "JADA2"]);
    let marked = mark(&folder, ["--station", "S1"], "compromised");
    assert_eq!((&marked["scope"], &marked["status"]), (&json!("station 'S1'"), &json!("compromised")));
    assert_eq!(marked["affected"], json!({"units": 2, "sold": {}, "unsold": 2, "claimed": []}));
}

#[test]
fn mark_that_hits_nothing_is_warned_of_and_stands() {
    let folder = with_devices(&["JADA1"]);
    let marked = masa(&folder, &["mark", "--batch", "B9", "--status", "disputed", "--reason", "why", "--by", "jane"]);
    assert_eq!(marked.stderr, "warning: no device on record is of batch 'B9'; the mark stands, for those that will be\n");
    assert!(marked.ok().starts_with("batch 'B9' is marked as disputed, by entry "));
}

#[test]
fn device_that_was_never_made_cannot_be_marked() {
    let folder = with_devices(&["JADA1"]);
    let error = masa(&folder, &["mark", "--device", "JADA9", "--status", "disputed", "--reason", "why"]).error();
    assert_eq!(error, "error: no device with serial number JADA9 was made here");
}

#[test]
fn mark_is_of_one_thing_with_a_known_status_and_a_reason() {
    let folder = manufacturer();
    let wrong: [&[&str]; 6] = [
        &["mark", "--status", "disputed", "--reason", "why"],
        &["mark", "--batch", "B1", "--station", "S1", "--status", "disputed", "--reason", "why"],
        &["mark", "--batch", "B1", "--status", "stolen", "--reason", "why"],
        &["mark", "--batch", "B1", "--status", "disputed"],
        &["mark", "--batch", "B1", "--status", "disputed", "--reason", "two\nlines"],
        &["mark", "--batch", "B1", "--idevid-issuer", "0102", "--status", "disputed", "--reason", "why"],
    ];
    for arguments in wrong {
        assert_eq!(masa(&folder, arguments).code, Some(2), "{arguments:?}");
    }
}

#[test]
fn statement_carries_the_status_and_a_higher_number_until_the_mark_is_taken_back() {
    let folder = with_devices(&["JADA1"]);
    let statement = || {
        let told = told(&folder, &["statement", "JADA1", "--level", "auditor"]);
        (told["seq"].clone(), told["status"].clone())
    };
    assert_eq!(statement(), (json!(0), json!("valid")));
    mark(&folder, ["--batch", "B1"], "disputed");
    assert_eq!(statement(), (json!(1), json!("disputed")));
    mark(&folder, ["--device", "JADA1"], "compromised");
    assert_eq!(statement(), (json!(2), json!("compromised")));
    mark(&folder, ["--device", "JADA1"], "valid");
    mark(&folder, ["--batch", "B1"], "valid");
    assert_eq!(statement(), (json!(4), json!("valid")));
    masa(&folder, &["log", "verify"]).ok();
}

#[test]
fn statement_after_a_mark_is_inspected_without_a_fault_of_its_signature_or_receipt() {
    let folder = with_devices(&["JADA1"]);
    mark(&folder, ["--station", "S1"], "disputed");
    masa(&folder, &["statement", "JADA1", "--out", "statement.cbor"]).ok();
    let anchors =
        ["--anchor", "masa/certificates/provenance-signer.pem", "--anchor", "masa/certificates/provenance-ca.pem", "--anchor", "masa/certificates/log.pem"];
    let shown: Value = serde_json::from_str(&masa(&folder, &[&["inspect", "-o", "json", "statement.cbor"][..], &anchors].concat()).stdout).unwrap();
    assert_eq!(shown["verified"], json!(true), "{shown}");
    assert!(shown.to_string().contains("called the record behind it into question"), "{shown}");
}

#[test]
fn each_level_is_told_its_own_and_nothing_internal_is_signed() {
    let folder = with_devices(&["JADA1"]);
    let statement = |level: &str| {
        let said = told(&folder, &["statement", "JADA1", "--level", level]);
        let octets = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, said["statement"].as_str().unwrap()).unwrap();
        let statement = brski_common::Signed::<brski_common::ProvenanceStatement>::from_wire(brski_common::Format::Cose, octets);
        let said = statement.peek_unverified(brski_common::Leniencies::default()).unwrap();
        (said.station.is_some(), said.made_at.is_some(), said.record)
    };
    let [public, customer, auditor] = ["public", "customer", "auditor"].map(statement);
    assert_eq!([(public.0, public.1), (customer.0, customer.1), (auditor.0, auditor.1)], [(false, false), (false, true), (true, true)]);
    assert!(public.2 == customer.2 && customer.2 == auditor.2);
    let error = masa(&folder, &["statement", "JADA1", "--level", "internal"]).error();
    assert_eq!(error, "error: what is disclosed at level internal stays with the manufacturer; statements are signed for public, customer or auditor");
}

#[test]
fn affected_devices_are_listed_one_a_row() {
    let folder = with_devices(&["JADA2", "JADA1"]);
    masa(&folder, &["sell", "JADA1", "--to", "Orchard, Ltd"]).ok();
    let affected = told(&folder, &["affected", "--batch", "B1", "--list", "affected.csv"]);
    assert_eq!((&affected["units"], &affected["sold"], &affected["unsold"]), (&json!(2), &json!({"Orchard, Ltd": 1}), &json!(1)));
    let mut rows: Vec<String> = folder.read("affected.csv").lines().map(str::to_owned).collect();
    rows[1..].sort();
    assert_eq!(rows[0], "serial-number,idevid-issuer,customer,domain-id,pinned-key-sha256");
    assert!(rows[1].starts_with("JADA1,") && rows[1].ends_with(",\"Orchard, Ltd\",,"), "{}", rows[1]);
    assert!(rows[2].starts_with("JADA2,") && rows[2].ends_with(",,,"), "{}", rows[2]);
    assert_eq!(rows.len(), 3);
}

#[test]
fn audit_log_of_a_device_is_shown_to_the_manufacturer_s_people() {
    let folder = with_devices(&["JADA1"]);
    let log: Value = serde_json::from_str(&masa(&folder, &["audit-log", "JADA1"]).ok()).unwrap();
    assert_eq!(log, json!({"version": 1, "events": []}));
}

#[test]
fn link_is_shown_once_and_kept_as_its_hash() {
    let folder = with_devices(&["JADA1"]);
    let link = told(&folder, &["audit-log", "JADA1", "--link", "--valid", "12h"]);
    let url = link["url"].as_str().unwrap();
    let random = url.strip_prefix("https://localhost:9443/.well-known/brski-audit/").unwrap();
    assert_eq!(random.len(), 22);
    for (path, content) in folder.files("masa") {
        assert!(!content.windows(22).any(|window| window == random.as_bytes()), "{}", path.display());
    }
}

#[test]
fn link_is_revoked_once() {
    let folder = with_devices(&["JADA1"]);
    let link = told(&folder, &["audit-log", "JADA1", "--link"]);
    let url = link["url"].as_str().unwrap();
    assert_eq!(masa(&folder, &["audit-log", "--revoke-link", url]).ok(), "the link has ended\n");
    let error = masa(&folder, &["audit-log", "--revoke-link", url]).error();
    assert_eq!(error, "error: there is no such link to an audit log, or not any more");
}

#[test]
fn link_works_for_a_year_at_most() {
    let folder = manufacturer();
    for time in ["0d", "400d", "d", "-1d", "1", "9999999999999999999w", "1ü"] {
        assert_eq!(masa(&folder, &["audit-log", "JADA1", "--link", &format!("--valid={time}")]).code, Some(2), "{time}");
    }
}

#[test]
fn configuration_that_tells_what_is_internal_is_refused() {
    let folder = manufacturer();
    folder.edit("masa/masa.toml", "disclosure = \"public\"", "disclosure = \"internal\"");
    let error = masa(&folder, &["config", "check"]).error();
    assert!(error.contains("what is internal stays with the manufacturer"), "{error}");
}

#[test]
fn split_that_tells_k_and_n_is_published_on_the_manufacturer_s_word_alone() {
    let folder = manufacturer();
    folder.write("device.pem", manufacture::idevid(&folder, "JADA1").to_pem());
    folder.write("origin.json", ORIGIN.replace("\"answers\":{}", "\"answers\":{\"identity-shared-split-extra\":2},\"split\":\"minimal-majority-published\""));
    let report = ["report", "--station-key", "masa/keys/station-1.pem", "--idevid", "device.pem", "--origin", "origin.json"];
    let error = masa(&folder, &report).error();
    assert!(error.contains("although n = 2k-1, so that everybody learns n and k; --reveal-split says that this is wanted"), "{error}");
    folder.write("reports.jsonl", masa(&folder, &[&report[..], &["--reveal-split"]].concat()).ok());
    let refused = masa(&folder, &["record", "reports.jsonl"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("--reveal-split says that this is wanted"), "{}", refused.stderr);
    masa(&folder, &["record", "--reveal-split", "reports.jsonl"]).ok();
}

/// What would give k, n or the key executives away has no place in reports and configurations, and is not repeated by whoever refuses it.
#[test]
fn numbers_of_a_split_and_names_of_key_executives_are_refused_and_not_repeated() {
    const SECRETS: [&str; 3] = ["Alice Executive", "4711", "4713"];
    let keys =
        [("key-executives", "[\"Alice Executive\"]"), ("identity-shared-split-k", "4711"), ("identity-shared-split-n", "4713"), ("k", "4711"), ("n", "4713")];
    for (key, value) in keys {
        let folder = manufacturer();
        folder.write("device.pem", manufacture::idevid(&folder, "JADA1").to_pem());
        let mut seen = Vec::new();
        for origin in
            [ORIGIN.replace("\"answers\":{}", &format!("\"answers\":{{\"{key}\":{value}}}")), ORIGIN.replacen('{', &format!("{{\"{key}\":{value},"), 1)]
        {
            folder.write("origin.json", origin);
            let report = ["report", "--station-key", "masa/keys/station-1.pem", "--idevid", "device.pem", "--origin", "origin.json"];
            seen.push(masa(&folder, &report));
        }
        folder.edit("masa/masa.toml", "\n[tls]", &format!("\n{key} = {value}\n[tls]"));
        seen.push(masa(&folder, &["config", "check"]));
        for finished in seen {
            assert_eq!(finished.code, Some(1), "{finished:?}");
            let output = format!("{}{}", finished.stdout, finished.stderr);
            assert!(output.contains(key), "{output}");
            assert!(SECRETS.iter().all(|secret| !output.contains(secret)), "{output}");
        }
    }
}

const ORIGIN: &str = r#"{"method":"avocado","source":"generated-on-device","protection":"non-extractable","locus":"tee","lock":"fuse","certificate-transfer":"mechanically-transferred","private-transfer":"none","basis":"station-signed","made-at":"2026-07-01T00:00:00Z","station":"S1","batch":"B1","line":"L1","answers":{}}"#;
