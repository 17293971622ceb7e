//! How many devices something concerns, and who has them: counted in one reading of the ledger.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use aws_lc_rs::digest;
use brski_common::{DeviceId, DomainId, SpkiDigest};
use serde::Serialize;

use crate::history::History;
use crate::ledger::{Entry, OwnerChange, Scope};
use crate::ownership::Ownership;

/// How many devices there are in a [`Scope`], and who has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Affected {
    /// How many devices.
    pub units: u64,
    /// How many of them were sold to whom and not given back since, by the customer's name.
    pub sold: BTreeMap<String, u64>,
    /// How many were not, as far as the manufacturer was told.
    pub unsold: u64,
    /// How many of them which domain has: the one that got the newest voucher since the device last changed hands. By the domain's key.
    pub claimed: Vec<Claimed>,
}

/// How many devices a domain has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Claimed {
    /// The domain, as audit logs name it.
    pub domain: DomainId,
    /// Digest of the key that its vouchers pinned.
    pub pin: SpkiDigest,
    /// How many devices.
    pub units: u64,
}

/// One device, and who has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AffectedDevice {
    /// Which.
    pub device: DeviceId,
    /// The customer's name, if it was sold and not given back.
    pub customer: Option<String>,
    /// The domain that has it, and the digest of the key that was pinned.
    pub domain: Option<(DomainId, SpkiDigest)>,
}

/// Reads the ledger's entries in their order, and keeps a few octets for each device in question.
#[derive(Debug)]
pub(crate) struct Survey<'a> {
    scope: &'a Scope,
    found: HashMap<Key, Found>,
    customers: Names<String>,
    domains: Names<(SpkiDigest, DomainId)>,
    /// The device whose making was the entry before.
    made_just_now: Option<Key>,
}

/// Half of SHA-256 over a device's identity: no two devices share it, and it is shorter.
type Key = [u8; 16];

/// Who has a device.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    customer: Option<u32>,
    domain: Option<u32>,
    /// It was found only after other entries of it had gone by.
    late: bool,
    /// Its making tells that it is one of them, whatever its records say.
    by_making: bool,
}

impl<'a> Survey<'a> {
    pub(crate) fn new(scope: &'a Scope) -> Self {
        Self { scope, found: HashMap::new(), customers: Names::default(), domains: Names::default(), made_just_now: None }
    }

    /// Takes the next entry.
    pub(crate) fn read(&mut self, entry: &Entry) {
        let before = self.made_just_now.take();
        match entry {
            Entry::Made(made) => {
                let device = key(made.idevid.device());
                self.made_just_now = Some(device);
                if self.scope.includes_made(made) {
                    self.found.insert(device, Found { by_making: true, ..Found::default() });
                }
            }
            Entry::Recorded(record) => {
                let device = key(&record.device);
                match self.scope.includes_record(record) {
                    true => {
                        let late = before != Some(device);
                        self.found.entry(device).or_insert(Found { late, ..Found::default() });
                    }
                    // The newest record counts, beside the making.
                    false => {
                        if self.found.get(&device).is_some_and(|found| !found.by_making) {
                            self.found.remove(&device);
                        }
                    }
                }
            }
            Entry::Owned(_) | Entry::Vouched(_) => self.change_hands(entry, |_| true),
            Entry::Stated(_) | Entry::Standing(_) | Entry::Marked(_) | Entry::Restored(_) => {}
        }
    }

