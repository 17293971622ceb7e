//! What is read but not yet verified: a queue of few places that either end may close.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Numbered things, taken out in the order in which they were put in.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    places: usize,
}

struct State<T> {
    waiting: VecDeque<(u64, T)>,
    next: u64,
    closed: bool,
}

impl<T> Queue<T> {
    pub(super) fn new(places: usize) -> Self {
        Self { state: Mutex::new(State { waiting: VecDeque::new(), next: 0, closed: false }), changed: Condvar::new(), places }
    }

    /// Waits for a place; false if the queue is closed.
    pub(super) fn put(&self, thing: T) -> bool {
        let mut state = self.wait_while(|state| !state.closed && state.waiting.len() >= self.places);
        if state.closed {
            return false;
        }
        let number = state.next;
        state.next += 1;
        state.waiting.push_back((number, thing));
        self.changed.notify_all();
        true
    }

    /// Waits for the next thing; none once the queue is closed and empty.
    pub(super) fn take(&self) -> Option<(u64, T)> {
        let mut state = self.wait_while(|state| !state.closed && state.waiting.is_empty());
        let taken = state.waiting.pop_front();
        self.changed.notify_all();
        taken
    }

    /// How many things were put in since it began.
    pub(super) fn put_so_far(&self) -> u64 {
        self.lock().next
    }

    /// Nothing more is put in.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn wait_while(&self, unready: impl Fn(&State<T>) -> bool) -> MutexGuard<'_, State<T>> {
        self.changed.wait_while(self.lock(), |state| unready(state)).unwrap_or_else(PoisonError::into_inner)
    }

    // Nothing is left half done while it is locked.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the queue when dropped, so that nobody waits for a thread that has ended, however it did.
pub(super) struct Closing<'a, T>(pub(super) &'a Queue<T>);

impl<T> Drop for Closing<'_, T> {
    fn drop(&mut self) {
        self.0.close();
    }
}
