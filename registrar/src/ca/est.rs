//! A certification authority that is an EST server (RFC 7030): the registrar passes the pledge's request on as registration authority.

mod conformity;

use core::time::Duration;
use std::sync::Arc;

use brski_common::http::{media_type, retry_after};
use brski_common::serve::{ClientConfig, ClientLimits, HttpsConnection};
use brski_common::text::{LONGEST_WORDS, printable};
use brski_common::{Anchors, BoxFuture, Certificate, Clock, UnixTime, Usage, est};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;

use super::{CertificateAuthority, IssueError};
use crate::enroll::IssueOrder;

/// An EST server, and what this registrar shows it.
#[derive(Clone, Debug)]
pub struct EstServer {
    authority: String,
    label: Option<String>,
    tls: Arc<ClientConfig>,
    authorization: Option<HeaderValue>,
    limits: ClientLimits,
}

impl EstServer {
    /// The server at `authority` (`host` or `host:port`), and of its CAs the one with this label (RFC 7030, section 3.2.2). `tls` has its anchors, and the registrar's
    /// certificate: its extended key usage id-kp-cmcRA tells the server that it acts for others (section 3.3.2 and RFC 6402).
    pub fn new(authority: impl Into<String>, label: Option<String>, tls: Arc<ClientConfig>) -> Self {
        let limits = ClientLimits { connect: Duration::from_secs(5), exchange: Duration::from_secs(15), response_octets: 256 * 1024 };
        Self { authority: authority.into(), label, tls, authorization: None, limits }
    }

    /// The same with an Authorization header in each request, such as `Basic` credentials (section 3.2.3).
    #[must_use]
    pub fn authorized(self, mut authorization: HeaderValue) -> Self {
        authorization.set_sensitive(true);
        Self { authorization: Some(authorization), ..self }
    }

    /// The CA certificates that it hands out (section 4.1), in the order of the path where they are one: the CA nearest to the end entities first. Nothing vouches for them but its TLS.
    ///
    /// # Errors
    /// [`IssueError::Unavailable`], [`IssueError::Refused`] or [`IssueError::BadAnswer`].
    pub async fn ca_certificates(&self) -> Result<Vec<Certificate>, IssueError> {
        let answer = self.exchange(Method::GET, "cacerts", None).await?;
        match answer.status() {
            StatusCode::OK => Ok(in_order(certificates(&answer)?)),
            _ => Err(refused("cacerts", &answer)),
        }
    }

    async fn exchange(&self, method: Method, resource: &str, csr: Option<&[u8]>) -> Result<Response<Bytes>, IssueError> {
        let path = match &self.label {
            Some(label) => format!("/.well-known/est/{label}/{resource}"),
            None => format!("/.well-known/est/{resource}"),
        };
        let unavailable = |err: Box<dyn std::error::Error + Send + Sync>| IssueError::Unavailable(err);
        let mut request = Request::new(Full::from(csr.map(est::to_body).unwrap_or_default()));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|err: http::uri::InvalidUri| unavailable(err.into()))?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/pkcs7-mime"));
        if csr.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(est::PKCS10));
            // RFC 8951 does without it; servers of RFC 7030 want it.
            headers.insert("content-transfer-encoding", HeaderValue::from_static("base64"));
        }
        headers.extend(self.authorization.clone().map(|authorization| (AUTHORIZATION, authorization)));
        let mut connection = HttpsConnection::open(&self.authority, self.tls.clone(), self.limits).await.map_err(|err| unavailable(err.into()))?;
        connection.send(request).await.map_err(|err| unavailable(err.into()))
    }
}

/// Has an EST server issue what the registrar ordered, and takes nothing else from it.
#[derive(Debug)]
pub struct EstCa {
    server: EstServer,
    chain: Vec<Certificate>,
    issuing: Anchors,
    clock: Clock,
}

impl EstCa {
    /// A CA with this path (the issuing CA first, the root last), as [`EstServer::ca_certificates`] once had it.
    ///
    /// # Errors
    /// [`IssueError::Misconfigured`] if there is no certificate, or the first is no CA's.
    pub fn new(server: EstServer, chain: Vec<Certificate>, clock: Clock) -> Result<Self, IssueError> {
        let own = chain.first().ok_or(IssueError::Misconfigured("it has no certificate"))?;
        if !own.is_ca() {
            return Err(IssueError::Misconfigured("its first certificate is no CA's"));
        }
        let issuing = Anchors::new([own.clone()]).map_err(|_| IssueError::Misconfigured("its first certificate cannot be an anchor"))?;
        Ok(Self { server, chain, issuing, clock })
    }

