//! Links in an SQLite file of their own.

use core::time::Duration;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use brski_common::{DeviceId, KeyIdentifier, SerialNumber, UnixTime};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior};

use super::{AuditLinksError, Digest, Link, MOST, MOST_OF_DEVICE, Store};

pub(super) struct File {
    path: PathBuf,
    // A look-up is one step down an index, so that nobody waits for it in a queue. None as long as there is no file: it is made with the first link.
    connection: Mutex<Option<Connection>>,
}

type Trouble = Box<dyn std::error::Error + Send + Sync>;

impl File {
    /// Opens the file, if it is there.
    pub(super) fn open(path: &Path) -> Result<Self, AuditLinksError> {
        let file = Self { path: path.to_owned(), connection: Mutex::new(None) };
        file.with(|_| Ok(()))?;
        Ok(file)
    }

    /// Acts on the file; `None` if there is none.
    fn with<T>(&self, act: impl FnOnce(&mut Connection) -> Result<T, Trouble>) -> Result<Option<T>, AuditLinksError> {
        match self.path.try_exists() {
            Ok(false) => Ok(None),
            // Whatever else is the matter is found out in the attempt.
            Ok(true) | Err(_) => self.with_new(act).map(Some),
        }
    }

    /// Acts on the file, which is made if need be.
    fn with_new<T>(&self, act: impl FnOnce(&mut Connection) -> Result<T, Trouble>) -> Result<T, AuditLinksError> {
        // A panic under the lock leaves a transaction at most, which was rolled back when it was dropped.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let acted = match &mut *connection {
            Some(open) => act(open),
            None => connect(&self.path).and_then(|opened| act(connection.insert(opened))),
        };
        acted.map_err(|source| AuditLinksError::File { path: self.path.clone(), source })
    }
}

impl Store for File {
    fn enter(&self, link: Link) -> Result<(), AuditLinksError> {
        let entered = self.with_new(|connection| {
            let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            change.execute("DELETE FROM audit_link WHERE expires_at <= ?1", [seconds(link.made_at)?])?;
            let (issuer, serial) = (link.device.issuer.as_bytes(), link.device.serial.as_str());
            let oldest = "DELETE FROM audit_link WHERE digest IN \
                (SELECT digest FROM audit_link WHERE serial = ?1 AND issuer = ?2 ORDER BY made_at DESC, digest DESC LIMIT -1 OFFSET ?3)";
            change.execute(oldest, (serial, issuer, i64::try_from(MOST_OF_DEVICE - 1)?))?;
            let links: i64 = change.query_row("SELECT count(*) FROM audit_link", (), |row| row.get(0))?;
            if usize::try_from(links)? >= MOST {
                return Ok(false);
            }
            let insert = "INSERT INTO audit_link (digest, issuer, serial, made_by, made_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            change.execute(insert, (link.digest, issuer, serial, &link.by, seconds(link.made_at)?, seconds(link.expires_at)?))?;
            change.commit()?;
            Ok(true)
        })?;
        if entered { Ok(()) } else { Err(AuditLinksError::TooMany) }
    }

    fn find(&self, digest: &Digest, now: UnixTime) -> Result<Option<DeviceId>, AuditLinksError> {
        self.with(|connection| {
            let mut find = connection.prepare_cached("SELECT issuer, serial FROM audit_link WHERE digest = ?1 AND expires_at > ?2")?;
            let found = find.query_row((digest, seconds(now)?), |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, String>(1)?))).optional()?;
            let device = |(issuer, serial)| Ok(DeviceId { issuer: KeyIdentifier::new(issuer)?, serial: SerialNumber::new(serial)? });
            found.map(device).transpose()
        })
        .map(Option::flatten)
    }

    fn revoke(&self, digest: &Digest) -> Result<bool, AuditLinksError> {
        let revoked = self.with(|connection| Ok(connection.execute("DELETE FROM audit_link WHERE digest = ?1", [digest])? == 1))?;
        Ok(revoked.unwrap_or(false))
    }
}

fn connect(path: &Path) -> Result<Connection, Trouble> {
    create(path)?;
    let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // What was revoked stays so, whatever happens to the power.
    connection.pragma_update(None, "synchronous", "full")?;
    let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = begun.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 = begun.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    match (version, tables) {
        (SCHEMA, _) => {}
        (0, 0) => {
            begun.execute_batch(TABLE)?;
            begun.pragma_update(None, "user_version", SCHEMA)?;
        }
        _ => return Err(format!("it has schema version {version}, expected {SCHEMA}: something else wrote it").into()),
    }
    begun.commit()?;
    Ok(connection)
}

/// Makes the file for its owner alone, if it is not there. SQLite gives the files beside it the same mode.
fn create(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// A time as the store's own kind of integer.
fn seconds(time: UnixTime) -> Result<i64, core::num::TryFromIntError> {
    i64::try_from(time.as_secs())
}

const TABLE: &str = "\
CREATE TABLE audit_link (
    digest     BLOB PRIMARY KEY CHECK (length(digest) = 32),   -- SHA-256 over the link's 128 bits
    issuer     BLOB NOT NULL,
    serial     TEXT NOT NULL,
    made_by    TEXT NOT NULL,
    made_at    INTEGER NOT NULL,                               -- seconds since 1970
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_link_by_device ON audit_link (serial, issuer);
CREATE INDEX audit_link_by_end ON audit_link (expires_at);";

/// `user_version` of the file.
const SCHEMA: i64 = 1;

/// How long another process may hold the write lock.
const PATIENCE: Duration = Duration::from_secs(5);
