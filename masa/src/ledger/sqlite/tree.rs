//! The Merkle tree in the file: leaf hashes with the entries, and the roots of the subtrees that are kept.

use core::ops::Range;
use std::collections::HashMap;

use brski_common::log::merkle::peaks;
use brski_common::log::{Frontier, Hash, Node, Plan, node_hash};
use rusqlite::{Connection, OptionalExtension as _};

use super::{file, unavailable};
use crate::ledger::{LedgerError, TreeHead, tree};

/// The right edge of the tree as it was when last looked at, and by which leaf to tell that the file is still the one that was looked at.
#[derive(Clone)]
pub(super) struct Edge {
    frontier: Frontier,
    last: Hash,
}

impl Edge {
    /// Number of leaves.
    pub(super) fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root over them.
    pub(super) fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// Adds a leaf and returns the subtrees that are complete by it.
    pub(super) fn append(&mut self, leaf: Hash) -> impl ExactSizeIterator<Item = Node> + '_ {
        self.last = leaf;
        self.frontier.append(leaf)
    }
}

/// Number of entries.
pub(super) fn size(connection: &Connection) -> Result<u64, LedgerError> {
    let size = connection.prepare_cached("SELECT coalesce(max(leaf_index), -1) + 1 FROM entry");
    let size = size.and_then(|mut size| size.query_row((), |row| row.get(0)));
    file::index(size.map_err(unavailable)?)
}

/// The right edge of the tree, read from the file, whose hashes are checked against each other where the tree grows: more would be to read all of it.
///
/// # Errors
/// [`LedgerError::Tree`] if a subtree is missing or superfluous, or if the last one of a height is not what follows from the hashes below it.
pub(super) fn recover(connection: &Connection) -> Result<Edge, LedgerError> {
    let size = size(connection)?;
    for height in HEIGHTS {
        let expected = size >> height;
        let find = "SELECT count(*), coalesce(max(position), -1) + 1 FROM subtree WHERE height = ?1";
        let counted = connection.prepare_cached(find).and_then(|mut find| find.query_row([height], |row| Ok((row.get(0)?, row.get(1)?))));
        let (count, end): (i64, i64) = counted.map_err(unavailable)?;
        let (count, end) = (file::index(count)?, file::index(end)?);
        if (count, end) != (expected, expected) {
            return Err(LedgerError::Tree(format!("it keeps {count} hashes of height {height}, expected {expected} for {size} entries")));
        }
        let Some(last) = expected.checked_sub(1) else { continue };
        let below = kept(connection, height - STEP, last * SPAN..(last + 1) * SPAN)?;
        if kept(connection, height, last..last + 1)? != [joined(below)] {
            return Err(LedgerError::Tree(format!("hash {last} of height {height} is not the one that follows from the hashes below it")));
        }
    }
    let mut nodes = Nodes::new(connection, size);
    let peaks: Vec<Hash> = peaks(size).map(|(level, index)| nodes.find(level, index)).collect::<Result<_, _>>()?;
    let frontier = Frontier::from_parts(size, peaks).map_err(|err| LedgerError::Tree(err.to_string()))?;
    Ok(Edge { frontier, last: leaf(connection, size)? })
}

/// Lets the tree grow by the entries that were appended since, perhaps by another process.
///
/// # Errors
/// [`LedgerError::Tree`] if there are fewer entries than there were, or another in the place of the last one: whoever saw that tree must not sign what contradicts it.
pub(super) fn catch_up(connection: &Connection, edge: &mut Edge) -> Result<(), LedgerError> {
    let size = size(connection)?;
    if size < edge.size() {
        return Err(LedgerError::Tree(format!("{} entries were there, and now there are {size}", edge.size())));
    }
    if leaf(connection, edge.size())? != edge.last {
        return Err(LedgerError::Tree(format!("entry {} is another than it was when this process last looked", edge.size() - 1)));
    }
    while edge.size() < size {
        let next = edge.size();
        for leaf in kept(connection, 0, next..size.min(next + SPAN))? {
            let _completed = edge.append(leaf);
        }
    }
    Ok(())
}

/// The leaf hash of the last of `size` entries. A ledger has its genesis at least.
fn leaf(connection: &Connection, size: u64) -> Result<Hash, LedgerError> {
    let last = size.checked_sub(1).ok_or_else(|| LedgerError::Tree("it has no entry".to_owned()))?;
    let hashes = kept(connection, 0, last..size)?;
    hashes.first().copied().ok_or_else(|| LedgerError::Tree(format!("entry {last} is missing")))
}

/// Whether the root of this subtree is kept.
pub(super) fn is_kept(node: &Node) -> bool {
    node.level > 0 && node.level.is_multiple_of(STEP)
}

/// A hash that is kept, if it is there.
pub(super) fn subtree(connection: &Connection, height: u8, position: u64) -> Result<Option<Hash>, LedgerError> {
    let find = || {
        let mut find = connection.prepare_cached("SELECT hash FROM subtree WHERE height = ?1 AND position = ?2")?;
        find.query_row((height, file::row(position)?), |row| row.get::<_, [u8; 32]>(0)).optional()
    };
    Ok(find().map_err(unavailable)?.map(Hash::from))
}

