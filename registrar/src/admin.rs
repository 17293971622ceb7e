//! The admin interface over plain http types: what operators, approvers and auditors do while the registrar serves. JSON in, JSON out.
//!
//! Every resource but `/livez` and `/readyz` demands a credential of a role that the table of routes names; a webhook of step-ca that asks for an opinion is known by
//! its signature instead. Whatever can be done here can be done on the command line as well: both act on the store, which several processes may use at once.

mod actions;
mod appraise;
mod opinions;
mod refusal;
mod route;
#[cfg(test)]
mod tests;
mod webhook;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use brski_common::PeerAddress;
use brski_common::access::{Access, Caller, Denied};
use brski_common::http::{BoxError, Health, typed};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use tracing::Instrument as _;

use self::opinions::Opinions;
use self::refusal::{NotDone, refuse};
use self::route::{Action, Found, OfRegistrar, Probe, Route};
pub use self::webhook::{NoSecret, Unsigned, Webhook, applicant};
use crate::http::{next_number, note_answer};
use crate::registrar::{NotReady, Registrar};

/// A [`Registrar`] for those who run it, as an HTTP service. Clones share it.
///
/// Whoever ends TLS puts the client's certificates and address into the request's extensions as [`PeerCertificates`](brski_common::PeerCertificates) and [`PeerAddress`].
#[derive(Clone, Debug)]
pub struct AdminService {
    desk: Arc<RwLock<Arc<Desk>>>,
    trial: Trial,
    opinions: Opinions,
    metrics: Rendered,
}

/// What can be exchanged while requests are under way; each ends with the one it began with.
struct Desk {
    registrar: Arc<Registrar>,
    access: Access,
    webhooks: Vec<Webhook>,
    health: Health<NotReady>,
}

impl core::fmt::Debug for Desk {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Desk").field("access", &self.access).field("webhooks", &self.webhooks).finish_non_exhaustive()
    }
}

/// One request's surroundings.
struct Clerk<'a> {
    service: &'a AdminService,
    desk: Arc<Desk>,
}

/// Gives all metrics as text.
#[derive(Clone)]
struct Rendered(Arc<dyn Fn() -> String + Send + Sync>);

impl core::fmt::Debug for Rendered {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Rendered")
    }
}

/// Whether somebody tries a policy on what was kept. Clones share it.
#[derive(Clone, Debug, Default)]
struct Trial(Arc<AtomicBool>);

/// The one trial that is under way. Dropped, another may begin.
#[derive(Debug)]
struct OnTrial(Trial);

impl Trial {
    /// None if there is one already.
    fn begin(&self) -> Option<OnTrial> {
        let free = !self.0.swap(true, Ordering::AcqRel);
        // Made only where it is free: dropped, it frees.
        free.then(|| OnTrial(self.clone()))
    }
}

impl Drop for OnTrial {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Release);
    }
}

impl AdminService {
    /// Serves `registrar` to those with credentials, and opinions to these webhooks. `metrics` gives all metrics in Prometheus' text format.
    pub fn new(registrar: Arc<Registrar>, access: Access, webhooks: Vec<Webhook>, metrics: impl Fn() -> String + Send + Sync + 'static) -> Self {
        let desk = Arc::new(RwLock::new(Arc::new(Desk::new(registrar, access, webhooks))));
        Self { desk, trial: Trial::default(), opinions: Opinions::default(), metrics: Rendered(Arc::new(metrics)) }
    }

    /// Serves this registrar to those with these credentials from now on, in all clones.
    pub fn replace(&self, registrar: Arc<Registrar>, access: Access, webhooks: Vec<Webhook>) {
        let new = Arc::new(Desk::new(registrar, access, webhooks));
        let old = core::mem::replace(&mut *self.desk.write().unwrap_or_else(PoisonError::into_inner), new);
        // Outside of the lock: it may hold much.
        drop(old);
    }

