//! The writer: takes whatever waits, puts it into one transaction, and answers once that is on disk.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use brski_common::{DeviceId, SpkiDigest};
use rusqlite::{CachedStatement, Connection, TransactionBehavior};

use super::append::{Answer, Append, Row};
use super::file::{self, Trouble};
use super::find;
use super::tree::{self, Edge};
use crate::ledger::{Entry, LedgerError, Unique};

/// Serves the queue until its other end is gone and it is empty.
pub(super) fn run(connection: &mut Connection, edge: &mut Edge, queue: &Receiver<Append>) {
    while let Ok(first) = queue.recv() {
        let mut entries = first.len();
        let mut jobs = vec![first];
        while entries < GROUP
            && let Ok(next) = queue.try_recv()
        {
            entries += next.len();
            jobs.push(next);
        }
        // What counts seeds goes in by itself, for it looks at what is in the ledger to stay.
        let (alone, together): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.seeded.is_some());
        for jobs in core::iter::once(together).chain(alone.into_iter().map(|job| vec![job])).filter(|jobs| !jobs.is_empty()) {
            commit(connection, edge, jobs);
        }
    }
}

/// Appends what waits and answers everybody. Nobody hears "yes" before the commit has reached the disk.
///
/// Where the store fails, for want of room on the disk for example, all of it is rolled back and `edge` stays as it was: the next time it may succeed.
pub(super) fn commit(connection: &mut Connection, edge: &mut Edge, jobs: Vec<Append>) {
    let mut answers = match try_commit(connection, edge, &jobs) {
        Ok(answers) => answers,
        Err(trouble) => {
            // The transaction was rolled back as a whole, so all of them failed, whoever caused it.
            let trouble: Arc<dyn std::error::Error + Send + Sync> = trouble.into();
            let failed = || Err(LedgerError::Unavailable(Box::new(Arc::clone(&trouble))));
            jobs.iter().map(|job| job.groups.iter().map(|_| failed()).collect()).collect()
        }
    };
    for job in jobs.into_iter().rev() {
        job.answer(answers.pop().unwrap_or_default());
    }
}

fn try_commit(connection: &mut Connection, edge: &mut Edge, jobs: &[Append]) -> Result<Vec<Vec<Answer>>, Trouble> {
    // Hardly ever is a key another device's. Where one may be, all is rolled back and done again with more care.
    for keys in [Keys::SupposedNew, Keys::LookedUp] {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Under the write lock: nobody else appends from here on.
        tree::catch_up(&transaction, edge)?;
        let mut writing = Writing::new(&transaction, edge.clone(), keys, jobs.iter().map(Append::len).sum())?;
        let answers = jobs.iter().map(|job| writing.append_job(job)).collect::<Result<_, Trouble>>()?;
        if let Some(grown) = writing.finish()? {
            transaction.commit()?;
            // Only what is on disk is part of the tree.
            *edge = grown;
            return Ok(answers);
        }
    }
    Err("a key is listed that was not there a moment before".into())
}

/// When the list of keys is asked whether a new device's key is another's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    /// When it is listed, in the order of the list: each page is looked into once for both. If one is there that begins alike, nothing is written.
    SupposedNew,
    /// Before anything of its group is written, so that the group can be refused.
    LookedUp,
}

/// A transaction on its way.
struct Writing<'c, 'j> {
    connection: &'c Connection,
    insert_entry: CachedStatement<'c>,
    edge: Edge,
    look_up: Keys,
    /// The devices that were made in it, by which entry. They are listed last, in order: next to each other they touch fewer pages than one by one.
    devices: HashMap<&'j DeviceId, u64>,
    keys: HashMap<&'j SpkiDigest, (u64, &'j DeviceId)>,
}

/// What a group has claimed so far.
#[derive(Default)]
struct Claims<'g> {
    made: Vec<(&'g DeviceId, &'g SpkiDigest, u64)>,
    once: Vec<(u64, &'static str, &'g [u8])>,
}

impl<'c, 'j> Writing<'c, 'j> {
    /// Of about so many entries.
    fn new(connection: &'c Connection, edge: Edge, look_up: Keys, entries: usize) -> rusqlite::Result<Self> {
        let insert_entry = connection.prepare_cached(INSERT_ENTRY)?;
        // Nearly all are a device's making and its record.
        let (devices, keys) = (HashMap::with_capacity(entries / 2), HashMap::with_capacity(entries / 2));
        Ok(Self { connection, insert_entry, edge, look_up, devices, keys })
    }

    fn append_job(&mut self, job: &'j Append) -> Result<Vec<Answer>, Trouble> {
        let Some((seeds, entries)) = &job.seeded else { return job.groups.iter().map(|group| self.append(group)).collect() };
        seeds.catch_up(|from| find::entries(self.connection, from, PAGE))?;
        let append = |(group, entries): (&'j Vec<Row>, &Vec<Entry>)| match seeds.confirm(entries) {
            Ok(()) => self.append(group),
            Err(spent) => Ok(Err(spent)),
        };
        job.groups.iter().zip(entries).map(append).collect()
    }

