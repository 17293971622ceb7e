//! Whether the MASA can do its work, asked of it no more often than it costs little.

use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use brski_common::UnixTime;

use crate::masa::{Masa, NotReady};

/// The newest answer to whether the MASA is ready. Clones share it.
///
/// Anybody may ask, and each key has to sign for the answer: it is good for some seconds.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<Option<Answer>>>);

/// Since when, and what.
type Answer = (UnixTime, Result<(), NotReady>);

impl Health {
    pub(super) async fn ready(&self, masa: &Masa) -> Result<(), NotReady> {
        let now = masa.now();
        let fresh = |(at, _): &Answer| now.as_secs().abs_diff(at.as_secs()) < GOOD_FOR.as_secs();
        let known = self.lock().filter(fresh);
        if let Some((_, known)) = known {
            return known;
        }
        let found = masa.ready().await;
        *self.lock() = Some((now, found));
        found
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Answer>> {
        // What is under the lock is replaced as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For how long an answer is good: shorter than the patience of whoever takes a server out of use.
const GOOD_FOR: Duration = Duration::from_secs(5);
