//! `log`: the ledger as a transparency log.

mod proofs;
mod verify;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use brski_common::log::Checkpoint;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::Output;
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
    /// For whom to write it
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// A checkpoint, and what it says.
#[derive(Serialize)]
struct Told {
    origin: String,
    size: u64,
    root: String,
    /// The text that is signed, with its signature.
    checkpoint: String,
}

pub(crate) async fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Verify(arguments) => verify::run(arguments)?,
        Command::Checkpoint(Arguments { config, output }) => {
            let masa = Configuration::read(config)?.masa()?;
            let signed = masa.checkpoint().await?;
            let Checkpoint { origin, size, root } = signed.verify(&masa.log_verifier()?)?.clone();
            let told = Told { origin: origin.to_string(), size, root: root.to_string(), checkpoint: signed.to_string() };
            match output {
                // Octet for octet, since it is a signed text.
                Output::Text => crate::cli::out().write_all(told.checkpoint.as_bytes())?,
                Output::Json => output.print(&told)?,
            }
        }
        Command::Prove(arguments) => proofs::prove(arguments).await?,
        Command::Consistency(arguments) => proofs::consistency(arguments).await?,
    }
    Ok(ExitCode::SUCCESS)
}

impl core::fmt::Display for Told {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.checkpoint)
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-masa log checkpoint --config masa/masa.toml > checkpoint-2026-08-01.txt
  brski-masa log checkpoint -o json | jq .size";
