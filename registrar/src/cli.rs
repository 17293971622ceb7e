//! The command line, one file a command. Results go to standard output, all else to standard error.

mod check;
mod init;
mod inspect;
mod serve;
mod trust;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};

/// A registrar (RFC 8995) that appraises how a device's key came to be before it issues an LDevID.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Arguments),
    Serve(serve::Arguments),
    Inspect(inspect::Arguments),
    /// Choose the manufacturers whose devices are accepted
    #[command(subcommand)]
    Trust(TrustCommand),
    /// Look at a configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Subcommand)]
enum TrustCommand {
    Add(trust::AddArguments),
    List(trust::ListArguments),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    Check(check::Arguments),
}

/// For whom results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object a line.
    Json,
}

impl Output {
    /// Writes one result, as text or as one line of JSON.
    pub(crate) fn print(self, result: &(impl core::fmt::Display + serde::Serialize)) -> anyhow::Result<()> {
        let text = match self {
            Self::Text => result.to_string(),
            Self::Json => serde_json::to_string(result)?,
        };
        writeln!(std::io::stdout(), "{text}").context("standard output cannot be written to")
    }
}

/// Does what the command line says.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::Init(arguments) => init::run(&arguments).await?,
        Command::Serve(arguments) => serve::run(&arguments).await?,
        Command::Inspect(arguments) => return inspect::run(&arguments),
        Command::Trust(TrustCommand::Add(arguments)) => trust::add(&arguments)?,
        Command::Trust(TrustCommand::List(arguments)) => trust::list(&arguments)?,
        Command::Config(ConfigCommand::Check(arguments)) => check::run(&arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

const EXAMPLES: &str = "\
Examples:
  brski-registrar init --dir registrar --name 'Example Network' --host registrar.example.net
  brski-registrar trust add --config registrar/registrar.toml manufacturer-profile.toml
  brski-registrar serve --config registrar/registrar.toml";
