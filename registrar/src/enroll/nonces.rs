//! Nonces that keep evidence fresh (draft-ietf-lamps-attestation-freshness): each for one TLS peer, and for one certification request of its.

use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use brski_common::pledge::LONGEST_DEFERRAL;
use brski_common::time::at;
use brski_common::{SpkiDigest, UnixTime};

/// The nonces that were handed out and not used up, in the memory of this process: after a restart, or at another registrar, a peer fetches another one.
#[derive(Debug)]
pub struct Nonces {
    most: usize,
    given: Mutex<HashMap<SpkiDigest, Given>>,
}

#[derive(Debug)]
struct Given {
    nonce: Vec<u8>,
    until: UnixTime,
    /// The request that answered it.
    answered_by: Option<SpkiDigest>,
}

impl Default for Nonces {
    /// For at most 16,384 peers, some 4 MiB.
    fn default() -> Self {
        Self::with_room_for(16_384)
    }
}

impl Nonces {
    /// For how long a nonce can be answered.
    pub const LIFETIME: Duration = Duration::from_secs(600);

    /// How many octets a nonce has, unless somebody asks for another number.
    pub const LENGTH: usize = 32;

    /// The fewest and the most octets that somebody may ask for.
    pub const LENGTHS: core::ops::RangeInclusive<usize> = 8..=64;

    /// For at most so many peers.
    pub fn with_room_for(most: usize) -> Self {
        Self { most, given: Mutex::default() }
    }

    /// Takes down what is handed out to the peer with this key, in place of what was before. False if there is no room, so that it must not be handed out.
    pub fn hand_out(&self, peer: SpkiDigest, nonce: Vec<u8>, now: UnixTime) -> bool {
        let mut given = self.given();
        if given.len() >= self.most && !given.contains_key(&peer) {
            given.retain(|_, given| given.until > now);
        }
        let has_room = given.len() < self.most || given.contains_key(&peer);
        if has_room {
            given.insert(peer, Given { nonce, until: after(now, Self::LIFETIME), answered_by: None });
        }
        has_room
    }

    /// What the evidence in this request of the peer has to answer; none if nothing was handed out, or another request answered it.
    ///
    /// From then on it belongs to that request, which may have to wait, and be repeated octet for octet, for as long as pledges do.
    pub fn answered_by(&self, peer: SpkiDigest, request: SpkiDigest, now: UnixTime) -> Option<Vec<u8>> {
        let mut kept = self.given();
        let given = kept.get_mut(&peer).filter(|given| given.until > now && given.answered_by.is_none_or(|other| other == request))?;
        if given.answered_by.replace(request).is_none() {
            given.until = after(now, LONGEST_DEFERRAL);
        }
        Some(given.nonce.clone())
    }

    /// Forgets what was handed out to this peer: it got its certificate, or a "no".
    pub fn used_up(&self, peer: SpkiDigest) {
        self.given().remove(&peer);
    }

    fn given(&self) -> MutexGuard<'_, HashMap<SpkiDigest, Given>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn after(now: UnixTime, time: Duration) -> UnixTime {
    at(now.as_secs().saturating_add(time.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000;

    fn digest(octet: u8) -> SpkiDigest {
        SpkiDigest([octet; 32])
    }

    #[test]
    fn nonce_belongs_to_the_peer_that_got_it() {
        let nonces = Nonces::default();
        assert!(nonces.hand_out(digest(1), vec![7; 32], at(NOW)));
        assert_eq!(nonces.answered_by(digest(2), digest(9), at(NOW)), None);
        assert_eq!(nonces.answered_by(digest(1), digest(9), at(NOW)), Some(vec![7; 32]));
    }

    #[test]
    fn nonce_serves_one_request_however_often_that_is_repeated() {
        let nonces = Nonces::default();
        nonces.hand_out(digest(1), vec![7; 32], at(NOW));
        assert!(nonces.answered_by(digest(1), digest(9), at(NOW)).is_some());
        assert_eq!(nonces.answered_by(digest(1), digest(8), at(NOW)), None);
        assert!(nonces.answered_by(digest(1), digest(9), at(NOW + 86_400)).is_some());
        nonces.used_up(digest(1));
        assert_eq!(nonces.answered_by(digest(1), digest(9), at(NOW)), None);
    }

    #[test]
    fn nonce_that_nobody_answered_in_time_is_none() {
        let nonces = Nonces::default();
        nonces.hand_out(digest(1), vec![7; 32], at(NOW));
        assert_eq!(nonces.answered_by(digest(1), digest(9), at(NOW + 600)), None);
    }

    #[test]
    fn later_nonce_takes_the_place_of_the_earlier_one() {
        let nonces = Nonces::default();
        nonces.hand_out(digest(1), vec![7; 32], at(NOW));
        nonces.hand_out(digest(1), vec![8; 32], at(NOW));
        assert_eq!(nonces.answered_by(digest(1), digest(9), at(NOW)), Some(vec![8; 32]));
    }

    #[test]
    fn no_more_nonces_than_there_is_room_for_and_expired_ones_make_room() {
        let nonces = Nonces::with_room_for(1);
        assert!(nonces.hand_out(digest(1), vec![7; 32], at(NOW)));
        assert!(!nonces.hand_out(digest(2), vec![8; 32], at(NOW)));
        assert!(nonces.hand_out(digest(1), vec![9; 32], at(NOW)));
        assert!(nonces.hand_out(digest(2), vec![8; 32], at(NOW + 600)));
    }
}
