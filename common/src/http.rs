//! What both services do with plain http types: read a bounded body, answer with one sentence, say what a body is.
//!
//! Nothing here knows a server or a runtime, so that a service built on it mounts wherever http types are spoken.

mod door;
mod health;
mod negotiation;
mod pace;
mod proxies;
mod query;
mod turnstile;

use core::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};

pub use self::door::Door;
pub use self::health::Health;
pub use self::negotiation::{Negotiated, NotNegotiable, media_type, must_accept, must_be, must_be_unencoded, negotiate, voucher_format};
pub use self::pace::{Pace, Rate};
pub use self::proxies::{CLIENT_CERT, CLIENT_CERT_CHAIN, ClientCertError, Network, NetworkError, Proxies, client_certificates};
pub use self::query::{Query, QueryError, percent_decoded};
pub use self::turnstile::{Rates, TOO_OFTEN, Turnstile};
use crate::time::UnixTime;

/// The error that a body may end with.
pub type BoxError = Box<dyn core::error::Error + Send + Sync>;

/// A body that was not read to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// More octets than the limit: 413.
    #[error("the body exceeds the limit of {limit} octets")]
    TooLarge {
        /// The limit, in octets.
        limit: usize,
    },
    /// It ended early, took too long or broke HTTP's framing: 400.
    #[error("the body could not be read to its end")]
    Broken(#[source] BoxError),
}

impl BodyError {
    /// What the peer is told.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Broken(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// Reads a whole body of at most `limit` octets; never holds more than that.
///
/// # Errors
/// [`BodyError::TooLarge`], as soon as the announced or received length passes the limit; [`BodyError::Broken`].
pub async fn read_body<B>(body: B, limit: usize) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(BodyError::TooLarge { limit });
    }
    let failed = |err: BoxError| match err.is::<LengthLimitError>() {
        true => BodyError::TooLarge { limit },
        false => BodyError::Broken(err),
    };
    Ok(Limited::new(body, limit).collect().await.map_err(failed)?.to_bytes())
}

/// How long the peer asks us to wait before we ask again, in seconds or as a date (RFC 9110, section 10.2.3); none if the header is absent or neither.
pub fn retry_after(headers: &HeaderMap, now: UnixTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit mean "not in this life": the caller clamps.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_second();
    let date = u64::try_from(date).unwrap_or(0);
    Some(Duration::from_secs(date.saturating_sub(now.as_secs())))
}

/// A status and one sentence in plain text, as RFC 8995, section 5.6 asks of every "no".
pub fn plain(status: StatusCode, sentence: impl Into<String>) -> Response<Full<Bytes>> {
    typed(status, "text/plain; charset=utf-8", sentence.into())
}

/// A body of the given type. Its length is always stated: some EST clients cannot read a chunked answer.
pub fn typed(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let body = body.into();
    let length = HeaderValue::from(body.len());
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, length);
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap_or(OCTETS));
    response
}

/// A status without a body.
pub fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    // 204 must not state a length (RFC 9110, section 8.6).
    if status != StatusCode::NO_CONTENT {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(0));
    }
    response
}

// A type that cannot stand in a header says nothing about the body.
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let mut context = core::task::Context::from_waker(core::task::Waker::noop());
        match core::pin::pin!(future).poll(&mut context) {
            core::task::Poll::Ready(value) => value,
            core::task::Poll::Pending => panic!("a body in memory is ready at once"),
        }
    }

    fn headers(name: http::header::HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn body_of_exactly_the_limit_is_read() {
        assert_eq!(block_on(read_body(Full::from("12345678"), 8)).unwrap(), "12345678");
    }

    #[test]
    fn body_beyond_the_limit_is_too_large() {
        let err = block_on(read_body(Full::from("123456789"), 8)).unwrap_err();
        assert_eq!(err.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[test]
    fn body_of_unannounced_length_beyond_the_limit_is_too_large() {
        let err = block_on(read_body(Pieces(vec!["1234", "5678", "9"]), 8)).unwrap_err();
        assert!(matches!(err, BodyError::TooLarge { limit: 8 }));
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_date() {
        let now = crate::time::at(784_111_777 - 30);
        assert_eq!(retry_after(&headers(RETRY_AFTER, &["120"]), now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after(&headers(RETRY_AFTER, &["Sun, 06 Nov 1994 08:49:37 GMT"]), now), Some(Duration::from_secs(30)));
        assert_eq!(retry_after(&headers(RETRY_AFTER, &["soon"]), now), None);
    }

    #[test]
    fn sentence_states_its_length_and_type() {
        let response = plain(StatusCode::FORBIDDEN, "no");
        assert_eq!(response.headers()[CONTENT_LENGTH], "2");
        assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
    }

    /// A body that does not know its length.
    struct Pieces(Vec<&'static str>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = core::convert::Infallible;
        fn poll_frame(
            mut self: core::pin::Pin<&mut Self>,
            _: &mut core::task::Context<'_>,
        ) -> core::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
            core::task::Poll::Ready(self.0.pop().map(|piece| Ok(http_body::Frame::data(Bytes::from(piece)))))
        }
    }
}
