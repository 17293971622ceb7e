//! In an SQLite file: admissions, LDevID keys, and the audit trail with what follows from it. One thread owns the connection, so that no caller blocks on the disk.

use std::path::Path;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use brski_common::{BoxFuture, SpkiDigest, UnixTime};
use futures_channel::oneshot;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::{PledgeStore, Query, Revocation, StoreError, TrailHead};
use crate::relay::Admission;
use crate::trail::{CertificateId, Event, PledgeFile};

mod backup;
mod checkpoints;
mod files;
mod fold;
mod queue;
mod row;
#[cfg(test)]
mod tests;
mod trail;
mod upgrade;
mod verify;

pub use self::backup::{BackupError, copy, is_in_use};
use self::queue::Job;
pub use self::verify::{Damage, Verified, VerifyTrailError, verify};

/// A durable store in one SQLite file (WAL, synchronous FULL), which other tools may read and back up while it is open.
pub struct SqlitePledges {
    // `None` only while dropping.
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl SqlitePledges {
    /// Opens the file, or makes it with mode 0600. A file of a former version is brought up to date, which takes as long as to read it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it cannot be opened, or is of a former version and somebody else has it open; [`StoreError::Damaged`] if it is something else's or of another version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        create_private(path).map_err(|err| StoreError::Unavailable(err.into()))?;
        upgrade::bring_up_to_date(path)?;
        let connection = Connection::open(path)?;
        prepare(&connection)?;

        let (sender, receiver) = sync_channel(QUEUE);
        let work = move || queue::run(&connection, &receiver);
        let thread = std::thread::Builder::new().name("pledges".to_owned()).spawn(work).map_err(|err| StoreError::Unavailable(err.into()))?;
        Ok(Self { jobs: Some(sender), thread: Some(thread) })
    }

    /// Has the connection's thread look something up.
    fn look<T: Send + 'static>(&self, look: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static) -> BoxFuture<'_, Result<T, StoreError>> {
        self.ask(Job::read(look))
    }

    /// Has the connection's thread write something, along with whatever else waits to be written.
    fn write<T: Send + 'static>(&self, write: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static) -> BoxFuture<'_, Result<T, StoreError>> {
        self.ask(Job::write(write))
    }

    fn ask<T: Send + 'static>(&self, (job, answer): (Job, oneshot::Receiver<Result<T, StoreError>>)) -> BoxFuture<'_, Result<T, StoreError>> {
        let stopped = || StoreError::Unavailable("its thread has stopped".into());
        let queued = match self.jobs.as_ref().map(|jobs| jobs.try_send(job)) {
            Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Full(_))) => Err(StoreError::Unavailable(format!("{QUEUE} requests are waiting for it already").into())),
            Some(Err(TrySendError::Disconnected(_))) | None => Err(stopped()),
        };
        Box::pin(async move {
            queued?;
            answer.await.unwrap_or_else(|_| Err(stopped()))
        })
    }
}

impl Drop for SqlitePledges {
    fn drop(&mut self) {
        // The thread ends with its last job, and closes the file.
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl core::fmt::Debug for SqlitePledges {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SqlitePledges")
    }
}

impl PledgeStore for SqlitePledges {
    fn admit(&self, admission: Admission, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(move |connection| {
            trail::append(connection, &event)?;
            row::insert(connection, &admission)
        })
    }

    fn withdraw(&self, admitted: SpkiDigest, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(move |connection| {
            trail::append(connection, &event)?;
            connection.execute("UPDATE admission SET withdrawn = 1 WHERE spki = ?1", [admitted.0])?;
            Ok(())
        })
    }

    fn find(&self, key: SpkiDigest) -> BoxFuture<'_, Result<Option<Admission>, StoreError>> {
        self.look(move |connection| row::find(connection, key))
    }

    fn enrolled(&self, ldevid: SpkiDigest, admitted: SpkiDigest, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(move |connection| match enroll(connection, ldevid, admitted)? {
            true => trail::append(connection, &event),
            false => Ok(()),
        })
    }

    fn note(&self, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(move |connection| trail::append(connection, &event))
    }

