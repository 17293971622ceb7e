//! What of the trail was signed, as rows.

use brski_common::BoxFuture;
use brski_common::log::Frontier;
use rusqlite::{OptionalExtension as _, params};

use super::trail::{self, row};
use super::{SqlitePledges, StoreError};

impl SqlitePledges {
    /// The checkpoint that was kept last.
    pub(crate) fn last_checkpoint(&self) -> BoxFuture<'_, Result<Option<String>, StoreError>> {
        self.look(|connection| Ok(connection.query_row("SELECT note FROM checkpoint ORDER BY number DESC LIMIT 1", [], |row| row.get(0)).optional()?))
    }

    /// The signed checkpoints of the trail, oldest first.
    pub fn checkpoints(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        self.look(|connection| {
            let mut statement = connection.prepare("SELECT note FROM checkpoint ORDER BY number")?;
            Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
        })
    }

    /// Keeps what was signed of this state.
    pub(crate) fn keep_checkpoint(&self, edge: Frontier, note: String) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(move |connection| {
            let insert = "INSERT INTO checkpoint (size, peaks, note) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
            connection.execute(insert, params![row(edge.size())?, trail::peaks(&edge), note])?;
            Ok(())
        })
    }
}
