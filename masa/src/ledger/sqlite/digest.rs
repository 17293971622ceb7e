//! What every entry has to be computed of when a ledger is verified: its leaf hash, and what it says. Threads of their own do it, chunk by chunk.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use brski_common::DecodeError;
use brski_common::log::{Hash, leaf_hash};

use super::facts::Facts;

/// An entry as it is filed.
pub(super) struct Row {
    pub(super) index: i64,
    /// All zero if what is kept is no hash at all.
    pub(super) leaf: [u8; 32],
    pub(super) kind: String,
    pub(super) device: Option<i64>,
    pub(super) once: Option<Vec<u8>>,
    pub(super) octets: Vec<u8>,
}

impl Row {
    /// Leaf index, leaf hash, kind, device, once and octets.
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let leaf = row.get_ref(1)?.as_blob()?.try_into().unwrap_or([0; 32]);
        Ok(Self { index: row.get(0)?, leaf, kind: row.get(2)?, device: row.get(3)?, once: row.get(4)?, octets: row.get(5)? })
    }
}

/// What follows from an entry's octets.
pub(super) struct Digest {
    pub(super) leaf: Hash,
    pub(super) facts: Result<Facts, DecodeError>,
}

impl Digest {
    fn of(row: &Row) -> Self {
        Self { leaf: leaf_hash(&row.octets), facts: Facts::of(&row.kind, &row.octets) }
    }
}

/// A chunk with what follows from it.
pub(super) type Digested = Vec<(Row, Digest)>;

/// Threads that take chunks in turn, so that the digests come back in the order of the chunks.
pub(super) struct Digesters {
    threads: Vec<(SyncSender<Vec<Row>>, Receiver<Digested>)>,
    given: usize,
    taken: usize,
}

impl Digesters {
    pub(super) fn start<'scope>(scope: &'scope Scope<'scope, '_>) -> Self {
        let start = |_| {
            let (chunks, to_do) = sync_channel::<Vec<Row>>(WAITING);
            let (done, digests) = sync_channel(WAITING);
            scope.spawn(move || {
                while let Ok(chunk) = to_do.recv() {
                    let digested = chunk.into_iter().map(|row| {
                        let digest = Digest::of(&row);
                        (row, digest)
                    });
                    if done.send(digested.collect()).is_err() {
                        break;
                    }
                }
            });
            (chunks, digests)
        };
        Self { threads: (0..THREADS).map(start).collect(), given: 0, taken: 0 }
    }

    /// Hands a chunk over, and takes the oldest digests if enough chunks are under way.
    pub(super) fn exchange(&mut self, chunk: Vec<Row>) -> Option<Digested> {
        self.give(chunk);
        (self.given - self.taken > THREADS * WAITING).then(|| self.take()).flatten()
    }

    pub(super) fn give(&mut self, chunk: Vec<Row>) {
        let (chunks, _) = &self.threads[self.given % THREADS];
        // A thread that is gone has panicked, which the end of the scope tells.
        if chunks.send(chunk).is_ok() {
            self.given += 1;
        }
    }

    /// The digests of the oldest chunk; `None` once there is none under way.
    pub(super) fn take(&mut self) -> Option<Digested> {
        if self.taken == self.given {
            return None;
        }
        let (_, digests) = &self.threads[self.taken % THREADS];
        self.taken += 1;
        digests.recv().ok()
    }
}

/// How many entries go from thread to thread at once.
pub(super) const CHUNK: usize = 1024;

const THREADS: usize = 2;

/// How many chunks may wait for each thread, and after it.
const WAITING: usize = 2;
