//! Who is at the other end of a TLS connection, as its server tells the service.

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
