//! What a request passes before anybody reads it: who sent it, and whether they ask too often.

use core::fmt;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;

use super::proxies::Proxies;
use super::turnstile::{Rates, Turnstile};
use crate::peer::PeerCertificates;

/// The proxies in front of a service, and its turnstile.
pub struct Door {
    proxies: Proxies,
    turnstile: Turnstile,
    is_known: Box<dyn Fn(&PeerCertificates) -> bool + Send + Sync>,
    /// What was found of certificates, by the digest of all that a peer showed.
    found: Mutex<HashMap<[u8; 32], bool>>,
}

impl Door {
    /// A door that nobody has passed yet. `is_known` says whether somebody whom the service accepts issued a client's certificate; it is asked once about each.
    pub fn new(proxies: Proxies, rates: Rates, is_known: impl Fn(&PeerCertificates) -> bool + Send + Sync + 'static) -> Self {
        Self { proxies, turnstile: Turnstile::new(rates), is_known: Box::new(is_known), found: Mutex::default() }
    }

    /// A request of which it is known who sent it ([`Proxies::identify`]), and that they do not ask too often ([`Turnstile::pass`]).
    ///
    /// # Errors
    /// The answer to be given instead.
    pub fn admit<B>(&self, request: Request<B>) -> Result<Request<B>, Box<Response<Full<Bytes>>>> {
        let request = self.proxies.identify(request)?;
        let known = request.extensions().get::<PeerCertificates>().is_some_and(|peer| self.knows(peer));
        self.turnstile.pass(&request, known)?;
        Ok(request)
    }

    /// Whether a proxy may be there.
    pub fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.may_be_at(address)
    }

    fn knows(&self, peer: &PeerCertificates) -> bool {
        if peer.own().is_none() {
            return false;
        }
        let digest = digest(peer);
        if let Some(known) = self.found.lock().unwrap_or_else(PoisonError::into_inner).get(&digest) {
            return *known;
        }
        // A signature or two: nobody else waits for that.
        let known = (self.is_known)(peer);
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.len() >= MOST_FOUND {
            found.clear();
        }
        found.insert(digest, known);
        known
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("proxies", &self.proxies).field("turnstile", &self.turnstile).finish_non_exhaustive()
    }
}

fn digest(peer: &PeerCertificates) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    // Each says its own length.
    peer.0.iter().for_each(|certificate| context.update(certificate.der()));
    context.finish().as_ref().try_into().unwrap_or_default()
}

/// About a megabyte. Who shows more certificates than that has them looked at again, after a TLS handshake for each.
const MOST_FOUND: usize = 16_384;

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::Arc;

    use super::*;
    use crate::http::Rate;
    use crate::peer::PeerAddress;
    use crate::test_pki::Entity;

    const TWICE: Rates = Rates { certificate: Rate { per_minute: 1, burst: 2 }, address: Rate { per_minute: 1, burst: 2 } };

    fn asked(certificates: PeerCertificates) -> Request<()> {
        let mut request = Request::new(());
        request.extensions_mut().insert(PeerAddress(([192, 0, 2, 1], 1).into()));
        request.extensions_mut().insert(certificates);
        request
    }

    fn device(name: &str) -> PeerCertificates {
        PeerCertificates(vec![Entity::root(name).certificate])
    }

    #[test]
    fn stranger_who_spends_an_address_s_budget_locks_out_nobody_whose_certificate_is_known() {
        let door = Door::new(Proxies::default(), TWICE, |peer| peer.own().is_some_and(|own| own.subject().contains("known")));
        for _ in 0..10 {
            // A key of its own each time.
            let _ = door.admit(asked(device("stranger")));
            let _ = door.admit(asked(PeerCertificates::default()));
        }
        door.admit(asked(device("stranger"))).unwrap_err();
        door.admit(asked(device("known"))).unwrap();
    }

    #[test]
    fn certificate_is_looked_at_once() {
        let looks = Arc::new(AtomicUsize::new(0));
        let looked = Arc::clone(&looks);
        let door = Door::new(Proxies::default(), TWICE, move |_| {
            looked.fetch_add(1, Ordering::Relaxed);
            true
        });
        let device = device("device");
        for _ in 0..5 {
            let _ = door.admit(asked(device.clone()));
        }
        assert_eq!(looks.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn proxy_is_where_the_configuration_says() {
        let door = Door::new(Proxies::new(vec!["192.0.2.0/24".parse().unwrap()], Vec::new()), TWICE, |_| false);
        assert_eq!([[192, 0, 2, 9], [198, 51, 100, 9]].map(|address| door.is_proxy(address.into())), [true, false]);
    }
}
