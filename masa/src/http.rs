//! The MASA's resources over plain http types, to be mounted behind any server (RFC 8995, section 5; statuses of sections 5.5 and 5.6).

mod cloud;
#[cfg(test)]
mod tests;

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use brski_common::audit_log::AUDIT_LINKS;
use brski_common::http::{
    BodyError, BoxError, Negotiated, NotNegotiable, empty, must_accept, must_be_unencoded, negotiate, plain, read_body, typed, voucher_format,
};
use brski_common::text::{LONGEST_WORDS, in_full, printable};
use brski_common::{Format, Leniencies, PeerAddress, PeerCertificates, Refusal, RefusalKind, Signed, VerifyError, VoucherRequest};
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, HeaderMap, HeaderValue, LOCATION, REFERRER_POLICY, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use tracing::Instrument as _;

pub use self::cloud::CloudService;

use crate::error::Error;
use crate::ledger::LedgerError;
use crate::masa::Masa;
use crate::metrics::{count_answer, outcome};

/// A [`Masa`] as an HTTP service. Clones share it.
///
/// Whoever ends TLS puts the client's certificates into the request's extensions as [`PeerCertificates`]; without them nobody is authenticated.
#[derive(Clone, Debug)]
pub struct MasaService {
    masa: Arc<Masa>,
    body_limit: usize,
    audit: AuditAnswer,
}

/// How owners are told the audit log of their device (RFC 8995, section 5.8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditAnswer {
    /// At once.
    #[default]
    Log,
    /// By a link that works so long without further credential.
    Link(Duration),
}

impl MasaService {
    /// Serves `masa` and reads bodies of at most `body_limit` octets; 64 KiB are ample.
    pub fn new(masa: Arc<Masa>, body_limit: usize) -> Self {
        Self { masa, body_limit, audit: AuditAnswer::default() }
    }

    /// The same, telling audit logs in this way.
    #[must_use]
    pub fn with_audit_answer(self, audit: AuditAnswer) -> Self {
        Self { audit, ..self }
    }

    /// Answers one request, whatever it is. Every "no" is one sentence in plain text.
    pub async fn respond<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let (began, resource) = (Instant::now(), resource_name(request.uri().path()));
        // In every line of the log, that of a leniency's use included: which request, and who asks, as far as TLS knows.
        let registrar = request.extensions().get::<PeerCertificates>().and_then(PeerCertificates::own).map(|own| printable(own.subject(), LONGEST_WORDS));
        let peer = request.extensions().get::<PeerAddress>().map(tracing::field::display);
        let span = tracing::info_span!("request", number = next_number(), peer, resource, registrar);
        async {
            let response = self.answer(request).await.unwrap_or_else(|err| refuse(&err));
            note_answer(resource, response.status(), began);
            response
        }
        .instrument(span)
        .await
    }

    async fn answer<B>(&self, request: Request<B>) -> Result<Response<Full<Bytes>>, NotDone>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let (head, body) = request.into_parts();
        if head.uri.path() == CHECKPOINT {
            return self.checkpoint(&head.method).await;
        }
        if let Some(segment) = head.uri.path().strip_prefix(AUDIT_LINKS) {
            return self.audit_log_by_link(&head.method, segment).await;
        }
        let resource = Resource::at(head.uri.path()).ok_or(NotDone::NoSuchResource)?;
        if head.method != Method::POST {
            return Err(NotDone::WrongMethod { allowed: "POST" });
        }
        let body = read_body(body, self.body_limit).await?;
        // Once it is read: over an unread body the connection would be closed, on which a pledge may want to ask again.
        must_be_unencoded(&head.headers)?;
        if body.is_empty() {
            return Err(NotDone::NoBody);
        }
        let (format, answer) = agree(resource, &head.headers, self.masa.lenient())?;
        let request = Signed::<VoucherRequest>::from_wire(format, body);
        let body = match answer.content {
            Content::Voucher(format) => {
                let nobody = PeerCertificates::default();
                let peer = head.extensions.get::<PeerCertificates>().unwrap_or(&nobody);
                self.masa.vouch(&request, format, peer).await?.wire().to_vec()
            }
            Content::Issued(format) => {
                let nobody = PeerCertificates::default();
                let peer = head.extensions.get::<PeerCertificates>().unwrap_or(&nobody);
                self.masa.issued(&request, format, peer).await?.wire().to_vec()
            }
            Content::AuditLog => match self.audit_link(&request).await? {
                Some(created) => return Ok(created),
                None => self.masa.audit_log(&request).await?.to_json(),
            },
            Content::Provenance => match self.masa.provenance(&request).await? {
                Some(statement) => statement.wire().to_vec(),
                None => return Ok(empty(StatusCode::NO_CONTENT)),
            },
        };
        Ok(typed(StatusCode::OK, answer.media_type, body))
    }

    /// A link to the audit log that is asked for, where that is the answer; `None` where the log itself is.
    async fn audit_link(&self, request: &Signed<VoucherRequest>) -> Result<Option<Response<Full<Bytes>>>, NotDone> {
        let AuditAnswer::Link(lifetime) = self.audit else { return Ok(None) };
        let link = match self.masa.audit_link_for_owner(request, lifetime).await {
            Ok(link) => link,
            // There are too many links already: the log itself is as good an answer.
            Err(Error::Ledger(LedgerError::Busy)) => return Ok(None),
            Err(err) => return Err(err.into()),
        };
        let Ok(mut location) = HeaderValue::from_str(link.url()) else { return Ok(None) };
        location.set_sensitive(true);
        let mut response = empty(StatusCode::CREATED);
        response.headers_mut().extend([(LOCATION, location), (CACHE_CONTROL, HeaderValue::from_static("no-store"))]);
        Ok(Some(response))
    }

    /// The audit log for whoever holds a link to it. That there is none is told alike for whatever reason.
    async fn audit_log_by_link(&self, method: &Method, segment: &str) -> Result<Response<Full<Bytes>>, NotDone> {
        must_read(method)?;
        let log = self.masa.audit_log_by_link(segment).await?.ok_or(NotDone::NoSuchLink)?;
        let mut response = typed(StatusCode::OK, "application/json", log.to_json());
        keep_secret(response.headers_mut());
        if *method == Method::HEAD {
            *response.body_mut() = Full::default();
        }
        Ok(response)
    }

    /// The state of the log, for whoever watches it: nothing of what is in it.
    async fn checkpoint(&self, method: &Method) -> Result<Response<Full<Bytes>>, NotDone> {
        must_read(method)?;
        let mut response = typed(StatusCode::OK, "text/plain; charset=utf-8", self.masa.checkpoint().await?.to_string().into_bytes());
        // Whoever watches wants the newest; it costs little to ask again.
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if *method == Method::HEAD {
            *response.body_mut() = Full::default();
        }
        Ok(response)
    }
}

