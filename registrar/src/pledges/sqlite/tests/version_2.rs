//! A file that version 2 itself wrote, and the same as version 3 took it over.

use std::collections::BTreeMap;

use brski_common::log::{Checkpoint, VerifierKey, leaf_hash};
use brski_common::text::in_full;

use super::*;
use crate::approval::Person;
use crate::testing::now;
use crate::trail::{CertificateId, NewTrailKey, State, What};

const WRITTEN: &str = include_str!("version_2.sql");

/// What signed it.
const VERIFIER: &str = "registrar.example.net/trail+084b45e0+AcZzJuY9IngzL4tDkP9tmpYJyymKWNEgcNXG82zLhcFQ";

/// What version 3 did when it opened a file of version 2.
const TAKEN_OVER: &str = "
ALTER TABLE revoked RENAME TO revoked_before;
CREATE TABLE IF NOT EXISTS revoked (
    certificate TEXT NOT NULL,        -- serial number in lower-case hexadecimal digits
    issuer      BLOB NOT NULL,        -- SHA-256 over the issuer's Name; empty if an older version did not keep it
    revoked_at  INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    not_after   INTEGER NOT NULL,     -- when it expires, or the end of time if its file has forgotten it
    PRIMARY KEY (certificate, issuer)
) STRICT, WITHOUT ROWID;
INSERT INTO revoked (certificate, issuer, revoked_at, reason, not_after) SELECT certificate, x'', revoked_at, reason, not_after FROM revoked_before;
DROP TABLE revoked_before;
PRAGMA user_version = 3;
";

/// The file of version 2, after somebody did this to it.
fn with(sql: &str) -> Scratch {
    let scratch = Scratch::new();
    Connection::open(scratch.file()).unwrap().execute_batch(&format!("{WRITTEN}{sql}")).unwrap();
    scratch
}

/// The same as versions 2 and 3 left it.
fn both() -> [Scratch; 2] {
    [with(""), with(TAKEN_OVER)]
}

/// What verification says, in a sentence.
fn verified(scratch: &Scratch) -> Result<Verified, String> {
    let key: VerifierKey = VERIFIER.parse().unwrap();
    verify(&scratch.file(), &[key], &[]).map_err(|err| err.to_string())
}

/// The files of all pledges, by their serial numbers, as they are in the table.
fn files(scratch: &Scratch) -> BTreeMap<String, PledgeFile> {
    let connection = Connection::open(scratch.file()).unwrap();
    let mut statement = connection.prepare("SELECT serial, json FROM file").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?))).unwrap();
    rows.map(|row| row.map(|(serial, json)| (serial, serde_json::from_str(&json).unwrap())).unwrap()).collect()
}

/// The key of the pledge that was admitted under this serial number.
fn key_of(scratch: &Scratch, serial: &str) -> SpkiDigest {
    let connection = Connection::open(scratch.file()).unwrap();
    SpkiDigest(connection.query_row("SELECT spki FROM admission WHERE serial_number = ?1", [serial], |row| row.get(0)).unwrap())
}

fn upgraded(scratch: &Scratch) -> SqlitePledges {
    SqlitePledges::open(scratch.file()).unwrap()
}

#[test]
fn what_a_former_version_wrote_is_verified_and_left_as_it_is() {
    for scratch in both() {
        let before = std::fs::read(scratch.file()).unwrap();
        let verified = verified(&scratch).unwrap();
        assert_eq!((verified.events, verified.last_signed, verified.trusted, verified.pledges), (28, Some(28), true, 9));
        assert_eq!(std::fs::read(scratch.file()).unwrap(), before);
    }
}

#[test]
fn what_a_former_version_wrote_is_verified_once_it_is_upgraded() {
    for scratch in both() {
        drop(upgraded(&scratch));
        let once = verified(&scratch).unwrap();
        // Two keys without an event, three admissions whose end has none, and one admission that lacks all three of its events.
        assert_eq!((once.events, once.last_signed, once.pledges), (28 + 2 + 3 + 3, Some(28), 10));
        drop(upgraded(&scratch));
        assert_eq!(verified(&scratch).unwrap(), once);
    }
}

