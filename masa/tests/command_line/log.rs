//! `log`: the ledger verified, and proofs for others.

use brski_common::log::{Proof, Receipt, SignedCheckpoint, VerifierKey, receipts_of};
use brski_common::provenance::ProvenanceStatement;
use brski_common::{Format, Leniencies, Signed};
use brski_masa::Entry;
use rusqlite::Connection;

use super::manufacture::report;
use super::support::Folder;
use super::{manufacturer, masa};

/// A manufacturer that has recorded these devices. Three entries each follow the genesis: that it was made, its record, its statement.
pub(super) fn recorded(serials: &[&str]) -> Folder {
    let folder = manufacturer();
    record(&folder, serials);
    folder
}

fn record(folder: &Folder, serials: &[&str]) {
    folder.write("reports.jsonl", serials.iter().map(|serial| report(folder, serial)).collect::<String>());
    // One after the other, so that each has its three entries side by side.
    for line in folder.read("reports.jsonl").lines() {
        folder.write("report.jsonl", line);
        masa(folder, &["record", "--statements", "statements", "report.jsonl"]).ok();
    }
}

include!("../../src/ledger/sqlite/tests/earlier/take_back.rs");

/// More than 256 entries: a device that was blocked and released often.
fn filled() -> Folder {
    let folder = recorded(&["JADA1"]);
    let raw = ledger(&folder);
    let ledger = |leaf: i64, octets: &[u8]| (leaf, *brski_common::log::leaf_hash(octets).as_bytes(), octets.to_vec());
    masa(&folder, &["block", "JADA1", "--reason", "stolen"]).ok();
    let standing: Vec<u8> = raw.query_row("SELECT octets FROM entry WHERE leaf_index = 4", (), |row| row.get(0)).unwrap();
    for index in 5..300 {
        let (index, leaf, octets) = ledger(index, &standing);
        raw.execute("INSERT INTO entry (leaf_index, leaf_hash, kind, device, octets) VALUES (?1, ?2, 'standing', 1, ?3)", (index, leaf, octets)).unwrap();
    }
    // As a file of version 1, which gets its tree when it is migrated.
    take_back(&raw, 1);
    masa(&folder, &["migrate"]).ok();
    folder
}

pub(super) fn ledger(folder: &Folder) -> Connection {
    Connection::open(folder.path("masa/ledger.sqlite")).unwrap()
}

/// Does to the file what its triggers forbid.
fn tamper(folder: &Folder, statement: &str) {
    let raw = ledger(folder);
    let mut find = raw.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").unwrap();
    let triggers: Vec<(String, String)> = find.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    triggers.iter().for_each(|(name, _)| raw.execute_batch(&format!("DROP TRIGGER {name}")).unwrap());
    raw.pragma_update(None, "ignore_check_constraints", true).unwrap();
    assert_eq!(raw.execute(statement, ()).unwrap(), 1, "{statement}");
    // Whoever tampers leaves no trace of it.
    triggers.iter().for_each(|(_, sql)| raw.execute_batch(sql).unwrap());
}

/// Flips the first bit of these octets of an entry.
fn flip(folder: &Folder, column: &str, index: u32) {
    let raw = ledger(folder);
    let mut octets: Vec<u8> = raw.query_row(&format!("SELECT {column} FROM entry WHERE leaf_index = {index}"), (), |row| row.get(0)).unwrap();
    let last = octets.len() - 1;
    octets[last] ^= 1;
    let digits: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    tamper(folder, &format!("UPDATE entry SET {column} = x'{digits}' WHERE leaf_index = {index}"));
}

pub(super) fn found(folder: &Folder, arguments: &[&str]) -> String {
    masa(folder, &[&["log", "verify"], arguments].concat()).error()
}

#[test]
fn whole_ledger_is_verified_with_its_root_and_a_rate() {
    let folder = filled();
    let told: serde_json::Value = serde_json::from_str(&masa(&folder, &["log", "verify", "-o", "json"]).ok()).unwrap();
    let checkpoint = checkpoint(&folder);
    assert_eq!((told["entries"].as_u64(), told["root"].as_str()), (Some(300), Some(&*checkpoint.root.to_string())));
    assert!(told["entries-per-second"].as_u64().is_some_and(|rate| rate > 0));
}

