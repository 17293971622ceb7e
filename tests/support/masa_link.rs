//! A registrar's way to the MASA, with the MASA at the other end of a function call. A test may cut it or play with what comes back.

use core::time::Duration;
use std::sync::{Arc, Mutex, RwLock};

use brski_common::{AuditLog, BoxFuture, Format, MasaUrl, PeerCertificates, ProvenanceStatement, Signed, VoucherRequest};
use brski_masa::MasaService;
use brski_registrar::{Manufacturer as Profile, MasaAnswer, MasaClient, MasaClientError, Question};

use super::exchange::{Reply, request, to_masa};

/// What happens on the way to the MASA and back.
pub(crate) enum Mood {
    /// Nothing.
    Up,
    /// Nobody is there.
    Down,
    /// Nobody answers in time.
    Silent,
    /// Somebody else answers in its place.
    Answering(MasaAnswer),
    /// The voucher is not what the MASA sent.
    Altering(Box<dyn Fn(Vec<u8>) -> Vec<u8> + Send + Sync>),
    /// Nothing of what the MASA said need be what arrives.
    Rewriting(Box<dyn Fn(MasaAnswer) -> MasaAnswer + Send + Sync>),
}

/// Calls the MASA's service as an HTTPS client would.
pub(crate) struct MasaLink {
    service: Arc<RwLock<MasaService>>,
    registrar: PeerCertificates,
    mood: Mutex<Mood>,
    asked: Mutex<Vec<Signed<VoucherRequest>>>,
}

impl MasaLink {
    /// For the registrar with this TLS certificate path.
    pub(crate) fn new(service: Arc<RwLock<MasaService>>, registrar: PeerCertificates) -> Self {
        Self { service, registrar, mood: Mutex::new(Mood::Up), asked: Mutex::default() }
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Every voucher-request that was sent, whatever became of it.
    pub(crate) fn asked(&self) -> Vec<Signed<VoucherRequest>> {
        self.asked.lock().unwrap().clone()
    }

    async fn post(&self, url: &MasaUrl, resource: &str, body: &Signed<VoucherRequest>, accept: &str) -> Reply {
        let headers = [("content-type", body.format().voucher_media_type()), ("accept", accept)];
        let service = self.service.read().unwrap().clone();
        to_masa(&service, request("POST", &url.path_of(resource), &headers, body.wire().to_vec(), &self.registrar)).await
    }

    async fn exchange(&self, url: &MasaUrl, body: &Signed<VoucherRequest>, answer: Format) -> Result<MasaAnswer, MasaClientError> {
        self.asked.lock().unwrap().push(body.clone());
        match &*self.mood.lock().unwrap() {
            Mood::Up | Mood::Altering(_) | Mood::Rewriting(_) => {}
            Mood::Down => return Err(MasaClientError::Unreachable { url: url.clone(), source: "connection refused".into() }),
            Mood::Silent => return Err(MasaClientError::TimedOut { url: url.clone(), after: Duration::from_secs(30) }),
            Mood::Answering(answer) => return Ok(answer.clone()),
        }
        let voucher = self.post(url, "requestvoucher", body, answer.voucher_media_type()).await;
        if voucher.status != 200 {
            return Ok(MasaAnswer::Refused { status: voucher.status, sentence: String::from_utf8(voucher.body).unwrap() });
        }
        let voucher = match &*self.mood.lock().unwrap() {
            Mood::Altering(alter) => alter(voucher.body),
            Mood::Up | Mood::Down | Mood::Silent | Mood::Answering(_) | Mood::Rewriting(_) => voucher.body,
        };
        let statement = self.post(url, "requestkeyprovenance", body, "application/eat+cwt").await;
        let audit_log = self.post(url, "requestauditlog", body, "application/json").await;
        let said = MasaAnswer::Vouched {
            voucher: Signed::from_wire(answer, voucher),
            statement: (statement.status == 200).then(|| Signed::from_wire(Format::Cose, statement.body)),
            audit_log: Some(AuditLog::from_json(audit_log.ok("application/json")).unwrap()),
        };
        match &*self.mood.lock().unwrap() {
            Mood::Rewriting(rewrite) => Ok(rewrite(said)),
            Mood::Up | Mood::Down | Mood::Silent | Mood::Answering(_) | Mood::Altering(_) => Ok(said),
        }
    }
}

impl MasaLink {
    async fn statement(&self, url: &MasaUrl, body: &Signed<VoucherRequest>) -> Result<Option<Signed<ProvenanceStatement>>, MasaClientError> {
        match &*self.mood.lock().unwrap() {
            Mood::Up | Mood::Altering(_) | Mood::Rewriting(_) | Mood::Answering(_) => {}
            Mood::Down => return Err(MasaClientError::Unreachable { url: url.clone(), source: "connection refused".into() }),
            Mood::Silent => return Err(MasaClientError::TimedOut { url: url.clone(), after: Duration::from_secs(30) }),
        }
        let statement = self.post(url, "requestkeyprovenance", body, "application/eat+cwt").await;
        Ok((statement.status == 200).then(|| Signed::from_wire(Format::Cose, statement.body)))
    }
}

impl MasaClient for MasaLink {
    fn request_voucher<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<MasaAnswer, MasaClientError>> {
        Box::pin(self.exchange(question.url, question.request, question.answer))
    }

    fn request_statement<'a>(
        &'a self,
        _: &'a Profile,
        url: &'a MasaUrl,
        request: &'a Signed<VoucherRequest>,
    ) -> BoxFuture<'a, Result<Option<Signed<ProvenanceStatement>>, MasaClientError>> {
        Box::pin(self.statement(url, request))
    }
}
