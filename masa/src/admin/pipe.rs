//! Queues of bounded length between a future and a thread: an import blocks, and a service must not.

use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::{Buf as _, Bytes};

/// A queue that is shared by both ends.
struct Pipe<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    waiting: VecDeque<T>,
    /// Nothing more comes.
    ended: bool,
    /// Nothing more comes, and nobody said that this was all.
    broken_off: bool,
    /// Nobody takes anything any more.
    abandoned: bool,
    /// The future at the one end.
    waker: Option<Waker>,
}

impl<T> Pipe<T> {
    fn new() -> Arc<Self> {
        let state = State { waiting: VecDeque::new(), ended: false, broken_off: false, abandoned: false, waker: None };
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new() })
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Each change under the lock is one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something that the other end waits for.
    fn change<R>(&self, act: impl FnOnce(&mut State<T>) -> R) -> R {
        let mut state = self.lock();
        let result = act(&mut state);
        let waker = state.waker.take();
        drop(state);
        self.changed.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
        result
    }
}

/// The future's end of a queue towards a thread.
pub(super) struct Feed(Arc<Pipe<io::Result<Bytes>>>);

/// The thread's end of it. Dropped or not ended well, the feed reads as an error, never as the end.
pub(super) struct Fed {
    pipe: Arc<Pipe<io::Result<Bytes>>>,
    current: Bytes,
}

/// A new feed.
pub(super) fn feed() -> (Feed, Fed) {
    let pipe = Pipe::new();
    (Feed(Arc::clone(&pipe)), Fed { pipe, current: Bytes::new() })
}

impl Feed {
    /// Whether there is room for more: waits for it, and is false once nobody reads any more.
    pub(super) fn poll_room(&self, context: &mut Context<'_>) -> Poll<bool> {
        let mut state = self.0.lock();
        if state.waiting.len() < AHEAD || state.abandoned {
            return Poll::Ready(!state.abandoned);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }

    pub(super) fn put(&self, octets: io::Result<Bytes>) {
        self.0.change(|state| {
            if !state.abandoned {
                state.waiting.push_back(octets);
            }
        });
    }

    /// Says that all is there.
    pub(super) fn end(&self) {
        self.0.change(|state| state.ended = true);
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.change(|state| {
            if !state.ended {
                state.waiting.push_back(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the request was broken off")));
                state.ended = true;
            }
        });
    }
}

impl Read for Fed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            let mut state = self.pipe.lock();
            while state.waiting.is_empty() && !state.ended {
                state = self.pipe.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            drop(state);
            match self.pipe.change(|state| state.waiting.pop_front()) {
                Some(octets) => self.current = octets?,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.current.len());
        self.current.split_to(length).copy_to_slice(buffer.get_mut(..length).unwrap_or_default());
        Ok(length)
    }
}

impl Drop for Fed {
    fn drop(&mut self) {
        self.pipe.change(|state| state.abandoned = true);
    }
}

/// The thread's end of a queue towards a future. Dropped before its [`end`](Self::end), what was told is not all.
pub(super) struct Teller<T>(Arc<Pipe<T>>);

/// The future's end of it.
pub(super) struct Told<T>(Arc<Pipe<T>>);

/// A new queue of tidings.
pub(super) fn tidings<T>() -> (Teller<T>, Told<T>) {
    let pipe = Pipe::new();
    (Teller(Arc::clone(&pipe)), Told(pipe))
}

impl<T> Teller<T> {
    /// Waits for room; false if nobody listens any more.
    pub(super) fn tell(&self, item: T) -> bool {
        let mut state = self.0.lock();
        while state.waiting.len() >= AHEAD && !state.abandoned {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let listening = !state.abandoned;
        drop(state);
        if listening {
            self.0.change(|state| state.waiting.push_back(item));
        }
        listening
    }

    /// Says that all was told.
    pub(super) fn end(self) {
        self.0.change(|state| state.ended = true);
    }
}

impl<T> Drop for Teller<T> {
    fn drop(&mut self) {
        self.0.change(|state| state.broken_off = !state.ended);
    }
}

/// Whoever told something ended in the midst of it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the import broke off")]
pub(super) struct BrokenOff;

impl<T> Told<T> {
    /// What comes next; none once that was all.
    pub(super) fn poll_next(&self, context: &mut Context<'_>) -> Poll<Result<Option<T>, BrokenOff>> {
        let mut state = self.0.lock();
        match state.waiting.pop_front() {
            Some(item) => {
                drop(state);
                self.0.changed.notify_all();
                Poll::Ready(Ok(Some(item)))
            }
            None if state.ended => Poll::Ready(Ok(None)),
            None if state.broken_off => Poll::Ready(Err(BrokenOff)),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for Told<T> {
    fn drop(&mut self) {
        self.0.change(|state| state.abandoned = true);
    }
}

/// Items that wait at most: pieces of a body, or groups of outcomes.
const AHEAD: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_all_only_if_somebody_says_so() {
        let mut context = Context::from_waker(Waker::noop());
        for ends in [true, false] {
            let (teller, told) = tidings();
            assert!(teller.tell(1));
            if ends {
                teller.end();
            } else {
                drop(teller);
            }
            assert_eq!(told.poll_next(&mut context), Poll::Ready(Ok(Some(1))));
            assert_eq!(told.poll_next(&mut context), Poll::Ready(if ends { Ok(None) } else { Err(BrokenOff) }));
        }
    }

    #[test]
    fn nobody_who_reads_no_longer_has_room() {
        let mut context = Context::from_waker(Waker::noop());
        let (feed, fed) = feed();
        assert_eq!(feed.poll_room(&mut context), Poll::Ready(true));
        drop(fed);
        assert_eq!(feed.poll_room(&mut context), Poll::Ready(false));
    }
}
