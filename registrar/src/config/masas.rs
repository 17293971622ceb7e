//! The way to MASAs: how long they are waited for, and who asks them.

use core::time::Duration;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use brski_common::Clock;
use brski_common::serve::ClientLimits;
use brski_registrar::masa_client::{HttpMasaClient, Schedule, SqliteDesk, ThroughWorker, Worker};
use brski_registrar::{AnswerStore, MasaClient, MemoryAnswers};
use serde::Deserialize;

use super::Configuration;

/// The section `[masas]`. Without it the registrar asks by itself and remembers answers in memory.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Masas {
    connect_seconds: u64,
    exchange_seconds: u64,
    attempts: u32,
    worker: bool,
    store: Option<PathBuf>,
}

impl Default for Masas {
    fn default() -> Self {
        Self { connect_seconds: 5, exchange_seconds: 15, attempts: Schedule::default().attempts, worker: false, store: None }
    }
}

impl Masas {
    /// The field that is out of range, with what would be right.
    pub(super) fn mistake(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self { connect_seconds, .. } if !(1..=60).contains(connect_seconds) => Some(("masas.connect-seconds", "must be between 1 and 60")),
            Self { exchange_seconds, .. } if !(1..=60).contains(exchange_seconds) => Some(("masas.exchange-seconds", "must be between 1 and 60")),
            Self { attempts, .. } if !(1..=3).contains(attempts) => Some(("masas.attempts", "must be between 1 and 3")),
            Self { .. } => None,
        }
    }

    fn limits(&self) -> ClientLimits {
        let (connect, exchange) = (Duration::from_secs(self.connect_seconds), Duration::from_secs(self.exchange_seconds));
        ClientLimits { connect, exchange, response_octets: LARGEST_ANSWER }
    }

    /// Where questions and answers lie; nowhere if the process keeps them to itself.
    fn store(&self) -> Option<&Path> {
        match (&self.store, self.worker) {
            (Some(path), _) => Some(path),
            (None, true) => Some(Path::new(STORE)),
            (None, false) => None,
        }
    }
}

impl Configuration {
    /// Who asks MASAs, and who remembers what they answered.
    pub(super) fn masas(&self) -> anyhow::Result<(Arc<dyn MasaClient>, Arc<dyn AnswerStore>)> {
        let desk = self.desk()?;
        let client: Arc<dyn MasaClient> = match (&desk, self.values.masas.worker) {
            (Some(desk), true) => Arc::new(ThroughWorker::new(desk.clone(), Clock::system())),
            (Some(_) | None, _) => Arc::new(self.masa_client()?),
        };
        let answers: Arc<dyn AnswerStore> = match desk {
            Some(desk) => desk,
            None => Arc::new(MemoryAnswers::default()),
        };
        Ok((client, answers))
    }

    /// Who asks MASAs for a registrar that does not.
    pub(crate) fn worker(&self) -> anyhow::Result<Worker> {
        let desk = match (self.desk()?, self.values.masas.worker) {
            (Some(desk), true) => desk,
            (Some(_) | None, _) => return Err(self.file.error("masas.worker", "must be true for a worker to be of use: the registrar asks by itself").into()),
        };
        Ok(Worker::new(desk, Arc::new(self.masa_client()?), self.trust()?, Clock::system()))
    }

    /// Looks at the store without opening it.
    pub(super) fn check_masas(&self) -> anyhow::Result<()> {
        if let Some(path) = self.values.masas.store() {
            self.file.database("masas.store", path)?;
        }
        Ok(())
    }

    fn masa_client(&self) -> anyhow::Result<HttpMasaClient> {
        let schedule = Schedule { attempts: self.values.masas.attempts, ..Schedule::default() };
        Ok(HttpMasaClient::new(self.tls()?).with_limits(self.values.masas.limits()).with_schedule(schedule))
    }

    fn desk(&self) -> anyhow::Result<Option<Arc<SqliteDesk>>> {
        let Some(path) = self.values.masas.store().map(|path| self.file.resolve(path)) else { return Ok(None) };
        let desk = SqliteDesk::open(&path);
        let desk = desk.with_context(|| self.file.error("masas.store", format!("{} cannot be used", path.display())).to_string())?;
        Ok(Some(Arc::new(desk)))
    }
}

/// Audit logs may be long.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

const STORE: &str = "masas.sqlite";