#[test]
fn pledges_stand_where_they_stood_once_the_store_is_upgraded() {
    for scratch in both() {
        let mut before = files(&scratch);
        drop(upgraded(&scratch));
        let mut after = files(&scratch);
        // Nothing but its row was left of one whose admission had ended in version 1.
        assert_eq!(after.remove("JADA8").unwrap().state, State::Refused);
        // Ann is one person by now.
        let (ann, only) = (before.remove("JADA3").unwrap(), after.remove("JADA3").unwrap());
        assert_eq!((ann.approvals.len(), only.approvals.as_slice()), (2, &ann.approvals[1..]));
        assert_eq!(PledgeFile { approvals: ann.approvals.clone(), ..only }, ann);
        assert_eq!(after, before);
    }
}

#[test]
fn admission_that_had_ended_or_stood_does_so_once_the_store_is_upgraded() {
    let scratch = with("");
    let store = upgraded(&scratch);
    let stands = |number: usize| block_on(store.find(key_of(&scratch, &format!("JADA{number}")))).unwrap().is_some();
    // JADA5 never had one.
    assert_eq!([0, 1, 2, 3, 4, 6, 7, 8, 9].map(stands), [true, false, true, false, true, false, true, false, false]);
}

#[test]
fn events_of_the_upgrade_tell_what_the_tables_alone_had() {
    let scratch = with("");
    let store = upgraded(&scratch);
    let told = |serial: &str| -> Vec<&str> {
        let history = block_on(store.history(key_of(&scratch, serial), 99)).unwrap();
        let names = history.iter().filter(|(number, _)| *number >= 28).map(|(_, event)| match event.what {
            What::Bound { .. } => "bound",
            What::Ended { .. } => "ended",
            What::Admitted { .. } => "admitted",
            What::Refused { withdrawn: true, .. } => "refused",
            _ => "other",
        });
        names.collect()
    };
    assert_eq!((told("JADA0"), told("JADA1"), told("JADA3"), told("JADA9")), (vec!["bound"], vec!["ended"], vec!["ended"], vec!["ended"]));
    assert_eq!((told("JADA7"), told("JADA8")), (vec!["bound"], vec!["admitted", "bound", "refused"]));
    assert_eq!((told("JADA2"), told("JADA4"), told("JADA6")), (vec![], vec![], vec![]));
}

#[test]
fn what_was_revoked_before_issuers_were_kept_stays_revoked_whoever_issued_it() {
    for scratch in both() {
        let store = upgraded(&scratch);
        let is_revoked = |serial: &str, issuer| block_on(store.is_revoked(CertificateId { serial: serial.to_owned(), issuer })).unwrap();
        let revoked = block_on(store.revocations(now())).unwrap();
        assert_eq!(revoked.len(), 5);
        for CertificateId { serial, issuer } in revoked.into_iter().map(|revocation| revocation.certificate) {
            assert_eq!(issuer, None);
            assert!(is_revoked(&serial, Some(SpkiDigest([9; 32]))) && is_revoked(&serial, None) && !is_revoked("06", None));
        }
    }
}

#[test]
fn what_was_changed_in_a_file_of_version_2_is_named() {
    for (change, expected) in [
        ("DELETE FROM revoked WHERE revoked_at = 1790000013", "is not what the trail tells, at certificate 4d62535a6b477639014f8c51710d6ebb"),
        ("UPDATE admission SET withdrawn = 1 WHERE serial_number = 'JADA0'", "the admission of JADA0 ("),
        ("UPDATE admission SET withdrawn = 0 WHERE serial_number = 'JADA6'", "the admission of JADA6 ("),
        ("UPDATE admission SET voucher = x'00' WHERE serial_number = 'JADA1'", "the admission of JADA1 ("),
        ("UPDATE admission SET withdrawn = 0 WHERE serial_number = 'JADA8'", "the admission of JADA8 ("),
        ("UPDATE file SET json = replace(json, 'revoked', 'enrolled') WHERE serial = 'JADA1'", "is not what its events amount to"),
        ("DELETE FROM ldevid WHERE spki IN (SELECT min(spki) FROM ldevid WHERE spki > x'08ff')", "does not stand for JADA"),
        ("INSERT INTO ldevid VALUES (zeroblob(32), zeroblob(32))", "of which the trail does not tell: it was added"),
        ("ALTER TABLE revoked ADD COLUMN more TEXT", "'revoked' in the file is missing, or is not what this version makes"),
    ] {
        let found = verified(&with(&format!("PRAGMA foreign_keys = 0; {change};"))).unwrap_err();
        assert!(found.contains(expected), "{change}: {found}");
    }
}

