//! In this process's memory, for tests and examples.

use core::future::ready;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use brski_common::log::{Frontier, leaf_hash};
use brski_common::{BoxFuture, SpkiDigest, UnixTime};

use super::{PledgeStore, Query, Revocation, StoreError, TrailHead};
use crate::relay::Admission;
use crate::trail::{CertificateId, Event, PledgeFile, RevocationReason, What};

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
    events: Vec<Vec<u8>>,
    tree: Frontier,
    files: BTreeMap<SpkiDigest, PledgeFile>,
    revoked: BTreeMap<CertificateId, Revoked>,
}

#[derive(Debug)]
struct Revoked {
    at: UnixTime,
    reason: RevocationReason,
    /// None if its pledge's file has forgotten it.
    not_after: Option<UnixTime>,
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
    fn admit(&self, admission: Admission, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        let mut pledges = self.locked();
        if let Err(err) = pledges.note(&event) {
            return Box::pin(ready(Err(err)));
        }
        pledges.withdrawn.remove(&admission.spki_digest());
        pledges.admissions.insert(admission.spki_digest(), admission);
        Box::pin(ready(Ok(())))
    }

    fn withdraw(&self, admitted: SpkiDigest, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        let mut pledges = self.locked();
        let noted = pledges.note(&event);
        pledges.withdrawn.insert(admitted);
        Box::pin(ready(noted))
    }

    fn find(&self, key: SpkiDigest) -> BoxFuture<'_, Result<Option<Admission>, StoreError>> {
        let pledges = self.locked();
        let standing = pledges.find(key).filter(|admission| !pledges.withdrawn.contains(&admission.spki_digest()));
        Box::pin(ready(Ok(standing.cloned())))
    }

    fn enrolled(&self, ldevid: SpkiDigest, admitted: SpkiDigest, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(ready(self.locked().enroll(ldevid, admitted, &event)))
    }

    fn note(&self, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(ready(self.locked().note(&event)))
    }

    fn file(&self, pledge: SpkiDigest) -> BoxFuture<'_, Result<Option<PledgeFile>, StoreError>> {
        Box::pin(ready(Ok(self.locked().files.get(&pledge).cloned())))
    }

    fn files(&self, query: Query) -> BoxFuture<'_, Result<Vec<PledgeFile>, StoreError>> {
        let pledges = self.locked();
        let mut found: Vec<_> = pledges.files.values().filter(|file| query.wants(file)).cloned().collect();
        found.sort_by_key(|file| (core::cmp::Reverse(file.last_seen), file.pledge.key));
        found.truncate(query.most());
        Box::pin(ready(Ok(found)))
    }

    fn is_revoked(&self, certificate: CertificateId) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(ready(Ok(self.locked().is_revoked(&certificate))))
    }

    fn revocations(&self, now: UnixTime) -> BoxFuture<'_, Result<Vec<Revocation>, StoreError>> {
        let pledges = self.locked();
        let current = pledges.revoked.iter().filter(|(_, revoked)| revoked.not_after.is_none_or(|not_after| not_after >= now));
        let revocations = current.map(|(certificate, Revoked { at, reason, .. })| Revocation { certificate: certificate.clone(), at: *at, reason: *reason });
        Box::pin(ready(Ok(revocations.collect())))
    }

    fn head(&self) -> BoxFuture<'_, Result<TrailHead, StoreError>> {
        let pledges = self.locked();
        Box::pin(ready(Ok(TrailHead { size: pledges.tree.size(), root: pledges.tree.root() })))
    }

    fn history(&self, pledge: SpkiDigest, limit: u32) -> BoxFuture<'_, Result<Vec<(u64, Event)>, StoreError>> {
        Box::pin(ready(self.locked().history(pledge, limit)))
    }

    fn events(&self, from: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>> {
        let pledges = self.locked();
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let events = pledges.events.iter().skip(from).take(limit as usize).cloned().collect();
        Box::pin(ready(Ok(events)))
    }
}

impl Pledges {
    fn note(&mut self, event: &Event) -> Result<(), StoreError> {
        let octets = serde_json::to_vec(event).map_err(|err| StoreError::Unavailable(err.into()))?;
        drop(self.tree.append(leaf_hash(&octets)));
        self.events.push(octets);
        if let Some(pledge) = &event.pledge {
            let file = PledgeFile::after(self.files.remove(&pledge.key), event);
            if let (What::Revoked { reason, by, .. }, Some(certificate), Some(file)) = (&event.what, event.what.revoked(), &file) {
                let not_after = file.last_second_of(&certificate);
                self.revoked.entry(certificate).or_insert(Revoked { at: by.at, reason: *reason, not_after });
            }
            self.files.extend(file.map(|file| (pledge.key, file)));
        }
        Ok(())
    }

    fn is_revoked(&self, certificate: &CertificateId) -> bool {
        let from = CertificateId { issuer: None, ..certificate.clone() };
        let mut of_number = self.revoked.range(from..).map(|(revoked, _)| revoked).take_while(|revoked| revoked.serial == certificate.serial);
        of_number.any(|revoked| revoked.may_be(certificate))
    }

    fn history(&self, pledge: SpkiDigest, limit: u32) -> Result<Vec<(u64, Event)>, StoreError> {
        let mut history = Vec::new();
        for (number, octets) in (0..).zip(&self.events) {
            let event: Event = serde_json::from_slice(octets).map_err(|err| StoreError::Unavailable(err.into()))?;
            if event.pledge.as_ref().is_some_and(|subject| subject.key == pledge) {
                history.push((number, event));
            }
        }
        let surplus = history.len().saturating_sub(limit as usize);
        history.drain(..surplus);
        Ok(history)
    }

    fn find(&self, key: SpkiDigest) -> Option<&Admission> {
        let bound = || self.admissions.get(self.enrolled.get(&key)?);
        self.admissions.get(&key).or_else(bound)
    }

    fn enroll(&mut self, ldevid: SpkiDigest, admitted: SpkiDigest, event: &Event) -> Result<(), StoreError> {
        if !self.admissions.contains_key(&admitted) || self.withdrawn.contains(&admitted) {
            return Err(StoreError::NotAdmitted(admitted));
        }
        match self.find(ldevid) {
            Some(holder) if holder.spki_digest() != admitted => return Err(StoreError::KeyTaken(ldevid)),
            Some(_) | None => {}
        }
        if !self.enrolled.contains_key(&ldevid) {
            self.note(event)?;
            self.enrolled.insert(ldevid, admitted);
        }
        Ok(())
    }
}
