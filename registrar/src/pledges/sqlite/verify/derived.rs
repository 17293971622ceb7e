//! What follows from the events: files, admissions, revocations. Folded again for one pledge after the other.

use std::collections::{BTreeMap, BTreeSet};

use brski_common::SpkiDigest;
use rusqlite::{Connection, OptionalExtension as _};

use super::{Damage, VerifyTrailError};
use crate::pledges::StoreError;
use crate::pledges::sqlite::files::{self, Revoked};
use crate::pledges::sqlite::row;
use crate::trail::{Event, PledgeFile, RequestDigest, What};

/// Compares, and says how many pledges have a file.
pub(super) fn compare(connection: &Connection) -> Result<u64, VerifyTrailError> {
    let mut revoked = BTreeMap::new();
    let mut pledges = 0;
    let all = "SELECT spki FROM event WHERE spki IS NOT NULL UNION SELECT spki FROM file UNION SELECT spki FROM admission ORDER BY 1";
    let mut statement = connection.prepare(all)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key = SpkiDigest(row.get(0)?);
        let folded = Folded::of(connection, key, &mut revoked)?;
        if files::one(connection, key).map_err(|_| Damage::File { key })? != folded.file || !files::is_found_by(connection, key, folded.file.as_ref())? {
            return Err(Damage::File { key }.into());
        }
        admission(connection, key, &folded)?;
        ldevids(connection, key, &folded)?;
        pledges += u64::from(folded.file.is_some());
    }
    revocations(connection, revoked)?;
    Ok(pledges)
}

/// What the events of one pledge amount to.
#[derive(Default)]
struct Folded {
    file: Option<PledgeFile>,
    /// Request and digest of the admission that stands.
    admitted: Option<(RequestDigest, Option<SpkiDigest>)>,
    /// Whether that may have ended with the LDevIDs on it.
    may_have_ended: bool,
    /// The keys of the LDevIDs that it got.
    keys: BTreeSet<[u8; 32]>,
}

impl Folded {
    fn of(connection: &Connection, key: SpkiDigest, revoked: &mut BTreeMap<String, Revoked>) -> Result<Self, VerifyTrailError> {
        let mut folded = Self::default();
        let mut statement = connection.prepare_cached("SELECT octets FROM event WHERE spki = ?1 ORDER BY number")?;
        let mut rows = statement.query([key.0])?;
        while let Some(row) = rows.next()? {
            // It was read before.
            let event: Event = serde_json::from_slice(&row.get::<_, Vec<u8>>(0)?).map_err(|err| StoreError::Unavailable(err.into()))?;
            let Some(file) = PledgeFile::after(folded.file.take(), &event) else { continue };
            match &event.what {
                What::Admitted { request, admission, .. } => (folded.admitted, folded.may_have_ended) = (Some((*request, *admission)), false),
                What::Refused { withdrawn: true, .. } => folded.admitted = None,
                // With its last LDevID that could be used goes the admission, if whoever revoked it says so to the store.
                What::Revoked { .. } if file.certificates.iter().all(|filed| filed.revoked.is_some() || filed.certificate.not_after < event.at) => {
                    folded.may_have_ended = true;
                }
                What::Issued { certificate, .. } => {
                    folded.keys.insert(certificate.key.0);
                }
                _ => {}
            }
            if let Some(row) = Revoked::by(&event, &file)? {
                revoked.entry(row.certificate.clone()).or_insert(row);
            }
            folded.file = Some(file);
        }
        Ok(folded)
    }
}

/// Whether the admission that stands is the one that the trail tells of.
fn admission(connection: &Connection, key: SpkiDigest, folded: &Folded) -> Result<(), VerifyTrailError> {
    let find = "SELECT request_sha256 FROM admission WHERE spki = ?1 AND withdrawn = 0";
    let found: Option<[u8; 32]> = connection.prepare_cached(find)?.query_row([key.0], |row| row.get(0)).optional()?;
    if found.is_none() && folded.may_have_ended {
        return Ok(());
    }
    let as_told = match folded.admitted {
        // A row that cannot be read any more is not the one that was written.
        Some((_, Some(digest))) => row::find(connection, key).is_ok_and(|found| found.is_some_and(|admission| admission.digest() == Some(digest))),
        Some((_, None)) | None => true,
    };
    if found.map(SpkiDigest) == folded.admitted.map(|(request, _)| request) && as_told {
        return Ok(());
    }
    match &folded.file {
        Some(file) => Err(Damage::Admission { serial: file.pledge.serial.clone(), key }.into()),
        None => Err(Damage::File { key }.into()),
    }
}

/// Whether each LDevID's key stands for the pledge that it was issued to. A key without an LDevID is none the worse: it comes first, and the CA may not have issued.
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

fn revocations(connection: &Connection, mut expected: BTreeMap<String, Revoked>) -> Result<(), VerifyTrailError> {
    let mut statement = connection.prepare("SELECT certificate, revoked_at, reason, not_after FROM revoked ORDER BY certificate")?;
    let rows = statement.query_map([], |row| Ok(Revoked { certificate: row.get(0)?, at: row.get(1)?, reason: row.get(2)?, not_after: row.get(3)? }))?;
    for row in rows {
        let row = row?;
        if expected.remove(&row.certificate).as_ref() != Some(&row) {
            return Err(Damage::Revoked { certificate: row.certificate }.into());
        }
    }
    match expected.into_keys().next() {
        Some(certificate) => Err(Damage::Revoked { certificate }.into()),
        None => Ok(()),
    }
}
