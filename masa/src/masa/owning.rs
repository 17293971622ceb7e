//! Who has a device: what sales tells the MASA, and what the ledger makes of it.

use std::collections::HashMap;

use brski_common::{DeviceId, SpkiDigest};

use super::{Masa, told};
use crate::error::Error;
use crate::ledger::{Customer, Entry, Owned, OwnerChange};
use crate::ownership::{DeviceSummary, Ownership};
use crate::product_line::Levels;

impl Masa {
    /// Writes down that a device was sold, on the word of `by`. Of the customer's keys only those given here are written down: what the configuration has under the
    /// customer's name is looked up whenever it matters, so that a key which is taken out of it counts no more. Says whether that is news: the same sale again changes nothing.
    ///
    /// # Errors
    /// [`Refusal::UnknownDevice`](brski_common::Refusal::UnknownDevice) if it was never made here; [`Error::Ledger`].
    #[tracing::instrument(skip_all, fields(serial = %device.serial))]
    pub async fn sell(&self, device: &DeviceId, customer: Customer, by: impl Into<String>) -> Result<bool, Error> {
        told("sold", self.change_owner(device, sold_to(customer), by.into()).await)
    }

    /// Writes down that a device's owner gave it up, on the word of `by`: whoever has it next may claim it as if it were new. Says whether that is news.
    ///
    /// # Errors
    /// As for [`sell`](Self::sell).
    #[tracing::instrument(skip_all, fields(serial = %device.serial))]
    pub async fn release(&self, device: &DeviceId, by: impl Into<String>) -> Result<bool, Error> {
        told("released", self.change_owner(device, OwnerChange::Released, by.into()).await)
    }

    /// Writes down many sales, side by side: all of them or, if the ledger fails, none. The outcomes are in the order of the sales; of two sales of one device the first comes first.
    ///
    /// # Errors
    /// For each sale as for [`sell`](Self::sell); [`Error::Ledger`] for all of them.
    pub async fn sell_all(&self, sales: Vec<(DeviceId, Customer)>, by: &str) -> Result<Vec<Result<bool, Error>>, Error> {
        let (mut outcomes, mut entries) = (Vec::with_capacity(sales.len()), Vec::new());
        let mut newest: HashMap<DeviceId, OwnerChange> = HashMap::new();
        for (device, customer) in sales {
            let change = sold_to(customer);
            let outcome = self.known(&device).await.map(|history| {
                let before = newest.get(&device).or(history.owned().last().map(|owned| &owned.change));
                before != Some(&change)
            });
            if let Ok(true) = outcome {
                newest.insert(device.clone(), change.clone());
                entries.push(Entry::Owned(Owned { device, at: self.0.clock.now(), by: by.to_owned(), change }));
            }
            outcomes.push(outcome);
        }
        if !entries.is_empty() {
            self.0.ledger.append(entries).await?;
        }
        Ok(outcomes)
    }

    /// What the ledger knows of a device, for the manufacturer's own people.
    ///
    /// # Errors
    /// As for [`sell`](Self::sell).
    pub async fn device(&self, device: &DeviceId) -> Result<DeviceSummary, Error> {
        let history = self.known(device).await?;
        Ok(DeviceSummary::of(&history, &self.0.lines.of(device).name))
    }

    /// Who may read how much of the device's record.
    pub fn levels(&self, device: &DeviceId) -> Levels {
        self.0.lines.of(device).disclosure
    }

    /// How a device stands with its owners.
    ///
    /// # Errors
    /// As for [`sell`](Self::sell).
    pub async fn ownership(&self, device: &DeviceId) -> Result<Ownership, Error> {
        Ok(Ownership::of(&self.known(device).await?))
    }

    /// By which keys the customer that a device is sold to is known now: those of the sale, and those that the configuration has. None if it is not sold.
    ///
    /// # Errors
    /// As for [`sell`](Self::sell).
    pub async fn customer_keys(&self, device: &DeviceId) -> Result<Vec<SpkiDigest>, Error> {
        let ownership = self.ownership(device).await?;
        let known = |customer: &Customer| self.0.lines.of(device).issue_policy.sales.keys_of(&customer.name).chain(customer.keys.iter().copied()).collect();
        Ok(distinct(ownership.customer().map(known).unwrap_or_default()))
    }

    async fn change_owner(&self, device: &DeviceId, change: OwnerChange, by: String) -> Result<bool, Error> {
        let history = self.known(device).await?;
        let newest = history.owned().last().map(|owned| &owned.change);
        // Vouchers since a release are claims of a new owner, which the next release ends.
        let is_news = newest != Some(&change) || (change == OwnerChange::Released && !history.vouched_since_change().is_empty());
        if is_news {
            let owned = Owned { device: history.device().clone(), at: self.0.clock.now(), by, change };
            self.0.ledger.append(vec![Entry::Owned(owned)]).await?;
        }
        Ok(is_news)
    }
}

fn sold_to(Customer { name, keys }: Customer) -> OwnerChange {
    OwnerChange::SoldTo(Customer { name, keys: distinct(keys) })
}

fn distinct(mut keys: Vec<SpkiDigest>) -> Vec<SpkiDigest> {
    keys.sort_unstable();
    keys.dedup();
    keys
}
