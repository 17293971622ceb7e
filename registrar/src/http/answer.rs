//! The one table from outcome to status (RFC 8995, section 5.6), and how a "no" is framed.

use core::time::Duration;

use brski_common::http::{BodyError, NotNegotiable, plain};
use brski_common::pledge::LONGEST_WAIT;
use brski_common::refusal::RefusalKind;
use brski_common::text::{LONGEST_LINE, in_full, printable};
use brski_common::{DecodeError, Leniency, PeerCertificates, Refusal, VerifyError};
use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;

use crate::ca::IssueError;
use crate::error::Error;
use crate::masa_client::MasaClientError;
use crate::pledges::StoreError;

/// Why a request ends without what it asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    #[error("there is no such resource; a registrar's are under /.well-known/brski/ and /.well-known/est/")]
    NoSuchResource,
    #[error("this resource is for {} only", .allowed.iter().map(Method::as_str).collect::<Vec<_>>().join(" and "))]
    WrongMethod { allowed: &'static [Method] },
    #[error(transparent)]
    NotNegotiable(#[from] NotNegotiable),
    #[error("the body is empty; a voucher-request belongs there")]
    NoBody,
    #[error("the body is a certificate; a PKCS #10 certification request belongs there (RFC 7030, section 4.2.1)")]
    CertificateForRequest,
    #[error("keys are not generated here: a pledge makes its own and sends a certification request to simpleenroll")]
    KeysAreMadeByPledges,
    #[error("no nonce can be handed out at the moment; try again later")]
    NoNonce,
    #[error("this registrar makes no such revocation list: a CA elsewhere publishes its own")]
    NoRevocationList,
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Registrar(#[from] Error),
}

/// Writes the answer, and a line for the log.
pub(super) fn refuse(stop: &Stop, path: &str, peer: &PeerCertificates) -> Response<Full<Bytes>> {
    let status = status(stop);
    let sentence = sentence(stop);
    let serial = peer.own().and_then(|own| own.serial_number()).map(|serial| serial.to_string()).unwrap_or_default();
    // Names in it may be the peer's own words.
    let reason = printable(&in_full(stop), LONGEST_LINE);
    let remedy = remedy(stop);
    match (stop, is_trouble(stop, status)) {
        (_, true) => tracing::error!(path, serial, status = status.as_u16(), reason, remedy, "refused"),
        (Stop::Registrar(Error::Refused(Refusal::Pending { .. })), false) => {
            tracing::info!(path, serial, status = status.as_u16(), reason, remedy, "held");
        }
        (_, false) => tracing::info!(path, serial, status = status.as_u16(), reason, remedy, "refused"),
    }

    let mut response = plain(status, sentence);
    let headers = response.headers_mut();
    match stop {
        Stop::Registrar(Error::Refused(Refusal::Pending { wait, .. })) => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from((*wait).clamp(SHORTEST_WAIT, LONGEST_WAIT).as_secs()));
        }
        Stop::Registrar(Error::Refused(Refusal::ProximityMismatch)) | Stop::Body(_) => {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Stop::WrongMethod { allowed } => {
            let methods = allowed.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
            headers.extend(HeaderValue::from_str(&methods).map(|allowed| (header::ALLOW, allowed)));
        }
        // RFC 9110, section 15.5.16.
        Stop::NotNegotiable(NotNegotiable::Encoded { .. }) => {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        Stop::NoSuchResource
        | Stop::NotNegotiable(_)
        | Stop::NoBody
        | Stop::CertificateForRequest
        | Stop::KeysAreMadeByPledges
        | Stop::NoNonce
        | Stop::NoRevocationList
        | Stop::Registrar(_) => {}
    }
    response
}

/// Whether the operator should look: something behind the registrar, or the registrar itself, does not work.
fn is_trouble(stop: &Stop, status: StatusCode) -> bool {
    // Whoever asks for what is not offered can do so as often as it likes.
    status.is_server_error() && !matches!(stop, Stop::KeysAreMadeByPledges)
}

/// What the operator, and nobody else, could do about it.
fn remedy(stop: &Stop) -> Option<&'static str> {
    match stop {
        Stop::Registrar(Error::Refused(Refusal::UnknownManufacturer { .. } | Refusal::ManufacturerWithdrawn(_))) => {
            Some("`brski-registrar trust add` accepts a manufacturer")
        }
        Stop::Registrar(Error::Verify(VerifyError::Decode { source: DecodeError::Deviation(_), .. })) => {
            Some("grant the leniency to the manufacturer; the MASA has to grant it as well, since the pledge's request goes there unchanged")
        }
        Stop::Registrar(Error::MasaRefused { sentence, .. }) if Leniency::ALL.iter().any(|leniency| sentence.contains(leniency.name())) => {
            Some("the MASA has to grant the leniency as well: the pledge's request travels inside ours unchanged")
        }
        Stop::Registrar(_)
        | Stop::NoSuchResource
        | Stop::WrongMethod { .. }
        | Stop::NotNegotiable(_)
        | Stop::NoBody
        | Stop::CertificateForRequest
        | Stop::KeysAreMadeByPledges
        | Stop::NoNonce
        | Stop::NoRevocationList
        | Stop::Body(_) => None,
    }
}

fn status(stop: &Stop) -> StatusCode {
    match stop {
        Stop::NoSuchResource | Stop::NoRevocationList => StatusCode::NOT_FOUND,
        Stop::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
        Stop::NotNegotiable(headers) => headers.status(),
        Stop::NoBody | Stop::CertificateForRequest => StatusCode::BAD_REQUEST,
        Stop::KeysAreMadeByPledges => StatusCode::NOT_IMPLEMENTED,
        Stop::NoNonce => StatusCode::SERVICE_UNAVAILABLE,
        Stop::Body(err) => err.status(),
        Stop::Registrar(err) => match err {
            Error::Refused(refusal) => status_of_refusal(refusal.kind()),
            Error::Decode(_) | Error::Verify(VerifyError::Decode { .. }) => StatusCode::BAD_REQUEST,
            Error::Verify(_) => StatusCode::FORBIDDEN,
            Error::MasaRefused { status, .. } => status_of_masa(*status),
            Error::BadVoucher(_) | Error::Masa(MasaClientError::Untrusted { .. } | MasaClientError::BadAnswer { .. }) => StatusCode::BAD_GATEWAY,
            // The pledge has waited as long as pledges do.
            Error::Masa(
                MasaClientError::Unreachable { .. } | MasaClientError::TimedOut { .. } | MasaClientError::Asking { .. } | MasaClientError::Crowded { .. },
            ) => StatusCode::GATEWAY_TIMEOUT,
            Error::Masa(MasaClientError::Full { .. }) => StatusCode::SERVICE_UNAVAILABLE,
            Error::Store(StoreError::KeyTaken(_) | StoreError::NotAdmitted(_)) => StatusCode::FORBIDDEN,
            Error::Store(StoreError::Unavailable(_)) | Error::Issue(IssueError::Unavailable(_)) => StatusCode::SERVICE_UNAVAILABLE,
            Error::Issue(IssueError::Later(_)) => StatusCode::ACCEPTED,
            Error::Issue(IssueError::Unsuitable(_)) => StatusCode::FORBIDDEN,
            Error::Issue(IssueError::Refused(_) | IssueError::BadAnswer { .. }) => StatusCode::BAD_GATEWAY,
            Error::Issue(IssueError::Sign(_) | IssueError::Misconfigured(_) | IssueError::Expired { .. } | IssueError::Randomness) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Error::Store(StoreError::Damaged { .. }) | Error::NoCertificate | Error::Sign(_) => StatusCode::INTERNAL_SERVER_ERROR,
        },
    }
}

fn status_of_refusal(kind: RefusalKind) -> StatusCode {
    match kind {
        RefusalKind::Pending => StatusCode::ACCEPTED,
        // 401 is kept for this: the pledge shall not go on with the connection (RFC 8995, section 5.2).
        RefusalKind::WrongRegistrar => StatusCode::UNAUTHORIZED,
        RefusalKind::UnknownDevice => StatusCode::NOT_FOUND,
        RefusalKind::Provenance => StatusCode::NOT_ACCEPTABLE,
        // The pledge asked properly; it is the MASA's answer that is wrong.
        RefusalKind::WrongVoucher => StatusCode::BAD_GATEWAY,
        RefusalKind::ClientCertificate | RefusalKind::Forbidden => StatusCode::FORBIDDEN,
    }
}

/// A MASA's "no" is passed on as it is, unless the pledge would misread it.
fn status_of_masa(status: u16) -> StatusCode {
    match status {
        // To the pledge they would mean that it reached the wrong registrar, or a proxy: but it is the registrar whom the MASA does not know.
        401 | 407 => StatusCode::BAD_GATEWAY,
        400..=599 => StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY),
        _ => StatusCode::BAD_GATEWAY,
    }
}

