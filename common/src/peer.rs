//! Who is at the other end of a TLS connection, as its server tells the service.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::certificate::Certificate;

/// The certificates that the TLS client presented, its own first, with proof of possession checked by TLS and nothing else checked. Empty if it presented none.
///
/// A request extension: TLS is often ended elsewhere, and whoever ends it says who the peer is.
#[derive(Clone, Debug, Default)]
pub struct PeerCertificates(pub Vec<Certificate>);

impl PeerCertificates {
    /// The peer's own certificate.
    pub fn own(&self) -> Option<&Certificate> {
        self.0.first()
    }
}

/// Where the other end of the connection is: a request extension beside [`PeerCertificates`]. It names nobody, and serves logs and limits alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

impl PeerAddress {
    /// What limits count by: its address, or in IPv6 its network of 64 bits, of which one host has all addresses.
    pub fn source(&self) -> IpAddr {
        match self.0.ip().to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        }
    }
}

impl core::fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}
