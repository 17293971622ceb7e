//! The trail as rows: an append-only log with the right edge of its tree.

use brski_common::SpkiDigest;
use brski_common::log::{Frontier, Hash, leaf_hash};
use rusqlite::{Connection, params};

use super::files;
use crate::pledges::StoreError;
use crate::trail::Event;

/// Appends an event and brings what follows from it up to date. Whoever calls holds the transaction, so that no other process appends in between.
pub(super) fn append(connection: &Connection, event: &Event) -> Result<(), StoreError> {
    let octets = serde_json::to_vec(event).map_err(unwritable)?;
    let leaf = leaf_hash(&octets);
    let mut edge = edge(connection)?;
    let pledge = event.pledge.as_ref().map(|pledge| pledge.key.0);
    let insert = "INSERT INTO event (number, octets, leaf_hash, spki) VALUES (?1, ?2, ?3, ?4)";
    connection.prepare_cached(insert)?.execute(params![row(edge.size())?, octets, leaf.as_bytes(), pledge])?;
    drop(edge.append(leaf));
    connection.prepare_cached("UPDATE edge SET size = ?1, peaks = ?2")?.execute(params![row(edge.size())?, peaks(&edge)])?;
    files::take(connection, event)
}

/// The right edge of the tree over all events.
pub(super) fn edge(connection: &Connection) -> Result<Frontier, StoreError> {
    let mut statement = connection.prepare_cached("SELECT size, peaks FROM edge")?;
    let (size, peaks) = statement.query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
    frontier(size, &peaks)
}

/// The right edge of a tree, out of a row.
pub(super) fn frontier(size: i64, peaks: &[u8]) -> Result<Frontier, StoreError> {
    let size = u64::try_from(size).map_err(|err| damaged("the size of the trail's tree", err))?;
    let peaks: Result<Vec<Hash>, _> = peaks.chunks(32).map(Hash::try_from).collect();
    peaks.and_then(|peaks| Frontier::from_parts(size, peaks)).map_err(|err| damaged("the edge of the trail's tree", err))
}

/// Its peaks, for a row.
pub(super) fn peaks(edge: &Frontier) -> Vec<u8> {
    edge.peaks().iter().flat_map(|peak| *peak.as_bytes()).collect()
}

pub(super) fn events(connection: &Connection, from: u64, limit: u32) -> Result<Vec<Vec<u8>>, StoreError> {
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached("SELECT octets FROM event WHERE number >= ?1 ORDER BY number LIMIT ?2")?;
    let rows = statement.query_map(params![from, limit], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn history(connection: &Connection, pledge: SpkiDigest, limit: u32) -> Result<Vec<(u64, Event)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT number, octets FROM event WHERE spki = ?1 ORDER BY number DESC LIMIT ?2")?;
    let rows = statement.query_map(params![pledge.0, limit], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
    let mut history: Vec<_> = rows
        .map(|row| {
            let (number, octets) = row?;
            let number = u64::try_from(number).map_err(|err| damaged("the number of an event", err))?;
            Ok((number, serde_json::from_slice(&octets).map_err(|err| damaged(&format!("event {number}"), err))?))
        })
        .collect::<Result<_, StoreError>>()?;
    history.reverse();
    Ok(history)
}

/// A number as the store's own kind of integer.
pub(super) fn row(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|err| StoreError::Unavailable(err.into()))
}

pub(super) fn unwritable(err: serde_json::Error) -> StoreError {
    StoreError::Unavailable(err.into())
}

pub(super) fn damaged(what: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Damaged { what: format!("{what} cannot be read"), source: Some(source.into()) }
}
