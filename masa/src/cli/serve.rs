//! `serve`: the MASA behind a TLS listener, and those who run it behind another.

pub(super) mod logging;
mod reload;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use brski_common::Leniency;
use brski_common::serve::metrics::{LISTENER_METRICS, UPKEEP, recorder};
use brski_common::serve::{Limits, Reloadable, Server, TlsSource};
use brski_masa::{AdminService, metrics};
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::config::Configuration;
use logging::LogFormat;
use reload::{Process, Served};

/// Answer registrars over HTTPS until SIGTERM or SIGINT
///
/// Writes one line to standard output for each listener once both listen, and its log to standard error (RUST_LOG chooses what is logged).
/// When told to stop it finishes open requests first.
///
/// With SIGHUP it reads its configuration again, and every file that this names: keys, certificates, anchors, stations, policy, credentials. Connections stay.
/// What cannot be used is logged as an error, and all of the old stays in force.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, default_value = "masa/masa.toml")]
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
    let process = Process { opened: configuration.open()?, throttle: Default::default() };
    let served = Served::new(&configuration, &process)?;
    let rendered = numbers.clone();
    let admins = AdminService::new(served.masa(), served.access.clone(), move || brski_common::serve::metrics::render(&rendered));
    let served = Reloadable::new(served);

    let bind = async |field: &str, address| {
        let server = Server::bind(address).await;
        server.with_context(|| format!("{}, field {field}: {address} cannot be listened on", arguments.config.display()))
    };
    let server = bind("listen", configuration.listen()).await?.named("masa");
    let admin = match configuration.admin_listen() {
        Some(address) => Some(bind("admin.listen", address).await?.named("admin")),
        None => None,
    };
    let cloud = match configuration.cloud_listen() {
        Some(address) => Some(bind("cloud.listen", address).await?.named("cloud")),
        None => None,
    };
    // Before anybody is told: whoever reads the lines may ask us to stop or to reload at once.
    let (terminate, interrupt, hangup) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?);
    writeln!(crate::cli::out(), "brski-masa listens on https://{}", server.local_addr()?)?;
    if let Some(admin) = &admin {
        writeln!(crate::cli::out(), "brski-masa admin listens on https://{}", admin.local_addr()?)?;
    }

    if let Some(cloud) = &cloud {
        writeln!(crate::cli::out(), "brski-masa cloud registrar listens on https://{}", cloud.local_addr()?)?;
    }

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
        serve_registrars(server, limits, served.clone(), stopping.clone()),
        serve_devices(cloud, limits, served.clone(), stopping.clone()),
        serve_admins(admin, served, admins, stopping)
    );
    reloads.abort();
    upkeep.abort();
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

async fn serve_registrars(server: Server, limits: Limits, served: Reloadable<Served>, mut stopping: watch::Receiver<()>) {
    let for_tls = served.clone();
    let tls = TlsSource::from_fn(move || for_tls.current().tls.clone());
    let at_door = served.clone();
    let server = server.exempting(move |address| at_door.current().door.is_proxy(address));
    let respond = move |request| {
        // For each request anew: one that is under way ends under the configuration it began with.
        let served = served.current();
        async move {
            match served.door.admit(request) {
                Ok(request) => served.registrars.respond(request).await,
                Err(refusal) => *refusal,
            }
        }
    };
    let stop = async move { drop(stopping.changed().await) };
    server.serve(tls, limits, respond, stop).await;
}

/// Devices that come themselves, if they may.
async fn serve_devices(server: Option<Server>, limits: Limits, served: Reloadable<Served>, mut stopping: watch::Receiver<()>) {
    let Some(server) = server else { return };
    let for_tls = served.clone();
    let tls = TlsSource::from_fn(move || for_tls.current().tls.clone());
    let at_door = served.clone();
    let server = server.exempting(move |address| at_door.current().door.is_proxy(address));
    let respond = move |request| {
        let served = served.current();
        async move {
            match (&served.devices, served.door.admit(request)) {
                (Some(devices), Ok(request)) => devices.respond(request).await,
                (_, Err(refusal)) => *refusal,
                // A new configuration cannot take the listener away.
                (None, Ok(_)) => brski_common::http::plain(http::StatusCode::SERVICE_UNAVAILABLE, "the cloud registrar is closed"),
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

/// Few come, and they may stay long: an import lasts as long as its input, but somebody has to be at its other end.
fn admin_limits() -> Limits {
    let default = Limits::default();
    Limits { connections: 64, connections_per_address: 16, body: LONGEST_IMPORT, body_pause: LONGEST_PAUSE, request: LONGEST_IMPORT, ..default }
}

const LONGEST_IMPORT: core::time::Duration = core::time::Duration::from_secs(6 * 3600);

// What a line makes more slowly than that has a request for each device.
const LONGEST_PAUSE: core::time::Duration = core::time::Duration::from_secs(5 * 60);

const EXAMPLES: &str = "\
Examples:
  brski-masa serve --config masa/masa.toml
  kill -HUP $(pidof brski-masa)
  curl --cacert masa/certificates/tls-ca.pem -H \"Authorization: Bearer $(cat masa/keys/admin-token)\" https://127.0.0.1:9444/metrics";
