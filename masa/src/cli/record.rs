//! `record`: manufacture reports into the ledger.

mod delivered;
mod input;
mod outcome;
mod progress;
mod statements;

use core::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use brski_common::provenance::{COLUMNS, Text};
use brski_common::serve::setup::open_key;
use brski_common::sign::KeyUri;
use brski_common::{SerialNumber, SigningParty};
use brski_masa::import::{Failure, Outcome, Place};
use brski_masa::manufacture::Correction;
use brski_masa::{Delivery, Import, Trial, Want};
use clap::Args;

use super::Output;
use super::by::By;
use super::errors::{Errors, ErrorsFile, RefusedRow};
use crate::config::Configuration;
use delivered::Delivered;
use outcome::Teller;
use progress::Progress;
use statements::Statements;

/// Record manufactured devices: read what stations report, and append it to the ledger
///
/// Files hold one JWS a line, each with a report or with a batch of them; or COSE_Sign1 batches one after the other; or, with --station-key, reports that bear no signature,
/// as CSV or one JSON object a line; or, with --station-key as well, what a vendor signed of the secure elements that it delivered: a manifest, which is a JSON array, or a
/// delivery list, which is a JWS. What a file holds is seen from its content; --manifest makes sure that it is one of these two.
///
/// A row that cannot be recorded is told with its line, its field and the cause, and written to errors.jsonl; the others are recorded nevertheless, and the exit status is 1.
/// So it is if there was no report at all. Recording the same report again changes nothing, so that an interrupted run can simply be repeated.
/// If the ledger itself fails, the run ends at that row.
///
/// A device is known by its serial number and the CA that issued its IDevID (idevid-issuer of RFC 8366): devices of two CAs may have the same serial number, and two of one CA may not.
/// No two devices have the same public key, whoever issued their IDevIDs.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = columns())]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, default_value = "masa/masa.toml")]
    config: PathBuf,
    /// Files of reports; - is standard input
    #[arg(required = true)]
    reports: Vec<PathBuf>,
    /// Tell what would become of each report next to what is on record and next to the reports before it, and write nothing to the ledger
    #[arg(long, conflicts_with = "statements")]
    dry_run: bool,
    /// Where to write each device's provenance statement with its receipt: a folder, for SERIAL-NUMBER.cbor, or a file that ends in .jsonl, which is continued; what a run that was interrupted has written there is
    /// not written again
    #[arg(long)]
    statements: Option<PathBuf>,
    /// Take reports that publish n-k although n = 2k-1, from which everybody learns n and k
    #[arg(long)]
    reveal_split: bool,
    #[command(flatten)]
    errors: ErrorsFile,
    /// Private key of the station in whose name to sign rows that bear no signature: a PEM file, or a pkcs11: URI as in the configuration
    #[arg(long, requires = "station", value_name = "KEY", value_parser = |text: &str| text.parse::<KeyUri>())]
    station_key: Option<KeyUri>,
    /// Name under which that key is enrolled
    #[arg(long, requires = "station_key", value_name = "NAME")]
    station: Option<String>,
    /// Folder of the PEM files that a CSV names in its column idevid-file
    #[arg(long, requires = "station_key", value_name = "FOLDER")]
    certificates: Option<PathBuf>,
    /// Record reports that say something else than the record in its place, for this reason; it stays in the log
    #[arg(long, value_name = "REASON", value_parser = |text: &str| Text::new(text))]
    supersede: Option<Text>,
    #[command(flatten)]
    by: By,
    /// For whom to write the results
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    // Last, because its heading is also that of whatever follows.
    #[command(flatten)]
    delivered: Delivered,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let configuration = Configuration::read(&arguments.config)?;
    let station = match (&arguments.station_key, &arguments.station) {
        (Some(key), Some(name)) => Some(SigningParty::with_name(name.clone(), open_key(key)?)),
        (Some(_) | None, Some(_) | None) => None,
    };
    let correction = match &arguments.supersede {
        Some(reason) => Correction::Supersede { reason: reason.clone(), by: arguments.by.name()?.to_string() },
        None => Correction::Refuse,
    };
    let errors = arguments.errors.errors()?;
    let statements = arguments.statements.as_ref().map(Statements::new).transpose()?;
    let masa = configuration.masa()?;
    let masa = if arguments.reveal_split { masa.revealing_split() } else { masa };
    let want = match (arguments.dry_run, &statements) {
        (true, _) => Want::Trial,
        (false, None) => Want::Record,
        (false, Some(_)) => Want::Statement,
    };
    let trial = Trial::default();
    let delivery = Delivery::from(&arguments.delivered);
    let mut import = Import::new(&masa, want).correcting(&correction).after(&trial).of_delivery(&delivery);
    if arguments.delivered.manifest {
        import = import.of_manifests_only();
    }
    if let Some(station) = &station {
        import = import.signing_as(station);
    }
    if let Some(folder) = &arguments.certificates {
        import = import.with_certificates(folder);
    }
    let recorder = Recorder { teller: Teller::new(arguments.output), errors, statements, trouble: None };
    // It has threads of its own, and waits for them.
    tokio::task::block_in_place(|| recorder.run(import, &arguments.reports))
}

