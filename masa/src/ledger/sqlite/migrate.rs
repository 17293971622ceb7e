//! Ledgers of earlier versions: brought up to date in one transaction, or left as they were.

use std::path::Path;

use brski_common::DecodeError;
use brski_common::log::{Frontier, Node, leaf_hash};
use rusqlite::{Connection, TransactionBehavior};

use super::write::{list_device, list_key};
use super::{file, find, tree};
use crate::ledger::{Entry, LedgerError, TreeHead};

/// What was done to bring a ledger up to date, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// The schema's version before; the same as `to` if there is nothing to do.
    pub from: i64,
    /// The schema's version that this program writes.
    pub to: i64,
    /// The tree over the entries, before as after.
    pub head: TreeHead,
}

/// What a migration is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To know whether it would succeed: everything is read and checked, nothing is written.
    Trial,
    /// To bring the file up to date.
    Change,
}

/// Brings the ledger of the log called `name` up to this version's schema, all of it or nothing; does nothing to one that is. Entries stay what they are, octet for octet, and
/// so does the tree over them: every leaf hash is computed again, and the hashes that were kept over them are compared. Tells `progress` from time to time how many entries of
/// how many are done. Nothing else may have the ledger open.
///
/// # Errors
/// [`LedgerError::Corrupt`] naming the first entry that was changed, [`LedgerError::Tree`] if the tree was; those of opening a ledger. The file is then as it was.
pub fn migrate(path: &Path, name: &str, purpose: Purpose, progress: &mut dyn FnMut(u64, u64)) -> Result<Migration, LedgerError> {
    file::check_there(path)?;
    let failed = |err| file::cannot_open(path, err);
    let mut connection = file::connect(path)?;
    file::recognise(&connection, path)?;
    file::check_name(&connection, path, name)?;
    // The write lock comes first: of two processes that migrate the same file, the second finds it migrated.
    let behavior = match purpose {
        Purpose::Trial => TransactionBehavior::Deferred,
        Purpose::Change => TransactionBehavior::Immediate,
    };
    let transaction = connection.transaction_with_behavior(behavior).map_err(failed)?;
    let from = file::recognise(&transaction, path)?;
    let mut copy = Copy { connection: &transaction, path, frontier: Frontier::new(), has_subtrees: from > 1, progress };
    let head = match (from, purpose) {
        (file::SCHEMA, _) => {
            let edge = tree::recover(&transaction)?;
            TreeHead { size: edge.size(), root: edge.root() }
        }
        (_, Purpose::Trial) => copy.read("entry", "subtree", &mut |_| Ok(()))?,
        (_, Purpose::Change) => {
            let head = copy.change()?;
            transaction.commit().map_err(failed)?;
            tracing::info!(ledger = %path.display(), entries = head.size, from, to = file::SCHEMA, "brought the ledger up to date");
            head
        }
    };
    Ok(Migration { from, to: file::SCHEMA, head })
}

/// A pass over the entries of an earlier version.
struct Copy<'a> {
    connection: &'a Connection,
    path: &'a Path,
    frontier: Frontier,
    has_subtrees: bool,
    progress: &'a mut dyn FnMut(u64, u64),
}

/// An entry of an earlier version, whose leaf hash was found right.
struct Old<'a> {
    index: u64,
    kind: &'a str,
    /// None of the genesis.
    entry: Option<Entry>,
    leaf: &'a [u8],
    octets: &'a [u8],
    completed: Vec<Node>,
}

