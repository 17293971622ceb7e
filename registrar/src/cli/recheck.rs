//! `recheck`: what the manufacturers of all enrolled devices say of their keys today, and what the policy of today makes of it.

use core::time::Duration;
use std::collections::HashSet;
use std::path::PathBuf;
use std::process::ExitCode;

use brski_common::text::in_full;
use brski_common::time::at;
use brski_common::{Clock, UnixTime};
use brski_registrar::registrar::{Rechecked, Standing};
use brski_registrar::trail::PledgeFile;
use brski_registrar::{PledgeStore, Query};
use clap::Args;
use serde::Serialize;

use super::Output;
use crate::config::Configuration;

/// Ask the MASAs of all enrolled devices what they say of their keys today, and appraise it
///
/// Devices that would not be renewed are told, one a line; nothing happens to them but what revoke-on in [ldevid] says. For a timer, such as once a day. Ends with status 1 if
/// any device would not be renewed or could not be asked about. Where a worker asks the MASAs, a device is not known yet until the worker has its answer; that is no failure, and
/// the same command tells more a little later.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// How many devices to ask about in a minute at most
    #[arg(long, value_name = "COUNT", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=60000))]
    per_minute: u32,
    /// How many devices to ask about at most, those first that were seen last
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    most: usize,
    /// Tell of devices that are well, too
    #[arg(long)]
    all: bool,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// How one device stands.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    serial: String,
    manufacturer: String,
    standing: &'static str,
    why: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    revoked: Vec<String>,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let configuration = Configuration::read(&arguments.config)?;
    let pledges = configuration.open()?;
    let registrar = configuration.registrar_on(pledges.clone())?;
    let enrolled = enrolled(&*pledges, arguments.most, Clock::system().now()).await?;
    let mut pace = tokio::time::interval(Duration::from_secs(60) / arguments.per_minute);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut well = true;
    for file in enrolled {
        pace.tick().await;
        let Some(rechecked) = registrar.recheck(file.pledge.key).await? else { continue };
        let accepted = matches!(rechecked.standing, Standing::Accepted(_));
        well &= matches!(rechecked.standing, Standing::Accepted(_) | Standing::NotYet(_));
        if arguments.all || !accepted {
            arguments.output.print(&Shown::new(&file, rechecked))?;
        }
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The devices that have an LDevID, wherever else they stand, by what is on record now: asking about one changes its place.
async fn enrolled(pledges: &dyn PledgeStore, most: usize, now: UnixTime) -> anyhow::Result<Vec<PledgeFile>> {
    let current = |file: &PledgeFile| file.certificates.iter().any(|filed| filed.revoked.is_none() && filed.certificate.not_after >= now);
    let (mut found, mut seen, mut before) = (Vec::new(), HashSet::new(), None);
    loop {
        let page = pledges.files(Query { before, limit: PAGE, ..Query::default() }).await?;
        // The next page begins with the last second of this one, of which more files may be there than fit.
        let next = page.last().map(|file| at(file.last_seen.as_secs().saturating_add(1)));
        let full = page.len() >= PAGE as usize && next != before;
        found.extend(page.into_iter().filter(|file| seen.insert(file.pledge.key) && current(file)));
        if !full || found.len() >= most {
            found.truncate(most);
            return Ok(found);
        }
        before = next;
    }
}

impl Shown {
    fn new(file: &PledgeFile, rechecked: Rechecked) -> Self {
        let (standing, why) = match &rechecked.standing {
            Standing::Accepted(reappraised) => ("accepted", format!("rule '{}'", reappraised.decision().rule)),
            Standing::Declined(declined) => ("not renewable", in_full(&declined.refusal)),
            Standing::NotYet(refusal) => ("not known yet", in_full(refusal)),
            Standing::Unknown(err) => ("unknown", in_full(err)),
        };
        Self { serial: rechecked.serial.to_string(), manufacturer: file.pledge.manufacturer.clone(), standing, why, revoked: rechecked.revoked }
    }
}

impl core::fmt::Display for Shown {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} of {}: {}: {}", self.serial, self.manufacturer, self.standing, self.why)?;
        self.revoked.iter().try_for_each(|certificate| write!(f, "\n  revoked LDevID {certificate}"))
    }
}

const PAGE: u32 = 1000;

const EXAMPLES: &str = "\
Examples:
  brski-registrar recheck --config registrar/registrar.toml
  brski-registrar recheck --all --per-minute 60 -o json";
