//! Whether the trail is as it was written, and whether all that follows from it does.

mod damage;
mod derived;

use std::path::Path;

use brski_common::log::{Checkpoint, Frontier, Hash, SignedCheckpoint, VerifierKey, leaf_hash};
use rusqlite::{Connection, OpenFlags};

pub use self::damage::{Damage, Verified, VerifyTrailError};
use super::trail;
use crate::pledges::StoreError;
use crate::trail::Event;

/// Reads the whole store in the file at `path`, as it is at one moment: computes every leaf and the root anew, compares them with what was signed, and folds the events of
/// each pledge again.
///
/// With `keys`, every checkpoint in the store must be signed by one of them; without, they are compared but not trusted. `signed` are checkpoints from elsewhere that
/// the caller has verified.
///
/// # Errors
/// [`VerifyTrailError::Damaged`] with the first that was touched, [`VerifyTrailError::Store`] if the file cannot be read.
pub fn verify(path: &Path, keys: &[VerifierKey], signed: &[Checkpoint]) -> Result<Verified, VerifyTrailError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(super::PATIENCE)?;
    match super::recognise(&connection)? {
        Some(super::VERSION) => {}
        Some(_) => return Err(Damage::NoTrail.into()),
        None => return Err(StoreError::Unavailable("there is no store of pledges".into()).into()),
    }
    connection.pragma_update(None, "query_only", true)?;
    let snapshot = connection.unchecked_transaction()?;

    let mut signatures = signatures(&snapshot, keys)?;
    let checkpoints = signatures.len();
    signatures.extend(signed.iter().map(|checkpoint| (checkpoint.size, checkpoint.root)));
    signatures.sort_by_key(|(size, _)| *size);
    let edge = leaves(&snapshot, &signatures)?;
    if trail::edge(&snapshot)?.peaks() != edge.peaks() {
        return Err(Damage::Edge { found: trail::edge(&snapshot)?.size(), events: edge.size() }.into());
    }
    let pledges = derived::compare(&snapshot)?;
    schema(&snapshot)?;
    let last_signed = signatures.last().map(|(size, _)| *size);
    Ok(Verified { events: edge.size(), root: edge.root(), checkpoints, last_signed, trusted: !keys.is_empty(), pledges })
}

/// Size and root of every checkpoint in the store.
fn signatures(connection: &Connection, keys: &[VerifierKey]) -> Result<Vec<(u64, Hash)>, VerifyTrailError> {
    let mut statement = connection.prepare("SELECT number, note FROM checkpoint ORDER BY number")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
    rows.map(|row| {
        let (number, note) = row?;
        let wrong = |why: &dyn std::error::Error| Damage::Checkpoint { number, why: why.to_string() };
        let checkpoint = SignedCheckpoint::parse(&note).map_err(|err| wrong(&err))?;
        let mut refused = None;
        for key in keys {
            match checkpoint.verify(key) {
                Ok(checkpoint) => return Ok((checkpoint.size, checkpoint.root)),
                Err(err) => refused = Some(err),
            }
        }
        match refused {
            Some(err) => Err(wrong(&err).into()),
            None => Ok((checkpoint.peek_unverified().size, checkpoint.peek_unverified().root)),
        }
    })
    .collect()
}

/// Computes the tree anew, and compares it with what was signed on the way.
fn leaves(connection: &Connection, signed: &[(u64, Hash)]) -> Result<Frontier, VerifyTrailError> {
    let mut edge = Frontier::new();
    let mut signed = signed.iter().copied().peekable();
    let mut intact = 0;
    let mut check = |edge: &Frontier| {
        while let Some((size, root)) = signed.next_if(|(size, _)| *size <= edge.size()) {
            if root != edge.root() {
                return Err(Damage::Signed { first: intact, size });
            }
            intact = size;
        }
        Ok(())
    };
    check(&edge)?;
    let mut statement = connection.prepare("SELECT number, octets, leaf_hash, spki FROM event ORDER BY number")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let number = edge.size();
        if row.get::<_, i64>(0)? != trail::row(number)? {
            return Err(Damage::Missing { number }.into());
        }
        let (octets, leaf): (Vec<u8>, Vec<u8>) = (row.get(1)?, row.get(2)?);
        let found = leaf_hash(&octets);
        if found.as_bytes().as_slice() != leaf {
            return Err(Damage::Changed { number }.into());
        }
        let event: Event = serde_json::from_slice(&octets).map_err(|err| Damage::Unreadable { number, why: err.to_string() })?;
        if event.pledge.map(|pledge| pledge.key.0.to_vec()) != row.get::<_, Option<Vec<u8>>>(3)? {
            return Err(Damage::Pledge { number }.into());
        }
        drop(edge.append(found));
        check(&edge)?;
    }
    match signed.next() {
        Some((size, _)) => Err(Damage::Lost { events: edge.size(), size }.into()),
        None => Ok(edge),
    }
}

/// Whether tables and triggers are what this version makes, letter for letter.
fn schema(connection: &Connection) -> Result<(), VerifyTrailError> {
    let parts = |connection: &Connection| -> rusqlite::Result<std::collections::BTreeMap<String, Option<String>>> {
        let mut statement = connection.prepare("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'")?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let made = Connection::open_in_memory()?;
    made.execute_batch(super::SCHEMA)?;
    let (expected, found) = (parts(&made)?, parts(connection)?);
    let differs = expected.iter().find(|(name, made)| found.get(*name) != Some(made)).or_else(|| found.iter().find(|(name, _)| !expected.contains_key(*name)));
    match differs {
        Some((name, _)) => Err(Damage::Schema { name: name.clone() }.into()),
        None => Ok(()),
    }
}
