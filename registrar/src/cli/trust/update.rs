//! `trust update`: a signed profile takes the place of an accepted one.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use brski_common::Clock;
use brski_common::text::{LONGEST_LINE, printable};
use brski_registrar::trust::{self, Update};
use clap::Args;

use super::{Shown, answers_yes, find, is_fingerprint};
use crate::cli::Output;
use crate::config::{Configuration, Profile};

/// Take a newer signed profile of a manufacturer that is accepted already
///
/// What it changes is shown first, line by line. Nobody has to compare a fingerprint if a key signed it that the accepted profile names (profile-signers): only that key speaks for all
/// of the manufacturer's anchors. If another key signed it, its fingerprint has to be compared as with `trust add`.
///
/// A profile that was not written after the accepted one is refused without --allow-older: it may name keys that were given up since. So is one from the future.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct UpdateArguments {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// The signed profile
    profile: PathBuf,
    /// Take it also if it is no newer than the accepted one, or has no date
    #[arg(long)]
    allow_older: bool,
    /// Accept what it changes, if a key signed it that the accepted profile names
    #[arg(long)]
    yes: bool,
    /// Accept it if its SHA-256 is this, in hexadecimal digits: that of the profile's text, not of the signed file
    #[arg(long, value_name = "SHA256", conflicts_with = "yes")]
    fingerprint: Option<String>,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

pub(super) fn run(arguments: &UpdateArguments) -> anyhow::Result<()> {
    let (path, now) = (&arguments.profile, Clock::system().now());
    let configuration = Configuration::read(&arguments.config)?;
    let profiles = configuration.profiles();
    let (offered, signed) = Profile::read_offered(path, now)?;
    let signed = signed.with_context(|| format!("{}: is not signed, so that only a person can accept it: `trust remove`, then `trust add`", path.display()))?;
    if let Some(expected) = &arguments.fingerprint {
        let found = offered.fingerprint();
        anyhow::ensure!(is_fingerprint(expected, &found), "{}: its SHA-256 is {found}, not {expected}; nothing was changed", path.display());
    }
    let accepted = find(&profiles, &offered.manufacturer.name)?;
    if accepted.text == offered.text {
        arguments.output.print(&Shown::new(&accepted))?;
        writeln!(crate::cli::err(), "This profile is accepted already; nothing was changed.")?;
        return Ok(());
    }
    let update = trust::update(&accepted.text, &signed, arguments.allow_older, now, configuration.clock_skew());
    let update = update.with_context(|| path.display().to_string())?;
    let others = profiles.read()?;
    let mut others = others.iter().filter(|other| other.manufacturer.name != offered.manufacturer.name);
    if let Some(other) = others.find(|other| other.manufacturer.shares_idevid_anchor(&offered.manufacturer)) {
        anyhow::bail!("{}; nothing was changed", offered.conflict(other));
    }
    for line in update.changes().iter().flat_map(|change| change.to_string().lines().map(str::to_owned).collect::<Vec<_>>()) {
        writeln!(crate::cli::err(), "{}", printable(&line, LONGEST_LINE))?;
    }
    confirm(arguments, &offered, &update)?;
    profiles.replace(&accepted, &offered)?;
    arguments.output.print(&Shown::new(&Profile { path: accepted.path, ..offered }))?;
    writeln!(crate::cli::err(), "A registrar that is running takes it in with SIGHUP.")?;
    Ok(())
}

/// Asks, unless the command line has answered or there is nothing to decide.
fn confirm(arguments: &UpdateArguments, offered: &Profile, update: &Update) -> anyhow::Result<()> {
    let path = arguments.profile.display();
    if arguments.fingerprint.is_some() || (update.signer_is_named() && (arguments.yes || update.changes_only_the_date())) {
        return Ok(());
    }
    let found = offered.fingerprint();
    match (update.signer_is_named(), std::io::stdin().is_terminal()) {
        (true, true) => anyhow::ensure!(answers_yes("Accept these changes? [y/N] ")?, "nothing was changed"),
        (true, false) => anyhow::bail!("{path}: changes more than its date, and nobody can be asked here: repeat with --yes; nothing was changed"),
        (false, true) => {
            let question = format!(
                "The accepted profile does not name the key that signed this one: compare. The SHA-256 of this profile is {found}. Accept these changes? [y/N] "
            );
            anyhow::ensure!(answers_yes(&question)?, "nothing was changed");
        }
        (false, false) => anyhow::bail!(
            "{path}: is signed by a key that the accepted profile does not name (profile-signers): repeat with --fingerprint {found} once you have compared it with what the manufacturer told you by another way; nothing was changed"
        ),
    }
    Ok(())
}

const EXAMPLES: &str = "\
Examples:
  brski-registrar trust update manufacturer-profile.p7m
  brski-registrar trust update --yes manufacturer-profile.p7m
  brski-registrar trust update --fingerprint 9f86d081... manufacturer-profile.p7m";
