//! Peers whose identity could not be verified: anybody can be one, as often as they like, so that they are counted and not listed.

use std::sync::{Mutex, PoisonError};

use brski_common::UnixTime;

use crate::trail::{Event, What};

#[cfg(test)]
mod tests;

/// How many there were since they were last written down, and when that was.
#[derive(Debug, Default)]
pub(super) struct StrangerCount {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    count: u64,
    written: Option<UnixTime>,
}

impl StrangerCount {
    /// Counts one more, refused for this reason. Returns what is to be written down: at most one event a minute, the first at once. Those that come after it are told of with the
    /// first that comes a minute later.
    pub(super) fn refused(&self, sentence: &str, now: UnixTime) -> Option<Event> {
        // A count cannot be half-done.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.count = state.count.saturating_add(1);
        // A clock that was set back must not silence them.
        let due = state.written.is_none_or(|written| now < written || now.as_secs() - written.as_secs() >= INTERVAL);
        if !due {
            return None;
        }
        let count = core::mem::take(&mut state.count);
        state.written = Some(now);
        Some(Event { at: now, pledge: None, what: What::Strangers { sentence: sentence.to_owned(), count } })
    }

    /// What was counted and not written down yet, for whoever stops.
    pub(super) fn rest(&self, now: UnixTime) -> Option<Event> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let count = core::mem::take(&mut state.count);
        let sentence = "they came since the last such entry, until the registrar stopped".to_owned();
        (count > 0).then_some(Event { at: now, pledge: None, what: What::Strangers { sentence, count } })
    }
}

/// In seconds.
const INTERVAL: u64 = 60;
