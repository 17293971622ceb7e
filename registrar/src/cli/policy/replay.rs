//! `policy replay`: what a policy would have made of the last pledges.

mod key;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use brski_common::appraise::{Verdict, rehearse};
use brski_common::text::{LONGEST_WORDS, printable};
use brski_common::time::rfc3339;
use brski_common::{Policy, UnixTime};
use brski_registrar::approval::Rehearsed;
use brski_registrar::trail::{Decision, PledgeFile};
use brski_registrar::{PledgeStore as _, Query};
use clap::Args;
use serde::Serialize;

use self::key::KeySaid;
use super::super::{Output, trace};
use super::{Said, by_rule, read};
use crate::config::Configuration;

/// Tell what a policy would have made of the last pledges, beside what was decided
///
/// Judges again what was written down with each pledge's last decision, as of the time when the pledge was last seen, so that ages are what they were. What persons approved
/// or refused counts as it would then: an approval is of one rule of one policy. The key that an LDevID was asked for last is judged by the request, if that is on record, as of
/// when it came. A rehearsal: nothing is changed, no signature of a manufacturer is verified, and no MASA is asked. Pledges that another verdict, rule or outcome would meet are
/// told rule by rule.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// Policy file [default: the one that the configuration names]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// How many pledges at most, those last seen first
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    last: u32,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// One pledge, then and now.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Replayed {
    serial: String,
    manufacturer: String,
    #[serde(with = "rfc3339")]
    judged_at: UnixTime,
    then: Then,
    now: Said,
    /// With what persons said.
    #[serde(flatten)]
    rehearsed: Rehearsed,
    /// None if there is nothing to judge of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    ldevid_key: Option<KeySaid>,
    changed: bool,
}

/// What was decided.
#[derive(Debug, Serialize)]
struct Then {
    verdict: Verdict,
    rule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    warned: Option<Verdict>,
}

/// How many of each.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Summary {
    pledges: u32,
    changed: u32,
    accept: u32,
    hold: u32,
    refuse: u32,
    /// Without a decision on record.
    undecided: u32,
    /// Whose record could not be read.
    unreadable: u32,
}

#[derive(Serialize)]
struct Last<'a> {
    summary: &'a Summary,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let configuration = Configuration::read(&arguments.config)?;
    let policy = read(&arguments.policy.clone().unwrap_or_else(|| configuration.policy_path()))?;
    let store = configuration.existing_pledges()?;
    let trust = configuration.trust()?;
    let files = store.files(Query { limit: arguments.last, ..Query::default() }).await?;
    let mut out = crate::cli::out();
    let mut summary = Summary::default();
    for file in &files {
        summary.pledges += 1;
        let Some(decision) = file.decision.as_deref() else {
            summary.undecided += 1;
            continue;
        };
        let now = match Said::new(rehearse(&policy, &decision.facts, file.last_seen)) {
            Ok(said) => said,
            Err(err) => {
                summary.unreadable += 1;
                tracing::warn!(serial = %file.pledge.serial, reason = format!("{err:#}"), "what was written down of a pledge cannot be judged again");
                continue;
            }
        };
        let key = KeySaid::of(file, &policy, trust.authorities(), &*store).await?;
        let replayed = Replayed::new(file, decision, (now, key), &policy, configuration.approvers());
        summary.count(&replayed);
        match arguments.output {
            Output::Text => replayed.write(&mut out)?,
            Output::Json => writeln!(out, "{}", serde_json::to_string(&replayed)?)?,
        }
    }
    match arguments.output {
        Output::Text => summary.write(&mut out)?,
        Output::Json => writeln!(out, "{}", serde_json::to_string(&Last { summary: &summary })?)?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Replayed {
    fn new(file: &PledgeFile, decision: &Decision, (now, ldevid_key): (Said, Option<KeySaid>), policy: &Policy, approvers: usize) -> Self {
        let rehearsed = Rehearsed::new(file, policy, now.verdict, now.rule.as_deref().unwrap_or_default(), approvers);
        let then = Then { verdict: decision.verdict, rule: decision.rule.clone(), warned: decision.warned };
        let judged_alike = now.verdict == then.verdict && now.rule.as_ref() == Some(&then.rule) && now.warned == then.warned;
        let key_changed = ldevid_key.as_ref().is_some_and(KeySaid::is_changed);
        let changed = key_changed || !judged_alike || rehearsed.outcome != Rehearsed::on_record(file, then.verdict, approvers);
        let (serial, manufacturer) = (file.pledge.serial.to_string(), file.pledge.manufacturer.clone());
        Self { serial, manufacturer, judged_at: file.last_seen, then, now, rehearsed, ldevid_key, changed }
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let pledge = printable(&format!("{} of {}", self.serial, self.manufacturer), LONGEST_WORDS);
        let then = by_rule(self.then.verdict, self.then.warned, &self.then.rule);
        match self.changed {
            false => writeln!(out, "{pledge}: as before, {}{}", printable(&then, LONGEST_WORDS), self.rest()),
            true => {
                writeln!(out, "{pledge}: {}; now {}{}", printable(&then, LONGEST_WORDS), printable(&self.now.in_words(), LONGEST_WORDS), self.rest())?;
                trace::write(out, &self.now.trace)
            }
        }
    }
}

impl Replayed {
    /// What persons make of it, and what becomes of its LDevID's key, as the end of a line.
    fn rest(&self) -> String {
        let persons = self.rehearsed.persons.as_ref().map(|persons| format!("; {}", printable(persons, LONGEST_WORDS)));
        persons.into_iter().chain(self.ldevid_key.as_ref().map(|key| format!("; {key}"))).collect()
    }
}

impl Summary {
    fn count(&mut self, replayed: &Replayed) {
        self.changed += u32::from(replayed.changed);
        let count = match replayed.rehearsed.outcome {
            Verdict::Accept => &mut self.accept,
            Verdict::Hold => &mut self.hold,
            Verdict::Refuse => &mut self.refuse,
        };
        *count += 1;
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { pledges, changed, accept, hold, refuse, undecided, unreadable } = self;
        write!(out, "pledges: {pledges}; judged otherwise: {changed}; accepted: {accept}; held: {hold}; refused: {refuse}")?;
        match (undecided, unreadable) {
            (0, 0) => writeln!(out)?,
            (undecided, unreadable) => writeln!(out, "; without a decision on record: {undecided}; with a record that cannot be read: {unreadable}")?,
        }
        writeln!(out, "each judged as of when it was last seen, with the approvals in force then")
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-registrar policy replay
  brski-registrar policy replay --policy hardware-only.toml --last 1000
  brski-registrar policy replay --policy hardware-only.toml -o json | jq 'select(.changed)'";
