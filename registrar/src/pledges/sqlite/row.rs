//! An admission as a row, and back.

use brski_common::time::at;
use brski_common::{Certificate, Format, IDevIdCert, Signed, SpkiDigest};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::pledges::StoreError;
use crate::relay::{Admission, Ground};

pub(super) fn insert(connection: &Connection, admission: &Admission) -> Result<(), StoreError> {
    let ground = serde_json::to_string(admission.ground()).map_err(|err| StoreError::Unavailable(err.into()))?;
    let admitted_at = i64::try_from(admission.admitted_at().as_secs()).map_err(|err| StoreError::Unavailable(err.into()))?;
    let issuers: String = admission.issuers().iter().map(Certificate::to_pem).collect();
    // An update in place: LDevID keys refer to the row.
    let mut statement = connection.prepare_cached(
        "INSERT INTO admission (spki, serial_number, idevid, issuers, request_sha256, voucher_type, voucher, ground, admitted_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (spki) DO UPDATE SET serial_number = excluded.serial_number, idevid = excluded.idevid, issuers = excluded.issuers,
             request_sha256 = excluded.request_sha256, voucher_type = excluded.voucher_type, voucher = excluded.voucher, ground = excluded.ground,
             admitted_at = excluded.admitted_at, withdrawn = 0",
    )?;
    statement.execute(params![
        admission.spki_digest().0,
        admission.device().serial.as_str(),
        admission.idevid().certificate().der(),
        issuers,
        admission.request_digest(),
        admission.voucher().format().voucher_media_type(),
        admission.voucher().wire(),
        ground,
        admitted_at,
    ])?;
    Ok(())
}

pub(super) fn find(connection: &Connection, key: SpkiDigest) -> Result<Option<Admission>, StoreError> {
    // A key that was admitted itself comes before one that was bound to an admission.
    let mut statement = connection.prepare_cached(
        "SELECT idevid, issuers, request_sha256, voucher_type, voucher, ground, admitted_at FROM admission
         WHERE withdrawn = 0 AND (spki = ?1 OR spki = (SELECT admitted FROM ldevid WHERE spki = ?1))
         ORDER BY spki = ?1 DESC LIMIT 1",
    )?;
    statement.query_row([key.0], Row::read).optional()?.map(|row| row.into_admission(key)).transpose()
}

/// The admission of this IDevID key, also if it has ended.
pub(super) fn kept(connection: &Connection, key: SpkiDigest) -> Result<Option<Admission>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT idevid, issuers, request_sha256, voucher_type, voucher, ground, admitted_at FROM admission WHERE spki = ?1")?;
    statement.query_row([key.0], Row::read).optional()?.map(|row| row.into_admission(key)).transpose()
}

struct Row {
    idevid: Vec<u8>,
    issuers: String,
    request: [u8; 32],
    voucher_type: String,
    voucher: Vec<u8>,
    ground: String,
    admitted_at: i64,
}

impl Row {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            idevid: row.get(0)?,
            issuers: row.get(1)?,
            request: row.get(2)?,
            voucher_type: row.get(3)?,
            voucher: row.get(4)?,
            ground: row.get(5)?,
            admitted_at: row.get(6)?,
        })
    }

    fn into_admission(self, key: SpkiDigest) -> Result<Admission, StoreError> {
        let damaged = |column: &str, source: Option<Box<dyn std::error::Error + Send + Sync>>| StoreError::Damaged {
            what: format!("{column} of the admission under key {key} cannot be read"),
            source,
        };
        let ground: Ground = serde_json::from_str(&self.ground).map_err(|err| damaged("ground", Some(err.into())))?;
        let source = ground.facts.as_ref().map(|facts| facts.serial_source).unwrap_or_default();
        let idevid = Certificate::from_der(&self.idevid).and_then(|idevid| IDevIdCert::with_serial_from(idevid, source));
        let idevid = idevid.map_err(|err| damaged("idevid", Some(err.into())))?;
        let issuers = match self.issuers.is_empty() {
            true => Vec::new(),
            false => Certificate::all_from_pem(&self.issuers).map_err(|err| damaged("issuers", Some(err.into())))?,
        };
        let format = Format::from_voucher_media_type(&self.voucher_type).ok_or_else(|| damaged("voucher_type", None))?;
        let admitted_at = u64::try_from(self.admitted_at).map_err(|err| damaged("admitted_at", Some(err.into())))?;
        Ok(Admission::assertion(idevid, issuers, self.request, Signed::from_wire(format, self.voucher), ground, at(admitted_at)))
    }
}
