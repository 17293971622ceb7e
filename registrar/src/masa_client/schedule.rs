//! When to ask a MASA again that could not be reached. Time and randomness are arguments.

use core::time::Duration;

/// How often and how soon a question is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// How many tries there are, the first included.
    pub attempts: u32,
    /// About how long to wait before the second try; twice that before the third, and so on.
    pub first_wait: Duration,
    /// For how long after the beginning a try may begin: a pledge holds its connection open in the meantime.
    pub patience: Duration,
}

impl Default for Schedule {
    /// Three tries, half a second and a second apart, within 20 s.
    fn default() -> Self {
        Self { attempts: 3, first_wait: Duration::from_millis(500), patience: Duration::from_secs(20) }
    }
}

impl Schedule {
    /// How long to wait after try number `failed`, from 1, has failed; none if there is to be no other.
    ///
    /// `asked` is what the server wants (Retry-After), `spent` how long this has taken so far. `random` spreads those who failed at the same moment over half of the wait.
    pub fn wait_after(&self, failed: u32, asked: Option<Duration>, spent: Duration, random: u32) -> Option<Duration> {
        if failed >= self.attempts {
            return None;
        }
        let doubled = self.first_wait.saturating_mul(2_u32.saturating_pow(failed.saturating_sub(1))).min(LONGEST);
        let spread = (doubled / 2).saturating_mul(random >> 16) / (1 << 16);
        let wait = (doubled / 2 + spread).max(asked.unwrap_or_default());
        (spent.saturating_add(wait) < self.patience).then_some(wait)
    }
}

const LONGEST: Duration = Duration::from_secs(8);

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Duration = Duration::ZERO;

    fn millis(wait: Option<Duration>) -> Option<u128> {
        wait.map(|wait| wait.as_millis())
    }

    #[test]
    fn wait_doubles_and_ends_after_the_last_try() {
        let schedule = Schedule { attempts: 4, ..Schedule::default() };
        assert_eq!([1, 2, 3, 4].map(|failed| millis(schedule.wait_after(failed, None, NONE, u32::MAX))), [Some(499), Some(999), Some(1999), None]);
    }

    #[test]
    fn randomness_takes_away_half_of_the_wait_at_most() {
        assert_eq!(millis(Schedule::default().wait_after(1, None, NONE, 0)), Some(250));
        assert_eq!(millis(Schedule::default().wait_after(1, None, NONE, 1 << 31)), Some(375));
    }

    #[test]
    fn server_that_wants_longer_is_given_it() {
        assert_eq!(Schedule::default().wait_after(1, Some(Duration::from_secs(7)), NONE, 0), Some(Duration::from_secs(7)));
    }

    #[test]
    fn server_that_wants_longer_than_a_pledge_waits_is_not_asked_again() {
        assert_eq!(Schedule::default().wait_after(1, Some(Duration::from_secs(20)), NONE, 0), None);
    }

    #[test]
    fn there_is_no_other_try_once_the_time_is_spent() {
        assert_eq!(Schedule::default().wait_after(1, None, Duration::from_millis(19_800), 0), None);
    }

    #[test]
    fn numbers_beyond_all_measure_do_not_overflow() {
        let schedule = Schedule { attempts: u32::MAX, first_wait: Duration::MAX, patience: Duration::MAX };
        assert_eq!(schedule.wait_after(u32::MAX - 1, None, NONE, 0), Some(LONGEST / 2));
        assert_eq!(schedule.wait_after(1, Some(Duration::MAX), Duration::MAX, 0), None);
    }
}
