//! What follows from the events: files, admissions, revocations. Folded again for one pledge after the other.

use brski_common::SpkiDigest;
use brski_common::text::{LONGEST_WORDS, printable};
use rusqlite::{Connection, OptionalExtension as _};

use super::{Damage, VerifyTrailError};
use crate::pledges::sqlite::files::{self, Revoked};
use crate::pledges::sqlite::fold::{Folded, Revocations};
use crate::pledges::sqlite::row;

/// Compares, and says how many pledges have a file. What a `former` version did not write down is not missed: the upgrade adds it, and makes what follows from the events anew.
pub(super) fn compare(connection: &Connection, former: bool) -> Result<u64, VerifyTrailError> {
    let mut revoked = Revocations::default();
    let (mut pledges, mut bound) = (0, 0);
    let all = "SELECT spki FROM event WHERE spki IS NOT NULL UNION SELECT spki FROM file UNION SELECT spki FROM admission ORDER BY 1";
    let mut statement = connection.prepare(all)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key = digest(row.get(0)?)?;
        let folded = Folded::of(connection, key, &mut revoked)?;
        admission(connection, key, &folded, former)?;
        let as_ever = !former || !folded.has_names_in_two_ways();
        if as_ever
            && (files::one(connection, key).map_err(|_| Damage::File { key })? != folded.file || !files::is_found_by(connection, key, folded.file.as_ref())?)
        {
            return Err(Damage::File { key }.into());
        }
        ldevids(connection, key, &folded)?;
        pledges += u64::from(folded.file.is_some());
        bound += folded.keys.len() as u64;
    }
    match former {
        true => ldevids_without_a_pledge(connection)?,
        false => nobody_s_ldevids(connection, bound)?,
    }
    revocations(connection, revoked, former)?;
    Ok(pledges)
}

/// Whether the admission is the one that the trail tells of, and stands or has ended as it tells.
fn admission(connection: &Connection, key: SpkiDigest, folded: &Folded, former: bool) -> Result<(), VerifyTrailError> {
    let mut find = connection.prepare_cached("SELECT request_sha256, serial_number, withdrawn FROM admission WHERE spki = ?1")?;
    let found: Option<(Vec<u8>, String, i64)> = find.query_row([key.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    let as_told = match (&found, &folded.admitted) {
        (None, None) => true,
        (Some((_, _, 1)), None) if former => row::kept(connection, key).is_ok_and(|kept| kept.is_some()),
        (None, Some(_)) | (Some(_), None) => false,
        (Some((request, serial, withdrawn)), Some(told)) => {
            // A row that cannot be read any more is not the one that was written.
            let whole = row::kept(connection, key).ok().flatten();
            let whole = whole.filter(|kept| kept.device().serial.as_str() == serial && (told.digest.is_none() || kept.digest() == told.digest));
            let unsaid = former && *withdrawn == 1 && folded.may_have_ended_unsaid();
            whole.is_some() && *request == told.request.0.as_slice() && (*withdrawn == i64::from(told.withdrawn) || unsaid)
        }
    };
    if as_told {
        return Ok(());
    }
    let told = folded.file.as_ref().map(|file| file.pledge.serial.to_string());
    let serial = told.or(found.map(|(_, serial, _)| printable(&serial, LONGEST_WORDS))).unwrap_or_default();
    Err(Damage::Admission { serial, key }.into())
}

/// Whether each key that was taken for an LDevID of this pledge stands for it.
fn ldevids(connection: &Connection, key: SpkiDigest, folded: &Folded) -> Result<(), VerifyTrailError> {
    let Some(file) = &folded.file else { return Ok(()) };
    let mut bound = connection.prepare_cached("SELECT 1 FROM ldevid WHERE spki = ?1 AND admitted = ?2")?;
    for ldevid in &folded.keys {
        if !bound.exists([ldevid, &key.0])? {
            return Err(Damage::LDevId { key: SpkiDigest(*ldevid), serial: file.pledge.serial.clone() }.into());
        }
    }
    Ok(())
}

/// Whether there are no more keys of LDevIDs than the `bound` ones, which are all there.
fn nobody_s_ldevids(connection: &Connection, bound: u64) -> Result<(), VerifyTrailError> {
    let count: i64 = connection.query_row("SELECT count(*) FROM ldevid", [], |row| row.get(0))?;
    if u64::try_from(count).is_ok_and(|count| count == bound) {
        return Ok(());
    }
    // Only now is it worth while to look for the first that is one too many.
    let mut statement = connection.prepare("SELECT spki, admitted FROM ldevid ORDER BY spki")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (key, pledge) = (digest(row.get(0)?)?, digest(row.get(1)?)?);
        if !Folded::of(connection, pledge, &mut Revocations::default())?.keys.contains(&key.0) {
            return Err(Damage::NobodysLDevId { key, pledge }.into());
        }
    }
    Ok(())
}

/// Whether each key of an LDevID stands for a pledge that was admitted at least, where nothing tells which keys were taken.
fn ldevids_without_a_pledge(connection: &Connection) -> Result<(), VerifyTrailError> {
    let stray = "SELECT spki, admitted FROM ldevid WHERE admitted NOT IN (SELECT spki FROM admission) ORDER BY spki LIMIT 1";
    let stray: Option<(Vec<u8>, Vec<u8>)> = connection.query_row(stray, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    match stray {
        Some((key, pledge)) => Err(Damage::NobodysLDevId { key: digest(key)?, pledge: digest(pledge)? }.into()),
        None => Ok(()),
    }
}

/// A key as a row has it.
fn digest(octets: Vec<u8>) -> Result<SpkiDigest, Damage> {
    let in_hex = |octets: Vec<u8>| octets.iter().take(32).map(|octet| format!("{octet:02x}")).collect();
    octets.try_into().map(SpkiDigest).map_err(|octets| Damage::NoDigest { key: in_hex(octets) })
}

fn revocations(connection: &Connection, mut expected: Revocations, former: bool) -> Result<(), VerifyTrailError> {
    let mut statement = connection.prepare("SELECT * FROM revoked ORDER BY certificate, issuer")?;
    let rows = statement.query_map([], Revoked::from_row)?;
    for row in rows {
        let mut row = row?;
        let told = expected.remove(&row.certificate);
        if let (true, Some(told)) = (former, &told) {
            // Of two LDevIDs with one number it took the first, and not that which lives longest.
            row.not_after = told.not_after;
        }
        if told.as_ref() != Some(&row) {
            return Err(Damage::Revoked { certificate: row.certificate.serial }.into());
        }
    }
    match expected.into_rows().next() {
        Some(missing) => Err(Damage::Revoked { certificate: missing.certificate.serial }.into()),
        None => Ok(()),
    }
}
