//! The thread that writes strangers down, so that nobody who keeps one waits for the disk.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use brski_common::SpkiDigest;
use brski_common::text::in_full;

use super::{Stranger, StrangerFolder, Waiting, lock};
use crate::pledges::StoreError;

/// The way to the thread, which ends with it.
#[derive(Debug)]
pub(super) struct Writer {
    waiting: Arc<Mutex<Waiting>>,
    // `None` only while dropping.
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Job {
    Write(Stranger),
    Remove(SpkiDigest),
}

impl Writer {
    /// Starts the thread. What it cannot write leaves `waiting`, so that it is written when it comes again.
    pub(super) fn start(folder: StrangerFolder, waiting: Arc<Mutex<Waiting>>) -> Result<Self, StoreError> {
        let (jobs, receiver) = sync_channel(QUEUE);
        let shared = waiting.clone();
        let work = move || run(&folder, &shared, &receiver);
        let thread = std::thread::Builder::new().name("strangers".to_owned()).spawn(work).map_err(|err| StoreError::Unavailable(err.into()))?;
        Ok(Self { waiting, jobs: Some(jobs), thread: Some(thread) })
    }

    pub(super) fn write(&self, stranger: Stranger) {
        let key = stranger.key;
        if !self.send(Job::Write(stranger)) {
            lock(&self.waiting).remove(&key);
        }
    }

    /// A file that stays is passed by: it ends with its four days, or with the next start.
    pub(super) fn remove(&self, key: SpkiDigest) {
        self.send(Job::Remove(key));
    }

    fn send(&self, job: Job) -> bool {
        self.jobs.as_ref().is_some_and(|jobs| jobs.try_send(job).is_ok())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The thread ends with its last job.
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(folder: &StrangerFolder, waiting: &Mutex<Waiting>, jobs: &Receiver<Job>) {
    for job in jobs {
        match job {
            Job::Write(stranger) => {
                if let Err(err) = folder.write(&stranger) {
                    lock(waiting).remove(&stranger.key);
                    tracing::warn!(serial = %stranger.serial, reason = in_full(&err), "a pledge of an unknown manufacturer could not be written down");
                }
            }
            Job::Remove(key) => {
                if let Err(err) = folder.forget(key) {
                    tracing::warn!(%key, reason = in_full(&err), "what a pledge of an unknown manufacturer showed could not be removed");
                }
            }
        }
    }
}

/// As many as can be kept.
const QUEUE: usize = super::Strangers::MOST;
