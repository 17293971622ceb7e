use std::sync::Arc;

use brski_common::log::LogName;
use brski_common::{SignatureAlgorithm, SoftwareKey};

use super::*;
use crate::approval::Person;
use crate::testing::now;
use crate::trail::{IssuedCertificate, Notary, RevocationReason, Subject, What};

fn notary(scratch: &Scratch) -> Notary {
    let key = Arc::new(SoftwareKey::generate(SignatureAlgorithm::EdDsa).unwrap().0);
    Notary::new(LogName::new("registrar.example.net/trail").unwrap(), key, scratch.file().with_file_name("signed.txt")).unwrap()
}

/// A store with an admitted, an enrolled and a revoked pledge, and events about nobody; signed after the first three.
fn store(scratch: &Scratch, notary: &Notary) {
    let (world, store) = (World::new(), SqlitePledges::open(scratch.file()).unwrap());
    for (number, serial) in (0_u8..).zip(["JADA1", "JADA2", "JADA3"]) {
        let admission = world.admission(&world.pledge(serial));
        block_on(store.admit(admission.clone(), admission.event())).unwrap();
        if number > 0 {
            let certificate =
                IssuedCertificate { serial: format!("0{number}"), issuer: None, key: SpkiDigest([number; 32]), sha256: "ab".to_owned(), not_after: now() };
            let bound = Event { at: now(), pledge: Some(admission.subject()), what: What::Bound { key: SpkiDigest([number; 32]) } };
            block_on(store.enrolled(SpkiDigest([number; 32]), admission.spki_digest(), bound)).unwrap();
            note(&store, Some(admission.subject()), What::Issued { certificate, renewal: false, decision: None });
        } else {
            note(&store, None, What::Strangers { sentence: "no path".to_owned(), count: 3 });
            block_on(notary.sign(&store)).unwrap();
        }
        if number == 2 {
            let by = Person::new("ann", "stolen", now());
            let what = What::Revoked { certificate: "02".to_owned(), issuer: None, reason: RevocationReason::KeyCompromise, by, withdrawn: true };
            block_on(store.withdraw(admission.spki_digest(), Event { at: now(), pledge: Some(admission.subject()), what })).unwrap();
        }
    }
    block_on(notary.sign(&store)).unwrap();
}

fn note(store: &SqlitePledges, pledge: Option<Subject>, what: What) {
    block_on(store.note(Event { at: now(), pledge, what })).unwrap();
}

/// What verification says after somebody has done this to the file.
fn after(sql: &str) -> String {
    let scratch = Scratch::new();
    let notary = notary(&scratch);
    store(&scratch, &notary);
    let unlocked =
        "DROP TRIGGER event_never_changes; DROP TRIGGER event_never_goes; DROP TRIGGER checkpoint_never_changes; DROP TRIGGER checkpoint_never_goes;";
    let triggers = SCHEMA.lines().filter(|line| line.starts_with("CREATE TRIGGER")).collect::<String>();
    Connection::open(scratch.file()).unwrap().execute_batch(&format!("{unlocked} {sql}; {triggers}")).unwrap();
    match verify(&scratch.file(), &[notary.verifier().clone()], &[]) {
        Ok(_) => "intact".to_owned(),
        Err(err) => err.to_string(),
    }
}

#[test]
fn store_that_nobody_touched_is_verified() {
    let scratch = Scratch::new();
    let notary = notary(&scratch);
    store(&scratch, &notary);
    let verified = verify(&scratch.file(), &[notary.verifier().clone()], &[]).unwrap();
    assert_eq!((verified.events, verified.checkpoints, verified.last_signed, verified.trusted, verified.pledges), (9, 2, Some(9), true, 3));
    assert_eq!(after(""), "intact");
}

