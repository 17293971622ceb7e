//! Ledgers of earlier versions: brought up to date in one transaction, or left as they were.

use std::path::Path;

use brski_common::DecodeError;
use brski_common::log::{Frontier, leaf_hash};
use rusqlite::{Connection, TransactionBehavior};

use super::{file, tree};
use crate::ledger::LedgerError;

/// Adds the subtrees of the Merkle tree to a file that has leaf hashes alone. Each leaf hash is computed from its entry's octets again: what was damaged before must not
/// become part of a tree whose root is signed.
///
/// # Errors
/// [`LedgerError::Corrupt`] naming the first entry whose leaf hash is another; the file stays as it was.
pub(super) fn from_version_1(connection: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    let failed = |err| file::cannot_open(path, err);
    // The write lock comes first: of two processes that open the same file, the second finds it migrated.
    let migrated = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    if file::version(&migrated).map_err(failed)? == 1 {
        migrated.execute_batch(file::SUBTREES).map_err(failed)?;
        let entries = add_subtrees(&migrated, path)?;
        migrated.pragma_update(None, "user_version", file::SCHEMA).map_err(failed)?;
        migrated.commit().map_err(failed)?;
        tracing::info!(ledger = %path.display(), entries, "brought the ledger from schema version 1 to {}: it keeps its Merkle tree now", file::SCHEMA);
    }
    Ok(())
}

fn add_subtrees(connection: &Connection, path: &Path) -> Result<u64, LedgerError> {
    let failed = |err| file::cannot_open(path, err);
    let mut frontier = Frontier::new();
    let mut find = connection.prepare("SELECT leaf_index, leaf_hash, octets FROM entry ORDER BY leaf_index").map_err(failed)?;
    let mut rows = find.query(()).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let (index, kept): (i64, [u8; 32]) = (row.get(0).map_err(failed)?, row.get(1).map_err(failed)?);
        let octets = row.get_ref(2).and_then(|octets| Ok(octets.as_blob()?)).map_err(failed)?;
        let leaf = leaf_hash(octets);
        let (index, next) = (file::index(index)?, frontier.size());
        if index != next || *leaf.as_bytes() != kept {
            let expected = if index == next { "with the leaf hash that is kept beside it" } else { "there" };
            return Err(LedgerError::Corrupt { index: next, source: DecodeError::InvalidField { field: "the entry", expected } });
        }
        frontier.append(leaf).try_for_each(|node| tree::keep(connection, &node))?;
    }
    Ok(frontier.size())
}
