//! What one MASA is asked about one request.

use std::time::Instant;

use brski_common::http::{media_type, retry_after};
use brski_common::provenance::ProvenanceStatement;
use brski_common::serve::ClientError;
use brski_common::text::{LONGEST_WORDS, printable};
use brski_common::{AuditLog, Format, Leniency, MasaUrl, Signed, VoucherRequest};
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use tracing::info;

use super::HttpMasaClient;
use super::line::{InUse, Route};
use crate::masa_client::MasaClientError;
use crate::metrics;
use crate::trust::Manufacturer;

/// One connection at a time, given back at the end.
pub(super) struct Dialogue<'a> {
    client: &'a HttpMasaClient,
    manufacturer: &'a str,
    url: &'a MasaUrl,
    request: &'a Signed<VoucherRequest>,
    content_type: &'static str,
    route: Route,
    in_use: Option<InUse>,
    begun: Instant,
}

impl<'a> Dialogue<'a> {
    pub(super) fn new(
        client: &'a HttpMasaClient,
        manufacturer: &'a Manufacturer,
        url: &'a MasaUrl,
        request: &'a Signed<VoucherRequest>,
    ) -> Result<Self, MasaClientError> {
        if manufacturer.masa_tls_anchors.certificates().is_empty() {
            return Err(untrusted(url, NotAnchored::Nothing { manufacturer: printable(&manufacturer.name, LONGEST_WORDS) }));
        }
        let route = client.line.route(url.authority(), &manufacturer.masa_tls_anchors).map_err(|err| untrusted(url, err))?;
        // A MASA that knows the older type alone refuses the new one, so that there is no trying.
        let content_type = match request.format().older_voucher_media_type(manufacturer.lenient) {
            Some(older) => {
                Leniency::VoucherCoseCbor.note_use(&format!("a request goes to the MASA as {older}"));
                older
            }
            None => request.format().voucher_media_type(),
        };
        Ok(Self { client, manufacturer: &manufacturer.name, url, request, content_type, route, in_use: None, begun: Instant::now() })
    }

    /// The device's history; none if this MASA has none to show us.
    pub(super) async fn audit_log(&mut self) -> Result<Option<AuditLog>, MasaClientError> {
        let mut answer = self.post(AUDIT_LOG, JSON).await?;
        if answer.status() == StatusCode::CREATED {
            let location = self.location(&answer)?;
            answer = self.exchange(AUDIT_LOG, get(location)).await?;
        }
        let Some(body) = self.body(AUDIT_LOG, JSON, answer)? else { return Ok(None) };
        AuditLog::from_json(&body).map(Some).map_err(|err| unreadable(self.url, "its audit log cannot be read".to_owned(), err))
    }

    /// The provenance statement; none if this MASA has none to show us.
    pub(super) async fn statement(&mut self) -> Result<Option<Signed<ProvenanceStatement>>, MasaClientError> {
        let answer = self.post(KEY_PROVENANCE, STATEMENT).await?;
        let body = self.body(KEY_PROVENANCE, STATEMENT, answer)?;
        Ok(body.map(|body| Signed::from_wire(Format::Cose, body)))
    }

    /// Sends the voucher-request, octet for octet, to one of the MASA's resources.
    pub(super) async fn post(&mut self, resource: &str, accept: &str) -> Result<Response<Bytes>, MasaClientError> {
        let mut post = Request::new(Full::from(self.request.wire().to_vec()));
        *post.method_mut() = http::Method::POST;
        *post.uri_mut() = self.url.path_of(resource).parse().map_err(|err| unusable_request(self.url, err))?;
        let content_type = HeaderValue::from_static(self.content_type);
        let accept = HeaderValue::from_str(accept).map_err(|err| unusable_request(self.url, err))?;
        post.headers_mut().extend([(CONTENT_TYPE, content_type), (ACCEPT, accept)]);
        self.exchange(resource, post).await
    }

