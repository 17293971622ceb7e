//! `migrate`: ledgers that earlier versions wrote.

use serde_json::Value;

use super::log::{found, ledger, recorded, take_back};
use super::masa;
use super::support::Folder;

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
