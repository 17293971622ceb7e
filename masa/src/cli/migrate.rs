//! `migrate`: a ledger of an earlier version, brought up to date.

use std::path::PathBuf;

use brski_masa::ledger::{Migration, Purpose, migrate};
use clap::Args;
use serde::Serialize;

use super::Output;
use super::progress::Progress;
use crate::config::Configuration;

/// Bring a ledger that an earlier version wrote up to date, all of it or nothing
///
/// Every entry stays what it is, octet for octet, and so do the log's root, its checkpoints and its receipts: each hash is computed again and compared before anything is kept.
/// An entry that was changed is named, and the file stays as it was. Stop the server first, and make a backup: earlier versions cannot read the ledger afterwards. The file needs
/// room for a second copy of itself meanwhile. Nothing is done to a ledger that is up to date.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, default_value = "masa/masa.toml")]
    config: PathBuf,
    /// Say what would be done, having checked every entry, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// A ledger that is up to date, or would be.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Migrated {
    ledger: PathBuf,
    from: i64,
    to: i64,
    entries: u64,
    root: String,
    /// Whether something was changed.
    changed: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let configuration = Configuration::read(&arguments.config)?;
    let (ledger, name) = configuration.ledger();
    let purpose = if arguments.dry_run { Purpose::Trial } else { Purpose::Change };
    let mut progress = Progress::new();
    let migrated = migrate(&ledger, name, purpose, &mut |done, total| progress.entries("migrated", done, Some(total)));
    progress.end();
    let Migration { from, to, head } = migrated?;
    let changed = from != to && !arguments.dry_run;
    arguments.output.print(&Migrated { ledger, from, to, entries: head.size, root: head.root.to_string(), changed })
}

impl core::fmt::Display for Migrated {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { ledger, from, to, entries, root, changed } = self;
        match (changed, from == to) {
            (true, _) => write!(f, "{}: brought from schema version {from} to {to}", ledger.display())?,
            (false, true) => write!(f, "{}: has schema version {to} already, nothing is to be done", ledger.display())?,
            (false, false) => write!(f, "{}: would be brought from schema version {from} to {to}", ledger.display())?,
        }
        write!(f, "\n{entries} entries\nroot: {root}")
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-masa migrate --dry-run
  brski-masa migrate --config masa/masa.toml";
