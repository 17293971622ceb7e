//! The command line, one file a command. Results go to standard output, all else to standard error.

mod affected;
mod archive;
mod attest;
mod audit;
mod audit_log;
mod backup;
mod block;
mod bundle;
mod by;
mod check;
mod device;
mod errors;
mod init;
mod issue_idevid;
mod line_agent;
mod log;
mod mark;
mod migrate;
mod profile;
mod progress;
mod record;
mod report;
mod restore;
mod scope;
mod sell;
mod serve;
mod spool;
mod statement;
mod verifiers;
mod vouchers;

use std::path::Path;
use std::process::ExitCode;

use brski_common::access::Role;
use brski_common::cli::{Output, Program, err, out, token};
use brski_common::inspect::command as inspect;
use clap::{Parser, Subcommand};

use crate::config::Configuration;

/// A MASA (RFC 8995) that records how each IDevID key came to be, and vouches for devices on that record.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    // A MASA and its configuration.
    Init(init::Arguments),
    Serve(serve::Arguments),
    /// Look at a configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    Profile(profile::Arguments),
    // The line.
    Record(record::Arguments),
    Report(report::Arguments),
    /// Keep the reports of a line that is offline, and forward them later
    #[command(subcommand)]
    Spool(spool::Command),
    IssueIdevid(issue_idevid::Arguments),
    Attest(attest::Arguments),
    /// Make keys at the line and report them, with what the module that holds them says
    #[command(subcommand)]
    LineAgent(line_agent::Command),
    // Devices.
    Device(device::Arguments),
    Block(block::Block),
    Unblock(block::Unblock),
    Sell(sell::Sell),
    Release(sell::Release),
    Mark(mark::Arguments),
    Audit(audit::Arguments),
    Affected(affected::Arguments),
    Vouchers(vouchers::Arguments),
    Bundle(bundle::Arguments),
    Statement(statement::Arguments),
    AuditLog(audit_log::Arguments),
    // The log.
    /// Verify the ledger, which is a transparency log, and prove what is in it
    #[command(subcommand)]
    Log(log::Command),
    Backup(backup::Arguments),
    Restore(restore::Arguments),
    Migrate(migrate::Arguments),
    // Whatever else is at hand.
    Inspect(inspect::Arguments<Masa>),
    Token(token::Arguments<Masa>),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    Check(check::Arguments),
}

/// What is this program's own in the commands that the other one has, too.
#[derive(Clone, Debug)]
struct Masa;

impl Program for Masa {
    const CONFIGURATION: &'static str = "masa/masa.toml";
    const ROLES: &'static [Role] = Role::OF_MASA;
    const TOKEN_EXAMPLES: &'static str = "\
Examples:
  brski-masa token alice --role operator --add
  brski-masa token line-7 --role station --not-after 2027-01-31T12:00:00Z --add --out line-7-token
  brski-masa token auditor-2026 --role auditor";
    const INSPECT_EXAMPLES: &'static str = "\
Examples:
  brski-masa inspect --anchor masa/certificates/voucher-ca.pem voucher.vcj
  brski-masa inspect --anchor masa/certificates/station-1.pem reports.jsonl
  brski-masa inspect -o json statement.cbor | jq .deviations";

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
        Command::Profile(arguments) => profile::run(&arguments).await?,
        Command::Token(arguments) => token::run(&arguments)?,
        Command::Record(arguments) => return record::run(&arguments).await,
        Command::Report(arguments) => return report::run(&arguments).await,
        Command::IssueIdevid(arguments) => issue_idevid::run(&arguments).await?,
        Command::LineAgent(command) => line_agent::run(&command).await?,
        Command::Inspect(arguments) => return inspect::run(&arguments),
        Command::Attest(arguments) => attest::run(&arguments).await?,
        Command::Audit(arguments) => audit::run(&arguments).await?,
        Command::Block(arguments) => block::block(&arguments).await?,
        Command::Unblock(arguments) => block::unblock(&arguments).await?,
        Command::Sell(arguments) => return sell::sell(&arguments).await,
        Command::Release(arguments) => sell::release(&arguments).await?,
        Command::Device(arguments) => device::run(&arguments).await?,
        Command::Vouchers(arguments) => vouchers::run(&arguments).await?,
        Command::Bundle(arguments) => return bundle::run(&arguments).await,
        Command::Mark(arguments) => mark::run(&arguments).await?,
        Command::Affected(arguments) => affected::run(&arguments).await?,
        Command::Statement(arguments) => statement::run(&arguments).await?,
        Command::AuditLog(arguments) => audit_log::run(&arguments).await?,
        Command::Log(command) => return log::run(&command).await,
        Command::Backup(arguments) => backup::run(&arguments).await?,
        Command::Restore(arguments) => restore::run(&arguments).await?,
        Command::Spool(command) => return spool::run(&command).await,
        Command::Migrate(arguments) => migrate::run(&arguments)?,
        Command::Config(ConfigCommand::Check(arguments)) => check::run(&arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A certificate's serial number: random, so that it tells nothing (RFC 5280, section 4.1.2.2, wants it unique and positive).
fn random_serial() -> anyhow::Result<[u8; 16]> {
    let mut serial = [0; 16];
    aws_lc_rs::rand::fill(&mut serial).map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
    Ok(serial)
}

fn sha256_hex(octets: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, octets);
    digest.as_ref().iter().map(|octet| format!("{octet:02x}")).collect()
}

const EXAMPLES: &str = "\
Examples:
  brski-masa init --dir masa --name 'Example Devices' --host masa.example.com
  brski-masa serve --config masa/masa.toml
  brski-masa record --config masa/masa.toml reports.jsonl";
