//! `policy check`, `policy test` and `policy replay`: what a policy says, and what it makes of pledges.

mod check;
mod replay;
mod trial;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use brski_common::Policy;
use brski_common::appraise::{Rehearsal, RehearsalError, TraceStep, Verdict};
use brski_common::serve::setup::read_text;
use brski_common::text::in_full;
use clap::Subcommand;
use serde::Serialize;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(check::Arguments),
    Test(trial::Arguments),
    Replay(replay::Arguments),
}

pub(crate) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Test(arguments) => trial::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments).await,
    }
}

/// What a policy would say, without permitting anything.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Said {
    verdict: Verdict,
    /// None for what no policy accepts.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// What its rules decided, where it only warns.
    #[serde(skip_serializing_if = "Option::is_none")]
    warned: Option<Verdict>,
    /// Whether the MASA would have to be asked first.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    before_the_masa: bool,
    /// Why no policy accepts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
    trace: Vec<TraceStep>,
}

impl Said {
    /// # Errors
    /// If what was judged cannot be read.
    fn new(rehearsed: Result<Rehearsal, RehearsalError>) -> anyhow::Result<Self> {
        match rehearsed {
            Ok(rehearsal) => Ok(Self {
                verdict: rehearsal.verdict(),
                rule: Some(rehearsal.rule().to_owned()),
                warned: rehearsal.warned(),
                before_the_masa: rehearsal.is_provisional(),
                because: None,
                trace: rehearsal.trace().to_vec(),
            }),
            Err(RehearsalError::Refused(refusal)) => {
                let because = Some(in_full(&refusal));
                Ok(Self { verdict: Verdict::Refuse, rule: None, warned: None, before_the_masa: false, because, trace: Vec::new() })
            }
            Err(err) => Err(err.into()),
        }
    }

    /// As in "refuse by rule 'no-bamboo'".
    fn in_words(&self) -> String {
        let ground = match (&self.rule, &self.because) {
            (Some(rule), _) => by_rule(self.verdict, self.warned, rule),
            (None, Some(because)) => format!("{}: {because}", self.verdict.name()),
            (None, None) => self.verdict.name().to_owned(),
        };
        match self.before_the_masa {
            true => format!("{ground}, as long as the MASA says nothing else"),
            false => ground,
        }
    }
}

/// A verdict and its rule, with what the rule said if the policy only warns.
fn by_rule(verdict: Verdict, warned: Option<Verdict>, rule: &str) -> String {
    match warned {
        None => format!("{} by rule '{rule}'", verdict.name()),
        Some(would) => format!("{} although rule '{rule}' says {}, because mode is warn", verdict.name(), would.name()),
    }
}

/// Reads a policy that the command line names.
fn read(path: &Path) -> anyhow::Result<Policy> {
    let text = read_text(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Policy::from_toml(&text).with_context(|| path.display().to_string())
}
