//! What follows from the trail, as rows: the files of pledges, and the LDevIDs that were revoked.

use brski_common::time::at;
use brski_common::{SpkiDigest, UnixTime};
use rusqlite::types::Value;
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, OptionalExtension as _, params, params_from_iter};

use super::trail::{damaged, row, unwritable};
use crate::pledges::{Mark, Query, Revocation, StoreError};
use crate::trail::{CertificateId, Event, PledgeFile, What};

/// Brings the file of the pledge that an event is about up to date, and the list of those that were revoked.
pub(super) fn take(connection: &Connection, event: &Event) -> Result<(), StoreError> {
    let Some(pledge) = &event.pledge else { return Ok(()) };
    let Some(file) = PledgeFile::after(one(connection, pledge.key)?, event) else { return Ok(()) };
    if let Some(revoked) = Revoked::by(event, &file)? {
        revoke(connection, revoked)?;
    }
    put(connection, &file)
}

/// Puts one on the list of those that were revoked, unless it is there already.
pub(super) fn revoke(connection: &Connection, revoked: Revoked) -> Result<(), StoreError> {
    let insert = "INSERT INTO revoked (certificate, issuer, revoked_at, reason, not_after) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
    let Revoked { certificate, at, reason, not_after } = revoked;
    connection.prepare_cached(insert)?.execute(params![certificate.serial, issuer(&certificate), at, reason, not_after])?;
    Ok(())
}

/// Writes a pledge's file, whatever was there before.
pub(super) fn put(connection: &Connection, file: &PledgeFile) -> Result<(), StoreError> {
    connection.prepare_cached("INSERT OR REPLACE INTO file (spki, serial, state, last_seen, json) VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
        file.pledge.key.0,
        file.pledge.serial.as_str(),
        file.state.name(),
        row(file.last_seen.as_secs())?,
        serde_json::to_string(file).map_err(unwritable)?
    ])?;
    Ok(())
}

/// A row of the list of those that were revoked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Revoked {
    pub(super) certificate: CertificateId,
    pub(super) at: i64,
    pub(super) reason: String,
    pub(super) not_after: i64,
}

impl Revoked {
    /// The row that an event makes; `file` is its pledge's with it.
    pub(super) fn by(event: &Event, file: &PledgeFile) -> Result<Option<Self>, StoreError> {
        let (What::Revoked { reason, by, .. }, Some(certificate)) = (&event.what, event.what.revoked()) else { return Ok(None) };
        // One that its file has forgotten stays on the list for good.
        let not_after = file.last_second_of(&certificate).map_or(Ok(i64::MAX), |last| row(last.as_secs()))?;
        Ok(Some(Self { certificate, at: row(by.at.as_secs())?, reason: word(reason)?, not_after }))
    }

    /// One that was read.
    pub(super) fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let issuer: Vec<u8> = row.get("issuer")?;
        // Of any other length it names nobody, and would not be found as what it says either.
        let issuer = match issuer.len() {
            0 => None,
            blob_size => {
                let odd = FromSqlError::InvalidBlobSize { expected_size: 32, blob_size };
                Some(SpkiDigest(issuer.try_into().map_err(|_| rusqlite::Error::FromSqlConversionFailure(1, Type::Blob, Box::new(odd)))?))
            }
        };
        let certificate = CertificateId { serial: row.get("certificate")?, issuer };
        Ok(Self { certificate, at: row.get("revoked_at")?, reason: row.get("reason")?, not_after: row.get("not_after")? })
    }
}

/// The issuer as its row has it.
fn issuer(certificate: &CertificateId) -> Vec<u8> {
    certificate.issuer.map_or_else(Vec::new, |SpkiDigest(octets)| octets.to_vec())
}

pub(super) fn one(connection: &Connection, pledge: SpkiDigest) -> Result<Option<PledgeFile>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT json FROM file WHERE spki = ?1")?;
    let json: Option<String> = statement.query_row([pledge.0], |row| row.get(0)).optional()?;
    json.as_deref().map(readable).transpose()
}