/// Keeps the subtree if it is of a height that is kept.
///
/// # Errors
/// [`LedgerError::Tree`] if the hashes in the file lead to another one: entries were changed since this process read them, and a hash that does not follow from them
/// would make the file a damaged one.
pub(super) fn keep(connection: &Connection, node: &Node) -> Result<(), LedgerError> {
    if !is_kept(node) {
        return Ok(());
    }
    if joined(kept(connection, node.level - STEP, node.index * SPAN..(node.index + 1) * SPAN)?) != node.hash {
        let (first, last) = (node.index << node.level, ((node.index + 1) << node.level) - 1);
        return Err(LedgerError::Tree(format!("one of the entries {first} to {last} is another than it was when this process looked at it")));
    }
    let insert = "INSERT INTO subtree (height, position, hash) VALUES (?1, ?2, ?3)";
    let position = file::row(node.index).map_err(unavailable)?;
    file::insert(connection, insert, (node.level, position, node.hash.as_bytes())).map_err(LedgerError::Unavailable)
}

/// The root over the entries that there are.
pub(super) fn head(connection: &Connection, edge: &mut Edge) -> Result<TreeHead, LedgerError> {
    catch_up(connection, edge)?;
    Ok(TreeHead { size: edge.size(), root: edge.root() })
}

pub(super) fn inclusion(connection: &Connection, index: u64, size: u64) -> Result<Vec<Hash>, LedgerError> {
    let head = self::size(connection)?;
    path(connection, head, &tree::plan_inclusion(index, size, head)?)
}

pub(super) fn consistency(connection: &Connection, old: u64, new: u64) -> Result<Vec<Hash>, LedgerError> {
    let head = size(connection)?;
    path(connection, head, &tree::plan_consistency(old, new, head)?)
}

fn path(connection: &Connection, size: u64, plan: &Plan) -> Result<Vec<Hash>, LedgerError> {
    let mut nodes = Nodes::new(connection, size);
    plan.path(|level, index| nodes.find(level, index))
}

/// The nodes of the tree, computed from the hashes that are kept. Of these it reads 256 neighbours at once, and each such block once.
struct Nodes<'a> {
    connection: &'a Connection,
    size: u64,
    blocks: HashMap<(u8, u64), Vec<Hash>>,
}

impl<'a> Nodes<'a> {
    fn new(connection: &'a Connection, size: u64) -> Self {
        Self { connection, size, blocks: HashMap::new() }
    }

    fn find(&mut self, level: u8, index: u64) -> Result<Hash, LedgerError> {
        let height = level - level % STEP;
        let first = index << (level - height);
        let block = first / SPAN;
        let hashes = match self.blocks.entry((height, block)) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => {
                let end = ((block + 1) * SPAN).min(self.size >> height);
                new.insert(kept(self.connection, height, block * SPAN..end)?)
            }
        };
        // A node of a level below the next height that is kept has its hashes in one block.
        let (from, count) = ((first % SPAN) as usize, 1 << (level - height));
        let hashes = hashes.get(from..from + count).ok_or_else(|| LedgerError::Tree(format!("node {index} of height {level} is not complete")))?;
        Ok(joined(hashes.to_vec()))
    }
}

/// The root over a power of two of neighbours.
pub(super) fn joined(mut hashes: Vec<Hash>) -> Hash {
    while hashes.len() > 1 {
        hashes = hashes.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
    }
    hashes.pop().unwrap_or_else(Hash::of_empty_tree)
}

/// Hashes of this height that the file keeps: of leaves, or of subtrees.
fn kept(connection: &Connection, height: u8, range: Range<u64>) -> Result<Vec<Hash>, LedgerError> {
    let find = match height {
        0 => "SELECT leaf_hash FROM entry WHERE leaf_index >= ?2 AND leaf_index < ?3 AND ?1 = 0 ORDER BY leaf_index",
        _ => "SELECT hash FROM subtree WHERE height = ?1 AND position >= ?2 AND position < ?3 ORDER BY position",
    };
    let read = || {
        let limit = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let mut find = connection.prepare_cached(find)?;
        let rows = find.query_map((height, limit(range.start), limit(range.end)), |row| row.get::<_, [u8; 32]>(0))?;
        rows.map(|hash| hash.map(Hash::from)).collect::<rusqlite::Result<Vec<Hash>>>()
    };
    let hashes = read().map_err(unavailable)?;
    match hashes.len() as u64 == range.end - range.start {
        true => Ok(hashes),
        false => Err(LedgerError::Tree(format!("of the hashes {} to {} of height {height}, {} are there", range.start, range.end - 1, hashes.len()))),
    }
}

/// Every so many levels the hashes are kept.
const STEP: u8 = 8;

/// How many neighbours make up one hash of the next height.
pub(super) const SPAN: u64 = 1 << STEP;

/// The heights of the subtrees that are kept, and that a tree may reach.
const HEIGHTS: [u8; 7] = [8, 16, 24, 32, 40, 48, 56];
