use super::*;
use crate::approval::Person;
use crate::testing::now;
use crate::trail::{CertificateId, IssuedCertificate, RevocationReason, State, What};

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
    Connection::open(scratch.file()).unwrap().pragma_update(None, "user_version", 4).unwrap();
    let err = SqlitePledges::open(scratch.file()).unwrap_err();
    assert_eq!(err.to_string(), "the store of pledges is damaged: its schema is of version 4, expected 3");
}

/// A file of version 2 with one LDevID that was revoked.
fn without_issuers() -> Scratch {
    let (world, scratch) = (World::new(), Scratch::new());
    let admission = world.admission(&world.pledge("JADA1"));
    {
        let store = SqlitePledges::open(scratch.file()).unwrap();
        block_on(store.admit(admission.clone(), admission.event())).unwrap();
        let bound = Event { at: now(), pledge: Some(admission.subject()), what: What::Bound { key: SpkiDigest([1; 32]) } };
        block_on(store.enrolled(SpkiDigest([1; 32]), admission.spki_digest(), bound)).unwrap();
        let certificate = IssuedCertificate { serial: "05".to_owned(), issuer: None, key: SpkiDigest([1; 32]), sha256: "ab".to_owned(), not_after: now() };
        let by = Person::new("ann", "stolen", now());
        let revoked = What::Revoked { certificate: "05".to_owned(), issuer: None, reason: RevocationReason::KeyCompromise, by, withdrawn: false };
        for what in [What::Issued { certificate, renewal: false, decision: None }, revoked] {
            block_on(store.note(Event { at: now(), pledge: Some(admission.subject()), what })).unwrap();
        }
    }
    let connection = Connection::open(scratch.file()).unwrap();
    connection.execute_batch("CREATE TEMP TABLE kept AS SELECT certificate, revoked_at, reason, not_after FROM revoked; DROP TABLE revoked").unwrap();
    connection.execute_batch(super::super::upgrade::REVOKED_BEFORE).unwrap();
    connection.execute_batch("INSERT INTO revoked SELECT * FROM kept; PRAGMA user_version = 2").unwrap();
    scratch
}

#[test]
fn what_was_revoked_before_issuers_were_kept_stays_revoked_whoever_issued_it() {
    let scratch = without_issuers();
    for _ in 0..2 {
        let store = SqlitePledges::open(scratch.file()).unwrap();
        let is_revoked = |serial: &str, issuer| block_on(store.is_revoked(CertificateId { serial: serial.to_owned(), issuer })).unwrap();
        assert!(is_revoked("05", Some(SpkiDigest([9; 32]))) && is_revoked("05", None) && !is_revoked("06", None));
        assert_eq!(block_on(store.revocations(now())).unwrap()[0].certificate, CertificateId { serial: "05".to_owned(), issuer: None });
    }
    assert_eq!(verify(&scratch.file(), &[], &[]).unwrap().events, 4);
}

#[test]
fn store_of_the_version_before_is_verified_as_it_is() {
    let scratch = without_issuers();
    assert_eq!(verify(&scratch.file(), &[], &[]).unwrap().events, 4);
    let version = || -> i64 { Connection::open(scratch.file()).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap() };
    assert_eq!(version(), 2);
    Connection::open(scratch.file()).unwrap().execute_batch("DELETE FROM revoked").unwrap();
    assert!(verify(&scratch.file(), &[], &[]).unwrap_err().to_string().contains("is not what the trail tells, at certificate 05"));
}
