//! `log`: the ledger as a transparency log.

mod proofs;
mod verify;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use brski_common::log::{Checkpoint, SignedCheckpoint, VerifierKey};
use brski_common::serve::setup::read_text;
use clap::{Args, Subcommand};

use crate::config::Configuration;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Verify(verify::Arguments),
    Checkpoint(Arguments),
    Prove(proofs::Prove),
    Consistency(proofs::Consistency),
}

/// Sign the state of the ledger as it is now, and print it
///
/// Keep it, or give it to others: with it `log verify` and `log consistency` can tell later that nothing was removed or changed since. The text is a C2SP
/// tlog-checkpoint, so that witnesses can cosign it; it is served under /.well-known/brski-log/checkpoint as well. A ledger that does not continue
/// what was signed before, such as one from an older backup, is not signed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, default_value = "masa/masa.toml")]
    config: PathBuf,
}

pub(crate) async fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Verify(arguments) => verify::run(arguments)?,
        Command::Checkpoint(Arguments { config }) => {
            let checkpoint = Configuration::read(config)?.masa()?.checkpoint().await?;
            std::io::Write::write_all(&mut std::io::stdout().lock(), checkpoint.to_string().as_bytes())?;
        }
        Command::Prove(arguments) => proofs::prove(arguments).await?,
        Command::Consistency(arguments) => proofs::consistency(arguments).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A checkpoint in a file that this log has signed.
fn read_checkpoint(path: &Path, log: &VerifierKey) -> anyhow::Result<Checkpoint> {
    let text = read_text(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let signed = SignedCheckpoint::parse(&text).with_context(|| format!("{}: not a checkpoint", path.display()))?;
    let checkpoint = signed.verify(log).with_context(|| format!("{}: not to be trusted", path.display()))?;
    Ok(checkpoint.clone())
}

const EXAMPLES: &str = "\
Example:
  brski-masa log checkpoint --config masa/masa.toml > checkpoint-2026-08-01.txt";
