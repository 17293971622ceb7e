//! What is served, made of a configuration; and a new one in its place, all of it or nothing.

use std::path::PathBuf;
use std::sync::Arc;

use brski_common::access::{Access, Throttle};
use brski_common::http::{Door, Rate, Rates};
use brski_common::serve::{Reloadable, ServerConfig, server_config};
use brski_common::text::in_full;
use brski_registrar::admin::Webhook;
use brski_registrar::registrar::NotReady;
use brski_registrar::{AdminService, PledgeStore, Registrar, RegistrarService, metrics};
use tokio::signal::unix::Signal;

use crate::config::{Configuration, MasaMemory};

/// What lives as long as the process, whatever is configured.
pub(super) struct Process {
    pub(super) pledges: Arc<dyn PledgeStore>,
    pub(super) throttle: Throttle,
    /// A new configuration wakes nobody who is left alone, and asks nobody again who has answered.
    pub(super) masas: MasaMemory,
}

/// Everything that a configuration decides on.
pub(super) struct Served {
    pub(super) pledges: RegistrarService,
    /// What every request passes first.
    pub(super) door: Door,
    /// Who may use the admin interface.
    pub(super) access: Access,
    pub(super) webhooks: Vec<Webhook>,
    pub(super) tls: Arc<ServerConfig>,
    pub(super) admin_tls: Arc<ServerConfig>,
    registrar: Arc<Registrar>,
}

impl Served {
    /// Reads every file that the configuration names.
    pub(super) fn new(configuration: &Configuration, process: &Process) -> anyhow::Result<Self> {
        configuration.revocation_warnings()?.iter().for_each(|warning| tracing::warn!(warning, "revocation"));
        let registrar = Arc::new(configuration.registrar_on(Arc::clone(&process.pledges), &process.masas)?);
        let knowing = Arc::clone(&registrar);
        Ok(Self {
            pledges: RegistrarService::new(Arc::clone(&registrar), configuration.body_limit()),
            access: configuration.access(process.throttle.clone())?,
            webhooks: configuration.webhooks()?,
            door: configuration.limits().door(configuration.proxies()?, RATES, move |peer| knowing.knows(peer)),
            tls: server_config(&configuration.tls()?)?,
            admin_tls: server_config(&configuration.admin_tls()?)?,
            registrar,
        })
    }

    pub(super) fn registrar(&self) -> Arc<Registrar> {
        Arc::clone(&self.registrar)
    }
}

/// A held pledge asks once a minute or less often, and one onboarding is nine requests; thousands of pledges may be behind one address.
const RATES: Rates = Rates { certificate: Rate { per_minute: 60, burst: 60 }, address: Rate { per_minute: 6000, burst: 1000 } };

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
                admins.replace(new.registrar(), new.access.clone(), new.webhooks.clone());
                let old = served.current();
                served.replace(new);
                // What is only counted so far would be forgotten with it.
                if let Err(err) = old.registrar.stopped().await {
                    tracing::error!(reason = in_full(&err), "strangers could not be written down");
                }
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

/// Whether the new one may take the old one's place, whether its keys sign, and last whether the trail tells of it: nobody is judged by a policy that it does not name.
async fn check(old: &Configuration, next: &Configuration, new: &Served) -> anyhow::Result<()> {
    next.may_follow(old)?;
    // A store that is busy is no fault of the configuration.
    if let Err(why @ (NotReady::Key | NotReady::CertificateAuthority)) = new.registrar.ready().await {
        return Err(why.into());
    }
    Ok(new.registrar.note_configured("the configuration was read again").await?)
}