    /// Sends a request, and again where nobody can have acted on it: the MASA was not reached, or somebody in front of it says that it was not.
    async fn exchange(&mut self, resource: &str, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, MasaClientError> {
        let mut failed = 1;
        loop {
            let answered = self.once(request.clone()).await;
            let asked = match &answered {
                Ok(answer) if is_for_now(answer.status()) => retry_after(answer.headers(), self.client.clock.now()),
                Err(err) if err.is_before_request() && !err.is_distrust() => None,
                Ok(_) => return answered.map_err(|err| self.failed(resource, err)),
                Err(_) => return answered.map_err(|err| self.failed(resource, err)),
            };
            let Some(wait) = self.client.schedule.wait_after(failed, asked, self.begun.elapsed(), random()) else {
                return match answered {
                    Ok(answer) if !is_down(answer.status()) => Ok(answer),
                    Ok(answer) => Err(self.unexpected(resource, &answer)),
                    Err(err) => Err(self.failed(resource, err)),
                };
            };
            tracing::debug!(masa = %self.url, resource, failed, ?wait, "a MASA cannot be reached, and is asked again");
            metrics::count_masa_retry();
            tokio::time::sleep(wait).await;
            failed += 1;
        }
    }

    /// Sends a request once; twice if the first time the server had closed a connection that was used before.
    async fn once(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, ClientError> {
        let (line, limits) = (&self.client.line, self.client.limits);
        let mut fresh = false;
        loop {
            let mut in_use = match self.in_use.take() {
                Some(in_use) if in_use.connection.is_open() => in_use,
                Some(_) | None => line.connection(&self.route, limits, fresh).await?,
            };
            match in_use.connection.send(request.clone()).await {
                Ok(answer) => {
                    self.in_use = Some(InUse { used: true, ..in_use });
                    return Ok(answer);
                }
                Err(ClientError::Broken { .. }) if in_use.used && !fresh => fresh = true,
                Err(err) => return Err(err),
            }
        }
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

    pub(super) fn unexpected(&self, resource: &str, answer: &Response<Bytes>) -> MasaClientError {
        let detail = format!("it answered {resource} with {}: {}", answer.status().as_u16(), sentence(answer));
        match is_for_now(answer.status()) {
            true => MasaClientError::Unreachable { url: self.url.clone(), source: detail.into() },
            false => unusable(self.url, detail),
        }
    }

    fn failed(&self, resource: &str, err: ClientError) -> MasaClientError {
        let url = self.url;
        match err {
            err if err.is_distrust() => untrusted(url, NotAnchored::Other { manufacturer: printable(self.manufacturer, LONGEST_WORDS), source: err }),
            ClientError::TimedOut { after, .. } => MasaClientError::TimedOut { url: url.clone(), after },
            ClientError::Body { source, .. } => unreadable(url, format!("its answer to {resource} cannot be read"), source),
            other => MasaClientError::Unreachable { url: url.clone(), source: Box::new(other) },
        }
    }
}

impl Drop for Dialogue<'_> {
    fn drop(&mut self) {
        if let Some(InUse { connection, .. }) = self.in_use.take() {
            self.client.line.give_back(&self.route, connection);
        }
    }
}

/// Not the MASA's own word: it, or whoever stands in front of it, is not in order at the moment.
fn is_down(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

/// The MASA did not act, and may soon: it is down, or we ask too often (RFC 6585, section 4).
fn is_for_now(status: StatusCode) -> bool {
    is_down(status) || status == StatusCode::TOO_MANY_REQUESTS
}

fn get(location: Uri) -> Request<Full<Bytes>> {
    let mut get = Request::new(Full::default());
    *get.uri_mut() = location;
    get.headers_mut().insert(ACCEPT, HeaderValue::from_static(JSON));
    get
}

/// Spreads those who failed at the same moment; nothing depends on nobody guessing it.
fn random() -> u32 {
    let mut octets = [0; 4];
    match aws_lc_rs::rand::fill(&mut octets) {
        Ok(()) => u32::from_be_bytes(octets),
        Err(_) => u32::MAX,
    }
}

/// Why a server is not the MASA of this manufacturer.
#[derive(Debug, thiserror::Error)]
enum NotAnchored {
    #[error(
        "no TLS anchor of the MASA of '{manufacturer}' is accepted, and the web's public CAs are not asked: it belongs in masa-tls-anchors of the profile, or into `trust add --tls-certificate`"
    )]
    Nothing { manufacturer: String },
    #[error("its TLS certificate does not hold under the anchors of the MASA of '{manufacturer}' (masa-tls-anchors of the profile)")]
    Other { manufacturer: String, source: ClientError },
}

fn untrusted(url: &MasaUrl, source: impl std::error::Error + Send + Sync + 'static) -> MasaClientError {
    MasaClientError::Untrusted { url: url.clone(), source: Box::new(source) }
}

fn unusable_request(url: &MasaUrl, source: impl std::error::Error + Send + Sync + 'static) -> MasaClientError {
    unreadable(url, "its URL makes no request".to_owned(), source)
}

pub(super) fn unusable(url: &MasaUrl, detail: String) -> MasaClientError {
    MasaClientError::BadAnswer { url: url.clone(), detail, source: None }
}

fn unreadable(url: &MasaUrl, detail: String, source: impl std::error::Error + Send + Sync + 'static) -> MasaClientError {
    MasaClientError::BadAnswer { url: url.clone(), detail, source: Some(Box::new(source)) }
}

/// A MASA's explanation, as far as it is fit for a log line.
pub(super) fn sentence(answer: &Response<Bytes>) -> String {
    let text = String::from_utf8_lossy(answer.body());
    // It may wrap its lines; ours is one.
    let line = text.split(['\r', '\n']).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    printable(&line, LONGEST_WORDS)
}

pub(super) fn type_of(answer: &Response<Bytes>) -> String {
    media_type(answer.headers()).map_or_else(|| "no media type".to_owned(), |found| format!("media type {found}"))
}

const AUDIT_LOG: &str = "requestauditlog";
const KEY_PROVENANCE: &str = "requestkeyprovenance";
const JSON: &str = "application/json";
const STATEMENT: &str = "application/eat+cwt";
