//! TLS that a proxy ended: who the client was, by the fields Client-Cert and Client-Cert-Chain (RFC 9440), from configured proxies alone.
//!
//! What a client may say of itself in these fields is worth nothing, so that a request which brings one from anywhere else is refused instead of being answered without
//! it (RFC 9440, section 4 asks for no more than that nobody believes it): a proxy whose address is missing from the configuration would otherwise look as if no client
//! ever had a certificate, and who else sends such a field means to be taken for another.

mod client_cert;
mod network;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;

pub use self::client_cert::{CLIENT_CERT, CLIENT_CERT_CHAIN, ClientCertError, client_certificates};
pub use self::network::{Network, NetworkError};
use super::plain;
use crate::identity::SpkiDigest;
use crate::peer::{PeerAddress, PeerCertificates};

/// The proxies that may say who the client is. None, by default.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    networks: Vec<Network>,
    keys: Vec<SpkiDigest>,
}

/// A request extension: [`PeerAddress`] is that of a proxy, and tells nothing of the client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proxied;

impl Proxies {
    /// Proxies in these networks. If there are `keys`, a proxy also has to show a certificate with one of them as TLS client.
    pub fn new(networks: Vec<Network>, keys: Vec<SpkiDigest>) -> Self {
        Self { networks, keys }
    }

    /// Sees to it that the request's [`PeerCertificates`] are those of the client: of a proxy's request they are what its fields say, or none, and never the proxy's own.
    /// The fields are taken out. Who sent the request is what the extensions [`PeerAddress`] and [`PeerCertificates`] say before; without an address it is no proxy.
    ///
    /// # Errors
    /// The answer to be given instead, 400: the fields come from elsewhere, or cannot be read.
    pub fn identify<B>(&self, mut request: Request<B>) -> Result<Request<B>, Box<Response<Full<Bytes>>>> {
        let bears_fields = request.headers().contains_key(CLIENT_CERT) || request.headers().contains_key(CLIENT_CERT_CHAIN);
        let address = request.extensions().get::<PeerAddress>().copied();
        if !self.is_proxy(address, request.extensions().get()) {
            if !bears_fields {
                return Ok(request);
            }
            let from = address.map_or_else(|| "an unknown address".to_owned(), |address| address.0.ip().to_canonical().to_string());
            tracing::warn!(%from, "a request with Client-Cert was refused: it does not come from a configured proxy");
            let sentence = "the fields Client-Cert and Client-Cert-Chain are accepted from configured proxies alone, and this request comes from elsewhere";
            return Err(Box::new(plain(StatusCode::BAD_REQUEST, sentence.to_owned())));
        }
        let client = client_certificates(request.headers()).map_err(|err| {
            tracing::warn!(error = crate::text::in_full(&err), "a proxy's request was refused");
            Box::new(plain(StatusCode::BAD_REQUEST, crate::text::in_full(&err)))
        })?;
        request.headers_mut().remove(CLIENT_CERT);
        request.headers_mut().remove(CLIENT_CERT_CHAIN);
        request.extensions_mut().insert(client);
        request.extensions_mut().insert(Proxied);
        Ok(request)
    }

    /// Whether a proxy may connect from there.
    pub fn may_be_at(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }

    fn is_proxy(&self, address: Option<PeerAddress>, certificates: Option<&PeerCertificates>) -> bool {
        let at_home = address.is_some_and(|PeerAddress(address)| self.may_be_at(address.ip()));
        let shown = certificates.and_then(PeerCertificates::own).map(|own| own.spki_digest());
        at_home && (self.keys.is_empty() || shown.is_some_and(|shown| self.keys.contains(&shown)))
    }
}
