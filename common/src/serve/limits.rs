//! How much of its time and memory a listener gives to one peer.

use core::time::Duration;

/// Bounds of a listener. The default suits a service on an open network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at one time. A further one takes the place of the oldest on which nothing was asked yet, or else of the one that has had its last answer for the longest time, or else of one that has
    /// owed the rest of a head or a body for two seconds; while all are at work, the operating system queues it.
    pub connections: usize,
    /// Connections at one time from one IPv4 address or IPv6 /64 network; a further one takes the place of the one that has had its last answer for the longest time; while all
    /// are busy, it is closed at once. Those are not counted that [`Server::exempting`](super::Server::exempting) names. A relay in front of the listener, or a site behind one address, counts as one.
    pub connections_per_address: usize,
    /// From the accepted connection to the end of the TLS handshake.
    pub handshake: Duration,
    /// From the first octet of a request's head (for a new connection: from the end of the handshake) to its last.
    pub header: Duration,
    /// From the end of the head to the end of the body.
    pub body: Duration,
    /// Between two pieces of a body that somebody waits for.
    pub body_pause: Duration,
    /// From the end of the head to the answer: the service's own time and the body's.
    pub request: Duration,
    /// Between an answer and the next request on the same connection. A pledge that was told to wait does so for up to 60 s (RFC 8995, section 5.6).
    pub idle: Duration,
    /// How long a peer may leave an answer unread.
    pub write: Duration,
    /// How long open requests may take to finish once the listener is told to stop.
    pub drain: Duration,
    /// Octets of a request's head. Larger heads are answered with 431.
    pub header_octets: usize,
    /// Fields of a request's head. More are answered with 431.
    pub header_fields: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            connections_per_address: 256,
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(10),
            body: Duration::from_secs(30),
            body_pause: Duration::from_secs(30),
            request: Duration::from_secs(120),
            idle: Duration::from_secs(75),
            write: Duration::from_secs(20),
            drain: Duration::from_secs(20),
            header_octets: 16 * 1024,
            header_fields: 64,
        }
    }
}
