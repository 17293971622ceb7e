//! The command line, one file a command. Results go to standard output, all else to standard error.

mod appraise;
mod audit;
mod backup;
mod ca;
mod check;
mod init;
mod inspect;
mod logging;
mod person;
mod pledges;
mod policy;
mod recheck;
mod restore;
mod revoke;
mod serve;
mod signing;
mod token;
mod trace;
mod trust;
mod worker;

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
    Token(token::Arguments),
    Appraise(appraise::Arguments),
    Inspect(inspect::Arguments),
    MasaWorker(worker::Arguments),
    #[command(subcommand)]
    Trust(trust::Command),
    /// Look after the CA that issues LDevIDs
    #[command(subcommand)]
    Ca(CaCommand),
    Revoke(revoke::Arguments),
    Recheck(recheck::Arguments),
    /// See where pledges stand and why, and decide about those that are held
    #[command(subcommand)]
    Pledges(pledges::Command),
    /// Verify, export and sign the audit trail
    #[command(subcommand)]
    Audit(audit::Command),
    Backup(backup::Arguments),
    Restore(restore::Arguments),
    /// Look at a policy and at what it makes of pledges
    #[command(subcommand)]
    Policy(policy::Command),
    /// Look at a configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Subcommand)]
enum CaCommand {
    List(ca::ListArguments),
    Request(ca::RequestArguments),
    SignRequest(ca::SignRequestArguments),
    Fetch(ca::FetchArguments),
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
        Command::Token(arguments) => token::run(&arguments)?,
        Command::Appraise(arguments) => return appraise::run(&arguments).await,
        Command::Inspect(arguments) => return inspect::run(&arguments),
        Command::Pledges(command) => pledges::run(&command).await?,
        Command::Audit(command) => audit::run(&command).await?,
        Command::Backup(arguments) => backup::run(&arguments).await?,
        Command::Restore(arguments) => restore::run(&arguments).await?,
        Command::Ca(CaCommand::List(arguments)) => ca::list(&arguments)?,
        Command::Ca(CaCommand::Request(arguments)) => ca::request(&arguments).await?,
        Command::Ca(CaCommand::SignRequest(arguments)) => ca::sign_request(&arguments).await?,
        Command::Ca(CaCommand::Fetch(arguments)) => ca::fetch(&arguments).await?,
        Command::Revoke(arguments) => revoke::run(&arguments).await?,
        Command::Recheck(arguments) => return recheck::run(&arguments).await,
        Command::Trust(command) => trust::run(&command)?,
        Command::Policy(command) => return policy::run(command).await,
        Command::MasaWorker(arguments) => worker::run(&arguments).await?,
        Command::Config(ConfigCommand::Check(arguments)) => check::run(&arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

const EXAMPLES: &str = "\
Examples:
  brski-registrar init --dir registrar --name 'Example Network' --host registrar.example.net
  brski-registrar trust add --config registrar/registrar.toml manufacturer-profile.toml
  brski-registrar serve --config registrar/registrar.toml";
