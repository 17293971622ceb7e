//! BRSKI (RFC 8995) and EST (RFC 7030, RFC 8951) over plain http types. A handler reads, asks the [`Registrar`] and frames; what a "no" looks like is in one table.

mod answer;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use brski_common::http::{
    BoxError, VOUCHER_TYPES, accepts, answer_format, answer_type, empty, media_type, names_older_type, read_body, typed, voucher_format, wrong_voucher_type,
};
use brski_common::{Certificate, Format, Leniencies, PeerCertificates, Signed, Telemetry, est};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;

use self::answer::Stop;
use crate::error::Error;
use crate::registrar::Registrar;

/// The registrar's resources; mounts in any server that speaks http types.
///
/// Whoever ends the TLS connection says who the peer is by the request extension [`PeerCertificates`]; without it nobody is authenticated.
#[derive(Clone)]
pub struct RegistrarService {
    registrar: Arc<Registrar>,
    body_limit: usize,
}

impl RegistrarService {
    /// Serves `registrar`; bodies larger than `body_limit` octets are refused with 413. [`DEFAULT_BODY_LIMIT`] suits pledges.
    pub fn new(registrar: Arc<Registrar>, body_limit: usize) -> Self {
        Self { registrar, body_limit }
    }

    /// Answers one request. Never fails: every "no" is an answer, too.
    pub async fn respond<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let (head, body) = request.into_parts();
        let peer = head.extensions.get::<PeerCertificates>().cloned().unwrap_or_default();
        match self.answer(&head, body, &peer).await {
            Ok(response) => response,
            Err(stop) => answer::refuse(&stop, head.uri.path(), &peer),
        }
    }

    async fn answer<B>(&self, head: &Parts, body: B, peer: &PeerCertificates) -> Result<Response<Full<Bytes>>, Stop>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let resource = Resource::at(head.uri.path()).ok_or(Stop::NoSuchResource)?;
        if head.method != resource.method() {
            return Err(Stop::WrongMethod { allowed: resource.method() });
        }
        let body = read_body(body, self.body_limit).await?;
        match resource {
            Resource::RequestVoucher => self.request_voucher(head, body, peer).await,
            Resource::VoucherStatus => {
                self.registrar.voucher_status(&telemetry(head, &body)?, peer).await?;
                Ok(empty(StatusCode::OK))
            }
            Resource::EnrollStatus => {
                self.registrar.enroll_status(&telemetry(head, &body)?, peer).await?;
                Ok(empty(StatusCode::OK))
            }
            Resource::CaCerts => {
                let certs = est::certs_only(self.registrar.ca_certificates()).map_err(Error::from)?;
                base64(head, est::CERTS_ONLY, &certs)
            }
            Resource::CsrAttrs => base64(head, est::CSR_ATTRS, &est::csr_attributes()),
            Resource::SimpleEnroll => self.enroll(head, &body, peer, false).await,
            Resource::SimpleReenroll => self.enroll(head, &body, peer, true).await,
            Resource::ServerKeyGen => Err(Stop::KeysAreMadeByPledges),
        }
    }

    async fn request_voucher(&self, head: &Parts, body: Bytes, peer: &PeerCertificates) -> Result<Response<Full<Bytes>>, Stop> {
        // Some pledges send an empty request first, only to see our certificate.
        if body.is_empty() {
            return Err(Stop::NoBody);
        }
        // Whose pledge it is matters this early only to whoever uses a name that a leniency may cover.
        let lenient = match names_older_type(&head.headers) {
            true => self.registrar.leniencies_for(peer),
            false => Leniencies::default(),
        };
        // A leniency may be used before the registrar has looked at the pledge: the line in the log shall name it nevertheless.
        let serial = peer.own().and_then(Certificate::serial_number).map(|serial| serial.to_string());
        let (format, older, answer) = tracing::info_span!("media_types", serial).in_scope(|| negotiate(&head.headers, lenient))?;
        let voucher = self.registrar.request_voucher(&Signed::from_wire(format, body), answer, peer).await?;
        Ok(typed(StatusCode::OK, answer_type(&head.headers, voucher.format(), older, lenient), voucher.wire().to_vec()))
    }

    async fn enroll(&self, head: &Parts, body: &[u8], peer: &PeerCertificates, renewal: bool) -> Result<Response<Full<Bytes>>, Stop> {
        if media_type(&head.headers).as_deref() != Some(est::PKCS10) {
            return Err(Stop::WrongBodyType { expected: est::PKCS10 });
        }
        // Before anything is issued: an LDevID that cannot be sent would be lost.
        if !accepts(&head.headers, est::CERTS_ONLY) {
            return Err(Stop::NotAcceptable { offered: est::CERTS_ONLY });
        }
        let csr = est::from_body("certification request", body).map_err(Error::from)?;
        // Some clients send a self-signed certificate; "malformed" would not help them.
        if Certificate::from_der(&csr).is_ok() {
            return Err(Stop::CertificateForRequest);
        }
        let issued = self.registrar.enroll(&csr, peer, renewal).await?;
        // Only the LDevID (RFC 7030, section 4.2.3): a client takes the first certificate, and a SET has no first. cacerts has the rest.
        let ldevid = est::certs_only(issued.get(..1).unwrap_or_default()).map_err(Error::from)?;
        base64(head, est::CERTS_ONLY, &ldevid)
    }
}

