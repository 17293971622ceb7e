//! Whether a service can do its work, found out no more often than it costs little.

use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_channel::oneshot;

use crate::time::UnixTime;

/// The newest answer to whether a service is ready, with why not. Clones share it.
///
/// Anybody may ask, and each key has to sign for the answer: it is good for some seconds, and nobody finds out while somebody else does.
#[derive(Debug)]
pub struct Health<E>(Arc<Mutex<State<E>>>);

#[derive(Debug)]
struct State<E> {
    known: Option<Answer<E>>,
    /// Those who wait for whoever finds out; none if nobody does.
    waiting: Option<Vec<oneshot::Sender<Result<(), E>>>>,
}

/// Since when, and what.
type Answer<E> = (UnixTime, Result<(), E>);

/// What somebody who asks has to do.
enum Turn<E> {
    Known(Result<(), E>),
    Wait(oneshot::Receiver<Result<(), E>>),
    FindOut(FindingOut<E>),
}

impl<E> Clone for Health<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E> Default for Health<E> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State { known: None, waiting: None })))
    }
}

impl<E: Copy> Health<E> {
    /// The newest answer; if there is none that is good, `find_out` is awaited, or somebody else's answer.
    ///
    /// # Errors
    /// Why the service is not ready.
    pub async fn ask(&self, now: impl Fn() -> UnixTime, find_out: impl Future<Output = Result<(), E>>) -> Result<(), E> {
        loop {
            match self.turn(now()) {
                Turn::Known(known) => return known,
                Turn::Wait(found) => match found.await {
                    Ok(found) => return found,
                    // Whoever found out left before the end.
                    Err(oneshot::Canceled) => continue,
                },
                Turn::FindOut(turn) => {
                    let found = find_out.await;
                    return turn.end(now(), found);
                }
            }
        }
    }

    fn turn(&self, now: UnixTime) -> Turn<E> {
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
}

impl<E> Health<E> {
    fn lock(&self) -> MutexGuard<'_, State<E>> {
        // What is under the lock is replaced as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one who finds out. Dropped, it is somebody else's turn.
struct FindingOut<E> {
    health: Health<E>,
    done: bool,
}

impl<E: Copy> FindingOut<E> {
    fn end(mut self, at: UnixTime, found: Result<(), E>) -> Result<(), E> {
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

impl<E> Drop for FindingOut<E> {
    fn drop(&mut self) {
        if !self.done {
            self.health.lock().waiting = None;
        }
    }
}

/// For how long an answer is good: shorter than the patience of whoever takes a server out of use.
const GOOD_FOR: Duration = Duration::from_secs(5);

/// For how long it is good while a newer one is being found out. A key that does not answer any more should not leave a service ready for ever.
const OLD: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