/// One line at the end of every request, and what is counted of it.
pub(crate) fn note_answer(resource: &'static str, status: StatusCode, began: Instant) {
    let took = began.elapsed();
    count_answer(resource, status, took);
    let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match PROBES.contains(&resource) && status.is_success() {
        // Some ask every few seconds for years.
        true => tracing::debug!(outcome = outcome(status), status = status.as_u16(), milliseconds, "answered"),
        false => tracing::info!(outcome = outcome(status), status = status.as_u16(), milliseconds, "answered"),
    }
}

/// Numbers requests since the start of the process, so that the lines of each can be found in the log.
pub(crate) fn next_number() -> u64 {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// What metrics and logs call the resource at a path: one of these few, whatever the path.
fn resource_name(path: &str) -> &'static str {
    match Resource::at(path) {
        Some(Resource::Voucher) => "voucher",
        Some(Resource::AuditLog) => "audit-log",
        Some(Resource::Provenance) => "key-provenance",
        Some(Resource::Issued) => "issued-voucher",
        None if path == CHECKPOINT => "checkpoint",
        None if path.starts_with(AUDIT_LINKS) => "audit-link",
        None => "other",
    }
}

fn must_read(method: &Method) -> Result<(), NotDone> {
    match *method {
        Method::GET | Method::HEAD => Ok(()),
        _ => Err(NotDone::WrongMethod { allowed: "GET, HEAD" }),
    }
}

/// Nobody on the way keeps the answer, or tells others whence it came.
fn keep_secret(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resource {
    Voucher,
    /// A voucher that was issued before. Ours, like the provenance: RFC 8995 has no such resource.
    Issued,
    AuditLog,
    Provenance,
}

impl Resource {
    fn at(path: &str) -> Option<Self> {
        match path.strip_prefix("/.well-known/brski/")? {
            "requestvoucher" => Some(Self::Voucher),
            "requestissued" => Some(Self::Issued),
            "requestauditlog" => Some(Self::AuditLog),
            "requestkeyprovenance" => Some(Self::Provenance),
            _ => None,
        }
    }
}

/// What a request will be answered with, if nothing is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Answer {
    content: Content,
    media_type: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Voucher(Format),
    Issued(Format),
    AuditLog,
    Provenance,
}

/// The format that the body claims to be in, and the answer to it that the Accept header admits: a voucher in the same format, if possible.
fn agree(resource: Resource, headers: &HeaderMap, lenient: Leniencies) -> Result<(Format, Answer), NotNegotiable> {
    let only = |content, media_type| {
        let format = voucher_format(headers, lenient)?;
        must_accept(headers, media_type)?;
        Ok((format, Answer { content, media_type }))
    };
    match resource {
        Resource::Voucher | Resource::Issued => {
            let Negotiated { format, answer, answer_type } = negotiate(headers, || lenient)?;
            let content = if resource == Resource::Issued { Content::Issued(answer) } else { Content::Voucher(answer) };
            Ok((format, Answer { content, media_type: answer_type }))
        }
        Resource::AuditLog => only(Content::AuditLog, "application/json"),
        Resource::Provenance => only(Content::Provenance, "application/eat+cwt"),
    }
}

