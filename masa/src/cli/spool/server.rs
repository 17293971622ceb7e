//! The admin API of a MASA, as a line uses it.

use std::path::Path;

use anyhow::Context as _;
use brski_common::Anchors;
use brski_common::serve::setup::{read_certificates, read_text};
use brski_common::serve::{ClientLimits, HttpsConnection, anchored_config};
use brski_common::text::printable;
use bytes::Bytes;
use core::time::Duration;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Full;
use serde_json::Value;

use super::pieces::{Form, Piece};

/// What a MASA said of a piece.
pub(super) enum Sent {
    /// One outcome a row.
    Outcomes(Vec<Value>),
    /// Nothing of it could be read.
    Refused(String),
}

/// A server, and the connection to it while it lasts.
pub(super) struct Server {
    authority: String,
    authorization: HeaderValue,
    anchors: Anchors,
    connection: Option<HttpsConnection>,
}

impl Server {
    pub(super) fn new(url: &str, token: &Path, anchor: &Path) -> anyhow::Result<Self> {
        let authority =
            url.strip_prefix("https://").map(|rest| rest.trim_end_matches('/')).filter(|authority| !authority.is_empty() && !authority.contains('/'));
        let authority = authority.with_context(|| format!("--url {url}: must be https://HOST:PORT"))?.to_owned();
        let text = read_text(token).with_context(|| format!("{}: cannot be read", token.display()))?;
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", text.trim())).with_context(|| format!("{}: holds no token", token.display()))?;
        authorization.set_sensitive(true);
        let anchors = Anchors::new(read_certificates(anchor)?).with_context(|| anchor.display().to_string())?;
        Ok(Self { authority, authorization, anchors, connection: None })
    }

    /// Posts a piece, and says what became of its rows.
    ///
    /// # Errors
    /// If the server cannot be reached, does not let this line in, or has trouble of its own: nothing is done then that could be relied on.
    pub(super) async fn send(&mut self, piece: &Piece) -> anyhow::Result<Sent> {
        let mut connection = match self.connection.take().filter(HttpsConnection::is_open) {
            Some(connection) => connection,
            None => HttpsConnection::open(&self.authority, anchored_config(&self.anchors, None)?, LIMITS).await?,
        };
        let media_type = match piece.form {
            Form::Lines => "application/x-ndjson",
            Form::Message => "application/cose",
        };
        let head = Request::post("/records").header(CONTENT_TYPE, media_type).header(AUTHORIZATION, self.authorization.clone());
        let answer = connection.send(head.body(Full::new(Bytes::from(piece.content.clone())))?).await?;
        self.connection = Some(connection);
        let sentence = printable(&String::from_utf8_lossy(answer.body()), 500);
        match answer.status() {
            StatusCode::OK => Ok(Sent::Outcomes(outcomes(answer.body())?)),
            // The body's fault, which does not change by waiting.
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::UNPROCESSABLE_ENTITY => {
                Ok(Sent::Refused(sentence))
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => anyhow::bail!("{} does not accept the token: {sentence}", self.authority),
            other => anyhow::bail!("{} answered {other}: {sentence}", self.authority),
        }
    }
}

/// The outcomes, of which the last line says how many there must be.
fn outcomes(body: &[u8]) -> anyhow::Result<Vec<Value>> {
    let lines = body.split(|octet| *octet == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let mut outcomes: Vec<Value> = lines.map(serde_json::from_slice).collect::<Result<_, _>>().context("the answer is not one JSON object a line")?;
    let sums = outcomes.pop().filter(|last| last.get("rows").and_then(Value::as_u64) == Some(outcomes.len() as u64));
    let sums = sums.context("the answer was cut off: its last line does not say how many rows it tells of")?;
    if let Some(sentence) = sums.get("stopped") {
        anyhow::bail!("the MASA stopped before the end, try again later: {}", printable(sentence.as_str().unwrap_or_default(), 500));
    }
    anyhow::ensure!(!outcomes.is_empty(), "the answer tells of no row");
    Ok(outcomes)
}

/// A batch may have many thousand rows.
const LIMITS: ClientLimits = ClientLimits { connect: Duration::from_secs(10), exchange: Duration::from_secs(300), response_octets: 64 * 1024 * 1024 };
