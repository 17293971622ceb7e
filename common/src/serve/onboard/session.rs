//! One registrar, reached over one TLS connection or, if that is closed in between, over further ones to the same server.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER};
use http::{Request, Response};
use http_body_util::Full;
use rustls::ClientConfig;
use tokio::time::{Instant, sleep};
use tracing::debug;

use super::error::{Cause, OnboardError};
use super::step::{Stage, Step};
use super::{Options, at};
use crate::certificate::Certificate;
use crate::pledge::{Answer, Ask, Failed};
use crate::serve::client::{ClientError, HttpsConnection};
use crate::time::UnixTime;

/// A registrar and how it is talked to.
#[derive(Debug)]
pub(super) struct Session {
    authority: String,
    tls: Arc<ClientConfig>,
    options: Options,
    began: Instant,
    registrar: Vec<Certificate>,
    connection: HttpsConnection,
}

impl Session {
    /// Connects.
    pub(super) async fn open(authority: &str, tls: Arc<ClientConfig>, options: &Options) -> Result<Self, ClientError> {
        let connection = HttpsConnection::open(authority, tls.clone(), options.limits).await?;
        let registrar = connection.server_certificates().to_vec();
        Ok(Self { authority: authority.to_owned(), tls, options: options.clone(), began: Instant::now(), registrar, connection })
    }

    /// What the server showed, its own certificate first.
    pub(super) fn registrar(&self) -> &[Certificate] {
        &self.registrar
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    pub(super) fn now(&self) -> UnixTime {
        self.options.clock.now()
    }

    /// Sends one request and reads its answer.
    pub(super) async fn exchange(&mut self, ask: &Ask) -> Result<Answer, Cause> {
        if !self.connection.is_open() {
            self.reopen().await?;
        }
        let answer = self.connection.send(request(ask)).await?;
        Ok(answer_of(answer))
    }

    /// Sends one request, and again as long as the answer is to come later.
    pub(super) async fn patiently(&mut self, stage: Stage, ask: &Ask, tell: &mut impl FnMut(&Step)) -> Result<Answer, OnboardError> {
        let mut repeats = 0;
        loop {
            let answer = self.exchange(ask).await.map_err(at(stage))?;
            let Some(wait) = answer.wait() else { return Ok(answer) };
            self.wait(stage, &mut repeats, wait, &answer, tell).await?;
        }
    }

    /// Waits as long as the registrar and our own patience agree upon.
    pub(super) async fn wait(
        &self,
        stage: Stage,
        repeats: &mut u32,
        wait: Duration,
        answer: &Answer,
        tell: &mut impl FnMut(&Step),
    ) -> Result<(), OnboardError> {
        let wait = wait.min(self.options.longest_wait);
        let waited = self.began.elapsed();
        if *repeats >= self.options.repeats || waited.saturating_add(wait) > self.options.patience {
            return Err(at(stage)(Cause::Exhausted { repeats: *repeats, waited, sentence: answer.sentence() }));
        }
        tell(&Step::Waiting { stage, wait, repeats: *repeats, sentence: answer.sentence() });
        sleep(wait).await;
        *repeats += 1;
        Ok(())
    }

    /// Tells the registrar what it is owed, and gives back why the attempt ended.
    pub(super) async fn fail(&mut self, stage: Stage, failed: Failed) -> OnboardError {
        if let Some(report) = &failed.report
            && let Err(err) = self.exchange(report).await
        {
            debug!(error = %err, "the registrar could not be told of the failure");
        }
        OnboardError { stage, cause: Cause::Pledge(failed.error) }
    }

    /// Some registrars close after each answer. The voucher-request names this one's certificate, so that no other will do.
    async fn reopen(&mut self) -> Result<(), Cause> {
        let connection = HttpsConnection::open(&self.authority, self.tls.clone(), self.options.limits).await?;
        let (found, expected) = (connection.server_certificates().first(), self.registrar.first());
        if found != expected {
            return Err(Cause::RegistrarChanged { found: name_of(found), expected: name_of(expected) });
        }
        self.connection = connection;
        Ok(())
    }
}

fn request(ask: &Ask) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::from(ask.body.clone()));
    *request.method_mut() = if ask.body.is_empty() && ask.method == "GET" { http::Method::GET } else { http::Method::POST };
    *request.uri_mut() = http::Uri::from_static(ask.path);
    let fields = [(CONTENT_TYPE, ask.content_type), (ACCEPT, ask.accept)];
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name, http::HeaderValue::from_static(value?))));
    request.headers_mut().extend(fields);
    request
}

fn answer_of(response: Response<Bytes>) -> Answer {
    let headers = response.headers();
    Answer {
        status: response.status().as_u16(),
        content_type: text_of(headers, &CONTENT_TYPE),
        retry_after: text_of(headers, &RETRY_AFTER),
        location: text_of(headers, &LOCATION),
        body: response.body().to_vec(),
    }
}

fn text_of(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn name_of(certificate: Option<&Certificate>) -> String {
    certificate.map_or_else(|| "none".to_owned(), |certificate| format!("{} ({})", certificate.subject(), certificate.fingerprint()))
}
