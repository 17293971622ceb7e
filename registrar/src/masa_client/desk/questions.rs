//! Questions that wait for a worker.

use brski_common::pledge::LONGEST_DEFERRAL;
use brski_common::time::at;
use brski_common::{Format, MasaUrl, Signed, UnixTime, VoucherRequest};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::{Bounds, QuestionsError, SqliteDesk, seconds};
use crate::masa_client::answers::REMEMBERED_FOR;
use crate::masa_client::stored::Stored;

/// What a MASA is to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::masa_client) enum Errand {
    /// A voucher in the format `wanted`, for the pledge's request with this SHA-256.
    Voucher { pledge_request: [u8; 32], wanted: Format },
    /// What it says today of a key.
    Statement,
}

impl Errand {
    fn columns(self) -> (Option<[u8; 32]>, Option<&'static str>) {
        match self {
            Self::Voucher { pledge_request, wanted } => (Some(pledge_request), Some(wanted.voucher_media_type())),
            Self::Statement => (None, None),
        }
    }

    fn from_columns(pledge_request: Option<[u8; 32]>, wanted: Option<&str>) -> Option<Self> {
        match (pledge_request, wanted) {
            (Some(pledge_request), Some(wanted)) => Format::from_voucher_media_type(wanted).map(|wanted| Self::Voucher { pledge_request, wanted }),
            (None, None) => Some(Self::Statement),
            (Some(_), None) | (None, Some(_)) => None,
        }
    }
}

/// A question as it is put down and taken up.
#[derive(Clone, Debug)]
pub(in crate::masa_client) struct Task {
    /// SHA-256 over what is asked about: the same is asked once, however often.
    pub(in crate::masa_client) id: [u8; 32],
    /// SHA-256 over which device it is about: one that asks another thing each time fills no more than its own place.
    pub(in crate::masa_client) device: [u8; 32],
    pub(in crate::masa_client) manufacturer: String,
    pub(in crate::masa_client) url: MasaUrl,
    pub(in crate::masa_client) request: Signed<VoucherRequest>,
    pub(in crate::masa_client) errand: Errand,
    /// Which taking up this is; 0 if it was not taken up.
    pub(in crate::masa_client) ticket: i64,
    /// How often nobody answered.
    pub(in crate::masa_client) tries: u32,
}

/// How far a question has got.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::masa_client) enum Standing {
    /// Nobody has an answer yet; the last try's trouble, if there was one.
    Open { since: UnixTime, trouble: Option<String> },
    /// It is over, and the question gone.
    Ended(Stored),
    /// So many about the same device wait already.
    Crowded(i64),
    /// There is no room for it.
    Full,
}

impl SqliteDesk {
    /// Puts a question down unless it lies there, and tells how far it has got.
    pub(in crate::masa_client) async fn put(&self, task: Task, now: UnixTime) -> Result<Standing, QuestionsError> {
        let bounds = self.bounds;
        self.run(move |connection| put(connection, &task, bounds, now)).await
    }

    /// Takes one question up: nobody else gets it before `until`.
    pub(in crate::masa_client) async fn take(&self, now: UnixTime, until: UnixTime) -> Result<Option<Task>, QuestionsError> {
        self.run(move |connection| take(connection, now, until)).await
    }

    /// Writes down how it ended; false if there is no room for that. An answer that comes after somebody else has taken the question up is dropped.
    pub(in crate::masa_client) async fn end(&self, task: &Task, outcome: &Stored, now: UnixTime) -> Result<bool, QuestionsError> {
        let text = serde_json::to_string(outcome).map_err(|err| QuestionsError::Unavailable(err.into()))?;
        let (id, ticket, most) = (task.id, task.ticket, self.bounds.octets);
        let sql = "UPDATE question SET outcome = ?3, answered_at = ?4 WHERE id = ?1 AND ticket = ?2 AND outcome IS NULL";
        self.run(move |connection| {
            let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            let fits = octets(&transaction)?.saturating_add(length(text.len())) <= most;
            if fits {
                transaction.execute(sql, params![id, ticket, text, seconds(now)])?;
                transaction.commit()?;
            }
            Ok(fits)
        })
        .await
    }

    /// Puts it back until `not_before`, with the reason.
    pub(in crate::masa_client) async fn put_back(&self, task: &Task, trouble: String, not_before: UnixTime) -> Result<(), QuestionsError> {
        let (id, ticket) = (task.id, task.ticket);
        let sql = "UPDATE question SET trouble = ?3, not_before = ?4, tries = tries + 1 WHERE id = ?1 AND ticket = ?2 AND outcome IS NULL";
        self.run(move |connection| Ok(connection.execute(sql, params![id, ticket, trouble, seconds(not_before)]).map(drop)?)).await
    }
}

