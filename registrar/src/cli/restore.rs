//! `restore`: the store of pledges out of a backup.

mod new_key;
mod place;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brski_common::files::sync_folder;
use brski_common::log::{Checkpoint, VerifierKey};
use brski_common::text::in_full;
use brski_registrar::backup::{Manifest, SignedManifest};
use brski_registrar::pledges::{Damage, VerifyTrailError, verify};
use brski_registrar::trail::{Event, Notary, What};
use brski_registrar::{PledgeStore as _, SqlitePledges};
use clap::Args;
use serde::Serialize;

use super::Output;
use super::backup::manifest_of;
use super::person::By;
use crate::config::{Configuration, read_verifiers};

/// Put a backup of the store of pledges into its place; the server must not run
///
/// Backup and manifest are verified first, as `audit verify` does. That it was restored, by whom and why becomes an event of the trail. A store that is there is
/// moved aside, with --replace.
///
/// The trail goes on where the backup ended. If more was signed since, going on under the same key would contradict what was signed: two histories of one trail. Then
/// nothing is restored, except with --new-trail-key: the trail then goes on under a new key, and whoever knows the old one learns by that that events were lost. The same is
/// needed if nobody knows how much was signed since: trail-last-signed.txt is gone, and the store that was there as well, or it is damaged.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The backup; its manifest is beside it, as FILE.manifest.json
    #[arg(value_name = "FILE")]
    backup: PathBuf,
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    #[command(flatten)]
    by: By,
    /// Move the store aside that is there
    #[arg(long)]
    replace: bool,
    /// Accept that signed events are lost: make a new key for the trail, and move the old one aside. If the key is in a token, it is the new one that [trail] names already
    #[arg(long)]
    new_trail_key: bool,
    /// Trust the keys in this file as the trail's, one a line as trail-verifier.txt has them, rather than the key of the configuration and those in certificates/trail-verifier.txt beside it
    #[arg(long, value_name = "FILE")]
    verifier: Option<PathBuf>,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// What was done.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Done {
    store: PathBuf,
    events: u64,
    /// How many events the upgrade added that an older version had not written down.
    #[serde(skip_serializing_if = "is_zero")]
    added: u64,
    /// None if nobody knows.
    lost: Option<u64>,
    moved: Vec<PathBuf>,
    new_verifier: Option<String>,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let configuration = Configuration::read(&arguments.config)?;
    let (target, notary) = (configuration.pledges_path(), configuration.notary()?);
    let keys = match &arguments.verifier {
        Some(path) => read_verifiers(path)?,
        None => configuration.trail_keys(notary.as_ref())?,
    };
    let signed = match &notary {
        // What the old key signed does not bind a trail that goes on under a new one.
        Some(notary) if !arguments.new_trail_key => notary.remembered()?.map(|(checkpoint, _)| (notary.verifier().clone(), checkpoint)),
        Some(_) | None => None,
    };
    let manifest = believed(&arguments.backup, &keys, signed)?;
    place::check(&target, arguments.replace)?;

    let lost = lost(&manifest, &known(notary.as_ref(), &target, &keys, arguments.new_trail_key)?, notary.is_some(), arguments.new_trail_key)?;
    let new_key = match arguments.new_trail_key {
        true => Some(new_key::NewKey::make(&configuration, notary.as_ref(), manifest.trail.as_deref())?),
        false => None,
    };

    let staged = place::copy(&arguments.backup, &target)?;
    // Read once more, and perhaps otherwise.
    anyhow::ensure!(is_of(&manifest, &staged.path)?, "{}: was not copied as its manifest says; nothing was changed", arguments.backup.display());
    let added;
    {
        let store = SqlitePledges::open(&staged.path)?;
        added = store.head().await?.size.saturating_sub(manifest.events);
        let by = arguments.by.person()?;
        let new_key = new_key.as_ref().map(|new_key| new_key.told(&keys, (added > 0).then_some(manifest.events)));
        store.note(Event { at: by.at, pledge: None, what: What::Restored { by, new_key } }).await?;
    }
    // Somebody may have started the server meanwhile: what it wrote would be moved aside with the store.
    place::check(&target, arguments.replace)?;
    let moved = staged.put(&target)?;
    let mut new_verifier = None;
    if let Some(new_key) = new_key {
        new_verifier = Some(new_key.put()?);
    }
    sync_folder(&target)?;
    // A person says here that the trail goes on; from now on what is signed is remembered again.
    if let Some(notary) = configuration.notary()? {
        notary.sign_anew(&SqlitePledges::open(&target)?).await.context("the store is restored, but its trail could not be signed")?;
    }
    arguments.output.print(&Done { store: target, events: manifest.events, added, lost, moved, new_verifier })
}

