//! `audit`, and the checkpoints that the server signs.

use super::support::Folder;
use super::{REGISTRAR, append, held, owner, registrar, strangers, with_events};

/// Changes the store as somebody with a database tool would, past its triggers.
fn tamper(folder: &Folder, sql: &str) {
    let store = rusqlite::Connection::open(folder.path("registrar/pledges.sqlite")).unwrap();
    let mut triggers = store.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").unwrap();
    let triggers: Vec<(String, String)> = triggers.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    triggers.iter().for_each(|(name, _)| store.execute_batch(&format!("DROP TRIGGER {name}")).unwrap());
    store.execute_batch(sql).unwrap();
    triggers.iter().for_each(|(_, made)| store.execute_batch(made).unwrap());
}

#[test]
fn signed_trail_is_verified() {
    let folder = with_events([held("JADA1", 0xab, "Maker", 60), strangers(3)]);
    let checkpoint = registrar(&folder, &["audit", "checkpoint"]).ok();
    assert!(checkpoint.starts_with("localhost:8443/trail\n2\n"), "{checkpoint}");
    let report = registrar(&folder, &["audit", "verify"]).ok();
    assert!(report.starts_with("audit trail: 2 events verified, 1 pledges as they amount to\nroot: "), "{report}");
    assert!(report.ends_with("\nsigned: the first 2 events; checkpoints in the store: 1\n"), "{report}");
}

#[test]
fn first_event_that_was_touched_is_named() {
    let folder = with_events([strangers(1), strangers(2), strangers(3)]);
    tamper(&folder, "UPDATE event SET octets = CAST(replace(CAST(octets AS TEXT), 'no accepted', 'some known') AS BLOB) WHERE number > 0");
    let error = registrar(&folder, &["audit", "verify"]).error();
    assert!(error.contains("the audit trail is damaged: event 1 was changed"), "{error}");
}

#[test]
fn trail_that_was_cut_back_with_all_that_follows_from_it_contradicts_what_was_signed() {
    let folder = with_events([strangers(1)]);
    std::fs::copy(folder.path("registrar/pledges.sqlite"), folder.path("older")).unwrap();
    append(&folder, [strangers(2)]);
    let checkpoint = registrar(&folder, &["audit", "checkpoint"]).ok();
    folder.write("checkpoint.txt", checkpoint);
    std::fs::rename(folder.path("older"), folder.path("registrar/pledges.sqlite")).unwrap();
    let lost = "the trail ends with 1 events, but a checkpoint over 2 was signed: what came after event 0 is lost";
    assert!(registrar(&folder, &["audit", "verify"]).error().contains(lost));
    std::fs::remove_file(folder.path("registrar/trail-last-signed.txt")).unwrap();
    registrar(&folder, &["audit", "verify"]).ok();
    assert!(registrar(&folder, &["audit", "verify", "--checkpoint", "checkpoint.txt"]).error().contains(lost));
}

#[test]
fn auditor_needs_the_verifier_key_alone() {
    let folder = with_events([strangers(1)]);
    registrar(&folder, &["audit", "checkpoint"]).ok();
    std::fs::remove_file(folder.path("registrar/keys/trail.pem")).unwrap();
    registrar(&folder, &["audit", "verify", "--verifier", "registrar/certificates/trail-verifier.txt"]).ok();
    assert!(registrar(&folder, &["audit", "verify"]).error().contains("field trail.key"));
}

#[test]
fn checkpoint_is_recognised_by_inspect() {
    let folder = with_events([strangers(1)]);
    let checkpoint = registrar(&folder, &["audit", "checkpoint"]).ok();
    folder.write("checkpoint.txt", checkpoint);
    let shown = registrar(&folder, &["inspect", "--anchor", "registrar/certificates/trail-verifier.txt", "checkpoint.txt"]).ok();
    assert!(shown.contains("localhost:8443/trail"), "{shown}");
}

#[test]
fn export_is_an_event_a_line_with_number_and_leaf_hash() {
    let folder = with_events([held("JADA1", 0xab, "Maker", 60), strangers(3)]);
    let exported = registrar(&folder, &["audit", "export", "--from", "1"]).ok();
    let lines: Vec<&str> = exported.lines().collect();
    assert_eq!(lines.len(), 1);
    let line: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!((&line["number"], &line["event"]["what"]["count"]), (&1.into(), &3.into()));
    let octets = lines[0].split_once("\"event\":").unwrap().1.strip_suffix('}').unwrap();
    assert_eq!(line["leaf-hash"], brski_common::log::leaf_hash(octets.as_bytes()).to_string());
}

#[test]
fn export_since_a_time_leaves_out_what_was_before() {
    let folder = with_events([held("JADA1", 0xab, "Maker", 2 * 86_400), strangers(3)]);
    let since = brski_common::time::to_rfc3339(brski_common::time::at(brski_common::UnixTime::now().as_secs() - 86_400));
    assert_eq!(registrar(&folder, &["audit", "export", "--since", &since]).ok().lines().count(), 1);
    assert_eq!(registrar(&folder, &["audit", "export"]).ok().lines().count(), 2);
}

#[test]
fn server_signs_the_trail_when_it_starts_and_when_it_stops() {
    let folder = with_events([strangers(1)]);
    folder.listen_anywhere("registrar/registrar.toml");
    let mut server = folder.start(REGISTRAR, &["serve"]);
    server.port();
    append(&folder, [strangers(2)]);
    assert_eq!(server.stop("TERM").0, Some(0));
    let signed = folder.read("registrar/trail-last-signed.txt");
    let size: u64 = signed.lines().nth(1).unwrap().parse().unwrap();
    let events = registrar(&folder, &["audit", "export"]).ok().lines().count() as u64;
    assert_eq!(size, events);
    assert!(events >= 2);
    registrar(&folder, &["audit", "verify"]).ok();
}

#[test]
fn configuration_without_a_trail_works_and_check_says_that_nothing_is_signed() {
    let folder = owner();
    let config = folder.read("registrar/registrar.toml");
    let (before, rest) = config.split_once("[trail]\n").unwrap();
    let after = rest.split_once("[ldevid]").unwrap().1;
    folder.write("registrar/registrar.toml", format!("{before}[ldevid]{after}"));
    append(&folder, [strangers(1)]);
    let report = registrar(&folder, &["config", "check"]).ok();
    assert!(report.contains("\naudit trail: not signed\n") && report.contains("\nwarning: the audit trail is not signed"), "{report}");
    assert!(registrar(&folder, &["audit", "verify"]).ok().contains("\nsigned: never"));
    assert!(registrar(&folder, &["audit", "checkpoint"]).error().contains("field trail: is missing, a table with the trail's name and the key"));
}

#[test]
fn key_of_a_certificate_signs_no_trail() {
    let folder = owner();
    folder.edit("registrar/registrar.toml", "key = \"keys/trail.pem\"", "key = \"keys/domain-ca.pem\"");
    let error = registrar(&folder, &["config", "check"]).error();
    assert!(error.contains("field trail.key: must be a key of its own, but is that of a certificate"), "{error}");
}
