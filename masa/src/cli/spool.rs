//! `spool`: reports of a line that is offline, kept until they can be recorded.

mod file;
mod forward;
mod pieces;
mod server;

use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::Output;
use file::Spool;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Add(Add),
    Status(Status),
    Forward(forward::Arguments),
}

/// Append reports or batches to the spool of a line that is offline
///
/// Takes what stations have signed: a JWS a line, each with a report or a batch, or COSE batches. Nothing is verified here; whoever records it verifies it. What cannot be read, or
/// bears no signature, is told with its line, the rest is kept, and the exit status is 1. Rows without signature, such as a CSV, are signed by `report --rows` before.
///
/// When this has ended, what was added survives a crash. What a crash tore off while it was being added was never acknowledged: the next `spool add` recognises it by its
/// length and SHA-256, and moves it out of the way. Adding something twice does no harm, it is recorded once.
#[derive(Debug, Args)]
#[command(after_help = ADD_EXAMPLES)]
pub(crate) struct Add {
    /// Files; - is standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Tell how much is in the spool, and how much of it was not forwarded yet
#[derive(Debug, Args)]
#[command(after_help = STATUS_EXAMPLES)]
pub(crate) struct Status {
    #[command(flatten)]
    place: Place,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The spool; how far it was forwarded is kept beside it, in a file of the same name with .position appended. Once all is forwarded, both may be removed
    #[arg(long, value_name = "FILE", default_value = "masa.spool")]
    spool: PathBuf,
}

/// What was added.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Added {
    spool: PathBuf,
    /// Reports or batches.
    items: u64,
    octets: u64,
    failed: u64,
}

/// How a spool stands.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Standing {
    spool: PathBuf,
    octets: u64,
    pieces: u64,
    /// Of which so many were forwarded.
    forwarded: u64,
    waiting_octets: u64,
    /// Octets at the end that a crash tore off.
    torn: u64,
}

pub(crate) async fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Add(arguments) => add(arguments),
        Command::Status(arguments) => status(arguments).map(|()| ExitCode::SUCCESS),
        Command::Forward(arguments) => forward::run(arguments).await,
    }
}

fn add(Add { files, place, output }: &Add) -> anyhow::Result<ExitCode> {
    let mut spool = Spool::to_append(&place.spool)?;
    if let Some(torn) = spool.torn() {
        writeln!(crate::cli::err(), "warning: {torn}")?;
    }
    let mut added = Added { spool: place.spool.clone(), items: 0, octets: 0, failed: 0 };
    for path in files {
        let name = path.display().to_string();
        let outcome = open(path).and_then(|input| {
            let failed = &mut added.failed;
            let mut fault = |number: u64, problem: &str| {
                *failed += 1;
                // Standard error is for people; a run without any is none the worse.
                let _ = writeln!(crate::cli::err(), "{name}, line {number}: {problem}");
            };
            pieces::read(&name, input, &mut |piece| spool.append(&piece), &mut fault)
        });
        match outcome {
            Ok(items) => added.items += items,
            Err(err) => {
                added.failed += 1;
                writeln!(crate::cli::err(), "{name}: {err:#}")?;
            }
        }
    }
    added.octets = spool.octets();
    output.print(&added)?;
    Ok(if added.failed == 0 && added.items > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn open(path: &Path) -> anyhow::Result<Box<dyn Read>> {
    Ok(match path.as_os_str() == "-" {
        true => Box::new(std::io::stdin()),
        false => Box::new(std::fs::File::open(path).context("cannot be read")?),
    })
}

fn status(Status { place, output }: &Status) -> anyhow::Result<()> {
    let mut spool = Spool::to_read(&place.spool)?;
    let forwarded = file::position(&place.spool, spool.id())?;
    let mut standing = Standing { spool: place.spool.clone(), octets: spool.octets(), pieces: 0, forwarded: 0, waiting_octets: 0, torn: 0 };
    let mut offset = spool.begin();
    while let Some((_, next)) = spool.read_at(offset)? {
        standing.pieces += 1;
        match next <= forwarded {
            true => standing.forwarded += 1,
            false => standing.waiting_octets += next - offset,
        }
        offset = next;
    }
    standing.torn = standing.octets - offset;
    output.print(&standing)
}

impl core::fmt::Display for Added {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: {} items added, {} octets now", self.spool.display(), self.items, self.octets)
    }
}

impl core::fmt::Display for Standing {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { spool, octets, pieces, forwarded, waiting_octets, torn } = self;
        write!(f, "{}: {octets} octets in {pieces} pieces, {forwarded} forwarded, {} waiting ({waiting_octets} octets)", spool.display(), pieces - forwarded)?;
        match torn {
            0 => Ok(()),
            torn => write!(f, "\n{torn} octets at its end were torn off by a crash and never acknowledged; the next `spool add` moves them away"),
        }
    }
}

const ADD_EXAMPLES: &str = "\
Examples:
  brski-masa spool add reports.jsonl
  brski-masa report --station-key station.pem --rows devices.csv | brski-masa spool add -
  station-reports | brski-masa spool add --spool /var/spool/line-7 -";

const STATUS_EXAMPLES: &str = "\
Example:
  brski-masa spool status -o json";
