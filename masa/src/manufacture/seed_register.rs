//! Which devices have a seed of which batch: what one report cannot tell, and the ledger as a whole does.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use brski_common::evidence::{SeedEvent, SeedNotice, SeedReceipt};
use brski_common::provenance::Text;
use brski_common::refusal::TestimonyFault;
use brski_common::time::to_rfc3339;
use brski_common::{DeviceId, Format, Leniencies, ProvenanceRecord, Signed, UnixTime};

use super::testimony::receipt;
use crate::ledger::{Entry, LedgerError};

/// The count of seeds, as a [`Ledger`](crate::Ledger) asks for it while it appends: what was decided before may be overtaken by another process, which only the ledger can tell.
#[derive(Clone, Debug, Default)]
pub struct Seeds(Arc<Mutex<SeedRegister>>);

impl Seeds {
    /// Takes what others appended meanwhile. `page` gives some entries from an index on, none behind the last, and only such as are in the ledger to stay.
    ///
    /// # Errors
    /// Those of `page`.
    pub fn catch_up(&self, mut page: impl FnMut(u64) -> Result<Vec<(u64, Entry)>, LedgerError>) -> Result<(), LedgerError> {
        let mut register = self.lock();
        loop {
            let entries = page(register.next())?;
            if entries.is_empty() {
                return Ok(());
            }
            register.read(entries);
        }
    }

