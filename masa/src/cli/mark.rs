//! `mark`: what the manufacturer says of keys after they were recorded.

use std::io::Write as _;
use std::path::PathBuf;

use brski_common::provenance::{Status, Text};
use brski_masa::Affected;
use clap::Args;
use serde::Serialize;

use super::Output;
use super::affected::in_words;
use super::by::By;
use super::scope::Which;
use crate::config::Configuration;

/// Mark keys as disputed or compromised, or as valid again: of one device, or of a batch, a station or a line
///
/// Devices whose key is not valid get no vouchers from then on, and their provenance statements carry the status; registrars are told the reason. Nothing is rewritten: the mark is
/// an entry of the ledger, and so is the record that follows from it. It holds for devices that are recorded later, too. A mark is taken back by the same with --status valid;
/// of several marks of different scopes the worst counts. A server that runs meanwhile obeys at once.
///
/// No correction leads out of a mark: a device whose record is corrected out of a marked batch, station or line takes the mark along as one of its own, whose reason tells where it
/// comes from (`device`). From then on it is none of that batch: `affected --batch` does not count it, and to take the batch's mark back leaves the device's, for which
/// --device has to say so.
///
/// Where nothing is wrong with the key, and one device should get no vouchers for a while, `block` is enough.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, default_value = "masa/masa.toml")]
    config: PathBuf,
    #[command(flatten)]
    which: Which,
    /// What is said of their keys: valid, disputed or compromised
    #[arg(long, value_parser = status)]
    status: Status,
    /// Why, in one line
    #[arg(long, value_parser = |text: &str| Text::new(text))]
    reason: Text,
    #[command(flatten)]
    by: By,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// A mark, and whom it concerns.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Told {
    scope: String,
    status: &'static str,
    index: u64,
    affected: Option<Affected>,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let masa = Configuration::read(&arguments.config)?.masa()?;
    let scope = arguments.which.scope(&masa).await?;
    let marking = masa.mark(scope.clone(), arguments.status, arguments.reason.clone(), arguments.by.name()?).await?;
    if marking.affected.as_ref().is_some_and(|affected| affected.units == 0) {
        writeln!(crate::cli::err(), "warning: no device on record is of {scope}; the mark stands, for those that will be")?;
    }
    if marking.affected.is_none() {
        writeln!(crate::cli::err(), "warning: the mark stands, but whom it concerns could not be counted; `brski-masa affected` tries again")?;
    }
    arguments.output.print(&Told { scope: scope.to_string(), status: arguments.status.name(), index: marking.index, affected: marking.affected })
}

fn status(name: &str) -> Result<Status, &'static str> {
    Status::from_name(name).ok_or("must be valid, disputed or compromised")
}

impl core::fmt::Display for Told {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} is marked as {}, by entry {}", self.scope, self.status, self.index)?;
        self.affected.as_ref().map_or(Ok(()), |affected| in_words(affected, f))
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-masa mark --station station-1 --status compromised --reason 'key of the station was copied'
  brski-masa mark --device JADA123456789 --status disputed --reason 'two devices show this key'
  brski-masa mark --batch 2026-31 --status valid --reason 'examined, nothing was found'";