/// The manifest, if the backup is what it says, and continues or precedes what was signed last.
fn believed(backup: &Path, keys: &[VerifierKey], signed: Option<(VerifierKey, Checkpoint)>) -> anyhow::Result<Manifest> {
    let path = manifest_of(backup);
    let octets = std::fs::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let manifest = SignedManifest::from_json(&octets).and_then(|signed| signed.verify(keys)).with_context(|| path.display().to_string())?;
    anyhow::ensure!(is_of(&manifest, backup)?, "{}: is not what its manifest says; nothing was changed", backup.display());
    // One over more events than came back is about what is lost, of which `lost` speaks.
    let signed: Vec<_> = signed.into_iter().filter(|(_, checkpoint)| checkpoint.size <= manifest.events).collect();
    let verified = verify(backup, keys, &signed).with_context(|| backup.display().to_string())?;
    anyhow::ensure!(manifest.fits(&verified), "{}: its trail is not what its manifest says; nothing was changed", backup.display());
    Ok(manifest)
}

fn is_of(manifest: &Manifest, copy: &Path) -> anyhow::Result<bool> {
    manifest.is_of(copy).with_context(|| format!("{}: cannot be read", copy.display()))
}

/// How many events the trail is known to have had.
enum Known {
    /// At least so many, and no more were signed.
    Events(u64),
    /// Nobody knows: why the store that is there does not tell.
    Unknown(String),
}

/// By what was signed last, and by the store that is there, if it is whole.
fn known(notary: Option<&Notary>, target: &Path, keys: &[VerifierKey], new_key: bool) -> anyhow::Result<Known> {
    let signed = match notary.map(Notary::remembered).transpose() {
        Ok(signed) => signed.flatten().map(|(checkpoint, _)| checkpoint.size),
        // Signed by a key that is gone: whoever asks for a new one knows that.
        Err(_) if new_key => None,
        Err(err) => return Err(err.into()),
    };
    let present = match target.exists() {
        true => match verify(target, keys, &[]) {
            Ok(verified) => Ok(verified.events),
            Err(VerifyTrailError::Damaged(Damage::NoTrail)) => Ok(0),
            // A damaged one has no claim to its place, and its length is nobody's word.
            Err(err) => Err(format!("the store that is there does not tell ({})", in_full(&err))),
        },
        false => Err("there is no store".to_owned()),
    };
    Ok(match (signed, present) {
        (Some(signed), Ok(events)) => Known::Events(events.max(signed)),
        (Some(events), Err(_)) | (None, Ok(events)) => Known::Events(events),
        (None, Err(why)) => Known::Unknown(why),
    })
}

/// How many events are lost with this backup, if they may be; none if nobody knows.
fn lost(manifest: &Manifest, known: &Known, is_signed: bool, new_key: bool) -> anyhow::Result<Option<u64>> {
    match known {
        Known::Events(known) => {
            let lost = known.saturating_sub(manifest.events);
            anyhow::ensure!(
                lost == 0 || new_key,
                "the backup ends after {} events, and {known} are known: {lost} would be lost, and the trail go on in contradiction to what was signed; nothing was changed. \
                 Restore a newer backup, or accept the loss with --new-trail-key",
                manifest.events
            );
            Ok(Some(lost))
        }
        Known::Unknown(why) => {
            // Without a key nothing was signed that could be contradicted.
            anyhow::ensure!(
                new_key || !is_signed,
                "the backup ends after {} events, and nobody knows how many there were: {why}, and there is no trail-last-signed.txt. Going on under the same key may contradict \
                 what was signed since the backup; nothing was changed. Put trail-last-signed.txt back beside the store, which the newest checkpoint that others hold may stand in \
                 for, or accept the loss with --new-trail-key",
                manifest.events
            );
            Ok(None)
        }
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl core::fmt::Display for Done {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: restored with {} events, and one more that tells of it", self.store.display(), self.events)?;
        if self.added > 0 {
            write!(f, "\nadded: {} events of what an older version had not written down", self.added)?;
        }
        match self.lost {
            Some(0) => {}
            Some(lost) => write!(f, "\nlost: {lost} events")?,
            None => write!(f, "\nlost: nobody knows how many events there were since the backup")?,
        }
        self.moved.iter().try_for_each(|path| write!(f, "\nmoved aside: {}", path.display()))?;
        match &self.new_verifier {
            Some(verifier) => write!(f, "\nthe trail's new key, for auditors: {verifier}"),
            None => Ok(()),
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-registrar restore registrar-2026-08-01.sqlite --why 'disk of host a died'
  brski-registrar restore registrar-2026-08-01.sqlite --replace --new-trail-key --by alice --why 'disk died, newest backup'";
