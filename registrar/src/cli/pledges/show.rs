//! `pledges show`: why a pledge stands where it stands, and all that led there.

use std::io::{self, Write};
use std::path::Path;

use brski_common::pledge::LONGEST_DEFERRAL;
use brski_common::text::{LONGEST_LINE, LONGEST_WORDS, printable};
use brski_common::time::to_rfc3339;
use brski_common::{Clock, UnixTime, Verdict};
use brski_registrar::approval::QuestionDigest;
use brski_registrar::trail::{Event, FiledCertificate, PledgeFile};
use brski_registrar::{PledgeStore as _, desk};
use clap::Args;
use serde::Serialize;

use super::{Common, facts, next};
use crate::cli::{Output, trace};
use crate::config::Configuration;

/// Show why a pledge stands where it stands: the reason in a sentence, what was judged, the policy rule by rule, approvals, LDevIDs, and its events
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Its serial number, or the first eight or more digits of its key's SHA-256
    #[arg(value_name = "SERIAL|KEY")]
    pledge: String,
    /// How many of its last events to show
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    events: u32,
    #[command(flatten)]
    common: Common,
}

/// All that is known of it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Shown {
    file: PledgeFile,
    /// What whoever decides about it has to answer.
    question: QuestionDigest,
    /// How many persons have to approve it.
    needed: usize,
    /// How many approvals count now.
    approvals: usize,
    /// What to do next, if anything can be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    history: Vec<Numbered>,
    #[serde(skip)]
    now: UnixTime,
}

#[derive(Serialize)]
struct Numbered {
    number: u64,
    event: Event,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let configuration = arguments.common.configuration()?;
    let store = configuration.existing_pledges()?;
    let file = desk::pick(&*store, &arguments.pledge).await?;
    // However few are wanted: the last refusal tells what to do next.
    let history = store.history(file.pledge.key, arguments.events.max(LOOKED_AT)).await?;
    let mut shown = Shown::new(file, history, &configuration);
    shown.history.drain(..shown.history.len().saturating_sub(arguments.events as usize));
    match arguments.common.output {
        Output::Text => Ok(shown.write(&mut crate::cli::out())?),
        Output::Json => Ok(writeln!(crate::cli::out(), "{}", serde_json::to_string(&shown)?)?),
    }
}

impl Shown {
    /// This file as this owner should see it, with its last events.
    pub(super) fn new(file: PledgeFile, history: Vec<(u64, Event)>, configuration: &Configuration) -> Self {
        Self::of(file, history, configuration.approvers(), &configuration.policy_path())
    }

    /// The same where so many persons have to approve, and the policy is in this file.
    pub(super) fn of(file: PledgeFile, history: Vec<(u64, Event)>, needed: usize, policy: &Path) -> Self {
        let (numbers, events): (Vec<_>, Vec<_>) = history.into_iter().unzip();
        let now = Clock::system().now();
        let next = next::step(&file, &events, needed, policy, now);
        let history = numbers.into_iter().zip(events).map(|(number, event)| Numbered { number, event }).collect();
        let approvals = file.approval_at(now).map_or(0, |approval| approval.persons().len());
        Self { question: QuestionDigest::of(&file), file, needed, approvals, next, history, now }
    }

    pub(super) fn serial(&self) -> String {
        self.file.pledge.serial.to_string()
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let PledgeFile { pledge, first_seen, last_seen, .. } = &self.file;
        writeln!(out, "{}", self.why())?;
        writeln!(out, "key: {}", pledge.key)?;
        let repeated = if self.file.waiting.is_some() { ", or within the hour after: what it repeats is written down once an hour" } else { "" };
        writeln!(out, "first seen {}, last seen {}{repeated}", to_rfc3339(*first_seen), to_rfc3339(*last_seen))?;
        self.write_waiting(out)?;
        writeln!(out, "question: {}", self.question)?;
        self.next.iter().try_for_each(|next| writeln!(out, "next: {next}"))?;
        if let Some(decision) = &self.file.decision {
            writeln!(out, "\nWhat was judged:")?;
            facts::in_words(&decision.facts).into_iter().try_for_each(|(name, fact)| writeln!(out, "  {name}: {fact}"))?;
            writeln!(out, "\nPolicy {}: {} by rule '{}'", short(&decision.policy), decision.verdict.name(), printable(&decision.rule, LONGEST_WORDS))?;
            trace::write(out, &decision.trace)?;
        }
        self.write_attested(out)?;
        if !self.file.certificates.is_empty() {
            writeln!(out, "\nLDevIDs:")?;
            self.file.certificates.iter().try_for_each(|filed| writeln!(out, "  {}", certificate(filed)))?;
        }
        if !self.history.is_empty() {
            writeln!(out, "\nEvents:")?;
        }
        self.history.iter().try_for_each(|Numbered { number, event }| writeln!(out, "  {number}  {}  {}", to_rfc3339(event.at), event.what))
    }

