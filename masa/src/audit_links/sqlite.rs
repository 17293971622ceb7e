//! Links in an SQLite file of their own.

use core::time::Duration;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use brski_common::{DeviceId, KeyIdentifier, SerialNumber, UnixTime};
use futures_channel::oneshot;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior};

use super::{Answer, AuditLinksError, Digest, Link, Most, Store};
use crate::ledger::{LedgerError, Worker};

/// A thread has the file: whoever asks waits for its disk and for other processes without blocking an executor.
pub(super) struct File(Worker<Job>);

/// Something to be done with the file; it knows who waits for it.
type Job = Box<dyn FnOnce(&mut Opened) + Send>;

/// What the thread has.
struct Opened {
    path: PathBuf,
    // None as long as there is no file: it is made with the first link.
    connection: Option<Connection>,
}

type Trouble = Box<dyn std::error::Error + Send + Sync>;

impl File {
    /// Opens the file, if it is there.
    pub(super) fn open(path: &Path) -> Result<Self, AuditLinksError> {
        let mut opened = Opened { path: path.to_owned(), connection: None };
        opened.with(|_| Ok(()))?;
        let worker = Worker::start("audit-links", move |queue| queue.into_iter().for_each(|job: Job| job(&mut opened)));
        worker.map(Self).map_err(|source| AuditLinksError::File { path: path.to_owned(), source: source.into() })
    }

    fn ask<T: Send + 'static>(&self, act: impl FnOnce(&mut Opened) -> Result<T, AuditLinksError> + Send + 'static) -> Answer<'_, T> {
        let (reply, answer) = oneshot::channel();
        let sent = self.0.send(Box::new(move |opened| {
            // Whoever asked may have gone away.
            let _gone = reply.send(act(opened));
        }));
        Box::pin(async move {
            sent?;
            answer.await.unwrap_or_else(|stopped| Err(LedgerError::Unavailable(stopped.into()).into()))
        })
    }
}

impl Opened {
    /// Acts on the file; `None` if there is none.
    fn with<T>(&mut self, act: impl FnOnce(&mut Connection) -> Result<T, Trouble>) -> Result<Option<T>, AuditLinksError> {
        match self.path.try_exists() {
            Ok(false) => Ok(None),
            // Whatever else is the matter is found out in the attempt.
            Ok(true) | Err(_) => self.with_new(act).map(Some),
        }
    }

    /// Acts on the file, which is made if need be.
    fn with_new<T>(&mut self, act: impl FnOnce(&mut Connection) -> Result<T, Trouble>) -> Result<T, AuditLinksError> {
        let acted = match &mut self.connection {
            Some(open) => act(open),
            None => connect(&self.path).and_then(|opened| act(self.connection.insert(opened))),
        };
        acted.map_err(|source| AuditLinksError::File { path: self.path.clone(), source })
    }
}

impl Store for File {
    fn enter(&self, link: Link, most: Most) -> Answer<'_, ()> {
        self.ask(move |opened| match opened.with_new(|connection| enter(connection, &link, most))? {
            true => Ok(()),
            false => Err(AuditLinksError::TooMany),
        })
    }

    fn find(&self, digest: &Digest, now: UnixTime) -> Answer<'_, Option<DeviceId>> {
        let digest = *digest;
        self.ask(move |opened| opened.with(|connection| find(connection, &digest, now)).map(Option::flatten))
    }

    fn revoke(&self, digest: &Digest) -> Answer<'_, bool> {
        let digest = *digest;
        self.ask(move |opened| {
            let revoked = opened.with(|connection| Ok(connection.execute("DELETE FROM audit_link WHERE digest = ?1", [digest])? == 1))?;
            Ok(revoked.unwrap_or(false))
        })
    }
}

/// False if there are too many.
fn enter(connection: &mut Connection, link: &Link, most: Most) -> Result<bool, Trouble> {
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    change.execute("DELETE FROM audit_link WHERE expires_at <= ?1", [seconds(link.made_at)?])?;
    make_room(&change, link, most)?;
    let count = "SELECT count(*) FROM audit_link WHERE (owner IS NULL) = ?1";
    let links: i64 = change.query_row(count, [link.owner.is_none()], |row| row.get(0))?;
    if usize::try_from(links)? >= most.in_all {
        return Ok(false);
    }
    let (issuer, serial, owner) = (link.device.issuer.as_bytes(), link.device.serial.as_str(), link.owner.map(|key| key.0));
    let insert = "INSERT INTO audit_link (digest, issuer, serial, owner, made_by, made_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    change.execute(insert, (link.digest, issuer, serial, owner, &link.by, seconds(link.made_at)?, seconds(link.expires_at)?))?;
    change.commit()?;
    Ok(true)
}

/// Ends the oldest links of the same owner until there is room for one more.
fn make_room(change: &Transaction<'_>, link: &Link, most: Most) -> Result<(), Trouble> {
    let Some(owner) = link.owner else { return Ok(()) };
    let (issuer, serial) = (link.device.issuer.as_bytes(), link.device.serial.as_str());
    let of_device = "DELETE FROM audit_link WHERE digest IN (SELECT digest FROM audit_link WHERE owner = ?1 AND serial = ?2 AND issuer = ?3 \
        ORDER BY made_at DESC, digest DESC LIMIT -1 OFFSET ?4)";
    change.execute(of_device, (owner.0, serial, issuer, i64::try_from(most.of_device)? - 1))?;
    let of_owner = "DELETE FROM audit_link WHERE digest IN (SELECT digest FROM audit_link INDEXED BY audit_link_by_owner WHERE owner = ?1 \
        ORDER BY made_at DESC, digest DESC LIMIT -1 OFFSET ?2)";
    change.execute(of_owner, (owner.0, i64::try_from(most.of_owner)? - 1))?;
    Ok(())
}

fn find(connection: &Connection, digest: &Digest, now: UnixTime) -> Result<Option<DeviceId>, Trouble> {
    let mut find = connection.prepare_cached("SELECT issuer, serial FROM audit_link WHERE digest = ?1 AND expires_at > ?2")?;
    let found = find.query_row((digest, seconds(now)?), |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, String>(1)?))).optional()?;
    let device = |(issuer, serial)| Ok(DeviceId { issuer: KeyIdentifier::new(issuer)?, serial: SerialNumber::new(serial)? });
    found.map(device).transpose()
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
    owner      BLOB CHECK (length(owner) = 32),                -- digest of the key of the domain that it was made for; none if an operator made it
    made_by    TEXT NOT NULL,
    made_at    INTEGER NOT NULL,                               -- seconds since 1970
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_link_by_device ON audit_link (serial, issuer, owner);
CREATE INDEX audit_link_by_owner ON audit_link (owner, made_at);
CREATE INDEX audit_link_by_end ON audit_link (expires_at);";

/// `user_version` of the file.
const SCHEMA: i64 = 1;

/// How long another process may hold the write lock.
const PATIENCE: Duration = Duration::from_secs(5);
