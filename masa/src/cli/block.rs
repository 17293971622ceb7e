//! `block` and `unblock`: whether a device may be vouched for.

use std::path::PathBuf;

use brski_common::provenance::Text;
use brski_common::{DeviceId, KeyIdentifier, SerialNumber};
use brski_masa::Masa;
use clap::Args;
use serde::Serialize;

use super::Output;
use super::by::By;
use crate::config::Configuration;

/// Vouch for a device no more, until `unblock`
///
/// Registrars that ask for a voucher are told the reason. A server that runs meanwhile obeys at once. Nothing is said of the device's key: its provenance statements stay what they
/// are, as for a device that was stolen or sent back. If its key is not to be trusted any more, `mark` says so, and stops vouchers too.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Block {
    #[command(flatten)]
    device: Device,
    /// Why, in a few words
    #[arg(long, value_parser = |text: &str| Text::new(text))]
    reason: Text,
    #[command(flatten)]
    by: By,
}

/// Vouch for a blocked device again
///
/// It takes back what `block` did, and nothing else: a mark is taken back by `mark --status valid`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Unblock {
    #[command(flatten)]
    device: Device,
    #[command(flatten)]
    by: By,
}

/// One device.
#[derive(Debug, Args)]
pub(super) struct Device {
    /// Configuration file
    #[arg(long, default_value = "masa/masa.toml")]
    pub(super) config: PathBuf,
    /// The device's serial number
    #[arg(value_parser = |text: &str| SerialNumber::new(text))]
    pub(super) serial: SerialNumber,
    /// Key identifier of the CA that issued its IDevID, in hex; needed only where two CAs used the serial number
    #[arg(long, value_parser = |text: &str| KeyIdentifier::try_from(text.to_owned()))]
    pub(super) idevid_issuer: Option<KeyIdentifier>,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    pub(super) output: Output,
}

/// How a device stands now.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Standing {
    device: DeviceId,
    blocked: Option<Text>,
}

pub(crate) async fn block(arguments: &Block) -> anyhow::Result<()> {
    set(&arguments.device, Some(arguments.reason.clone()), &arguments.by).await
}

pub(crate) async fn unblock(arguments: &Unblock) -> anyhow::Result<()> {
    set(&arguments.device, None, &arguments.by).await
}

async fn set(Device { config, serial, idevid_issuer, output }: &Device, blocked: Option<Text>, by: &By) -> anyhow::Result<()> {
    let masa = Configuration::read(config)?.masa()?;
    let device = find(&masa, serial, idevid_issuer.as_ref()).await?;
    masa.set_blocked(&device, blocked.clone(), by.name()?).await?;
    output.print(&Standing { device, blocked })
}

/// The one device that is meant.
pub(super) async fn find(masa: &Masa, serial: &SerialNumber, idevid_issuer: Option<&KeyIdentifier>) -> anyhow::Result<DeviceId> {
    Ok(masa.find(serial, idevid_issuer).await?)
}

impl core::fmt::Display for Standing {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match &self.blocked {
            Some(reason) => write!(f, "{} is blocked: {reason}", self.device.serial),
            None => write!(f, "{} is not blocked", self.device.serial),
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-masa block JADA123456789 --reason 'stolen from the warehouse'
  brski-masa unblock JADA123456789";
