//! What of a device's provenance was corrected.

use brski_common::provenance::Supersession;
use brski_common::{DeviceId, ProvenanceRecord};

use super::Masa;
use crate::error::Error;

/// A record that counts no longer, and what took its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Superseded {
    /// Index of its entry in the log, where it stays.
    pub index: u64,
    /// The how-manieth record of the device, from 0.
    pub seq: u32,
    /// Which record took its place, and why: what that one says of it.
    pub by: Supersession,
}

impl Masa {
    /// Every record of a device that counts no longer, oldest first; the first word on its key is the first of them.
    ///
    /// # Errors
    /// [`Error::Refused`] if no such device was made here; [`Error::Ledger`].
    pub async fn superseded(&self, device: &DeviceId) -> Result<Vec<Superseded>, Error> {
        let history = self.known(device).await?;
        let successors = history.superseded().map(|(_, record)| record).skip(1).chain(history.record());
        let named = |((index, record), successor): ((u64, &ProvenanceRecord), &ProvenanceRecord)| {
            successor.supersedes.clone().map(|by| Superseded { index, seq: record.seq, by })
        };
        Ok(history.superseded().zip(successors).filter_map(named).collect())
    }
}
