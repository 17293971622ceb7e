//! A store of pledges that counts what it is told to keep, and fails on demand.
//!
//! What is merely noted in the trail lets nobody in, and is not counted: every "no" is noted.

use core::future::ready;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use brski_common::{BoxFuture, SpkiDigest, UnixTime};
use brski_registrar::pledges::{Revocation, TrailHead};
use brski_registrar::trail::{CertificateId, Event, PledgeFile};
use brski_registrar::{Admission, MemoryPledges, PledgeStore, Query, StoreError};

/// [`MemoryPledges`] under observation.
#[derive(Default)]
pub(crate) struct Pledges {
    kept: MemoryPledges,
    writes: AtomicUsize,
    fails: AtomicBool,
}

impl Pledges {
    /// How often an admission or an LDevID key was written, or an admission withdrawn.
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
        write(&self.kept)
    }

    fn counted<'a>(&'a self, write: impl FnOnce(&'a MemoryPledges) -> BoxFuture<'a, Result<(), StoreError>>) -> BoxFuture<'a, Result<(), StoreError>> {
        let failing = self.fails.load(Ordering::SeqCst);
        self.writes.fetch_add(usize::from(!failing), Ordering::SeqCst);
        self.write(write)
    }
}

impl PledgeStore for Pledges {
    fn admit(&self, admission: Admission, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        self.counted(|kept| kept.admit(admission, event))
    }

    fn find(&self, key: SpkiDigest) -> BoxFuture<'_, Result<Option<Admission>, StoreError>> {
        self.kept.find(key)
    }

    fn withdraw(&self, admitted: SpkiDigest, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        self.counted(|kept| kept.withdraw(admitted, event))
    }

    fn note(&self, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        // The trail grows with every answer: what counts is what pledges may do.
        match self.fails.load(Ordering::SeqCst) {
            true => Box::pin(ready(Err(StoreError::Unavailable("disk full".into())))),
            false => self.kept.note(event),
        }
    }

    fn file(&self, pledge: SpkiDigest) -> BoxFuture<'_, Result<Option<PledgeFile>, StoreError>> {
        self.kept.file(pledge)
    }

    fn files(&self, query: Query) -> BoxFuture<'_, Result<Vec<PledgeFile>, StoreError>> {
        self.kept.files(query)
    }

    fn is_revoked(&self, certificate: CertificateId) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.kept.is_revoked(certificate)
    }

    fn revocations(&self, now: UnixTime) -> BoxFuture<'_, Result<Vec<Revocation>, StoreError>> {
        self.kept.revocations(now)
    }

    fn head(&self) -> BoxFuture<'_, Result<TrailHead, StoreError>> {
        self.kept.head()
    }

    fn history(&self, pledge: SpkiDigest, limit: u32) -> BoxFuture<'_, Result<Vec<(u64, Event)>, StoreError>> {
        self.kept.history(pledge, limit)
    }

    fn events(&self, from: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>> {
        self.kept.events(from, limit)
    }

    fn enrolled(&self, ldevid: SpkiDigest, admitted: SpkiDigest, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        self.counted(|kept| kept.enrolled(ldevid, admitted, event))
    }
}
