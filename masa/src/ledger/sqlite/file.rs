//! The file: opened, begun where there is none, and recognised.

use core::time::Duration;
use std::fs::OpenOptions;
use std::path::Path;

use brski_common::UnixTime;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::ledger::LedgerError;
use crate::ledger::entry::{GENESIS, genesis, leaf_hash, log_name};

/// One connection to write with and one to read with.
pub(super) fn open(path: &Path, now: UnixTime, name: &str) -> Result<(Connection, Connection), LedgerError> {
    create(path).map_err(|err| cannot_open(path, err))?;
    let mut writer = connect(path)?;
    let genesis = genesis(name, now).map_err(LedgerError::Encode)?;
    begin(&mut writer, &genesis).map_err(|err| cannot_open(path, err))?;
    recognise(&writer, path, name)?;

    let reader = connect(path)?;
    reader.pragma_update(None, "query_only", true).map_err(|err| cannot_open(path, err))?;
    Ok((writer, reader))
}

/// An entry's index, out of the store's own kind of integer.
pub(super) fn index(stored: i64) -> Result<u64, LedgerError> {
    u64::try_from(stored).map_err(|err| LedgerError::Unavailable(err.into()))
}

/// Creates an empty file for its owner alone. SQLite gives the files beside it the same mode.
fn create(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn connect(path: &Path) -> Result<Connection, LedgerError> {
    let failed = |err| cannot_open(path, err);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    connection.pragma_update(None, "journal_mode", "wal").map_err(failed)?;
    // In WAL mode anything less than FULL acknowledges commits that a power cut undoes.
    connection.pragma_update(None, "synchronous", "full").map_err(failed)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(failed)?;
    Ok(connection)
}

/// Gives an empty file its schema and its genesis, both or neither.
fn begin(connection: &mut Connection, genesis: &[u8]) -> rusqlite::Result<()> {
    // The write lock comes first: of two processes that begin the same file, the second finds it begun.
    let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let tables: i64 = begun.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    if tables == 0 && version(&begun)? == 0 {
        begun.execute_batch(include_str!("schema.sql"))?;
        let insert = "INSERT INTO entry (leaf_index, leaf_hash, kind, octets) VALUES (0, ?1, ?2, ?3)";
        begun.execute(insert, (leaf_hash(genesis), GENESIS, genesis))?;
        begun.pragma_update(None, "user_version", SCHEMA)?;
    }
    begun.commit()
}

fn recognise(connection: &Connection, path: &Path, name: &str) -> Result<(), LedgerError> {
    let found = version(connection).map_err(|err| cannot_open(path, err))?;
    if found != SCHEMA {
        return Err(LedgerError::Schema { path: path.to_owned(), found, expected: SCHEMA });
    }
    let read = connection.query_row("SELECT octets FROM entry WHERE leaf_index = 0", (), |row| row.get(0));
    let octets: Vec<u8> = read.map_err(|err| cannot_open(path, err))?;
    let found = log_name(&octets).map_err(|source| LedgerError::Corrupt { index: 0, source })?;
    match found == name {
        true => Ok(()),
        false => Err(LedgerError::OtherLog { path: path.to_owned(), found, expected: name.to_owned() }),
    }
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn cannot_open(path: &Path, source: impl std::error::Error + Send + Sync + 'static) -> LedgerError {
    LedgerError::Open { path: path.to_owned(), source: Box::new(source) }
}

/// `user_version` of the files that this program reads and writes.
const SCHEMA: i64 = 1;

/// How long another process may hold the write lock before an append fails.
const PATIENCE: Duration = Duration::from_secs(5);