    /// Whether there is still a seed for the device of these entries, which are appended next.
    ///
    /// # Errors
    /// [`LedgerError::Seeds`].
    pub fn confirm(&self, entries: &[Entry]) -> Result<(), LedgerError> {
        self.lock().confirm(entries).map_err(LedgerError::Seeds)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, SeedRegister> {
        // What is under the lock is whole after every step: at worst a seed is kept that nobody got.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every batch of seeds in the ledger, with those who have one of its seeds. It is read up to where the ledger was; whoever is admitted after that is kept beside it until found there.
#[derive(Debug, Default)]
pub(crate) struct SeedRegister {
    /// Index of the first entry that was not read yet.
    next: u64,
    batches: HashMap<Text, Batch>,
}

#[derive(Debug)]
struct Batch {
    receipt: SeedReceipt,
    /// When its seeds were destroyed, by the first notice.
    destroyed: Option<UnixTime>,
    devices: HashSet<DeviceId>,
    /// Others, which are on their way into the ledger.
    admitted: HashSet<DeviceId>,
}

impl Batch {
    fn new(receipt: &SeedReceipt) -> Self {
        Self { receipt: receipt.clone(), destroyed: None, devices: HashSet::new(), admitted: HashSet::new() }
    }
}

impl SeedRegister {
    /// Index of the first entry that it has to be told of.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Takes the next entries. Evidence in the ledger was verified when it was recorded.
    pub(crate) fn read(&mut self, entries: Vec<(u64, Entry)>) {
        for (index, entry) in entries {
            if index < self.next {
                continue;
            }
            self.next = index.saturating_add(1);
            let Some((record, name, notices)) = seeded(&entry) else { continue };
            let Some((_, receipt)) = receipt(name, notices.iter()) else { continue };
            let batch = self.batches.entry(name.clone()).or_insert_with(|| Batch::new(receipt));
            batch.destroyed = batch.destroyed.into_iter().chain(destroyed(name, &notices)).min();
            if batch.devices.is_empty() {
                // Whoever is on record first says which receipt it is.
                batch.receipt = receipt.clone();
            }
            batch.admitted.remove(&record.device);
            batch.devices.insert(record.device.clone());
        }
    }

    /// Checks that there is a seed for the device of these entries, and with `keep` keeps it for that device.
    ///
    /// # Errors
    /// [`TestimonyFault`] if its batch has another receipt, is used up, or was destroyed before the key was made.
    pub(crate) fn admit(&mut self, entries: &[Entry], keep: bool) -> Result<(), TestimonyFault> {
        for (record, name, notices) in entries.iter().filter_map(seeded) {
            let named = || name.as_str().to_owned();
            let (_, receipt) = receipt(name, notices.iter()).ok_or_else(|| TestimonyFault::SeedsUnknown(named()))?;
            if let Some(batch) = self.batches.get(name) {
                if batch.receipt != *receipt {
                    return Err(TestimonyFault::SeedsDiffer(named()));
                }
                let made_at = record.origin.made_at;
                if let Some(at) = batch.destroyed.filter(|at| *at < made_at) {
                    let [made_at, at] = [made_at, at].map(to_rfc3339);
                    return Err(TestimonyFault::DerivedWithoutSeeds { batch: named(), made_at, event: "destroyed", at });
                }
            }
            let has_one = |batch: &Batch| batch.devices.contains(&record.device) || batch.admitted.contains(&record.device);
            let spent = |batch: &Batch| (batch.devices.len() + batch.admitted.len()) as u64 >= u64::from(receipt.count) && !has_one(batch);
            if receipt.count == 0 || self.batches.get(name).is_some_and(spent) {
                return Err(TestimonyFault::SeedsSpent { batch: named(), count: receipt.count });
            }
            if keep && !self.batches.get(name).is_some_and(has_one) {
                self.batches.entry(name.clone()).or_insert_with(|| Batch::new(receipt)).admitted.insert(record.device.clone());
            }
        }
        Ok(())
    }

    /// The same once more, when all that others appended was read: a seed that was kept may be one more than there are.
    ///
    /// # Errors
    /// As for [`admit`](Self::admit); then nothing is kept for the device any more.
    fn confirm(&mut self, entries: &[Entry]) -> Result<(), TestimonyFault> {
        for (record, name, _) in entries.iter().filter_map(seeded) {
            let admitted = self.admit(entries, true);
            let too_many = |batch: &&Batch| {
                (batch.devices.len() + batch.admitted.len()) as u64 > u64::from(batch.receipt.count) && !batch.devices.contains(&record.device)
            };
            let confirmed = admitted.and_then(|()| match self.batches.get(name).filter(too_many) {
                Some(batch) => Err(TestimonyFault::SeedsSpent { batch: name.as_str().to_owned(), count: batch.receipt.count }),
                None => Ok(()),
            });
            if confirmed.is_err() {
                self.release(&record.device);
                return confirmed;
            }
        }
        Ok(())
    }

    /// Gives back what was kept for a device whose record did not get into the ledger.
    pub(crate) fn release(&mut self, device: &DeviceId) {
        for batch in self.batches.values_mut() {
            batch.admitted.remove(device);
        }
        self.batches.retain(|_, batch| !batch.devices.is_empty() || !batch.admitted.is_empty());
    }
}

/// Whether an entry's record names a batch of seeds.
pub(crate) fn is_seeded(entry: &Entry) -> bool {
    matches!(entry, Entry::Recorded(record) if record.origin.seed.as_ref().is_some_and(|seed| seed.batch.is_some()))
}

/// The record in an entry, if it names a batch of seeds, with that batch and its notices.
fn seeded(entry: &Entry) -> Option<(&ProvenanceRecord, &Text, Vec<SeedNotice>)> {
    let Entry::Recorded(record) = entry else { return None };
    let batch = record.origin.seed.as_ref()?.batch.as_ref()?;
    let notices = record.origin.evidence.iter().filter(|evidence| evidence.kind.as_str() == SeedNotice::KIND);
    let notices = notices.filter_map(|evidence| Signed::<SeedNotice>::from_wire(Format::Cose, evidence.data.as_slice()).peek_unverified(Leniencies::NONE).ok());
    Some((record, batch, notices.collect()))
}

fn destroyed(batch: &Text, notices: &[SeedNotice]) -> Option<UnixTime> {
    notices.iter().filter(|notice| notice.batch == *batch && matches!(notice.event, SeedEvent::Destroyed(_))).map(|notice| notice.at).min()
}
