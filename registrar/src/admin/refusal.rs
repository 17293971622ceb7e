//! Why something was not done, and the one table from that to a status.

use brski_common::access::Denied;
use brski_common::http::{BodyError, NotNegotiable, QueryError, typed};
use brski_common::text::in_full;
use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use http_body_util::Full;

use super::webhook::Unsigned;
use crate::desk::DeskError;
use crate::error::Error;
use crate::pledges::StoreError;
use crate::registrar::NotReady;
use crate::revocation::RevocationError;

#[derive(Debug, thiserror::Error)]
pub(super) enum NotDone {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Unsigned(#[from] Unsigned),
    #[error("there is no such resource here")]
    NoSuchResource,
    #[error("this resource takes {allowed} only")]
    WrongMethod { allowed: &'static str },
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    NotNegotiable(#[from] NotNegotiable),
    #[error("what is to be appraised must be application/eat+cwt, application/pkcs10, a voucher-request under its media type, or a webhook's application/json")]
    NoExhibit,
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("the body is not the JSON that belongs here: {0}")]
    Json(String),
    #[error("the policy cannot be read: {0}")]
    Policy(String),
    #[error(transparent)]
    Desk(#[from] DeskError),
    #[error(transparent)]
    NotRevoked(#[from] RevocationError),
    #[error("a policy is being tried for somebody else, try again later")]
    Busy,
    #[error("not ready: {0}")]
    NotReady(NotReady),
    #[error(transparent)]
    Registrar(Error),
}

impl From<Error> for NotDone {
    fn from(err: Error) -> Self {
        Self::Registrar(err)
    }
}

impl From<StoreError> for NotDone {
    fn from(err: StoreError) -> Self {
        Self::Registrar(err.into())
    }
}

/// The one table from outcome to status.
fn status_of(err: &NotDone) -> StatusCode {
    match err {
        NotDone::Denied(denied) => denied.status(),
        NotDone::Unsigned(_) => StatusCode::UNAUTHORIZED,
        NotDone::NoSuchResource | NotDone::Desk(DeskError::Unknown(_)) | NotDone::NotRevoked(RevocationError::NoSuchPledge(_)) => StatusCode::NOT_FOUND,
        NotDone::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
        NotDone::Query(_) | NotDone::Desk(DeskError::Unfit(_)) | NotDone::Json(_) | NotDone::Policy(_) => StatusCode::BAD_REQUEST,
        NotDone::NotNegotiable(headers) => headers.status(),
        NotDone::NoExhibit => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        NotDone::Body(body) => body.status(),
        NotDone::Desk(
            DeskError::Ambiguous { .. }
            | DeskError::NotHeld { .. }
            | DeskError::Lapsed(_)
            | DeskError::UnknownManufacturer(_)
            | DeskError::Changed { .. }
            | DeskError::SaidBefore { .. },
        )
        | NotDone::NotRevoked(RevocationError::Namesakes { .. } | RevocationError::NothingToRevoke(_) | RevocationError::NotCurrent { .. }) => {
            StatusCode::CONFLICT
        }
        NotDone::Busy | NotDone::NotReady(_) => StatusCode::SERVICE_UNAVAILABLE,
        NotDone::Registrar(Error::Decode(_) | Error::Verify(_)) => StatusCode::BAD_REQUEST,
        NotDone::Registrar(Error::Store(StoreError::Unavailable(_)))
        | NotDone::Desk(DeskError::Store(StoreError::Unavailable(_)))
        | NotDone::NotRevoked(RevocationError::Store(StoreError::Unavailable(_))) => StatusCode::SERVICE_UNAVAILABLE,
        // What an opinion is about is answered as an opinion.
        NotDone::Registrar(_) | NotDone::Desk(DeskError::Store(_)) | NotDone::NotRevoked(RevocationError::Store(_)) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

pub(super) fn refuse(err: &NotDone) -> Response<Full<Bytes>> {
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
        NotDone::Unsigned(_) => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("X-Smallstep-Signature"));
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        NotDone::Busy | NotDone::NotReady(_) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(5));
        }
        NotDone::NoSuchResource
        | NotDone::Query(_)
        | NotDone::NotNegotiable(_)
        | NotDone::NoExhibit
        | NotDone::Body(_)
        | NotDone::Json(_)
        | NotDone::Policy(_)
        | NotDone::Desk(_)
        | NotDone::NotRevoked(_)
        | NotDone::Registrar(_) => {}
    }
    response
}
