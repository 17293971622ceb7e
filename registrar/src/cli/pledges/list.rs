//! `pledges list`.

use core::fmt;

use brski_common::text::{LONGEST_LINE, LONGEST_WORDS, printable};
use brski_common::time::{rfc3339, to_rfc3339};
use brski_common::{SpkiDigest, UnixTime};
use brski_registrar::approval::QuestionDigest;
use brski_registrar::trail::{PledgeFile, State};
use brski_registrar::{PledgeStore as _, Query};
use clap::Args;
use serde::Serialize;

use super::Common;

/// List pledges, those seen last first: state, serial number, manufacturer, when last seen, and why they stand there
///
/// A pledge that repeats its request is written down once an hour: it may have been there up to an hour later than it says here.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Only those in this state
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<State>,
    /// Only those with this serial number, of whatever manufacturer
    #[arg(long, value_name = "SERIAL")]
    serial: Option<String>,
    /// How many at most
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Line {
    serial: String,
    manufacturer: String,
    key: SpkiDigest,
    state: State,
    #[serde(with = "rfc3339")]
    last_seen: UnixTime,
    approvals: usize,
    needed: usize,
    question: QuestionDigest,
    sentence: String,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let configuration = arguments.common.configuration()?;
    let store = configuration.existing_pledges()?;
    let query = Query { state: arguments.state, serial: arguments.serial.clone(), limit: arguments.limit, ..Query::default() };
    for file in store.files(query).await? {
        arguments.common.output.print(&Line::new(file, configuration.approvers()))?;
    }
    Ok(())
}

impl Line {
    fn new(file: PledgeFile, needed: usize) -> Self {
        let approvals = file.approval_at(UnixTime::now()).map_or(0, |approval| approval.persons().len());
        let question = QuestionDigest::of(&file);
        let PledgeFile { pledge, state, last_seen, sentence, .. } = file;
        let (serial, manufacturer, key) = (pledge.serial.to_string(), pledge.manufacturer, pledge.key);
        Self { serial, manufacturer, key, state, last_seen, approvals, needed, question, sentence }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manufacturer = printable(&self.manufacturer, LONGEST_WORDS);
        write!(f, "{:8}  {}  {manufacturer}  {}", self.state.name(), self.serial, to_rfc3339(self.last_seen))?;
        if self.state == State::Held {
            write!(f, "  {} of {} approved, question {}", self.approvals, self.needed, self.question)?;
        }
        match self.sentence.as_str() {
            "" => Ok(()),
            sentence => write!(f, "  {}", printable(sentence, LONGEST_LINE)),
        }
    }
}

fn state(text: &str) -> Result<State, String> {
    let names = State::ALL.map(State::name).join(", ");
    State::ALL.into_iter().find(|state| state.name() == text).ok_or_else(|| format!("is none of {names}"))
}

const EXAMPLES: &str = "\
Examples:
  brski-registrar pledges list --state held
  brski-registrar pledges list --serial JADA123456789 -o json | jq .key";
