//! A registrar that may not reach the Internet, and the process beside it that may: questions and answers pass through a [`SqliteDesk`].
//!
//! ```text
//! serve --put--> question <--take-- masa-worker --HTTPS--> MASA
//!   '<--next time the pledge comes-- outcome <--end--'
//! ```
//! Whatever the worker brings is verified and appraised by the registrar as if it had asked itself: the worker holds no policy and decides nothing.

#[cfg(test)]
mod tests;

use core::time::Duration;
use std::sync::Arc;

use brski_common::provenance::ProvenanceStatement;
use brski_common::text::in_full;
use brski_common::time::{at, to_rfc3339};
use brski_common::{BoxFuture, Clock, MasaUrl, Signed, UnixTime, VoucherRequest};

use super::desk::{Errand, QuestionsError, SqliteDesk, Standing, Task};
use super::digest::identified;
use super::stored::Stored;
use super::{MasaAnswer, MasaClient, MasaClientError, Question};
use crate::trust::{Manufacturer, Trust};

/// Asks nobody, and lets a [`Worker`] ask.
#[derive(Clone, Debug)]
pub struct ThroughWorker {
    desk: Arc<SqliteDesk>,
    clock: Clock,
}

impl ThroughWorker {
    /// Questions go to this desk.
    pub fn new(desk: Arc<SqliteDesk>, clock: Clock) -> Self {
        Self { desk, clock }
    }

    /// How the question ended; none if it has not, without anything being wrong.
    async fn put(&self, task: Task) -> Result<Option<Stored>, MasaClientError> {
        let (url, now) = (task.url.clone(), self.clock.now());
        match self.desk.put(task, now).await {
            Ok(Standing::Ended(outcome)) => Ok(Some(outcome)),
            Ok(Standing::Open { trouble: Some(trouble), .. }) => Err(unreachable(&url, trouble)),
            Ok(Standing::Open { since, trouble: None }) => match now.as_secs().saturating_sub(since.as_secs()) < UNTAKEN.as_secs() {
                true => Ok(None),
                false => Err(unreachable(&url, format!("no masa-worker has brought an answer since {}; is one running?", to_rfc3339(since)))),
            },
            Ok(Standing::Crowded(waiting)) => Err(MasaClientError::Crowded { url, waiting: waiting.unsigned_abs(), wait: LOOK_AGAIN }),
            Ok(Standing::Full) => Err(MasaClientError::Full { url }),
            Err(err) => Err(unreachable(&url, err)),
        }
    }
}

impl MasaClient for ThroughWorker {
    fn request_voucher<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<MasaAnswer, MasaClientError>> {
        let Question { manufacturer, url, request, pledge_request, answer } = question;
        Box::pin(async move {
            // Not of another MASA that was asked before the configuration changed.
            let id = identified(&[b"voucher", manufacturer.name.as_bytes(), url.to_string().as_bytes(), &pledge_request, answer.name().as_bytes()]);
            let (device, errand) = (device_of(request, manufacturer, url)?, Errand::Voucher { pledge_request, wanted: answer });
            let (manufacturer, request) = (manufacturer.name.clone(), request.clone());
            match self.put(Task { id, device, manufacturer, url: url.clone(), request, errand, ticket: 0, tries: 0 }).await? {
                Some(outcome) => outcome.into_answer(url),
                None => Err(MasaClientError::Asking { url: url.clone(), wait: LOOK_AGAIN }),
            }
        })
    }

    /// Puts the question down, too: the first time a device wants to renew it is told to come again, and the answer is there when it does.
    fn request_statement<'a>(
        &'a self,
        manufacturer: &'a Manufacturer,
        url: &'a MasaUrl,
        request: &'a Signed<VoucherRequest>,
    ) -> BoxFuture<'a, Result<Option<Signed<ProvenanceStatement>>, MasaClientError>> {
        Box::pin(async move {
            // Our request differs each time by its date: the device is what stays the same.
            let device = device_of(request, manufacturer, url)?;
            let id = identified(&[b"statement", &device, url.to_string().as_bytes()]);
            let (manufacturer, request) = (manufacturer.name.clone(), request.clone());
            match self.put(Task { id, device, manufacturer, url: url.clone(), request, errand: Errand::Statement, ticket: 0, tries: 0 }).await? {
                Some(outcome) => outcome.into_statement(url),
                None => Err(MasaClientError::Asking { url: url.clone(), wait: LOOK_AGAIN }),
            }
        })
    }
}

