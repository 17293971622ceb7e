//! `audit`: the trail as a log that can be verified.

mod export;
mod verify;

use std::io::Write as _;
use std::path::PathBuf;

use brski_common::log::Checkpoint;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::Output;
use crate::config::Configuration;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Verify(verify::Arguments),
    Export(export::Arguments),
    Checkpoint(Arguments),
}

/// Sign the state of the audit trail as it is now, and print it
///
/// Keep it, or give it to an auditor: with it `audit verify --checkpoint` tells later that nothing before it was removed or changed. The text is a C2SP
/// tlog-checkpoint, so that witnesses can cosign it. A trail that does not continue what was signed before, such as one from an older backup, is not signed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// Sign although it is not known any more what was signed last, because trail-last-signed.txt is gone: the last checkpoint in the store counts alone then
    #[arg(long)]
    accept_missing: bool,
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

pub(crate) async fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Verify(arguments) => verify::run(arguments),
        Command::Export(arguments) => export::run(arguments).await,
        Command::Checkpoint(arguments) => checkpoint(arguments).await,
    }
}

async fn checkpoint(arguments: &Arguments) -> anyhow::Result<()> {
    let configuration = Configuration::read(&arguments.config)?;
    let notary = configuration.needed_notary()?;
    let store = configuration.existing_pledges()?;
    let signed = match arguments.accept_missing {
        true => notary.sign_anew(&store).await?,
        false => notary.sign(&store).await?,
    };
    let Checkpoint { origin, size, root } = signed.peek_unverified();
    let told = Told { origin: origin.to_string(), size: *size, root: root.to_string(), checkpoint: signed.to_string() };
    match arguments.output {
        // Octet for octet, since it is a signed text.
        Output::Text => Ok(crate::cli::out().write_all(told.checkpoint.as_bytes())?),
        Output::Json => arguments.output.print(&told),
    }
}

impl core::fmt::Display for Told {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.checkpoint)
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-registrar audit checkpoint --config registrar/registrar.toml > checkpoint-2026-08-01.txt
  brski-registrar audit checkpoint -o json | jq .size";
