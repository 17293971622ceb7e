//! `backup` and `restore`: what is put back, what is refused, and what is said of losses.

use std::os::unix::fs::PermissionsExt as _;

use brski_masa::ledger::{Lost, Restored};
use serde_json::Value;

use super::manufacture::report;
use super::support::{Finished, Folder};
use super::{MASA, manufacturer, masa};

/// A manufacturer that has recorded one device and signed its log, which has 4 entries then, and a backup of that.
pub(super) fn backed_up() -> Folder {
    let folder = manufacturer();
    record(&folder, "JADA1");
    masa(&folder, &["backup", "--out", "backup.tar"]).ok();
    folder
}

/// Three entries: that it was made, its record, its statement.
pub(super) fn record(folder: &Folder, serial: &str) {
    folder.write("reports.jsonl", report(folder, serial));
    masa(folder, &["record", "--statements", "statements", "reports.jsonl"]).ok();
    folder.write(&format!("{serial}.checkpoint"), masa(folder, &["log", "checkpoint"]).ok());
}

pub(super) fn lose_the_ledger(folder: &Folder) {
    std::fs::remove_file(folder.path("masa/ledger.sqlite")).unwrap();
}

fn lose_the_memory(folder: &Folder) {
    std::fs::remove_file(folder.path("masa/log-last-signed.txt")).unwrap();
}

pub(super) fn restore(folder: &Folder, arguments: &[&str]) -> Finished {
    masa(folder, &[&["restore", "backup.tar", "--by", "Ann", "--reason", "disk failed", "-o", "json"], arguments].concat())
}

pub(super) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

pub(super) fn entries(folder: &Folder) -> Value {
    json(&masa(folder, &["log", "verify", "-o", "json"]).ok())["entries"].clone()
}

/// Writes a new key for the log.
pub(super) fn new_key(folder: &Folder, name: &str) {
    // The form of RFC 8410: an octet string in an octet string.
    let mut seed = [0; 32];
    aws_lc_rs::rand::fill(&mut seed).unwrap();
    let der = [&[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20][..], &seed].concat();
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der);
    folder.write(name, format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n"));
}

#[test]
fn backup_is_for_its_owner_alone_and_leaves_nothing_beside_it() {
    let folder = backed_up();
    assert_eq!(std::fs::metadata(folder.path("backup.tar")).unwrap().permissions().mode() & 0o777, 0o600);
    let names: Vec<_> = std::fs::read_dir(folder.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().contains("part")), "{names:?}");
}

#[test]
fn backup_holds_no_private_key_and_says_so() {
    let folder = manufacturer();
    let told = json(&masa(&folder, &["backup", "--out", "backup.tar", "-o", "json"]).ok());
    let octets = std::fs::read(folder.path("backup.tar")).unwrap();
    assert!(!String::from_utf8_lossy(&octets).contains("PRIVATE KEY"));
    let left_out: Vec<&str> = told["left-out"].as_array().unwrap().iter().filter_map(|left| left["path"].as_str()).collect();
    assert!(["keys/tls.pem", "keys/log.pem", "keys/voucher-signer.pem"].iter().all(|key| left_out.contains(key)), "{left_out:?}");
}

#[test]
fn defaults_of_a_product_line_are_backed_up_and_links_to_audit_logs_are_told_to_be_left_out() {
    let folder = manufacturer();
    let line = "[[product-lines]]\nname = \"pumps\"\nserial-prefix = \"PU\"\ndefaults = \"pumps.json\"\n";
    folder.write("masa/masa.toml", folder.read("masa/masa.toml") + line);
    folder.write("masa/pumps.json", "{\"site\": \"Bern\"}");
    record(&folder, "JADA1");
    masa(&folder, &["audit-log", "JADA1", "--link"]).ok();
    let told = json(&masa(&folder, &["backup", "--out", "backup.tar", "-o", "json"]).ok());
    let left_out: Vec<&str> = told["left-out"].as_array().unwrap().iter().filter_map(|left| left["path"].as_str()).collect();
    assert!(left_out.contains(&"audit-links.sqlite") && !left_out.contains(&"pumps.json"), "{left_out:?}");
    folder.write("known.txt", folder.read("masa/log-verifier.txt"));
    std::fs::remove_dir_all(folder.path("masa")).unwrap();
    restore(&folder, &["--dir", "masa", "--log-verifier", "known.txt", "--checkpoint", "JADA1.checkpoint"]).ok();
    assert_eq!(folder.read("masa/pumps.json"), "{\"site\": \"Bern\"}");
}

#[test]
fn backup_into_a_folder_is_named_after_the_time() {
    let folder = manufacturer();
    std::fs::create_dir(folder.path("backups")).unwrap();
    let told = json(&masa(&folder, &["backup", "--out", "backups", "-o", "json"]).ok());
    let file = told["file"].as_str().unwrap();
    assert!(file.starts_with("backups/masa-20") && file.ends_with("Z.tar") && folder.path(file).exists(), "{file}");
}

