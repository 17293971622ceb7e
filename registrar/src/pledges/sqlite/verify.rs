//! Whether the trail is as it was written, and whether all that follows from it does.

mod damage;
mod derived;
mod former;

use std::path::Path;

use brski_common::log::{Checkpoint, Frontier, Hash, SignedCheckpoint, VerifierKey, leaf_hash};
use rusqlite::{Connection, OpenFlags};

pub use self::damage::{Damage, Verified, VerifyTrailError};
use super::{trail, upgrade};
use crate::pledges::StoreError;
use crate::trail::Event;

/// Reads the whole store in the file at `path`, as it is at one moment: computes every leaf and the root anew, compares them with what was signed, and folds the events of
/// each pledge again.
///
/// A file of a former version, such as a backup that is not upgraded yet, is measured by what that version wrote down: it cannot tell which keys were taken for LDevIDs, nor
/// whether an admission ended with the LDevIDs on it. The upgrade adds what is in the tables of that, and makes what follows from the events anew.
///
/// With `keys`, every checkpoint in the store must be signed by one of them; without, they are compared but not trusted. `signed` are checkpoints from elsewhere that
/// the caller has verified, each with the key that signed it.
///
/// # Errors
/// [`VerifyTrailError::Damaged`] with the first that was touched, [`VerifyTrailError::Former`] if nothing was and one of `signed` is of a trail that broke off,
/// [`VerifyTrailError::Store`] if the file cannot be read.
pub fn verify(path: &Path, keys: &[VerifierKey], signed: &[(VerifierKey, Checkpoint)]) -> Result<Verified, VerifyTrailError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(super::PATIENCE)?;
    let version = super::recognise(&connection)?;
    match version {
        Some(super::VERSION) => {}
        // Such as a backup that an older version made.
        Some(super::WITHOUT_ISSUERS) => upgrade::show_issuers(&connection)?,
        Some(super::UNSAID) => {}
        Some(_) => return Err(Damage::NoTrail.into()),
        None => return Err(StoreError::Unavailable("there is no store of pledges".into()).into()),
    }
    connection.pragma_update(None, "query_only", true)?;
    let snapshot = connection.unchecked_transaction()?;

    let in_the_store = signatures(&snapshot, keys)?;
    let compared = |signed: &[&Checkpoint]| {
        let mut signatures = in_the_store.clone();
        signatures.extend(signed.iter().map(|checkpoint| (checkpoint.size, checkpoint.root)));
        signatures.sort_by_key(|(size, _)| *size);
        leaves(&snapshot, &signatures).map(|edge| (edge, signatures.last().map(|(size, _)| *size)))
    };
    let all: Vec<&Checkpoint> = signed.iter().map(|(_, checkpoint)| checkpoint).collect();
    let (mut broken_off, mut found) = (None, compared(&all));
    if let Err(VerifyTrailError::Damaged(Damage::Signed { .. } | Damage::Lost { .. })) = found
        && let (Some(former), others) = former::apart(&snapshot, signed)?
    {
        (broken_off, found) = (Some(former), compared(&others));
    }
    let (edge, last_signed) = found?;
    let kept = trail::edge(&snapshot)?;
    if (kept.size(), kept.peaks()) != (edge.size(), edge.peaks()) {
        return Err(Damage::Edge { found: kept.size(), events: edge.size() }.into());
    }
    let revoked_before = version.and_then(upgrade::revoked_before);
    let pledges = derived::compare(&snapshot, revoked_before.is_some())?;
    schema(&snapshot, revoked_before)?;
    if let Some(former) = broken_off {
        return Err(former);
    }
    Ok(Verified { events: edge.size(), root: edge.root(), checkpoints: in_the_store.len(), last_signed, trusted: !keys.is_empty(), pledges })
}

/// Size and root of every checkpoint in the store.
fn signatures(connection: &Connection, keys: &[VerifierKey]) -> Result<Vec<(u64, Hash)>, VerifyTrailError> {
    let mut statement = connection.prepare("SELECT number, note, size, peaks FROM checkpoint ORDER BY number")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?, row.get::<_, Vec<u8>>(3)?)))?;
    rows.map(|row| {
        let (number, note, size, peaks) = row?;
        let wrong = |why: &dyn std::error::Error| Damage::Checkpoint { number, why: why.to_string() };
        let checkpoint = SignedCheckpoint::parse(&note).map_err(|err| wrong(&err))?;
        let edge = trail::frontier(size, &peaks).map_err(|err| wrong(&err))?;
        if (edge.size(), edge.root()) != (checkpoint.peek_unverified().size, checkpoint.peek_unverified().root) {
            return Err(Damage::Checkpoint { number, why: "the size and the edge beside it are not those of its text".to_owned() }.into());
        }
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

/// Whether tables and triggers are what this version makes, letter for letter, or a former one, which made one table otherwise.
fn schema(connection: &Connection, revoked_before: Option<&str>) -> Result<(), VerifyTrailError> {
    let parts = |connection: &Connection| -> rusqlite::Result<std::collections::BTreeMap<String, Option<String>>> {
        let mut statement = connection.prepare("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'")?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let made = Connection::open_in_memory()?;
    made.execute_batch(super::SCHEMA)?;
    if let Some(revoked_before) = revoked_before {
        made.execute_batch("DROP TABLE revoked")?;
        made.execute_batch(revoked_before)?;
    }
    let (expected, found) = (parts(&made)?, parts(connection)?);
    let differs = expected.iter().find(|(name, made)| found.get(*name) != Some(made)).or_else(|| found.iter().find(|(name, _)| !expected.contains_key(*name)));
    match differs {
        Some((name, _)) => Err(Damage::Schema { name: name.clone() }.into()),
        None => Ok(()),
    }
}
