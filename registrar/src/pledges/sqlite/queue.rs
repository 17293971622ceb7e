//! The store's thread: takes whatever waits, looks things up, writes all that is to be written in one transaction, and answers once that is on disk.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use futures_channel::oneshot;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::pledges::StoreError;

/// What the thread is asked for.
pub(super) enum Job {
    /// Looks something up, and answers at once.
    Read(Box<dyn FnOnce(&Connection) + Send>),
    /// Writes something, and answers once that is on disk.
    Write(Box<dyn Write>),
}

/// Something to be written.
pub(super) trait Write: Send {
    /// Writes it within a transaction. Whether it did; if not, what it wrote is taken back.
    fn run(&mut self, connection: &Connection) -> bool;

    /// Tells whoever asked: with `trouble`, that nothing of the transaction came to be.
    fn answer(self: Box<Self>, trouble: Option<&Trouble>);
}

/// What stopped a whole transaction.
pub(super) type Trouble = Arc<dyn std::error::Error + Send + Sync>;

impl Job {
    pub(super) fn read<T: Send + 'static>(
        look: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> (Self, oneshot::Receiver<Result<T, StoreError>>) {
        let (sender, receiver) = oneshot::channel();
        // A caller that went away needs no answer.
        let job = Self::Read(Box::new(move |connection| drop(sender.send(look(connection)))));
        (job, receiver)
    }

    pub(super) fn write<T: Send + 'static>(
        write: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> (Self, oneshot::Receiver<Result<T, StoreError>>) {
        let (sender, receiver) = oneshot::channel();
        (Self::Write(Box::new(Task { write: Some(write), outcome: None, sender })), receiver)
    }
}

struct Task<T, F> {
    write: Option<F>,
    outcome: Option<Result<T, StoreError>>,
    sender: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F: FnOnce(&Connection) -> Result<T, StoreError> + Send> Write for Task<T, F> {
    fn run(&mut self, connection: &Connection) -> bool {
        self.outcome = self.write.take().map(|write| write(connection));
        matches!(self.outcome, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, trouble: Option<&Trouble>) {
        let unavailable = |trouble: &Trouble| Err(StoreError::Unavailable(Box::new(Arc::clone(trouble))));
        let outcome = match (self.outcome, trouble) {
            // Its own reason may lie in a neighbour's write that was taken back.
            (_, Some(trouble)) => unavailable(trouble),
            (Some(outcome), None) => outcome,
            (None, None) => Err(StoreError::Unavailable("it was not tried".into())),
        };
        // A caller that went away does not undo what is done.
        drop(self.sender.send(outcome));
    }
}

/// Serves the queue until its other end is gone and it is empty.
pub(super) fn run(connection: &Connection, queue: &Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let waiting = core::iter::once(first).chain(core::iter::from_fn(|| queue.try_recv().ok())).take(GROUP);
        let mut writes = Vec::new();
        for job in waiting {
            match job {
                // What nobody was told yet need not be seen by others.
                Job::Read(look) => look(connection),
                Job::Write(write) => writes.push(write),
            }
        }
        if !writes.is_empty() {
            commit(connection, writes);
        }
    }
}

/// Writes what waits in one transaction, each job apart from the others, and answers all. Nobody hears "yes" before the commit has reached the disk.
pub(super) fn commit(connection: &Connection, mut writes: Vec<Box<dyn Write>>) {
    let trouble: Option<Trouble> = try_commit(connection, &mut writes).err().map(|err| Arc::new(err) as Trouble);
    writes.into_iter().for_each(|write| write.answer(trouble.as_ref()));
}

fn try_commit(connection: &Connection, writes: &mut [Box<dyn Write>]) -> rusqlite::Result<()> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    for write in writes {
        transaction.execute_batch("SAVEPOINT job")?;
        if !write.run(&transaction) {
            // For want of room SQLite takes back the whole transaction, and this fails.
            transaction.execute_batch("ROLLBACK TO job")?;
        }
        transaction.execute_batch("RELEASE job")?;
    }
    transaction.commit()
}

/// How many share one flush to disk at most, so that the first does not wait for the last for long.
const GROUP: usize = 256;
