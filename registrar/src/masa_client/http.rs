//! MASAs over HTTPS (RFC 8995, sections 5.4 to 5.8): voucher, then audit log, then provenance statement, each for the same request, over one connection.

use core::time::Duration;
use std::sync::Arc;

use brski_common::http::{media_type, retry_after, voucher_format};
use brski_common::provenance::ProvenanceStatement;
use brski_common::serve::{ClientConfig, ClientError, ClientLimits, HttpsConnection, TlsIdentity, anchored_config};
use brski_common::text::{LONGEST_WORDS, printable};
use brski_common::{AuditLog, BoxFuture, Clock, Format, Leniency, MasaUrl, Signed, VoucherRequest};
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use tracing::info;

use super::{MasaAnswer, MasaClient, MasaClientError};
use crate::trust::Manufacturer;

/// Asks MASAs over HTTPS, as the registrar that `identity` is. Servers are authenticated by the manufacturer's own anchors and by name (RFC 9525), never by the web's public CAs.
#[derive(Clone, Debug)]
pub struct HttpMasaClient {
    identity: TlsIdentity,
    limits: ClientLimits,
    clock: Clock,
}

impl HttpMasaClient {
    /// A client that shows `identity` to every MASA and gives it 5 s to connect and 15 s for each of its answers, of at most 4 MiB: audit logs may be long.
    pub fn new(identity: TlsIdentity) -> Self {
        let limits = ClientLimits { connect: Duration::from_secs(5), exchange: Duration::from_secs(15), response_octets: 4 * 1024 * 1024 };
        Self { identity, limits, clock: Clock::system() }
    }

    /// The same with other bounds.
    #[must_use]
    pub fn with_limits(self, limits: ClientLimits) -> Self {
        Self { limits, ..self }
    }

    async fn gather(
        &self,
        manufacturer: &Manufacturer,
        url: &MasaUrl,
        request: &Signed<VoucherRequest>,
        format: Format,
    ) -> Result<MasaAnswer, MasaClientError> {
        let tls = anchored_config(&manufacturer.masa_tls_anchors, Some(&self.identity)).map_err(|err| unreachable(url, err))?;
        // A MASA that knows the older type alone refuses the new one, so that there is no trying.
        let older = |format: Format| format.older_voucher_media_type(manufacturer.lenient);
        let content_type = match older(request.format()) {
            Some(older) => {
                Leniency::VoucherCoseCbor.note_use(&format!("a request goes to the MASA as {older}"));
                older
            }
            None => request.format().voucher_media_type(),
        };
        let mut dialogue = Dialogue { url, request, content_type, tls, limits: self.limits, connection: None };

        let accept: Vec<_> = core::iter::once(format.voucher_media_type()).chain(older(format)).collect();
        let answer = dialogue.post("requestvoucher", &accept.join(", ")).await?;
        let voucher = match answer.status() {
            StatusCode::OK if voucher_format(answer.headers(), manufacturer.lenient) == Ok(format) => Signed::from_wire(format, answer.into_body()),
            StatusCode::OK => return Err(unusable(url, format!("it answered requestvoucher with {}", type_of(&answer)))),
            StatusCode::ACCEPTED => return Ok(MasaAnswer::Later(retry_after(answer.headers(), self.clock.now()).unwrap_or(LATER))),
            no if no.is_client_error() => return Ok(MasaAnswer::Refused { status: no.as_u16(), sentence: sentence(&answer) }),
            _ => return Err(dialogue.unexpected("requestvoucher", &answer)),
        };
        let audit_log = dialogue.audit_log().await?;
        let statement = dialogue.statement().await?;
        Ok(MasaAnswer::Vouched { voucher, statement, audit_log })
    }
}

impl MasaClient for HttpMasaClient {
    fn request_voucher<'a>(
        &'a self,
        manufacturer: &'a Manufacturer,
        url: &'a MasaUrl,
        request: &'a Signed<VoucherRequest>,
        answer: Format,
    ) -> BoxFuture<'a, Result<MasaAnswer, MasaClientError>> {
        Box::pin(self.gather(manufacturer, url, request, answer))
    }
}

/// What one MASA is asked about one request.
struct Dialogue<'a> {
    url: &'a MasaUrl,
    request: &'a Signed<VoucherRequest>,
    content_type: &'static str,
    tls: Arc<ClientConfig>,
    limits: ClientLimits,
    connection: Option<HttpsConnection>,
}