#[test]
fn events_can_be_neither_changed_nor_removed() {
    let scratch = Scratch::new();
    store(&scratch, &notary(&scratch));
    let connection = Connection::open(scratch.file()).unwrap();
    let refused = |sql: &str| connection.execute_batch(sql).unwrap_err().to_string();
    assert_eq!(refused("UPDATE event SET spki = NULL"), "the audit trail is never changed");
    assert_eq!(refused("DELETE FROM event WHERE number = 8"), "nothing is removed from the audit trail");
    assert_eq!(refused("DELETE FROM checkpoint"), "what was signed is not removed");
}

#[test]
fn first_event_that_was_changed_is_named() {
    let damage = after("UPDATE event SET octets = CAST(replace(CAST(octets AS TEXT), 'JADA', 'JODA') AS BLOB) WHERE number > 3");
    assert_eq!(damage, "the audit trail is damaged: event 4 was changed: its octets do not have the leaf hash that was written with it");
}

#[test]
fn event_that_is_missing_is_named() {
    assert_eq!(after("DELETE FROM event WHERE number = 3"), "the audit trail is damaged: event 3 is missing");
}

#[test]
fn event_that_was_changed_with_its_leaf_hash_is_found_between_two_checkpoints() {
    let damage = after(
        "UPDATE event SET octets = (SELECT octets FROM event WHERE number = 0), leaf_hash = (SELECT leaf_hash FROM event WHERE number = 0),
        spki = (SELECT spki FROM event WHERE number = 0) WHERE number = 4",
    );
    let expected = "an event from 2 to 8 was changed, leaf hash and all, after the checkpoint over 9 events was signed";
    assert_eq!(damage, format!("the audit trail is damaged: {expected}"));
}

#[test]
fn events_that_are_cut_off_are_missed() {
    let damage = after("DELETE FROM event WHERE number > 4");
    let expected = "the trail ends with 5 events, but a checkpoint over 9 was signed: what came after event 4 is lost";
    assert_eq!(damage, format!("the audit trail is damaged: {expected}"));
}

#[test]
fn unsigned_end_that_was_cut_off_is_missed_by_its_edge() {
    let damage = after("DELETE FROM event WHERE number > 4; DELETE FROM checkpoint WHERE size > 5");
    let expected = "the edge of the tree is of 9 events and not of the 5 that are there, so that the last of them were changed or removed";
    assert_eq!(damage, format!("the audit trail is damaged: {expected}"));
}

#[test]
fn file_that_does_not_follow_from_its_events_is_named() {
    let damage = after("UPDATE file SET json = replace(json, 'admitted', 'enrolled') WHERE serial = 'JADA1'");
    assert!(damage.ends_with("is not what its events amount to: it was changed, or removed"), "{damage}");
    let removed = after("DELETE FROM file WHERE serial = 'JADA1'");
    assert!(removed.ends_with("is not what its events amount to: it was changed, or removed"), "{removed}");
}

#[test]
fn admission_that_the_trail_does_not_tell_of_is_named() {
    let damage = after("UPDATE admission SET request_sha256 = zeroblob(32) WHERE serial_number = 'JADA2'");
    assert!(damage.starts_with("the audit trail is damaged: the admission of JADA2 ("), "{damage}");
}

#[test]
fn whatever_of_an_admission_was_changed_is_missed() {
    for change in [
        "idevid = (SELECT idevid FROM admission WHERE serial_number = 'JADA1')",
        "issuers = ''",
        "voucher = zeroblob(9)",
        "voucher_type = 'application/voucher+cose'",
        "ground = replace(ground, '\"rule\":\"', '\"rule\":\"not-')",
        "admitted_at = admitted_at + 1",
    ] {
        let damage = after(&format!("UPDATE admission SET {change} WHERE serial_number = 'JADA2'"));
        assert!(damage.starts_with("the audit trail is damaged: the admission of JADA2 ("), "{change}: {damage}");
    }
}

