//! Why something was not done, and the one table from that to a status.

use brski_common::SerialNumber;
use brski_common::access::Denied;
use brski_common::http::{BodyError, NotNegotiable, QueryError, typed};
use brski_common::text::in_full;
use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use http_body_util::Full as Whole;

use super::slots::Full;
use crate::error::Error;
use crate::http as registrars;
use crate::masa::{LogError, NotReady, Unclear};

#[derive(Debug, thiserror::Error)]
pub(super) enum NotDone {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("there is no such resource here")]
    NoSuchResource,
    #[error("this resource takes {allowed} only")]
    WrongMethod { allowed: &'static str },
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    NotNegotiable(#[from] NotNegotiable),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("the body is not the JSON that belongs here: {0}")]
    Json(String),
    #[error(transparent)]
    Unclear(Unclear),
    #[error("nobody wrote down how the key of {0} came to be")]
    NoRecord(SerialNumber),
    #[error("the log has exactly these entries: there is nothing to prove")]
    SameLog,
    #[error(transparent)]
    NoSlot(#[from] Full),
    #[error("nothing was recorded: {0}")]
    NothingRecorded(String),
    #[error("the ledger is being read through for somebody else, try again later; a mark without count=true need not wait")]
    Counting,
    #[error("row 1 was not recorded: {0}")]
    FirstNotRecorded(String),
    #[error("not ready: {0}")]
    NotReady(NotReady),
    #[error("the log does not continue the tree with that size and root: it is another log's, or this log was rewritten")]
    OtherLog,
    #[error(transparent)]
    Masa(registrars::NotDone),
}

impl From<Error> for NotDone {
    fn from(err: Error) -> Self {
        match err {
            Error::Log(LogError::Rewritten { .. }) => Self::OtherLog,
            err => Self::Masa(err.into()),
        }
    }
}

impl From<Unclear> for NotDone {
    fn from(err: Unclear) -> Self {
        match err {
            Unclear::Masa(err) => err.into(),
            err => Self::Unclear(err),
        }
    }
}

/// The one table from outcome to status; what a [`Masa`](crate::Masa) says has the status that registrars get.
fn status_of(err: &NotDone) -> StatusCode {
    match err {
        NotDone::Denied(denied) => denied.status(),
        NotDone::NoSuchResource | NotDone::Unclear(Unclear::Unknown(_)) | NotDone::NoRecord(_) => StatusCode::NOT_FOUND,
        NotDone::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
        NotDone::Query(_) | NotDone::Json(_) | NotDone::Unclear(Unclear::NotOne | Unclear::IssuerOfNone) => StatusCode::BAD_REQUEST,
        NotDone::NotNegotiable(headers) => headers.status(),
        NotDone::Body(body) => body.status(),
        NotDone::Unclear(Unclear::Several { .. }) | NotDone::SameLog | NotDone::OtherLog => StatusCode::CONFLICT,
        NotDone::NoSlot(Full::All | Full::Own) | NotDone::NothingRecorded(_) | NotDone::FirstNotRecorded(_) | NotDone::Counting | NotDone::NotReady(_) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        // Never made: it becomes the other one.
        NotDone::Unclear(Unclear::Masa(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        NotDone::Masa(err) => registrars::status_of(err),
    }
}

pub(super) fn refuse(err: &NotDone) -> Response<Whole<Bytes>> {
    let (status, sentence) = (status_of(err), in_full(err));
    match err {
        // Access has logged it without what was presented.
        NotDone::Denied(denied) if denied.status() != StatusCode::FORBIDDEN => {}
        _ if status.is_server_error() => tracing::error!(outcome = "failed", sentence),
        _ => tracing::info!(outcome = "refused", sentence),
    }
    let mut response = typed(status, "application/json", serde_json::json!({ "error": sentence }).to_string());
    let headers = response.headers_mut();
    match err {
        NotDone::WrongMethod { allowed } => {
            headers.insert(ALLOW, HeaderValue::from_static(allowed));
        }
        NotDone::Denied(denied) => {
            if let Some(challenge) = denied.challenge() {
                headers.insert(WWW_AUTHENTICATE, challenge);
            }
            if let Denied::TooOften { seconds } = denied {
                headers.insert(RETRY_AFTER, HeaderValue::from(*seconds));
                // Each further guess costs a handshake.
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
        }
        NotDone::NoSlot(_) | NotDone::NothingRecorded(_) | NotDone::FirstNotRecorded(_) | NotDone::Counting | NotDone::NotReady(_) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(5));
        }
        _ => {}
    }
    response
}
