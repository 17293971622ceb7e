//! What only a ledger in a file can get wrong.

mod earlier;
mod groups;
mod subtrees;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::ledger::Unique;
use crate::ledger::tests::{conflict, made, recorded, vouched};
use crate::testing::{Maker, NOW, block_on, nonce};

/// A folder of its own, gone at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("brski-masa-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("ledger.sqlite")
    }

    /// Its ledger, begun the first time.
    pub(crate) fn open(&self) -> SqliteLedger {
        match self.file().exists() {
            true => SqliteLedger::open(self.file(), LOG).unwrap(),
            false => SqliteLedger::begin(self.file(), NOW, LOG).unwrap(),
        }
    }

    fn raw(&self) -> Connection {
        Connection::open(self.file()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn queued(entries: Vec<Entry>) -> (Append, oneshot::Receiver<Vec<append::Answer>>) {
    Append::new(vec![append::rows(&entries).unwrap()], None)
}

fn answer(answers: oneshot::Receiver<Vec<append::Answer>>) -> append::Answer {
    block_on(answers).unwrap().pop().unwrap()
}

#[test]
fn what_was_acknowledged_is_there_after_reopening() {
    let (folder, pledge) = (Folder::new(), Maker::new().pledge("JADA123"));
    let before = {
        let ledger = folder.open();
        block_on(ledger.append(vec![made(&pledge), recorded(&pledge, 0)])).unwrap();
        block_on(ledger.history(&pledge.device())).unwrap()
    };
    let ledger = folder.open();
    assert_eq!(block_on(ledger.history(&pledge.device())).unwrap(), before);
    assert_eq!(conflict(block_on(ledger.append(vec![made(&pledge)]))), Unique::Device);
    assert_eq!(block_on(ledger.append(vec![vouched(&pledge, None)])).unwrap(), 3..4);
}

#[test]
fn refused_append_takes_back_only_itself_out_of_a_group() {
    let (folder, maker) = (Folder::new(), Maker::new());
    let (first, second) = (maker.pledge("JADA123"), maker.pledge("JADA124"));
    drop(folder.open());
    let (append, answers): (Vec<_>, Vec<_>) =
        [vec![made(&first)], vec![recorded(&second, 0), made(&second)], vec![made(&second), vouched(&second, Some(nonce(1)))]].map(queued).into_iter().unzip();
    let mut raw = folder.raw();
    let mut edge = tree::recover(&raw).unwrap();
    write::commit(&mut raw, &mut edge, append);
    let answers: Vec<_> = answers.into_iter().map(|answers| answer(answers).ok()).collect();
    assert_eq!(answers, [Some(1..2), None, Some(2..4)]);
    assert_eq!(edge.root(), tree::recover(&raw).unwrap().root());
}

#[test]
fn full_disk_fails_the_whole_group_and_leaves_nothing() {
    let (folder, maker) = (Folder::new(), Maker::new());
    drop(folder.open());
    let mut full = folder.raw();
    let pages: i64 = full.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    let _: i64 = full.query_row(&format!("PRAGMA max_page_count = {}", pages + 2), (), |row| row.get(0)).unwrap();

    let pledges: Vec<_> = (0..40).map(|i| maker.pledge(&format!("JADA{i}"))).collect();
    let (group, answers): (Vec<_>, Vec<_>) = pledges.iter().map(|pledge| queued(vec![made(pledge), recorded(pledge, 0)])).unzip();
    let mut edge = tree::recover(&full).unwrap();
    write::commit(&mut full, &mut edge, group);
    assert_eq!(edge.size(), 1);
    assert!(answers.into_iter().all(|answers| matches!(answer(answers), Err(LedgerError::Unavailable(_)))));
    let entries: i64 = folder.raw().query_row("SELECT count(*) FROM entry", (), |row| row.get(0)).unwrap();
    assert_eq!(entries, 1);
}

#[test]
fn queued_appends_are_finished_before_the_ledger_is_gone() {
    let (folder, maker) = (Folder::new(), Maker::new());
    let pledges: Vec<_> = (0..50).map(|i| maker.pledge(&format!("JADA{i}"))).collect();
    {
        let ledger = folder.open();
        for pledge in &pledges {
            drop(ledger.append(vec![made(pledge)]));
        }
    }
    let entries: i64 = folder.raw().query_row("SELECT count(*) FROM entry", (), |row| row.get(0)).unwrap();
    assert_eq!(entries, 51);
}

#[test]
fn entries_keep_their_octets_and_rfc_9162_leaf_hashes() {
    let (folder, pledge) = (Folder::new(), Maker::new().pledge("JADA123"));
    let record = recorded(&pledge, 0);
    block_on(folder.open().append(vec![made(&pledge), record.clone()])).unwrap();
    let (leaf, octets): (Vec<u8>, Vec<u8>) =
        folder.raw().query_row("SELECT leaf_hash, octets FROM entry WHERE leaf_index = 2", (), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let Entry::Recorded(record) = record else { unreachable!() };
    assert_eq!((leaf, octets), (record.digest().unwrap().0.to_vec(), record.to_cbor().unwrap()));
}

#[test]
fn nobody_changes_or_removes_an_entry() {
    let (folder, pledge) = (Folder::new(), Maker::new().pledge("JADA123"));
    block_on(folder.open().append(vec![made(&pledge)])).unwrap();
    let raw = folder.raw();
    for statement in [
        "UPDATE entry SET octets = x'00'",
        "DELETE FROM entry",
        "UPDATE device SET made = 0",
        "DELETE FROM device",
        "UPDATE key SET made = 0",
        "DELETE FROM key",
    ] {
        assert!(raw.execute(statement, ()).is_err(), "{statement}");
    }
}

#[test]
fn ledger_of_another_log_is_not_opened() {
    let folder = Folder::new();
    drop(folder.open());
    let outcome = SqliteLedger::open(folder.file(), "masa.example.net");
    assert!(matches!(outcome, Err(LedgerError::OtherLog { found, .. }) if found == LOG));
}

#[test]
fn file_of_another_schema_is_not_opened() {
    let folder = Folder::new();
    drop(folder.open());
    folder.raw().pragma_update(None, "user_version", 7).unwrap();
    let outcome = SqliteLedger::open(folder.file(), LOG);
    assert!(matches!(outcome, Err(LedgerError::Schema { found: 7, expected: 3, .. })));
}

#[test]
fn file_that_is_no_database_is_not_opened() {
    let folder = Folder::new();
    std::fs::write(folder.file(), "a text of some length, that is no database at all, ".repeat(100)).unwrap();
    assert!(matches!(SqliteLedger::open(folder.file(), LOG), Err(LedgerError::Open { .. })));
}

#[test]
fn ledger_that_got_lost_is_not_begun_again() {
    let folder = Folder::new();
    let missing = |outcome| assert!(matches!(outcome, Err(LedgerError::Missing { .. })), "{outcome:?}");
    missing(SqliteLedger::open(folder.file(), LOG).map(drop));
    assert!(!folder.file().exists());
    std::fs::write(folder.file(), "").unwrap();
    missing(SqliteLedger::open(folder.file(), LOG).map(drop));
    // What is left if the process that begins it is killed.
    folder.raw().pragma_update(None, "journal_mode", "wal").unwrap();
    missing(SqliteLedger::open(folder.file(), LOG).map(drop));
}

#[test]
fn ledger_does_not_begin_where_a_file_is() {
    let (folder, pledge) = (Folder::new(), Maker::new().pledge("JADA123"));
    block_on(folder.open().append(vec![made(&pledge)])).unwrap();
    assert!(matches!(SqliteLedger::begin(folder.file(), NOW, LOG), Err(LedgerError::Open { .. })));
    assert!(block_on(folder.open().history(&pledge.device())).unwrap().is_some());
}

#[test]
fn database_of_something_else_is_not_taken_for_a_ledger() {
    let folder = Folder::new();
    folder.raw().execute_batch("CREATE TABLE pledge (id INTEGER)").unwrap();
    assert!(matches!(SqliteLedger::open(folder.file(), LOG), Err(LedgerError::Schema { found: 0, .. })));
}

#[test]
fn two_processes_may_append_to_one_ledger() {
    let (folder, maker) = (Folder::new(), Maker::new());
    let (first, second) = (maker.pledge("JADA123"), maker.pledge("JADA124"));
    let (one, other) = (folder.open(), folder.open());
    assert_eq!(block_on(one.append(vec![made(&first)])).unwrap(), 1..2);
    assert_eq!(block_on(other.append(vec![made(&second)])).unwrap(), 2..3);
    assert_eq!(conflict(block_on(other.append(vec![made(&first)]))), Unique::Device);
    assert!(block_on(one.history(&second.device())).unwrap().is_some());
}

#[cfg(unix)]
#[test]
fn file_is_readable_to_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let _ledger = folder.open();
    for entry in std::fs::read_dir(&folder.0).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

const LOG: &str = "masa.example.com";