fn put(connection: &Connection, task: &Task, bounds: Bounds, now: UnixTime) -> Result<Standing, QuestionsError> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let (longest, fresh) =
        (seconds(now).saturating_sub(LONGEST_DEFERRAL.as_secs().cast_signed()), seconds(now).saturating_sub(REMEMBERED_FOR.as_secs().cast_signed()));
    transaction.execute("DELETE FROM question WHERE asked_at <= ?1 OR answered_at <= ?2", [longest, fresh])?;

    let found = "SELECT asked_at, trouble, outcome FROM question WHERE id = ?1";
    type Found = (i64, Option<String>, Option<String>);
    let found: Option<Found> = transaction.query_row(found, [task.id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    let (request, request_type) = (task.request.wire(), task.request.format().voucher_media_type());
    let standing = match found {
        Some((_, _, Some(outcome))) => {
            transaction.execute("DELETE FROM question WHERE id = ?1", [task.id])?;
            Standing::Ended(serde_json::from_str(&outcome).map_err(|err| QuestionsError::Damaged(format!("an outcome cannot be read: {err}")))?)
        }
        Some((since, trouble, None)) => {
            // Signed a moment ago: a MASA may find the earlier one old.
            transaction.execute("UPDATE question SET request = ?2, request_type = ?3 WHERE id = ?1", params![task.id, request, request_type])?;
            Standing::Open { since: at(since.try_into().unwrap_or(0)), trouble }
        }
        None if waiting_of(&transaction, task.device)? >= bounds.of_one => Standing::Crowded(bounds.of_one),
        None if count(&transaction)? >= bounds.questions => Standing::Full,
        // What is left is for the answers to those that are there.
        None if octets(&transaction)?.saturating_add(length(request.len())) > bounds.octets / 2 => Standing::Full,
        None => {
            // It asks something else now, so that it hardly comes for what it asked then.
            let stale = "DELETE FROM question WHERE id IN
                         (SELECT id FROM question WHERE device = ?1 AND outcome IS NOT NULL ORDER BY answered_at DESC LIMIT -1 OFFSET ?2)";
            transaction.execute(stale, params![task.device, bounds.of_one])?;
            let (pledge_request, wanted) = task.errand.columns();
            transaction.execute(
                "INSERT INTO question (id, device, manufacturer, url, request_type, request, pledge_request, wanted, asked_at, not_before, ticket, tries)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, 0)",
                params![task.id, task.device, task.manufacturer, task.url.to_string(), request_type, request, pledge_request, wanted, seconds(now)],
            )?;
            Standing::Open { since: now, trouble: None }
        }
    };
    transaction.commit()?;
    Ok(standing)
}

fn count(connection: &Connection) -> Result<i64, QuestionsError> {
    Ok(connection.query_row("SELECT count(*) FROM question", [], |row| row.get(0))?)
}

fn octets(connection: &Connection) -> Result<i64, QuestionsError> {
    Ok(connection.query_row("SELECT coalesce(sum(octets), 0) FROM question", [], |row| row.get(0))?)
}

fn waiting_of(connection: &Connection, device: [u8; 32]) -> Result<i64, QuestionsError> {
    Ok(connection.query_row("SELECT count(*) FROM question WHERE device = ?1 AND outcome IS NULL", [device], |row| row.get(0))?)
}

fn length(octets: usize) -> i64 {
    i64::try_from(octets).unwrap_or(i64::MAX)
}

fn take(connection: &Connection, now: UnixTime, until: UnixTime) -> Result<Option<Task>, QuestionsError> {
    // One transaction: another worker looks for the same at the same time.
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let oldest = seconds(now).saturating_sub(LONGEST_DEFERRAL.as_secs().cast_signed());
    let next = "SELECT id, manufacturer, url, request_type, request, pledge_request, wanted, ticket, tries, device FROM question
                WHERE outcome IS NULL AND not_before <= ?1 AND asked_at > ?2 ORDER BY not_before, asked_at LIMIT 1";
    let read = |row: &rusqlite::Row<'_>| {
        let (url, format, wanted): (String, String, Option<String>) = (row.get(2)?, row.get(3)?, row.get(6)?);
        let (manufacturer, request, ticket, tries) = (row.get(1)?, row.get::<_, Vec<u8>>(4)?, row.get::<_, i64>(7)? + 1, row.get(8)?);
        let (id, device) = (row.get(0)?, row.get(9)?);
        let known = (MasaUrl::new(&url), Format::from_voucher_media_type(&format), Errand::from_columns(row.get(5)?, wanted.as_deref()));
        let (Ok(url), Some(format), Some(errand)) = known else { return Ok(Err(id)) };
        Ok(Ok(Task { id, device, manufacturer, url, request: Signed::from_wire(format, request), errand, ticket, tries }))
    };
    let taken = match transaction.query_row(next, [seconds(now), oldest], read).optional()? {
        Some(Ok(task)) => {
            transaction.execute("UPDATE question SET not_before = ?2, ticket = ?3 WHERE id = ?1", params![task.id, seconds(until), task.ticket])?;
            Some(task)
        }
        // Nobody could ever answer it; whoever wants to know puts it down anew.
        Some(Err(id)) => {
            let id: [u8; 32] = id;
            transaction.execute("DELETE FROM question WHERE id = ?1", [id])?;
            None
        }
        None => None,
    };
    transaction.commit()?;
    Ok(taken)
}