#[test]
fn verified_ledger_is_as_it_was() {
    let folder = recorded(&["JADA1"]);
    let before = folder.files("masa");
    masa(&folder, &["log", "verify"]).ok();
    assert!(folder.files("masa").iter().filter(|(path, _)| !path.to_string_lossy().contains("ledger.sqlite-")).eq(before.iter()));
}

#[test]
fn flipped_bit_in_an_entry_s_octets_is_found_and_named() {
    let folder = filled();
    flip(&folder, "octets", 2);
    assert!(found(&folder, &[]).ends_with("entry 2 (recorded) was changed: its octets"));
}

#[test]
fn flipped_bit_in_a_leaf_hash_is_found_and_named() {
    let folder = filled();
    flip(&folder, "leaf_hash", 3);
    assert!(found(&folder, &[]).ends_with("entry 3 (stated) was changed: its leaf hash"));
}

#[test]
fn changed_entry_above_which_nothing_is_kept_yet_is_named_and_judged_by_the_checkpoint() {
    let folder = recorded(&["JADA1"]);
    folder.write("checkpoint.txt", masa(&folder, &["log", "checkpoint"]).ok());
    flip(&folder, "octets", 2);
    assert!(found(&folder, &[]).ends_with("entry 2 (recorded) was changed: its octets or its leaf hash, which do not fit each other"));
    assert!(found(&folder, &["--checkpoint", "checkpoint.txt"]).ends_with("entry 2 (recorded) was changed: its octets"));
}

#[test]
fn entry_changed_with_its_leaf_hash_is_found_by_the_hash_over_it() {
    let folder = filled();
    flip(&folder, "octets", 2);
    let octets: Vec<u8> = ledger(&folder).query_row("SELECT octets FROM entry WHERE leaf_index = 2", (), |row| row.get(0)).unwrap();
    tamper(&folder, &format!("UPDATE entry SET leaf_hash = x'{}' WHERE leaf_index = 2", brski_common::log::leaf_hash(&octets)));
    let error = found(&folder, &[]);
    assert!(error.contains("entries 0 to 255 are not those over which the hash of height 8 was made"), "{error}");
}

#[test]
fn deleted_subtree_row_is_found_and_named() {
    let folder = filled();
    tamper(&folder, "DELETE FROM subtree");
    assert!(found(&folder, &[]).ends_with("the hash over entries 0 to 255 (height 8) is missing"));
}

#[test]
fn removed_last_entry_is_found_with_a_checkpoint_alone() {
    let folder = recorded(&["JADA1"]);
    folder.write("checkpoint.txt", masa(&folder, &["log", "checkpoint"]).ok());
    tamper(&folder, "DELETE FROM entry WHERE leaf_index = 3");
    masa(&folder, &["log", "verify"]).ok();
    let error = found(&folder, &["--checkpoint", "checkpoint.txt"]);
    assert!(error.ends_with("entry 3 is missing, and all after it: the checkpoint was signed over 4 entries"), "{error}");
}

#[test]
fn removed_entry_in_between_is_found_and_named() {
    let folder = filled();
    tamper(&folder, "DELETE FROM entry WHERE leaf_index = 290");
    assert!(found(&folder, &[]).ends_with("entry 290 is missing"));
}

#[test]
fn entry_filed_under_another_device_or_kind_is_found_and_named() {
    let wrong = "was changed: its octets are no entry of the kind and device that it is filed under";
    for (statement, entry) in [
        ("UPDATE entry SET device = 4, once = NULL WHERE leaf_index = 1", "1 (made)"),
        ("UPDATE entry SET device = 4, once = NULL WHERE leaf_index = 2", "2 (recorded)"),
        ("UPDATE entry SET device = 4, once = NULL WHERE leaf_index = 3", "3 (stated)"),
        ("UPDATE entry SET kind = 'recorded', once = NULL WHERE leaf_index = 3", "3 (recorded)"),
    ] {
        let folder = recorded(&["JADA1", "JADA2"]);
        tamper(&folder, statement);
        let error = found(&folder, &[]);
        assert!(error.ends_with(&format!("entry {entry} {wrong}")), "{error}");
    }
}

