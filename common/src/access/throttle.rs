//! How often one address may be wrong.

use core::time::Duration;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::time::UnixTime;

/// Counts wrong credentials by address. Clones share the counts.
///
/// A token cannot be guessed anyhow: this keeps those who try from filling the log, and tells honest clients with an old token to slow down.
#[derive(Clone, Debug, Default)]
pub struct Throttle {
    wrong: Windows,
    /// Requests without any credential: they are not slowed down, but not all logged either.
    without: Windows,
}

#[derive(Clone, Debug, Default)]
struct Windows(Arc<Mutex<HashMap<IpAddr, Window>>>);

#[derive(Clone, Copy, Debug)]
struct Window {
    since: UnixTime,
    failures: u32,
}

impl Throttle {
    /// Notes one more; says how long to wait if there were [`FAILURES`](Self::FAILURES) already within [`WINDOW`](Self::WINDOW).
    pub(super) fn note_failure(&self, source: IpAddr, now: UnixTime) -> Result<(), Duration> {
        self.wrong.note(source, now, "too many wrong credentials from one address: further ones within the minute are not logged")
    }

    /// Notes a request without credential; whether it should be logged.
    pub(super) fn note_nobody(&self, source: IpAddr, now: UnixTime) -> bool {
        self.without.note(source, now, "too many requests without credential from one address: further ones within the minute are not logged").is_ok()
    }

    /// How many wrong credentials an address may show within [`WINDOW`](Self::WINDOW).
    pub const FAILURES: u32 = 10;

    /// For how long they count.
    pub const WINDOW: Duration = Duration::from_secs(60);
}

impl Windows {
    fn note(&self, source: IpAddr, now: UnixTime, too_many: &'static str) -> Result<(), Duration> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = |window: &Window| Throttle::WINDOW.as_secs().checked_sub(now.as_secs().saturating_sub(window.since.as_secs())).filter(|left| *left > 0);
        if windows.len() >= MOST_ADDRESSES && !windows.contains_key(&source) {
            windows.retain(|_, window| left(window).is_some());
            if windows.len() >= MOST_ADDRESSES {
                // So many at once are one attack: they share what is left.
                return Err(Throttle::WINDOW);
            }
        }
        let window = windows.entry(source).or_insert(Window { since: now, failures: 0 });
        let Some(left) = left(window) else {
            *window = Window { since: now, failures: 1 };
            return Ok(());
        };
        window.failures = window.failures.saturating_add(1);
        if window.failures == Throttle::FAILURES + 1 {
            tracing::warn!(%source, limit = Throttle::FAILURES, "{too_many}");
        }
        match window.failures > Throttle::FAILURES {
            true => Err(Duration::from_secs(left)),
            false => Ok(()),
        }
    }
}

// Some 100 KiB.
const MOST_ADDRESSES: usize = 1024;
