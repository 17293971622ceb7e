//! BRSKI (RFC 8995) and EST (RFC 7030, RFC 8951) over plain http types. A handler reads, asks the [`Registrar`] and frames; what a "no" looks like is in one table.

mod answer;
mod nonce;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use brski_common::http::{BoxError, empty, must_accept, must_be, must_be_unencoded, negotiate, read_body, typed};
use brski_common::{Certificate, PeerAddress, PeerCertificates, Signed, Telemetry, est};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use tracing::Instrument as _;

use self::answer::Stop;
use crate::error::Error;
use crate::metrics::{count_answer, outcome};
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
        let began = Instant::now();
        let (head, body) = request.into_parts();
        let peer = head.extensions.get::<PeerCertificates>().cloned().unwrap_or_default();
        let resource = Resource::at(head.uri.path()).map_or("other", Resource::name);
        let address = head.extensions.get::<PeerAddress>().map(tracing::field::display);
        let span = tracing::info_span!("request", number = next_number(), peer = address, resource);
        async {
            let response = match self.answer(&head, body, &peer).await {
                Ok(response) => response,
                Err(stop) => answer::refuse(&stop, head.uri.path(), &peer),
            };
            note_answer(resource, response.status(), began);
            response
        }
        .instrument(span)
        .await
    }

    async fn answer<B>(&self, head: &Parts, body: B, peer: &PeerCertificates) -> Result<Response<Full<Bytes>>, Stop>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let resource = Resource::at(head.uri.path()).ok_or(Stop::NoSuchResource)?;
        if !resource.methods().contains(&head.method) {
            return Err(Stop::WrongMethod { allowed: resource.methods() });
        }
        let body = read_body(body, self.body_limit).await?;
        // Once it is read: over an unread body the connection would be closed, on which a pledge may want to ask again.
        must_be_unencoded(&head.headers)?;
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
            Resource::CsrAttrs => base64(head, est::CSR_ATTRS, &self.registrar.csr_attributes(peer)?),
            Resource::RevocationList => match self.registrar.revocation_list(list_at(head.uri.path()).flatten()).await? {
                Some(list) => {
                    must_accept(&head.headers, CRL)?;
                    Ok(typed(StatusCode::OK, CRL, list))
                }
                None => Err(Stop::NoRevocationList),
            },
            Resource::SimpleEnroll => self.enroll(head, &body, peer, false).await,
            Resource::SimpleReenroll => self.enroll(head, &body, peer, true).await,
            Resource::ServerKeyGen => Err(Stop::KeysAreMadeByPledges),
            Resource::Nonce => nonce::nonce(&self.registrar, head, &body, peer),
        }
    }

    async fn request_voucher(&self, head: &Parts, body: Bytes, peer: &PeerCertificates) -> Result<Response<Full<Bytes>>, Stop> {
        // Some pledges send an empty request first, only to see our certificate.
        if body.is_empty() {
            return Err(Stop::NoBody);
        }
        // A leniency may be used before the registrar has looked at the pledge: the line in the log shall name it nevertheless.
        let serial = peer.own().and_then(Certificate::serial_number).map(|serial| serial.to_string());
        let negotiated = tracing::info_span!("media_types", serial).in_scope(|| negotiate(&head.headers, || self.registrar.leniencies_for(peer)))?;
        let voucher = self.registrar.request_voucher(&Signed::from_wire(negotiated.format, body), negotiated.answer, peer).await?;
        Ok(typed(StatusCode::OK, negotiated.answer_type, voucher.wire().to_vec()))
    }

    async fn enroll(&self, head: &Parts, body: &[u8], peer: &PeerCertificates, renewal: bool) -> Result<Response<Full<Bytes>>, Stop> {
        must_be(&head.headers, est::PKCS10)?;
        // Before anything is issued: an LDevID that cannot be sent would be lost.
        must_accept(&head.headers, est::CERTS_ONLY)?;
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

/// One line in the log for every answer, and its metrics.
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

const PROBES: [&str; 3] = ["admin-livez", "admin-readyz", "admin-metrics"];

/// 64 KiB: a voucher-request with a certificate chain and a provenance statement takes less than 16.
pub const DEFAULT_BODY_LIMIT: usize = 64 * 1024;

/// Where the CRL of this domain's LDevIDs is, for everybody: that of the CA that issues.
pub const CRL_PATH: &str = "/crl/ldevid.crl";

/// Where the CRL of this CA is, be it the one that issues or one that did: under its [name](crate::ca::list_name).
pub fn crl_path_of(ca: &Certificate) -> String {
    format!("/crl/{}.crl", crate::ca::list_name(ca))
}

/// Which list is at this path: the present one, or that with a name; none if there is none.
fn list_at(path: &str) -> Option<Option<&str>> {
    if path == CRL_PATH {
        return Some(None);
    }
    let name = path.strip_prefix("/crl/")?.strip_suffix(".crl")?;
    (!name.is_empty() && name.bytes().all(|b| b.is_ascii_hexdigit())).then_some(Some(name))
}

/// RFC 2585, section 4.2.
const CRL: &str = "application/pkix-crl";

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
    Nonce,
    RevocationList,
}

impl Resource {
    fn at(path: &str) -> Option<Self> {
        if list_at(path).is_some() {
            return Some(Self::RevocationList);
        }
        let resource = match path.strip_prefix("/.well-known/")? {
            "brski/requestvoucher" => Self::RequestVoucher,
            "brski/voucher_status" => Self::VoucherStatus,
            "brski/enrollstatus" => Self::EnrollStatus,
            "est/cacerts" => Self::CaCerts,
            "est/csrattrs" => Self::CsrAttrs,
            "est/simpleenroll" => Self::SimpleEnroll,
            "est/simplereenroll" => Self::SimpleReenroll,
            "est/serverkeygen" => Self::ServerKeyGen,
            "est/nonce" => Self::Nonce,
            _ => return None,
        };
        Some(resource)
    }

    /// What metrics and logs call it.
    fn name(self) -> &'static str {
        match self {
            Self::RequestVoucher => "requestvoucher",
            Self::VoucherStatus => "voucher_status",
            Self::EnrollStatus => "enrollstatus",
            Self::CaCerts => "cacerts",
            Self::CsrAttrs => "csrattrs",
            Self::SimpleEnroll => "simpleenroll",
            Self::SimpleReenroll => "simplereenroll",
            Self::ServerKeyGen => "serverkeygen",
            Self::Nonce => "nonce",
            Self::RevocationList => "crl",
        }
    }

    fn methods(self) -> &'static [Method] {
        match self {
            Self::CaCerts | Self::CsrAttrs | Self::RevocationList => &[Method::GET],
            Self::RequestVoucher | Self::VoucherStatus | Self::EnrollStatus | Self::SimpleEnroll | Self::SimpleReenroll | Self::ServerKeyGen => &[Method::POST],
            Self::Nonce => &[Method::GET, Method::POST],
        }
    }
}

fn telemetry(head: &Parts, body: &[u8]) -> Result<Telemetry, Stop> {
    must_be(&head.headers, "application/json")?;
    Ok(Telemetry::from_json(body).map_err(Error::from)?)
}

/// EST's bodies are base64 text (RFC 8951), and say so for clients that look.
fn base64(head: &Parts, content_type: &'static str, der: &[u8]) -> Result<Response<Full<Bytes>>, Stop> {
    must_accept(&head.headers, content_type)?;
    let mut response = typed(StatusCode::OK, content_type, est::to_body(der));
    response.headers_mut().insert("content-transfer-encoding", HeaderValue::from_static("base64"));
    Ok(response)
}
