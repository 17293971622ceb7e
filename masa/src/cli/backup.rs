//! `backup`: the ledger and what belongs to it, in one file.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brski_common::files::{beside, sync_folder};
use brski_common::time::to_rfc3339;
use brski_common::{Clock, UnixTime};
use brski_masa::backup::{LeftOut, Manifest, copy};
use brski_masa::ledger::{Purpose, VerifyLedgerError, migrate, verify};
use brski_masa::{LastSigned, LedgerError, TreeHead};
use clap::Args;
use serde::Serialize;

use super::progress::Progress;
use super::{Output, archive};
use crate::config::{Configuration, Named, named_files};

/// Back up the ledger, the configuration and the certificates into one file, while the server runs
///
/// The copy is of one moment, and neither line nor server waits for it. It is verified like `log verify` does, against what the log has signed, before it gets its name:
/// a damaged ledger yields no backup. The file is a tar archive that begins with manifest.json, which has the digests of all that follows, and with the
/// signature of the log's key over that (manifest.sig): `restore` accepts no other. It is readable to its owner alone, and takes the ledger's size twice while it is made.
///
/// Private keys are not in it, nor anything else that may be secret: the output names what is left out, to be kept apart. What the log signed last (log-last-signed.txt) is
/// left out as well, on purpose: it has to be newer than any backup, since it tells after `restore` whether entries were lost. Keep it, or checkpoints
/// that others hold.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, default_value = "masa/masa.toml")]
    config: PathBuf,
    /// File to make, or a folder in which to make one that is named after the time
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// What was made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Made {
    file: PathBuf,
    octets: u64,
    entries: u64,
    root: String,
    left_out: Vec<LeftOut>,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let configuration = Configuration::read(&arguments.config)?;
    // First: without the key that vouches for it nothing needs to be copied.
    let key = configuration.log_key()?;
    let log = configuration.log_verifier_of(key.public_key())?;
    let (ledger, name) = configuration.ledger();
    let now = Clock::system().now();
    let out = target(&arguments.out, now)?;
    let unfinished = Unfinished::begin(&out)?;

    // Before the ledger: what is copied afterwards must continue it.
    let remembered = LastSigned::in_file(configuration.last_signed_path()).remembered()?;
    let signed = remembered.as_ref().map(|checkpoint| checkpoint.verify(&log)).transpose();
    let signed = signed.context("what the log signed last cannot be used")?.map(|checkpoint| TreeHead { size: checkpoint.size, root: checkpoint.root });

    let mut progress = Progress::new();
    copy(&ledger, &unfinished.ledger, &mut |done, all| progress.octets("copied", done, all))?;
    let head = verify_copy(&unfinished.ledger, name, signed.as_ref(), &mut |entries| progress.entries("verified", entries, None));
    progress.end();
    let head = head.with_context(|| format!("{}: not backed up", ledger.display()))?;

    let mut manifest = Manifest::new(name, log.to_string(), &head, now);
    manifest.checkpoint = remembered.map(|checkpoint| checkpoint.to_string());
    manifest.files.push(archive::describe(archive::LEDGER, File::open(&unfinished.ledger)?)?);
    let mut small = Vec::new();
    for (index, named) in named_files(&configuration)?.into_iter().enumerate() {
        match named {
            Named::Public(path, content) => {
                let packed = format!("{}{path}", archive::CONFIGURATION);
                manifest.files.push(archive::describe(&packed, &*content)?);
                // The configuration itself comes first.
                manifest.configuration = manifest.configuration.or((index == 0).then_some(path));
                small.push((packed, content));
            }
            Named::Secret(path, why) => manifest.left_out.push(LeftOut { path, why: why.to_owned() }),
        }
    }
    let json = manifest.to_json()?;
    let seal = Manifest::seal(&json, &log, &*key).await?;
    let opening = archive::Opening { json, seal: Some(seal) };
    archive::write(&unfinished.file, &manifest, &opening, &unfinished.ledger, &small).with_context(|| format!("{}: cannot be written", out.display()))?;
    let octets = unfinished.finish(&out)?;
    arguments.output.print(&Made { file: out, octets, entries: head.size, root: head.root.to_string(), left_out: manifest.left_out })
}

/// Verifies the copy. One of an earlier version's schema is read and computed anew as for its migration, before which nobody should be without a backup.
fn verify_copy(copy: &Path, name: &str, signed: Option<&TreeHead>, progress: &mut dyn FnMut(u64)) -> anyhow::Result<TreeHead> {
    match verify(copy, name, signed, progress) {
        Err(VerifyLedgerError::Ledger(LedgerError::Outdated { .. })) => {
            let head = migrate(copy, name, Purpose::Trial, &mut |done, _| progress(done))?.head;
            let fits = signed.is_none_or(|signed| signed.size < head.size || signed == &head);
            anyhow::ensure!(fits, "its {} entries with root {} do not continue what the log has signed", head.size, head.root);
            Ok(head)
        }
        verified => Ok(verified?),
    }
}

/// The file to make, which may not exist.
fn target(out: &Path, now: UnixTime) -> anyhow::Result<PathBuf> {
    let out = match out.is_dir() {
        true => out.join(format!("masa-{}.tar", to_rfc3339(now).replace(['-', ':'], ""))),
        false => out.to_owned(),
    };
    anyhow::ensure!(out.symlink_metadata().is_err(), "{}: exists already; nothing was made, choose another name with --out", out.display());
    Ok(out)
}

/// A backup under its temporary name, and the copy of the ledger beside it; both are removed when this is dropped, and overwritten where a process that was killed left them.
struct Unfinished {
    /// The archive.
    file: File,
    path: PathBuf,
    /// Where to copy the ledger to.
    ledger: PathBuf,
}

impl Unfinished {
    fn begin(out: &Path) -> anyhow::Result<Self> {
        let (path, ledger) = (beside(out, ".part"), beside(out, ".ledger.part"));
        let cannot = || format!("{}: cannot be made", path.display());
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).with_context(cannot)?;
        file.try_lock().ok().with_context(|| format!("{}: another process makes this backup", path.display()))?;
        file.set_len(0).with_context(cannot)?;
        for left in [ledger.clone(), beside(&ledger, "-journal"), beside(&ledger, "-wal"), beside(&ledger, "-shm")] {
            let _none_left = std::fs::remove_file(left);
        }
        Ok(Self { file, path, ledger })
    }

    /// Gives it its name, with all of it on disk, and says how long it is.
    fn finish(&self, out: &Path) -> anyhow::Result<u64> {
        let finished = || -> std::io::Result<u64> {
            self.file.sync_all()?;
            std::fs::rename(&self.path, out)?;
            sync_folder(out)?;
            Ok(self.file.metadata()?.len())
        };
        finished().with_context(|| format!("{}: cannot be made", out.display()))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _renamed = std::fs::remove_file(&self.path);
        let _none_made = std::fs::remove_file(&self.ledger);
        for ending in ["-wal", "-shm", "-journal"] {
            let _none_left = std::fs::remove_file(beside(&self.ledger, ending));
        }
    }
}

impl core::fmt::Display for Made {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        writeln!(f, "{}: {} octets, {} entries verified\nroot: {}", self.file.display(), self.octets, self.entries, self.root)?;
        self.left_out.iter().try_for_each(|left| writeln!(f, "not in it: {}: {}", left.path, left.why))?;
        write!(f, "Keep those elsewhere, and log-last-signed.txt where it is: nothing can be signed without the one, and no loss be noticed without the other")
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-masa backup --config masa/masa.toml --out masa-2026-08-01.tar
  brski-masa backup --out /var/backups/brski-masa -o json";
