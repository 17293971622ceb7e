//! `backup` and `restore`.

use std::collections::BTreeMap;

use brski_common::UnixTime;
use brski_registrar::backup::Manifest;
use brski_registrar::pledges::verify;

use super::support::Folder;
use super::{REGISTRAR, append, held, owner, registrar, strangers, with_events};

/// A registrar with one pledge and a backup of that.
fn backed_up() -> Folder {
    let folder = with_events([held("JADA1", 0xab, "Maker", 60)]);
    registrar(&folder, &["backup", "backup.sqlite"]).ok();
    folder
}

fn restore(folder: &Folder, more: &[&str]) -> super::Finished {
    registrar(folder, &[&["restore", "backup.sqlite", "--why", "the disk died", "--by", "ann"], more].concat())
}

fn lose(folder: &Folder) {
    for ending in ["", "-wal", "-shm"] {
        let _none = std::fs::remove_file(folder.path(&format!("registrar/pledges.sqlite{ending}")));
    }
}

#[test]
fn lost_store_comes_back_and_its_trail_tells_of_it() {
    let folder = backed_up();
    lose(&folder);
    let report = restore(&folder, &[]).ok();
    assert!(report.ends_with("pledges.sqlite: restored with 1 events, and one more that tells of it\n"), "{report}");
    registrar(&folder, &["pledges", "show", "JADA1"]).ok();
    let last = registrar(&folder, &["audit", "export", "--from", "1"]).ok();
    assert!(last.contains("\"event\":\"restored\",\"by\":{\"name\":\"ann\",\"why\":\"the disk died\""), "{last}");
    registrar(&folder, &["audit", "checkpoint"]).ok();
    registrar(&folder, &["audit", "verify"]).ok();
}

#[test]
fn backup_is_made_while_the_server_runs() {
    let folder = with_events([held("JADA1", 0xab, "Maker", 60)]);
    folder.listen_anywhere("registrar/registrar.toml");
    let mut server = folder.start(REGISTRAR, &["serve"]);
    server.port();
    registrar(&folder, &["backup", "backup.sqlite"]).ok();
    let error = restore(&folder, &["--replace"]).error();
    assert!(error.ends_with("pledges.sqlite: is in use; stop the server first"), "{error}");
    assert_eq!(server.stop("TERM").0, Some(0));
}

#[test]
fn backup_replaces_nothing() {
    let folder = backed_up();
    assert!(registrar(&folder, &["backup", "backup.sqlite"]).error().contains("backup.sqlite: exists already; nothing was made"));
    assert!(restore(&folder, &[]).error().ends_with("pledges.sqlite: exists; nothing was changed, --replace would move it aside"));
}

#[test]
fn backup_that_was_changed_is_not_restored() {
    let folder = backed_up();
    lose(&folder);
    let mut octets = std::fs::read(folder.path("backup.sqlite")).unwrap();
    *octets.last_mut().unwrap() ^= 1;
    folder.write("backup.sqlite", octets);
    let error = restore(&folder, &[]).error();
    assert!(error.contains("backup.sqlite: is not what its manifest says; nothing was changed"), "{error}");
    assert!(!folder.path("registrar/pledges.sqlite").exists());
}

#[test]
fn manifest_that_was_changed_is_not_believed() {
    let folder = backed_up();
    folder.edit("backup.sqlite.manifest.json", "\\\"events\\\":1", "\\\"events\\\":2");
    assert!(restore(&folder, &["--replace"]).error().contains("none of the trail's keys signed it"));
}

#[test]
fn older_backup_is_no_fork_of_the_trail() {
    let folder = backed_up();
    append(&folder, [strangers(1), strangers(2)]);
    registrar(&folder, &["audit", "checkpoint"]).ok();
    let contradiction = "the backup ends after 1 events, and 3 are known: 2 would be lost";
    assert!(restore(&folder, &["--replace"]).error().contains(contradiction));
    lose(&folder);
    assert!(restore(&folder, &[]).error().contains(contradiction));
}

