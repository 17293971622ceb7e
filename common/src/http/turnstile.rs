//! Who asks too often is told when to come again, before anybody reads what they ask.

use core::time::Duration;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;

use super::pace::{Pace, Rate};
use super::plain;
use super::proxies::Proxied;
use crate::peer::{PeerAddress, PeerCertificates};

/// Counts requests by the client's certificate, and by its address or IPv6 network. A proxy's address counts for nobody: many are behind it, and their certificates are told apart.
///
/// Clients whose certificate is known and all others have budgets of their own, so that no stranger spends those of the devices beside it: keys cost a stranger nothing.
#[derive(Debug)]
pub struct Turnstile {
    opened: Instant,
    known: Budgets,
    strangers: Budgets,
    rates: Rates,
    refused: Mutex<Refused>,
}

#[derive(Debug)]
struct Budgets {
    certificates: Pace,
    addresses: Pace,
}

/// What the log has not been told yet.
#[derive(Debug, Default)]
struct Refused {
    count: u64,
    told: Option<Duration>,
}

/// How often one client may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// By the key of its certificate.
    pub certificate: Rate,
    /// By where it is.
    pub address: Rate,
}

impl Turnstile {
    /// Nobody has passed yet.
    pub fn new(rates: Rates) -> Self {
        let budgets = || Budgets { certificates: Pace::new(rates.certificate), addresses: Pace::new(rates.address) };
        Self { opened: Instant::now(), known: budgets(), strangers: budgets(), rates, refused: Mutex::default() }
    }

    /// Lets a request pass of which it is known who sent it ([`Proxies::identify`](super::Proxies::identify) comes first), and whether the service accepts who issued the client's
    /// certificate. What is refused counts neither for the certificate nor for the address.
    ///
    /// # Errors
    /// The answer to be given instead: 429, and when to come again (RFC 6585, section 4).
    pub fn pass<B>(&self, request: &Request<B>, known: bool) -> Result<(), Box<Response<Full<Bytes>>>> {
        let (now, told) = (self.opened.elapsed(), request.extensions());
        let budgets = if known { &self.known } else { &self.strangers };
        let key = told.get::<PeerCertificates>().and_then(PeerCertificates::own).map(|own| own.spki_digest());
        let address = told.get::<PeerAddress>();
        let source = address.filter(|_| told.get::<Proxied>().is_none()).map(|address| address.source().to_string());
        let refuse = |by, rate, wait| {
            self.note(by, address, now);
            too_often(by, rate, wait)
        };
        if let Some(source) = &source {
            budgets.addresses.may_ask(source.as_bytes(), now).map_err(|wait| refuse("address", self.rates.address, wait))?;
        }
        if let Some(key) = key {
            budgets.certificates.ask(&key.0, now).map_err(|wait| refuse("certificate", self.rates.certificate, wait))?;
        }
        if let Some(source) = &source {
            budgets.addresses.ask(source.as_bytes(), now).map_err(|wait| refuse("address", self.rates.address, wait))?;
        }
        Ok(())
    }

    /// Not a line for each: whoever asks too often would fill the log as well.
    fn note(&self, by: &'static str, address: Option<&PeerAddress>, now: Duration) {
        metrics::counter!(TOO_OFTEN, "by" => by).increment(1);
        let last = address.map_or_else(|| "an unknown address".to_owned(), |address| address.source().to_string());
        if let Some(count) = self.refused.lock().unwrap_or_else(PoisonError::into_inner).note(now) {
            tracing::warn!(count, by, last, "requests were refused: asked too often");
        }
    }
}

impl Refused {
    /// How many to tell of, if it is time to.
    fn note(&mut self, now: Duration) -> Option<u64> {
        self.count = self.count.saturating_add(1);
        if self.told.is_some_and(|told| now.saturating_sub(told) < MINUTE) {
            return None;
        }
        self.told = Some(now);
        Some(core::mem::take(&mut self.count))
    }
}

fn too_often(by: &'static str, rate: Rate, wait: Duration) -> Box<Response<Full<Bytes>>> {
    let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
    let sentence = format!("this {by} asks more than {} times a minute: ask again in {seconds} s", rate.per_minute);
    let mut response = plain(StatusCode::TOO_MANY_REQUESTS, sentence);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    Box::new(response)
}

