//! `audit verify`: whether anything was touched.

use core::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brski_common::log::{Checkpoint, SignedCheckpoint, VerifierKey};
use brski_common::serve::setup::read_text;
use brski_registrar::pledges::{Verified, verify};
use brski_registrar::trail::Notary;
use clap::Args;
use serde::Serialize;

use crate::cli::Output;
use crate::config::{Configuration, read_verifiers};

/// Verify that nothing in the audit trail was touched, nor anything that follows from it
///
/// Every leaf hash and the root are computed anew and compared with every checkpoint that was signed; the events of each pledge are folded again and compared with its
/// file, its admission, the keys of its LDevIDs and the list of those that were revoked: a row that somebody added is found as well as one that was changed or removed.
/// The first that was touched is named. The server may run meanwhile.
///
/// Somebody who has the file and the trail's key can rewrite both: only a checkpoint that is kept elsewhere, named with --checkpoint, tells that. One that is older than
/// a restore under a new key, and has more events than came back, is of a former trail: it is refused, and by which event.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// Trust the keys in this file alone, one a line as trail-verifier.txt has them, rather than the key of the configuration and those in certificates/trail-verifier.txt beside it
    #[arg(long, value_name = "FILE")]
    verifier: Option<PathBuf>,
    /// A checkpoint from elsewhere that the trail has to continue. May be repeated
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// What was found.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Found {
    events: u64,
    root: String,
    pledges: u64,
    checkpoints: usize,
    last_signed: Option<u64>,
    trusted: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let configuration = Configuration::read(&arguments.config)?;
    let store = configuration.pledges_path();
    let (keys, mut signed) = match &arguments.verifier {
        Some(path) => (read_verifiers(path)?, Vec::new()),
        None => {
            let notary = configuration.notary()?;
            let remembered = notary.as_ref().map(Notary::remembered).transpose()?.flatten();
            (
                configuration.trail_keys(notary.as_ref())?,
                notary.as_ref().map(|notary| notary.verifier().clone()).zip(remembered.map(|(checkpoint, _)| checkpoint)).into_iter().collect(),
            )
        }
    };
    for path in &arguments.checkpoints {
        signed.push(read_checkpoint(path, &keys)?);
    }
    anyhow::ensure!(store.exists(), "{}: there is no store of pledges; `brski-registrar serve` makes it", store.display());
    let Verified { events, root, checkpoints, last_signed, trusted, pledges } = verify(&store, &keys, &signed).with_context(|| store.display().to_string())?;
    arguments.output.print(&Found { events, root: root.to_string(), pledges, checkpoints, last_signed, trusted })
}

/// A checkpoint, and the key that signed it.
fn read_checkpoint(path: &Path, keys: &[VerifierKey]) -> anyhow::Result<(VerifierKey, Checkpoint)> {
    let text = read_text(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let signed = SignedCheckpoint::parse(&text).with_context(|| format!("{}: not a checkpoint", path.display()))?;
    let mut refused = anyhow::anyhow!("no key of the trail is known; name it with --verifier");
    for key in keys {
        match signed.verify(key) {
            Ok(checkpoint) => return Ok((key.clone(), checkpoint.clone())),
            Err(err) => refused = err.into(),
        }
    }
    Err(refused.context(format!("{}: not to be trusted", path.display())))
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "audit trail: {} events verified, {} pledges as they amount to\nroot: {}", self.events, self.pledges, self.root)?;
        match (self.last_signed, self.trusted) {
            (None, _) => write!(f, "signed: never, so that a trail that was rewritten as a whole would not be noticed"),
            (Some(size), true) => write!(f, "signed: the first {size} events; checkpoints in the store: {}", self.checkpoints),
            (Some(size), false) => write!(f, "signed: the first {size} events, under a key that nobody named; --verifier would check it"),
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-registrar audit verify --config registrar/registrar.toml
  brski-registrar audit verify --verifier trail-verifier.txt --checkpoint checkpoint-2026-08-01.txt";