/// Why a request has no answer: its HTTP, or what it asks.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotDone {
    #[error("there is no such resource; a MASA's are under /.well-known/brski/")]
    NoSuchResource,
    #[error("there is no audit log here, or not any more; whoever gave you the link can make a new one")]
    NoSuchLink,
    #[error("this resource takes {allowed} only")]
    WrongMethod { allowed: &'static str },
    #[error("the body is empty; a voucher-request belongs there")]
    NoBody,
    #[error(transparent)]
    NotNegotiable(#[from] NotNegotiable),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Masa(#[from] Error),
}

/// The one table from outcome to status (RFC 8995, sections 5.5 and 5.6).
pub(crate) fn status_of(err: &NotDone) -> StatusCode {
    match err {
        NotDone::NoSuchResource | NotDone::NoSuchLink => StatusCode::NOT_FOUND,
        NotDone::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
        NotDone::NoBody => StatusCode::BAD_REQUEST,
        NotDone::NotNegotiable(headers) => headers.status(),
        NotDone::Masa(Error::Inexpressible { .. }) => StatusCode::NOT_ACCEPTABLE,
        NotDone::Body(body) => body.status(),
        NotDone::Masa(Error::Untrusted(VerifyError::Decode { .. })) => StatusCode::BAD_REQUEST,
        NotDone::Masa(Error::Untrusted(_)) => StatusCode::FORBIDDEN,
        NotDone::Masa(Error::Refused(refusal)) => match refusal.kind() {
            RefusalKind::Pending => StatusCode::ACCEPTED,
            RefusalKind::UnknownDevice => StatusCode::NOT_FOUND,
            RefusalKind::ClientCertificate => StatusCode::UNAUTHORIZED,
            RefusalKind::Provenance => StatusCode::NOT_ACCEPTABLE,
            RefusalKind::WrongRegistrar | RefusalKind::WrongVoucher | RefusalKind::Forbidden => StatusCode::FORBIDDEN,
        },
        NotDone::Masa(Error::Ledger(LedgerError::Busy | LedgerError::Unavailable(_))) => StatusCode::SERVICE_UNAVAILABLE,
        NotDone::Masa(
            Error::Ledger(
                LedgerError::Conflict { .. }
                | LedgerError::UnknownDevice(_)
                | LedgerError::Seeds(_)
                | LedgerError::Encode(_)
                | LedgerError::Open { .. }
                | LedgerError::Missing { .. }
                | LedgerError::Outdated { .. }
                | LedgerError::Schema { .. }
                | LedgerError::OtherLog { .. }
                | LedgerError::Corrupt { .. }
                | LedgerError::NoProof(_)
                | LedgerError::NotSoLong { .. }
                | LedgerError::Tree(_),
            )
            | Error::Log(_)
            | Error::Sign(_)
            | Error::Randomness,
        ) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn refuse(err: &NotDone) -> Response<Full<Bytes>> {
    // What a MASA decides it logs itself.
    if !matches!(err, NotDone::Masa(_)) {
        tracing::info!(outcome = "not understood", sentence = in_full(err));
    }
    let status = status_of(err);
    let mut response = match status {
        // What is wrong with us is nobody else's business.
        StatusCode::SERVICE_UNAVAILABLE => plain(status, "the MASA cannot look into its ledger at the moment; ask again later"),
        status if status.is_server_error() => plain(status, "internal error"),
        status => plain(status, in_full(err)),
    };
    let headers = response.headers_mut();
    match err {
        NotDone::WrongMethod { allowed } => {
            headers.insert(ALLOW, HeaderValue::from_static(allowed));
        }
        NotDone::Masa(Error::Refused(Refusal::Pending { wait, .. })) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        NotDone::Masa(Error::Ledger(LedgerError::Busy)) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(BUSY_SECONDS));
        }
        NotDone::NoSuchLink => keep_secret(headers),
        // RFC 9110, section 15.5.16.
        NotDone::NotNegotiable(NotNegotiable::Encoded { .. }) => {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        NotDone::NoSuchResource | NotDone::NoBody | NotDone::NotNegotiable(_) | NotDone::Body(_) | NotDone::Masa(_) => {}
    }
    response
}

/// What is asked over and over by machines, and changes nothing.
const PROBES: &[&str] = &["admin-livez", "admin-readyz", "admin-metrics"];

/// Where the log's newest checkpoint is (C2SP tlog-tiles: its name, and `checkpoint`).
const CHECKPOINT: &str = "/.well-known/brski-log/checkpoint";

/// After how many seconds to ask a ledger again that has too much to do: its queue is emptied long before.
const BUSY_SECONDS: u64 = 5;
