//! `device`: all that the ledger knows of one.

use clap::Args;

use super::block;
use crate::config::Configuration;

/// Show what the ledger knows of a device: how it stands, how its key came to be, whom it was sold to and who claimed it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    device: block::Device,
}

pub(crate) async fn run(Arguments { device }: &Arguments) -> anyhow::Result<()> {
    let masa = Configuration::read(&device.config)?.masa()?;
    let found = block::find(&masa, &device.serial, device.idevid_issuer.as_ref()).await?;
    device.output.print(&masa.device(&found).await?)
}

const EXAMPLES: &str = "\
Examples:
  brski-masa device JADA123456789
  brski-masa device JADA123456789 -o json";
