//! `backup` and `restore`.

use super::support::Folder;
use super::{REGISTRAR, append, held, registrar, strangers, with_events};

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
    assert!(registrar(&folder, &["audit", "verify", "--checkpoint", "signed.txt"]).error().contains("is lost"));
}
