//! Trails that broke off: restored out of a backup that had fewer events than were signed, and continued under a new key.

use brski_common::log::{Checkpoint, VerifierKey};
use rusqlite::Connection;

use super::VerifyTrailError;
use crate::trail::{Event, What};

/// Which of these checkpoints is of a trail that broke off, the one over most events, and those that are not.
pub(super) fn apart<'s>(
    connection: &Connection,
    signed: &'s [(VerifierKey, Checkpoint)],
) -> Result<(Option<VerifyTrailError>, Vec<&'s Checkpoint>), VerifyTrailError> {
    let mut statement = connection.prepare("SELECT number, octets FROM event WHERE spki IS NULL ORDER BY number")?;
    let mut rows = statement.query([])?;
    let mut breaks = Vec::new();
    while let Some(row) = rows.next()? {
        // What cannot be read is found elsewhere, and tells of nothing.
        let event = serde_json::from_slice(&row.get::<_, Vec<u8>>(1)?).map(|event: Event| event.what);
        if let (Ok(What::Restored { by, new_key: Some(new_key) }), Ok(number)) = (event, u64::try_from(row.get::<_, i64>(0)?)) {
            breaks.push((number, new_key.events.unwrap_or(number), new_key.former, by));
        }
    }
    let mut broken_off: Option<(u64, u64, u64, _)> = None;
    let mut others = Vec::new();
    for (key, checkpoint) in signed {
        let key = key.to_string();
        match breaks.iter().find(|(_, events, former, _)| checkpoint.size > *events && former.contains(&key)) {
            None => others.push(checkpoint),
            Some((number, events, _, by)) if broken_off.as_ref().is_none_or(|(size, ..)| *size < checkpoint.size) => {
                broken_off = Some((checkpoint.size, *events, *number, by));
            }
            Some(_) => {}
        }
    }
    Ok((broken_off.map(|(size, events, event, by)| VerifyTrailError::Former { size, events, event, by: by.clone() }), others))
}
