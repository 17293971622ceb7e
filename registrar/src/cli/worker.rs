//! `masa-worker`: asks MASAs for a registrar that may not reach the Internet.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use brski_common::text::in_full;
use brski_registrar::masa_client::Worker;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::logging::{self, LogFormat};
use crate::config::Configuration;

/// Ask MASAs what a registrar with `worker = true` in its [masas] wants to know, until SIGTERM or SIGINT
///
/// Takes questions from the store that the configuration names and puts answers there; the registrar verifies and judges them. Any number may run at the same
/// time. Manufacturers are read at the start. Writes one line to standard output once it works, and its log to standard error (RUST_LOG chooses what is logged).
/// When told to stop it finishes open questions first; those of a worker that was killed are taken up by another two minutes later.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file of the registrar
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// How log lines are written
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    logging::start(arguments.log_format);
    let worker = Configuration::read(&arguments.config)?.worker()?;
    // Before anybody is told: whoever reads the line may ask us to stop at once.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    writeln!(crate::cli::out(), "brski-registrar asks MASAs")?;
    let stopped = Arc::new(AtomicBool::new(false));
    let hands: Vec<_> = (0..HANDS).map(|_| tokio::spawn(work(worker.clone(), stopped.clone()))).collect();
    tokio::select! {
        _ = terminate.recv() => (),
        _ = interrupt.recv() => (),
    }
    stopped.store(true, Ordering::Relaxed);
    for hand in hands {
        hand.await?;
    }
    Ok(())
}

async fn work(worker: Worker, stopped: Arc<AtomicBool>) {
    while !stopped.load(Ordering::Relaxed) {
        match worker.step().await {
            Ok(true) => {}
            Ok(false) => tokio::time::sleep(LOOK_AGAIN).await,
            Err(err) => {
                tracing::error!(reason = in_full(&err), "the store of questions does not work");
                tokio::time::sleep(TROUBLE).await;
            }
        }
    }
}

/// How many questions are asked at the same time.
const HANDS: usize = 8;

const LOOK_AGAIN: Duration = Duration::from_millis(500);

const TROUBLE: Duration = Duration::from_secs(5);

const EXAMPLES: &str = "\
Example:
  brski-registrar masa-worker --config registrar/registrar.toml";