/// What the peer reads. What is wrong with its own request is told in full, our own trouble is not.
fn sentence(stop: &Stop) -> String {
    match stop {
        Stop::Registrar(Error::Refused(_) | Error::Decode(_) | Error::Verify(_) | Error::MasaRefused { .. }) => in_full(stop),
        Stop::Registrar(Error::BadVoucher(_)) => "the MASA's voucher cannot be trusted and is not passed on".to_owned(),
        Stop::Registrar(Error::Masa(MasaClientError::TimedOut { .. })) => "the MASA did not answer in time".to_owned(),
        Stop::Registrar(Error::Masa(MasaClientError::Full { .. })) => "too many questions to MASAs wait at this registrar; try again later".to_owned(),
        Stop::Registrar(Error::Masa(_)) => "the MASA cannot be reached or gives no usable answer".to_owned(),
        Stop::Registrar(Error::Store(StoreError::KeyTaken(_))) => "the key of the request belongs to another pledge".to_owned(),
        // Its admission ended while it enrolled.
        Stop::Registrar(Error::Store(StoreError::NotAdmitted(_))) => Refusal::NotAdmitted.to_string(),
        Stop::Registrar(Error::Store(_)) => "the registrar cannot look into its records; try again later".to_owned(),
        Stop::Registrar(Error::Issue(IssueError::Later(_) | IssueError::Unsuitable(_))) => stop.to_string(),
        Stop::Registrar(Error::Issue(IssueError::Refused(_) | IssueError::BadAnswer { .. })) => "the certification authority did not issue".to_owned(),
        Stop::Registrar(Error::Issue(IssueError::Unavailable(_))) => "the certification authority cannot be reached; try again later".to_owned(),
        Stop::Registrar(Error::NoCertificate | Error::Sign(_) | Error::Issue(_)) => "internal error".to_owned(),
        Stop::Body(_) => stop.to_string(),
        Stop::NoSuchResource
        | Stop::WrongMethod { .. }
        | Stop::NotNegotiable(_)
        | Stop::NoBody
        | Stop::CertificateForRequest
        | Stop::KeysAreMadeByPledges
        | Stop::NoNonce
        | Stop::NoRevocationList => stop.to_string(),
    }
}

const SHORTEST_WAIT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod sentences;
#[cfg(test)]
mod tests;