#[test]
fn backup_overwrites_nothing() {
    let folder = backed_up();
    assert!(masa(&folder, &["backup", "--out", "backup.tar"]).error().contains("backup.tar: exists already"));
}

#[test]
fn damaged_ledger_yields_no_backup() {
    let folder = manufacturer();
    record(&folder, "JADA1");
    let mut octets = std::fs::read(folder.path("masa/ledger.sqlite")).unwrap();
    let at = octets.windows(5).position(|part| part == b"JADA1").unwrap();
    octets[at] ^= 1;
    folder.write("masa/ledger.sqlite", octets);
    masa(&folder, &["backup", "--out", "backup.tar"]).error();
    assert!(!folder.path("backup.tar").exists());
}

#[test]
fn ledger_that_the_log_has_outgrown_yields_no_backup() {
    let folder = manufacturer();
    let before = std::fs::read(folder.path("masa/ledger.sqlite")).unwrap();
    record(&folder, "JADA1");
    folder.write("masa/ledger.sqlite", before);
    let error = masa(&folder, &["backup", "--out", "backup.tar"]).error();
    assert!(error.contains("entry 1 is missing, and all after it: the checkpoint was signed over 4 entries"), "{error}");
}

#[test]
fn backup_is_made_beside_a_running_server() {
    let folder = manufacturer();
    folder.listen_anywhere("masa/masa.toml");
    let mut server = folder.start(MASA, &["serve"]);
    server.port();
    masa(&folder, &["backup", "--out", "backup.tar"]).ok();
    assert_eq!(server.stop("TERM").0, Some(0));
}

