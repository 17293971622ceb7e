//! `statement`: what was signed about a device's key, for readers of one level.

use std::path::PathBuf;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::provenance::Disclosure;
use brski_common::{KeyIdentifier, Leniencies, SerialNumber};
use clap::Args;
use serde::Serialize;

use super::{Output, block};
use crate::config::Configuration;

/// Give the signed provenance statement about a device's key, cut to what readers of a level may see
///
/// It bears a receipt that its record is in the log. `brski-masa inspect` and `brski-registrar inspect` show and verify it. What is internal stays with the manufacturer: there is no
/// statement at that level. Look who asks: nobody is authenticated here.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, default_value = "masa/masa.toml")]
    config: PathBuf,
    /// The device's serial number
    #[arg(value_parser = |text: &str| SerialNumber::new(text))]
    serial: SerialNumber,
    /// Key identifier of the CA that issued its IDevID, in hex; needed only where two CAs used the serial number
    #[arg(long, value_parser = |text: &str| KeyIdentifier::try_from(text.to_owned()))]
    idevid_issuer: Option<KeyIdentifier>,
    /// For whom it is: public, customer or auditor
    #[arg(long, default_value = "public", value_parser = level)]
    level: Disclosure,
    /// File to write the statement into, COSE_Sign1
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// For whom to write what it says
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Told {
    serial: SerialNumber,
    level: &'static str,
    seq: u32,
    status: &'static str,
    record: String,
    /// In base64; in text only if it is in no file.
    statement: String,
    #[serde(skip)]
    file: Option<PathBuf>,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let masa = Configuration::read(&arguments.config)?.masa()?;
    let device = block::find(&masa, &arguments.serial, arguments.idevid_issuer.as_ref()).await?;
    let nothing = || format!("nobody wrote down how the key of {} came to be, so that there is nothing to state", arguments.serial);
    let statement = masa.statement_for(&device, arguments.level).await?.with_context(nothing)?;
    let said = statement.peek_unverified(Leniencies::default())?;
    if let Some(out) = &arguments.out {
        std::fs::write(out, statement.wire()).with_context(|| format!("{}: cannot be written", out.display()))?;
    }
    arguments.output.print(&Told {
        serial: arguments.serial.clone(),
        level: arguments.level.name(),
        seq: said.seq,
        status: said.status.name(),
        record: said.record.to_string(),
        statement: STANDARD.encode(statement.wire()),
        file: arguments.out.clone(),
    })
}

fn level(name: &str) -> Result<Disclosure, &'static str> {
    Disclosure::from_name(name).ok_or("must be public, customer or auditor")
}

impl core::fmt::Display for Told {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { serial, level, seq, status, record, statement, file } = self;
        write!(f, "{serial}, for {level}: {status}, by the record with sequence number {seq}\nrecord: {record}\nstatement: ")?;
        match file {
            Some(file) => write!(f, "in {}", file.display()),
            None => f.write_str(statement),
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-masa statement JADA123456789 --out statement.cbor
  brski-masa statement JADA123456789 --level auditor -o json";