#[test]
fn lost_events_that_are_accepted_begin_a_trail_under_a_new_key() {
    let folder = backed_up();
    append(&folder, [strangers(1), strangers(2)]);
    let signed = registrar(&folder, &["audit", "checkpoint"]).ok();
    folder.write("signed.txt", signed);
    let old = folder.read("registrar/certificates/trail-verifier.txt");
    let report = restore(&folder, &["--replace", "--new-trail-key"]).ok();
    assert!(report.contains("\nlost: 2 events\n"), "{report}");

    let keys = folder.read("registrar/certificates/trail-verifier.txt");
    assert_eq!((keys.starts_with(&old), keys.lines().count()), (true, 2));
    let checkpoint = registrar(&folder, &["audit", "checkpoint"]).ok();
    assert_eq!(checkpoint.lines().nth(1), Some("2"));
    registrar(&folder, &["audit", "verify"]).ok();
    let error = registrar(&folder, &["audit", "verify", "--checkpoint", "signed.txt"]).error();
    let expected = "the checkpoint over 3 events is of a former trail, of which this one has the first 1: event 1 tells that it was restored out of a backup, to go on under a \
                    new key, by ann (command line, as ";
    assert!(error.contains(expected), "{error}");
    assert!(error.contains(": the disk died; the other 2 are lost, and nothing else was touched"), "{error}");
}

#[test]
fn checkpoint_of_the_former_key_over_what_came_back_is_as_good_as_ever() {
    let folder = backed_up();
    let signed = registrar(&folder, &["audit", "checkpoint"]).ok();
    folder.write("signed.txt", signed);
    append(&folder, [strangers(1)]);
    registrar(&folder, &["audit", "checkpoint"]).ok();
    restore(&folder, &["--replace", "--new-trail-key"]).ok();
    registrar(&folder, &["audit", "verify", "--checkpoint", "signed.txt"]).ok();
}

#[test]
fn former_checkpoint_excuses_nothing_else() {
    let folder = backed_up();
    append(&folder, [strangers(1), strangers(2)]);
    let signed = registrar(&folder, &["audit", "checkpoint"]).ok();
    folder.write("signed.txt", signed);
    restore(&folder, &["--replace", "--new-trail-key"]).ok();
    damage(&folder);
    let error = registrar(&folder, &["audit", "verify", "--checkpoint", "signed.txt"]).error();
    assert!(error.contains("the audit trail is damaged: the file of "), "{error}");
}

/// Somebody changes a pledge's file with a database tool.
fn damage(folder: &Folder) {
    let store = rusqlite::Connection::open(folder.path("registrar/pledges.sqlite")).unwrap();
    store.execute("UPDATE file SET state = 'enrolled'", []).unwrap();
}

#[test]
fn store_that_is_damaged_does_not_tell_how_long_the_trail_was() {
    let folder = backed_up();
    append(&folder, [strangers(1), strangers(2)]);
    let signed = registrar(&folder, &["audit", "checkpoint"]).ok();
    damage(&folder);
    std::fs::remove_file(folder.path("registrar/trail-last-signed.txt")).unwrap();
    let before = std::fs::read(folder.path("registrar/pledges.sqlite")).unwrap();
    let error = restore(&folder, &["--replace"]).error();
    assert!(
        error.contains(
            "the backup ends after 1 events, and nobody knows how many there were: the store that is there does not tell (the audit trail is damaged: "
        ),
        "{error}"
    );
    assert!(error.ends_with("or accept the loss with --new-trail-key"), "{error}");
    assert_eq!(std::fs::read(folder.path("registrar/pledges.sqlite")).unwrap(), before);

    // What others hold stands in for it.
    folder.write("registrar/trail-last-signed.txt", signed);
    assert!(restore(&folder, &["--replace"]).error().contains("the backup ends after 1 events, and 3 are known: 2 would be lost"));
}

