//! In an SQLite file: one table of admissions, one of LDevID keys. One thread owns the connection, so that no caller blocks on the disk.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use brski_common::{BoxFuture, SpkiDigest};
use futures_channel::oneshot;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::{PledgeStore, StoreError};
use crate::relay::Admission;

mod row;
#[cfg(test)]
mod tests;

/// A durable store in one SQLite file (WAL, synchronous FULL), which other tools may read and back up while it is open.
pub struct SqlitePledges {
    // `None` only while dropping.
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

type Job = Box<dyn FnOnce(&Connection) + Send>;

impl SqlitePledges {
    /// Opens the file, or makes it with mode 0600.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it cannot be opened, [`StoreError::Damaged`] if it is something else's or of another version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        create_private(path).map_err(|err| StoreError::Unavailable(err.into()))?;
        let connection = Connection::open(path)?;
        prepare(&connection)?;

        let (sender, receiver) = sync_channel(QUEUE);
        let work = move || work(&connection, &receiver);
        let thread = std::thread::Builder::new().name("pledges".to_owned()).spawn(work).map_err(|err| StoreError::Unavailable(err.into()))?;
        Ok(Self { jobs: Some(sender), thread: Some(thread) })
    }

    /// Has the connection's thread do `job` and waits for its outcome.
    fn ask<T: Send + 'static>(&self, job: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static) -> BoxFuture<'_, Result<T, StoreError>> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // A caller that went away does not undo what is done.
            let _ = sender.send(job(connection));
        });
        let stopped = || StoreError::Unavailable("its thread has stopped".into());
        let queued = match self.jobs.as_ref().map(|jobs| jobs.try_send(job)) {
            Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Full(_))) => Err(StoreError::Unavailable(format!("{QUEUE} requests are waiting for it already").into())),
            Some(Err(TrySendError::Disconnected(_))) | None => Err(stopped()),
        };
        Box::pin(async move {
            queued?;
            receiver.await.unwrap_or_else(|_| Err(stopped()))
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
    fn admit(&self, admission: Admission) -> BoxFuture<'_, Result<(), StoreError>> {
        self.ask(move |connection| row::insert(connection, &admission))
    }

    fn withdraw(&self, admitted: SpkiDigest) -> BoxFuture<'_, Result<(), StoreError>> {
        self.ask(move |connection| {
            connection.execute("UPDATE admission SET withdrawn = 1 WHERE spki = ?1", [admitted.0])?;
            Ok(())
        })
    }

    fn find(&self, key: SpkiDigest) -> BoxFuture<'_, Result<Option<Admission>, StoreError>> {
        self.ask(move |connection| row::find(connection, key))
    }

    fn enrolled(&self, ldevid: SpkiDigest, admitted: SpkiDigest) -> BoxFuture<'_, Result<(), StoreError>> {
        self.ask(move |connection| enroll(connection, ldevid, admitted))
    }
}

fn work(connection: &Connection, jobs: &Receiver<Job>) {
    for job in jobs {
        job(connection);
    }
}

fn enroll(connection: &Connection, ldevid: SpkiDigest, admitted: SpkiDigest) -> Result<(), StoreError> {
    // One transaction: another process may bind the same key at the same time.
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let standing = "SELECT 1 FROM admission WHERE spki = ?1 AND withdrawn = 0";
    if transaction.query_row(standing, [admitted.0], |_| Ok(())).optional()?.is_none() {
        return Err(StoreError::NotAdmitted(admitted));
    }
    let holder = "SELECT spki FROM admission WHERE spki = ?1 UNION SELECT admitted FROM ldevid WHERE spki = ?1";
    let holders: Vec<[u8; 32]> = transaction.prepare_cached(holder)?.query_map([ldevid.0], |row| row.get(0))?.collect::<Result<_, _>>()?;
    if holders.iter().any(|holder| *holder != admitted.0) {
        return Err(StoreError::KeyTaken(ldevid));
    }
    transaction.execute("INSERT INTO ldevid (spki, admitted) VALUES (?1, ?2) ON CONFLICT DO NOTHING", params![ldevid.0, admitted.0])?;
    Ok(transaction.commit()?)
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
    connection.busy_timeout(core::time::Duration::from_secs(5))?;
    let read = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (tables, read("application_id")?, read("user_version")?) {
        (0, _, _) => {}
        (_, APPLICATION, VERSION) => {}
        (_, APPLICATION, other) => return Err(foreign(format!("its schema is of version {other}, expected {VERSION}"))),
        (_, _, _) => return Err(foreign("it is a database of another program".to_owned())),
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection.execute_batch(&format!("BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"))?)
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
const VERSION: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS admission (
    spki           BLOB PRIMARY KEY,  -- SHA-256 over the IDevID's SubjectPublicKeyInfo
    serial_number  TEXT NOT NULL,     -- for people; the IDevID decides
    idevid         BLOB NOT NULL,     -- DER
    issuers        TEXT NOT NULL,     -- PEM, up to the manufacturer's anchor; empty if that issued the IDevID
    request_sha256 BLOB NOT NULL,
    voucher_type   TEXT NOT NULL,     -- media type
    voucher        BLOB NOT NULL,     -- as the MASA signed it
    ground         TEXT NOT NULL,     -- why, in JSON
    withdrawn      INTEGER NOT NULL DEFAULT 0, -- 1 after a refusal that came later
    admitted_at    INTEGER NOT NULL   -- seconds since 1970
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ldevid (
    spki     BLOB PRIMARY KEY,        -- SHA-256 over the LDevID's SubjectPublicKeyInfo
    admitted BLOB NOT NULL REFERENCES admission (spki)
) STRICT, WITHOUT ROWID;
";
