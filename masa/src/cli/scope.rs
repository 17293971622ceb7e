//! Which devices are meant: one, or all of a batch, a station or a line.

use brski_common::provenance::Text;
use brski_common::{KeyIdentifier, SerialNumber};
use brski_masa::Masa;
use brski_masa::ledger::Scope;
use clap::Args;

use super::block;

/// One of them is given.
#[derive(Debug, Args)]
pub(super) struct Which {
    #[command(flatten)]
    one: One,
    /// Key identifier of the CA that issued the device's IDevID, in hex; needed only where two CAs used the serial number
    #[arg(long, conflicts_with_all = ["batch", "station", "line"], value_parser = |text: &str| KeyIdentifier::try_from(text.to_owned()))]
    idevid_issuer: Option<KeyIdentifier>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct One {
    /// The device with this serial number
    #[arg(long, value_name = "SERIAL", value_parser = |text: &str| SerialNumber::new(text))]
    device: Option<SerialNumber>,
    /// The devices of this batch, as their records name it
    #[arg(long, value_name = "NAME", value_parser = |text: &str| Text::new(text))]
    batch: Option<Text>,
    /// The devices of this station: by their record's station, or by the name of the enrolled key that reported them
    #[arg(long, value_name = "NAME", value_parser = |text: &str| Text::new(text))]
    station: Option<Text>,
    /// The devices of this assembly line, as their records name it
    #[arg(long, value_name = "NAME", value_parser = |text: &str| Text::new(text))]
    line: Option<Text>,
}

impl Which {
    /// The devices that are meant.
    pub(super) async fn scope(&self, masa: &Masa) -> anyhow::Result<Scope> {
        let One { device, batch, station, line } = &self.one;
        Ok(match (device, batch, station, line) {
            (Some(serial), _, _, _) => Scope::Device(block::find(masa, serial, self.idevid_issuer.as_ref()).await?),
            (None, Some(name), _, _) => Scope::Batch(name.to_string()),
            (None, None, Some(name), _) => Scope::Station(name.to_string()),
            (None, None, None, Some(name)) => Scope::Line(name.to_string()),
            (None, None, None, None) => anyhow::bail!("one of --device, --batch, --station and --line is needed"),
        })
    }
}
