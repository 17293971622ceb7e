//! A ledger that lives as long as the process: for tests, trials and examples.

use core::ops::Range;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use brski_common::log::{Frontier, Hash, Plan, leaf_hash};
use brski_common::{BoxFuture, DeviceId, KeyIdentifier, SerialNumber, SpkiDigest, UnixTime};

use super::entry::genesis;
use super::{Entry, Ledger, LedgerError, Seeds, TreeHead, Unique, tree};
use crate::history::{History, Marks};

/// A [`Ledger`] in memory. Durable as long as the process is.
#[derive(Debug)]
pub struct MemoryLedger(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    devices: HashMap<DeviceId, Vec<(u64, Entry)>>,
    keys: HashMap<SpkiDigest, DeviceId>,
    serials: HashMap<SerialNumber, BTreeSet<KeyIdentifier>>,
    taken: HashSet<(DeviceId, Unique, Vec<u8>)>,
    octets: Vec<Vec<u8>>,
    /// Every entry but the genesis.
    entries: Vec<Entry>,
    marks: Marks,
    frontier: Frontier,
    /// Every complete subtree, level by level.
    nodes: Vec<Vec<Hash>>,
}

impl MemoryLedger {
    /// An empty ledger for the log of this name, begun at `now`.
    ///
    /// # Errors
    /// [`LedgerError::Encode`] if the genesis entry cannot be written.
    pub fn new(now: UnixTime, name: &str) -> Result<Self, LedgerError> {
        let genesis = genesis(name, now).map_err(LedgerError::Encode)?;
        let mut state = State::default();
        state.keep(genesis);
        Ok(Self(Mutex::new(state)))
    }

    /// The octets of every entry, from the genesis on.
    pub fn octets(&self) -> Vec<Vec<u8>> {
        self.with(|state| state.octets.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        // Whoever panicked while holding the lock did so between whole entries: nothing under it can panic halfway.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Ledger for MemoryLedger {
    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<Range<u64>, LedgerError>> {
        Box::pin(async move { self.with(|state| state.append(entries)) })
    }

    fn append_all(&self, groups: Vec<Vec<Entry>>) -> BoxFuture<'_, Vec<Result<Range<u64>, LedgerError>>> {
        Box::pin(async move { self.with(|state| groups.into_iter().map(|entries| state.append(entries)).collect()) })
    }

    fn append_seeded(&self, groups: Vec<Vec<Entry>>, seeds: Seeds) -> BoxFuture<'_, Vec<Result<Range<u64>, LedgerError>>> {
        let append = move |state: &mut State| {
            if seeds.catch_up(|from| Ok(state.entries(from, usize::MAX))).is_err() {
                return groups.iter().map(|_| Err(LedgerError::Busy)).collect();
            }
            groups.into_iter().map(|entries| seeds.confirm(&entries).and_then(|()| state.append(entries))).collect()
        };
        Box::pin(async move { self.with(append) })
    }

    fn history<'a>(&'a self, device: &'a DeviceId) -> BoxFuture<'a, Result<Option<History>, LedgerError>> {
        Box::pin(async move { Ok(self.with(|state| state.history(device))) })
    }

    fn holder<'a>(&'a self, key: &'a SpkiDigest) -> BoxFuture<'a, Result<Option<DeviceId>, LedgerError>> {
        Box::pin(async move { Ok(self.with(|state| state.keys.get(key).cloned())) })
    }

    fn devices<'a>(&'a self, serial: &'a SerialNumber) -> BoxFuture<'a, Result<Vec<DeviceId>, LedgerError>> {
        let issuers = self.with(|state| state.serials.get(serial).cloned().unwrap_or_default());
        let devices = issuers.into_iter().map(|issuer| DeviceId { issuer, serial: serial.clone() }).collect();
        Box::pin(async move { Ok(devices) })
    }

