//! Files of version 1, which had admissions and no trail, and of version 2, which knew those that were revoked by their serial numbers alone.

use brski_common::SpkiDigest;
use rusqlite::Connection;

use super::{row, trail};
use crate::pledges::StoreError;
use crate::trail::{Event, What};

/// Begins the trail with one event for each admission, in the order in which they were made, whether it ended, and the keys of its LDevIDs: all that is in the tables.
pub(super) fn begin_trail(connection: &Connection) -> Result<(), StoreError> {
    let mut statement = connection.prepare("SELECT spki, withdrawn FROM admission ORDER BY admitted_at, spki")?;
    let rows: Vec<([u8; 32], bool)> = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut bound = connection.prepare("SELECT spki FROM ldevid WHERE admitted = ?1 ORDER BY spki")?;
    for (key, withdrawn) in rows {
        let Some(admission) = row::kept(connection, SpkiDigest(key))? else { continue };
        let event = |what| Event { at: admission.admitted_at(), pledge: Some(admission.subject()), what };
        trail::append(connection, &admission.event())?;
        let keys: Vec<[u8; 32]> = bound.query_map([key], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for key in keys {
            trail::append(connection, &event(What::Bound { key: SpkiDigest(key) }))?;
        }
        if withdrawn {
            let sentence = "its admission ended before there was a trail".to_owned();
            trail::append(connection, &event(What::Refused { request: None, sentence, decision: None, withdrawn }))?;
        }
    }
    Ok(())
}

/// Keeps issuers beside the serial numbers of those that were revoked. Of those before, none is on record: neither events nor files of version 2 have it.
pub(super) fn keep_issuers(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch("ALTER TABLE revoked RENAME TO revoked_before")?;
    connection.execute_batch(super::SCHEMA)?;
    let copy =
        "INSERT INTO revoked (certificate, issuer, revoked_at, reason, not_after) SELECT certificate, x'', revoked_at, reason, not_after FROM revoked_before";
    connection.execute_batch(copy)?;
    Ok(connection.execute_batch("DROP TABLE revoked_before")?)
}

/// Shows the list of those that were revoked as the present version has it, to whoever only reads.
pub(super) fn show_issuers(connection: &Connection) -> Result<(), StoreError> {
    // A temporary one goes before the table of its name, and is not in the file.
    let view = "CREATE TEMP VIEW revoked AS SELECT certificate, x'' AS issuer, revoked_at, reason, not_after FROM main.revoked";
    Ok(connection.execute_batch(view)?)
}

/// The one table of version 2 that is another now.
pub(super) const REVOKED_BEFORE: &str = "CREATE TABLE IF NOT EXISTS revoked (
    certificate TEXT PRIMARY KEY,     -- serial number in lower-case hexadecimal digits
    revoked_at  INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    not_after   INTEGER NOT NULL      -- when it expires, or the end of time if its file has forgotten it
) STRICT, WITHOUT ROWID";
