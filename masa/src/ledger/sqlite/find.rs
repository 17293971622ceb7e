//! What is looked up in the file: devices by name, keys by digest, and a device's entries.

use brski_common::{DeviceId, KeyIdentifier, SerialNumber, SpkiDigest};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _};

use super::{file, unavailable};
use crate::history::{History, Marks};
use crate::ledger::{Entry, LedgerError};

/// By which entry the device was made.
pub(super) fn made(connection: &Connection, device: &DeviceId) -> rusqlite::Result<Option<u64>> {
    let mut find = connection.prepare_cached("SELECT made FROM device WHERE serial = ?1 AND issuer = ?2")?;
    let made: Option<i64> = find.query_row((device.serial.as_str(), device.issuer.as_bytes()), |row| row.get(0)).optional()?;
    let negative = |made: i64| rusqlite::Error::ToSqlConversionFailure(format!("the file contradicts itself: it numbers an entry {made}").into());
    made.map(|made| u64::try_from(made).map_err(|_| negative(made))).transpose()
}

/// Every device with this serial number.
pub(super) fn devices(connection: &Connection, serial: &SerialNumber) -> Result<Vec<DeviceId>, LedgerError> {
    let find = || {
        let mut find = connection.prepare_cached("SELECT issuer FROM device WHERE serial = ?1 ORDER BY issuer")?;
        let issuer = |octets| KeyIdentifier::new(octets).map_err(|err| rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, err.into()));
        find.query_map([serial.as_str()], |row| issuer(row.get::<_, Vec<u8>>(0)?))?.collect::<rusqlite::Result<Vec<_>>>()
    };
    let device = |issuer| DeviceId { issuer, serial: serial.clone() };
    Ok(find().map_err(unavailable)?.into_iter().map(device).collect())
}

/// Which device has this key.
pub(super) fn holder(connection: &Connection, key: &SpkiDigest) -> Result<Option<DeviceId>, LedgerError> {
    let alike = || {
        let mut find = connection.prepare_cached("SELECT made FROM key WHERE beginning = ?1")?;
        find.query_map([beginning(key)], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()
    };
    for made in alike().map_err(unavailable)? {
        if let (_, Entry::Made(made)) = entry(connection, made)?
            && made.idevid.spki_digest() == *key
        {
            return Ok(Some(made.idevid.device().clone()));
        }
    }
    Ok(None)
}

/// Whether an entry of this kind has this value already, for the device that the entry `made` makes.
pub(super) fn is_taken(connection: &Connection, made: u64, kind: &str, value: &[u8]) -> rusqlite::Result<bool> {
    let find = "SELECT EXISTS (SELECT 1 FROM entry INDEXED BY entry_once WHERE device = ?1 AND kind = ?2 AND once = ?3 AND device < leaf_index - 1)
        OR EXISTS (SELECT 1 FROM entry WHERE leaf_index = ?1 + 1 AND device = ?1 AND kind = ?2 AND once = ?3)";
    connection.prepare_cached(find)?.query_row((file::row(made)?, kind, value), |row| row.get(0))
}

/// As what a key is listed: the first octets of its digest.
pub(super) fn beginning(key: &SpkiDigest) -> i64 {
    key.0.first_chunk().map_or(0, |octets| i64::from_be_bytes(*octets))
}

/// Everything of one device. `marks` are those of many devices.
pub(super) fn history(connection: &Connection, marks: &Marks, device: &DeviceId) -> Result<Option<History>, LedgerError> {
    let Some(made) = made(connection, device).map_err(unavailable)? else { return Ok(None) };
    let (rows, serial_is_shared) = rows(connection, made, device).map_err(unavailable)?;
    let entries: Vec<(u64, Entry)> = rows.into_iter().map(read).collect::<Result<_, LedgerError>>()?;
    Ok(History::build_under(entries, marks, serial_is_shared))
}

/// At most so many entries from this index on, without the genesis.
pub(super) fn entries(connection: &Connection, from: u64, most: usize) -> Result<Vec<(u64, Entry)>, LedgerError> {
    let rows = || {
        let mut find = connection.prepare_cached("SELECT leaf_index, kind, octets FROM entry WHERE leaf_index >= ?1 ORDER BY leaf_index LIMIT ?2")?;
        let limits = (i64::try_from(from.max(1)).unwrap_or(i64::MAX), i64::try_from(most).unwrap_or(i64::MAX));
        find.query_map(limits, row)?.collect::<rusqlite::Result<Vec<Row>>>()
    };
    rows().map_err(unavailable)?.into_iter().map(read).collect()
}

/// What the entries say that speak of many devices, or of the ledger itself, as far as they were read. Every history wants it.
#[derive(Default)]
pub(super) struct OfNoDevice {
    marks: Marks,
    last: u64,
}

impl OfNoDevice {
    /// All of it, with what was appended since.
    pub(super) fn all(&mut self, connection: &Connection) -> Result<&Marks, LedgerError> {
        let rows = || {
            let find = "SELECT leaf_index, kind, octets FROM entry INDEXED BY entry_of_no_device WHERE device IS NULL AND leaf_index > ?1 ORDER BY leaf_index";
            connection.prepare_cached(find)?.query_map([file::row(self.last)?], row)?.collect::<rusqlite::Result<Vec<Row>>>()
        };
        for found in rows().map_err(unavailable)? {
            let (index, entry) = read(found)?;
            self.marks.add(&entry);
            self.last = index;
        }
        Ok(&self.marks)
    }
}

/// The entry with this index.
fn entry(connection: &Connection, index: i64) -> Result<(u64, Entry), LedgerError> {
    let find = connection.prepare_cached("SELECT leaf_index, kind, octets FROM entry WHERE leaf_index = ?1");
    read(find.and_then(|mut find| find.query_row([index], row)).map_err(unavailable)?)
}

fn read((index, kind, octets): Row) -> Result<(u64, Entry), LedgerError> {
    let index = file::index(index)?;
    let entry = Entry::from_octets(&kind, &octets).map_err(|source| LedgerError::Corrupt { index, source })?;
    Ok((index, entry))
}

/// Leaf index, kind and octets.
type Row = (i64, String, Vec<u8>);

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

/// A device's entries, and whether its serial number is also that of another.
fn rows(connection: &Connection, made: u64, device: &DeviceId) -> rusqlite::Result<(Vec<Row>, bool)> {
    let made = file::row(made)?;
    let mut first = connection.prepare_cached("SELECT leaf_index, kind, octets FROM entry WHERE leaf_index BETWEEN ?1 AND ?1 + 1 AND +device = ?1")?;
    let mut rows: Vec<Row> = first.query_map([made], row)?.collect::<rusqlite::Result<_>>()?;
    let later = "SELECT leaf_index, kind, octets FROM entry INDEXED BY entry_by_device WHERE device = ?1 AND device < leaf_index - 1 ORDER BY leaf_index";
    for found in connection.prepare_cached(later)?.query_map([made], row)? {
        rows.push(found?);
    }
    let others = "SELECT EXISTS (SELECT 1 FROM device WHERE serial = ?1 AND issuer <> ?2)";
    let shared = connection.prepare_cached(others)?.query_row((device.serial.as_str(), device.issuer.as_bytes()), |row| row.get(0))?;
    Ok((rows, shared))
}