#[test]
fn file_that_would_be_found_under_another_serial_number_or_state_is_named() {
    for change in ["serial = 'JADA9'", "state = 'held'", "last_seen = 0"] {
        let damage = after(&format!("UPDATE file SET {change} WHERE serial = 'JADA1'"));
        assert!(damage.ends_with("is not what its events amount to: it was changed, or removed"), "{change}: {damage}");
    }
}

#[test]
fn ldevid_key_that_stands_for_another_pledge_or_none_is_named() {
    let expected =
        format!("the audit trail is damaged: the LDevID key {} does not stand for JADA2, to which the trail says that it belongs", SpkiDigest([1; 32]));
    assert_eq!(after("DELETE FROM ldevid WHERE spki = (SELECT min(spki) FROM ldevid)"), expected);
    let rebound = "UPDATE ldevid SET admitted = (SELECT spki FROM admission WHERE serial_number = 'JADA1') WHERE spki = (SELECT min(spki) FROM ldevid)";
    assert_eq!(after(rebound), expected);
}

#[test]
fn ldevid_key_that_was_added_is_named() {
    let damage = after(
        "INSERT INTO ldevid SELECT x'0909090909090909090909090909090909090909090909090909090909090909', spki FROM admission WHERE serial_number = 'JADA1'",
    );
    let key = SpkiDigest([9; 32]);
    assert!(damage.starts_with(&format!("the audit trail is damaged: the LDevID key {key} stands for the pledge with key ")), "{damage}");
    assert!(damage.ends_with("of which the trail does not tell: it was added"), "{damage}");
}

#[test]
fn admission_that_was_added_or_removed_is_named() {
    let copied = "INSERT INTO admission SELECT x'0909090909090909090909090909090909090909090909090909090909090909', 'JADA9', idevid, issuers, request_sha256, voucher_type,
        voucher, ground, WITHDRAWN, admitted_at FROM admission WHERE serial_number = 'JADA1'";
    for withdrawn in ["0", "1"] {
        let damage = after(&copied.replace("WITHDRAWN", withdrawn));
        assert!(damage.starts_with(&format!("the audit trail is damaged: the admission of JADA9 ({})", SpkiDigest([9; 32]))), "{damage}");
    }
    for serial in ["JADA1", "JADA3"] {
        let damage = after(&format!("PRAGMA foreign_keys = 0; DELETE FROM admission WHERE serial_number = '{serial}'"));
        assert!(damage.starts_with(&format!("the audit trail is damaged: the admission of {serial} (")), "{damage}");
    }
}

#[test]
fn admission_that_stands_or_has_ended_otherwise_than_the_trail_tells_is_named() {
    for (serial, withdrawn) in [("JADA1", 1), ("JADA3", 0)] {
        let damage = after(&format!("UPDATE admission SET withdrawn = {withdrawn} WHERE serial_number = '{serial}'"));
        assert!(damage.starts_with(&format!("the audit trail is damaged: the admission of {serial} (")), "{damage}");
    }
}

#[test]
fn admission_that_has_ended_cannot_be_changed_either() {
    for change in ["voucher = zeroblob(9)", "serial_number = 'JADA4'"] {
        let damage = after(&format!("UPDATE admission SET {change} WHERE serial_number = 'JADA3'"));
        assert!(damage.starts_with("the audit trail is damaged: the admission of JADA3 ("), "{change}: {damage}");
    }
}

#[test]
fn file_that_was_added_is_named() {
    let damage = after(
        "INSERT INTO file SELECT x'0909090909090909090909090909090909090909090909090909090909090909', serial, state, last_seen, json FROM file WHERE serial = 'JADA1'",
    );
    assert_eq!(damage, format!("the audit trail is damaged: the file of {} is not what its events amount to: it was changed, or removed", SpkiDigest([9; 32])));
}

