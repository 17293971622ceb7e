//! `migrate`: ledgers that earlier versions wrote.

use serde_json::Value;

use super::log::{found, ledger, recorded, take_back};
use super::support::Folder;
use super::{manufacturer, masa};

fn told(folder: &Folder, arguments: &[&str]) -> Value {
    serde_json::from_str(&masa(folder, &[&["migrate", "-o", "json"], arguments].concat()).ok()).unwrap()
}

#[test]
fn earlier_ledger_stops_every_command_until_it_is_migrated() {
    for version in [1, 2] {
        let folder = recorded(&["JADA1"]);
        let root = told(&folder, &[])["root"].clone();
        take_back(&ledger(&folder), version);
        for arguments in [&["log", "verify"][..], &["log", "checkpoint"], &["serve"], &["block", "JADA1", "--reason", "stolen"]] {
            let error = masa(&folder, arguments).error();
            let expected =
                format!("has schema version {version}, and this program writes version 3: `brski-masa migrate` brings it up to date, after a backup");
            assert!(error.ends_with(&expected), "{arguments:?}: {error}");
        }
        let [trial, change, again] = [&["--dry-run"][..], &[], &[]].map(|arguments| told(&folder, arguments));
        let facts = |told: &Value| {
            (told["from"].as_i64().unwrap(), told["to"].as_i64().unwrap(), told["entries"].as_u64().unwrap(), told["changed"].as_bool().unwrap())
        };
        assert_eq!([&trial, &change, &again].map(facts), [(version, 3, 4, false), (version, 3, 4, true), (3, 3, 4, false)]);
        assert_eq!([&trial, &change, &again].map(|told| told["root"].clone()), [root.clone(), root.clone(), root]);
        masa(&folder, &["log", "verify"]).ok();
        masa(&folder, &["log", "prove", "JADA1"]).ok();
    }
}

#[test]
fn changed_entry_of_an_earlier_ledger_is_named_before_anything_is_migrated() {
    let folder = recorded(&["JADA1"]);
    take_back(&ledger(&folder), 2);
    ledger(&folder).execute_batch("DROP TRIGGER entry_is_unchanged; UPDATE entry SET octets = x'00' WHERE leaf_index = 2").unwrap();
    for arguments in [&["migrate", "--dry-run"][..], &["migrate"]] {
        assert!(masa(&folder, arguments).error().contains("entry 2 of the ledger cannot be read"));
    }
    assert!(found(&folder, &[]).contains("has schema version 2"));
}

/// A manufacturer whose ledger an earlier release wrote with its own hands: three devices were recorded, JADA3 without an origin, JADA2 was blocked, and JADA1 got two vouchers.
fn of_an_earlier_release() -> Folder {
    let folder = manufacturer();
    folder.write("masa/ledger.sqlite", include_bytes!("../data/ledger-of-version-2.sqlite"));
    folder.write("masa/before.pem", include_bytes!("../data/idevid-issuer-of-version-2.pem"));
    folder.edit("masa/masa.toml", "idevid-anchors = [", "idevid-anchors = [\"before.pem\", ");
    folder
}

/// What that release signed as the log's root over its 11 entries.
const ROOT: &str = "d27bae7a37577622eaa73afd8504edb888bb2d98b5124f7c05a03c50c4056a44";

fn json(folder: &Folder, arguments: &[&str]) -> Value {
    serde_json::from_str(&masa(folder, &[arguments, &["-o", "json"]].concat()).ok()).unwrap()
}

#[test]
fn ledger_of_an_earlier_release_is_migrated_under_the_root_that_it_signed() {
    let folder = of_an_earlier_release();
    let migrated = told(&folder, &[]);
    assert_eq!(migrated, serde_json::json!({ "ledger": "masa/ledger.sqlite", "from": 2, "to": 3, "entries": 11, "root": ROOT, "changed": true }));
    let verified = json(&folder, &["log", "verify"]);
    assert_eq!((&verified["entries"], &verified["root"]), (&11.into(), &ROOT.into()));
}

#[test]
fn what_an_earlier_release_recorded_is_known_and_told_after_the_migration() {
    let folder = of_an_earlier_release();
    told(&folder, &[]);
    let [one, two, three] = ["JADA1", "JADA2", "JADA3"].map(|serial| json(&folder, &["device", serial]));
    assert_eq!((&one["record"]["method"], one["vouchers"].as_array().map(Vec::len)), (&"avocado".into(), Some(2)), "{one}");
    assert_eq!((&two["state"], &two["trouble"]), (&"blocked".into(), &"stolen from the warehouse".into()), "{two}");
    assert_eq!(three["record"], Value::Null, "{three}");
    let statement = json(&folder, &["statement", "JADA1"]);
    assert_eq!(statement["record"], json(&folder, &["log", "prove", "JADA1"])["leaf"], "{statement}");
}

#[test]
fn ledger_of_an_earlier_release_goes_on_after_the_migration() {
    let folder = of_an_earlier_release();
    told(&folder, &[]);
    masa(&folder, &["unblock", "JADA2"]).ok();
    folder.write("reports.jsonl", super::manufacture::report(&folder, "JADA4"));
    masa(&folder, &["record", "--statements", "statements", "reports.jsonl"]).ok();
    assert_eq!(json(&folder, &["log", "verify"])["entries"], 15);
    for index in 1..15 {
        assert_eq!(json(&folder, &["log", "prove", "--entry", &index.to_string()])["leaf-index"], index);
    }
}
