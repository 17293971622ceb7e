//! `record`: manufacture reports into the ledger.

mod lines;
mod outcome;
mod statements;

use std::collections::{HashSet, VecDeque};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use brski_common::provenance::ManufactureReport;
use brski_common::{DeviceId, Format, Leniencies, Signed};
use brski_masa::{Masa, Recorded};
use clap::Args;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;

use super::Output;
use crate::config::Configuration;
use lines::{Line, Place};
use outcome::{Tally, Told};
use statements::Statements;

/// Record manufactured devices: read reports that stations signed, one JWS a line, and append them to the ledger
///
/// A report that cannot be recorded is told with its line and its cause, the others are recorded nevertheless, and the exit status is 1.
/// So it is if there was no report at all.
/// Recording the same report again changes nothing, so that an interrupted run can simply be repeated.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, default_value = "masa/masa.toml")]
    config: PathBuf,
    /// Files of reports; - is standard input
    #[arg(required = true)]
    reports: Vec<PathBuf>,
    /// Folder to write each device's provenance statement into, as SERIAL-NUMBER.cbor
    #[arg(long)]
    statements: Option<PathBuf>,
    /// For whom to write the results
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let configuration = Configuration::read(&arguments.config)?;
    let statements = arguments.statements.as_ref().map(Statements::new).transpose()?;
    let mut recorder = Recorder {
        masa: Arc::new(configuration.masa()?),
        statements,
        output: arguments.output,
        in_flight: VecDeque::new(),
        devices: HashSet::new(),
        tally: Tally::default(),
    };
    recorder.record_all(lines::read(arguments.reports.clone())).await?;
    if recorder.tally.is_empty() {
        let inputs: Vec<String> = arguments.reports.iter().map(|path| path.display().to_string()).collect();
        anyhow::bail!("{}: no report was read, expected one JWS a line", inputs.join(", "));
    }
    recorder.tally.finish();
    Ok(if recorder.tally.failed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Keeps some reports under way at once, so that the ledger can make many durable together, and tells their outcomes in the order of the input.
struct Recorder {
    masa: Arc<Masa>,
    statements: Option<Statements>,
    output: Output,
    in_flight: VecDeque<InFlight>,
    devices: HashSet<DeviceId>,
    tally: Tally,
}

struct InFlight {
    place: Place,
    device: Option<DeviceId>,
    task: JoinHandle<anyhow::Result<Recorded>>,
}

impl Recorder {
    async fn record_all(&mut self, mut lines: Receiver<Line>) -> anyhow::Result<()> {
        loop {
            // Outcomes are told as they come, not with the next line: a station at the other end of a pipe may wait for them.
            tokio::select! {
                line = lines.recv(), if self.in_flight.len() < AT_ONCE => match line {
                    Some(line) => self.take(line).await?,
                    None => return self.drain().await,
                },
                outcome = first_outcome(&mut self.in_flight), if !self.in_flight.is_empty() => self.tell_first(outcome)?,
            }
        }
    }

    async fn take(&mut self, Line { place, content }: Line) -> anyhow::Result<()> {
        let report = match content {
            Ok(line) => Signed::<ManufactureReport>::from_wire(Format::Jws, line),
            Err(err) => {
                self.drain().await?;
                return self.tell(place, Err(err));
            }
        };
        // Two reports of one device must arrive in the order of the input: the later may supersede the earlier.
        let device = report.peek_unverified(Leniencies::default()).ok().map(|report| report.idevid.device().clone());
        if device.as_ref().is_some_and(|device| self.devices.contains(device)) {
            self.drain().await?;
        }
        self.devices.extend(device.clone());
        let masa = Arc::clone(&self.masa);
        let task = tokio::spawn(async move { Ok(masa.record(&report).await?) });
        self.in_flight.push_back(InFlight { place, device, task });
        Ok(())
    }

    /// Waits until nothing is under way.
    async fn drain(&mut self) -> anyhow::Result<()> {
        while !self.in_flight.is_empty() {
            let outcome = first_outcome(&mut self.in_flight).await;
            self.tell_first(outcome)?;
        }
        Ok(())
    }

    fn tell_first(&mut self, outcome: anyhow::Result<Recorded>) -> anyhow::Result<()> {
        match self.in_flight.pop_front() {
            Some(InFlight { place, device, .. }) => {
                if let Some(device) = device {
                    self.devices.remove(&device);
                }
                self.tell(place, outcome)
            }
            None => Ok(()),
        }
    }

    fn tell(&mut self, place: Place, outcome: anyhow::Result<Recorded>) -> anyhow::Result<()> {
        let written = outcome.and_then(|recorded| {
            if let (Some(statements), Some(statement)) = (&self.statements, &recorded.statement) {
                statements.write(&recorded.device, statement)?;
            }
            if recorded.statement.is_some() && recorded.receipt.is_none() {
                let serial = &recorded.device.serial;
                writeln!(std::io::stderr(), "warning: {serial} is recorded, but its statement has no receipt of the log; `log prove {serial}` tells why")?;
            }
            Ok(recorded)
        });
        self.tally.count(&written);
        Told::new(place, written).print(self.output)
    }
}

/// The outcome of the report that was taken first; must not be asked again before that report is removed.
async fn first_outcome(in_flight: &mut VecDeque<InFlight>) -> anyhow::Result<Recorded> {
    match in_flight.front_mut() {
        Some(first) => (&mut first.task).await.context("the report was given up")?,
        None => core::future::pending().await,
    }
}

// The ledger commits what waits in groups; more than this gains nothing.
const AT_ONCE: usize = 64;

const EXAMPLES: &str = "\
Examples:
  brski-masa record --config masa/masa.toml reports.jsonl
  ssh station cat reports.jsonl | brski-masa record --statements statements -o json -";