#[test]
fn row_under_something_that_is_no_key_is_named() {
    let expected = "the audit trail is damaged: a row is under the key '0909', which is no SHA-256 in 32 octets: it was added";
    assert_eq!(after("INSERT INTO file SELECT x'0909', serial, state, last_seen, json FROM file WHERE serial = 'JADA1'"), expected);
    assert_eq!(after("INSERT INTO ldevid SELECT x'0909', spki FROM admission WHERE serial_number = 'JADA1'"), expected);
}

#[test]
fn revocation_that_was_changed_is_named() {
    for change in ["revoked_at = 0", "reason = 'unspecified'", "not_after = 0"] {
        assert!(after(&format!("UPDATE revoked SET {change}")).ends_with("is not what the trail tells, at certificate 02"), "{change}");
    }
}

#[test]
fn edge_and_checkpoint_rows_are_compared_column_by_column() {
    assert!(after("UPDATE edge SET size = size * 2").contains("the edge of the tree is of 18 events and not of the 9 that are there"));
    assert!(after("UPDATE checkpoint SET size = 4 WHERE number = 1").contains("checkpoint 1 in the store cannot be trusted"));
    assert!(
        after("UPDATE checkpoint SET peaks = zeroblob(length(peaks)) WHERE number = 2").contains("the size and the edge beside it are not those of its text")
    );
}

#[test]
fn revocation_that_was_removed_or_added_is_named() {
    let expected =
        |certificate| format!("the audit trail is damaged: the list of LDevIDs that were revoked is not what the trail tells, at certificate {certificate}");
    assert_eq!(after("DELETE FROM revoked"), expected("02"));
    assert_eq!(after("INSERT INTO revoked SELECT '00', issuer, revoked_at, reason, not_after FROM revoked"), expected("00"));
}

#[test]
fn list_of_those_that_were_revoked_has_the_first_event_whichever_pledge_s_key_is_smaller() {
    for first in 0..2 {
        let (world, scratch) = (World::new(), Scratch::new());
        let store = SqlitePledges::open(scratch.file()).unwrap();
        let mut admissions = ["JADA1", "JADA2"].map(|serial| world.admission(&world.pledge(serial)));
        admissions.sort_by_key(Admission::spki_digest);
        for (admission, reason) in [(&admissions[first], RevocationReason::KeyCompromise), (&admissions[1 - first], RevocationReason::Superseded)] {
            let by = Person::new("ann", "stolen", now());
            note(&store, Some(admission.subject()), What::Revoked { certificate: "05".to_owned(), issuer: None, reason, by, withdrawn: false });
        }
        let revoked: Vec<_> = block_on(store.revocations(now())).unwrap().into_iter().map(|revocation| revocation.reason).collect();
        assert_eq!(revoked, [RevocationReason::KeyCompromise]);
        drop(store);
        assert_eq!(verify(&scratch.file(), &[], &[]).map(|verified| verified.events).map_err(|err| err.to_string()), Ok(2));
    }
}

#[test]
fn issuer_that_is_no_digest_is_not_kept() {
    let scratch = Scratch::new();
    store(&scratch, &notary(&scratch));
    let err = Connection::open(scratch.file()).unwrap().execute("UPDATE revoked SET issuer = x'09'", []).unwrap_err();
    assert_eq!(err.to_string(), "CHECK constraint failed: length(issuer) IN (0, 32)");
}

#[test]
fn checkpoint_of_another_key_is_not_trusted() {
    let scratch = Scratch::new();
    store(&scratch, &notary(&scratch));
    let other = notary(&scratch);
    let err = verify(&scratch.file(), &[other.verifier().clone()], &[]).unwrap_err().to_string();
    assert!(err.starts_with("the audit trail is damaged: checkpoint 1 in the store cannot be trusted: "), "{err}");
}

#[test]
fn trigger_that_was_added_is_named() {
    let damage = after("CREATE TRIGGER swallow AFTER INSERT ON event BEGIN SELECT 1; END");
    assert!(damage.starts_with("the audit trail is damaged: 'swallow' in the file is missing, or is not what this version makes"), "{damage}");
}
