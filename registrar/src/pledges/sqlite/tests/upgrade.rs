use super::*;
use crate::trail::{State, What};

/// As version 1 made it.
const EARLIER: &str = "
CREATE TABLE admission (
    spki           BLOB PRIMARY KEY,  -- SHA-256 over the IDevID's SubjectPublicKeyInfo
    serial_number  TEXT NOT NULL,     -- for people; the IDevID decides
    idevid         BLOB NOT NULL,     -- DER
    issuers        TEXT NOT NULL,     -- PEM, up to the manufacturer's anchor; empty if that issued the IDevID
    request_sha256 BLOB NOT NULL,
    voucher_type   TEXT NOT NULL,     -- media type
    voucher        BLOB NOT NULL,     -- as the MASA signed it
    ground         TEXT NOT NULL,     -- why, in JSON
    withdrawn      INTEGER NOT NULL DEFAULT 0, -- 1 after a refusal that came later
    admitted_at    INTEGER NOT NULL   -- seconds since 1970
) STRICT, WITHOUT ROWID;
CREATE TABLE ldevid (
    spki     BLOB PRIMARY KEY,        -- SHA-256 over the LDevID's SubjectPublicKeyInfo
    admitted BLOB NOT NULL REFERENCES admission (spki)
) STRICT, WITHOUT ROWID;
PRAGMA application_id = 1112690764;
PRAGMA user_version = 1;
";

/// A file of version 1 with one admission that stands and has an LDevID, and one that was withdrawn.
fn earlier() -> (Scratch, Admission, SpkiDigest) {
    let (world, scratch) = (World::new(), Scratch::new());
    let (standing, withdrawn) = (world.admission(&world.pledge("JADA1")), world.admission(&world.pledge("JADA2")));
    let connection = Connection::open(scratch.file()).unwrap();
    connection.execute_batch(EARLIER).unwrap();
    for admission in [&standing, &withdrawn] {
        row::insert(&connection, admission).unwrap();
    }
    connection.execute("UPDATE admission SET withdrawn = 1 WHERE spki = ?1", [withdrawn.spki_digest().0]).unwrap();
    enroll(&connection, SpkiDigest([1; 32]), standing.spki_digest()).unwrap();
    (scratch, standing, withdrawn.spki_digest())
}

#[test]
fn admission_of_an_earlier_version_is_found_as_ever() {
    let (scratch, admission, _) = earlier();
    let store = SqlitePledges::open(scratch.file()).unwrap();
    assert_eq!(block_on(store.find(SpkiDigest([1; 32]))).unwrap(), Some(admission));
}

#[test]
fn trail_of_an_earlier_version_s_store_begins_with_all_that_is_in_it() {
    let (scratch, admission, withdrawn) = earlier();
    for _ in 0..2 {
        let store = SqlitePledges::open(scratch.file()).unwrap();
        assert_eq!(block_on(store.head()).unwrap().size, 4);
        let history = block_on(store.history(admission.spki_digest(), 9)).unwrap();
        assert_eq!(history[0].1, admission.event());
        assert!(matches!(&history[0].1.what, What::Admitted { decision: None, .. }));
        assert_eq!(history[1].1.what, What::Bound { key: SpkiDigest([1; 32]) });
        let state = |key| block_on(store.file(key)).unwrap().unwrap().state;
        assert_eq!((state(admission.spki_digest()), state(withdrawn)), (State::Admitted, State::Refused));
    }
    verify(&scratch.file(), &[], &[]).unwrap();
}

#[test]
fn store_of_a_later_version_is_left_alone() {
    let scratch = Scratch::new();
    drop(SqlitePledges::open(scratch.file()).unwrap());
    Connection::open(scratch.file()).unwrap().pragma_update(None, "user_version", 5).unwrap();
    let err = SqlitePledges::open(scratch.file()).unwrap_err();
    assert_eq!(err.to_string(), "the store of pledges is damaged: its schema is of version 5, expected 4");
}
