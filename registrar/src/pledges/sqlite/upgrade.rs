//! Files of version 1, which had admissions and no trail.

use brski_common::SpkiDigest;
use rusqlite::Connection;

use super::{row, trail};
use crate::pledges::StoreError;

/// Begins the trail with one event for each admission that stands, in the order in which they were made.
pub(super) fn begin_trail(connection: &Connection) -> Result<(), StoreError> {
    let mut statement = connection.prepare("SELECT spki FROM admission WHERE withdrawn = 0 ORDER BY admitted_at, spki")?;
    let keys: Vec<[u8; 32]> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for key in keys {
        if let Some(admission) = row::find(connection, SpkiDigest(key))? {
            trail::append(connection, &admission.event())?;
        }
    }
    Ok(())
}
