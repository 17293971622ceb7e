//! `sell` and `release`: what sales tells of who has which device.

mod file;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use brski_common::provenance::Text;
use brski_common::{Certificate, KeyIdentifier, SerialNumber, SpkiDigest};
use brski_masa::ledger::Customer;
use clap::Args;
use serde::Serialize;

use super::by::By;
use super::errors::ErrorsFile;
use super::{Output, block};
use crate::config::Configuration;

/// Write down that a device was sold
///
/// Vouchers for the customer's domain then assert `verified`, and with requests.sales = "if-sold" nobody else gets any. The customer's domain is known by the keys that are given
/// here, and by those that [[customers]] in the configuration has under the customer's name. Selling it again to somebody else is the resale; the same sale again changes nothing.
///
/// A file of sales is CSV with a header, with commas, semicolons or tabs between its cells: the columns serial, customer and, if wanted, idevid-issuer and key (SHA-256 digests in hex, separated by spaces). It is read row by row,
/// a row a line. What is wrong with a row goes to --errors as JSON with line, field and cause, and the rest goes on; the exit status is then 1.
#[derive(Debug, Args)]
#[command(after_help = SELL_EXAMPLES)]
pub(crate) struct Sell {
    /// Configuration file
    #[arg(long, default_value = "masa/masa.toml")]
    config: PathBuf,
    /// The device's serial number
    #[arg(value_parser = |text: &str| SerialNumber::new(text), required_unless_present = "file", requires = "customer")]
    serial: Option<SerialNumber>,
    /// Key identifier of the CA that issued its IDevID, in hex; needed only where two CAs used the serial number
    #[arg(long, value_parser = |text: &str| KeyIdentifier::try_from(text.to_owned()), requires = "serial")]
    idevid_issuer: Option<KeyIdentifier>,
    /// The customer's name
    #[arg(long = "to", value_name = "NAME", value_parser = name, requires = "serial")]
    customer: Option<String>,
    /// Certificate of the customer's domain CA, PEM. May be repeated
    #[arg(long = "domain-ca", value_name = "FILE", requires = "serial")]
    domain_cas: Vec<PathBuf>,
    /// SHA-256 of the SubjectPublicKeyInfo of the customer's domain CA, in hex, which `brski-registrar init` tells. May be repeated
    #[arg(long = "key", value_name = "SHA256", value_parser = |text: &str| SpkiDigest::try_from(text.to_owned()), requires = "serial")]
    keys: Vec<SpkiDigest>,
    /// Many sales, CSV; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "serial")]
    file: Option<PathBuf>,
    #[command(flatten)]
    errors: ErrorsFile,
    #[command(flatten)]
    by: By,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Write down that a device's owner gave it up
///
/// Whoever has it next may claim it as if it were new: earlier vouchers are renewed no longer, and nobody is its customer until it is sold anew. A device that is blocked stays so:
/// that is for `unblock` to end.
#[derive(Debug, Args)]
#[command(after_help = RELEASE_EXAMPLES)]
pub(crate) struct Release {
    #[command(flatten)]
    device: block::Device,
    #[command(flatten)]
    by: By,
}

/// Who has a device now.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Told {
    serial: SerialNumber,
    customer: Option<String>,
    keys: Vec<SpkiDigest>,
    /// Whether the ledger knew it already.
    repeated: bool,
}

pub(crate) async fn sell(arguments: &Sell) -> anyhow::Result<ExitCode> {
    let masa = Configuration::read(&arguments.config)?.masa()?;
    let by = arguments.by.name()?.to_string();
    let (serial, customer) = match (&arguments.file, &arguments.serial, &arguments.customer) {
        (Some(file), _, _) => return file::sell(&masa, file, arguments.errors.errors()?, &by, arguments.output).await,
        (None, Some(serial), Some(customer)) => (serial, customer),
        (None, _, _) => anyhow::bail!("a serial number and --to, or --file, must be given"),
    };
    let mut keys = arguments.keys.clone();
    for path in &arguments.domain_cas {
        keys.push(certificate(path)?.spki_digest());
    }
    let device = block::find(&masa, serial, arguments.idevid_issuer.as_ref()).await?;
    let is_news = masa.sell(&device, Customer { name: customer.clone(), keys }, by).await?;
    let keys = masa.customer_keys(&device).await?;
    arguments.output.print(&Told { serial: serial.clone(), customer: Some(customer.clone()), keys, repeated: !is_news })?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn release(Release { device, by }: &Release) -> anyhow::Result<()> {
    let masa = Configuration::read(&device.config)?.masa()?;
    let found = block::find(&masa, &device.serial, device.idevid_issuer.as_ref()).await?;
    let is_news = masa.release(&found, by.name()?.to_string()).await?;
    device.output.print(&Told { serial: device.serial.clone(), customer: None, keys: Vec::new(), repeated: !is_news })
}

/// The first certificate of a PEM file.
pub(super) fn certificate(path: &Path) -> anyhow::Result<Certificate> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let certificates = Certificate::all_from_pem(&text).with_context(|| format!("{}: is not a certificate in PEM", path.display()))?;
    certificates.into_iter().next().with_context(|| format!("{}: has no certificate in it", path.display()))
}

/// A customer's name, as it stands in the ledger for good.
fn name(text: &str) -> Result<String, brski_common::DecodeError> {
    Text::new(text).map(|name| name.to_string())
}

impl core::fmt::Display for Told {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { serial, customer, keys, repeated } = self;
        let already = if *repeated { " already" } else { "" };
        match (customer, keys.len()) {
            (None, _) => write!(f, "{serial} is released{already}"),
            (Some(customer), 0) => write!(
                f,
                "{serial} is sold to {customer}{already}; no key of theirs is known, so that no voucher asserts it, and any domain may still claim the device: give --domain-ca, or a [[customers]] table of exactly this name"
            ),
            (Some(customer), count) => {
                write!(f, "{serial} is sold to {customer}{already}, who is known by {count} key{}", if count == 1 { "" } else { "s" })
            }
        }
    }
}

const SELL_EXAMPLES: &str = "\
Examples:
  brski-masa sell JADA123456789 --to Orchard --domain-ca orchard-ca.pem
  brski-masa sell --file sales.csv --by erp";

const RELEASE_EXAMPLES: &str = "\
Examples:
  brski-masa release JADA123456789";
