//! MASAs over HTTPS (RFC 8995, sections 5.4 to 5.8): voucher, then audit log, then provenance statement, each for the same request, over one connection.

mod dialogue;
mod line;

use core::time::Duration;
use std::sync::Arc;

use brski_common::http::{retry_after, voucher_format};
use brski_common::provenance::ProvenanceStatement;
use brski_common::serve::{ClientLimits, TlsIdentity};
use brski_common::{BoxFuture, Clock, MasaUrl, Signed, VoucherRequest};
use http::StatusCode;

use self::dialogue::{Dialogue, sentence, type_of, unusable};
use self::line::Line;
use super::{Lines, MasaAnswer, MasaClient, MasaClientError, Question, Schedule};
use crate::trust::Manufacturer;

/// Asks MASAs over HTTPS, as the registrar that `identity` is. Servers are authenticated by the manufacturer's own anchors and by name (RFC 9525), never by the web's public CAs;
/// the name is sent along (SNI; constrained BRSKI, section 7.3).
///
/// Connections are kept for the next question. What is safe to repeat is repeated by a [`Schedule`]; a MASA that fails again and again is left alone for a while
/// ([`Breaker`](super::breaker::Breaker)). Clones share all of it.
#[derive(Clone, Debug)]
pub struct HttpMasaClient {
    line: Arc<Line>,
    limits: ClientLimits,
    schedule: Schedule,
    clock: Clock,
}

impl HttpMasaClient {
    /// A client that shows `identity` to every MASA and gives it 5 s to connect and 15 s for each of its answers, of at most 4 MiB: audit logs may be long.
    pub fn new(identity: TlsIdentity) -> Self {
        let limits = ClientLimits { connect: Duration::from_secs(5), exchange: Duration::from_secs(15), response_octets: 4 * 1024 * 1024 };
        Self { line: Arc::new(Line::new(identity, Lines::default())), limits, schedule: Schedule::default(), clock: Clock::system() }
    }

    /// The same with other bounds.
    #[must_use]
    pub fn with_limits(self, limits: ClientLimits) -> Self {
        Self { limits, ..self }
    }

    /// The same with other times at which a question is repeated.
    #[must_use]
    pub fn with_schedule(self, schedule: Schedule) -> Self {
        Self { schedule, ..self }
    }

    /// The same with another clock, by which MASAs are left alone. TLS asks the machine's own.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The same over lines that others use or used, so that it knows whom to leave alone.
    #[must_use]
    pub fn over(self, lines: Lines) -> Self {
        Self { line: Arc::new(self.line.over(lines)), ..self }
    }

    /// Has one question asked, unless its MASA is left alone, and notes how it ended.
    async fn asked<T>(&self, url: &MasaUrl, question: impl Future<Output = Result<T, MasaClientError>>) -> Result<T, MasaClientError> {
        self.line.lines.may_ask(url, self.clock.now())?;
        let answered = question.await;
        self.line.lines.note(url, answered.as_ref().err(), self.clock.now());
        answered
    }

    async fn gather(&self, question: Question<'_>) -> Result<MasaAnswer, MasaClientError> {
        let Question { manufacturer, url, request, answer: format, .. } = question;
        let mut dialogue = Dialogue::new(self, manufacturer, url, request)?;
        let accept: Vec<_> = core::iter::once(format.voucher_media_type()).chain(format.older_voucher_media_type(manufacturer.lenient)).collect();
        let answer = dialogue.post("requestvoucher", &accept.join(", ")).await?;
        let voucher = match answer.status() {
            StatusCode::OK if voucher_format(answer.headers(), manufacturer.lenient) == Ok(format) => Signed::from_wire(format, answer.into_body()),
            StatusCode::OK => return Err(unusable(url, format!("it answered requestvoucher with {}", type_of(&answer)))),
            // Too many questions are about us, and not about the device.
            StatusCode::ACCEPTED | StatusCode::TOO_MANY_REQUESTS => {
                return Ok(MasaAnswer::Later(retry_after(answer.headers(), self.clock.now()).unwrap_or(LATER)));
            }
            no if no.is_client_error() => return Ok(MasaAnswer::Refused { status: no.as_u16(), sentence: sentence(&answer) }),
            _ => return Err(dialogue.unexpected("requestvoucher", &answer)),
        };
        let audit_log = dialogue.audit_log().await?;
        let statement = dialogue.statement().await?;
        Ok(MasaAnswer::Vouched { voucher, statement, audit_log })
    }
}

impl MasaClient for HttpMasaClient {
    fn request_voucher<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<MasaAnswer, MasaClientError>> {
        Box::pin(self.asked(question.url, self.gather(question)))
    }

    fn request_statement<'a>(
        &'a self,
        manufacturer: &'a Manufacturer,
        url: &'a MasaUrl,
        request: &'a Signed<VoucherRequest>,
    ) -> BoxFuture<'a, Result<Option<Signed<ProvenanceStatement>>, MasaClientError>> {
        let ask = async move { Dialogue::new(self, manufacturer, url, request)?.statement().await };
        Box::pin(self.asked(url, ask))
    }
}

// A MASA that does not say how long: as long as a pledge may be kept waiting at a time (RFC 8995, section 5.6).
const LATER: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
