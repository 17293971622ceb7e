//! Requests whose pledges wait for a person, so that repeating them costs the MASA neither a voucher nor an entry in its log.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use brski_common::{Refusal, UnixTime};

/// What was last decided about held requests. Lost when the process ends: a new process may have a new policy.
#[derive(Debug, Default)]
pub(super) struct Held {
    requests: Mutex<BTreeMap<[u8; 32], (UnixTime, Refusal)>>,
}

impl Held {
    /// The answer that this request, known by its digest, was given within the last hour.
    pub(super) fn recall(&self, request: &[u8; 32], now: UnixTime) -> Option<Refusal> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, refusal) = requests.get(request)?;
        is_recent(*since, now).then(|| refusal.clone())
    }

    /// Keeps `refusal` if it means "not yet".
    pub(super) fn note(&self, request: [u8; 32], refusal: &Refusal, now: UnixTime) {
        if !matches!(refusal, Refusal::Pending { .. }) {
            return;
        }
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.len() >= MOST {
            requests.retain(|_, (since, _)| is_recent(*since, now));
        }
        // Beyond that the MASA is asked again: dearer, not wrong.
        if requests.len() < MOST {
            requests.insert(request, (now, refusal.clone()));
        }
    }
}

fn is_recent(since: UnixTime, now: UnixTime) -> bool {
    now.as_secs().saturating_sub(since.as_secs()) < LOOK_AGAIN.as_secs()
}

/// The MASA may have a newer statement by then.
const LOOK_AGAIN: Duration = Duration::from_secs(3600);

const MOST: usize = 4096;

#[cfg(test)]
mod tests {
    use brski_common::time::at;

    use super::*;

    fn pending() -> Refusal {
        Refusal::Pending { reason: "a person decides".to_owned(), wait: Duration::from_secs(60) }
    }

    #[test]
    fn held_request_is_recalled_for_an_hour() {
        let held = Held::default();
        held.note([1; 32], &pending(), at(1000));
        assert_eq!(held.recall(&[1; 32], at(4599)), Some(pending()));
        assert_eq!(held.recall(&[1; 32], at(4600)), None);
        assert_eq!(held.recall(&[2; 32], at(1000)), None);
    }

    #[test]
    fn definite_refusal_is_not_kept() {
        let held = Held::default();
        held.note([1; 32], &Refusal::NotAdmitted, at(1000));
        assert_eq!(held.recall(&[1; 32], at(1000)), None);
    }

    #[test]
    fn memory_is_bounded_and_old_requests_make_room() {
        let held = Held::default();
        let digest = |i: usize| {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&i.to_be_bytes());
            digest
        };
        (0..MOST).for_each(|i| held.note(digest(i), &pending(), at(1000)));
        held.note(digest(MOST), &pending(), at(1001));
        assert_eq!(held.recall(&digest(MOST), at(1001)), None);
        held.note(digest(MOST), &pending(), at(9000));
        assert_eq!(held.recall(&digest(MOST), at(9000)), Some(pending()));
    }
}
