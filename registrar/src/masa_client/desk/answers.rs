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
        let bounds = self.bounds;
        let done = self.run(move |connection| {
            let transaction = rusqlite::Transaction::new_unchecked(connection, rusqlite::TransactionBehavior::Immediate)?;
            let stale = seconds(now).saturating_sub(REMEMBERED_FOR.as_secs().cast_signed());
            transaction.execute("DELETE FROM answer WHERE answered_at <= ?1 OR answered_at > ?2", [stale, seconds(now)])?;
            let text = serde_json::to_string(&Stored::answer(&answer)).map_err(|err| super::QuestionsError::Unavailable(err.into()))?;
            let wanted = key.format.voucher_media_type();
            transaction
                .execute("INSERT OR REPLACE INTO answer VALUES (?1, ?2, ?3, ?4, ?5)", params![key.pledge_request, key.masa, wanted, seconds(now), text])?;
            let oldest = "DELETE FROM answer WHERE rowid IN (SELECT rowid FROM (SELECT rowid,
                              row_number() OVER newer AS number, sum(octets) OVER newer AS octets_to_here
                              FROM answer WINDOW newer AS (ORDER BY answered_at DESC, rowid DESC))
                          WHERE number > ?1 OR octets_to_here > ?2)";
            transaction.execute(oldest, [bounds.answers, bounds.octets_of_answers])?;
            Ok(transaction.commit()?)
        });
        Box::pin(async move { Ok(done.await?) })
    }

    fn recall(&self, key: AnswerKey, now: UnixTime) -> BoxFuture<'_, Result<Option<MasaAnswer>, AnswerStoreError>> {
        let found = self.run(move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT answered_at, answer FROM answer WHERE request_sha256 = ?1 AND masa_sha256 = ?2 AND wanted = ?3")?;
            let wanted = key.format.voucher_media_type();
            let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
            Ok(statement.query_row(params![key.pledge_request, key.masa, wanted], row).optional()?)
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
            let sql = "DELETE FROM answer WHERE request_sha256 = ?1 AND masa_sha256 = ?2 AND wanted = ?3";
            connection.execute(sql, params![key.pledge_request, key.masa, key.format.voucher_media_type()])?;
            Ok(())
        });
        Box::pin(async move { Ok(done.await?) })
    }
}
