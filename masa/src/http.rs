//! The MASA's resources over plain http types, to be mounted behind any server (RFC 8995, section 5; statuses of sections 5.5 and 5.6).

#[cfg(test)]
mod tests;

use std::sync::Arc;

use brski_common::http::{BodyError, BoxError, Negotiated, NotNegotiable, empty, must_accept, negotiate, plain, read_body, typed, voucher_format};
use brski_common::text::{LONGEST_WORDS, in_full, printable};
use brski_common::{Format, Leniencies, PeerCertificates, Refusal, RefusalKind, Signed, VerifyError, VoucherRequest};
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use tracing::Instrument as _;

use crate::error::Error;
use crate::ledger::LedgerError;
use crate::masa::Masa;

/// A [`Masa`] as an HTTP service. Clones share it.
///
/// Whoever ends TLS puts the client's certificates into the request's extensions as [`PeerCertificates`]; without them nobody is authenticated.
#[derive(Clone, Debug)]
pub struct MasaService {
    masa: Arc<Masa>,
    body_limit: usize,
}

impl MasaService {
    /// Serves `masa` and reads bodies of at most `body_limit` octets; 64 KiB are ample.
    pub fn new(masa: Arc<Masa>, body_limit: usize) -> Self {
        Self { masa, body_limit }
    }

    /// Answers one request, whatever it is. Every "no" is one sentence in plain text.
    pub async fn respond<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        // In every line of the log, that of a leniency's use included: who asks, as far as TLS knows.
        let registrar = request.extensions().get::<PeerCertificates>().and_then(PeerCertificates::own).map(|own| printable(own.subject(), LONGEST_WORDS));
        let span = tracing::info_span!("request", registrar);
        async { self.answer(request).await.unwrap_or_else(|err| refuse(&err)) }.instrument(span).await
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
        let resource = Resource::at(head.uri.path()).ok_or(NotDone::NoSuchResource)?;
        if head.method != Method::POST {
            return Err(NotDone::WrongMethod { allowed: "POST" });
        }
        let body = read_body(body, self.body_limit).await?;
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
            Content::AuditLog => self.masa.audit_log(&request).await?.to_json(),
            Content::Provenance => match self.masa.provenance(&request).await? {
                Some(statement) => statement.wire().to_vec(),
                None => return Ok(empty(StatusCode::NO_CONTENT)),
            },
        };
        Ok(typed(StatusCode::OK, answer.media_type, body))
    }

    /// The state of the log, for whoever watches it: nothing of what is in it.
    async fn checkpoint(&self, method: &Method) -> Result<Response<Full<Bytes>>, NotDone> {
        match *method {
            Method::GET | Method::HEAD => {}
            _ => return Err(NotDone::WrongMethod { allowed: "GET, HEAD" }),
        }
        let mut response = typed(StatusCode::OK, "text/plain; charset=utf-8", self.masa.checkpoint().await?.to_string().into_bytes());
        // Whoever watches wants the newest; it costs little to ask again.
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if *method == Method::HEAD {
            *response.body_mut() = Full::default();
        }
        Ok(response)
    }
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resource {
    Voucher,
    AuditLog,
    Provenance,
}

impl Resource {
    fn at(path: &str) -> Option<Self> {
        match path.strip_prefix("/.well-known/brski/")? {
            "requestvoucher" => Some(Self::Voucher),
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
        Resource::Voucher => {
            let Negotiated { format, answer, answer_type } = negotiate(headers, || lenient)?;
            Ok((format, Answer { content: Content::Voucher(answer), media_type: answer_type }))
        }
        Resource::AuditLog => only(Content::AuditLog, "application/json"),
        Resource::Provenance => only(Content::Provenance, "application/eat+cwt"),
    }
}

/// Why a request has no answer: its HTTP, or what it asks.
#[derive(Debug, thiserror::Error)]
enum NotDone {
    #[error("there is no such resource; a MASA's are under /.well-known/brski/")]
    NoSuchResource,
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
fn status_of(err: &NotDone) -> StatusCode {
    match err {
        NotDone::NoSuchResource => StatusCode::NOT_FOUND,
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
                | LedgerError::Encode(_)
                | LedgerError::Open { .. }
                | LedgerError::Missing { .. }
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
        NotDone::NoSuchResource | NotDone::NoBody | NotDone::NotNegotiable(_) | NotDone::Body(_) | NotDone::Masa(_) => {}
    }
    response
}

/// Where the log's newest checkpoint is (C2SP tlog-tiles: its name, and `checkpoint`).
const CHECKPOINT: &str = "/.well-known/brski-log/checkpoint";

/// After how many seconds to ask a ledger again that has too much to do: its queue is emptied long before.
const BUSY_SECONDS: u64 = 5;
