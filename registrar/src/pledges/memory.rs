//! In this process's memory, for tests and examples.

use core::future::ready;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use brski_common::{BoxFuture, SpkiDigest};

use super::{PledgeStore, StoreError};
use crate::relay::Admission;

/// Forgets everything when dropped: not for production.
#[derive(Debug, Default)]
pub struct MemoryPledges {
    pledges: Mutex<Pledges>,
}

#[derive(Debug, Default)]
struct Pledges {
    admissions: BTreeMap<SpkiDigest, Admission>,
    withdrawn: BTreeSet<SpkiDigest>,
    enrolled: BTreeMap<SpkiDigest, SpkiDigest>,
}

impl MemoryPledges {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn locked(&self) -> MutexGuard<'_, Pledges> {
        // No change can panic halfway, so that a panic elsewhere leaves nothing half-done.
        self.pledges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PledgeStore for MemoryPledges {
    fn admit(&self, admission: Admission) -> BoxFuture<'_, Result<(), StoreError>> {
        let mut pledges = self.locked();
        pledges.withdrawn.remove(&admission.spki_digest());
        pledges.admissions.insert(admission.spki_digest(), admission);
        Box::pin(ready(Ok(())))
    }

    fn withdraw(&self, admitted: SpkiDigest) -> BoxFuture<'_, Result<(), StoreError>> {
        self.locked().withdrawn.insert(admitted);
        Box::pin(ready(Ok(())))
    }

    fn find(&self, key: SpkiDigest) -> BoxFuture<'_, Result<Option<Admission>, StoreError>> {
        let pledges = self.locked();
        let standing = pledges.find(key).filter(|admission| !pledges.withdrawn.contains(&admission.spki_digest()));
        Box::pin(ready(Ok(standing.cloned())))
    }

    fn enrolled(&self, ldevid: SpkiDigest, admitted: SpkiDigest) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(ready(self.locked().enroll(ldevid, admitted)))
    }
}

impl Pledges {
    fn find(&self, key: SpkiDigest) -> Option<&Admission> {
        let bound = || self.admissions.get(self.enrolled.get(&key)?);
        self.admissions.get(&key).or_else(bound)
    }

    fn enroll(&mut self, ldevid: SpkiDigest, admitted: SpkiDigest) -> Result<(), StoreError> {
        if !self.admissions.contains_key(&admitted) || self.withdrawn.contains(&admitted) {
            return Err(StoreError::NotAdmitted(admitted));
        }
        match self.find(ldevid) {
            Some(holder) if holder.spki_digest() != admitted => return Err(StoreError::KeyTaken(ldevid)),
            Some(_) | None => {}
        }
        self.enrolled.insert(ldevid, admitted);
        Ok(())
    }
}
