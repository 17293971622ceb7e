//! A MASA and a registrar as processes of their own, or ones that somebody else runs.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use brski_common::serve::{ClientConfig, ClientLimits, HttpsConnection, provisional_config};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::process::{self, Memory};
use crate::world::Run;

/// Both servers.
pub(crate) struct Servers {
    pub(crate) masa: Server,
    pub(crate) registrar: Server,
}

/// One server.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    /// Host and port.
    pub(crate) address: String,
    /// From the start of the process to its first answer; none if it ran already.
    pub(crate) ready_after: Option<Duration>,
    /// The process, and its number; none if it is somebody else's, or has ended.
    process: Option<(Child, u32)>,
    /// By which it is known to answer.
    resource: &'static str,
}

impl Servers {
    /// Starts both in the folder of this run.
    pub(crate) async fn start(run: &Run) -> Result<Self> {
        let masa = Server::start("masa", &run.folder, CHECKPOINT, &[]).await?;
        run.point_registrar_at(&masa.address)?;
        let registrar = Server::start("registrar", &run.folder, CA_CERTIFICATES, &[]).await?;
        Ok(Self { masa, registrar })
    }

    /// Those that somebody else runs.
    pub(crate) fn elsewhere(masa: String, registrar: String) -> Self {
        let server = |name, address, resource| Server { name, address, ready_after: None, process: None, resource };
        Self { masa: server("masa", masa, CHECKPOINT), registrar: server("registrar", registrar, CA_CERTIFICATES) }
    }

    /// Both.
    pub(crate) fn all(&self) -> [&Server; 2] {
        [&self.masa, &self.registrar]
    }

    /// Ends those that were started here.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        self.registrar.stop().await?;
        self.masa.stop().await
    }
}

impl Server {
    async fn start(name: &'static str, folder: &Path, resource: &'static str, environment: &[(&str, String)]) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let program = program(&format!("brski-{name}"))?;
        let told = std::fs::OpenOptions::new().create(true).append(true).open(&log).with_context(|| format!("cannot make {}", log.display()))?;
        let began = Instant::now();
        let mut command = Command::new(program);
        command.args(["serve", "--config"]).arg(folder.join(name).join(format!("{name}.toml")));
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(told).kill_on_drop(true).spawn()?;
        let pid = child.id().with_context(|| format!("the {name} ended at once; its log is {}", log.display()))?;
        let mut lines = BufReader::new(child.stdout.take().context("the server has no standard output")?).lines();
        let line = lines
            .next_line()
            .await?
            .with_context(|| format!("the {name} does not listen, and says: {}; if the cache is of an older version, remove it", last_line(&log)))?;
        let address = line.rsplit("https://").next().unwrap_or_default().to_owned();
        // What it says later must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });

        let tls = provisional_config(None)?;
        answer(&address, tls, resource).await.with_context(|| format!("the {name} does not answer"))?;
        Ok(Self { name, address, ready_after: Some(began.elapsed()), process: Some((child, pid)), resource })
    }

    /// Starts it again, after its end, on the data in `folder`, which says that it is to listen where it did.
    pub(crate) async fn start_again(&mut self, folder: &Path, environment: &[(&str, String)]) -> Result<()> {
        let address = std::mem::take(&mut self.address);
        *self = Self::start(self.name, folder, self.resource, environment).await?;
        ensure!(self.address == address, "the {} listens on {} now, expected {address}", self.name, self.address);
        Ok(())
    }

    /// Ends it without notice, as a power failure would.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        let (mut child, _) = self.process.take().context("the server has no process here")?;
        Ok(child.kill().await?)
    }

    /// Halts it, or lets it go on.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let (_, pid) = self.process.as_ref().context("the server has no process here")?;
        send(*pid, signal)
    }

    /// CPU time that it has had so far; none if its process is not here.
    pub(crate) fn cpu(&self) -> Result<Option<Duration>> {
        self.process.as_ref().map(|(_, pid)| process::cpu_of(*pid)).transpose()
    }

    /// Its memory; none if its process is not here.
    pub(crate) fn memory(&self) -> Result<Option<Memory>> {
        self.process.as_ref().map(|(_, pid)| process::memory_of(*pid)).transpose()
    }

    /// Ends it in order, if it was started here and has not ended.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        let Some((mut child, pid)) = self.process.take() else { return Ok(()) };
        send(pid, Signal::TERM)?;
        match tokio::time::timeout(PATIENCE, child.wait()).await {
            Ok(status) => ensure!(status?.success(), "the {} did not end well", self.name),
            Err(_) => child.kill().await?,
        }
        Ok(())
    }
}

fn send(pid: u32, signal: Signal) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("a process has no number")?;
    Ok(kill_process(pid, signal)?)
}

/// Gets one resource and drops what it says.
async fn answer(address: &str, tls: Arc<ClientConfig>, resource: &'static str) -> Result<()> {
    let mut connection = HttpsConnection::open(address, tls, ClientLimits::default()).await?;
    let answer = connection.send(http::Request::get(resource).body(Default::default())?).await?;
    ensure!(answer.status() == 200, "GET {resource} was answered with {}", answer.status());
    Ok(())
}

/// One of the programs, which lie beside the folder of the examples.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let beside = own.ancestors().skip(1).take(2).map(|folder| folder.join(name));
    for path in beside {
        if path.is_file() {
            return Ok(path);
        }
    }
    bail!("{name} is not built beside {}: cargo build --bins, with --release if this is", own.display())
}

fn last_line(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().next_back().unwrap_or("it said nothing").to_owned()
}

/// What idle figures, and the first answer, are asked by.
pub(crate) const CHECKPOINT: &str = "/.well-known/brski-log/checkpoint";
/// The same of the registrar.
pub(crate) const CA_CERTIFICATES: &str = "/.well-known/est/cacerts";

const PATIENCE: Duration = Duration::from_secs(30);
