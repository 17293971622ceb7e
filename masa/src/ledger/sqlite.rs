//! The embedded store: one SQLite file that operators can open, back up online and read with the sqlite3 tool.
//!
//! One thread writes: it commits in groups, so that many waiting appends share one flush to disk. Another thread reads. The callers' futures only wait for a reply, so that no
//! executor is blocked for long and none is needed; one device's history, a few pages, is read where it is asked for, unless somebody else is reading.
//! Other processes may read and append at the same time: all state is in the file.

mod append;
mod damage;
mod digest;
mod facts;
mod file;
mod find;
mod lists;
mod migrate;
mod schema;
#[cfg(test)]
pub(super) mod tests;
mod tree;
mod verify;
mod write;

use core::future::ready;
use core::ops::Range;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use brski_common::log::Hash;
use brski_common::{BoxFuture, DeviceId, SerialNumber, SpkiDigest, UnixTime};
use futures_channel::oneshot;
use rusqlite::{Connection, TransactionBehavior};

use self::append::Append;
pub use self::damage::{Changed, Damage, VerifyLedgerError};
pub use self::migrate::{Migration, Purpose, migrate};
pub use self::verify::verify;
use super::{Entry, Ledger, LedgerError, Seeds, TreeHead};
use crate::history::History;

/// A [`Ledger`] in an SQLite file: write-ahead log, flushed to disk before an append is acknowledged.
///
/// Dropping it waits until both threads have ended; whatever was queued is finished first.
pub struct SqliteLedger {
    writer: Worker<Append>,
    reader: Worker<Read>,
    /// What the reading thread reads with.
    reading: Arc<Mutex<Reader>>,
}

impl SqliteLedger {
    /// Begins the ledger of the log called `name` at `now`, in a new file that is readable to its owner alone.
    ///
    /// # Errors
    /// [`LedgerError::Open`] if there is a file of this name already, which is left alone, or if none can be made.
    pub fn begin(path: impl AsRef<Path>, now: UnixTime, name: &str) -> Result<Self, LedgerError> {
        file::begin(path.as_ref(), now, name)?;
        Self::open(path, name)
    }

    /// Opens the ledger of the log called `name`.
    ///
    /// # Errors
    /// [`LedgerError::Missing`] if there is none, [`LedgerError::Open`] if the file cannot be used, [`LedgerError::Outdated`] if an earlier version wrote it ([`migrate()`] brings
    /// it up to date), [`LedgerError::Schema`] if something else did, [`LedgerError::OtherLog`] if it is the ledger of a log of another name, [`LedgerError::Tree`] if its Merkle
    /// tree contradicts itself where it grows.
    pub fn open(path: impl AsRef<Path>, name: &str) -> Result<Self, LedgerError> {
        let path = path.as_ref();
        let file::Opened { writer: mut to_write, reader, mut edge } = file::open(path, name)?;
        let reading = Reader { connection: reader, known: Known { edge: edge.clone(), others: find::OfNoDevice::default() } };
        let reading = Arc::new(Mutex::new(reading));
        let with = Arc::clone(&reading);
        let failed = |err: std::io::Error| LedgerError::Open { path: path.to_owned(), source: err.into() };
        let writer = Worker::start("ledger-writer", move |queue| write::run(&mut to_write, &mut edge, &queue)).map_err(failed)?;
        let reader = Worker::start("ledger-reader", move |queue| Reader::run(&with, &queue)).map_err(failed)?;
        Ok(Self { writer, reader, reading })
    }
}

impl SqliteLedger {
    /// Has the writing thread append these groups.
    fn write(&self, groups: Vec<Vec<append::Row>>, seeded: Option<(Seeds, Vec<Vec<Entry>>)>) -> Result<oneshot::Receiver<Vec<append::Answer>>, LedgerError> {
        let (append, answers) = Append::new(groups, seeded);
        self.writer.send(append).map(|()| answers)
    }

    fn append_groups(&self, groups: Vec<Vec<Entry>>, seeds: Option<Seeds>) -> BoxFuture<'_, Vec<append::Answer>> {
        let (mut rows, mut kept) = (Vec::with_capacity(groups.len()), Vec::new());
        let mut encoded = Vec::with_capacity(groups.len());
        for entries in groups {
            encoded.push(append::rows(&entries).map(|encoded| {
                rows.push(encoded);
                if seeds.is_some() {
                    kept.push(entries);
                }
            }));
        }
        let sent = self.write(rows, seeds.map(|seeds| (seeds, kept)));
        Box::pin(async move {
            match sent {
                Ok(answers) => append::merge(encoded, answers.await.unwrap_or_default()),
                Err(err) => append::merge_refused(encoded, &err),
            }
        })
    }

    /// Has the reading thread look something up, all of it at the same moment.
    fn ask<T, F>(&self, look: F) -> BoxFuture<'_, Result<T, LedgerError>>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &mut Known) -> Result<T, LedgerError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let read: Read = Box::new(move |reader| {
            // Whoever asked may have gone away.
            let _gone = reply.send(reader.look(look));
        });
        let sent = self.reader.send(read);
        Box::pin(async move {
            sent?;
            answer.await.unwrap_or_else(|_| Err(stopped()))
        })
    }
}

