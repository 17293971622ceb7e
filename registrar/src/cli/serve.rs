//! `serve`: the registrar behind a TLS listener.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use brski_common::Leniency;
use brski_common::serve::{Limits, Server, server_config};
use brski_registrar::RegistrarService;
use clap::{Args, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::config::Configuration;

/// Answer pledges over HTTPS until SIGTERM or SIGINT
///
/// Writes one line to standard output once it listens, and its log to standard error (RUST_LOG chooses what is logged).
/// When told to stop it finishes open requests first.
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object a line.
    Json,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    start_log(arguments.log_format);
    let configuration = Configuration::read(&arguments.config)?;
    let registrar = Arc::new(configuration.registrar()?);
    if configuration.profiles().read()?.is_empty() {
        let config = arguments.config.display();
        let next = format!("brski-registrar trust add --config {config} manufacturer-profile.toml");
        tracing::warn!(next, "no manufacturer is accepted yet, so that every pledge is refused; accept one, then restart");
    }
    let tls = server_config(&configuration.tls()?)?;
    let service = RegistrarService::new(registrar, configuration.body_limit());
    let proxies = Arc::new(configuration.proxies()?);

    let address = configuration.listen();
    let server = Server::bind(address).await;
    let server = server.with_context(|| format!("{}, field listen: {address} cannot be listened on", arguments.config.display()))?;
    // Before anybody is told: whoever reads the line may ask us to stop at once.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => (),
            _ = interrupt.recv() => (),
        }
    };
    writeln!(std::io::stdout(), "brski-registrar listens on https://{}", server.local_addr()?)?;
    let respond = move |request| {
        let (service, proxies) = (service.clone(), proxies.clone());
        async move {
            match proxies.identify(request) {
                Ok(request) => service.respond(request).await,
                Err(refusal) => *refusal,
            }
        }
    };
    server.serve(tls, Limits::default(), respond, stop).await;
    Leniency::log_totals();
    Ok(())
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}

const EXAMPLES: &str = "\
Example:
  brski-registrar serve --config registrar/registrar.toml";
