//! Answers that are remembered.

use brski_common::time::at;
use brski_common::{BoxFuture, MasaUrl, UnixTime};
use rusqlite::{OptionalExtension as _, params};

use super::{SqliteDesk, seconds};
use crate::masa_client::MasaAnswer;
use crate::masa_client::answers::{AnswerKey, AnswerStore, AnswerStoreError, REMEMBERED_FOR, is_fresh};
use crate::masa_client::stored::Stored;

impl AnswerStore for SqliteDesk {
    fn remember(&self, key: AnswerKey, answer: MasaAnswer, now: UnixTime) -> BoxFuture<'_, Result<(), AnswerStoreError>> {
        let done = self.run(move |connection| {
            let transaction = rusqlite::Transaction::new_unchecked(connection, rusqlite::TransactionBehavior::Immediate)?;
            let stale = seconds(now).saturating_sub(REMEMBERED_FOR.as_secs().cast_signed());
            transaction.execute("DELETE FROM answer WHERE answered_at <= ?1 OR answered_at > ?2", [stale, seconds(now)])?;
            let text = serde_json::to_string(&Stored::answer(&answer)).map_err(|err| super::DeskError::Unavailable(err.into()))?;
            let wanted = key.format.voucher_media_type();
            transaction.execute("INSERT OR REPLACE INTO answer VALUES (?1, ?2, ?3, ?4)", params![key.pledge_request, wanted, seconds(now), text])?;
            transaction.execute("DELETE FROM answer WHERE rowid NOT IN (SELECT rowid FROM answer ORDER BY answered_at DESC LIMIT ?1)", [MOST_ANSWERS])?;
            Ok(transaction.commit()?)
        });
        Box::pin(async move { Ok(done.await?) })
    }

    fn recall(&self, key: AnswerKey, now: UnixTime) -> BoxFuture<'_, Result<Option<MasaAnswer>, AnswerStoreError>> {
        let found = self.run(move |connection| {
            let mut statement = connection.prepare_cached("SELECT answered_at, answer FROM answer WHERE request_sha256 = ?1 AND wanted = ?2")?;
            let wanted = key.format.voucher_media_type();
            let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
            Ok(statement.query_row(params![key.pledge_request, wanted], row).optional()?)
        });
        Box::pin(async move {
            let Some((answered, text)) = found.await? else { return Ok(None) };
            if !is_fresh(at(u64::try_from(answered)?), now) {
                return Ok(None);
            }
            // Who answered is not kept, and only words for an error that is told to nobody.
            let nobody = MasaUrl::new("localhost")?;
            Ok(Some(serde_json::from_str::<Stored>(&text)?.into_answer(&nobody)?))
        })
    }

    fn forget(&self, key: AnswerKey) -> BoxFuture<'_, Result<(), AnswerStoreError>> {
        let done = self.run(move |connection| {
            connection.execute("DELETE FROM answer WHERE request_sha256 = ?1 AND wanted = ?2", params![key.pledge_request, key.format.voucher_media_type()])?;
            Ok(())
        });
        Box::pin(async move { Ok(done.await?) })
    }
}

/// Some 100 MiB at the usual size of audit logs.
const MOST_ANSWERS: i64 = 10_000;