impl core::fmt::Debug for SqliteLedger {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SqliteLedger")
    }
}

impl Ledger for SqliteLedger {
    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<Range<u64>, LedgerError>> {
        let sent = append::rows(&entries).and_then(|rows| self.write(vec![rows], None));
        Box::pin(async move { sent?.await.ok().and_then(|mut answers| answers.pop()).unwrap_or_else(|| Err(stopped())) })
    }

    fn append_all(&self, groups: Vec<Vec<Entry>>) -> BoxFuture<'_, Vec<Result<Range<u64>, LedgerError>>> {
        self.append_groups(groups, None)
    }

    fn append_seeded(&self, groups: Vec<Vec<Entry>>, seeds: Seeds) -> BoxFuture<'_, Vec<Result<Range<u64>, LedgerError>>> {
        self.append_groups(groups, Some(seeds))
    }

    fn history<'a>(&'a self, device: &'a DeviceId) -> BoxFuture<'a, Result<Option<History>, LedgerError>> {
        // Waking a thread that sleeps, and being woken by it, may take several times as long as the look itself.
        if let Ok(mut reader) = self.reading.try_lock() {
            return Box::pin(ready(reader.look(|snapshot, known| find::history(snapshot, known.others.all(snapshot)?, device))));
        }
        let device = device.clone();
        self.ask(move |snapshot, known| find::history(snapshot, known.others.all(snapshot)?, &device))
    }

    fn histories<'a>(&'a self, devices: &'a [DeviceId]) -> BoxFuture<'a, Result<Vec<Option<History>>, LedgerError>> {
        let devices = devices.to_vec();
        self.ask(move |snapshot, known| {
            let others = known.others.all(snapshot)?;
            devices.iter().map(|device| find::history(snapshot, others, device)).collect()
        })
    }

    fn holder<'a>(&'a self, key: &'a SpkiDigest) -> BoxFuture<'a, Result<Option<DeviceId>, LedgerError>> {
        let key = *key;
        self.ask(move |snapshot, _| find::holder(snapshot, &key))
    }

    fn devices<'a>(&'a self, serial: &'a SerialNumber) -> BoxFuture<'a, Result<Vec<DeviceId>, LedgerError>> {
        let serial = serial.clone();
        self.ask(move |snapshot, _| find::devices(snapshot, &serial))
    }

    fn entries(&self, from: u64, most: usize) -> BoxFuture<'_, Result<Vec<(u64, Entry)>, LedgerError>> {
        self.ask(move |snapshot, _| find::entries(snapshot, from, most))
    }

    fn head(&self) -> BoxFuture<'_, Result<TreeHead, LedgerError>> {
        self.ask(|snapshot, known| tree::head(snapshot, &mut known.edge))
    }

    fn inclusion(&self, index: u64, size: u64) -> BoxFuture<'_, Result<Vec<Hash>, LedgerError>> {
        self.ask(move |snapshot, _| tree::inclusion(snapshot, index, size))
    }

    fn consistency(&self, old: u64, new: u64) -> BoxFuture<'_, Result<Vec<Hash>, LedgerError>> {
        self.ask(move |snapshot, _| tree::consistency(snapshot, old, new))
    }
}

/// Something to be looked up; it knows who waits for it.
type Read = Box<dyn FnOnce(&mut Reader) + Send>;

/// What the reading thread has.
struct Reader {
    connection: Connection,
    known: Known,
}

/// What it remembers of earlier looks. What was appended since, it reads.
struct Known {
    /// The right edge of the tree.
    edge: tree::Edge,
    others: find::OfNoDevice,
}

impl Reader {
    fn run(reading: &Mutex<Self>, queue: &Receiver<Read>) {
        while let Ok(read) = queue.recv() {
            // A look changes nothing, so that one that panicked left nothing half done.
            read(&mut reading.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn look<T>(&mut self, look: impl FnOnce(&Connection, &mut Known) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        // One transaction, so that all of it is of the same moment.
        let snapshot = self.connection.transaction_with_behavior(TransactionBehavior::Deferred).map_err(unavailable)?;
        look(&snapshot, &mut self.known)
    }
}

/// A thread and the bounded queue that feeds it. The thread ends, and is waited for, when this is dropped.
pub(crate) struct Worker<T> {
    // None only while it is being dropped.
    queue: Option<SyncSender<T>>,
    thread: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Worker<T> {
    pub(crate) fn start(name: &str, run: impl FnOnce(Receiver<T>) + Send + 'static) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(receiver))?;
        Ok(Self { queue: Some(sender), thread: Some(thread) })
    }

    pub(crate) fn send(&self, job: T) -> Result<(), LedgerError> {
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        queue.try_send(job).map_err(|err| match err {
            TrySendError::Full(_) => LedgerError::Busy,
            TrySendError::Disconnected(_) => stopped(),
        })
    }
}

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to finish, and those who waited for it were told.
            let _ended = thread.join();
        }
    }
}

fn unavailable(err: rusqlite::Error) -> LedgerError {
    LedgerError::Unavailable(err.into())
}

fn stopped() -> LedgerError {
    LedgerError::Unavailable("its thread has stopped".into())
}

/// How many jobs may wait for one thread. At a few thousand a second they wait well under a second.
const QUEUE: usize = 1024;
