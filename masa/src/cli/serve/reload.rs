//! What is served, made of a configuration; and a new one in its place, all of it or nothing.

use std::path::PathBuf;
use std::sync::Arc;

use brski_common::access::{Access, Throttle};
use brski_common::http::{Door, Rate, Rates};
use brski_common::serve::{Reloadable, ServerConfig, server_config};
use brski_masa::masa::NotReady;
use brski_masa::{AdminService, CloudService, Masa, MasaService, metrics};
use tokio::signal::unix::Signal;

use crate::config::{Configuration, Opened};

/// What lives as long as the process, whatever is configured.
pub(super) struct Process {
    pub(super) opened: Opened,
    pub(super) throttle: Throttle,
}

/// Everything that a configuration decides on.
pub(super) struct Served {
    pub(super) registrars: MasaService,
    /// For devices that come themselves.
    pub(super) devices: Option<CloudService>,
    /// What every request passes first.
    pub(super) door: Door,
    /// Who may use the admin interface.
    pub(super) access: Access,
    pub(super) tls: Arc<ServerConfig>,
    pub(super) admin_tls: Arc<ServerConfig>,
    masa: Arc<Masa>,
}

impl Served {
    /// Reads every file that the configuration names.
    pub(super) fn new(configuration: &Configuration, process: &Process) -> anyhow::Result<Self> {
        let masa = Arc::new(configuration.masa_on(&process.opened)?);
        let knowing = Arc::clone(&masa);
        Ok(Self {
            registrars: MasaService::new(Arc::clone(&masa), configuration.body_limit()).with_audit_answer(configuration.audit_answer()?),
            devices: configuration.cloud_policy()?.map(|policy| CloudService::new(Arc::clone(&masa), policy, configuration.body_limit())),
            access: configuration.access(process.throttle.clone())?,
            door: configuration.limits().door(configuration.proxies()?, RATES, move |peer| knowing.knows(peer)),
            tls: server_config(&configuration.tls()?)?,
            admin_tls: server_config(&configuration.admin_tls()?)?,
            masa,
        })
    }

    pub(super) fn masa(&self) -> Arc<Masa> {
        Arc::clone(&self.masa)
    }
}

/// A registrar asks for all its devices: a hundred vouchers a second are more than a site takes in.
const RATES: Rates = Rates { certificate: Rate { per_minute: 6000, burst: 1000 }, address: Rate { per_minute: 6000, burst: 1000 } };

/// Reads the configuration again at each signal.
pub(super) async fn on_signal(
    mut hangup: Signal,
    path: PathBuf,
    mut configuration: Configuration,
    process: Process,
    served: Reloadable<Served>,
    admins: AdminService,
) {
    let process = Arc::new(process);
    while hangup.recv().await.is_some() {
        let (at, of) = (path.clone(), Arc::clone(&process));
        // Files are read, and perhaps tokens asked: nobody's request waits for that.
        let read = tokio::task::spawn_blocking(move || read(&at, &of)).await;
        let checked = match read.map_err(anyhow::Error::from).flatten() {
            Ok((next, new)) => check(&configuration, &next, &new).await.map(|()| (next, new)),
            Err(err) => Err(err),
        };
        let applied = checked.is_ok();
        match checked {
            Ok((next, new)) => {
                // Imports under way look at it as well.
                admins.replace(new.masa(), new.access.clone());
                served.replace(new);
                configuration = next;
                tracing::info!(outcome = "reloaded", config = %path.display(), "the configuration is in force");
            }
            Err(err) => {
                tracing::error!(outcome = "not reloaded", config = %path.display(), sentence = format!("{err:#}"), "the old configuration stays in force");
            }
        }
        // Last: whoever sees it counted sees its effect.
        metrics::count_reload(applied);
    }
}

fn read(path: &std::path::Path, process: &Process) -> anyhow::Result<(Configuration, Served)> {
    let next = Configuration::read(path)?;
    let served = Served::new(&next, process)?;
    Ok((next, served))
}

/// Whether the new one may take the old one's place, and whether its keys sign.
async fn check(old: &Configuration, next: &Configuration, new: &Served) -> anyhow::Result<()> {
    next.may_follow(old)?;
    match new.masa.ready().await {
        Err(why @ (NotReady::Key | NotReady::Log)) => Err(why.into()),
        // A ledger that is busy is no fault of the configuration.
        Ok(()) | Err(_) => Ok(()),
    }
}
