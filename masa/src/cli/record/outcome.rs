//! What became of each row, in words or in JSON, and how many of each.

use core::fmt;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use brski_common::text::{LONGEST_LINE, printable};
use brski_masa::Recorded;
use brski_masa::import::Outcome;

use super::progress::Progress;
use crate::cli::Output;

/// Tells outcomes: results on standard output, failures for people on standard error.
pub(super) struct Teller {
    output: Output,
    tally: Tally,
    /// Whether a person watches the results pass by; a thousand lines tell less than the progress bar then.
    watched: bool,
}

impl Teller {
    pub(super) fn new(output: Output) -> Self {
        Self { output, tally: Tally::default(), watched: output == Output::Text && std::io::stdout().is_terminal() }
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// Tells one, where the progress bar is not in the way.
    pub(super) fn tell(&mut self, outcome: &Outcome, progress: &Progress) -> anyhow::Result<()> {
        self.tally.count(outcome);
        match (self.output, &outcome.result) {
            (Output::Json, _) => Output::Json.print(&Told(outcome)),
            (Output::Text, Ok(recorded)) => {
                if self.watched && self.tally.recorded + self.tally.repeated > MOST_LISTED {
                    return Ok(());
                }
                let (without_receipt, serial) = (recorded.statement.is_some() && recorded.receipt.is_none(), &recorded.device.serial);
                progress.beside(|| {
                    if without_receipt {
                        let warning = "is recorded, but its statement has no receipt of the log";
                        writeln!(crate::cli::err(), "warning: {serial} {warning}; `log prove {serial}` tells why")?;
                    }
                    Output::Text.print(&Told(outcome))
                })
            }
            (Output::Text, Err(_)) if self.tally.failed > MOST_LISTED + 1 => Ok(()),
            (Output::Text, Err(_)) if self.tally.failed == MOST_LISTED + 1 => {
                progress.beside(|| Ok(writeln!(crate::cli::err(), "further failures are in the file of errors alone")?))
            }
            (Output::Text, Err(_)) => progress.beside(|| Ok(writeln!(crate::cli::err(), "{}", Told(outcome))?)),
        }
    }

    /// The last line.
    pub(super) fn finish(&self, errors: Option<&Path>) {
        let told = errors.map(|path| format!("; the rows that failed are in {}", path.display())).unwrap_or_default();
        // Standard error is for people; a run without any is none the worse.
        let _ = writeln!(crate::cli::err(), "{}{told}", self.tally);
    }
}

/// An outcome as people read it.
struct Told<'a>(&'a Outcome);

impl serde::Serialize for Told<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.result {
            Ok(Recorded { device, index: Some(index), origin_stands: true, .. }) => {
                write!(f, "{} was already recorded as entry {index}; this report tells no origin, the one on record stands", device.serial)
            }
            Ok(Recorded { device, index: Some(index), repeated: false, .. }) => write!(f, "recorded {} as entry {index}", device.serial),
            Ok(Recorded { device, index: Some(index), repeated: true, .. }) => write!(f, "{} was already recorded as entry {index}", device.serial),
            Ok(Recorded { device, index: None, .. }) => write!(f, "{} would be recorded", device.serial),
            Err(failure) => write!(f, "{}: {}", self.0.place, printable(&failure.to_string(), LONGEST_LINE)),
        }
    }
}

/// How many rows had which outcome.
#[derive(Clone, Copy, Default)]
pub(super) struct Tally {
    recorded: u64,
    repeated: u64,
    would_be: u64,
    failed: u64,
}

impl Tally {
    fn count(&mut self, outcome: &Outcome) {
        match &outcome.result {
            Ok(Recorded { repeated: true, .. }) => self.repeated += 1,
            Ok(Recorded { index: None, .. }) => self.would_be += 1,
            Ok(Recorded { .. }) => self.recorded += 1,
            Err(_) => self.failed += 1,
        }
    }

    /// Whether there was no row at all.
    pub(super) fn is_empty(self) -> bool {
        self.recorded + self.repeated + self.would_be + self.failed == 0
    }

    /// How many could not be recorded.
    pub(super) fn failed(self) -> u64 {
        self.failed
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.would_be {
            0 => write!(f, "{} recorded, {} recorded already, {} failed", self.recorded, self.repeated, self.failed),
            would_be => write!(f, "{would_be} would be recorded, {} recorded already, {} failed", self.repeated, self.failed),
        }
    }
}

const MOST_LISTED: u64 = 20;
