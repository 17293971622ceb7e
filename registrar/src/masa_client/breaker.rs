//! When a MASA that does not answer is left alone: a pure state machine over outcomes and time.
//!
//! ```text
//! closed --[MOST_FAILURES] failures in a row--> open, for a while --> half-open: one question --answered--> closed
//!                                                ^                                    '--failed--> open, for twice as long
//! ```

use core::time::Duration;

use brski_common::UnixTime;
use brski_common::time::{at, to_rfc3339};

#[cfg(test)]
mod tests;

/// The breaker of one MASA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { since: UnixTime, until: UnixTime, length: Duration },
    HalfOpen { since: UnixTime, tried: UnixTime, length: Duration },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

/// A MASA that is not asked at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has not answered since {}, and is not asked again before {}", to_rfc3339(*.since), to_rfc3339(*.until))]
pub struct LeftAlone {
    /// Since when it does not answer.
    pub since: UnixTime,
    /// Until when it is not asked.
    pub until: UnixTime,
}

/// A change that an operator wants to hear of, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is left alone from now on.
    Opened(LeftAlone),
    /// It answers again.
    Closed {
        /// Since when it had not.
        since: UnixTime,
    },
}

impl Breaker {
    /// Whether a question may go out now. While half-open, one may.
    ///
    /// # Errors
    /// [`LeftAlone`] if it may not.
    pub fn ask(&mut self, now: UnixTime) -> Result<(), LeftAlone> {
        match self.state {
            State::Closed { .. } => Ok(()),
            State::Open { since, until, length } if until <= now => {
                self.state = State::HalfOpen { since, tried: now, length };
                Ok(())
            }
            State::Open { since, until, .. } => Err(LeftAlone { since, until }),
            // Whoever was let through may have gone away without a word.
            State::HalfOpen { since, tried, length } if later(tried, LONGEST_TRIAL) <= now => {
                self.state = State::HalfOpen { since, tried: now, length };
                Ok(())
            }
            State::HalfOpen { since, tried, .. } => Err(LeftAlone { since, until: later(tried, LONGEST_TRIAL) }),
        }
    }

    /// A question was answered, with whatever.
    pub fn answered(&mut self) -> Option<Change> {
        let change = match self.state {
            State::Closed { .. } => None,
            State::Open { since, .. } | State::HalfOpen { since, .. } => Some(Change::Closed { since }),
        };
        self.state = State::default();
        change
    }

    /// A question was not answered.
    pub fn failed(&mut self, now: UnixTime) -> Option<Change> {
        match self.state {
            State::Closed { failures } if failures + 1 < MOST_FAILURES => {
                self.state = State::Closed { failures: failures + 1 };
                None
            }
            State::Closed { .. } => Some(self.open(now, FIRST_REST, now)),
            State::HalfOpen { since, length, .. } => {
                // Known already, and still so.
                self.open(since, length.saturating_mul(2).min(LONGEST_REST), now);
                None
            }
            // Asked before it was opened, and late: nothing new.
            State::Open { .. } => None,
        }
    }

    /// Whether nothing speaks against this MASA.
    pub fn is_at_rest(&self) -> bool {
        *self == Self::default()
    }

    fn open(&mut self, since: UnixTime, length: Duration, now: UnixTime) -> Change {
        let until = later(now, length);
        self.state = State::Open { since, until, length };
        Change::Opened(LeftAlone { since, until })
    }
}

fn later(time: UnixTime, by: Duration) -> UnixTime {
    at(time.as_secs().saturating_add(by.as_secs()))
}

/// After how many questions in a row without an answer a MASA is left alone.
pub const MOST_FAILURES: u32 = 5;

const FIRST_REST: Duration = Duration::from_secs(10);

/// A MASA that is up again is noticed within this.
const LONGEST_REST: Duration = Duration::from_secs(300);

/// Longer than any exchange takes.
const LONGEST_TRIAL: Duration = Duration::from_secs(120);
