//! Files of former versions: 1, which had admissions and no trail; 2, which knew those that were revoked by their serial numbers alone, and did not write down each key that was
//! taken nor each admission that ended; 3, which kept issuers, and had taken over files of version 2 as they were.

use core::time::Duration;
use std::path::Path;

use brski_common::SpkiDigest;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Transaction, TransactionBehavior};

use super::fold::{Folded, Revocations};
use super::{files, row, trail};
use crate::pledges::StoreError;
use crate::relay::Admission;
use crate::trail::{Event, PledgeFile, What};

/// Upgrades the file, if it is of a former version, while nobody else has it open: a server of that version would go on to write as it always did, and the trail would lack the
/// events that this version looks for.
pub(super) fn bring_up_to_date(path: &Path) -> Result<(), StoreError> {
    let is_former = |connection: &Connection| Ok::<_, StoreError>(super::recognise(connection)?.is_some_and(|version| version != super::VERSION));
    {
        // On a connection of its own: two that have looked would wait for each other.
        let connection = Connection::open(path)?;
        connection.busy_timeout(super::PATIENCE)?;
        if !is_former(&connection)? {
            return Ok(());
        }
    }
    let connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    // As in `is_in_use`; the lock stays until the connection is closed.
    connection.pragma_update(None, "locking_mode", "exclusive")?;
    connection.execute_batch("BEGIN EXCLUSIVE; ROLLBACK").map_err(|err| match err.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Unavailable(IN_USE.into()),
        _ => err.into(),
    })?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = Transaction::new_unchecked(&connection, TransactionBehavior::Exclusive)?;
    match super::recognise(&transaction)? {
        Some(super::WITHOUT_TRAIL) => {
            transaction.execute_batch(super::SCHEMA)?;
            begin_trail(&transaction)?;
        }
        Some(super::WITHOUT_ISSUERS | super::UNSAID) => tell_and_fold(&transaction)?,
        // Somebody else was faster.
        Some(_) | None => return Ok(()),
    }
    super::finish(transaction)
}

/// How long somebody may need to let go of the store.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why it is not upgraded.
const IN_USE: &str = "it is of an older version, and to be upgraded, but another process has it open: stop the server first";

/// Begins the trail with one event for each admission, in the order in which they were made, whether it ended, and the keys of its LDevIDs: all that is in the tables.
fn begin_trail(connection: &Connection) -> Result<(), StoreError> {
    let mut statement = connection.prepare("SELECT spki, withdrawn FROM admission ORDER BY admitted_at, spki")?;
    let rows: Vec<([u8; 32], bool)> = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    for (key, withdrawn) in rows {
        if let Some(admission) = row::kept(connection, SpkiDigest(key))? {
            begin_file(connection, &admission, withdrawn)?;
        }
    }
    Ok(())
}

/// Tells all that the tables have of an admission of which there is no event.
fn begin_file(connection: &Connection, admission: &Admission, withdrawn: bool) -> Result<(), StoreError> {
    let event = |what| Event { at: admission.admitted_at(), pledge: Some(admission.subject()), what };
    trail::append(connection, &admission.event())?;
    for key in bound(connection, admission.spki_digest())? {
        trail::append(connection, &event(What::Bound { key: SpkiDigest(key) }))?;
    }
    if withdrawn {
        let sentence = "its admission ended before there was a trail".to_owned();
        trail::append(connection, &event(What::Refused { request: None, sentence, decision: None, withdrawn }))?;
    }
    Ok(())
}