impl Copy<'_> {
    fn change(&mut self) -> Result<TreeHead, LedgerError> {
        let (connection, path) = (self.connection, self.path);
        let failed = |err| file::cannot_open(path, err);
        connection.execute_batch(SET_ASIDE).map_err(failed)?;
        if self.has_subtrees {
            connection.execute_batch(SET_SUBTREES_ASIDE).map_err(failed)?;
        }
        connection.execute_batch(file::TABLES).map_err(failed)?;
        connection.execute_batch(file::SUBTREES).map_err(failed)?;
        let head = self.read("entry_before", "subtree_before", &mut |old| file_anew(connection, old))?;
        connection.execute_batch("DROP TABLE entry_before; DROP TABLE device_before; DROP TABLE IF EXISTS subtree_before").map_err(failed)?;
        connection.pragma_update(None, "user_version", file::SCHEMA).map_err(failed)?;
        let edge = tree::recover(connection)?;
        match (TreeHead { size: edge.size(), root: edge.root() }) == head {
            true => Ok(head),
            false => Err(LedgerError::Tree("its root after the migration is not the one before".to_owned())),
        }
    }

    fn read(&mut self, entries: &str, subtrees: &str, keep: &mut dyn FnMut(&Old<'_>) -> Result<(), LedgerError>) -> Result<TreeHead, LedgerError> {
        let path = self.path;
        let failed = |err| file::cannot_open(path, err);
        let total = self.connection.query_row(&format!("SELECT coalesce(max(leaf_index), -1) + 1 FROM {entries}"), (), |row| row.get(0)).map_err(failed)?;
        let total = file::index(total)?;
        let find = format!("SELECT leaf_index, leaf_hash, kind, octets FROM {entries} ORDER BY leaf_index");
        let mut find = self.connection.prepare(&find).map_err(failed)?;
        let mut rows = find.query(()).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let fields = || Ok((row.get(0)?, row.get_ref(1)?.as_blob()?, row.get_ref(2)?.as_str()?, row.get_ref(3)?.as_blob()?));
            let (index, kept, kind, octets): (i64, _, _, _) = fields().map_err(|err: rusqlite::Error| file::cannot_open(path, err))?;
            let (index, next, leaf) = (file::index(index)?, self.frontier.size(), leaf_hash(octets));
            if index != next || leaf.as_bytes() != kept {
                let expected = if index == next { "with the leaf hash that is kept beside it" } else { "there" };
                return Err(LedgerError::Corrupt { index: next, source: DecodeError::InvalidField { field: "the entry", expected } });
            }
            let read = || Entry::from_octets(kind, octets).map_err(|source| LedgerError::Corrupt { index, source });
            let entry = (index > 0).then(read).transpose()?;
            let completed: Vec<Node> = self.frontier.append(leaf).filter(tree::is_kept).collect();
            if self.has_subtrees {
                completed.iter().try_for_each(|node| self.check_kept(subtrees, node))?;
            }
            keep(&Old { index, kind, entry, leaf: kept, octets, completed })?;
            if self.frontier.size().is_multiple_of(PROGRESS) {
                (self.progress)(self.frontier.size(), total);
            }
        }
        Ok(TreeHead { size: self.frontier.size(), root: self.frontier.root() })
    }

    /// Whether the hash that was kept of this subtree is the one that follows from the entries.
    fn check_kept(&self, subtrees: &str, node: &Node) -> Result<(), LedgerError> {
        let find = format!("SELECT EXISTS (SELECT 1 FROM {subtrees} WHERE height = ?1 AND position = ?2 AND hash = ?3)");
        let position = file::row(node.index).map_err(|err| file::cannot_open(self.path, err))?;
        let kept = self.connection.prepare_cached(&find).and_then(|mut find| find.query_row((node.level, position, node.hash.as_bytes()), |row| row.get(0)));
        match kept.map_err(|err| file::cannot_open(self.path, err))? {
            true => Ok(()),
            false => Err(LedgerError::Tree(format!("hash {} of height {} is not the one that follows from the entries", node.index, node.level))),
        }
    }
}

/// Files an entry as this version does.
fn file_anew(connection: &Connection, old: &Old<'_>) -> Result<(), LedgerError> {
    let device = match &old.entry {
        Some(Entry::Made(made)) => {
            list_device(connection, made.idevid.device(), old.index).map_err(LedgerError::Unavailable)?;
            list_key(connection, find::beginning(&made.idevid.spki_digest()), old.index).map_err(LedgerError::Unavailable)?;
            Some(old.index)
        }
        Some(entry) => match entry.device() {
            Some(device) => {
                let made = find::made(connection, device).map_err(super::unavailable)?;
                let unmade = || LedgerError::Corrupt {
                    index: old.index,
                    source: DecodeError::InvalidField { field: "the entry", expected: "of a device that was made" },
                };
                Some(made.ok_or_else(unmade)?)
            }
            None => None,
        },
        None => None,
    };
    let write = || {
        let once = old.entry.as_ref().and_then(Entry::once).map(|(_, value)| value);
        let device = device.map(file::row).transpose()?;
        let insert = "INSERT INTO entry (leaf_index, leaf_hash, kind, device, once, octets) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        file::insert(connection, insert, (file::row(old.index)?, old.leaf, old.kind, device, once, old.octets))
    };
    write().map_err(LedgerError::Unavailable)?;
    old.completed.iter().try_for_each(|node| tree::keep(connection, node))
}

/// Makes room for tables and indexes of the same names. What protects the old ones is of their time.
const SET_ASIDE: &str = "
DROP TRIGGER IF EXISTS entry_is_kept; DROP TRIGGER IF EXISTS entry_is_unchanged;
DROP TRIGGER IF EXISTS device_is_kept; DROP TRIGGER IF EXISTS device_is_unchanged;
DROP INDEX IF EXISTS entry_by_device; DROP INDEX IF EXISTS entry_once;
ALTER TABLE entry RENAME TO entry_before; ALTER TABLE device RENAME TO device_before;";

const SET_SUBTREES_ASIDE: &str = "
DROP TRIGGER IF EXISTS subtree_is_kept; DROP TRIGGER IF EXISTS subtree_is_unchanged;
ALTER TABLE subtree RENAME TO subtree_before;";

/// After how many entries to tell how far it is.
const PROGRESS: u64 = 10_000;
