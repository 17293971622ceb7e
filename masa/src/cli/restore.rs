//! `restore`: a ledger put back from a backup, without pretending that nothing was lost.

mod files;
mod known;
mod place;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use brski_common::cli::place::Staged;
use brski_common::log::{Checkpoint, SignedCheckpoint, VerifierKey};
use brski_common::provenance::Text;
use brski_common::serve::setup::open_key;
use brski_common::sign::KeyUri;
use brski_common::{Clock, Signer};
use brski_masa::backup::Manifest;
use brski_masa::ledger::{Lost, Purpose, Restored, VerifyLedgerError, migrate, verify};
use brski_masa::{Entry, LastSigned, Ledger as _, LedgerError, SqliteLedger, TreeHead};
use clap::Args;
use serde::Serialize;

use super::by::By;
use super::progress::Progress;
use super::verifiers::{LogVerifiers, read_verifier};
use super::{Output, archive};
use crate::config::{Configuration, LOG_VERIFIER};
use known::Known;

/// Put a ledger back from a backup
///
/// Stop the server first. The whole backup is verified before any ledger is touched: that the log's key has signed its manifest, that each file is what was backed up, every entry as `log verify` does, and that the
/// ledger continues what the log has signed. An entry that says who put it back, why, and what was lost is appended. A ledger that exists is not overwritten;
/// --replace moves it aside, which is refused if it is whole and has more entries than the backup.
///
/// What was signed last is known from the file `log-last-signed.txt`, which belongs to the ledger and to no backup, or from a checkpoint that others hold (--checkpoint).
/// If the backup reaches it, the log goes on under its key. If it does not, entries are lost of which others may hold receipts, and the old key must not
/// sign again: it would prove that the log forked. The restored ledger then needs --new-log-key: it is the log of another verifier key, its entry names size and root of
/// what was lost, and receipts that the old key signed stay good for what they say. The same is needed if nobody knows what was signed since the backup. Under
/// the old key nothing can be signed any more, until the configuration names the new one.
///
/// What was appended after the last signed state leaves no trace anywhere: nobody was given a receipt for it, but perhaps a voucher.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The backup
    file: PathBuf,
    /// Configuration file of the MASA whose ledger is to be put back
    #[arg(long, default_value = "masa/masa.toml", conflicts_with = "dir")]
    config: PathBuf,
    /// Folder to unpack configuration and certificates into as well, on a new machine; what is there already must be the same
    #[arg(long)]
    dir: Option<PathBuf>,
    #[command(flatten)]
    by: By,
    /// Why, in a few words
    #[arg(long, value_parser = |text: &str| Text::new(text))]
    reason: Text,
    /// A checkpoint of this log that others hold, newer than the backup perhaps. May be repeated
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    #[command(flatten)]
    verifiers: LogVerifiers,
    /// Accept a backup without signature, which anybody could have made: one of an earlier version, of which you know where it was since
    #[arg(long)]
    unsigned: bool,
    /// Private key (Ed25519) of the log from now on, if entries are lost: a PEM file, or a pkcs11: URI as in the configuration
    #[arg(long, value_name = "KEY", value_parser = |text: &str| text.parse::<KeyUri>())]
    new_log_key: Option<KeyUri>,
    /// Move a ledger that exists aside
    #[arg(long)]
    replace: bool,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// What was put back.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Told {
    ledger: PathBuf,
    /// Of the backup.
    entries: u64,
    root: String,
    /// Index of the entry that tells of it.
    entry: u64,
    /// Size of the newest signed state, if the backup does not reach it; or that nobody knows it.
    lost: Option<ToldLost>,
    /// The log's new verifier key.
    log_verifier: Option<String>,
    /// Where the file with the former one is now.
    former_log_verifier: Option<PathBuf>,
    /// Where the ledger is that was there, and what SQLite kept beside it.
    moved: Vec<PathBuf>,
    /// Files of the configuration that were unpacked.
    unpacked: Vec<PathBuf>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ToldLost {
    Signed(u64),
    Unknown(&'static str),
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut file = File::open(&arguments.file).with_context(|| format!("{}: cannot be read", arguments.file.display()))?;
    // Gather; what the backup itself says is not believed before somebody vouches for it who is known here.
    let trusted = trusted(arguments)?;
    let manifest = manifest(&archive::opening(&mut file, &arguments.file)?, &trusted, arguments)?;
    // On a new machine the configuration comes out of the backup.
    let (configuration, unpacked) = match &arguments.dir {
        Some(dir) => files::configuration(&mut file, &arguments.file, &manifest, dir)?,
        None => (Configuration::read(&arguments.config)?, Vec::new()),
    };
    let (target, name) = configuration.ledger();
    anyhow::ensure!(manifest.log == name, "{}: a backup of the log of {}, expected {name}", arguments.file.display(), manifest.log);
    let old_key: VerifierKey = manifest.log_verifier.parse().context("the backup's verifier key")?;
    let keys: Vec<VerifierKey> = core::iter::once(old_key).chain(trusted).collect();
    let new_key = arguments.new_log_key.as_ref().map(|key| new_log_key(&configuration, key, &keys)).transpose()?;
    let memory = LastSigned::in_file(configuration.last_signed_path());
    let known = known::gather(&memory, &manifest, &arguments.checkpoints, &keys, new_key.as_ref().map(|(_, verifier)| verifier))?;
    place::check(&target, name, &manifest, arguments.replace)?;

    // Decide.
    let backup = TreeHead { size: manifest.tree_size, root: known::root(&manifest)? };
    let lost = known::lost(&known, &backup, new_key.is_some())?;

    // Act: beside the place first.
    let mut staged = Staged::begin(&target)?;
    archive::unpack(&mut file, &arguments.file, &manifest, &mut staged.file)?;
    verify_staged(&staged, name, &backup, known.head().filter(|signed| signed.size <= backup.size), &arguments.file)?;
    let restored = Restored { at: Clock::system().now(), by: arguments.by.name()?.into(), reason: arguments.reason.clone().into(), lost };
    let now = append(&staged.path, name, restored).await?;
    let first = match &new_key {
        Some((key, verifier)) => Some(Checkpoint { origin: verifier.name().clone(), size: now.size, root: now.root }.sign(&**key).await?),
        None => None,
    };

    let moved = put(&staged, &target, &memory, &known, first.as_ref(), &configuration.last_signed_path())?;
    check_in_place(&target, name, &now).await?;
    let former_log_verifier = match &new_key {
        Some((_, verifier)) => place::write_aside(&configuration.log_verifier_path(), &format!("{verifier}\n"))?,
        None => None,
    };
    arguments.output.print(&Told {
        ledger: target,
        entries: backup.size,
        root: backup.root.to_string(),
        entry: now.size - 1,
        lost: match lost {
            Lost::Nothing => None,
            Lost::Unknown => Some(ToldLost::Unknown("unknown")),
            Lost::Signed(head) => Some(ToldLost::Signed(head.size)),
        },
        log_verifier: new_key.map(|(_, verifier)| verifier.to_string()),
        former_log_verifier,
        moved,
        unpacked,
    })
}

/// The keys under which the log is known on this machine, and those that the command line names.
fn trusted(arguments: &Arguments) -> anyhow::Result<Vec<VerifierKey>> {
    let mut keys = arguments.verifiers.read()?;
    let beside = match &arguments.dir {
        // Read before anything is unpacked there.
        Some(dir) => dir.join(LOG_VERIFIER),
        None => {
            let configuration = Configuration::read(&arguments.config)?;
            // The private key may be lost with the ledger.
            keys.extend(configuration.log_verifier());
            configuration.log_verifier_path()
        }
    };
    if beside.symlink_metadata().is_ok() {
        keys.push(read_verifier(&beside)?);
    }
    Ok(keys)
}

/// The manifest, if somebody who is known here vouches for it.
fn manifest(opening: &archive::Opening, trusted: &[VerifierKey], Arguments { file, unsigned, .. }: &Arguments) -> anyhow::Result<Manifest> {
    match &opening.seal {
        Some(_) if trusted.is_empty() => anyhow::bail!(
            "{}: nothing here tells under which key to verify it; name the file with the log's verifier key with --log-verifier, as `init` wrote it into {LOG_VERIFIER}",
            file.display()
        ),
        Some(seal) => Manifest::from_sealed(&opening.json, seal, trusted).with_context(|| {
            let known = "nothing of it is to be trusted; if the log has had another key then, name that with --log-verifier";
            format!("{}: its manifest is not signed by a key of this log, so that {known}", file.display())
        }),
        None if *unsigned => Manifest::from_json(&opening.json).with_context(|| format!("{}: no backup of a ledger", file.display())),
        None => anyhow::bail!(
            "{}: its manifest bears no signature of the log, so that anybody could have made it; --unsigned accepts it if you know that nobody else did",
            file.display()
        ),
    }
}

/// Puts the ledger into its place, and what the log has signed into its memory, in an order in which no crash lets the old key sign what contradicts it.
fn put(
    staged: &Staged,
    target: &Path,
    memory: &LastSigned,
    known: &Known,
    first: Option<&SignedCheckpoint>,
    memory_path: &Path,
) -> anyhow::Result<Vec<PathBuf>> {
    match (&known.newest, first) {
        (Some((newest, _)), None) => {
            memory.begin_with(newest)?;
            staged.put(target)
        }
        (Some((newest, _)), Some(first)) => {
            // Until the new key's checkpoint stands there, what was signed last forbids the shorter ledger every signature.
            memory.begin_with(newest)?;
            let moved = staged.put(target)?;
            place::copy_aside(memory_path)?;
            memory.begin_with(first)?;
            Ok(moved)
        }
        (None, Some(first)) => {
            // Nothing is known that would forbid it: the new key's checkpoint does, before there is a ledger to sign.
            memory.begin_with(first)?;
            staged.put(target)
        }
        (None, None) => anyhow::bail!("nobody knows what the log signed last"),
    }
}

fn verify_staged(staged: &Staged, name: &str, backup: &TreeHead, signed: Option<TreeHead>, file: &Path) -> anyhow::Result<()> {
    let mut progress = Progress::new();
    let mut found = verify(&staged.path, name, signed.as_ref(), &mut |entries| progress.entries("verified", entries, None));
    if let Err(VerifyLedgerError::Ledger(LedgerError::Outdated { .. })) = found {
        // The backup is an old one; entries and tree stay what they are.
        migrate(&staged.path, name, Purpose::Change, &mut |done, _| progress.entries("migrated", done, None))?;
        found = verify(&staged.path, name, signed.as_ref(), &mut |entries| progress.entries("verified", entries, None));
    }
    progress.end();
    let found = found.with_context(|| format!("{}: its ledger is not put back", file.display()))?;
    anyhow::ensure!(
        found == *backup,
        "{}: its ledger has {} entries with root {}, and its manifest tells of {} with root {}",
        file.display(),
        found.size,
        found.root,
        backup.size,
        backup.root
    );
    Ok(())
}

/// Appends the entry, and leaves the file without others beside it.
async fn append(path: &Path, name: &str, restored: Restored) -> anyhow::Result<TreeHead> {
    let ledger = SqliteLedger::open(path, name)?;
    ledger.append(vec![Entry::Restored(restored)]).await?;
    Ok(ledger.head().await?)
}

/// Whether the ledger in its place, opened as everybody opens it, is the one that was put there: exactly its entries, the last of which tells of it.
async fn check_in_place(path: &Path, name: &str, put: &TreeHead) -> anyhow::Result<()> {
    let ledger = SqliteLedger::open(path, name).with_context(|| format!("{}: was put into its place and cannot be used there", path.display()))?;
    let head = ledger.head().await?;
    let last = ledger.entries(put.size - 1, 2).await?;
    let tells = matches!(last.as_slice(), [(index, Entry::Restored(_))] if *index == put.size - 1);
    anyhow::ensure!(
        head == *put && tells,
        "{}: has {} entries with root {} although {} with root {} were put there: something else uses the file; stop it, and restore again with --replace",
        path.display(),
        head.size,
        head.root,
        put.size,
        put.root
    );
    Ok(())
}

/// The key under which the log goes on.
fn new_log_key(configuration: &Configuration, uri: &KeyUri, keys: &[VerifierKey]) -> anyhow::Result<(Arc<dyn Signer>, VerifierKey)> {
    let key = open_key(uri)?;
    let verifier = configuration.log_verifier_of(key.public_key()).with_context(|| format!("{uri}: not a key for a log"))?;
    anyhow::ensure!(!keys.contains(&verifier), "{uri}: is the key that the log has had; it needs another one");
    configuration.check_key_of_its_own(key.public_key())?;
    Ok((key, verifier))
}

impl core::fmt::Display for Told {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.unpacked.iter().try_for_each(|path| writeln!(f, "unpacked {}", path.display()))?;
        self.moved.iter().try_for_each(|path| writeln!(f, "moved aside: what was there is {} now", path.display()))?;
        write!(f, "{}: {} entries are back, entry {} tells of it", self.ledger.display(), self.entries, self.entry)?;
        match &self.lost {
            Some(ToldLost::Signed(signed)) => write!(f, "\nlost: the log had signed {signed} entries")?,
            Some(ToldLost::Unknown(_)) => write!(f, "\nlost: nobody knows what the log had signed since the backup")?,
            None => write!(f, "\nno signed entry is lost; entries after the newest signed state, if there were any, leave no trace")?,
        }
        let Some(verifier) = &self.log_verifier else { return Ok(()) };
        write!(f, "\n{LOG_VERIFIER} has the new verifier key now: tell everybody who knows the log: {verifier}")?;
        if let Some(former) = &self.former_log_verifier {
            write!(f, "\nThe former one is in {}: keep it for older checkpoints and backups (--log-verifier)", former.display())?;
        }
        write!(f, "\nNext: name the new key in the configuration, [log] key; nothing is signed before.")?;
        write!(
            f,
            "\ncertificates/log.pem is that of the old key still: keep it for older receipts, and make one of the new key with `openssl pkey -in KEY -pubout`"
        )
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-masa restore masa-2026-08-01.tar --by 'J. Smith' --reason 'disk failed'
  brski-masa restore masa-2026-08-01.tar --dir /etc/brski-masa --log-verifier log-verifier.txt --checkpoint from-the-witness.txt --reason 'new machine'
  brski-masa restore masa-2026-08-01.tar --replace --new-log-key masa/keys/log-2.pem --reason 'ledger damaged'
  brski-masa restore masa-2026-08-01.tar --new-log-key 'pkcs11:token=masa;object=log-2?pin-source=file:pin.txt' --reason 'disk failed'";
