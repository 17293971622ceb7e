//! `log verify`: the whole ledger, read again.

use std::path::PathBuf;
use std::time::Instant;

use brski_masa::TreeHead;
use brski_masa::ledger::{VerifyLedgerError, verify};
use clap::Args;
use serde::Serialize;

use crate::cli::Output;
use crate::cli::progress::Progress;
use crate::cli::verifiers::{LogVerifiers, read_checkpoint};
use crate::config::Configuration;

/// Verify the ledger: compute every hash again from the entries, and compare
///
/// The first entry that was changed, moved or removed is named, or what does not belong into the file, and the exit status is 1. Whoever can write the file can write it
/// anew, with hashes that fit: only a checkpoint that was printed or served earlier shows that the newest entries are still there, and that those before are the same.
/// What came after the checkpoint, it does not show. Nothing is changed, and a server may run meanwhile.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, default_value = "masa/masa.toml")]
    config: PathBuf,
    /// A checkpoint of this log: the ledger must still begin with what was signed there
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    #[command(flatten)]
    verifiers: LogVerifiers,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// A ledger that is what it was.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Verified {
    entries: u64,
    root: String,
    /// Size of the tree that the checkpoint was signed over.
    checkpoint: Option<u64>,
    entries_per_second: u64,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let configuration = Configuration::read(&arguments.config)?;
    let logs = arguments.verifiers.with_own(configuration.log_verifier())?;
    let checkpoint = arguments.checkpoint.as_deref().map(|path| read_checkpoint(path, &logs)).transpose()?;
    let signed = checkpoint.map(|checkpoint| TreeHead { size: checkpoint.size, root: checkpoint.root });
    let (ledger, name) = configuration.ledger();

    let begun = Instant::now();
    let mut progress = Progress::new();
    let verified = verify(&ledger, name, signed.as_ref(), &mut |entries| progress.entries("verified", entries, None));
    progress.end();
    let TreeHead { size, root } = verified.map_err(|err| match err {
        VerifyLedgerError::Damaged(damage) => anyhow::Error::from(damage).context(ledger.display().to_string()),
        // These name the file themselves.
        other => other.into(),
    })?;
    let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
    arguments.output.print(&Verified {
        entries: size,
        root: root.to_string(),
        checkpoint: signed.map(|signed| signed.size),
        entries_per_second: size.saturating_mul(1000) / milliseconds,
    })
}

impl core::fmt::Display for Verified {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let rate = if self.entries >= WORTH_A_RATE { format!(", {} in a second", self.entries_per_second) } else { String::new() };
        writeln!(f, "{} entries verified{rate}\nroot: {}", self.entries, self.root)?;
        match self.checkpoint {
            Some(size) => write!(f, "the first {size} are those of the checkpoint"),
            None => write!(f, "whether entries were removed at the end, or all written anew, can only be told with --checkpoint"),
        }
    }
}

/// Of fewer entries the clock tells nothing.
const WORTH_A_RATE: u64 = 10_000;

const EXAMPLES: &str = "\
Examples:
  brski-masa log verify --config masa/masa.toml
  brski-masa log verify --checkpoint checkpoint-2026-08-01.txt -o json
  brski-masa log verify --checkpoint checkpoint-2025-08-01.txt --log-verifier former-log-verifier.txt";