    fn entries(&self, from: u64, most: usize) -> BoxFuture<'_, Result<Vec<(u64, Entry)>, LedgerError>> {
        let found = self.with(|state| state.entries(from, most));
        Box::pin(async move { Ok(found) })
    }

    fn head(&self) -> BoxFuture<'_, Result<TreeHead, LedgerError>> {
        Box::pin(async move { Ok(self.with(|state| TreeHead { size: state.frontier.size(), root: state.frontier.root() })) })
    }

    fn inclusion(&self, index: u64, size: u64) -> BoxFuture<'_, Result<Vec<Hash>, LedgerError>> {
        Box::pin(async move { self.with(|state| state.path(&tree::plan_inclusion(index, size, state.frontier.size())?)) })
    }

    fn consistency(&self, old: u64, new: u64) -> BoxFuture<'_, Result<Vec<Hash>, LedgerError>> {
        Box::pin(async move { self.with(|state| state.path(&tree::plan_consistency(old, new, state.frontier.size())?)) })
    }
}

impl State {
    fn append(&mut self, entries: Vec<Entry>) -> Result<Range<u64>, LedgerError> {
        // All is checked before anything is kept, so that a refused append leaves no trace.
        let mut new = Self::default();
        for entry in &entries {
            self.claim(entry, &mut new)?;
        }
        let octets: Vec<_> = entries.iter().map(Entry::to_octets).collect::<Result<_, _>>().map_err(LedgerError::Encode)?;
        let first = self.octets.len() as u64;
        octets.into_iter().for_each(|octets| self.keep(octets));
        for (index, entry) in (first..).zip(&entries) {
            if let Some(device) = entry.device() {
                self.devices.entry(device.clone()).or_default().push((index, entry.clone()));
            }
        }
        entries.iter().for_each(|entry| self.marks.add(entry));
        self.entries.extend(entries);
        for device in new.devices.into_keys() {
            self.serials.entry(device.serial).or_default().insert(device.issuer);
        }
        self.keys.extend(new.keys);
        self.taken.extend(new.taken);
        Ok(first..self.octets.len() as u64)
    }

    fn entries(&self, from: u64, most: usize) -> Vec<(u64, Entry)> {
        let from = from.max(1);
        let skipped = usize::try_from(from - 1).unwrap_or(usize::MAX);
        (from..).zip(self.entries.iter().skip(skipped).take(most).cloned()).collect()
    }

    fn keep(&mut self, octets: Vec<u8>) {
        for node in self.frontier.append(leaf_hash(&octets)) {
            let level = usize::from(node.level);
            if level == self.nodes.len() {
                self.nodes.push(Vec::new());
            }
            self.nodes[level].push(node.hash);
        }
        self.octets.push(octets);
    }

    fn path(&self, plan: &Plan) -> Result<Vec<Hash>, LedgerError> {
        let find = |level: u8, index: u64| self.nodes.get(usize::from(level))?.get(usize::try_from(index).ok()?).copied();
        plan.path(|level, index| find(level, index).ok_or_else(|| LedgerError::Tree(format!("node {index} of height {level} is missing"))))
    }

    /// Notes in `new` what `entry` claims for itself, unless it is taken here or there.
    fn claim(&self, entry: &Entry, new: &mut Self) -> Result<(), LedgerError> {
        let Some(device) = entry.device().cloned() else { return Ok(()) };
        let known = self.devices.contains_key(&device) || new.devices.contains_key(&device);
        if let Entry::Made(made) = entry {
            let key = made.idevid.spki_digest();
            if known {
                return Err(LedgerError::Conflict { what: Unique::Device, device });
            }
            if let Some(holder) = self.keys.get(&key).or_else(|| new.keys.get(&key)) {
                return Err(LedgerError::Conflict { what: Unique::PublicKey, device: holder.clone() });
            }
            new.keys.insert(key, device.clone());
            new.devices.insert(device, Vec::new());
            return Ok(());
        }
        if !known {
            return Err(LedgerError::UnknownDevice(device));
        }
        if let Some((what, value)) = entry.once() {
            let claim = (device.clone(), what, value);
            if self.taken.contains(&claim) || !new.taken.insert(claim) {
                return Err(LedgerError::Conflict { what, device });
            }
        }
        Ok(())
    }

    fn history(&self, device: &DeviceId) -> Option<History> {
        let entries = self.devices.get(device)?.iter().cloned();
        let devices_of_serial = self.serials.get(&device.serial).map_or(0, BTreeSet::len);
        History::build_under(entries, &self.marks, devices_of_serial > 1)
    }
}
