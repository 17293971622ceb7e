//! A copy of a store while a registrar uses it.

use core::time::Duration;
use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// There is nothing to copy.
    #[error("{}: there is no store of pledges", .0.display())]
    Missing(PathBuf),
    /// The copy cannot be made, or exists.
    #[error("{}: cannot be made", .path.display())]
    Make {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// SQLite could not copy it.
    #[error("the store of pledges cannot be copied")]
    Copy(#[from] rusqlite::Error),
}

/// Copies the store at `from` into the new file `to`, as it is at one moment; the registrar that uses it is not held up. The copy is one file, readable to its owner alone, and
/// survives a crash on `Ok`.
///
/// # Errors
/// Any [`BackupError`]; part of `to` may be left if copying fails.
pub fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    if std::fs::metadata(from).map_or(true, |file| file.len() == 0) {
        return Err(BackupError::Missing(from.to_owned()));
    }
    let make = |source| BackupError::Make { path: to.to_owned(), source };
    let source = open(from)?;
    // A snapshot, without which SQLite begins again whenever somebody writes.
    let snapshot = source.unchecked_transaction()?;
    let _begun: i64 = snapshot.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(to).map_err(make)?;
    let mut copy = open(to)?;
    // Flushed once, at the end.
    copy.pragma_update(None, "synchronous", "off")?;
    {
        let backup = Backup::new(&snapshot, &mut copy)?;
        loop {
            match backup.step(PAGES)? {
                StepResult::Done => break,
                StepResult::More => {}
                // With a snapshot and a file of our own it does not occur; trying again is what SQLite asks for.
                _ => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }
    // Without files beside it.
    copy.pragma_update(None, "journal_mode", "delete")?;
    copy.close().map_err(|(_, err)| err)?;
    File::open(to).and_then(|file| file.sync_all()).map_err(make)
}

/// Whether another process has this store open, even if it only waits. A file that is no database is in nobody's use.
pub fn is_in_use(path: &Path, patience: Duration) -> bool {
    let locked = || -> rusqlite::Result<()> {
        let connection = open(path)?;
        connection.busy_timeout(patience)?;
        // Whoever has opened a database with a write-ahead log holds a shared lock on it as long as it is open: one for this process alone is not to be had then.
        connection.pragma_update(None, "locking_mode", "exclusive")?;
        connection.execute_batch("BEGIN EXCLUSIVE; ROLLBACK")
    };
    matches!(locked(), Err(rusqlite::Error::SqliteFailure(err, _)) if matches!(err.code, rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked))
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(super::PATIENCE)?;
    Ok(connection)
}

/// How much is copied at a time: some 4 MiB.
const PAGES: i32 = 1024;