    /// Whether the entries have to be read [again](Self::read_again), because a device turned out to be in question only late.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.found.values().any(|found| found.late)
    }

    /// Begins the second reading.
    pub(crate) fn begin_again(&mut self) {
        self.found.values_mut().filter(|found| found.late).for_each(|found| (found.customer, found.domain) = (None, None));
    }

    /// Takes an entry in the second reading.
    pub(crate) fn read_again(&mut self, entry: &Entry) {
        if matches!(entry, Entry::Owned(_) | Entry::Vouched(_)) {
            self.change_hands(entry, |found| found.late);
        }
    }

    fn change_hands(&mut self, entry: &Entry, concerns: impl Fn(&Found) -> bool) {
        let Some(found) = entry.device().and_then(|device| self.found.get_mut(&key(device))).filter(|found| concerns(found)) else { return };
        match entry {
            Entry::Owned(owned) => match &owned.change {
                OwnerChange::SoldTo(customer) => {
                    let customer = Some(self.customers.number(&customer.name));
                    // Sold again to the same customer, it stays where it is.
                    if found.customer != customer {
                        (found.customer, found.domain) = (customer, None);
                    }
                }
                OwnerChange::Released => (found.customer, found.domain) = (None, None),
            },
            Entry::Vouched(vouched) => found.domain = Some(self.domains.number(&(vouched.pin, vouched.domain.clone()))),
            Entry::Made(_) | Entry::Recorded(_) | Entry::Stated(_) | Entry::Standing(_) | Entry::Marked(_) | Entry::Restored(_) => {}
        }
    }

    /// The device of this entry, if the entry is that of its making, and if it is in question.
    pub(crate) fn device(&self, entry: &Entry) -> Option<AffectedDevice> {
        let Entry::Made(made) = entry else { return None };
        let device = made.idevid.device();
        let found = self.found.get(&key(device))?;
        let customer = found.customer.and_then(|number| self.customers.name(number)).cloned();
        let domain = found.domain.and_then(|number| self.domains.name(number)).map(|(pin, domain)| (domain.clone(), *pin));
        Some(AffectedDevice { device: device.clone(), customer, domain })
    }

    /// The sums.
    pub(crate) fn affected(&self) -> Affected {
        let mut affected = Affected { units: self.found.len() as u64, ..Affected::default() };
        let mut claimed: BTreeMap<&(SpkiDigest, DomainId), u64> = BTreeMap::new();
        for found in self.found.values() {
            match found.customer.and_then(|number| self.customers.name(number)) {
                Some(customer) => match affected.sold.get_mut(customer) {
                    Some(units) => *units += 1,
                    None => drop(affected.sold.insert(customer.clone(), 1)),
                },
                None => affected.unsold += 1,
            }
            if let Some(domain) = found.domain.and_then(|number| self.domains.name(number)) {
                *claimed.entry(domain).or_default() += 1;
            }
        }
        affected.claimed = claimed.into_iter().map(|((pin, domain), units)| Claimed { domain: domain.clone(), pin: *pin, units }).collect();
        affected
    }
}

impl AffectedDevice {
    /// One device, by its history.
    pub(crate) fn of(history: &History) -> Self {
        let ownership = Ownership::of(history);
        let customer = ownership.customer().map(|customer| customer.name.clone());
        let domain = history.vouched_since_change().last().map(|vouched| (vouched.domain.clone(), vouched.pin));
        Self { device: history.device().clone(), customer, domain }
    }

    /// The sums of this device alone.
    pub(crate) fn affected(&self) -> Affected {
        Affected {
            units: 1,
            sold: self.customer.iter().map(|customer| (customer.clone(), 1)).collect(),
            unsold: u64::from(self.customer.is_none()),
            claimed: self.domain.iter().map(|(domain, pin)| Claimed { domain: domain.clone(), pin: *pin, units: 1 }).collect(),
        }
    }
}

/// Names that occur over and over, each kept once.
#[derive(Debug)]
struct Names<T> {
    numbers: HashMap<T, u32>,
    names: Vec<T>,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), names: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash> Names<T> {
    fn number(&mut self, name: &T) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        // More than four thousand million names do not fit into memory either.
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.clone());
        self.numbers.insert(name.clone(), number);
        number
    }

    fn name(&self, number: u32) -> Option<&T> {
        self.names.get(usize::try_from(number).ok()?)
    }
}

fn key(device: &DeviceId) -> Key {
    let mut hash = digest::Context::new(&digest::SHA256);
    // The issuer's length first, so that no two identities run together.
    hash.update(&device.issuer.as_bytes().len().to_be_bytes());
    hash.update(device.issuer.as_bytes());
    hash.update(device.serial.as_str().as_bytes());
    let mut key = Key::default();
    key.iter_mut().zip(hash.finish().as_ref()).for_each(|(octet, hashed)| *octet = *hashed);
    key
}
