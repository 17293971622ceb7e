//! Files that earlier versions wrote.

use super::subtrees::{filled, tamper};
use super::*;
use crate::testing::Pledge;

include!("earlier/take_back.rs");

fn migrated(folder: &Folder, purpose: Purpose) -> Result<Migration, LedgerError> {
    migrate(&folder.file(), LOG, purpose, &mut |_, _| ())
}

fn version(folder: &Folder) -> i64 {
    file::version(&folder.raw()).unwrap()
}

/// Two devices, whose entries are mixed, and a good many more of one.
fn busy(folder: &Folder) -> (TreeHead, Vec<Pledge>) {
    let (ledger, maker) = (folder.open(), Maker::new());
    let (one, other) = (maker.pledge("JADA1"), maker.pledge("JADA2"));
    block_on(ledger.append(vec![made(&one), made(&other), recorded(&one, 0), recorded(&other, 0), vouched(&one, Some(nonce(1)))])).unwrap();
    block_on(ledger.append(vec![vouched(&other, None); 600])).unwrap();
    (block_on(ledger.head()).unwrap(), vec![one, other])
}

#[test]
fn earlier_file_is_not_opened_and_the_sentence_tells_what_to_do() {
    for version in [1, 2] {
        let folder = Folder::new();
        filled(&folder, 300);
        take_back(&folder.raw(), version);
        let outcome = SqliteLedger::open(folder.file(), LOG);
        let sentence = outcome.as_ref().unwrap_err().to_string();
        assert!(matches!(outcome, Err(LedgerError::Outdated { found, expected: 3, .. }) if found == version), "{outcome:?}");
        assert!(sentence.contains("`brski-masa migrate` brings it up to date"), "{sentence}");
    }
}

#[test]
fn migrated_ledger_has_the_tree_and_the_histories_that_it_had() {
    for version in [1, 2] {
        let folder = Folder::new();
        let (head, pledges) = busy(&folder);
        let histories = |folder: &Folder| pledges.iter().map(|pledge| block_on(folder.open().history(&pledge.device())).unwrap()).collect::<Vec<_>>();
        let before = histories(&folder);
        take_back(&folder.raw(), version);
        assert_eq!(migrated(&folder, Purpose::Change).unwrap(), Migration { from: version, to: 3, head });
        assert_eq!((block_on(folder.open().head()).unwrap(), histories(&folder)), (head, before));
        assert_eq!(verify(&folder.file(), LOG, Some(&head), &mut |_| ()).unwrap(), head);
        assert_eq!(conflict(block_on(folder.open().append(vec![recorded(&pledges[1], 0)]))), Unique::Record);
        assert_eq!(conflict(block_on(folder.open().append(vec![made(&pledges[1])]))), Unique::Device);
        assert_eq!(conflict(block_on(folder.open().append(vec![vouched(&pledges[0], Some(nonce(1)))]))), Unique::Nonce);
    }
}

#[test]
fn trial_tells_the_same_and_changes_nothing() {
    for version_before in [1, 2] {
        let folder = Folder::new();
        let (head, _) = busy(&folder);
        take_back(&folder.raw(), version_before);
        assert_eq!(migrated(&folder, Purpose::Trial).unwrap(), Migration { from: version_before, to: 3, head });
        assert_eq!(version(&folder), version_before);
        assert!(matches!(SqliteLedger::open(folder.file(), LOG), Err(LedgerError::Outdated { .. })));
    }
}

#[test]
fn migrating_again_does_nothing() {
    let folder = Folder::new();
    let (head, _) = busy(&folder);
    take_back(&folder.raw(), 2);
    migrated(&folder, Purpose::Change).unwrap();
    for purpose in [Purpose::Change, Purpose::Trial] {
        assert_eq!(migrated(&folder, purpose).unwrap(), Migration { from: 3, to: 3, head });
    }
}

#[test]
fn damaged_earlier_file_is_named_and_stays_as_it_was() {
    for version_before in [1, 2] {
        for purpose in [Purpose::Trial, Purpose::Change] {
            let folder = Folder::new();
            busy(&folder);
            take_back(&folder.raw(), version_before);
            tamper(&folder, "UPDATE entry SET octets = x'00' WHERE leaf_index = 17");
            let outcome = migrated(&folder, purpose);
            assert!(matches!(outcome, Err(LedgerError::Corrupt { index: 17, .. })), "{outcome:?}");
            let tables = "SELECT count(*) FROM sqlite_schema WHERE name IN ('key', 'entry_before')";
            assert_eq!((version(&folder), folder.raw().query_row(tables, (), |row| row.get(0))), (version_before, Ok(0)));
        }
    }
}

#[test]
fn earlier_file_whose_entries_do_not_lead_to_the_hashes_over_them_is_not_migrated() {
    let folder = Folder::new();
    busy(&folder);
    take_back(&folder.raw(), 2);
    tamper(&folder, "UPDATE subtree SET hash = zeroblob(32) WHERE position = 1");
    for purpose in [Purpose::Trial, Purpose::Change] {
        let outcome = migrated(&folder, purpose);
        assert!(matches!(outcome, Err(LedgerError::Tree(_))), "{outcome:?}");
        assert_eq!(version(&folder), 2);
    }
}

#[test]
fn ledger_of_another_log_is_not_migrated() {
    let folder = Folder::new();
    busy(&folder);
    take_back(&folder.raw(), 2);
    let outcome = migrate(&folder.file(), "masa.example.net", Purpose::Change, &mut |_, _| ());
    assert!(matches!(outcome, Err(LedgerError::OtherLog { .. })), "{outcome:?}");
    assert_eq!(version(&folder), 2);
}
