//! The lists of devices and keys, compared with the entries that they follow from.

use std::hash::{BuildHasher as _, RandomState};

use brski_common::{DeviceId, SpkiDigest};
use rusqlite::{Connection, OptionalExtension as _};

use super::damage::{Changed, Damage, VerifyLedgerError};
use super::{file, find, unavailable};
use crate::ledger::entry::MADE;
use crate::ledger::{Entry, LedgerError};

/// Sums over what the lists have to have. Both are as long as the ledger has devices, so that they are not looked into for each: sums of keyed hashes are equal for equal lists,
/// and for others with a chance of one in 2^128, since nobody knows the keys.
pub(super) struct Lists {
    keyed: [RandomState; 2],
    devices: u128,
    keys: u128,
}

impl Lists {
    pub(super) fn new() -> Self {
        Self { keyed: [RandomState::new(), RandomState::new()], devices: 0, keys: 0 }
    }

    /// Notes a device that the entry `made` makes.
    pub(super) fn expect(&mut self, device: &DeviceId, key: &SpkiDigest, made: u64) {
        self.devices = self.devices.wrapping_add(self.hash((device.serial.as_str(), device.issuer.as_bytes(), made.cast_signed())));
        self.keys = self.keys.wrapping_add(self.hash((find::beginning(key), made.cast_signed())));
    }

    fn hash(&self, listed: impl core::hash::Hash) -> u128 {
        let [high, low] = &self.keyed;
        u128::from(high.hash_one(&listed)) << 64 | u128::from(low.hash_one(&listed))
    }

    /// Whether every device that was made is listed, and no other: with one more, entries could be hidden, or a key be taken; with one less, a device could be made twice.
    ///
    /// # Errors
    /// The first [`Damage`].
    pub(super) fn check(&self, connection: &Connection) -> Result<(), VerifyLedgerError> {
        if self.listed(connection).map_err(unavailable)? != (self.devices, self.keys) {
            Self::name_difference(connection)?;
        }
        check_keys_differ(connection)
    }

    fn listed(&self, connection: &Connection) -> rusqlite::Result<(u128, u128)> {
        let (mut devices, mut keys) = (0_u128, 0_u128);
        let mut find = connection.prepare("SELECT serial, issuer, made FROM device")?;
        let mut rows = find.query(())?;
        while let Some(row) = rows.next()? {
            let (serial, issuer, made) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_blob()?, row.get::<_, i64>(2)?);
            devices = devices.wrapping_add(self.hash((serial, issuer, made)));
        }
        let mut find = connection.prepare("SELECT beginning, made FROM key")?;
        let mut rows = find.query(())?;
        while let Some(row) = rows.next()? {
            keys = keys.wrapping_add(self.hash((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
        }
        Ok((devices, keys))
    }

    /// Looks for what makes the difference, device by device.
    fn name_difference(connection: &Connection) -> Result<(), VerifyLedgerError> {
        let mut entries = connection.prepare("SELECT leaf_index FROM entry WHERE kind = 'made' ORDER BY leaf_index").map_err(unavailable)?;
        for index in entries.query_map((), |row| row.get(0)).map_err(unavailable)? {
            let index: i64 = index.map_err(unavailable)?;
            let Some((device, key)) = made(connection, index)? else { continue };
            let changed = |what| Damage::Entry { index: index.cast_unsigned(), kind: MADE.to_owned(), what };
            match find::made(connection, &device).map_err(unavailable)? {
                Some(listed) if listed.cast_signed() == index => {}
                Some(_) => return Err(changed(Changed::Order).into()),
                None => return Err(changed(Changed::Filing).into()),
            }
            if !is_listed(connection, &key, index).map_err(unavailable)? {
                return Err(changed(Changed::Key).into());
            }
        }
        let mut devices = connection.prepare("SELECT serial, issuer, made FROM device ORDER BY made").map_err(unavailable)?;
        let mut rows = devices.query(()).map_err(unavailable)?;
        while let Some(row) = rows.next().map_err(unavailable)? {
            let read = || Ok((row.get::<_, String>(0)?, row.get_ref(1)?.as_blob()?, row.get::<_, i64>(2)?));
            let (serial, issuer, listed) = read().map_err(|err: rusqlite::Error| unavailable(err))?;
            let is_made = made(connection, listed)?.is_some_and(|(device, _)| device.serial.as_str() == serial && device.issuer.as_bytes() == issuer);
            if !is_made {
                return Err(Damage::Device { entry: listed, serial }.into());
            }
        }
        let mut keys = connection.prepare("SELECT beginning, made FROM key ORDER BY made").map_err(unavailable)?;
        for row in keys.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).map_err(unavailable)? {
            let (beginning, listed): (i64, i64) = row.map_err(unavailable)?;
            if made(connection, listed)?.is_none_or(|(_, key)| find::beginning(&key) != beginning) {
                return Err(Damage::Key { entry: listed }.into());
            }
        }
        Ok(())
    }
}

/// Which device the entry makes, with which key; `None` if it makes none.
fn made(connection: &Connection, index: i64) -> Result<Option<(DeviceId, SpkiDigest)>, LedgerError> {
    let find = "SELECT octets FROM entry WHERE leaf_index = ?1 AND kind = 'made'";
    let octets =
        connection.prepare_cached(find).and_then(|mut find| find.query_row([index], |row| row.get::<_, Vec<u8>>(0)).optional()).map_err(unavailable)?;
    let entry = octets.map(|octets| Entry::from_octets(MADE, &octets)).transpose();
    match entry.map_err(|source| file::index(index).map_or_else(|err| err, |index| LedgerError::Corrupt { index, source }))? {
        Some(Entry::Made(made)) => Ok(Some((made.idevid.device().clone(), made.idevid.spki_digest()))),
        Some(_) | None => Ok(None),
    }
}

fn is_listed(connection: &Connection, key: &SpkiDigest, made: i64) -> rusqlite::Result<bool> {
    let find = "SELECT EXISTS (SELECT 1 FROM key WHERE beginning = ?1 AND made = ?2)";
    connection.prepare_cached(find)?.query_row((find::beginning(key), made), |row| row.get(0))
}

/// Whether no two devices have one key. Two keys may well begin alike.
fn check_keys_differ(connection: &Connection) -> Result<(), VerifyLedgerError> {
    let mut alike = connection.prepare("SELECT beginning FROM key GROUP BY beginning HAVING count(*) > 1").map_err(unavailable)?;
    for beginning in alike.query_map((), |row| row.get(0)).map_err(unavailable)? {
        let beginning: i64 = beginning.map_err(unavailable)?;
        let mut find = connection.prepare("SELECT made FROM key WHERE beginning = ?1 ORDER BY made").map_err(unavailable)?;
        let mut met = Vec::new();
        for index in find.query_map([beginning], |row| row.get(0)).map_err(unavailable)? {
            let index: i64 = index.map_err(unavailable)?;
            let Some((_, key)) = made(connection, index)? else { continue };
            if met.contains(&key) {
                return Err(Damage::Entry { index: index.cast_unsigned(), kind: MADE.to_owned(), what: Changed::KeyTwice }.into());
            }
            met.push(key);
        }
    }
    Ok(())
}