    async fn order(&self, order: IssueOrder) -> Result<Vec<Certificate>, IssueError> {
        suits(&order)?;
        let answer = self.server.exchange(Method::POST, "simpleenroll", Some(order.csr().der())).await?;
        let now = self.clock.now();
        match answer.status() {
            StatusCode::OK => self.check(certificates(&answer)?, &order, now),
            StatusCode::ACCEPTED | StatusCode::TOO_MANY_REQUESTS => Err(IssueError::Later(retry_after(answer.headers(), now).unwrap_or(LATER))),
            trouble if trouble.is_server_error() => Err(IssueError::Unavailable(sentence("simpleenroll", &answer).into())),
            _ => Err(refused("simpleenroll", &answer)),
        }
    }

    /// The LDevID among what came, if it is what was ordered and what the owner's profile has, then the path above it without the anchor.
    fn check(&self, came: Vec<Certificate>, order: &IssueOrder, now: UnixTime) -> Result<Vec<Certificate>, IssueError> {
        let ours: Vec<&Certificate> = came.iter().filter(|certificate| certificate.public_key() == *order.public_key()).collect();
        let [ldevid] = ours.as_slice() else {
            return Err(wrong(format!("it has {} certificates for the key of the request, expected one", ours.len())));
        };
        if let Some(difference) = conformity::difference(ldevid, order) {
            return Err(wrong(difference));
        }
        let path = self.issuing.verify_path(ldevid, &[], Usage::TlsClient, now).map_err(|source| IssueError::BadAnswer {
            detail: "the LDevID is not issued by the CA that is known here; `brski-registrar ca fetch` shows whether that is another one now".to_owned(),
            source: Some(source.into()),
        })?;
        let above = self.chain.iter().filter(|ca| !ca.is_self_issued());
        Ok(path.into_iter().take(1).chain(above.cloned()).collect())
    }
}

impl CertificateAuthority for EstCa {
    fn issue<'a>(&'a self, order: IssueOrder) -> BoxFuture<'a, Result<Vec<Certificate>, IssueError>> {
        Box::pin(self.order(order))
    }

    fn ca_certificates(&self) -> &[Certificate] {
        &self.chain
    }
}

/// The server sees the pledge's own request, so that it has to say what the order says.
fn suits(order: &IssueOrder) -> Result<(), IssueError> {
    if order.csr().subject_der() != order.subject_der() {
        let subject = printable(order.csr().subject(), LONGEST_WORDS);
        let device = &order.device().serial;
        return Err(IssueError::Unsuitable(format!(
            "its subject is {subject}; this domain's CA certifies the request's own subject, which has to be that of the LDevID of {device} octet for octet"
        )));
    }
    let names = order.names();
    let named = names.dns.is_empty() && names.uris.is_empty() || order.csr().requests_names_of(&names.dns, &names.uris);
    match named {
        true => Ok(()),
        false => Err(IssueError::Unsuitable("it lacks the subjectAltName that csrattrs says, which this domain's CA takes from the request".to_owned())),
    }
}

/// The certificates in a body of EST: base64 with or without lines, or, from servers that take "binary" at its word, DER.
fn certificates(answer: &Response<Bytes>) -> Result<Vec<Certificate>, IssueError> {
    match media_type(answer.headers()).as_deref() {
        Some("application/pkcs7-mime" | "application/x-pkcs7-mime") => {}
        other => return Err(wrong(format!("its media type is {}, expected application/pkcs7-mime", printable(other.unwrap_or("none"), LONGEST_WORDS)))),
    }
    let unreadable = |source| IssueError::BadAnswer { detail: "its certificates cannot be read".to_owned(), source: Some(Box::new(source)) };
    match answer.body().first() {
        Some(0x30) => est::read_certs_only(answer.body()).map_err(unreadable),
        Some(_) | None => est::from_body("certificates", answer.body()).and_then(|der| est::read_certs_only(&der)).map_err(unreadable),
    }
}

/// From the one that issued none of the others up to the root; what belongs to no path is left out.
fn in_order(mut came: Vec<Certificate>) -> Vec<Certificate> {
    let issued_another = |ca: &Certificate| came.iter().any(|other| other != ca && other.is_issued_by(ca));
    let lowest = came.iter().position(|ca| !issued_another(ca));
    let mut path: Vec<Certificate> = lowest.map(|lowest| came.remove(lowest)).into_iter().collect();
    while let Some(next) = path.last().and_then(|last| came.iter().position(|ca| last.is_issued_by(ca))) {
        path.push(came.remove(next));
    }
    path
}

fn refused(resource: &str, answer: &Response<Bytes>) -> IssueError {
    IssueError::Refused(sentence(resource, answer))
}

fn sentence(resource: &str, answer: &Response<Bytes>) -> String {
    let text = String::from_utf8_lossy(answer.body());
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("it answered {resource} with {}: {}", answer.status().as_u16(), printable(&line, LONGEST_WORDS))
}

fn wrong(detail: String) -> IssueError {
    IssueError::BadAnswer { detail, source: None }
}

// As long as a pledge may be kept waiting at a time (RFC 8995, section 5.6).
const LATER: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