#[test]
fn upgrade_vouches_for_no_end_that_no_event_allows() {
    let scratch = with("UPDATE admission SET withdrawn = 1 WHERE serial_number = 'JADA0';");
    drop(upgraded(&scratch));
    let found = verified(&scratch).unwrap_err();
    assert!(found.contains("the admission of JADA0 ("), "{found}");
}

#[test]
fn file_that_a_server_of_a_former_version_has_open_is_not_upgraded() {
    let scratch = with("PRAGMA journal_mode = WAL;");
    let server = Connection::open(scratch.file()).unwrap();
    let version = || -> i64 { server.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap() };
    assert_eq!(version(), 2);
    let err = SqlitePledges::open(scratch.file()).unwrap_err();
    let expected = "the store of pledges did not answer: it is of an older version, and to be upgraded, but another process has it open: stop the server first";
    assert_eq!((in_full(&err).as_str(), version()), (expected, 2));
    drop(server);
    drop(upgraded(&scratch));
    assert_eq!(verified(&scratch).unwrap().last_signed, Some(28));
}

#[test]
fn event_that_cannot_be_read_stops_the_upgrade_and_leaves_the_file_as_it_is() {
    let scratch = with("DROP TRIGGER event_never_changes; UPDATE event SET octets = x'00' WHERE number = 5;");
    let err = SqlitePledges::open(scratch.file()).unwrap_err();
    assert_eq!(err.to_string(), "the store of pledges is damaged: event 5 cannot be read");
    let version: i64 = Connection::open(scratch.file()).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!((version, files(&scratch).len()), (2, 9));
}

#[test]
fn revocation_that_no_event_tells_of_stops_the_upgrade_and_stays() {
    let scratch = with("INSERT INTO revoked VALUES ('00ff', 1, 'key-compromise', 99999999999);");
    let err = SqlitePledges::open(scratch.file()).unwrap_err();
    let expected = "the store of pledges is damaged: the list of revoked LDevIDs has one with serial number 00ff, which no event of the trail tells of";
    assert_eq!(err.to_string(), expected);
    let kept: i64 =
        Connection::open(scratch.file()).unwrap().query_row("SELECT count(*) FROM revoked WHERE certificate = '00ff'", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 1);
}

#[test]
fn checkpoint_of_a_former_trail_is_told_by_what_came_back_and_not_by_what_the_upgrade_added() {
    let (scratch, key) = (with(""), VERIFIER.parse::<VerifierKey>().unwrap());
    let by = Person::new("ann", "the disk died", now());
    let new_key = NewTrailKey { key: "another".to_owned(), former: vec![key.to_string()], events: Some(28) };
    let store = upgraded(&scratch);
    block_on(store.note(Event { at: now(), pledge: None, what: What::Restored { by, new_key: Some(new_key) } })).unwrap();
    drop(store);
    let lost = Checkpoint { origin: key.name().clone(), size: 30, root: leaf_hash(b"of a trail that nobody has any more") };
    let err = verify(&scratch.file(), std::slice::from_ref(&key), &[(key.clone(), lost)]).unwrap_err();
    assert!(matches!(err, VerifyTrailError::Former { size: 30, events: 28, event: 36, .. }), "{err}");
}
