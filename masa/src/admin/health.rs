//! Whether the MASA can do its work, asked of it no more often than it costs little.

use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use brski_common::UnixTime;
use futures_channel::oneshot;

use crate::masa::{Masa, NotReady};

/// The newest answer to whether the MASA is ready. Clones share it.
///
/// Anybody may ask, and each key has to sign for the answer: it is good for some seconds, and nobody finds out while somebody else does.
#[derive(Clone, Debug, Default)]
pub(super) struct Health(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    known: Option<Answer>,
    /// Those who wait for whoever finds out; none if nobody does.
    waiting: Option<Vec<oneshot::Sender<Result<(), NotReady>>>>,
}

/// Since when, and what.
type Answer = (UnixTime, Result<(), NotReady>);

/// What somebody who asks has to do.
enum Turn {
    Known(Result<(), NotReady>),
    Wait(oneshot::Receiver<Result<(), NotReady>>),
    FindOut(FindingOut),
}

impl Health {
    pub(super) async fn ready(&self, masa: &Masa) -> Result<(), NotReady> {
        loop {
            match self.turn(masa.now()) {
                Turn::Known(known) => return known,
                Turn::Wait(found) => match found.await {
                    Ok(found) => return found,
                    // Whoever found out left before the end.
                    Err(oneshot::Canceled) => continue,
                },
                Turn::FindOut(turn) => return turn.end(masa.now(), masa.ready().await),
            }
        }
    }

    fn turn(&self, now: UnixTime) -> Turn {
        let mut state = self.lock();
        let known_within = |limit: Duration| state.known.filter(|(at, _)| now.as_secs().abs_diff(at.as_secs()) < limit.as_secs());
        if let Some((_, known)) = known_within(if state.waiting.is_some() { OLD } else { GOOD_FOR }) {
            return Turn::Known(known);
        }
        match &mut state.waiting {
            Some(waiting) => {
                let (tell, told) = oneshot::channel();
                waiting.push(tell);
                Turn::Wait(told)
            }
            None => {
                state.waiting = Some(Vec::new());
                Turn::FindOut(FindingOut { health: self.clone(), done: false })
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What is under the lock is replaced as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one who finds out. Dropped, it is somebody else's turn.
struct FindingOut {
    health: Health,
    done: bool,
}

impl FindingOut {
    fn end(mut self, at: UnixTime, found: Result<(), NotReady>) -> Result<(), NotReady> {
        let mut state = self.health.lock();
        self.done = true;
        state.known = Some((at, found));
        for waiting in state.waiting.take().into_iter().flatten() {
            // Some have left.
            let _ = waiting.send(found);
        }
        found
    }
}

impl Drop for FindingOut {
    fn drop(&mut self) {
        if !self.done {
            self.health.lock().waiting = None;
        }
    }
}

/// For how long an answer is good: shorter than the patience of whoever takes a server out of use.
const GOOD_FOR: Duration = Duration::from_secs(5);

/// For how long it is good while a newer one is being found out. A key that does not answer any more should not leave the MASA ready for ever.
const OLD: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