    /// Where it stands and why, in one sentence.
    fn why(&self) -> String {
        let PledgeFile { pledge, state, sentence, decision, .. } = &self.file;
        let manufacturer = match pledge.manufacturer.as_str() {
            "" => "a manufacturer that is not on record".to_owned(),
            name => printable(name, LONGEST_WORDS),
        };
        let because = match (sentence.as_str(), decision) {
            ("", Some(decision)) => {
                let rule = printable(&decision.rule, LONGEST_WORDS);
                match (decision.warned, decision.verdict) {
                    // Without a sentence on what it waits for, persons have let it in.
                    (None, Verdict::Hold) => format!(": rule '{rule}' held it, and it was approved"),
                    (None, verdict @ (Verdict::Accept | Verdict::Refuse)) => format!(": {} by rule '{rule}'", verdict.name()),
                    (Some(would), _) => format!(": {} although rule '{rule}' says {}, because mode is warn", decision.verdict.name(), would.name()),
                }
            }
            ("", None) => String::new(),
            (sentence, _) => format!(": {}", printable(sentence, LONGEST_LINE)),
        };
        format!("{} of {manufacturer} is {}{because}", pledge.serial, state.name())
    }

    fn write_attested(&self, out: &mut impl Write) -> io::Result<()> {
        let Some(attested) = &self.file.attested else { return Ok(()) };
        writeln!(out, "\nWhat was attested of the LDevID's key {}:", attested.key)?;
        attested.findings.iter().try_for_each(|finding| writeln!(out, "  {}", printable(&finding.to_string(), LONGEST_LINE)))?;
        attested.warned.iter().try_for_each(|warned| writeln!(out, "  the policy only warns: {}", printable(warned, LONGEST_LINE)))
    }

    fn write_waiting(&self, out: &mut impl Write) -> io::Result<()> {
        if let Some(waiting) = self.file.waiting {
            let end = UnixTime::since_unix_epoch(core::time::Duration::from_secs(waiting.since.as_secs().saturating_add(LONGEST_DEFERRAL.as_secs())));
            let verb = if self.file.has_waited_in_vain(self.now) { "gave" } else { "gives" };
            writeln!(out, "waits since {}, and {verb} up at {}", to_rfc3339(waiting.since), to_rfc3339(end))?;
        }
        if self.file.held.is_some() && self.file.disapproval.is_none() {
            writeln!(out, "approvals: {} of {} that count now", self.approvals, self.needed)?;
        }
        self.file.approvals.iter().try_for_each(|person| writeln!(out, "  {}  {person}", to_rfc3339(person.at)))
    }
}

fn certificate(filed: &FiledCertificate) -> String {
    let FiledCertificate { certificate, revoked } = filed;
    let serial = printable(&certificate.serial, LONGEST_WORDS);
    match revoked {
        None => format!("{serial}, until {}", to_rfc3339(certificate.not_after)),
        Some((reason, by)) => format!("{serial}, revoked at {} ({}) by {by}", to_rfc3339(by.at), reason.name()),
    }
}

/// Enough of a digest to tell one policy from another.
fn short(digest: &str) -> String {
    printable(digest.get(..16).unwrap_or(digest), 16)
}

/// Events, to find the last refusal among.
const LOOKED_AT: u32 = 20;

const EXAMPLES: &str = "\
Examples:
  brski-registrar pledges show JADA123456789
  brski-registrar pledges show 3f9a01bc -o json | jq .file.decision.trace";
