//! What may be under way at one time: so many imports, few of them for one credential, and one reading of the whole ledger.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The imports that are under way, each by the name of its credential. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots(Arc<Mutex<Vec<String>>>);

/// One of them; it has threads. Dropped, it makes room for another.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Slots,
    name: String,
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    #[error("as many imports are under way as may be at one time, try again later")]
    All,
    #[error("as many imports are under way with this credential as may be at one time, try again later")]
    Own,
}

impl Slots {
    pub(super) fn take(&self, name: &str) -> Result<Slot, Full> {
        let mut taken = self.lock();
        if taken.iter().filter(|other| *other == name).count() >= MOST_EACH {
            return Err(Full::Own);
        }
        if taken.len() >= MOST {
            return Err(Full::All);
        }
        taken.push(name.to_owned());
        Ok(Slot { slots: self.clone(), name: name.to_owned() })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        // Each change under the lock is one step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.lock();
        if let Some(own) = taken.iter().position(|name| *name == self.name) {
            taken.swap_remove(own);
        }
    }
}

/// Whether somebody has the whole ledger read. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Surveys(Arc<AtomicBool>);

/// The one reading that is under way. Dropped, another may begin.
#[derive(Debug)]
pub(super) struct Survey(Surveys);

impl Surveys {
    /// None if there is one already.
    pub(super) fn begin(&self) -> Option<Survey> {
        let free = !self.0.swap(true, Ordering::AcqRel);
        // Made only where it is free: dropped, it frees.
        free.then(|| Survey(self.clone()))
    }
}

impl Drop for Survey {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Release);
    }
}

const MOST: usize = 8;

// So that no credential keeps out the others.
const MOST_EACH: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_than_the_most_is_refused_however_often_and_all_work_afterwards() {
        let slots = Slots::default();
        for _ in 0..3 {
            let taken: Vec<Slot> = (0..MOST).map(|i| slots.take(&format!("station {}", i / MOST_EACH)).unwrap()).collect();
            for _ in 0..3 {
                assert_eq!(slots.take("one more").unwrap_err(), Full::All);
            }
            drop(taken);
        }
    }

    #[test]
    fn one_credential_leaves_room_for_others() {
        let slots = Slots::default();
        let taken: Vec<Slot> = (0..MOST_EACH).map(|_| slots.take("greedy").unwrap()).collect();
        assert_eq!(slots.take("greedy").unwrap_err(), Full::Own);
        assert!(slots.take("modest").is_ok());
        drop(taken);
        assert!(slots.take("greedy").is_ok());
    }

    #[test]
    fn second_reading_waits_for_the_end_of_the_first() {
        let surveys = Surveys::default();
        let first = surveys.begin().unwrap();
        assert!(surveys.begin().is_none() && surveys.begin().is_none());
        drop(first);
        assert!(surveys.begin().is_some());
    }
}
