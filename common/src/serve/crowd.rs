//! Who is connected, so that no single peer takes every place.

use std::net::{IpAddr, SocketAddr};

use tokio::task::AbortHandle;

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
    pub(super) fn has_silent(&self) -> bool {
        self.guests.iter().any(Guest::is_silent)
    }

    /// Ends the oldest connection on which nothing was asked yet.
    pub(super) fn dismiss(&mut self) {
        if let Some(oldest) = self.guests.iter().position(Guest::is_silent) {
            self.guests.remove(oldest).task.abort();
        }
    }
}

impl Guest {
    fn is_silent(&self) -> bool {
        !self.progress.has_begun()
    }
}

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
        assert_eq!((crowd.from(peer), crowd.has_silent()), (1, true));
        crowd.dismiss();
        assert!(open.await.unwrap_err().is_cancelled());
        assert_eq!((crowd.from(peer), crowd.has_silent()), (0, false));
    }
}
