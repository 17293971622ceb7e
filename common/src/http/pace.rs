//! Counting how often somebody asks, in memory that does not grow with how many they are.

use core::hash::BuildHasher as _;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::hash::RandomState;

/// How often one may ask on average, and how far ahead of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// On average; 0 is as often as they like.
    pub per_minute: u32,
    /// At once, by somebody who has not asked for a while; at least 1 counts.
    pub burst: u32,
}

/// Meters everybody at one rate, by the generic cell rate algorithm: for each, the time until which what they asked is paid for.
///
/// Two tables of a fixed size, under hashes that nobody outside can foresee, stand for all there are. Who shares a place in one of them with a busy peer has the other: a strange peer is
/// slowed wrongly only if both its places are busy.
#[derive(Debug)]
pub struct Pace {
    /// Nanoseconds that one question costs; 0 counts nothing.
    cost: u64,
    /// Nanoseconds by which somebody may be ahead.
    ahead: u64,
    tables: [(RandomState, Box<[AtomicU64]>); 2],
}

impl Pace {
    /// Nobody has asked anything yet.
    pub fn new(rate: Rate) -> Self {
        let cost = MINUTE.checked_div(u64::from(rate.per_minute)).unwrap_or(0);
        let table = || (RandomState::new(), if cost == 0 { Box::default() } else { (0..PLACES).map(|_| AtomicU64::new(0)).collect() });
        Self { cost, ahead: cost.saturating_mul(u64::from(rate.burst.max(1) - 1)), tables: [table(), table()] }
    }

    /// One more question of `who`, `now` being the time since some moment that is always the same.
    ///
    /// # Errors
    /// How long they have to wait; the question does not count then.
    pub fn ask(&self, who: &[u8], now: Duration) -> Result<(), Duration> {
        if self.cost == 0 {
            return Ok(());
        }
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let asked = self.tables.each_ref().map(|(hash, places)| self.ask_in(&places[place(hash.hash_one(who))], now));
        match asked {
            [Err(one), Err(other)] => Err(Duration::from_nanos(one.min(other))),
            [Ok(()), _] | [_, Ok(())] => Ok(()),
        }
    }

    /// Whether [`ask`](Self::ask) would let `who` pass; the question does not count.
    ///
    /// # Errors
    /// How long they have to wait.
    pub fn may_ask(&self, who: &[u8], now: Duration) -> Result<(), Duration> {
        if self.cost == 0 {
            return Ok(());
        }
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let early = self.tables.each_ref().map(|(hash, places)| self.early(places[place(hash.hash_one(who))].load(Ordering::Relaxed), now));
        early[0].zip(early[1]).map_or(Ok(()), |(one, other)| Err(Duration::from_nanos(one.min(other))))
    }

    /// By how much somebody is too early who has paid until then; none if they are not.
    fn early(&self, paid: u64, now: u64) -> Option<u64> {
        paid.max(now).saturating_sub(now).checked_sub(self.ahead).filter(|early| *early > 0)
    }

    fn ask_in(&self, place: &AtomicU64, now: u64) -> Result<(), u64> {
        let paid = |paid: u64| self.early(paid, now).is_none().then(|| paid.max(now).saturating_add(self.cost));
        place.fetch_update(Ordering::Relaxed, Ordering::Relaxed, paid).map(drop).map_err(|paid| self.early(paid, now).unwrap_or(1))
    }
}

fn place(hash: u64) -> usize {
    usize::try_from(hash % PLACES).unwrap_or(0)
}

/// 128 KiB a table.
const PLACES: u64 = 16_384;

const MINUTE: u64 = 60_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pace() -> Pace {
        Pace::new(Rate { per_minute: 60, burst: 3 })
    }

    #[test]
    fn burst_passes_and_the_next_waits_for_one_cost() {
        let pace = pace();
        for _ in 0..3 {
            assert_eq!(pace.ask(b"a", SECOND), Ok(()));
        }
        assert_eq!(pace.ask(b"a", SECOND), Err(SECOND));
    }

    #[test]
    fn refused_question_costs_nothing() {
        let pace = pace();
        for _ in 0..100 {
            let _ = pace.ask(b"a", SECOND);
        }
        assert_eq!(pace.ask(b"a", SECOND * 2), Ok(()));
    }

    #[test]
    fn who_only_looks_whether_they_may_ask_pays_nothing() {
        let pace = pace();
        assert!((0..100).all(|_| pace.may_ask(b"a", SECOND).is_ok()));
        assert!((0..3).all(|_| pace.ask(b"a", SECOND).is_ok()));
        assert_eq!(pace.may_ask(b"a", SECOND), Err(SECOND));
    }

    #[test]
    fn who_asks_at_the_rate_is_never_refused() {
        let pace = pace();
        assert!((0..1000).all(|second| pace.ask(b"a", SECOND * second) == Ok(())));
    }

    #[test]
    fn others_are_not_slowed() {
        let pace = pace();
        let busy = (0..100).filter(|_| pace.ask(b"busy", SECOND).is_err()).count();
        assert_eq!((busy, pace.ask(b"other", SECOND)), (97, Ok(())));
    }

    #[test]
    fn place_shared_in_one_table_slows_nobody() {
        let pace = pace();
        let (hash, places) = &pace.tables[0];
        places[place(hash.hash_one(b"honest"))].store(u64::MAX, Ordering::Relaxed);
        assert_eq!(pace.ask(b"honest", SECOND), Ok(()));
    }

    #[test]
    fn rate_of_zero_counts_nothing_and_takes_no_memory() {
        let pace = Pace::new(Rate { per_minute: 0, burst: 0 });
        assert!((0..1000).all(|_| pace.ask(b"a", SECOND) == Ok(())) && pace.tables.iter().all(|(_, places)| places.is_empty()));
    }
}