#[test]
fn entry_moved_to_a_device_whose_name_it_contains_is_found_and_named() {
    let folder = recorded(&["JADA12"]);
    tamper(&folder, "INSERT INTO device (serial, issuer, made) SELECT 'A', issuer, 2 FROM device");
    assert!(found(&folder, &[]).ends_with("the device A is listed as made by entry 2, which does not say so"));
    tamper(&folder, "UPDATE entry SET device = 2 WHERE leaf_index = 2");
    assert!(found(&folder, &[]).contains("entry 2 (recorded) was changed: its octets are no entry of the kind and device"));
}

#[test]
fn forgotten_key_number_or_device_is_found_and_named() {
    for (statement, expected) in [
        ("UPDATE key SET beginning = 7", "entry 1 (made) was changed: its device is filed under another public key than that of its certificate"),
        ("UPDATE entry SET once = NULL WHERE leaf_index = 2", "entry 2 (recorded) was changed: it is filed under another number or nonce than its own"),
        ("UPDATE entry SET once = x'00000009' WHERE leaf_index = 3", "entry 3 (stated) was changed: it is filed under another number or nonce than its own"),
        ("UPDATE entry SET once = x'00' WHERE leaf_index = 0", "entry 0 (genesis) was changed: its octets are no entry"),
        ("DELETE FROM device", "entry 1 (made) was changed: its octets are no entry"),
        (
            "INSERT INTO entry (leaf_index, leaf_hash, kind, device, octets) SELECT 4, leaf_hash, kind, 4, octets FROM entry WHERE leaf_index = 1",
            "entry 4 (made) was changed: a device is made by its first entry and by no other",
        ),
    ] {
        let folder = recorded(&["JADA1"]);
        tamper(&folder, statement);
        let error = found(&folder, &[]);
        assert!(error.contains(expected), "{statement}: {error}");
    }
}

#[test]
fn whatever_does_not_belong_into_the_file_is_named() {
    for (statement, expected) in [
        ("CREATE TRIGGER x BEFORE INSERT ON entry BEGIN SELECT RAISE (IGNORE); END", "the trigger x does not belong to a ledger"),
        ("CREATE TABLE x (id INTEGER)", "the table x does not belong to a ledger"),
        ("DROP TRIGGER entry_is_kept", "the trigger entry_is_kept is missing, or is not as this version makes it"),
        ("DROP INDEX entry_once; CREATE INDEX entry_once ON entry (once)", "the index entry_once is missing, or is not as this version makes it"),
    ] {
        let folder = recorded(&["JADA1"]);
        ledger(&folder).execute_batch(statement).unwrap();
        let error = found(&folder, &[]);
        assert!(error.ends_with(expected), "{statement}: {error}");
    }
    let folder = recorded(&["JADA1"]);
    ledger(&folder).execute_batch("ANALYZE").unwrap();
    masa(&folder, &["log", "verify"]).ok();
}

#[test]
fn index_that_hides_entries_is_found() {
    let folder = recorded(&["JADA1"]);
    let define = |from: &str, to: &str| {
        let change = format!("UPDATE sqlite_schema SET sql = replace(sql, '{from}', '{to}') WHERE name = 'entry_by_device'");
        ledger(&folder).execute_batch(&format!("PRAGMA writable_schema = ON; {change}")).unwrap();
    };
    define("device < leaf_index - 1", "device = 9");
    ledger(&folder).execute_batch("REINDEX entry_by_device").unwrap();
    define("device = 9", "device < leaf_index - 1");
    assert!(found(&folder, &[]).contains("the file contradicts itself: "));
}

#[test]
fn log_written_anew_is_not_that_of_the_checkpoint() {
    let folder = recorded(&["JADA1"]);
    folder.write("checkpoint.txt", masa(&folder, &["log", "checkpoint"]).ok());
    std::fs::copy(manufacturer().path("masa/ledger.sqlite"), folder.path("masa/ledger.sqlite")).unwrap();
    record(&folder, &["JADA2", "JADA3"]);
    let error = found(&folder, &["--checkpoint", "checkpoint.txt"]);
    assert!(error.contains("the first 4 entries are not those that the checkpoint was signed over"), "{error}");
}

