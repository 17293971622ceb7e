//! `backup`: the store of pledges, with its trail, while the server runs.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brski_common::files::{beside, replace, sync_folder};
use brski_common::time::to_rfc3339;
use brski_common::{Clock, UnixTime};
use brski_registrar::backup::Manifest;
use brski_registrar::pledges::{copy, verify};
use brski_registrar::trail::Notary;
use clap::Args;
use serde::Serialize;

use super::Output;
use crate::config::Configuration;

/// Back up the store of pledges and its audit trail, while the server runs
///
/// The copy is of one moment, and nobody waits for it. It is verified like `audit verify` does before it gets its name: a damaged store yields no backup. Beside it is
/// its manifest, FILE.manifest.json, signed with the trail's key.
///
/// Keys, certificates, policy, manufacturers and the configuration are not in it: they are files that change rarely, to be kept apart. What the trail signed last
/// (trail-last-signed.txt) is left out on purpose: it has to be newer than any backup, since it tells `restore` whether events are lost.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// File to make, or a folder in which to make one that is named after the time
    #[arg(value_name = "FILE")]
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
    manifest: PathBuf,
    octets: u64,
    events: u64,
    root: String,
    signed: bool,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let configuration = Configuration::read(&arguments.config)?;
    let now = Clock::system().now();
    let out = target(&arguments.out, now)?;
    let notary = configuration.notary()?;
    let store = configuration.existing_pledges()?;
    // What is backed up is signed as far as it goes, so that a restored store can be compared with what was signed later.
    let mut signed = Vec::new();
    if let Some(notary) = &notary {
        signed.push((notary.verifier().clone(), notary.sign(&store).await?.peek_unverified().clone()));
    }

    let unfinished = Unfinished(beside(&out, ".part"));
    unfinished.remove();
    copy(&configuration.pledges_path(), &unfinished.0)?;
    let keys = configuration.trail_keys(notary.as_ref())?;
    let verified = verify(&unfinished.0, &keys, &signed).with_context(|| format!("{}: not backed up", configuration.pledges_path().display()))?;
    let manifest = Manifest::of(&unfinished.0, &verified, notary.as_ref().map(Notary::verifier), now)?;
    let written = manifest.sign(notary.as_ref()).await?;
    let cannot = || format!("{}: cannot be made", out.display());
    replace(&manifest_of(&out), &written.to_json()?).with_context(cannot)?;
    std::fs::rename(&unfinished.0, &out).and_then(|()| sync_folder(&out)).with_context(cannot)?;
    let Manifest { octets, events, root, .. } = manifest;
    arguments.output.print(&Made { manifest: manifest_of(&out), file: out, octets, events, root, signed: written.is_signed() })
}

/// The file beside a backup that says what it is.
pub(super) fn manifest_of(backup: &Path) -> PathBuf {
    beside(backup, ".manifest.json")
}

/// The file to make, which may not exist, nor its manifest.
fn target(out: &Path, now: UnixTime) -> anyhow::Result<PathBuf> {
    let out = match out.is_dir() {
        true => out.join(format!("registrar-{}.sqlite", to_rfc3339(now).replace(['-', ':'], ""))),
        false => out.to_owned(),
    };
    for path in [&out, &manifest_of(&out)] {
        anyhow::ensure!(path.symlink_metadata().is_err(), "{}: exists already; nothing was made, choose another name", path.display());
    }
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).with_context(|| format!("{}: there is no such folder", folder.display()))?;
    Ok(out)
}

/// A copy under its temporary name; removed when this is dropped, unless it was renamed.
struct Unfinished(PathBuf);

impl Unfinished {
    fn remove(&self) {
        ["", "-journal", "-wal", "-shm"].iter().for_each(|ending| drop(std::fs::remove_file(beside(&self.0, ending))));
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.remove();
    }
}

impl core::fmt::Display for Made {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        writeln!(f, "{}: {} octets, {} events verified\nroot: {}", self.file.display(), self.octets, self.events, self.root)?;
        let signed = if self.signed { "signed with the trail's key" } else { "not signed, because the trail has no key" };
        writeln!(f, "manifest: {}, {signed}", self.manifest.display())?;
        write!(f, "Keep both, the keys and the configuration elsewhere, and trail-last-signed.txt where it is: without it no loss would be noticed")
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-registrar backup registrar-2026-08-01.sqlite
  brski-registrar backup --config registrar/registrar.toml /var/backups/brski-registrar -o json";
