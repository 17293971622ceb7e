//! `report`: what a station at the assembly line sends, for trying it out by hand.

mod rows;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use brski_common::provenance::{KeyOrigin, ManufactureReport, Question};
use brski_common::serve::setup::{open_key, read_certificates, read_text};
use brski_common::sign::KeyUri;
use brski_common::{Format, IDevIdCert, Refusal, SigningParty};
use clap::{Args, ValueEnum};

/// Sign manufacture reports: write one line for `record` to standard output, or batches of many
///
/// This is what a station at the assembly line does for each device, or for all devices of a run: with --rows it reads a CSV (`record --help` lists the columns) or one JSON object
/// a line, and signs so many rows together. A row with a fault is told and not signed, and the exit status is 1.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = include_str!("report/origins.txt").trim_end())]
pub(crate) struct Arguments {
    /// The station's private key: a PEM file, or a pkcs11: URI as in the MASA's configuration
    #[arg(long, value_name = "KEY", value_parser = |text: &str| text.parse::<KeyUri>())]
    station_key: KeyUri,
    /// Name under which the key is enrolled in the MASA's configuration
    #[arg(long, default_value = "station-1")]
    station: String,
    /// The device's IDevID, PEM
    #[arg(long, required_unless_present = "rows", conflicts_with = "rows")]
    idevid: Option<PathBuf>,
    /// How the key came to be, JSON; without it the device is recorded as one of which nobody wrote that down
    #[arg(long, conflicts_with = "rows")]
    origin: Option<PathBuf>,
    /// Let the report publish n-k although n = 2k-1, from which everybody learns n and k; `record` wants the same word
    #[arg(long)]
    reveal_split: bool,
    /// Rows of many devices, CSV or one JSON object a line; - is standard input
    #[arg(long, value_name = "FILE")]
    rows: Option<PathBuf>,
    /// Envelope of a batch
    #[arg(long, value_enum, default_value_t, requires = "rows")]
    format: Envelope,
    /// Most rows in a batch
    #[arg(long, value_name = "ROWS", default_value = "1000", requires = "rows", value_parser = clap::value_parser!(u16).range(1..=4000))]
    batch: u16,
    /// Folder of the PEM files that a CSV names in its column idevid-file
    #[arg(long, value_name = "FOLDER", requires = "rows")]
    certificates: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Envelope {
    /// One JWS a line.
    #[default]
    Jws,
    /// COSE_Sign1 messages, one after the other.
    Cose,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let station = SigningParty::with_name(arguments.station.clone(), open_key(&arguments.station_key)?);
    let file = match (&arguments.idevid, &arguments.rows) {
        (Some(idevid), _) => idevid,
        (None, Some(rows)) => {
            let format = match arguments.format {
                Envelope::Jws => Format::Jws,
                Envelope::Cose => Format::Cose,
            };
            let source = rows::Source { rows, certificates: arguments.certificates.as_deref(), reveal_split: arguments.reveal_split };
            let failed = rows::sign(&station, &source, format, arguments.batch.into()).await?;
            return Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        (None, None) => anyhow::bail!("neither --idevid nor --rows says what to sign"),
    };
    let certificates = read_certificates(file)?;
    let own = certificates.into_iter().next().with_context(|| format!("{}: no certificate", file.display()))?;
    let idevid = IDevIdCert::new(own).with_context(|| file.display().to_string())?;
    let origin = arguments.origin.as_deref().map(|path| {
        let text = read_text(path).with_context(|| format!("{}: cannot be read", path.display()))?;
        let origin: KeyOrigin = serde_json::from_str(&text).with_context(|| format!("{}: not an origin", path.display()))?;
        check(&origin, arguments.reveal_split).with_context(|| path.display().to_string())?;
        anyhow::Ok(origin)
    });

    let report = ManufactureReport { idevid, origin: origin.transpose()? };
    let signed = station.seal(&report, Format::Jws).await?;
    let mut out = crate::cli::out();
    out.write_all(signed.wire())?;
    out.write_all(b"\n")?;
    Ok(ExitCode::SUCCESS)
}

/// Whether an origin agrees with itself, and does not publish more than its manufacturer means to.
pub(super) fn check(origin: &KeyOrigin, reveal_split: bool) -> Result<(), Refusal> {
    origin.check()?;
    match origin.split.tells_all() && origin.answers.has(Question::IdentitySharedSplitExtra) && !reveal_split {
        true => Err(Refusal::SplitRevealed),
        false => Ok(()),
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-masa report --station-key masa/keys/station-1.pem --idevid device.pem --origin origin.json > reports.jsonl
  brski-masa report --station-key masa/keys/station-1.pem --rows devices.csv --format cose > reports.cose
  brski-masa report --station-key 'pkcs11:token=line-7;object=station?pin-source=file:pin.txt' --rows devices.csv
  brski-masa record --config masa/masa.toml reports.jsonl

--help shows an origin.json for each method.";