#[test]
fn trail_of_unknown_length_goes_on_under_a_new_key() {
    let folder = backed_up();
    lose(&folder);
    std::fs::remove_file(folder.path("registrar/trail-last-signed.txt")).unwrap();
    let error = restore(&folder, &[]).error();
    assert!(error.contains("nobody knows how many there were: there is no store, and there is no trail-last-signed.txt"), "{error}");
    let report = restore(&folder, &["--new-trail-key"]).ok();
    assert!(report.contains("\nlost: nobody knows how many events there were since the backup\n"), "{report}");
    registrar(&folder, &["audit", "verify"]).ok();
}

#[test]
fn backup_of_another_trail_than_was_signed_last_is_not_restored() {
    let folder = backed_up();
    lose(&folder);
    std::fs::remove_file(folder.path("registrar/trail-last-signed.txt")).unwrap();
    append(&folder, [strangers(1)]);
    registrar(&folder, &["audit", "checkpoint"]).ok();
    let before = std::fs::read(folder.path("registrar/pledges.sqlite")).unwrap();
    let error = restore(&folder, &["--replace"]).error();
    assert!(error.contains("was changed, leaf hash and all, after the checkpoint over 1 events was signed"), "{error}");
    assert_eq!(std::fs::read(folder.path("registrar/pledges.sqlite")).unwrap(), before);
    restore(&folder, &["--replace", "--new-trail-key"]).ok();
}

/// An owner whose trail is not signed, with a backup that version 2 of the store made, and the file of each pledge in it.
fn backed_up_by_version_2() -> (Folder, BTreeMap<String, serde_json::Value>) {
    let folder = owner();
    folder.edit("registrar/registrar.toml", "[trail]\n", "");
    let text = folder.read("registrar/registrar.toml");
    let unsigned: Vec<_> = text.lines().filter(|line| !line.starts_with("name = \"localhost:8443/trail\"") && *line != "key = \"keys/trail.pem\"").collect();
    folder.write("registrar/registrar.toml", unsigned.join("\n"));
    let backup = folder.path("backup.sqlite");
    let store = rusqlite::Connection::open(&backup).unwrap();
    store.execute_batch(include_str!("../../src/pledges/sqlite/tests/version_2.sql")).unwrap();
    let mut files = store.prepare("SELECT serial, json FROM file").unwrap();
    let files = files.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?))).unwrap().map(Result::unwrap);
    let files = files.map(|(serial, json)| (serial, serde_json::from_str(&json).unwrap())).collect();
    let manifest = Manifest::of(&backup, &verify(&backup, &[], &[]).unwrap(), None, UnixTime::now()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    folder.write("backup.sqlite.manifest.json", runtime.block_on(manifest.sign(None)).unwrap().to_json().unwrap());
    (folder, files)
}

#[test]
fn backup_of_an_older_version_is_restored_and_shows_its_pledges_as_they_were() {
    let (folder, files) = backed_up_by_version_2();
    let report = restore(&folder, &[]).ok();
    let expected =
        "pledges.sqlite: restored with 28 events, and one more that tells of it\nadded: 8 events of what an older version had not written down\nlost: ";
    assert!(report.contains(expected), "{report}");
    assert!(registrar(&folder, &["audit", "verify"]).ok().starts_with("audit trail: 37 events verified, 10 pledges as they amount to\n"));
    assert_eq!(files.len(), 9);
    for (serial, mut file) in files {
        if serial == "JADA3" {
            // Ann said it twice, once as ann.
            file["approvals"].as_array_mut().unwrap().remove(0);
        }
        let shown: serde_json::Value = serde_json::from_str(&registrar(&folder, &["pledges", "show", &serial, "-o", "json"]).ok()).unwrap();
        assert_eq!(shown["file"], file, "{serial}");
    }
}
