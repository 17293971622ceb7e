//! Readers that go away before the end, as `head` does.

use super::{REGISTRAR, held, owner, with_events};

#[test]
fn commands_whose_results_nobody_reads_end_well_and_say_nothing() {
    let folder = with_events((1..=9).map(|octet| held("JADA1", octet, "Example Devices", 60)));
    for arguments in [
        &["pledges", "list"][..],
        &["pledges", "list", "-o", "json"],
        &["pledges", "show", "09090909"],
        &["audit", "export"],
        &["audit", "checkpoint"],
        &["audit", "verify"],
        &["policy", "check"],
        &["policy", "replay"],
        &["trust", "list"],
        &["ca", "list"],
        &["config", "check"],
        &["inspect", "registrar/policy.toml"],
        &["token", "alice", "--role", "auditor"],
        &["--help"],
    ] {
        let finished = folder.run_unread(REGISTRAR, arguments, false);
        assert!(finished.code == Some(0) && finished.stderr.is_empty(), "{arguments:?}: {finished:?}");
    }
}

#[test]
fn token_that_nobody_reads_is_in_the_configuration_nevertheless() {
    let folder = owner();
    let finished = folder.run_unread(REGISTRAR, &["token", "bob", "--role", "approver", "--add"], true);
    assert_eq!(finished.code, Some(0));
    assert!(folder.read("registrar/registrar.toml").contains("name = \"bob\""));
}

#[test]
fn file_that_is_not_recognised_is_told_by_the_status_however_little_is_read() {
    let folder = owner();
    folder.write("nothing", "nothing that is known");
    let finished = folder.run_unread(REGISTRAR, &["inspect", "nothing"], true);
    assert_eq!(finished.code, Some(2));
}
