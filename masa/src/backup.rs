//! Backups: a copy of a ledger while others append to it, and what a backup says of itself.
//!
//! The `backup` and `restore` commands call in, and so does whoever embeds a [`Masa`](crate::Masa) and keeps its own backups.

mod manifest;
mod seal;
#[cfg(test)]
mod tests;

use core::time::Duration;
use std::fs::{File, OpenOptions};
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

pub use self::manifest::{LeftOut, Manifest, PackedFile};
use crate::ledger::LedgerError;

/// Copies the ledger at `from` into the new file `to`, as it is at one moment; whoever appends meanwhile is not held up. Tells `progress` from time to time how many of how
/// many octets are copied. The copy is one file, readable to its owner alone, and survives a crash on `Ok`.
///
/// The file beside the ledger in which SQLite keeps what was written last cannot be emptied while this runs, and grows by what is appended.
///
/// # Errors
/// [`LedgerError::Missing`] if there is no ledger; [`LedgerError::Open`] naming the file that cannot be opened or made, which is the case if `to` exists;
/// [`LedgerError::Unavailable`] if copying fails, after which part of `to` may be left.
pub fn copy(from: &Path, to: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<(), LedgerError> {
    if std::fs::metadata(from).map_or(true, |file| file.len() == 0) {
        return Err(LedgerError::Missing { path: from.to_owned() });
    }
    let mut source = open(from)?;
    // A snapshot, without which SQLite begins again whenever somebody appends: beside a busy line it would never end.
    let snapshot = source.transaction_with_behavior(TransactionBehavior::Deferred).map_err(unavailable)?;
    let octets_a_page: u32 = snapshot.query_row("SELECT page_size FROM pragma_page_size", (), |row| row.get(0)).map_err(unavailable)?;
    let _begun: i64 = snapshot.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0)).map_err(unavailable)?;

    create(to).map_err(|err| cannot_open(to, err))?;
    let mut copy = open(to)?;
    // Flushed once, at the end.
    copy.pragma_update(None, "synchronous", "off").map_err(unavailable)?;
    copy_pages(&snapshot, &mut copy, &mut |done, all| progress(done * u64::from(octets_a_page), all * u64::from(octets_a_page))).map_err(unavailable)?;
    // Without files beside it.
    copy.pragma_update(None, "journal_mode", "delete").map_err(unavailable)?;
    copy.close().map_err(|(_, err)| unavailable(err))?;
    File::open(to).and_then(|file| file.sync_all()).map_err(|err| LedgerError::Unavailable(err.into()))
}

/// Whether another process has this ledger open, even if it only waits. A file that is no database is in nobody's use.
pub fn is_in_use(path: &Path, patience: Duration) -> bool {
    let locked = || -> rusqlite::Result<()> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(patience)?;
        // Whoever has opened a database with a write-ahead log holds a shared lock on it as long as it is open: one for this process alone is not to be had then.
        connection.pragma_update(None, "locking_mode", "exclusive")?;
        connection.execute_batch("BEGIN EXCLUSIVE; ROLLBACK")
    };
    matches!(locked(), Err(rusqlite::Error::SqliteFailure(err, _)) if matches!(err.code, rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked))
}

fn copy_pages(from: &Connection, to: &mut Connection, progress: &mut dyn FnMut(u64, u64)) -> rusqlite::Result<()> {
    let backup = Backup::new(from, to)?;
    loop {
        let step = backup.step(PAGES)?;
        let at = backup.progress();
        let all = u64::try_from(at.pagecount).unwrap_or_default();
        progress(all.saturating_sub(u64::try_from(at.remaining).unwrap_or_default()), all);
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            // Not seen with a snapshot and a file of our own; if it occurs, trying again is what SQLite asks for.
            _ => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

fn open(path: &Path) -> Result<Connection, LedgerError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|err| cannot_open(path, err))?;
    connection.busy_timeout(PATIENCE).map_err(|err| cannot_open(path, err))?;
    Ok(connection)
}

fn create(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn cannot_open(path: &Path, source: impl std::error::Error + Send + Sync + 'static) -> LedgerError {
    LedgerError::Open { path: path.to_owned(), source: Box::new(source) }
}

fn unavailable(err: rusqlite::Error) -> LedgerError {
    LedgerError::Unavailable(err.into())
}

/// How much is copied between two looks at the progress: some 4 MiB.
const PAGES: i32 = 1024;

/// How long to wait where another process has the file for itself for a moment.
const PATIENCE: Duration = Duration::from_secs(5);
