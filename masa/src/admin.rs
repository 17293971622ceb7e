//! The admin interface over plain http types: what operators, auditors and stations do while the MASA serves. JSON in, JSON out, unless a resource says otherwise.
//!
//! Every resource but `/livez` and `/readyz` demands a credential of a role that the table of routes names. Whatever can be done here can be done on the
//! command line as well: both act on the ledger, which several processes may use at once.

mod actions;
mod pipe;
mod records;
mod refusal;
mod route;
mod slots;
#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use brski_common::PeerAddress;
use brski_common::access::{Access, Caller, Denied};
use brski_common::http::{BoxError, Health, typed};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{Either, Full};
use tracing::Instrument as _;

pub use self::records::Outcomes;
use self::refusal::{NotDone, refuse};
use self::route::{Action, Found, Route};
use self::slots::{Slots, Surveys};
use crate::http::{next_number, note_answer};
use crate::masa::{Masa, NotReady};

/// An answer's body: whole, or the outcomes of an import as they come.
pub type AdminBody = Either<Full<Bytes>, Outcomes>;

/// A [`Masa`] for those who run it, as an HTTP service. Clones share it.
///
/// Whoever ends TLS puts the client's certificates and address into the request's extensions as [`PeerCertificates`](brski_common::PeerCertificates) and [`PeerAddress`].
#[derive(Clone, Debug)]
pub struct AdminService {
    desk: Arc<RwLock<Arc<Desk>>>,
    slots: Slots,
    surveys: Surveys,
    metrics: Rendered,
}

/// What can be exchanged while requests are under way. Each ends with the one it began with, but for imports, which look at each group of rows.
#[derive(Debug)]
struct Desk {
    masa: Arc<Masa>,
    access: Access,
    health: Health<NotReady>,
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

impl AdminService {
    /// Serves `masa` to those with credentials. `metrics` gives all metrics in Prometheus' text format.
    pub fn new(masa: Arc<Masa>, access: Access, metrics: impl Fn() -> String + Send + Sync + 'static) -> Self {
        let desk = Arc::new(RwLock::new(Arc::new(Desk::new(masa, access))));
        Self { desk, slots: Slots::default(), surveys: Surveys::default(), metrics: Rendered(Arc::new(metrics)) }
    }

    /// Serves this MASA to those with these credentials from now on, in all clones. Imports under way go on with it, or end, if whoever sends them has none of these credentials.
    pub fn replace(&self, masa: Arc<Masa>, access: Access) {
        let new = Arc::new(Desk::new(masa, access));
        let old = core::mem::replace(&mut *self.desk.write().unwrap_or_else(PoisonError::into_inner), new);
        // Outside of the lock: it may hold much.
        drop(old);
    }

    fn desk(&self) -> Arc<Desk> {
        // What is under the lock is replaced as a whole.
        Arc::clone(&self.desk.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Answers one request, whatever it is. Every "no" is one sentence in JSON, as `error`.
    pub async fn respond<B>(&self, request: Request<B>) -> Response<AdminBody>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
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
            let mut response = clerk.answer(found, &head, body).await.unwrap_or_else(|err| refuse(&err).map(Either::Left));
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
    fn new(masa: Arc<Masa>, access: Access) -> Self {
        Self { masa, access, health: Health::default() }
    }

    fn authenticate(&self, head: &Parts) -> Result<Caller, Denied> {
        self.access.authenticate(&head.headers, &head.extensions, self.masa.now())
    }
}

impl core::ops::Deref for Clerk<'_> {
    type Target = Desk;

    fn deref(&self) -> &Desk {
        &self.desk
    }
}

impl Clerk<'_> {
    async fn answer<B>(&self, found: Found, head: &Parts, body: B) -> Result<Response<AdminBody>, NotDone>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let whole = |response: Response<Full<Bytes>>| response.map(Either::Left);
        // Who asks comes first: strangers do not even learn what there is.
        let caller = match &found {
            Found::Route(Route { roles: [], .. }, _) => None,
            Found::Route(..) | Found::OtherMethods(_) | Found::Nothing => Some(self.authenticate(head)?),
        };
        if let Some(caller) = &caller {
            tracing::Span::current().record("caller", caller.name());
        }
        let (route, serial) = match found {
            Found::Route(route, serial) => (route, serial),
            Found::OtherMethods(allowed) => return Err(NotDone::WrongMethod { allowed }),
            Found::Nothing => return Err(NotDone::NoSuchResource),
        };
        let Some(caller) = caller else { return self.probe(route.action).await.map(whole) };
        caller.must_be(route.roles)?;
        if let Some(serial) = &serial {
            tracing::Span::current().record("serial", serial.as_str());
        }
        match (route.action, serial) {
            (Action::Record, _) => self.record(route.roles, &caller, head, body).await,
            (action, Some(serial)) => self.about_device(action, serial, &caller, head, body).await.map(whole),
            (action, None) => self.about_all(action, &caller, head, body).await.map(whole),
        }
    }

    /// What needs no credential: who probes whether a process is up has none.
    async fn probe(&self, action: Action) -> Result<Response<Full<Bytes>>, NotDone> {
        match action {
            Action::Live => Ok(json(&serde_json::json!({ "live": true }))),
            Action::Ready => {
                let ready = self.health.ask(|| self.masa.now(), self.masa.ready()).await;
                ready.map(|()| json(&serde_json::json!({ "ready": true }))).map_err(NotDone::NotReady)
            }
            _ => Err(NotDone::NoSuchResource),
        }
    }

    async fn metrics(&self) -> Result<Response<Full<Bytes>>, NotDone> {
        // An importer beside this process makes the log grow as well.
        crate::metrics::tell_log_size(self.masa.head().await?.size);
        Ok(typed(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", (self.service.metrics.0)()))
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

/// On whose word something is done.
fn word_of(caller: &Caller) -> Result<brski_common::provenance::Text, NotDone> {
    // The names of credentials are narrower than that.
    brski_common::provenance::Text::new(caller.name()).map_err(|err| NotDone::Json(err.to_string()))
}