/// 64 KiB: a voucher-request with a certificate chain and a provenance statement takes less than 16.
pub const DEFAULT_BODY_LIMIT: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resource {
    RequestVoucher,
    VoucherStatus,
    EnrollStatus,
    CaCerts,
    CsrAttrs,
    SimpleEnroll,
    SimpleReenroll,
    ServerKeyGen,
}

impl Resource {
    fn at(path: &str) -> Option<Self> {
        let resource = match path.strip_prefix("/.well-known/")? {
            "brski/requestvoucher" => Self::RequestVoucher,
            "brski/voucher_status" => Self::VoucherStatus,
            "brski/enrollstatus" => Self::EnrollStatus,
            "est/cacerts" => Self::CaCerts,
            "est/csrattrs" => Self::CsrAttrs,
            "est/simpleenroll" => Self::SimpleEnroll,
            "est/simplereenroll" => Self::SimpleReenroll,
            "est/serverkeygen" => Self::ServerKeyGen,
            _ => return None,
        };
        Some(resource)
    }

    fn method(self) -> Method {
        match self {
            Self::CaCerts | Self::CsrAttrs => Method::GET,
            Self::RequestVoucher | Self::VoucherStatus | Self::EnrollStatus | Self::SimpleEnroll | Self::SimpleReenroll | Self::ServerKeyGen => Method::POST,
        }
    }
}

/// The format of a voucher-request, whether an older name says so, and the format of the answer.
fn negotiate(headers: &HeaderMap, lenient: Leniencies) -> Result<(Format, bool, Format), Stop> {
    let (format, older) = voucher_format(headers, lenient).ok_or_else(|| Stop::WrongVoucherType { sentence: wrong_voucher_type(headers) })?;
    let answer = answer_format(headers, format, lenient).ok_or(Stop::NotAcceptable { offered: VOUCHER_TYPES })?;
    Ok((format, older, answer))
}

fn telemetry(head: &Parts, body: &[u8]) -> Result<Telemetry, Stop> {
    match media_type(&head.headers).as_deref() {
        Some("application/json") => Ok(Telemetry::from_json(body).map_err(Error::from)?),
        Some(_) | None => Err(Stop::WrongBodyType { expected: "application/json" }),
    }
}

/// EST's bodies are base64 text (RFC 8951), and say so for clients that look.
fn base64(head: &Parts, content_type: &'static str, der: &[u8]) -> Result<Response<Full<Bytes>>, Stop> {
    if !accepts(&head.headers, content_type) {
        return Err(Stop::NotAcceptable { offered: content_type });
    }
    let mut response = typed(StatusCode::OK, content_type, est::to_body(der));
    response.headers_mut().insert("content-transfer-encoding", HeaderValue::from_static("base64"));
    Ok(response)
}
