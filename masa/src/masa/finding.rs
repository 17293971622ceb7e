//! What people call a device, or devices, and which those are.

use brski_common::provenance::Text;
use brski_common::{DeviceId, KeyIdentifier, SerialNumber};

use super::Masa;
use crate::error::Error;
use crate::ledger::Scope;

/// Which devices are meant, as somebody said it: one of `device`, `batch`, `station` and `line`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// The device with this serial number.
    pub device: Option<SerialNumber>,
    /// The CA that issued its IDevID; needed only where two CAs used the serial number.
    pub idevid_issuer: Option<KeyIdentifier>,
    /// The devices of this batch.
    pub batch: Option<Text>,
    /// The devices of this station.
    pub station: Option<Text>,
    /// The devices of this assembly line.
    pub line: Option<Text>,
}

/// Why it is not clear what is meant.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unclear {
    /// There is no such device.
    #[error("no device with serial number {0} was made here")]
    Unknown(SerialNumber),
    /// Two CAs gave that serial number to a device.
    #[error("several devices have serial number {serial}; idevid-issuer tells which, such as {issuer}")]
    Several {
        /// The serial number.
        serial: SerialNumber,
        /// One of the CAs.
        issuer: KeyIdentifier,
    },
    /// None is said, or more than one.
    #[error("exactly one of device, batch, station and line must be said")]
    NotOne,
    /// A CA is said, and no device.
    #[error("idevid-issuer goes with device only")]
    IssuerOfNone,
    /// The ledger did not answer.
    #[error(transparent)]
    Masa(#[from] Error),
}

impl Masa {
    /// The one device with this serial number, of this CA if one is said.
    ///
    /// # Errors
    /// [`Unclear`] if there is none, or if there are several.
    pub async fn find(&self, serial: &SerialNumber, idevid_issuer: Option<&KeyIdentifier>) -> Result<DeviceId, Unclear> {
        let mut found = self.devices(serial).await?;
        found.retain(|device| idevid_issuer.is_none_or(|issuer| *issuer == device.issuer));
        match found.as_slice() {
            [one] => Ok(one.clone()),
            [] => Err(Unclear::Unknown(serial.clone())),
            [first, ..] => Err(Unclear::Several { issuer: first.issuer.clone(), serial: serial.clone() }),
        }
    }

    /// The devices that are meant.
    ///
    /// # Errors
    /// [`Unclear`] unless exactly one of them is said, and if it is a device, as for [`find`](Self::find).
    pub async fn scope(&self, which: &Which) -> Result<Scope, Unclear> {
        let Which { device, idevid_issuer, batch, station, line } = which;
        if device.is_none() && idevid_issuer.is_some() {
            return Err(Unclear::IssuerOfNone);
        }
        match (device, batch, station, line) {
            (Some(serial), None, None, None) => Ok(Scope::Device(self.find(serial, idevid_issuer.as_ref()).await?)),
            (None, Some(name), None, None) => Ok(Scope::Batch(name.to_string())),
            (None, None, Some(name), None) => Ok(Scope::Station(name.to_string())),
            (None, None, None, Some(name)) => Ok(Scope::Line(name.to_string())),
            (Some(_) | None, Some(_) | None, Some(_) | None, Some(_) | None) => Err(Unclear::NotOne),
        }
    }
}
