//! The way to MASAs: how long they are waited for, and who asks them.

use core::time::Duration;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::Context as _;
use brski_common::serve::setup::KeyFiles;
use brski_common::serve::{ClientLimits, TlsIdentity};
use brski_common::{Clock, UnixTime};
use brski_registrar::enroll::Nonces;
use brski_registrar::masa_client::{HttpMasaClient, Lines, Schedule, SqliteDesk, ThroughWorker, Worker};
use brski_registrar::{AnswerStore, MasaClient, MemoryAnswers};
use serde::Deserialize;

use super::{Configuration, Report};

/// The section `[masas]`. Without it the registrar asks by itself and remembers answers in memory.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Masas {
    connect_seconds: u64,
    exchange_seconds: u64,
    attempts: u32,
    worker: bool,
    store: Option<PathBuf>,
    identity: Option<KeyFiles>,
}

/// What lives as long as the process, whatever is configured: open connections to MASAs, whom to leave alone, what they answered a short while ago, and nonces that were handed out.
#[derive(Debug, Default)]
pub(crate) struct MasaMemory {
    lines: Lines,
    answers: Arc<MemoryAnswers>,
    nonces: Arc<Nonces>,
    /// Those in use: one that no configuration in force names any more is closed.
    desks: Mutex<HashMap<PathBuf, Weak<SqliteDesk>>>,
}

impl MasaMemory {
    /// The nonces that devices were given for their evidence.
    pub(super) fn nonces(&self) -> Arc<Nonces> {
        self.nonces.clone()
    }

    /// The store at this path, which is opened unless it is open.
    fn desk(&self, path: PathBuf) -> Result<Arc<SqliteDesk>, brski_registrar::masa_client::QuestionsError> {
        let mut desks = self.desks.lock().unwrap_or_else(PoisonError::into_inner);
        desks.retain(|_, desk| desk.strong_count() > 0);
        if let Some(desk) = desks.get(&path).and_then(Weak::upgrade) {
            return Ok(desk);
        }
        let desk = Arc::new(SqliteDesk::open(&path)?);
        desks.insert(path, Arc::downgrade(&desk));
        Ok(desk)
    }
}

impl Default for Masas {
    fn default() -> Self {
        Self { connect_seconds: 5, exchange_seconds: 15, attempts: Schedule::default().attempts, worker: false, store: None, identity: None }
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
    pub(super) fn masas(&self, memory: &MasaMemory) -> anyhow::Result<(Arc<dyn MasaClient>, Arc<dyn AnswerStore>)> {
        let desk = self.desk(memory)?;
        let client: Arc<dyn MasaClient> = match (&desk, self.values.masas.worker) {
            (Some(desk), true) => Arc::new(ThroughWorker::new(desk.clone(), Clock::system())),
            (Some(_) | None, _) => Arc::new(self.masa_client(memory)?),
        };
        let answers: Arc<dyn AnswerStore> = match desk {
            Some(desk) => desk,
            None => memory.answers.clone(),
        };
        Ok((client, answers))
    }

    /// Who asks MASAs for a registrar that does not.
    pub(crate) fn worker(&self) -> anyhow::Result<Worker> {
        let memory = MasaMemory::default();
        let desk = match (self.desk(&memory)?, self.values.masas.worker) {
            (Some(desk), true) => desk,
            (Some(_) | None, _) => return Err(self.file.error("masas.worker", "must be true for a worker to be of use: the registrar asks by itself").into()),
        };
        Ok(Worker::new(desk, Arc::new(self.masa_client(&memory)?), self.trust()?, Clock::system()))
    }

    /// Looks at the store without opening it, and at what MASAs are shown, unless a worker shows it: its key is nobody else's business.
    pub(super) fn check_masas(&self, report: &mut Report, now: UnixTime) -> anyhow::Result<()> {
        if let Some(path) = self.values.masas.store() {
            self.file.database("masas.store", path)?;
        }
        match &self.values.masas.identity {
            Some(files) if !self.values.masas.worker => report.add_key_pair(&self.file, "masas.identity", files, now),
            Some(_) | None => Ok(()),
        }
    }

    fn masa_client(&self, memory: &MasaMemory) -> anyhow::Result<HttpMasaClient> {
        let schedule = Schedule { attempts: self.values.masas.attempts, ..Schedule::default() };
        let client = HttpMasaClient::new(self.masa_identity()?).over(memory.lines.clone());
        Ok(client.with_limits(self.values.masas.limits()).with_schedule(schedule))
    }

    /// What MASAs are shown: the registrar's own certificate, unless whoever asks has another, so that it need not have the registrar's key.
    fn masa_identity(&self) -> anyhow::Result<TlsIdentity> {
        let Some(files) = &self.values.masas.identity else { return self.tls() };
        let pair = self.file.key_pair("masas.identity", files)?;
        Ok(TlsIdentity::with_signer(&pair.chain, pair.key).map_err(|err| self.file.error("masas.identity", "cannot be used for TLS").because(err))?)
    }

    fn desk(&self, memory: &MasaMemory) -> anyhow::Result<Option<Arc<SqliteDesk>>> {
        let Some(path) = self.values.masas.store().map(|path| self.file.resolve(path)) else { return Ok(None) };
        let desk = memory.desk(path.clone());
        let desk = desk.with_context(|| self.file.error("masas.store", format!("{} cannot be used", path.display())).to_string())?;
        Ok(Some(desk))
    }
}

/// Audit logs may be long.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

const STORE: &str = "masas.sqlite";

#[cfg(test)]
mod tests {
    use super::*;

    /// A registrar that leaves MASAs to a worker by the store of this name.
    fn configuration(store: &Path) -> Configuration {
        let identity = "[identity]\ncertificate = \"c\"\nkey = \"k\"\n";
        let text = format!(
            "version = 1\nlisten = \"127.0.0.1:1\"\npolicy = \"p\"\ntrust = \"t\"\npledges = \"d\"\n{identity}[masas]\nworker = true\nstore = {store:?}\n"
        );
        Configuration::read_as(Path::new("registrar.toml"), &text).unwrap()
    }

    fn is_same(one: &Arc<dyn AnswerStore>, other: &Arc<dyn AnswerStore>) -> bool {
        std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other))
    }

    #[test]
    fn store_of_questions_and_answers_is_opened_once_and_another_one_beside_it() {
        let folder = std::env::temp_dir().join(format!("brski-registrar-masas-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (one, other) = (configuration(&folder.join("one.sqlite")), configuration(&folder.join("other.sqlite")));
        let memory = MasaMemory::default();
        let answers = [&one, &one, &other].map(|configuration| configuration.masas(&memory).unwrap().1);
        assert!(is_same(&answers[0], &answers[1]) && !is_same(&answers[0], &answers[2]));
        assert_eq!(memory.desks.lock().unwrap().len(), 2);
        drop(answers);
        // What no configuration in force names any more is closed.
        let _answers = other.masas(&memory).unwrap();
        assert_eq!(memory.desks.lock().unwrap().len(), 1);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