#[test]
fn lost_ledger_stops_every_command_and_is_not_begun_again() {
    let folder = recorded(&["JADA1"]);
    for content in [None, Some("")] {
        std::fs::remove_file(folder.path("masa/ledger.sqlite")).unwrap();
        content.into_iter().for_each(|content| folder.write("masa/ledger.sqlite", content));
        for arguments in [&["log", "checkpoint"][..], &["log", "prove", "JADA1"], &["log", "verify"], &["serve"], &["record", "report.jsonl"]] {
            let error = masa(&folder, arguments).error();
            assert!(error.contains("is missing or empty: restore it from a backup; only `init` begins one"), "{arguments:?}: {error}");
        }
        assert_eq!(std::fs::metadata(folder.path("masa/ledger.sqlite")).ok().map(|file| file.len()), content.map(|_| 0));
        folder.write("masa/ledger.sqlite", "");
    }
}

#[test]
fn checkpoint_of_another_log_is_not_trusted() {
    let (folder, other) = (recorded(&["JADA1"]), recorded(&["JADA1"]));
    folder.write("checkpoint.txt", masa(&other, &["log", "checkpoint"]).ok());
    for arguments in [&["log", "verify", "--checkpoint", "checkpoint.txt"][..], &["log", "consistency", "checkpoint.txt"]] {
        assert!(masa(&folder, arguments).error().contains("checkpoint.txt: not to be trusted"));
    }
}

/// The newest checkpoint, verified with the key that `init` wrote for witnesses.
fn checkpoint(folder: &Folder) -> brski_common::log::Checkpoint {
    let verifier: VerifierKey = folder.read("masa/log-verifier.txt").trim_end().parse().unwrap();
    let signed = SignedCheckpoint::parse(&masa(folder, &["log", "checkpoint"]).ok()).unwrap();
    signed.verify(&verifier).unwrap().clone()
}

#[test]
fn statement_and_receipt_prove_the_record() {
    let folder = recorded(&["JADA1", "JADA2"]);
    let told: serde_json::Value = serde_json::from_str(&masa(&folder, &["log", "prove", "JADA1", "--out", "receipt.cbor", "-o", "json"]).ok()).unwrap();
    let receipt = Receipt::from_wire(&std::fs::read(folder.path("receipt.cbor")).unwrap()).unwrap();
    let octets = std::fs::read(folder.path("statements/JADA1.cbor")).unwrap();
    let statement = Signed::<ProvenanceStatement>::from_wire(Format::Cose, octets.clone()).peek_unverified(Leniencies::NONE).unwrap();
    let checkpoint = checkpoint(&folder);
    let verifier: VerifierKey = folder.read("masa/log-verifier.txt").trim_end().parse().unwrap();
    let proof = receipt.verify_inclusion(&statement.record.0.into(), verifier.key()).unwrap();
    assert_eq!((proof.leaf_index, proof.tree_size, proof.root), (2, checkpoint.size, checkpoint.root));
    assert_eq!((told["leaf-index"].as_u64(), told["tree-size"].as_u64(), told["leaf"].as_str()), (Some(2), Some(7), Some(&*statement.record.to_string())));
    // The statement came with a receipt of its own, from the log as it was then.
    let [own] = <[Receipt; 1]>::try_from(receipts_of(&octets).unwrap()).unwrap();
    assert_eq!(own.verify_inclusion(&statement.record.0.into(), verifier.key()).unwrap().tree_size, 4);
}

#[test]
fn device_that_was_not_made_here_has_no_proof() {
    assert!(masa(&recorded(&["JADA1"]), &["log", "prove", "JADA2"]).error().contains("no device with serial number JADA2 was made here"));
}

