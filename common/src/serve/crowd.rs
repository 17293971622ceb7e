//! Who is connected, so that no single peer takes every place.

use std::net::{IpAddr, Ipv6Addr};

use tokio::task::AbortHandle;

use super::paced::Progress;

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
    pub(super) fn add(&mut self, peer: IpAddr, progress: Progress, task: AbortHandle) {
        self.guests.push(Guest { source: source(peer), progress, task });
    }

    /// How many connections stand open from where this peer is.
    pub(super) fn from(&self, peer: IpAddr) -> usize {
        let source = source(peer);
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

/// Where a peer is: its address, or in IPv6 its network of 64 bits, of which one host has all addresses.
fn source(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_apart_by_address_or_network() {
        let same = |a: &str, b: &str| source(a.parse().unwrap()) == source(b.parse().unwrap());
        assert!(same("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
        assert!(!same("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
        assert!(same("2001:db8::1", "2001:db8::ffff:2"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
    }

    #[tokio::test]
    async fn connection_that_ended_takes_no_place() {
        let (mut crowd, peer) = (Crowd::default(), IpAddr::from([192, 0, 2, 1]));
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
