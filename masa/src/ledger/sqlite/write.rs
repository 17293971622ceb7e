//! The writer: takes whatever waits, puts it into one transaction, and answers once that is on disk.

use core::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use brski_common::log::leaf_hash;
use brski_common::{DeviceId, KeyIdentifier, SerialNumber, SpkiDigest};
use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior};

use super::Append;
use super::file::{self, Trouble};
use super::tree::{self, Edge};
use crate::ledger::{Entry, LedgerError, Unique};

/// Serves the queue until its other end is gone and it is empty.
pub(super) fn run(connection: &mut Connection, edge: &mut Edge, queue: &Receiver<Append>) {
    while let Ok(first) = queue.recv() {
        let group = core::iter::once(first).chain(queue.try_iter().take(GROUP - 1)).collect();
        commit(connection, edge, group);
    }
}

/// Appends a group and answers everybody in it. Nobody hears "yes" before the commit has reached the disk.
pub(super) fn commit(connection: &mut Connection, edge: &mut Edge, group: Vec<Append>) {
    let (jobs, replies): (Vec<_>, Vec<_>) = group.into_iter().map(|append| (append.entries, append.reply)).unzip();
    let answers = try_commit(connection, edge, &jobs).unwrap_or_else(|trouble| {
        // The transaction was rolled back as a whole, so all of the group failed, whoever caused it.
        let trouble: Arc<dyn std::error::Error + Send + Sync> = trouble.into();
        jobs.iter().map(|_| Err(LedgerError::Unavailable(Box::new(Arc::clone(&trouble))))).collect()
    });
    for (reply, answer) in replies.into_iter().zip(answers) {
        // Whoever asked may have gone away; the entries stay.
        let _gone = reply.send(answer);
    }
}

type Answer = Result<Range<u64>, LedgerError>;

fn try_commit(connection: &mut Connection, edge: &mut Edge, jobs: &[Vec<(Entry, Vec<u8>)>]) -> Result<Vec<Answer>, Trouble> {
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Under the write lock: nobody else appends from here on.
    tree::catch_up(&transaction, edge)?;
    let mut grown = edge.clone();
    let mut answers = Vec::with_capacity(jobs.len());
    for entries in jobs {
        // A savepoint for each, so that one refused append takes only itself back. Dropped without commit, it rolls back.
        let savepoint = transaction.savepoint()?;
        let mut tried = grown.clone();
        let answer = append(&savepoint, &mut tried, entries)?;
        match answer.is_ok() {
            true => {
                savepoint.commit()?;
                grown = tried;
            }
            false => savepoint.finish()?,
        }
        answers.push(answer);
    }
    transaction.commit()?;
    // Only what is on disk is part of the tree.
    *edge = grown;
    Ok(answers)
}

/// Appends entries side by side. The outer error is the store's; the inner one the caller's, after which the savepoint is rolled back.
fn append(connection: &Connection, edge: &mut Edge, entries: &[(Entry, Vec<u8>)]) -> Result<Answer, Trouble> {
    let first = edge.size();
    for (entry, octets) in entries {
        let id = match entry {
            Entry::Made(made) => make(connection, entry, &made.idevid.spki_digest())?,
            Entry::Recorded(_) | Entry::Stated(_) | Entry::Vouched(_) | Entry::Standing(_) => known(connection, entry)?,
        };
        let id = match id {
            Ok(id) => id,
            Err(refused) => return Ok(Err(refused)),
        };
        let once = entry.once();
        if let Some((what, value)) = &once {
            let find = "SELECT EXISTS (SELECT 1 FROM entry WHERE device = ?1 AND kind = ?2 AND once = ?3)";
            let taken: bool = connection.prepare_cached(find)?.query_row((id, entry.kind(), value), |row| row.get(0))?;
            if taken {
                return Ok(Err(LedgerError::Conflict { what: *what, device: entry.device().clone() }));
            }
        }
        let insert = "INSERT INTO entry (leaf_index, leaf_hash, kind, device, once, octets) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let leaf = leaf_hash(octets);
        let row = (file::row(edge.size())?, leaf.as_bytes(), entry.kind(), id, once.map(|(_, value)| value), octets);
        file::insert(connection, insert, row)?;
        edge.append(leaf).try_for_each(|node| tree::keep(connection, &node))?;
    }
    Ok(Ok(first..edge.size()))
}

/// Enters a new device, and says under which id.
fn make(connection: &Connection, entry: &Entry, key: &SpkiDigest) -> Result<Result<i64, LedgerError>, Trouble> {
    let device = entry.device();
    if find(connection, device)?.is_some() {
        return Ok(Err(LedgerError::Conflict { what: Unique::Device, device: device.clone() }));
    }
    let holder = "SELECT issuer, serial FROM device WHERE spki = ?1";
    let read = |row: &Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, String>(1)?));
    if let Some((issuer, serial)) = connection.prepare_cached(holder)?.query_row([key.0], read).optional()? {
        let holder = KeyIdentifier::new(issuer).and_then(|issuer| Ok(DeviceId { issuer, serial: SerialNumber::new(serial)? }));
        let conflict = holder.map(|device| LedgerError::Conflict { what: Unique::PublicKey, device });
        return Ok(Err(conflict.unwrap_or_else(|err| LedgerError::Unavailable(err.into()))));
    }
    let insert = "INSERT INTO device (serial, issuer, spki) VALUES (?1, ?2, ?3)";
    file::insert(connection, insert, (device.serial.as_str(), device.issuer.as_bytes(), key.0))?;
    Ok(Ok(connection.last_insert_rowid()))
}

fn known(connection: &Connection, entry: &Entry) -> rusqlite::Result<Result<i64, LedgerError>> {
    Ok(find(connection, entry.device())?.ok_or_else(|| LedgerError::UnknownDevice(entry.device().clone())))
}

/// The store's own id of a device.
pub(super) fn find(connection: &Connection, device: &DeviceId) -> rusqlite::Result<Option<i64>> {
    let find = "SELECT id FROM device WHERE serial = ?1 AND issuer = ?2";
    connection.prepare_cached(find)?.query_row((device.serial.as_str(), device.issuer.as_bytes()), |row| row.get(0)).optional()
}

/// How many appends share one flush to disk at most, so that the first does not wait for the last for long.
const GROUP: usize = 256;
