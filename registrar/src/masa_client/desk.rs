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
    bounds: Bounds,
}

/// How much there is room for.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// Questions, those included whose answers nobody has come for yet.
    questions: i64,
    /// Questions about one device that wait, and answers to such that nobody has come for.
    of_one: i64,
    /// Octets of questions with their answers. Questions alone get no more than half of it.
    octets: i64,
    /// Answers that are remembered.
    answers: i64,
    /// Octets of answers that are remembered.
    octets_of_answers: i64,
}

/// Several pallets of pledges that are switched on at once, at the usual size of audit logs.
const BOUNDS: Bounds = Bounds { questions: 10_000, of_one: 4, octets: 256 << 20, answers: 10_000, octets_of_answers: 128 << 20 };

type Job = Box<dyn FnOnce(&Connection) + Send>;

impl SqliteDesk {
    /// Opens the file, or makes it with mode 0600; in a folder that belongs to a group, which may write there and whose files become the group's (mode 2770), with mode 0660, so that
    /// registrar and worker may be different users.
    ///
    /// No more than 4 questions about one device wait, nor more than 10,000 in all; questions and answers that wait take up no more than 256 MiB, and answers that are remembered no
    /// more than 128 MiB.
    ///
    /// # Errors
    /// [`QuestionsError`] if it cannot be opened or is something else's.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, QuestionsError> {
        Self::bounded(path.as_ref(), BOUNDS)
    }

    fn bounded(path: &Path, bounds: Bounds) -> Result<Self, QuestionsError> {
        create_private(path).map_err(|err| QuestionsError::Unavailable(err.into()))?;
        let connection = Connection::open(path)?;
        prepare(&connection)?;
        let (sender, receiver) = sync_channel::<Job>(QUEUE);
        let work = move || receiver.into_iter().for_each(|job| job(&connection));
        let thread = std::thread::Builder::new().name("masas".to_owned()).spawn(work).map_err(|err| QuestionsError::Unavailable(err.into()))?;
        Ok(Self { jobs: Some(sender), thread: Some(thread), bounds })
    }

    /// Has the connection's thread do `job` and waits for its outcome.
    fn run<T: Send + 'static>(&self, job: impl FnOnce(&Connection) -> Result<T, QuestionsError> + Send + 'static) -> BoxFuture<'_, Result<T, QuestionsError>> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // A caller that went away does not undo what is done.
            let _ = sender.send(job(connection));
        });
        let stopped = || QuestionsError::Unavailable("its thread has stopped".into());
        let queued = match self.jobs.as_ref().map(|jobs| jobs.try_send(job)) {
            Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Full(_))) => Err(QuestionsError::Unavailable(format!("{QUEUE} requests are waiting for it already").into())),
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
pub enum QuestionsError {
    /// It did not answer.
    #[error("the store of questions to MASAs did not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It is not ours, or holds what it should not.
    #[error("the store of questions to MASAs is damaged: {0}")]
    Damaged(String),
}

impl From<rusqlite::Error> for QuestionsError {
    fn from(err: rusqlite::Error) -> Self {
        Self::Unavailable(err.into())
    }
}

fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// Who may read the file may learn which devices the owner has: nobody but its user, and the group whose folder it lies in.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        #[cfg(unix)]
        Ok(file) => {
            use std::os::unix::fs::PermissionsExt as _;
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let shared = std::fs::metadata(folder)?.permissions().mode() & GROUPS_FOLDER == GROUPS_FOLDER;
            // Afterwards, as a umask would take it away again. SQLite gives the files beside it the same.
            if shared { file.set_permissions(std::fs::Permissions::from_mode(0o660)) } else { Ok(()) }
        }
        #[cfg(not(unix))]
        Ok(_) => Ok(()),
        Err(err) if err.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(err) => Err(err),
    }
}

fn prepare(connection: &Connection) -> Result<(), QuestionsError> {
    connection.busy_timeout(core::time::Duration::from_secs(5))?;
    let read = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (tables, read("application_id")?, read("user_version")?) {
        (0, _, _) | (_, APPLICATION, VERSION) => {}
        // What was in it is asked again.
        (_, APPLICATION, older) if older < VERSION => {
            connection.execute_batch("BEGIN IMMEDIATE; DROP TABLE IF EXISTS answer; DROP TABLE IF EXISTS question; COMMIT;")?;
        }
        (_, APPLICATION, other) => return Err(QuestionsError::Damaged(format!("its schema is of version {other}, expected {VERSION}"))),
        (_, _, _) => return Err(QuestionsError::Damaged("it is a database of another program".to_owned())),
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
const VERSION: i64 = 2;

/// Files in it belong to its group (the set-group-ID bit), which may write there.
#[cfg(unix)]
const GROUPS_FOLDER: u32 = 0o2070;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS answer (
    request_sha256 BLOB NOT NULL,     -- of the pledge's voucher-request
    masa_sha256    BLOB NOT NULL,     -- of who was asked
    wanted         TEXT NOT NULL,     -- media type of the voucher
    answered_at    INTEGER NOT NULL,  -- seconds since 1970
    answer         TEXT NOT NULL,     -- JSON
    octets         INTEGER AS (length(CAST(answer AS BLOB))) STORED,
    PRIMARY KEY (request_sha256, masa_sha256, wanted)
);
CREATE INDEX IF NOT EXISTS answer_age ON answer (answered_at, octets);
CREATE TABLE IF NOT EXISTS question (
    id           BLOB PRIMARY KEY,    -- SHA-256 over what is asked about
    device       BLOB NOT NULL,       -- SHA-256 over which device that is
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
    answered_at  INTEGER,
    octets       INTEGER AS (length(request) + length(CAST(coalesce(trouble, '') AS BLOB)) + length(CAST(coalesce(outcome, '') AS BLOB))) STORED
);
CREATE INDEX IF NOT EXISTS question_open ON question (not_before) WHERE outcome IS NULL;
CREATE INDEX IF NOT EXISTS question_device ON question (device, outcome IS NULL);
CREATE INDEX IF NOT EXISTS question_octets ON question (octets);
";
