//! Who is connected, so that no single peer takes every place.

use core::cmp::Reverse;
use core::time::Duration;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::paced::Progress;
use crate::peer::PeerAddress;

/// The open connections, oldest first.
#[derive(Default)]
pub(super) struct Crowd {
    guests: Vec<Guest>,
}

struct Guest {
    source: IpAddr,
    progress: Progress,
    task: AbortHandle,
}

impl Crowd {
    /// Adds a connection that has just been accepted.
    pub(super) fn add(&mut self, peer: SocketAddr, progress: Progress, task: AbortHandle) {
        self.guests.push(Guest { source: PeerAddress(peer).source(), progress, task });
    }

    /// How many connections stand open from where this peer is.
    pub(super) fn from(&self, peer: SocketAddr) -> usize {
        let source = PeerAddress(peer).source();
        self.guests.iter().filter(|guest| guest.source == source).count()
    }

    /// Forgets connections that have ended.
    pub(super) fn forget_ended(&mut self) {
        self.guests.retain(|guest| !guest.task.is_finished());
    }

    /// Whether [`dismiss`](Self::dismiss) would find somebody.
    pub(super) fn has_spare(&self) -> bool {
        let now = Instant::now();
        self.guests.iter().any(|guest| guest.is_silent() || guest.progress.resting_since().is_some() || guest.owes_since(now).is_some())
    }

    /// Ends the oldest connection on which nothing was asked yet; if there is none, the one that has had its answer for the longest time; if there is none either, the one that owes
    /// the rest of a request for the longest time, of the source that holds most places.
    pub(super) fn dismiss(&mut self) {
        let silent = self.guests.iter().position(Guest::is_silent);
        let spare = silent.or_else(|| self.longest_resting(|_| true)).or_else(|| self.longest_owing(Instant::now()));
        if let Some(at) = spare {
            self.end(at);
        }
    }

    /// Ends the connection from where this peer is that has had its answer for the longest time. False if there is none.
    pub(super) fn dismiss_resting_of(&mut self, peer: SocketAddr) -> bool {
        let source = PeerAddress(peer).source();
        self.longest_resting(|guest| guest.source == source).is_some_and(|at| self.end(at))
    }

    fn longest_resting(&self, which: impl Fn(&Guest) -> bool) -> Option<usize> {
        let guests = self.guests.iter().enumerate().filter(|(_, guest)| which(guest));
        guests.filter_map(|(at, guest)| Some((guest.progress.resting_since()?, at))).min().map(|(_, at)| at)
    }

    fn longest_owing(&self, now: Instant) -> Option<usize> {
        let mut places = HashMap::<IpAddr, usize>::new();
        self.guests.iter().for_each(|guest| *places.entry(guest.source).or_default() += 1);
        let owing = self.guests.iter().enumerate().filter_map(|(at, guest)| Some((guest.owes_since(now)?, at, guest.source)));
        let held = |source| Reverse(places.get(&source).copied().unwrap_or_default());
        owing.min_by_key(|(since, at, source)| (held(*source), *since, *at)).map(|(_, at, _)| at)
    }

    /// False if it has begun something meanwhile, and stays.
    fn end(&mut self, at: usize) -> bool {
        let ends = self.guests[at].progress.dismiss();
        if ends {
            self.guests.remove(at).task.abort();
        }
        ends
    }
}

impl Guest {
    fn is_silent(&self) -> bool {
        !self.progress.has_begun()
    }

    fn owes_since(&self, now: Instant) -> Option<Instant> {
        self.progress.owing_since().filter(|since| now.saturating_duration_since(*since) >= ON_ITS_WAY)
    }
}

/// What is on its way is not owed yet.
const ON_ITS_WAY: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_apart_by_address_or_network() {
        let source = |text: &str| PeerAddress(SocketAddr::new(text.parse().unwrap(), 1)).source();
        let same = |a: &str, b: &str| source(a) == source(b);
        assert!(same("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
        assert!(!same("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
        assert!(same("2001:db8::1", "2001:db8::ffff:2"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
    }

    #[tokio::test]
    async fn connection_that_began_to_ask_while_it_rested_is_not_dismissed() {
        let (mut crowd, peer, progress) = (Crowd::default(), SocketAddr::from(([192, 0, 2, 1], 1)), Progress::default());
        let busy = tokio::spawn(core::future::pending::<()>());
        crowd.add(peer, progress.clone(), busy.abort_handle());
        assert!(progress.begin());
        progress.answer();
        progress.rest(Some(Instant::now()));
        // A second head that lay in a buffer already: no octet was read for it.
        assert!(progress.begin());
        assert!(!crowd.has_spare());
        crowd.dismiss();
        assert_eq!((crowd.dismiss_resting_of(peer), crowd.from(peer)), (false, 1));
    }

    #[tokio::test]
    async fn connection_that_was_dismissed_begins_nothing() {
        let (mut crowd, peer, progress) = (Crowd::default(), SocketAddr::from(([192, 0, 2, 1], 1)), Progress::default());
        crowd.add(peer, progress.clone(), tokio::spawn(core::future::pending::<()>()).abort_handle());
        crowd.dismiss();
        assert!(!progress.begin());
    }

    #[tokio::test]
    async fn of_those_who_owe_for_too_long_the_longest_of_the_busiest_source_goes() {
        tokio::time::pause();
        let mut crowd = Crowd::default();
        let mut add = |host| {
            let progress = Progress::default();
            assert!(progress.begin());
            progress.owe();
            let task = tokio::spawn(core::future::pending::<()>());
            crowd.add(SocketAddr::from(([192, 0, 2, host], 1)), progress, task.abort_handle());
            task
        };
        let (_lone, mut longest) = (add(1), add(2));
        tokio::time::advance(Duration::from_millis(1)).await;
        let _second = add(2);
        assert!(!crowd.has_spare());
        tokio::time::advance(ON_ITS_WAY).await;
        assert!(crowd.has_spare());
        crowd.dismiss();
        assert!((&mut longest).await.unwrap_err().is_cancelled());
        assert_eq!(crowd.from(SocketAddr::from(([192, 0, 2, 2], 1))), 1);
    }

    #[tokio::test]
    async fn connection_that_ended_takes_no_place() {
        let (mut crowd, peer) = (Crowd::default(), SocketAddr::from(([192, 0, 2, 1], 1)));
        let ended = tokio::spawn(async {});
        let open = tokio::spawn(core::future::pending::<()>());
        for task in [&ended, &open] {
            crowd.add(peer, Progress::default(), task.abort_handle());
        }
        assert_eq!(crowd.from(peer), 2);
        ended.await.unwrap();
        crowd.forget_ended();
        assert_eq!((crowd.from(peer), crowd.has_spare()), (1, true));
        crowd.dismiss();
        assert!(open.await.unwrap_err().is_cancelled());
        assert_eq!((crowd.from(peer), crowd.has_spare()), (0, false));
    }
}