/// Whether the columns by which a file is found say what it says.
pub(super) fn is_found_by(connection: &Connection, pledge: SpkiDigest, file: Option<&PledgeFile>) -> Result<bool, StoreError> {
    let Some(file) = file else { return Ok(true) };
    let same = "SELECT 1 FROM file WHERE spki = ?1 AND serial = ?2 AND state = ?3 AND last_seen = ?4";
    let expected = params![pledge.0, file.pledge.serial.as_str(), file.state.name(), row(file.last_seen.as_secs())?];
    Ok(connection.prepare_cached(same)?.exists(expected)?)
}

pub(super) fn all(connection: &Connection, query: &Query) -> Result<Vec<PledgeFile>, StoreError> {
    let (mut sql, mut values) = ("SELECT json FROM file WHERE 1".to_owned(), Vec::new());
    if let Some(state) = query.state {
        sql.push_str(" AND state = ?");
        values.push(Value::from(state.name().to_owned()));
    }
    if let Some(serial) = &query.serial {
        sql.push_str(" AND serial = ?");
        values.push(Value::from(serial.clone()));
    }
    if let Some(key) = &query.key {
        let Some((first, last)) = between(key) else { return Ok(Vec::new()) };
        sql.push_str(" AND spki BETWEEN ? AND ?");
        values.extend([Value::from(first), Value::from(last)]);
    }
    if let Some(Mark { last_seen, key }) = query.before {
        let last_seen = row(last_seen.as_secs())?;
        sql.push_str(" AND last_seen <= ? AND (last_seen < ? OR spki > ?)");
        // No key is greater than one octet more than it has.
        values.extend([Value::from(last_seen), Value::from(last_seen), Value::from(key.map_or(vec![0xff; 33], |key| key.0.to_vec()))]);
    }
    sql.push_str(&format!(" ORDER BY last_seen DESC, spki LIMIT {}", query.most()));
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| row.get::<_, String>(0))?;
    rows.map(|json| readable(&json?)).collect()
}

/// The first and the last digest that begins with these hexadecimal digits; none if they are none.
fn between(digits: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let filled =
        |filler: &str| String::try_into(digits.to_owned() + &filler.repeat(64_usize.checked_sub(digits.len())?)).ok().map(|SpkiDigest(octets)| octets.to_vec());
    Some((filled("0")?, filled("f")?))
}

pub(super) fn is_revoked(connection: &Connection, certificate: &CertificateId) -> Result<bool, StoreError> {
    // As CertificateId::may_be has it.
    let may_be = "SELECT 1 FROM revoked WHERE certificate = ?1 AND (issuer IN (?2, x'') OR ?2 = x'')";
    Ok(connection.prepare_cached(may_be)?.exists(params![certificate.serial, issuer(certificate)])?)
}

pub(super) fn revocations(connection: &Connection, now: UnixTime) -> Result<Vec<Revocation>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM revoked WHERE not_after >= ?1 ORDER BY certificate, issuer")?;
    let rows = statement.query_map([row(now.as_secs())?], Revoked::from_row)?;
    rows.map(|row| {
        let Revoked { certificate, at: revoked_at, reason, .. } = row?;
        let reason = serde_json::from_value(serde_json::Value::String(reason)).map_err(|err| damaged("a reason of revocation", err))?;
        let revoked_at = u64::try_from(revoked_at).map_err(|err| damaged("the time of a revocation", err))?;
        Ok(Revocation { certificate, at: at(revoked_at), reason })
    })
    .collect()
}

/// How serde names a reason.
fn word(value: &impl serde::Serialize) -> Result<String, StoreError> {
    match serde_json::to_value(value).map_err(unwritable)? {
        serde_json::Value::String(word) => Ok(word),
        other => Ok(other.to_string()),
    }
}

fn readable(json: &str) -> Result<PledgeFile, StoreError> {
    serde_json::from_str(json).map_err(|err| damaged("a pledge's file", err))
}
