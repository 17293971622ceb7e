//! Connections to MASAs that are open and have nothing to do.

use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use brski_common::serve::HttpsConnection;

/// Whose connection: host and port, by which anchors the server was authenticated, and what it was shown. One that was made for a manufacturer's anchors serves no other's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PoolKey {
    pub(super) authority: String,
    pub(super) anchors: [u8; 32],
    /// SHA-256 over our own certificate path.
    pub(super) shown: [u8; 32],
}

/// Idle connections, bounded in number, in number to one server, and in time.
#[derive(Debug)]
pub(super) struct Pool<C = HttpsConnection> {
    // The one that was used last is last.
    idle: Mutex<Vec<(PoolKey, C, Instant)>>,
}

impl<C> Default for Pool<C> {
    fn default() -> Self {
        Self { idle: Mutex::default() }
    }
}

impl<C> Pool<C> {
    /// The connection to this server that was used last. Those that were idle for too long are closed.
    pub(super) fn take(&self, key: &PoolKey, now: Instant) -> Option<C> {
        let mut idle = self.idle();
        idle.retain(|(_, _, since)| now.saturating_duration_since(*since) < LONGEST_IDLE);
        let found = idle.iter().rposition(|(other, _, _)| other == key)?;
        Some(idle.remove(found).1)
    }

    /// Keeps a connection that has nothing to do. Where there are too many, the one that was used the longest ago is closed.
    pub(super) fn put(&self, key: PoolKey, connection: C, now: Instant) {
        let mut idle = self.idle();
        idle.retain(|(_, _, since)| now.saturating_duration_since(*since) < LONGEST_IDLE);
        if idle.iter().filter(|(other, _, _)| *other == key).count() >= MOST_TO_ONE {
            let oldest = idle.iter().position(|(other, _, _)| *other == key);
            oldest.map(|oldest| idle.remove(oldest));
        }
        if idle.len() >= MOST {
            idle.remove(0);
        }
        idle.push((key, connection, now));
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(PoolKey, C, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const MOST: usize = 64;
const MOST_TO_ONE: usize = 8;

/// Servers close what is idle for longer, and who meets them closing has to ask again.
const LONGEST_IDLE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn key(authority: &str, anchors: u8) -> PoolKey {
        PoolKey { authority: authority.to_owned(), anchors: [anchors; 32], shown: [1; 32] }
    }

    #[test]
    fn connection_that_was_used_last_is_used_next() {
        let (pool, now) = (Pool::default(), Instant::now());
        pool.put(key("masa", 1), "first", now);
        pool.put(key("masa", 1), "second", now);
        assert_eq!([(); 3].map(|()| pool.take(&key("masa", 1), now)), [Some("second"), Some("first"), None]);
    }

    #[test]
    fn connection_for_other_anchors_or_another_server_is_not_used() {
        let (pool, now) = (Pool::default(), Instant::now());
        pool.put(key("masa", 1), "c", now);
        assert_eq!((pool.take(&key("masa", 2), now), pool.take(&key("other", 1), now)), (None, None));
    }

    #[test]
    fn connection_on_which_another_certificate_was_shown_is_not_used() {
        let (pool, now) = (Pool::default(), Instant::now());
        pool.put(key("masa", 1), "c", now);
        assert_eq!(pool.take(&PoolKey { shown: [2; 32], ..key("masa", 1) }, now), None);
    }

    #[test]
    fn connection_that_was_idle_for_too_long_is_closed() {
        let (pool, now) = (Pool::default(), Instant::now());
        pool.put(key("masa", 1), "c", now);
        assert_eq!(pool.take(&key("masa", 1), now + LONGEST_IDLE), None);
        assert_eq!(pool.idle().len(), 0);
    }

    #[test]
    fn oldest_connection_makes_room_where_there_are_too_many() {
        let (pool, now) = (Pool::default(), Instant::now());
        for number in 0..=MOST_TO_ONE {
            pool.put(key("masa", 1), number, now);
        }
        assert_eq!(pool.idle().iter().map(|(_, number, _)| *number).collect::<Vec<_>>(), (1..=MOST_TO_ONE).collect::<Vec<_>>());
        for other in 0..MOST {
            pool.put(key(&other.to_string(), 1), other, now);
        }
        assert_eq!(pool.idle().len(), MOST);
        assert_eq!(pool.take(&key("masa", 1), now), None);
    }
}