    fn desk(&self) -> Arc<Desk> {
        // What is under the lock is replaced as a whole.
        Arc::clone(&self.desk.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Answers one request, whatever it is. Every "no" is one sentence in JSON, as `error`.
    pub async fn respond<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let began = Instant::now();
        let (head, body) = request.into_parts();
        let found = Found::at(&head.method, head.uri.path());
        let resource = found.name();
        let peer = head.extensions.get::<PeerAddress>().map(tracing::field::display);
        let span = tracing::info_span!("admin request", number = next_number(), peer, resource, caller = tracing::field::Empty, serial = tracing::field::Empty);
        async {
            let clerk = Clerk { service: self, desk: self.desk() };
            let mut response = clerk.answer(found, &head, body).await.unwrap_or_else(|err| refuse(&err));
            // Nothing here is for the caches of proxies.
            response.headers_mut().insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            note_answer(resource, response.status(), began);
            response
        }
        .instrument(span)
        .await
    }
}

impl Desk {
    fn new(registrar: Arc<Registrar>, access: Access, webhooks: Vec<Webhook>) -> Self {
        Self { registrar, access, webhooks, health: Health::default() }
    }

    fn authenticate(&self, head: &Parts) -> Result<Caller, Denied> {
        self.access.authenticate(&head.headers, &head.extensions, self.registrar.now())
    }
}

impl core::ops::Deref for Clerk<'_> {
    type Target = Desk;

    fn deref(&self) -> &Desk {
        &self.desk
    }
}

impl Clerk<'_> {
    async fn answer<B>(&self, found: Found, head: &Parts, body: B) -> Result<Response<Full<Bytes>>, NotDone>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        // A webhook signs what it sends: the signature is its credential.
        if matches!(&found, Found::Route(Route { action: Action::Registrar(OfRegistrar::Appraise), .. }, _)) && appraise::is_webhook(head) {
            return self.answer_webhook(head, body).await;
        }
        // Who asks comes first: strangers do not even learn what there is.
        let caller = match &found {
            Found::Route(Route { roles: [], .. }, _) => None,
            Found::Route(..) | Found::OtherMethods(_) | Found::Nothing => Some(self.authenticate(head)?),
        };
        if let Some(caller) = &caller {
            tracing::Span::current().record("caller", caller.name());
        }
        let (route, key) = match found {
            Found::Route(route, key) => (route, key),
            Found::OtherMethods(allowed) => return Err(NotDone::WrongMethod { allowed }),
            Found::Nothing => return Err(NotDone::NoSuchResource),
        };
        if let Some(caller) = &caller {
            caller.must_be(route.roles)?;
        }
        match (route.action, caller, key) {
            (Action::Probe(probe), _, _) => self.probe(probe).await,
            (Action::OnePledge(action), Some(caller), Some(key)) => self.with_pledge(action, &key, &caller, head, body).await,
            (Action::Registrar(action), Some(caller), _) => self.with_registrar(action, &caller, head, body).await,
            // The table has no such route.
            (Action::OnePledge(_), None, _) | (Action::OnePledge(_), _, None) | (Action::Registrar(_), None, _) => Err(NotDone::NoSuchResource),
        }
    }

    /// What needs no credential: who probes whether a process is up has none.
    async fn probe(&self, probe: Probe) -> Result<Response<Full<Bytes>>, NotDone> {
        match probe {
            Probe::Live => Ok(json(&serde_json::json!({ "live": true }))),
            Probe::Ready => {
                let ready = self.health.ask(|| self.registrar.now(), self.registrar.ready()).await;
                ready.map(|()| json(&serde_json::json!({ "ready": true }))).map_err(NotDone::NotReady)
            }
        }
    }
}

/// A JSON document as answer.
fn json(value: &impl serde::Serialize) -> Response<Full<Bytes>> {
    match serde_json::to_vec(value) {
        Ok(body) => typed(StatusCode::OK, "application/json", body),
        // What is written here has no maps with keys other than text, which is all that could fail.
        Err(_) => typed(StatusCode::INTERNAL_SERVER_ERROR, "application/json", &br#"{"error":"internal error"}"#[..]),
    }
}
