//! What surrounds the entries in the file: its indexes, the list of devices, and the schema that protects them.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::damage::{Damage, VerifyLedgerError};
use super::{file, unavailable};

/// Whether indexes have what their tables have, and tables what they may have: what is looked up is looked up there.
///
/// # Errors
/// [`Damage::File`] with the first that SQLite finds.
pub(super) fn check_file(connection: &Connection) -> Result<(), VerifyLedgerError> {
    let found: String = connection.query_row("PRAGMA integrity_check(1)", (), |row| row.get(0)).map_err(unavailable)?;
    match found.as_str() {
        "ok" => Ok(()),
        // SQLite's first line may be a heading.
        _ => Err(Damage::File(found.lines().find(|line| !line.starts_with("***")).unwrap_or_default().to_owned()).into()),
    }
}

/// Whether the file's schema is, letter for letter, what this version makes. A comment that differs could hide a trigger that does something else.
///
/// # Errors
/// [`Damage::Foreign`] with the first part that does not belong there, [`Damage::Part`] with the first that is missing or different.
pub(super) fn check(connection: &Connection) -> Result<(), VerifyLedgerError> {
    let expected = expected().map_err(unavailable)?;
    let found = parts(connection).map_err(unavailable)?;
    if let Some((kind, name)) = found.keys().find(|part| !expected.contains_key(part)) {
        return Err(Damage::Foreign { kind: kind.clone(), name: name.clone() }.into());
    }
    match expected.iter().find(|(part, made)| found.get(part) != Some(made)) {
        Some(((kind, name), _)) => Err(Damage::Part { kind: kind.clone(), name: name.clone() }.into()),
        None => Ok(()),
    }
}

/// By kind and name: of which table it is, and the statement that made it. SQLite's own indexes have none.
type Parts = BTreeMap<(String, String), (String, Option<String>)>;

fn expected() -> rusqlite::Result<Parts> {
    let made = Connection::open_in_memory()?;
    made.execute_batch(file::TABLES)?;
    made.execute_batch(file::SUBTREES)?;
    parts(&made)
}

fn parts(connection: &Connection) -> rusqlite::Result<Parts> {
    // The statistics that an operator's ANALYZE leaves are no harm.
    let find = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE NOT (type = 'table' AND name IN ('sqlite_stat1', 'sqlite_stat4'))";
    let mut find = connection.prepare(find)?;
    let rows = find.query_map((), |row| Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?))))?;
    rows.collect()
}
