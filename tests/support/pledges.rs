//! A store of pledges that counts what it is told to keep, and fails on demand.

use core::future::ready;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use brski_common::{BoxFuture, SpkiDigest};
use brski_registrar::{Admission, MemoryPledges, PledgeStore, StoreError};

/// [`MemoryPledges`] under observation.
#[derive(Default)]
pub(crate) struct Pledges {
    kept: MemoryPledges,
    writes: AtomicUsize,
    fails: AtomicBool,
}

impl Pledges {
    /// How often something was written.
    pub(crate) fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    /// From now on every write fails, or none.
    pub(crate) fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    fn write<'a>(&'a self, write: impl FnOnce(&'a MemoryPledges) -> BoxFuture<'a, Result<(), StoreError>>) -> BoxFuture<'a, Result<(), StoreError>> {
        if self.fails.load(Ordering::SeqCst) {
            return Box::pin(ready(Err(StoreError::Unavailable("disk full".into()))));
        }
        self.writes.fetch_add(1, Ordering::SeqCst);
        write(&self.kept)
    }
}

impl PledgeStore for Pledges {
    fn admit(&self, admission: Admission) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(|kept| kept.admit(admission))
    }

    fn find(&self, key: SpkiDigest) -> BoxFuture<'_, Result<Option<Admission>, StoreError>> {
        self.kept.find(key)
    }

    fn withdraw(&self, admitted: SpkiDigest) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(|kept| kept.withdraw(admitted))
    }

    fn enrolled(&self, ldevid: SpkiDigest, admitted: SpkiDigest) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(|kept| kept.enrolled(ldevid, admitted))
    }
}
