//! The cloud registrar over plain http types: one resource, to which devices come themselves. A listener of its own, since registrars ask for vouchers under the same path.

use std::sync::Arc;
use std::time::Instant;

use brski_common::http::{BoxError, negotiate, plain, read_body, typed};
use brski_common::text::{LONGEST_WORDS, printable};
use brski_common::{PeerAddress, PeerCertificates, RefusalKind, Signed, VoucherRequest};
use bytes::Bytes;
use http::header::{HeaderValue, LOCATION, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use tracing::Instrument as _;

use super::{NotDone, next_number, note_answer, refuse};
use crate::error::Error;
use crate::issue::cloud::CloudPolicy;
use crate::masa::{CloudAnswer, Masa};

/// A [`Masa`] that tells devices themselves where their owners are. Clones share it.
///
/// Devices authenticate with their IDevIDs: whoever ends TLS puts the client's certificates into the request's extensions as [`PeerCertificates`]. Devices verify the server's certificate
/// as any web client does, before they send anything: there is no provisional connection here.
#[derive(Clone, Debug)]
pub struct CloudService {
    masa: Arc<Masa>,
    policy: Arc<CloudPolicy>,
    body_limit: usize,
}

impl CloudService {
    /// Tells devices where `policy` has their owners, and reads bodies of at most `body_limit` octets.
    pub fn new(masa: Arc<Masa>, policy: CloudPolicy, body_limit: usize) -> Self {
        Self { masa, policy: Arc::new(policy), body_limit }
    }

    /// Answers one request, whatever it is.
    pub async fn respond<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let began = Instant::now();
        let pledge = request.extensions().get::<PeerCertificates>().and_then(PeerCertificates::own).map(|own| printable(own.subject(), LONGEST_WORDS));
        let peer = request.extensions().get::<PeerAddress>().map(tracing::field::display);
        let span = tracing::info_span!("request", number = next_number(), peer, resource = RESOURCE, pledge);
        async {
            let response = self.answer(request).await.unwrap_or_else(|err| refuse_device(&err));
            note_answer(RESOURCE, response.status(), began);
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
        // EST is the owner's business: its attributes are not known here.
        if head.uri.path() != PATH {
            return Err(NotDone::NoSuchResource);
        }
        if head.method != Method::POST {
            return Err(NotDone::WrongMethod { allowed: "POST" });
        }
        let body = read_body(body, self.body_limit).await?;
        if body.is_empty() {
            return Err(NotDone::NoBody);
        }
        let agreed = negotiate(&head.headers, || self.masa.lenient())?;
        let peer = head.extensions.get::<PeerCertificates>().cloned().unwrap_or_default();
        let request = Signed::<VoucherRequest>::from_wire(agreed.format, body);
        match self.masa.find_owner(&request, agreed.answer, &peer, &self.policy).await? {
            CloudAnswer::Voucher(voucher) => Ok(typed(StatusCode::OK, agreed.answer_type, voucher.wire().to_vec())),
            CloudAnswer::Redirect(to) => {
                let mut response = plain(StatusCode::TEMPORARY_REDIRECT, "the device's owner has a registrar of its own");
                response.headers_mut().extend(HeaderValue::from_str(&to).map(|to| (LOCATION, to)));
                Ok(response)
            }
            CloudAnswer::OwnerUnknown => {
                let mut response = plain(
                    StatusCode::UNAUTHORIZED,
                    "the device's owner is not known here yet; ask again once it was sold or its owner has said where it wants it",
                );
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(self.policy.retry_after.as_secs().max(1)));
                Ok(response)
            }
        }
    }
}

/// As to registrars, but that a device without certificate must not be told 401: that would tell it to wait for its owner.
fn refuse_device(err: &NotDone) -> Response<Full<Bytes>> {
    let mut response = refuse(err);
    if let NotDone::Masa(Error::Refused(refusal)) = err
        && refusal.kind() == RefusalKind::ClientCertificate
    {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    response
}

const PATH: &str = "/.well-known/brski/requestvoucher";

/// What logs and metrics call it.
const RESOURCE: &str = "cloud-registrar";