#[test]
fn log_that_grew_is_proved_to_continue_its_checkpoint() {
    let folder = recorded(&["JADA1"]);
    folder.write("checkpoint.txt", masa(&folder, &["log", "checkpoint"]).ok());
    let old = checkpoint(&folder);
    assert!(masa(&folder, &["log", "consistency", "checkpoint.txt"]).error().contains("there is nothing to prove"));
    record(&folder, &["JADA2"]);
    assert_eq!(
        masa(&folder, &["log", "consistency", "checkpoint.txt", "--out", "receipt.cbor"]).ok().lines().next(),
        Some("the log of 7 entries continues that of 4")
    );
    let receipt = Receipt::from_wire(&std::fs::read(folder.path("receipt.cbor")).unwrap()).unwrap();
    let verifier: VerifierKey = folder.read("masa/log-verifier.txt").trim_end().parse().unwrap();
    assert_eq!(receipt.verify_consistency(old.size, &old.root, verifier.key()).unwrap().root, checkpoint(&folder).root);
    assert!(matches!(receipt.proof(), Proof::Consistency(_)));
}

#[test]
fn log_key_must_be_an_ed25519_key() {
    let folder = manufacturer();
    folder.edit("masa/masa.toml", "keys/log.pem", "keys/station-1.pem");
    assert!(masa(&folder, &["config", "check"]).error().contains("field log.key: must be an Ed25519 key"));
}

#[test]
fn configuration_without_log_key_is_told_how_to_make_one() {
    let folder = manufacturer();
    folder.edit("masa/masa.toml", "[log]\nkey = \"keys/log.pem\"\n", "");
    folder.edit("masa/masa.toml", "last-signed = \"log-last-signed.txt\"\n", "");
    assert!(masa(&folder, &["config", "check"]).error().contains("field log: is missing"));
}

#[test]
fn log_key_that_is_another_s_is_refused_with_both_fields() {
    for other in ["voucher-signer", "provenance-signer", "tls"] {
        let folder = manufacturer();
        folder.edit("masa/masa.toml", "keys/log.pem", &format!("keys/{other}.pem"));
        for arguments in [&["config", "check"][..], &["serve"]] {
            let error = masa(&folder, arguments).error();
            assert!(error.ends_with(&format!("field log.key: must be a key of its own, but is that of {other}.key")), "{error}");
        }
    }
}

/// The ledger with what is yet to be written into it.
fn copy_ledger(folder: &Folder, from: &str, to: &str) {
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(folder.path(&format!("masa/{to}{ending}")));
        if folder.path(&format!("masa/{from}{ending}")).exists() {
            std::fs::copy(folder.path(&format!("masa/{from}{ending}")), folder.path(&format!("masa/{to}{ending}"))).unwrap();
        }
    }
}

#[test]
fn backup_that_was_put_back_is_recorded_into_but_not_signed() {
    let folder = recorded(&["JADA1"]);
    copy_ledger(&folder, "ledger.sqlite", "backup.sqlite");
    record(&folder, &["JADA2"]);
    let signed = masa(&folder, &["log", "checkpoint"]).ok();
    copy_ledger(&folder, "backup.sqlite", "ledger.sqlite");
    let error = masa(&folder, &["log", "checkpoint"]).error();
    assert!(error.contains("the log has 4 entries") && error.contains("the 7 entries") && error.contains("backup"), "{error}");
    // The same size again, with another device in it.
    record(&folder, &["JADA3"]);
    let error = masa(&folder, &["log", "prove", "JADA3"]).error();
    assert!(error.contains("the log has 7 entries") && error.contains("the 7 entries"), "{error}");
    let statement = std::fs::read(folder.path("statements/JADA3.cbor")).unwrap();
    assert_eq!(receipts_of(&statement).unwrap(), []);
    assert_eq!(folder.read("masa/log-last-signed.txt"), signed);
}

#[test]
fn last_signed_state_is_kept_where_the_configuration_says() {
    for (line, place) in [("last-signed = \"elsewhere.txt\"\n", "masa/elsewhere.txt"), ("", "masa/log-last-signed.txt")] {
        let folder = manufacturer();
        folder.edit("masa/masa.toml", "last-signed = \"log-last-signed.txt\"\n", line);
        let checkpoint = masa(&folder, &["log", "checkpoint"]).ok();
        assert_eq!(folder.read(place), checkpoint);
    }
}