/// Does with each outcome what the command line wants.
struct Recorder {
    teller: Teller,
    errors: Errors,
    statements: Option<Statements>,
    /// Why the run ended early.
    trouble: Option<anyhow::Error>,
}

impl Recorder {
    fn run(mut self, import: Import<'_>, files: &[PathBuf]) -> anyhow::Result<ExitCode> {
        let mut progress = Progress::new(files);
        for file in files {
            let name = file.display().to_string();
            let flow = match input::open(file, progress.read()) {
                Ok((input, expected)) => {
                    let import = expected.map_or(import, |expected| import.expecting(expected));
                    import.run(&name, input, &mut |outcome| self.take(outcome, &mut progress))
                }
                Err(err) => {
                    let failure = Failure { serial: None, field: None, cause: format!("cannot be read: {err}"), trouble: false };
                    self.take(Outcome { place: Place { file: name.into(), line: None, row: None }, result: Err(failure) }, &mut progress)
                }
            };
            if flow.is_break() {
                break;
            }
        }
        progress.end();
        let tally = self.teller.tally();
        if tally.is_empty() {
            let inputs: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
            anyhow::bail!("{}: empty, so that no report was read; expected signed reports or batches, or rows as CSV or JSON", inputs.join(", "));
        }
        self.teller.finish(self.errors.path());
        match self.trouble {
            Some(trouble) => Err(trouble),
            None if tally.failed() == 0 => Ok(ExitCode::SUCCESS),
            None => Ok(ExitCode::FAILURE),
        }
    }

    fn take(&mut self, mut outcome: Outcome, progress: &mut Progress) -> ControlFlow<()> {
        let stopped = outcome.result.as_ref().err().filter(|failure| failure.trouble).map(|failure| {
            anyhow::anyhow!("{}: {failure}; what was told before it is done, and the same command goes on from there once this is mended", outcome.place)
        });
        progress.count();
        let written = self.write(&mut outcome).and_then(|()| self.teller.tell(&outcome, progress));
        self.trouble = stopped.or(written.err());
        match self.trouble {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }

    fn write(&mut self, outcome: &mut Outcome) -> anyhow::Result<()> {
        let written = match (&outcome.result, &mut self.statements) {
            (Ok(recorded), Some(statements)) => statements.write(recorded),
            (Ok(_) | Err(_), Some(_) | None) => Ok(()),
        };
        if let Err(err) = written {
            let serial = outcome.result.as_ref().ok().map(|recorded| recorded.device.serial.clone());
            outcome.result = Err(Failure { serial, field: None, cause: format!("{err:#}"), trouble: false });
        }
        match &outcome.result {
            Ok(_) => Ok(()),
            Err(Failure { serial, field, cause, .. }) => {
                let (Place { file, line, row }, serial) = (&outcome.place, serial.as_ref().map(SerialNumber::as_str));
                self.errors.write(&RefusedRow { file, line: *line, row: *row, serial, field: field.as_deref(), cause }).map(drop)
            }
        }
    }
}

fn columns() -> String {
    format!(
        "{EXAMPLES}\n\nColumns of a CSV; commas, semicolons or tabs separate them. An empty cell, like a column that is not there, says that nobody said; basis and made-at must be \
         said wherever anything but the certificate is. Whatever has no column here is told in JSON.\n{}",
        COLUMNS.trim_end()
    )
}

const EXAMPLES: &str = "\
Examples:
  brski-masa record --config masa/masa.toml reports.jsonl
  brski-masa record --statements statements.jsonl monday.cose tuesday.cose
  brski-masa record --station-key masa/keys/station-1.pem --station station-1 --dry-run devices.csv
  brski-masa record --station-key masa/keys/station-1.pem --station station-1 --ca-arrangement silicon-generic --manifest manifest.json
  ssh station cat reports.jsonl | brski-masa record --statements statements -o json -";
