//! `serve`: the registrar behind a TLS listener, and those who run it behind another.

mod reload;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use brski_common::Leniency;
use brski_common::serve::metrics::{LISTENER_METRICS, UPKEEP, recorder};
use brski_common::serve::{Limits, Reloadable, Server, TlsSource};
use brski_common::text::in_full;
use brski_registrar::{AdminService, metrics};
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::logging::{self, LogFormat};
use super::signing::Signing;
use crate::config::Configuration;
use reload::{Process, Served};

/// Answer pledges over HTTPS until SIGTERM or SIGINT
///
/// Writes one line to standard output for each listener once all listen, and its log to standard error (RUST_LOG chooses what is logged).
/// When told to stop it finishes open requests first.
///
/// With SIGHUP it reads its configuration again, and every file that this names: keys, certificates, manufacturers, policy, credentials. Connections stay.
/// What cannot be used is logged as an error, and all of the old stays in force.
///
/// Under a policy that was changed, what the old one admitted stands no longer: a pledge that has no LDevID yet asks for its voucher again and is judged anew, and a device
/// that has one is judged anew when it renews.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// How log lines are written
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    logging::start(arguments.log_format);
    let recorder = recorder(&[LISTENER_METRICS, metrics::METRICS])?;
    let numbers = recorder.handle();
    ::metrics::set_global_recorder(recorder).map_err(|_| anyhow::anyhow!("metrics are collected already"))?;
    metrics::tell_build();

    let configuration = Configuration::read(&arguments.config)?;
    let process = Process { pledges: configuration.open()?, throttle: Default::default(), masas: Default::default() };
    let served = Served::new(&configuration, &process)?;
    if served.registrar().trust().manufacturers().is_empty() {
        let config = arguments.config.display();
        let next = format!("brski-registrar trust add --config {config} manufacturer-profile.toml");
        tracing::warn!(next, "no manufacturer is accepted yet, so that every pledge is refused; accept one, then send SIGHUP");
    }
    let rendered = numbers.clone();
    let render = move || brski_common::serve::metrics::render(&rendered);
    let admins = AdminService::new(served.registrar(), served.access.clone(), served.webhooks.clone(), render);

    let bind = async |field: &str, address| {
        let server = Server::bind(address).await;
        server.with_context(|| format!("{}, field {field}: {address} cannot be listened on", arguments.config.display()))
    };
    let server = bind("listen", configuration.listen()).await?.named("registrar");
    let admin = match configuration.admin_listen() {
        Some(address) => Some(bind("admin.listen", address).await?.named("admin")),
        None => None,
    };
    served.registrar().note_configured("the registrar started").await?;
    let served = Reloadable::new(served);
    // Before anybody is told: whoever reads the lines may ask us to stop or to reload at once.
    let (terminate, interrupt, hangup) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?);
    writeln!(crate::cli::out(), "brski-registrar listens on https://{}", server.local_addr()?)?;
    if let Some(admin) = &admin {
        writeln!(crate::cli::out(), "brski-registrar admin listens on https://{}", admin.local_addr()?)?;
    }

    let signing = Signing::begin(&configuration).await?;
    let (limits, (stop, stopping)) = (configuration.limits().limits(), watch::channel(()));
    let reloads = tokio::spawn(reload::on_signal(hangup, arguments.config.clone(), configuration, process, served.clone(), admins.clone()));
    let upkeep = tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            numbers.run_upkeep();
        }
    });
    tokio::join!(
        stop_on(terminate, interrupt, stop),
        serve_pledges(server, limits, served.clone(), stopping.clone()),
        serve_admins(admin, served.clone(), admins, stopping)
    );
    reloads.abort();
    upkeep.abort();
    if let Err(err) = served.current().registrar().stopped().await {
        tracing::error!(reason = in_full(&err), "strangers could not be written down");
    }
    signing.end().await;
    Leniency::log_totals();
    Ok(())
}

async fn stop_on(mut terminate: Signal, mut interrupt: Signal, stop: watch::Sender<()>) {
    tokio::select! {
        _ = terminate.recv() => (),
        _ = interrupt.recv() => (),
    }
    drop(stop);
}

async fn serve_pledges(server: Server, limits: Limits, served: Reloadable<Served>, mut stopping: watch::Receiver<()>) {
    let for_tls = served.clone();
    let tls = TlsSource::from_fn(move || for_tls.current().tls.clone());
    let at_door = served.clone();
    let server = server.exempting(move |address| at_door.current().door.is_proxy(address));
    let respond = move |request| {
        // For each request anew: one that is under way ends under the configuration it began with.
        let served = served.current();
        async move {
            match served.door.admit(request) {
                Ok(request) => served.pledges.respond(request).await,
                Err(refusal) => *refusal,
            }
        }
    };
    let stop = async move { drop(stopping.changed().await) };
    server.serve(tls, limits, respond, stop).await;
}

async fn serve_admins(server: Option<Server>, served: Reloadable<Served>, admins: AdminService, mut stopping: watch::Receiver<()>) {
    let Some(server) = server else { return };
    let tls = TlsSource::from_fn(move || served.current().admin_tls.clone());
    let respond = move |request| {
        let admins = admins.clone();
        async move { admins.respond(request).await }
    };
    let stop = async move { drop(stopping.changed().await) };
    server.serve(tls, admin_limits(), respond, stop).await;
}

/// Few come.
fn admin_limits() -> Limits {
    Limits { connections: 64, connections_per_address: 16, ..Limits::default() }
}

const EXAMPLES: &str = "\
Examples:
  brski-registrar serve --config registrar/registrar.toml
  kill -HUP $(pidof brski-registrar)
  curl --cacert registrar/certificates/domain-ca.pem \\
    -H \"Authorization: Bearer $(cat registrar/keys/admin-token)\" \\
    'https://127.0.0.1:8444/pledges?state=held'";
