//! What became of each line.

use std::io::{IsTerminal as _, Write as _};

use brski_common::DeviceId;
use brski_common::text::{LONGEST_LINE, printable};
use brski_masa::Recorded;
use serde::Serialize;

use super::lines::Place;
use crate::cli::Output;

/// The outcome of one line.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Told {
    #[serde(flatten)]
    place: Place,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "kebab-case")]
enum Outcome {
    Recorded { device: DeviceId, index: u64, repeated: bool, origin_stands: bool },
    Failed { error: String },
}

impl Told {
    pub(super) fn new(place: Place, outcome: anyhow::Result<Recorded>) -> Self {
        let outcome = match outcome {
            Ok(Recorded { device, index, repeated, origin_stands, .. }) => Outcome::Recorded { device, index, repeated, origin_stands },
            Err(err) => Outcome::Failed { error: format!("{err:#}") },
        };
        Self { place, outcome }
    }

    /// Writes it; to people, a failure goes to standard error.
    pub(super) fn print(&self, output: Output) -> anyhow::Result<()> {
        match (output, &self.outcome) {
            (Output::Text, Outcome::Failed { .. }) => Ok(writeln!(std::io::stderr(), "{self}")?),
            (Output::Text, Outcome::Recorded { .. }) | (Output::Json, Outcome::Recorded { .. } | Outcome::Failed { .. }) => output.print(self),
        }
    }
}

impl core::fmt::Display for Told {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match &self.outcome {
            Outcome::Recorded { device, index, origin_stands: true, .. } => {
                write!(f, "{} was already recorded as entry {index}; this report tells no origin, the one on record stands", device.serial)
            }
            Outcome::Recorded { device, index, repeated: false, .. } => write!(f, "recorded {} as entry {index}", device.serial),
            Outcome::Recorded { device, index, repeated: true, .. } => write!(f, "{} was already recorded as entry {index}", device.serial),
            Outcome::Failed { error } => write!(f, "{}: {}", self.place, printable(error, LONGEST_LINE)),
        }
    }
}

/// How many lines had which outcome, shown on a terminal while it takes long.
#[derive(Default)]
pub(super) struct Tally {
    recorded: u64,
    repeated: u64,
    failed: u64,
}

impl Tally {
    pub(super) fn count(&mut self, outcome: &anyhow::Result<Recorded>) {
        match outcome {
            Ok(Recorded { repeated: false, .. }) => self.recorded += 1,
            Ok(Recorded { repeated: true, .. }) => self.repeated += 1,
            Err(_) => self.failed += 1,
        }
        if (self.recorded + self.repeated + self.failed).is_multiple_of(1000) && self.is_shown() {
            let _ = write!(std::io::stderr(), "\r{self}");
        }
    }

    pub(super) fn finish(&self) {
        let begin = if self.is_shown() { "\r" } else { "" };
        // Standard error is for people; a run without any is none the worse.
        let _ = writeln!(std::io::stderr(), "{begin}{self}");
    }

    /// Whether there was no line at all.
    pub(super) fn is_empty(&self) -> bool {
        self.recorded + self.repeated + self.failed == 0
    }

    /// How many could not be recorded.
    pub(super) fn failed(&self) -> u64 {
        self.failed
    }

    /// Where results appear on the same terminal they are progress enough.
    fn is_shown(&self) -> bool {
        std::io::stderr().is_terminal() && !std::io::stdout().is_terminal()
    }
}

impl core::fmt::Display for Tally {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} recorded, {} recorded already, {} failed", self.recorded, self.repeated, self.failed)
    }
}
