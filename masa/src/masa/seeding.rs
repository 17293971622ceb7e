//! That there are as many seeds as devices that have one.

use core::ops::Range;

use brski_common::{DeviceId, Refusal};

use super::{Masa, Want};
use crate::error::Error;
use crate::ledger::{Entry, LedgerError};
use crate::manufacture::seed_register::is_seeded;

impl Masa {
    /// Checks what is to be recorded against all batches of seeds on record. The first time it reads the whole ledger, and what came since from then on; not at all where no batch of
    /// seeds is named. Whether another process was faster the ledger asks once more while it appends.
    pub(super) async fn check_seeds(&self, entries: &[Entry], want: Want) -> Result<(), Error> {
        if !entries.iter().any(is_seeded) {
            return Ok(());
        }
        loop {
            let from = self.3.lock().next();
            let page = self.0.ledger.entries(from, PAGE).await?;
            if page.is_empty() {
                break;
            }
            self.3.lock().read(page);
        }
        Ok(self.3.lock().admit(entries, want != Want::Trial).map_err(Refusal::from)?)
    }

    /// The device's record did not get into the ledger.
    pub(super) fn give_seed_back(&self, device: &DeviceId) {
        self.3.lock().release(device);
    }

    /// Appends groups of entries, each of which goes in as a whole or not at all.
    pub(super) async fn append_all(&self, groups: Vec<Vec<Entry>>) -> Vec<Result<Range<u64>, LedgerError>> {
        match groups.iter().flatten().any(is_seeded) {
            true => self.0.ledger.append_seeded(groups, self.3.clone()).await,
            false => self.0.ledger.append_all(groups).await,
        }
    }
}

/// Entries that are read at once.
const PAGE: usize = 1024;
