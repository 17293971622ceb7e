//! How much one pledge can make the trail grow: a device that asks without end, each time otherwise, must not fill the owner's disk.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use brski_common::{SpkiDigest, UnixTime};

/// What each pledge had written down of it within the hour that goes on. Only what changes nothing is counted: an admission or an LDevID always has its event.
#[derive(Debug, Default)]
pub(super) struct Pace {
    hours: Mutex<BTreeMap<SpkiDigest, (u64, u32)>>,
}

impl Pace {
    /// Whether one more event of this pledge is written down. The first that is not is told in the log.
    pub(super) fn allows(&self, pledge: SpkiDigest, now: UnixTime) -> bool {
        let hour = now.as_secs() / 3600;
        let mut hours = self.hours.lock().unwrap_or_else(PoisonError::into_inner);
        if hours.len() >= MOST_PLEDGES && !hours.contains_key(&pledge) {
            hours.retain(|_, (counted, _)| *counted == hour);
        }
        // Where so many pledges are about in one hour, each of them is counted anew: their events are what the owner bought the disk for.
        if hours.len() >= MOST_PLEDGES && !hours.contains_key(&pledge) {
            hours.clear();
        }
        let (counted, events) = hours.entry(pledge).or_insert((hour, 0));
        if *counted != hour {
            (*counted, *events) = (hour, 0);
        }
        *events = events.saturating_add(1);
        if *events == AN_HOUR + 1 {
            tracing::warn!(pledge = %pledge, most = AN_HOUR, "a pledge keeps asking; what it is answered is not written down until the hour is over");
        }
        *events <= AN_HOUR
    }
}

/// A pledge that waits asks sixty times.
const AN_HOUR: u32 = 120;

const MOST_PLEDGES: usize = 16_384;

#[cfg(test)]
mod tests {
    use brski_common::time::at;

    use super::*;

    #[test]
    fn pledge_that_keeps_asking_is_written_down_so_often_an_hour() {
        let (pace, pledge) = (Pace::default(), SpkiDigest([1; 32]));
        assert_eq!((0..1000).filter(|_| pace.allows(pledge, at(3600))).count(), AN_HOUR as usize);
        assert!(pace.allows(SpkiDigest([2; 32]), at(3600)));
        assert!(pace.allows(pledge, at(7200)));
    }

    #[test]
    fn memory_is_bounded() {
        let pace = Pace::default();
        for number in 0..MOST_PLEDGES + 10 {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_be_bytes());
            pace.allows(SpkiDigest(key), at(3600));
        }
        assert!(pace.hours.lock().unwrap().len() <= MOST_PLEDGES);
    }
}
