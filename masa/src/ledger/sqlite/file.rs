//! The file: begun, opened and recognised.

use core::time::Duration;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;

use brski_common::UnixTime;
use brski_common::log::leaf_hash;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Statement, TransactionBehavior};

use super::tree::{self, Edge};

use crate::ledger::LedgerError;
use crate::ledger::entry::{GENESIS, genesis, log_name};

/// Why nothing was written.
pub(super) type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// A ledger that was opened.
pub(super) struct Opened {
    /// The connection to write with.
    pub(super) writer: Connection,
    /// The connection to read with.
    pub(super) reader: Connection,
    /// The right edge of the tree.
    pub(super) edge: Edge,
}

/// Opens the file.
pub(super) fn open(path: &Path, name: &str) -> Result<Opened, LedgerError> {
    check_there(path)?;
    let mut writer = connect(path)?;
    check_version(&writer, path)?;
    check_name(&writer, path, name)?;
    let edge = {
        // One transaction, so that nobody appends between two looks at the tree.
        let snapshot = writer.transaction_with_behavior(TransactionBehavior::Deferred).map_err(|err| cannot_open(path, err))?;
        tree::recover(&snapshot)?
    };

    writer.pragma_update(None, "cache_size", -WRITER_CACHE_KIB).map_err(|err| cannot_open(path, err))?;
    writer.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES).map_err(|err| cannot_open(path, err))?;
    let reader = connect(path)?;
    reader.pragma_update(None, "query_only", true).map_err(|err| cannot_open(path, err))?;
    Ok(Opened { writer, reader, edge })
}

/// An index as the store's own kind of integer.
pub(super) fn row(index: u64) -> rusqlite::Result<i64> {
    i64::try_from(index).map_err(|err| rusqlite::Error::ToSqlConversionFailure(err.into()))
}

/// An entry's index, out of the store's own kind of integer.
pub(super) fn index(stored: i64) -> Result<u64, LedgerError> {
    u64::try_from(stored).map_err(|_| LedgerError::Unavailable(format!("the file contradicts itself: it numbers an entry {stored}").into()))
}

/// Begins a ledger in a new file: schema and genesis.
pub(super) fn begin(path: &Path, now: UnixTime, name: &str) -> Result<(), LedgerError> {
    let genesis = genesis(name, now).map_err(LedgerError::Encode)?;
    create(path).map_err(|err| cannot_open(path, err))?;
    fill(&mut connect(path)?, &genesis).map_err(|err| cannot_open(path, err))
}

/// Looks for the file before SQLite does, which says nothing of use of a file that is not there, and takes an empty one for a database.
pub(super) fn check_there(path: &Path) -> Result<(), LedgerError> {
    match std::fs::metadata(path) {
        Ok(file) if file.len() == 0 => Err(LedgerError::Missing { path: path.to_owned() }),
        Err(err) if err.kind() == ErrorKind::NotFound => Err(LedgerError::Missing { path: path.to_owned() }),
        Ok(_) => Ok(()),
        Err(err) => Err(cannot_open(path, err)),
    }
}

/// Inserts one row. That it is there is not a matter of course: a trigger that somebody added may swallow it in silence.
pub(super) fn insert(connection: &Connection, statement: &str, row: impl rusqlite::Params) -> Result<(), Trouble> {
    insert_with(&mut *connection.prepare_cached(statement)?, row)
}

/// The same with a statement that is prepared already.
pub(super) fn insert_with(statement: &mut Statement<'_>, row: impl rusqlite::Params) -> Result<(), Trouble> {
    match statement.execute(row)? {
        1 => Ok(()),
        _ => Err("something in the file swallows what is written into it; `log verify` names it".into()),
    }
}

/// Creates an empty file for its owner alone. SQLite gives the files beside it the same mode.
fn create(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

pub(super) fn connect(path: &Path) -> Result<Connection, LedgerError> {
    let failed = |err| cannot_open(path, err);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    plan_once(&connection).map_err(failed)?;
    connection.pragma_update(None, "journal_mode", "wal").map_err(failed)?;
    // In WAL mode anything less than FULL acknowledges commits that a power cut undoes.
    connection.pragma_update(None, "synchronous", "full").map_err(failed)?;
    Ok(connection)
}

/// Keeps a statement's plan whatever is bound to it. SQLite would otherwise look whether other values make for another plan, and prepare many statements anew each time, which
/// costs more than what they look up; ours are written for the one plan they need.
pub(super) fn plan_once(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// Gives an empty file its schema and its genesis, both or neither.
fn fill(connection: &mut Connection, genesis: &[u8]) -> rusqlite::Result<()> {
    let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    begun.execute_batch(TABLES)?;
    begun.execute_batch(SUBTREES)?;
    let insert = "INSERT INTO entry (leaf_index, leaf_hash, kind, octets) VALUES (0, ?1, ?2, ?3)";
    begun.execute(insert, (leaf_hash(genesis).as_bytes(), GENESIS, genesis))?;
    begun.pragma_update(None, "user_version", SCHEMA)?;
    begun.commit()
}

/// Its schema's version, if it is one that this program knows.
pub(super) fn recognise(connection: &Connection, path: &Path) -> Result<i64, LedgerError> {
    let failed = |err| cannot_open(path, err);
    let found = version(connection).map_err(failed)?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0)).map_err(failed)?;
    match found {
        1..=SCHEMA => Ok(found),
        // Whoever began it got no further.
        0 if tables == 0 => Err(LedgerError::Missing { path: path.to_owned() }),
        _ => Err(LedgerError::Schema { path: path.to_owned(), found, expected: SCHEMA }),
    }
}

/// Whether this version wrote it.
pub(super) fn check_version(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    match recognise(connection, path)? {
        SCHEMA => Ok(()),
        found => Err(LedgerError::Outdated { path: path.to_owned(), found, expected: SCHEMA }),
    }
}

pub(super) fn check_name(connection: &Connection, path: &Path, name: &str) -> Result<(), LedgerError> {
    let read = connection.query_row("SELECT octets FROM entry WHERE leaf_index = 0", (), |row| row.get(0));
    let octets: Vec<u8> = read.map_err(|err| cannot_open(path, err))?;
    let found = log_name(&octets).map_err(|source| LedgerError::Corrupt { index: 0, source })?;
    match found == name {
        true => Ok(()),
        false => Err(LedgerError::OtherLog { path: path.to_owned(), found, expected: name.to_owned() }),
    }
}

pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

pub(super) fn cannot_open(path: &Path, source: impl std::error::Error + Send + Sync + 'static) -> LedgerError {
    LedgerError::Open { path: path.to_owned(), source: Box::new(source) }
}

/// `user_version` of the files that this program writes. Those of version 1 keep no hashes of subtrees; up to version 2 devices had numbers of their own.
pub(super) const SCHEMA: i64 = 3;

pub(super) const TABLES: &str = include_str!("schema.sql");

pub(super) const SUBTREES: &str = include_str!("subtree.sql");

/// How long another process may hold the write lock before an append fails.
const PATIENCE: Duration = Duration::from_secs(5);

/// Room for the pages that an import touches again and again: the right edges of all tables, and the upper pages of the index of keys.
const WRITER_CACHE_KIB: i64 = 32 * 1024;

/// After how many pages of 4 KiB the write-ahead log goes into the file. The more, the more often a page of an index is in it only once though it was touched many times.
const CHECKPOINT_PAGES: i64 = 16 * 1024;