const MINUTE: Duration = Duration::from_secs(60);

/// The counter of requests that were refused here; its label `by` says what asked too often.
pub const TOO_OFTEN: &str = "brski_requests_too_often_total";

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::http::Proxies;

    const ONCE: Rates = Rates { certificate: Rate { per_minute: 1, burst: 1 }, address: Rate { per_minute: 1, burst: 2 } };

    fn asked(address: &str, certificates: PeerCertificates) -> Request<()> {
        let mut request = Request::new(());
        request.extensions_mut().insert(PeerAddress(SocketAddr::new(address.parse().unwrap(), 1)));
        request.extensions_mut().insert(certificates);
        request
    }

    fn nobody() -> PeerCertificates {
        PeerCertificates::default()
    }

    fn device() -> PeerCertificates {
        PeerCertificates(vec![crate::test_pki::Entity::root("JADA1").certificate])
    }

    #[tokio::test]
    async fn refusal_says_how_often_is_too_often_and_when_to_come_again() {
        let (turnstile, device) = (Turnstile::new(ONCE), device());
        turnstile.pass(&asked("192.0.2.1", device.clone()), false).unwrap();
        let refused = turnstile.pass(&asked("192.0.2.1", device), false).unwrap_err();
        assert_eq!((refused.status(), &refused.headers()[RETRY_AFTER]), (StatusCode::TOO_MANY_REQUESTS, &HeaderValue::from(60)));
        let body = crate::http::read_body(refused.into_body(), 1024).await.unwrap();
        assert_eq!(body, "this certificate asks more than 1 times a minute: ask again in 60 s");
    }

    #[test]
    fn certificate_counts_wherever_it_is() {
        let (turnstile, device) = (Turnstile::new(ONCE), device());
        turnstile.pass(&asked("192.0.2.1", device.clone()), false).unwrap();
        turnstile.pass(&asked("198.51.100.1", device), false).unwrap_err();
    }

    #[test]
    fn address_counts_without_a_certificate() {
        let turnstile = Turnstile::new(ONCE);
        let mut passed = (0..3).map(|_| turnstile.pass(&asked("2001:db8::1", nobody()), false).is_ok());
        assert_eq!([passed.next(), passed.next(), passed.next()], [Some(true), Some(true), Some(false)]);
        turnstile.pass(&asked("2001:db8::ffff", nobody()), false).unwrap_err();
        turnstile.pass(&asked("2001:db8:0:1::1", nobody()), false).unwrap();
    }

    #[test]
    fn certificate_pays_nothing_for_what_its_address_was_refused() {
        let (turnstile, device) = (Turnstile::new(ONCE), device());
        (0..2).for_each(|_| turnstile.pass(&asked("192.0.2.1", nobody()), true).unwrap());
        turnstile.pass(&asked("192.0.2.1", device.clone()), true).unwrap_err();
        turnstile.pass(&asked("198.51.100.1", device), true).unwrap();
    }

    #[test]
    fn address_pays_nothing_for_what_a_certificate_was_refused() {
        let (turnstile, device) = (Turnstile::new(ONCE), device());
        turnstile.pass(&asked("192.0.2.1", device.clone()), true).unwrap();
        (0..5).for_each(|_| drop(turnstile.pass(&asked("192.0.2.1", device.clone()), true).unwrap_err()));
        turnstile.pass(&asked("192.0.2.1", nobody()), true).unwrap();
    }

    #[test]
    fn log_is_told_once_a_minute_how_many_were_refused() {
        let mut refused = Refused::default();
        let mut note = |second| refused.note(Duration::from_secs(second));
        assert_eq!([note(1), note(2), note(60), note(61), note(62)], [Some(1), None, None, Some(3), None]);
    }

    #[test]
    fn proxy_s_address_counts_for_nobody() {
        let turnstile = Turnstile::new(ONCE);
        let proxies = Proxies::new(vec!["192.0.2.0/24".parse().unwrap()], Vec::new());
        for _ in 0..10 {
            turnstile.pass(&proxies.identify(asked("192.0.2.1", nobody())).unwrap(), false).unwrap();
        }
    }
}