    fn file(&self, pledge: SpkiDigest) -> BoxFuture<'_, Result<Option<PledgeFile>, StoreError>> {
        self.look(move |connection| files::one(connection, pledge))
    }

    fn files(&self, query: Query) -> BoxFuture<'_, Result<Vec<PledgeFile>, StoreError>> {
        self.look(move |connection| files::all(connection, &query))
    }

    fn is_revoked(&self, certificate: CertificateId) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.look(move |connection| files::is_revoked(connection, &certificate))
    }

    fn revocations(&self, now: UnixTime) -> BoxFuture<'_, Result<Vec<Revocation>, StoreError>> {
        self.look(move |connection| files::revocations(connection, now))
    }

    fn head(&self) -> BoxFuture<'_, Result<TrailHead, StoreError>> {
        self.look(|connection| trail::edge(connection).map(|edge| TrailHead { size: edge.size(), root: edge.root() }))
    }

    fn history(&self, pledge: SpkiDigest, limit: u32) -> BoxFuture<'_, Result<Vec<(u64, Event)>, StoreError>> {
        self.look(move |connection| trail::history(connection, pledge, limit))
    }

    fn events(&self, from: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>> {
        self.look(move |connection| trail::events(connection, from, limit))
    }
}

/// Whether it was not bound before.
fn enroll(connection: &Connection, ldevid: SpkiDigest, admitted: SpkiDigest) -> Result<bool, StoreError> {
    let standing = "SELECT 1 FROM admission WHERE spki = ?1 AND withdrawn = 0";
    if !connection.prepare_cached(standing)?.exists([admitted.0])? {
        return Err(StoreError::NotAdmitted(admitted));
    }
    let holder = "SELECT spki FROM admission WHERE spki = ?1 UNION SELECT admitted FROM ldevid WHERE spki = ?1";
    let holders: Vec<[u8; 32]> = connection.prepare_cached(holder)?.query_map([ldevid.0], |row| row.get(0))?.collect::<Result<_, _>>()?;
    if holders.iter().any(|holder| *holder != admitted.0) {
        return Err(StoreError::KeyTaken(ldevid));
    }
    let rows = connection.execute("INSERT INTO ldevid (spki, admitted) VALUES (?1, ?2) ON CONFLICT DO NOTHING", params![ldevid.0, admitted.0])?;
    Ok(rows > 0)
}

/// Who may read the file may learn which devices the owner has: nobody but its user.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(err) if err.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(err) => Err(err),
    }
}

fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(PATIENCE)?;
    recognise(connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    transaction.execute_batch(SCHEMA)?;
    finish(transaction)
}

/// Says whose the file is, and of which version by now.
fn finish(transaction: Transaction<'_>) -> Result<(), StoreError> {
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    Ok(transaction.commit()?)
}

/// The version of the schema; none if the file is new.
fn recognise(connection: &Connection) -> Result<Option<i64>, StoreError> {
    let read = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (tables, read("application_id")?, read("user_version")?) {
        (0, _, _) => Ok(None),
        (_, APPLICATION, found @ (WITHOUT_TRAIL | WITHOUT_ISSUERS | UNSAID | VERSION)) => Ok(Some(found)),
        (_, APPLICATION, other) => Err(foreign(format!("its schema is of version {other}, expected {VERSION}"))),
        (_, _, _) => Err(foreign("it is a database of another program".to_owned())),
    }
}

fn foreign(what: String) -> StoreError {
    StoreError::Damaged { what, source: None }
}

impl From<rusqlite::Error> for StoreError {
    fn from(err: rusqlite::Error) -> Self {
        Self::Unavailable(err.into())
    }
}

/// How many requests may wait; more would only wait longer.
const QUEUE: usize = 1024;

/// "BRPL".
const APPLICATION: i64 = 0x4252_504c;
const VERSION: i64 = 4;
/// Version 3 upgraded files of version 2 without adding the events that those lack.
const UNSAID: i64 = 3;
/// Version 2 knew those that were revoked by their serial numbers alone, and had no events of keys that were taken, nor of admissions that ended with the last LDevID.
const WITHOUT_ISSUERS: i64 = 2;
/// Version 1 had admissions and LDevID keys alone.
const WITHOUT_TRAIL: i64 = 1;

/// How long another process may hold the write lock before a request fails.
const PATIENCE: core::time::Duration = core::time::Duration::from_secs(5);

const SCHEMA: &str = include_str!("sqlite/schema.sql");
