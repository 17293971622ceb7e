//! The command line, one file a command. Results go to standard output, all else to standard error.

mod appraise;
mod audit;
mod backup;
mod ca;
mod check;
mod init;
mod logging;
mod person;
mod pledges;
mod policy;
mod recheck;
mod restore;
mod revoke;
mod serve;
mod signing;
mod trace;
mod trust;
mod worker;

use std::path::Path;
use std::process::ExitCode;

use brski_common::access::Role;
use brski_common::cli::{Output, Program, err, out, token};
use brski_common::inspect::command as inspect;
use clap::{Parser, Subcommand};

use crate::config::Configuration;

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
    Token(token::Arguments<Registrar>),
    Appraise(appraise::Arguments),
    Inspect(inspect::Arguments<Registrar>),
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
    IssueRegistrar(ca::IssueRegistrarArguments),
    Fetch(ca::FetchArguments),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    Check(check::Arguments),
}

/// What is this program's own in the commands that the other one has, too.
#[derive(Clone, Debug)]
struct Registrar;

impl Program for Registrar {
    const CONFIGURATION: &'static str = "registrar/registrar.toml";
    const ROLES: &'static [Role] = Role::OF_REGISTRAR;
    const TOKEN_EXAMPLES: &'static str = "\
Examples:
  brski-registrar token alice --role operator --add
  brski-registrar token bob --role approver --not-after 2027-01-31T12:00:00Z --add --out bob-token
  brski-registrar token auditor-2026 --role auditor";
    const INSPECT_EXAMPLES: &'static str = "\
Examples:
  brski-registrar inspect --anchor registrar/certificates/domain-ca.pem request.vch
  brski-registrar inspect registrar/policy.toml registrar/trust/*.toml
  brski-registrar inspect -o json voucher.hex | jq .deviations";

    fn check_configuration(path: &Path, text: &str) -> anyhow::Result<()> {
        Configuration::read_as(path, text)?.access(Default::default())?;
        Ok(())
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
        Command::Ca(CaCommand::IssueRegistrar(arguments)) => ca::issue_registrar(&arguments).await?,
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