/// Takes questions from a desk and has a client ask them. Any number of workers may share a desk.
#[derive(Clone)]
pub struct Worker {
    desk: Arc<SqliteDesk>,
    client: Arc<dyn MasaClient>,
    trust: Trust,
    clock: Clock,
}

impl Worker {
    /// Asks the MASAs of these manufacturers by this client.
    pub fn new(desk: Arc<SqliteDesk>, client: Arc<dyn MasaClient>, trust: Trust, clock: Clock) -> Self {
        Self { desk, client, trust, clock }
    }

    /// Asks one question that waits, and writes down how it ended; false if none waits.
    ///
    /// A worker that is stopped in the middle loses nothing: the question is taken up again by whoever comes two minutes later.
    ///
    /// # Errors
    /// [`QuestionsError`] if the desk does not do its part.
    pub async fn step(&self) -> Result<bool, QuestionsError> {
        let now = self.clock.now();
        let Some(task) = self.desk.take(now, later(now, LEASE)).await? else { return Ok(false) };
        match self.ask(&task).await {
            Ok(outcome) => self.end(&task, &outcome).await?,
            Err(err) => match Stored::error(&err) {
                Some(outcome) => {
                    tracing::error!(masa = %task.url, manufacturer = task.manufacturer, reason = in_full(&err), "a MASA gave no answer that can be used");
                    self.end(&task, &outcome).await?;
                }
                None => {
                    tracing::warn!(masa = %task.url, manufacturer = task.manufacturer, reason = in_full(&err), "a MASA gave no answer, and is asked again");
                    let rest = FIRST_REST.saturating_mul(2_u32.saturating_pow(task.tries)).min(LONGEST_REST);
                    self.desk.put_back(&task, in_full(&err), later(self.clock.now(), rest)).await?;
                }
            },
        }
        Ok(true)
    }

    async fn end(&self, task: &Task, outcome: &Stored) -> Result<(), QuestionsError> {
        if self.desk.end(task, outcome, self.clock.now()).await? {
            return Ok(());
        }
        // Answers for which nobody comes make room within an hour.
        tracing::error!(masa = %task.url, manufacturer = task.manufacturer, "the store has no room for a MASA's answer, which is fetched again later");
        self.desk.put_back(task, "the store has no room for the answer".to_owned(), later(self.clock.now(), LONGEST_REST)).await
    }

    async fn ask(&self, task: &Task) -> Result<Stored, MasaClientError> {
        let Task { manufacturer: name, url, request, errand, .. } = task;
        let Some(manufacturer) = self.trust.manufacturers().iter().find(|known| known.name == *name) else {
            let source = format!("the masa-worker knows no manufacturer called '{name}'; it reads the profiles when it starts").into();
            return Err(MasaClientError::Untrusted { url: url.clone(), source });
        };
        match *errand {
            Errand::Voucher { pledge_request, wanted } => {
                let answer = self.client.request_voucher(Question { manufacturer, url, request, pledge_request, answer: wanted }).await?;
                Ok(Stored::answer(&answer))
            }
            Errand::Statement => Ok(Stored::statement(self.client.request_statement(manufacturer, url, request).await?.as_ref())),
        }
    }
}

/// The device that our own request is about, among all manufacturers'.
fn device_of(request: &Signed<VoucherRequest>, manufacturer: &Manufacturer, url: &MasaUrl) -> Result<[u8; 32], MasaClientError> {
    let leaves = request.peek_unverified(manufacturer.lenient).map_err(|err| MasaClientError::BadAnswer {
        url: url.clone(),
        detail: "the registrar's own request cannot be read".to_owned(),
        source: Some(err.into()),
    })?;
    let issuer = leaves.idevid_issuer.map(|issuer| issuer.to_string()).unwrap_or_default();
    Ok(identified(&[manufacturer.name.as_bytes(), leaves.serial_number.as_str().as_bytes(), issuer.as_bytes()]))
}

fn unreachable(url: &MasaUrl, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> MasaClientError {
    MasaClientError::Unreachable { url: url.clone(), source: source.into() }
}

fn later(time: UnixTime, by: Duration) -> UnixTime {
    at(time.as_secs().saturating_add(by.as_secs()))
}

/// A worker answers within seconds.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Longer than any exchange takes.
const LEASE: Duration = Duration::from_secs(120);

/// A question without answer or trouble for so long has no worker.
const UNTAKEN: Duration = Duration::from_secs(300);

const FIRST_REST: Duration = Duration::from_secs(5);

const LONGEST_REST: Duration = Duration::from_secs(300);
