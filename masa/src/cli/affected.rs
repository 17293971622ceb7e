//! `affected`: how many devices something concerns, and who has them.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brski_common::text::{LONGEST_WORDS, printable};
use brski_masa::{Affected, AffectedDevice};
use clap::Args;
use serde::Serialize;

use super::Output;
use super::progress::Progress;
use super::scope::Which;
use crate::config::Configuration;

/// Tell how many devices are of a batch, a station or a line, and which owners have them
///
/// Reads the ledger through once, and once more with --list. Devices that were sold are told by customer; devices that were claimed, by the domain of their newest voucher since they
/// last changed hands. A device may be in both.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, default_value = "masa/masa.toml")]
    config: PathBuf,
    #[command(flatten)]
    which: Which,
    /// File to write one row a device into: serial number, IDevID issuer, customer, domainID, digest of the pinned key
    #[arg(long, value_name = "FILE.csv")]
    list: Option<PathBuf>,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Told {
    scope: String,
    #[serde(flatten)]
    affected: Affected,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let masa = Configuration::read(&arguments.config)?.masa()?;
    let scope = arguments.which.scope(&masa).await?;
    let mut list = arguments.list.as_deref().map(List::new).transpose()?;
    let mut shown = Progress::new();
    let mut progress = |read: u64, of: u64| shown.entries("read", read, Some(of));
    let affected = match &mut list {
        Some(list) => {
            let mut row = |device: AffectedDevice| list.row(&device);
            masa.affected_devices(&scope, &mut progress, Some(&mut row)).await
        }
        None => masa.affected_devices(&scope, &mut progress, None).await,
    };
    shown.end();
    let affected = affected?;
    if let Some(list) = list {
        list.finish()?;
    }
    arguments.output.print(&Told { scope: scope.to_string(), affected })
}

impl core::fmt::Display for Told {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.scope)?;
        in_words(&self.affected, f)
    }
}

/// A sum a line, under what was written before.
pub(super) fn in_words(affected: &Affected, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
    let Affected { units, sold, unsold, claimed } = affected;
    write!(f, "\ndevices: {units}")?;
    sold.iter().try_for_each(|(customer, units)| write!(f, "\nsold to {}: {units}", printable(customer, LONGEST_WORDS)))?;
    write!(f, "\nnot sold: {unsold}")?;
    claimed.iter().try_for_each(|claimed| write!(f, "\nclaimed by domain {} (key {}): {}", claimed.domain, claimed.pin, claimed.units))
}

/// A CSV file, one row a device.
struct List {
    path: PathBuf,
    rows: csv::Writer<std::fs::File>,
    failed: Option<csv::Error>,
}

impl List {
    fn new(path: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("{}: cannot be written", path.display());
        let mut rows = csv::Writer::from_path(path).with_context(cannot)?;
        rows.write_record(["serial-number", "idevid-issuer", "customer", "domain-id", "pinned-key-sha256"]).with_context(cannot)?;
        Ok(Self { path: path.to_owned(), rows, failed: None })
    }

    fn row(&mut self, AffectedDevice { device, customer, domain }: &AffectedDevice) {
        let (domain, pin) = domain.as_ref().map(|(domain, pin)| (domain.to_string(), pin.to_string())).unwrap_or_default();
        let row = [device.serial.as_str(), &device.issuer.to_string(), customer.as_deref().unwrap_or_default(), &domain, &pin];
        if self.failed.is_none() {
            self.failed = self.rows.write_record(row).err();
        }
    }

    fn finish(mut self) -> anyhow::Result<()> {
        let written = self.failed.map_or_else(|| self.rows.flush().map_err(csv::Error::from), Err);
        written.with_context(|| format!("{}: cannot be written", self.path.display()))
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-masa affected --station station-1
  brski-masa affected --batch 2026-31 -o json --list affected.csv";