impl Dialogue<'_> {
    /// The device's history; none if this MASA has none to show us.
    async fn audit_log(&mut self) -> Result<Option<AuditLog>, MasaClientError> {
        let mut answer = self.post(AUDIT_LOG, JSON).await?;
        if answer.status() == StatusCode::CREATED {
            let location = self.location(&answer)?;
            answer = self.exchange(AUDIT_LOG, get(location)).await?;
        }
        let Some(body) = self.body(AUDIT_LOG, JSON, answer)? else { return Ok(None) };
        AuditLog::from_json(&body).map(Some).map_err(|err| unreadable(self.url, "its audit log cannot be read".to_owned(), err))
    }

    /// The provenance statement; none if this MASA has none to show us.
    async fn statement(&mut self) -> Result<Option<Signed<ProvenanceStatement>>, MasaClientError> {
        let answer = self.post(KEY_PROVENANCE, STATEMENT).await?;
        let body = self.body(KEY_PROVENANCE, STATEMENT, answer)?;
        Ok(body.map(|body| Signed::from_wire(Format::Cose, body)))
    }

    /// Sends the voucher-request, octet for octet, to one of the MASA's resources.
    async fn post(&mut self, resource: &str, accept: &str) -> Result<Response<Bytes>, MasaClientError> {
        let mut post = Request::new(Full::from(self.request.wire().to_vec()));
        *post.method_mut() = http::Method::POST;
        *post.uri_mut() = self.url.path_of(resource).parse().map_err(|err| unreachable(self.url, err))?;
        let content_type = HeaderValue::from_static(self.content_type);
        let accept = HeaderValue::from_str(accept).map_err(|err| unreachable(self.url, err))?;
        post.headers_mut().extend([(CONTENT_TYPE, content_type), (ACCEPT, accept)]);
        self.exchange(resource, post).await
    }

    async fn exchange(&mut self, resource: &str, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, MasaClientError> {
        let open = match self.connection.take().filter(HttpsConnection::is_open) {
            Some(open) => Ok(open),
            None => HttpsConnection::open(self.url.authority(), self.tls.clone(), self.limits).await,
        };
        let connection = self.connection.insert(open.map_err(|err| failed(self.url, "the connection", err))?);
        connection.send(request).await.map_err(|err| failed(self.url, resource, err))
    }

    /// The body of a 200 of the right type; none where the MASA has nothing to show.
    fn body(&self, resource: &'static str, expected: &str, answer: Response<Bytes>) -> Result<Option<Bytes>, MasaClientError> {
        match answer.status() {
            StatusCode::OK if media_type(answer.headers()).as_deref() == Some(expected) => Ok(Some(answer.into_body())),
            StatusCode::OK => Err(unusable(self.url, format!("it answered {resource} with {}, expected {expected}", type_of(&answer)))),
            // It has none, or none for us: what that means is the owner's setting (audit log) and policy (statement).
            nothing @ (StatusCode::NO_CONTENT
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_IMPLEMENTED) => {
                info!(masa = %self.url, resource, status = nothing.as_u16(), sentence = sentence(&answer), "the MASA does not disclose this");
                Ok(None)
            }
            _ => Err(self.unexpected(resource, &answer)),
        }
    }

    /// Where a 201 says that the audit log lies (RFC 8995, section 5.8): on this MASA, or it is not fetched, since nobody vouches for another server.
    fn location(&self, answer: &Response<Bytes>) -> Result<Uri, MasaClientError> {
        let text = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let elsewhere = || unusable(self.url, "the Location of its audit log is missing or on another server".to_owned());
        let location: Uri = text.parse().map_err(|_| elsewhere())?;
        let here = match (location.scheme_str(), location.authority()) {
            (Some("https"), Some(authority)) => authority.as_str().eq_ignore_ascii_case(self.url.authority()),
            (None, None) => location.path().starts_with('/'),
            (Some(_) | None, _) => false,
        };
        let path = location.path_and_query().cloned().filter(|_| here).ok_or_else(elsewhere)?;
        Ok(Uri::from(path))
    }

    fn unexpected(&self, resource: &str, answer: &Response<Bytes>) -> MasaClientError {
        unusable(self.url, format!("it answered {resource} with {}: {}", answer.status().as_u16(), sentence(answer)))
    }
}

fn get(location: Uri) -> Request<Full<Bytes>> {
    let mut get = Request::new(Full::default());
    *get.uri_mut() = location;
    get.headers_mut().insert(ACCEPT, HeaderValue::from_static(JSON));
    get
}

fn failed(url: &MasaUrl, resource: &str, err: ClientError) -> MasaClientError {
    match err {
        ClientError::TimedOut { after, .. } => MasaClientError::TimedOut { url: url.clone(), after },
        ClientError::Body { source, .. } => unreadable(url, format!("its answer to {resource} cannot be read"), source),
        other => unreachable(url, other),
    }
}

fn unreachable(url: &MasaUrl, source: impl std::error::Error + Send + Sync + 'static) -> MasaClientError {
    MasaClientError::Unreachable { url: url.clone(), source: Box::new(source) }
}

fn unusable(url: &MasaUrl, detail: String) -> MasaClientError {
    MasaClientError::BadAnswer { url: url.clone(), detail, source: None }
}

fn unreadable(url: &MasaUrl, detail: String, source: impl std::error::Error + Send + Sync + 'static) -> MasaClientError {
    MasaClientError::BadAnswer { url: url.clone(), detail, source: Some(Box::new(source)) }
}

/// A MASA's explanation, as far as it is fit for a log line.
fn sentence(answer: &Response<Bytes>) -> String {
    let text = String::from_utf8_lossy(answer.body());
    // It may wrap its lines; ours is one.
    let line = text.split(['\r', '\n']).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    printable(&line, LONGEST_WORDS)
}

fn type_of(answer: &Response<Bytes>) -> String {
    media_type(answer.headers()).map_or_else(|| "no media type".to_owned(), |found| format!("media type {found}"))
}

const AUDIT_LOG: &str = "requestauditlog";
const KEY_PROVENANCE: &str = "requestkeyprovenance";
const JSON: &str = "application/json";
const STATEMENT: &str = "application/eat+cwt";

// A MASA that does not say how long: as long as a pledge may be kept waiting at a time (RFC 8995, section 5.6).
const LATER: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
