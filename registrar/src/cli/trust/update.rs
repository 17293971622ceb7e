//! `trust update`: a signed profile takes the place of an accepted one.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use brski_common::Clock;
use brski_registrar::trust;
use clap::Args;

use super::{Shown, find};
use crate::cli::Output;
use crate::config::{Configuration, Profile};

/// Take a newer signed profile of a manufacturer that is accepted already
///
/// Nobody has to compare a fingerprint: the profile must be signed under an anchor, of provenance statements or of vouchers, that was accepted before. So whoever holds such a
/// key of the manufacturer decides from then on whose devices count as the manufacturer's; who does not want that uses `trust remove` and `trust add`, and compares.
///
/// A profile that was written before the accepted one is refused without --allow-older: it may name keys that were given up since.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct UpdateArguments {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// The signed profile
    profile: PathBuf,
    /// Take it also if it is older than the accepted one, or has no date
    #[arg(long)]
    allow_older: bool,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

pub(super) fn run(arguments: &UpdateArguments) -> anyhow::Result<()> {
    let (path, now) = (&arguments.profile, Clock::system().now());
    let profiles = Configuration::read(&arguments.config)?.profiles();
    let (offered, signed) = Profile::read_offered(path, now)?;
    let signed = signed.with_context(|| format!("{}: is not signed, so that only a person can accept it: `trust remove`, then `trust add`", path.display()))?;
    let accepted = find(&profiles, &offered.manufacturer.name)?;
    let verified = accepted.manufacturer.verify_profile(&signed, now);
    let verified = verified.with_context(|| format!("{}: is not signed under an anchor that was accepted before", path.display()))?;
    trust::update(&accepted.text, &verified, arguments.allow_older).with_context(|| path.display().to_string())?;
    let others = profiles.read()?;
    let mut others = others.iter().filter(|other| other.manufacturer.name != offered.manufacturer.name);
    if let Some(other) = others.find(|other| other.manufacturer.shares_idevid_anchor(&offered.manufacturer)) {
        anyhow::bail!("{}; nothing was changed", offered.conflict(other));
    }
    profiles.replace(&accepted, &offered)?;
    arguments.output.print(&Shown::new(&Profile { path: accepted.path, ..offered }))?;
    writeln!(std::io::stderr(), "A registrar that is running takes it in with SIGHUP.")?;
    Ok(())
}

const EXAMPLES: &str = "\
Examples:
  brski-registrar trust update manufacturer-profile.p7m";
