//! Which devices are meant: one, or all of a batch, a station or a line.

use brski_common::provenance::Text;
use brski_common::{KeyIdentifier, SerialNumber};
use brski_masa::Masa;
use brski_masa::ledger::Scope;
use clap::Args;

/// One of them is given.
#[derive(Debug, Args)]
pub(super) struct Which {
    #[command(flatten)]
    one: One,
    /// Key identifier of the CA that issued the device's IDevID, in hex; needed only where two CAs used the serial number
    #[arg(long, conflicts_with_all = ["batch", "station", "line"], value_parser = |text: &str| KeyIdentifier::try_from(text.to_owned()))]
    idevid_issuer: Option<KeyIdentifier>,
}

#[derive(Clone, Debug, Args)]
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
        let One { device, batch, station, line } = self.one.clone();
        Ok(masa.scope(&brski_masa::masa::Which { device, idevid_issuer: self.idevid_issuer.clone(), batch, station, line }).await?)
    }
}
