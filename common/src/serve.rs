//! Sockets: the TLS listener that both binaries share, the HTTPS client beside it, and the driver that takes one device through any registrar.
//!
//! TLS 1.3 and 1.2 with the aws-lc-rs provider, never a process-wide default; no session is ever resumed, because resumption skips the look at the peer's certificates.
//! Services stay ignorant of all this: they see plain http types, and the TLS peer as the request extension [`PeerCertificates`](crate::PeerCertificates).

pub mod metrics;
pub mod onboard;
pub mod setup;

mod body;
mod client;
mod crowd;
mod limits;
mod listener;
mod paced;
mod reload;
mod tls;
mod tls_key;

pub use body::TimedBody;
pub use client::{ClientError, ClientLimits, HttpsConnection};
pub use limits::Limits;
pub use listener::Server;
pub use reload::{Reloadable, TlsSource};
pub use rustls::pki_types::ServerName;
pub use rustls::{ClientConfig, ServerConfig};
pub use tls::{TlsError, TlsIdentity, anchored_config, bears_name, provisional_config, server_config};
pub use tls_key::TlsKey;

#[cfg(test)]
mod tests;
