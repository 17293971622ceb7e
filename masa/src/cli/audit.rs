//! `audit`: an auditor's countersignature for what is on record.

use std::path::PathBuf;

use anyhow::Context as _;
use brski_common::{KeyIdentifier, SerialNumber};
use clap::Args;
use serde::Serialize;

use super::by::By;
use super::{Output, block};
use crate::config::Configuration;

/// Add an auditor's countersignature to what is on record of a device's key, whose basis is third-party-audit from then on
///
/// The auditor is an entry of [[evidence]] with that basis. `attest` makes countersignatures. The record that was audited stays in the log; the new one says the same and encloses the
/// countersignature. The same countersignature again changes nothing.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, default_value = "masa/masa.toml")]
    config: PathBuf,
    /// The device's serial number
    #[arg(value_parser = |text: &str| SerialNumber::new(text))]
    serial: SerialNumber,
    /// File with the countersignature, COSE_Sign1
    countersignature: PathBuf,
    /// Key identifier of the CA that issued its IDevID, in hex; needed only where two CAs used the serial number
    #[arg(long, value_parser = |text: &str| KeyIdentifier::try_from(text.to_owned()))]
    idevid_issuer: Option<KeyIdentifier>,
    #[command(flatten)]
    by: By,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Told {
    serial: SerialNumber,
    index: Option<u64>,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let path = &arguments.countersignature;
    let message = std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let masa = Configuration::read(&arguments.config)?.masa()?;
    let device = block::find(&masa, &arguments.serial, arguments.idevid_issuer.as_ref()).await?;
    let countersigned = masa.countersign(&device, message, &arguments.by.name()?).await.with_context(|| path.display().to_string())?;
    arguments.output.print(&Told { serial: arguments.serial.clone(), index: countersigned.index })
}

impl core::fmt::Display for Told {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.index {
            Some(index) => write!(f, "{}: basis is third-party-audit, by entry {index}", self.serial),
            None => write!(f, "{}: the countersignature is on record already", self.serial),
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-masa audit JADA123456789 audit.cose
  brski-masa audit JADA123456789 audit.cose --by 'Quality, on contract 77'";