    /// Appends entries side by side. The outer error is the store's; the inner one the caller's. All of them are checked before one is written, so that a group that is refused
    /// has nothing to take back.
    fn append(&mut self, group: &'j [Row]) -> Result<Answer, Trouble> {
        let first = self.edge.size();
        let mut claims = Claims::default();
        let mut filed = Vec::with_capacity(group.len());
        for (index, row) in (first..).zip(group) {
            match self.claim(&mut claims, index, row)? {
                Ok(device) => filed.push(device),
                Err(refused) => return Ok(Err(refused)),
            }
        }
        for (row, device) in group.iter().zip(filed) {
            let once = row.once.as_ref().map(|(_, value)| value.as_slice());
            let values = (file::row(self.edge.size())?, row.leaf.as_bytes(), row.kind, device.map(file::row).transpose()?, once, row.octets.as_slice());
            file::insert_with(&mut self.insert_entry, values)?;
            self.edge.append(row.leaf).try_for_each(|node| tree::keep(self.connection, &node))?;
        }
        for (device, key, made) in claims.made {
            self.devices.insert(device, made);
            self.keys.insert(key, (made, device));
        }
        Ok(Ok(first..self.edge.size()))
    }

    /// By which entry the device was made that this one speaks of, unless something contradicts it.
    fn claim<'g>(&self, claims: &mut Claims<'g>, index: u64, row: &'g Row) -> Result<Result<Option<u64>, LedgerError>, Trouble> {
        let Some(device) = &row.device else { return Ok(Ok(None)) };
        let own = claims.made.iter().find(|(claimed, ..)| *claimed == device).map(|(.., made)| *made);
        let known = match own {
            Some(made) => Some(made),
            None => self.made(device)?,
        };
        if let Some(key) = &row.makes {
            if known.is_some() {
                return Ok(Err(LedgerError::Conflict { what: Unique::Device, device: device.clone() }));
            }
            let holder = match claims.made.iter().find(|(_, claimed, _)| *claimed == key) {
                Some((holder, ..)) => Some((*holder).clone()),
                None => self.holder(key)?,
            };
            if let Some(device) = holder {
                return Ok(Err(LedgerError::Conflict { what: Unique::PublicKey, device }));
            }
            claims.made.push((device, key, index));
            return Ok(Ok(Some(index)));
        }
        let Some(made) = known else { return Ok(Err(LedgerError::UnknownDevice(device.clone()))) };
        if let Some((what, value)) = &row.once {
            let claim = (made, row.kind, value.as_slice());
            // Of a device that this group makes there is nothing else.
            if claims.once.contains(&claim) || (own.is_none() && find::is_taken(self.connection, made, row.kind, value)?) {
                return Ok(Err(LedgerError::Conflict { what: *what, device: device.clone() }));
            }
            claims.once.push(claim);
        }
        Ok(Ok(Some(made)))
    }

    fn made(&self, device: &DeviceId) -> rusqlite::Result<Option<u64>> {
        match self.devices.get(device) {
            Some(made) => Ok(Some(*made)),
            None => find::made(self.connection, device),
        }
    }

    fn holder(&self, key: &SpkiDigest) -> Result<Option<DeviceId>, LedgerError> {
        match self.keys.get(key) {
            Some((_, holder)) => Ok(Some((*holder).clone())),
            None if self.look_up == Keys::SupposedNew => Ok(None),
            None => find::holder(self.connection, key),
        }
    }

    /// Lists the new devices and their keys. Nothing may be committed if one of these was supposed to be new, and another that begins alike is there.
    fn finish(self) -> Result<Option<Edge>, Trouble> {
        let mut devices: Vec<_> = self.devices.into_iter().collect();
        devices.sort_unstable_by(|(a, _), (b, _)| (&a.serial, &a.issuer).cmp(&(&b.serial, &b.issuer)));
        for (device, made) in &devices {
            list_device(self.connection, device, *made)?;
        }
        let mut keys: Vec<(i64, u64)> = self.keys.iter().map(|(key, (made, _))| (find::beginning(key), *made)).collect();
        keys.sort_unstable();
        let (mut find, mut insert) = (self.connection.prepare_cached(FIND_KEY)?, self.connection.prepare_cached(INSERT_KEY)?);
        for (beginning, made) in keys {
            if self.look_up == Keys::SupposedNew && find.exists([beginning])? {
                return Ok(None);
            }
            file::insert_with(&mut insert, (beginning, file::row(made)?))?;
        }
        Ok(Some(self.edge))
    }
}

/// Lists a device as made by this entry.
pub(super) fn list_device(connection: &Connection, device: &DeviceId, made: u64) -> Result<(), Trouble> {
    let insert = "INSERT INTO device (serial, issuer, made) VALUES (?1, ?2, ?3)";
    file::insert(connection, insert, (device.serial.as_str(), device.issuer.as_bytes(), file::row(made)?))
}

/// Lists the key of the device that this entry makes.
pub(super) fn list_key(connection: &Connection, beginning: i64, made: u64) -> Result<(), Trouble> {
    file::insert(connection, INSERT_KEY, (beginning, file::row(made)?))
}

const INSERT_ENTRY: &str = "INSERT INTO entry (leaf_index, leaf_hash, kind, device, once, octets) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// Entries that are read at once.
const PAGE: usize = 1024;

const FIND_KEY: &str = "SELECT 1 FROM key WHERE beginning = ?1";

const INSERT_KEY: &str = "INSERT INTO key (beginning, made) VALUES (?1, ?2)";

/// About how many entries share one flush to disk at most, so that the first does not wait for the last for long: well under a second.
const GROUP: usize = 8192;