#[test]
fn ledger_is_back_with_all_entries_and_one_that_tells_of_it() {
    let folder = backed_up();
    lose_the_ledger(&folder);
    let told = json(&restore(&folder, &[]).ok());
    assert_eq!((&told["entries"], &told["entry"], &told["lost"]), (&4.into(), &4.into(), &Value::Null));
    assert_eq!(entries(&folder), 5);
    assert_eq!(std::fs::metadata(folder.path("masa/ledger.sqlite")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn restored_log_goes_on_under_its_key_and_continues_what_was_signed() {
    let folder = backed_up();
    lose_the_ledger(&folder);
    restore(&folder, &[]).ok();
    record(&folder, "JADA2");
    masa(&folder, &["log", "consistency", "JADA1.checkpoint"]).ok();
}

#[test]
fn ledger_that_exists_is_not_overwritten() {
    let folder = backed_up();
    let before = std::fs::read(folder.path("masa/ledger.sqlite")).unwrap();
    assert!(restore(&folder, &[]).error().contains("masa/ledger.sqlite: exists; nothing was changed, --replace would move it aside"));
    assert_eq!(std::fs::read(folder.path("masa/ledger.sqlite")).unwrap(), before);
}

#[test]
fn replaced_ledger_is_kept_aside() {
    let folder = backed_up();
    folder.write("masa/ledger.sqlite", "damaged");
    let told = json(&restore(&folder, &["--replace"]).ok());
    assert_eq!(folder.read(told["moved"][0].as_str().unwrap()), "damaged");
    assert_eq!(entries(&folder), 5);
}

#[test]
fn what_a_killed_server_left_beside_the_lost_ledger_does_not_undo_the_restore() {
    let folder = manufacturer();
    folder.edit("masa/masa.toml", "listen = \"127.0.0.1:9443\"", "listen = \"127.0.0.1:0\"");
    let mut server = folder.start(MASA, &["serve"]);
    server.port();
    record(&folder, "JADA1");
    masa(&folder, &["backup", "--out", "backup.tar"]).ok();
    server.stop("KILL");
    let log = std::fs::read(folder.path("masa/ledger.sqlite-wal")).unwrap();
    assert!(!log.is_empty());
    std::fs::rename(folder.path("masa/ledger.sqlite"), folder.path("lost.sqlite")).unwrap();

    let told = json(&restore(&folder, &[]).ok());
    let moved: Vec<&str> = told["moved"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let aside = moved.iter().find(|path| path.ends_with("-wal")).unwrap();
    assert_eq!(std::fs::read(folder.path(aside)).unwrap(), log);
    assert_eq!(entries(&folder), 5);
    let ledger = rusqlite::Connection::open(folder.path("masa/ledger.sqlite")).unwrap();
    let kind: String = ledger.query_row("SELECT kind FROM entry WHERE leaf_index = 4", (), |row| row.get(0)).unwrap();
    assert_eq!(kind, "restored");
}

#[test]
fn whole_ledger_with_more_entries_is_not_replaced() {
    let folder = backed_up();
    record(&folder, "JADA2");
    assert!(restore(&folder, &["--replace"]).error().contains("is whole and has 7 entries, and the backup has 4"));
    assert_eq!(entries(&folder), 7);
}

#[test]
fn ledger_that_a_server_uses_is_not_replaced() {
    let folder = backed_up();
    folder.listen_anywhere("masa/masa.toml");
    let mut server = folder.start(MASA, &["serve"]);
    server.port();
    assert!(restore(&folder, &["--replace"]).error().contains("is in use; stop the server first"));
    assert_eq!(server.stop("TERM").0, Some(0));
}

#[test]
fn lost_entries_forbid_the_log_to_go_on_under_its_key() {
    let folder = backed_up();
    record(&folder, "JADA2");
    lose_the_ledger(&folder);
    let error = restore(&folder, &[]).error();
    assert!(error.contains("the log has signed 7 entries, and the backup has 4: others may hold receipts for what lies between"), "{error}");
    assert!(!folder.path("masa/ledger.sqlite").exists());
}

#[test]
fn checkpoint_that_others_hold_tells_of_lost_entries_as_well() {
    let folder = backed_up();
    let memory = folder.read("masa/log-last-signed.txt");
    record(&folder, "JADA2");
    lose_the_ledger(&folder);
    // Put back together with the ledger, which it should not be.
    folder.write("masa/log-last-signed.txt", memory);
    assert!(restore(&folder, &["--checkpoint", "JADA2.checkpoint"]).error().contains("the log has signed 7 entries, and the backup has 4"));
}

#[test]
fn nobody_restores_without_knowing_what_was_signed() {
    let folder = backed_up();
    lose_the_ledger(&folder);
    lose_the_memory(&folder);
    assert!(restore(&folder, &[]).error().contains("nobody knows what the log signed since the backup"));
    restore(&folder, &["--checkpoint", "JADA1.checkpoint"]).ok();
    // And it is remembered from now on.
    record(&folder, "JADA2");
    masa(&folder, &["log", "consistency", "JADA1.checkpoint"]).ok();
}

#[test]
fn log_with_losses_is_another_one_that_names_them() {
    let folder = backed_up();
    record(&folder, "JADA2");
    lose_the_ledger(&folder);
    new_key(&folder, "masa/keys/log-2.pem");
    let former = folder.read("masa/log-verifier.txt");
    let told = json(&restore(&folder, &["--new-log-key", "masa/keys/log-2.pem"]).ok());
    assert_eq!((&told["lost"], &told["entry"]), (&7.into(), &4.into()));
    assert_eq!(told["log-verifier"].as_str().unwrap(), folder.read("masa/log-verifier.txt").trim());
    assert_eq!(folder.read(told["former-log-verifier"].as_str().unwrap()), former);

    // The old key signs nothing any more, and the new one goes on.
    let error = masa(&folder, &["log", "checkpoint"]).error();
    let signed = format!("that this log signed with its present key {}, but one by {}", former.trim(), name_and_id(told["log-verifier"].as_str().unwrap()));
    assert!(error.contains(&signed), "{error}");
    folder.edit("masa/masa.toml", "key = \"keys/log.pem\"", "key = \"keys/log-2.pem\"");
    record(&folder, "JADA3");
    assert_eq!(entries(&folder), 8);

    let signed = brski_common::log::SignedCheckpoint::parse(&folder.read("JADA2.checkpoint")).unwrap();
    let log = former.trim().parse().unwrap();
    let root = signed.verify(&log).unwrap().root;
    let restored = restored_by(&folder, 4);
    assert_eq!((restored.by.as_str(), restored.reason.as_str()), ("Ann", "disk failed"));
    assert_eq!(restored.lost, Lost::Signed(brski_masa::TreeHead { size: 7, root }));
}

/// Name and key ID of a verifier key.
fn name_and_id(verifier: &str) -> String {
    verifier.splitn(3, '+').take(2).collect::<Vec<_>>().join("+")
}

/// The entry that tells of the restoration.
fn restored_by(folder: &Folder, entry: u64) -> Restored {
    let ledger = rusqlite::Connection::open(folder.path("masa/ledger.sqlite")).unwrap();
    let find = "SELECT kind, octets FROM entry WHERE leaf_index = ?1";
    let (kind, octets): (String, Vec<u8>) = ledger.query_row(find, [i64::try_from(entry).unwrap()], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let brski_masa::Entry::Restored(restored) = brski_masa::Entry::from_octets(&kind, &octets).unwrap() else { panic!("{kind}") };
    restored
}

#[test]
fn log_of_which_nobody_knows_what_was_signed_goes_on_under_another_key() {
    let folder = backed_up();
    lose_the_ledger(&folder);
    lose_the_memory(&folder);
    new_key(&folder, "masa/keys/log-2.pem");
    let told = json(&restore(&folder, &["--new-log-key", "masa/keys/log-2.pem"]).ok());
    // Nothing that was signed is known to be lost, which is another thing than that nothing is.
    assert_eq!((&told["lost"], restored_by(&folder, told["entry"].as_u64().unwrap()).lost), (&"unknown".into(), Lost::Unknown));
    assert!(masa(&folder, &["log", "checkpoint"]).error().contains("does not hold a checkpoint that this log signed"));
    folder.edit("masa/masa.toml", "key = \"keys/log.pem\"", "key = \"keys/log-2.pem\"");
    record(&folder, "JADA2");
}

#[test]
fn key_that_the_log_has_had_is_not_its_new_one() {
    let folder = backed_up();
    record(&folder, "JADA2");
    lose_the_ledger(&folder);
    assert!(restore(&folder, &["--new-log-key", "masa/keys/log.pem"]).error().contains("is the key that the log has had"));
}

#[test]
fn new_key_without_a_loss_is_refused() {
    let folder = backed_up();
    lose_the_ledger(&folder);
    new_key(&folder, "masa/keys/log-2.pem");
    assert!(restore(&folder, &["--new-log-key", "masa/keys/log-2.pem"]).error().contains("--new-log-key is not needed"));
}

#[test]
fn corrupted_backup_is_refused_wherever_it_is_corrupted() {
    let folder = backed_up();
    lose_the_ledger(&folder);
    let whole = std::fs::read(folder.path("backup.tar")).unwrap();
    let ledger = whole.windows(15).position(|part| part == b"SQLite format 3").unwrap();
    for at in [600, ledger + 5000, ledger + 9000, whole.len() - 6000] {
        let mut octets = whole.clone();
        octets[at] ^= 1;
        folder.write("backup.tar", octets);
        restore(&folder, &[]).error();
        assert!(!folder.path("masa/ledger.sqlite").exists(), "octet {at}");
    }
    for length in [0, 100, 1024, ledger + 100, whole.len() - 6000] {
        folder.write("backup.tar", &whole[..length]);
        restore(&folder, &[]).error();
        assert!(!folder.path("masa/ledger.sqlite").exists(), "{length} octets");
    }
    let names: Vec<_> = std::fs::read_dir(folder.path("masa")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().contains("restoring")), "{names:?}");
}

#[test]
fn backup_of_another_log_is_refused() {
    let folder = backed_up();
    folder.write("known.txt", folder.read("masa/log-verifier.txt"));
    std::fs::remove_dir_all(folder.path("masa")).unwrap();
    masa(&folder, &["init", "--host", "other.example.com"]).ok();
    lose_the_ledger(&folder);
    let error = restore(&folder, &["--log-verifier", "known.txt"]).error();
    assert!(error.contains("a backup of the log of localhost:9443, expected other.example.com:9443"), "{error}");
}

#[test]
fn new_machine_gets_configuration_and_ledger_and_signs_once_the_keys_are_back() {
    let folder = backed_up();
    let keys = folder.files("masa/keys");
    folder.write("known.txt", folder.read("masa/log-verifier.txt"));
    std::fs::remove_dir_all(folder.path("masa")).unwrap();
    let told = json(&restore(&folder, &["--dir", "masa", "--log-verifier", "known.txt", "--checkpoint", "JADA1.checkpoint"]).ok());
    assert!(told["unpacked"].as_array().unwrap().contains(&"masa/masa.toml".into()), "{told}");
    for (path, key) in keys {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, key).unwrap();
    }
    assert_eq!(entries(&folder), 5);
    masa(&folder, &["log", "consistency", "JADA1.checkpoint"]).ok();
    masa(&folder, &["config", "check"]).ok();
}

#[test]
fn configuration_that_exists_and_is_another_one_is_left_alone() {
    let folder = backed_up();
    folder.edit("masa/masa.toml", "body-limit = 65536", "body-limit = 65537");
    let error = restore(&folder, &["--dir", "masa"]).error();
    assert!(error.contains("masa/masa.toml: exists and is another than in the backup"), "{error}");
}

#[test]
fn ledger_of_an_earlier_version_is_backed_up_as_it_is_and_brought_up_to_date_when_it_is_put_back() {
    for version in [1, 2] {
        let folder = manufacturer();
        record(&folder, "JADA1");
        super::log::take_back(&super::log::ledger(&folder), version);
        masa(&folder, &["backup", "--out", "backup.tar"]).ok();
        lose_the_ledger(&folder);
        restore(&folder, &[]).ok();
        assert_eq!(entries(&folder), 5);
        masa(&folder, &["log", "consistency", "JADA1.checkpoint"]).ok();
    }
}
