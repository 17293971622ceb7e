//! `report`: what a station at the assembly line sends, for trying it out by hand.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use brski_common::provenance::{KeyOrigin, ManufactureReport};
use brski_common::serve::setup::{read_certificates, read_key, read_text};
use brski_common::{Format, IDevIdCert, SigningParty};
use clap::Args;

/// Sign a manufacture report: write one line for `record` to standard output
///
/// This is what a station at the assembly line does for each device.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = include_str!("report/origins.txt").trim_end())]
pub(crate) struct Arguments {
    /// The station's private key, PEM
    #[arg(long)]
    station_key: PathBuf,
    /// Name under which the key is enrolled in the MASA's configuration
    #[arg(long, default_value = "station-1")]
    station: String,
    /// The device's IDevID, PEM
    #[arg(long)]
    idevid: PathBuf,
    /// How the key came to be, JSON; without it the device is recorded as one of which nobody wrote that down
    #[arg(long)]
    origin: Option<PathBuf>,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let key = read_key(&arguments.station_key)?;
    let certificates = read_certificates(&arguments.idevid)?;
    let own = certificates.into_iter().next().with_context(|| format!("{}: no certificate", arguments.idevid.display()))?;
    let idevid = IDevIdCert::new(own).with_context(|| arguments.idevid.display().to_string())?;
    let origin = arguments.origin.as_deref().map(|path| {
        let text = read_text(path).with_context(|| format!("{}: cannot be read", path.display()))?;
        let origin: KeyOrigin = serde_json::from_str(&text).with_context(|| format!("{}: not an origin", path.display()))?;
        origin.check().with_context(|| path.display().to_string())?;
        anyhow::Ok(origin)
    });

    let report = ManufactureReport { idevid, origin: origin.transpose()? };
    let station = SigningParty::with_name(arguments.station.clone(), Arc::new(key));
    let signed = station.seal(&report, Format::Jws).await?;
    let mut out = std::io::stdout().lock();
    out.write_all(signed.wire())?;
    out.write_all(b"\n")?;
    Ok(())
}

const EXAMPLES: &str = "\
Example:
  brski-masa report --station-key masa/keys/station-1.pem --idevid device.pem --origin origin.json > reports.jsonl
  brski-masa record --config masa/masa.toml reports.jsonl

--help shows an origin.json for each method.";
