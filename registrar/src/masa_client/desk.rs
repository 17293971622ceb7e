//! Questions that wait for a worker, and answers that are remembered, in one SQLite file that several processes share. One thread owns the connection, so that no
//! caller blocks on the disk.

mod answers;
mod questions;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use brski_common::{BoxFuture, UnixTime};
use futures_channel::oneshot;
use rusqlite::Connection;

pub(super) use self::questions::{Errand, Standing, Task};

/// A store of questions and answers in one SQLite file (WAL). What is in it can be asked again, so that losing it costs time and nothing else.
pub struct SqliteDesk {
    // `None` only while dropping.
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

type Job = Box<dyn FnOnce(&Connection) + Send>;

impl SqliteDesk {
    /// Opens the file, or makes it with mode 0600.
    ///
    /// # Errors
    /// [`DeskError`] if it cannot be opened or is something else's.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DeskError> {
        let path = path.as_ref();
        create_private(path).map_err(|err| DeskError::Unavailable(err.into()))?;
        let connection = Connection::open(path)?;
        prepare(&connection)?;
        let (sender, receiver) = sync_channel::<Job>(QUEUE);
        let work = move || receiver.into_iter().for_each(|job| job(&connection));
        let thread = std::thread::Builder::new().name("masas".to_owned()).spawn(work).map_err(|err| DeskError::Unavailable(err.into()))?;
        Ok(Self { jobs: Some(sender), thread: Some(thread) })
    }

    /// Has the connection's thread do `job` and waits for its outcome.
    fn run<T: Send + 'static>(&self, job: impl FnOnce(&Connection) -> Result<T, DeskError> + Send + 'static) -> BoxFuture<'_, Result<T, DeskError>> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // A caller that went away does not undo what is done.
            let _ = sender.send(job(connection));
        });
        let stopped = || DeskError::Unavailable("its thread has stopped".into());
        let queued = match self.jobs.as_ref().map(|jobs| jobs.try_send(job)) {
            Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Full(_))) => Err(DeskError::Unavailable(format!("{QUEUE} requests are waiting for it already").into())),
            Some(Err(TrySendError::Disconnected(_))) | None => Err(stopped()),
        };
        Box::pin(async move {
            queued?;
            receiver.await.unwrap_or_else(|_| Err(stopped()))
        })
    }
}

impl Drop for SqliteDesk {
    fn drop(&mut self) {
        // The thread ends with its last job, and closes the file.
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl core::fmt::Debug for SqliteDesk {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SqliteDesk")
    }
}

/// A store of questions and answers that did not do its part.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeskError {
    /// It did not answer.
    #[error("the store of questions to MASAs did not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It is not ours, or holds what it should not.
    #[error("the store of questions to MASAs is damaged: {0}")]
    Damaged(String),
}

impl From<rusqlite::Error> for DeskError {
    fn from(err: rusqlite::Error) -> Self {
        Self::Unavailable(err.into())
    }
}

fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
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

fn prepare(connection: &Connection) -> Result<(), DeskError> {
    connection.busy_timeout(core::time::Duration::from_secs(5))?;
    let read = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (tables, read("application_id")?, read("user_version")?) {
        (0, _, _) | (_, APPLICATION, VERSION) => {}
        (_, APPLICATION, other) => return Err(DeskError::Damaged(format!("its schema is of version {other}, expected {VERSION}"))),
        (_, _, _) => return Err(DeskError::Damaged("it is a database of another program".to_owned())),
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A loss of power may take the last seconds along: pledges repeat themselves.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(connection.execute_batch(&format!("BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"))?)
}

/// How many requests may wait; more would only wait longer.
const QUEUE: usize = 1024;

/// "BRMQ".
const APPLICATION: i64 = 0x4252_4d51;
const VERSION: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS answer (
    request_sha256 BLOB NOT NULL,     -- of the pledge's voucher-request
    wanted         TEXT NOT NULL,     -- media type of the voucher
    answered_at    INTEGER NOT NULL,  -- seconds since 1970
    answer         TEXT NOT NULL,     -- JSON
    PRIMARY KEY (request_sha256, wanted)
);
CREATE TABLE IF NOT EXISTS question (
    id           BLOB PRIMARY KEY,    -- SHA-256 over what is asked about
    manufacturer TEXT NOT NULL,
    url          TEXT NOT NULL,
    request_type TEXT NOT NULL,       -- media type
    request      BLOB NOT NULL,       -- the registrar's voucher-request
    pledge_request BLOB,              -- SHA-256; absent if a statement is wanted
    wanted       TEXT,                -- media type of the voucher; absent if a statement is wanted
    asked_at     INTEGER NOT NULL,
    not_before   INTEGER NOT NULL,    -- when a worker may take it
    ticket       INTEGER NOT NULL,    -- how often one took it: an earlier one's answer does not count
    tries        INTEGER NOT NULL,    -- how often a worker got no answer
    trouble      TEXT,                -- why there was none, the last time
    outcome      TEXT,                -- JSON, once there is one
    answered_at  INTEGER
);
CREATE INDEX IF NOT EXISTS question_open ON question (not_before) WHERE outcome IS NULL;
";