/// The keys of LDevIDs that stand for this pledge.
fn bound(connection: &Connection, pledge: SpkiDigest) -> Result<Vec<[u8; 32]>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT spki FROM ldevid WHERE admitted = ?1 AND length(spki) = 32 ORDER BY spki")?;
    Ok(statement.query_map([pledge.0], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Adds the events that a file of version 2 lacks, also if version 3 took it over, and makes anew what follows from events: other versions counted persons otherwise, and kept
/// no issuers.
fn tell_and_fold(connection: &Connection) -> Result<(), StoreError> {
    let listed: Vec<String> = connection.prepare("SELECT certificate FROM revoked")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    connection.execute_batch("DROP TABLE revoked; DELETE FROM file")?;
    connection.execute_batch(super::SCHEMA)?;
    let mut revocations = Revocations::default();
    let all = "SELECT spki FROM event WHERE length(spki) = 32 UNION SELECT spki FROM admission WHERE length(spki) = 32 ORDER BY 1";
    let keys: Vec<[u8; 32]> = connection.prepare(all)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for key in keys {
        let key = SpkiDigest(key);
        let folded = Folded::of(connection, key, &mut revocations)?;
        // What cannot be read any more is damage to be found by whoever verifies: it keeps nobody from working with the rest.
        let ended = || if ended(connection, key)? { Ok(row::kept(connection, key).ok().flatten()) } else { Ok::<_, StoreError>(None) };
        match &folded.file {
            Some(file) => {
                files::put(connection, file)?;
                tell(connection, file, &folded, ended()?)?;
            }
            None => {
                if let Some(admission) = ended()? {
                    begin_file(connection, &admission, true)?;
                }
            }
        }
    }
    revocations.into_rows().try_for_each(|row| files::revoke(connection, row))?;
    // Nobody's LDevID becomes valid again by an upgrade.
    let mut told = connection.prepare("SELECT 1 FROM revoked WHERE certificate = ?1")?;
    for certificate in listed {
        if !told.exists([&certificate])? {
            let what = format!("the list of revoked LDevIDs has one with serial number {certificate}, which no event of the trail tells of");
            return Err(StoreError::Damaged { what, source: None });
        }
    }
    Ok(())
}

/// Adds events of what is in the tables and not in this pledge's events, as of when the pledge was last seen: nobody knows better, and its file stays as it is.
fn tell(connection: &Connection, file: &PledgeFile, folded: &Folded, ended: Option<Admission>) -> Result<(), StoreError> {
    let event = |what| Event { at: file.last_seen, pledge: Some(file.pledge.clone()), what };
    for key in bound(connection, file.pledge.key)? {
        if !folded.keys.contains(&key) {
            trail::append(connection, &event(What::Bound { key: SpkiDigest(key) }))?;
        }
    }
    match ended.filter(|_| folded.may_have_ended_unsaid()) {
        Some(admission) => trail::append(connection, &event(What::Ended { request: SpkiDigest(*admission.request_digest()), admission: admission.digest() })),
        None => Ok(()),
    }
}

/// Whether the tables say that this pledge's admission has ended.
fn ended(connection: &Connection, key: SpkiDigest) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached("SELECT withdrawn FROM admission WHERE spki = ?1")?;
    Ok(statement.query_row([key.0], |row| row.get(0)).optional()?.unwrap_or(false))
}

/// Shows the list of those that were revoked as the present version has it, to whoever only reads a file of version 2.
pub(super) fn show_issuers(connection: &Connection) -> Result<(), StoreError> {
    // A temporary one goes before the table of its name, and is not in the file.
    let view = "CREATE TEMP VIEW revoked AS SELECT certificate, x'' AS issuer, revoked_at, reason, not_after FROM main.revoked";
    Ok(connection.execute_batch(view)?)
}

/// The one table that a former version with a trail made otherwise; none if the version is the present one, or has no trail.
pub(super) fn revoked_before(version: i64) -> Option<&'static str> {
    match version {
        super::WITHOUT_ISSUERS => Some(
            "CREATE TABLE IF NOT EXISTS revoked (
    certificate TEXT PRIMARY KEY,     -- serial number in lower-case hexadecimal digits
    revoked_at  INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    not_after   INTEGER NOT NULL      -- when it expires, or the end of time if its file has forgotten it
) STRICT, WITHOUT ROWID",
        ),
        super::UNSAID => Some(
            "CREATE TABLE IF NOT EXISTS revoked (
    certificate TEXT NOT NULL,        -- serial number in lower-case hexadecimal digits
    issuer      BLOB NOT NULL,        -- SHA-256 over the issuer's Name; empty if an older version did not keep it
    revoked_at  INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    not_after   INTEGER NOT NULL,     -- when it expires, or the end of time if its file has forgotten it
    PRIMARY KEY (certificate, issuer)
) STRICT, WITHOUT ROWID",
        ),
        _ => None,
    }
}
