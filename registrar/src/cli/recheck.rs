//! `recheck`: what the manufacturers of all enrolled devices say of their keys today, and what the policy of today makes of it.

use core::time::Duration;
use std::path::PathBuf;
use std::process::ExitCode;

use brski_common::text::in_full;
use brski_common::{Clock, Refusal, UnixTime};
use brski_registrar::approval::Person;
use brski_registrar::pledges::Mark;
use brski_registrar::registrar::{Rechecked, Standing};
use brski_registrar::trail::{Event, PledgeFile, What};
use brski_registrar::{PledgeStore, Query, Registrar};
use clap::Args;
use serde::Serialize;

use super::Output;
use super::person::at_command_line;
use crate::config::{Configuration, MasaMemory};

/// Ask the MASAs of all enrolled devices what they say of their keys today, and appraise it
///
/// Devices that would not be renewed are told, one a line; nothing happens to them but what revoke-on in [ldevid] says. For a timer, such as once a day. Ends with status 1 if
/// any device would not be renewed or could not be asked about. Where a worker asks the MASAs, a device is not known yet until the worker has its answer; that is no failure, and
/// the same command tells more a little later. That it was done, by whose user and with which outcome, becomes an event of the trail.
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
    /// What became of each, in a sentence.
    #[serde(skip)]
    outcome: Vec<String>,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let configuration = Configuration::read(&arguments.config)?;
    let pledges = configuration.open()?;
    let registrar = configuration.registrar_on(pledges.clone(), &MasaMemory::default())?;
    let enrolled = enrolled(&*pledges, arguments.most, Clock::system().now()).await?;
    let mut tally = Tally::default();
    let looked_at = look_at(enrolled, &registrar, arguments, &mut tally).await;
    // Also if it came to an early end: what was done until then was done.
    let by = at_command_line(None, "recheck of enrolled devices".to_owned());
    pledges.note(Event { at: by.at, pledge: None, what: tally.noted(by) }).await?;
    looked_at?;
    Ok(if tally.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What was found, in numbers.
#[derive(Debug, Default)]
struct Tally {
    devices: u64,
    declined: u64,
    not_yet: u64,
    unknown: u64,
    revoked: u64,
}

impl Tally {
    fn count(&mut self, rechecked: &Rechecked) {
        self.devices += 1;
        self.revoked += rechecked.revoked.len() as u64;
        match rechecked.standing {
            Standing::Accepted(_) => {}
            Standing::Declined(_) => self.declined += 1,
            Standing::NotYet(_) => self.not_yet += 1,
            Standing::Unknown(_) => self.unknown += 1,
        }
    }

    fn is_well(&self) -> bool {
        self.declined == 0 && self.unknown == 0
    }

    fn noted(&self, by: Person) -> What {
        let Self { devices, declined, not_yet, unknown, revoked } = *self;
        What::Rechecked { by, devices, declined, unknown: unknown + not_yet, revoked }
    }
}

async fn look_at(enrolled: Vec<PledgeFile>, registrar: &Registrar, arguments: &Arguments, tally: &mut Tally) -> anyhow::Result<()> {
    let mut pace = tokio::time::interval(Duration::from_secs(60) / arguments.per_minute);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for file in enrolled {
        pace.tick().await;
        let Some(rechecked) = registrar.recheck(file.pledge.key).await? else { continue };
        tally.count(&rechecked);
        if arguments.all || !matches!(rechecked.standing, Standing::Accepted(_)) {
            arguments.output.print(&Shown::new(&file, rechecked))?;
        }
    }
    Ok(())
}

/// The devices that have an LDevID, wherever else they stand, by what is on record now: asking about one changes its place.
async fn enrolled(pledges: &dyn PledgeStore, most: usize, now: UnixTime) -> anyhow::Result<Vec<PledgeFile>> {
    let current = |file: &PledgeFile| file.certificates.iter().any(|filed| filed.revoked.is_none() && filed.certificate.not_after >= now);
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = pledges.files(Query { before, limit: PAGE, ..Query::default() }).await?;
        let full = page.len() >= PAGE as usize;
        before = page.last().map(Mark::of);
        found.extend(page.into_iter().filter(current));
        if !full || found.len() >= most {
            found.truncate(most);
            return Ok(found);
        }
    }
}

impl Shown {
    fn new(file: &PledgeFile, rechecked: Rechecked) -> Self {
        let (standing, why) = match &rechecked.standing {
            Standing::Accepted(reappraised) => ("accepted", format!("rule '{}'", reappraised.decision().rule)),
            Standing::Declined(declined) => ("not renewable", for_owner(&declined.refusal)),
            Standing::NotYet(refusal) => ("not known yet", for_owner(refusal)),
            Standing::Unknown(err) => ("unknown", in_full(err)),
        };
        let revoked = rechecked.revoked.iter().map(|revoked| revoked.certificate.serial.clone()).collect();
        let outcome = rechecked.revoked.iter().map(ToString::to_string).collect();
        Self { serial: rechecked.serial.to_string(), manufacturer: file.pledge.manufacturer.clone(), standing, why, revoked, outcome }
    }
}

/// Without what only a pledge has to do.
fn for_owner(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Pending { reason, .. } => reason.clone(),
        other => in_full(other),
    }
}

impl core::fmt::Display for Shown {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} of {}: {}: {}", self.serial, self.manufacturer, self.standing, self.why)?;
        self.outcome.iter().try_for_each(|outcome| write!(f, "\n  revoked: {outcome}"))
    }
}

const PAGE: u32 = 1000;

const EXAMPLES: &str = "\
Examples:
  brski-registrar recheck --config registrar/registrar.toml
  brski-registrar recheck --all --per-minute 60 -o json";
