//! What faults came to, for people and for programs.

use core::fmt;

use serde::Serialize;

use super::Tried;
use super::book::Found;

/// Every fault of one run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct FaultsReport {
    /// `release`, or `debug` for times that say nothing of a released program.
    pub(crate) build: &'static str,
    pub(crate) clients: usize,
    pub(crate) seconds_each: f64,
    pub(crate) faults: Vec<FaultReport>,
}

/// One fault.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct FaultReport {
    pub(crate) fault: &'static str,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// What became of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// Why it cannot be made here.
    Skipped(String),
    /// It was made.
    #[serde(untagged, rename_all = "kebab-case")]
    Struck {
        /// Onboardings beside it.
        #[serde(flatten)]
        tried: Tried,
        /// From its end, or from the last kill, to the end of the first onboarding that began afterwards and succeeded; none if none did.
        recovery_ms: Option<f64>,
        /// All that was acknowledged since the beginning of the run.
        #[serde(flatten)]
        found: Found,
        note: Option<String>,
    },
}

impl FaultsReport {
    /// Whether nothing was lost and service came back each time.
    pub(crate) fn is_well(&self) -> bool {
        self.faults.iter().all(|fault| match &fault.outcome {
            Outcome::Skipped(_) => true,
            Outcome::Struck { recovery_ms, found, .. } => recovery_ms.is_some() && found.is_whole(),
        })
    }
}

impl fmt::Display for FaultsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clients, seconds_each, .. } = self;
        writeln!(f, "{clients} clients onboard pledges all the while, each fault for {seconds_each} s, {} build", self.build)?;
        write!(f, "{:<18}{:>10}{:>8}{:>13}{:>10}{:>9}{:>9}", "fault", "succeeded", "failed", "recovery", "vouchers", "LDevIDs", "missing")?;
        self.faults.iter().try_for_each(|fault| write!(f, "\n{fault}"))?;
        write!(f, "\nvouchers and LDevIDs: all that pledges were given since the beginning of the run; missing: those that ledger or audit trail do not know")
    }
}

impl fmt::Display for FaultReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.fault;
        match &self.outcome {
            Outcome::Skipped(why) => write!(f, "{name:<18}skipped: {why}"),
            Outcome::Struck { tried, recovery_ms, found, note } => {
                let recovery = recovery_ms.map_or_else(|| "none".to_owned(), |ms| format!("{ms:.0} ms"));
                let missing = found.missing_vouchers + found.missing_admissions + found.missing_ldevids;
                write!(f, "{name:<18}{:>10}{:>8}{recovery:>13}{:>10}{:>9}{missing:>9}", tried.succeeded, tried.failed, found.vouchers, found.ldevids)?;
                let failure = tried.first_failure.as_ref().map(|first| format!("first failure: {first}"));
                note.iter().chain(&failure).chain(&found.damage).try_for_each(|line| write!(f, "\n    {line}"))
            }
        }
    }
}
