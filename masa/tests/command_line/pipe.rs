//! Readers that go away before the end, as `head` does.

use super::record::csv;
use super::support::Folder;
use super::{MASA, manufacturer, masa};

const STATION: [&str; 4] = ["--station-key", "masa/keys/station-1.pem", "--station", "station-1"];

/// A manufacturer with two devices on record.
fn with_devices() -> Folder {
    let folder = manufacturer();
    folder.write("devices.csv", csv(&folder, &["JADA1", "JADA2"]));
    masa(&folder, &[&["record"], &STATION[..], &["devices.csv"]].concat()).ok();
    folder
}

#[test]
fn commands_whose_results_nobody_reads_end_well_and_say_nothing() {
    let folder = with_devices();
    for arguments in [
        &["device", "JADA1"][..],
        &["device", "JADA1", "-o", "json"],
        &["affected", "--batch", "none"],
        &["audit-log", "JADA1"],
        &["log", "verify"],
        &["log", "checkpoint"],
        &["log", "prove", "JADA1"],
        &["config", "check"],
        &["inspect", "masa/certificates/voucher-ca.pem"],
        &["token", "alice", "--role", "auditor"],
        &["report", "--station-key", "masa/keys/station-1.pem", "--rows", "devices.csv", "--batch", "1"],
        &["--help"],
    ] {
        let finished = folder.run_unread(MASA, arguments, false);
        assert!(finished.code == Some(0) && finished.stderr.is_empty(), "{arguments:?}: {finished:?}");
    }
}

#[test]
fn profile_that_nobody_reads_has_its_digest_on_standard_error() {
    let finished = manufacturer().run_unread(MASA, &["profile"], false);
    assert!(finished.code == Some(0) && finished.stderr.starts_with("SHA-256 "), "{finished:?}");
}

#[test]
fn devices_are_recorded_to_the_last_although_nobody_reads_what_becomes_of_them() {
    let folder = manufacturer();
    let serials: Vec<String> = (1..=40).map(|number| format!("JADA{number}")).collect();
    let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
    // One row that fails among them.
    folder.write("devices.csv", csv(&folder, &serials).replacen('\n', "\nno-certificate\n", 1));
    let finished = folder.run_unread(MASA, &[&["record"], &STATION[..], &["devices.csv"]].concat(), true);
    assert_eq!(finished.code, Some(1), "of a row that failed the exit status tells");
    masa(&folder, &["device", "JADA40"]).ok();
}

#[test]
fn error_that_nobody_reads_keeps_its_status() {
    let finished = manufacturer().run_unread(MASA, &["device", "JADA1"], true);
    assert_eq!(finished.code, Some(1));
}
