//! Reads a whole ledger again and compares everything with everything else: octets, what they are filed under, leaf hashes, subtrees, the tree that was signed, and the
//! file's own schema. Reading and comparing are this thread's; hashing and decoding are that of others.

use std::path::Path;

use brski_common::DeviceId;
use brski_common::log::{Frontier, Hash, Node, leaf_hash};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::damage::{Changed, Damage, VerifyLedgerError};
use super::digest::{self, Digest, Row};
use super::lists::Lists;
use super::{file, find, schema, tree, unavailable};
use crate::ledger::entry::{GENESIS, log_name};
use crate::ledger::{LedgerError, TreeHead};

/// Verifies the ledger of the log called `name`, and against `signed` if that is known: a tree of it that was signed earlier, without which nobody can tell whether the
/// newest entries were removed. Tells `progress` from time to time how many entries it has read. It changes nothing, and may run beside a server.
///
/// # Errors
/// [`VerifyLedgerError::Damaged`] with the first damage; [`VerifyLedgerError::Ledger`] if the file is no ledger of this log, or cannot be read.
pub fn verify(path: &Path, name: &str, signed: Option<&TreeHead>, progress: &mut dyn FnMut(u64)) -> Result<TreeHead, VerifyLedgerError> {
    file::check_there(path)?;
    let failed = |err| file::cannot_open(path, err);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.pragma_update(None, "query_only", true).map_err(failed)?;
    file::plan_once(&connection).map_err(failed)?;
    file::check_version(&connection, path)?;
    let snapshot = connection.transaction_with_behavior(TransactionBehavior::Deferred).map_err(unavailable)?;
    if !snapshot.query_row("SELECT EXISTS (SELECT 1 FROM entry WHERE leaf_index = 0)", (), |row| row.get(0)).map_err(unavailable)? {
        return Err(Damage::Missing { index: 0 }.into());
    }
    let mut run = Run { connection: &snapshot, signed, frontier: Frontier::new(), subtrees: 0, lists: Lists::new(), last: None };
    run.read_all(progress)?;
    run.lists.check(&snapshot)?;
    let head = run.finish()?;
    schema::check_file(&snapshot)?;
    schema::check(&snapshot)?;
    // Last, since changed octets of the genesis are damage first of all.
    file::check_name(&snapshot, path, name)?;
    Ok(head)
}

/// A pass over all entries. The tree that grows here is made of octets alone.
struct Run<'a> {
    connection: &'a Connection,
    signed: Option<&'a TreeHead>,
    frontier: Frontier,
    subtrees: u64,
    lists: Lists,
    /// The device that was made or looked up last, and by which entry it was made: the next one is often of the same.
    last: Option<(DeviceId, u64)>,
}

impl Run<'_> {
    fn read_all(&mut self, progress: &mut dyn FnMut(u64)) -> Result<(), VerifyLedgerError> {
        std::thread::scope(|scope| {
            let mut digesters = digest::Digesters::start(scope);
            let mut find =
                self.connection.prepare("SELECT leaf_index, leaf_hash, kind, device, once, octets FROM entry ORDER BY leaf_index").map_err(unavailable)?;
            let mut rows = find.query(()).map_err(unavailable)?;
            let mut chunk = Vec::with_capacity(digest::CHUNK);
            let mut index = 0;
            let unreadable = |index, err: rusqlite::Error| Damage::Unreadable { index, problem: err.to_string() };
            while let Some(row) = rows.next().map_err(|err| unreadable(index, err))? {
                chunk.push(Row::read(row).map_err(|err| unreadable(index, err))?);
                index += 1;
                if chunk.len() == digest::CHUNK
                    && let Some(digested) = digesters.exchange(core::mem::replace(&mut chunk, Vec::with_capacity(digest::CHUNK)))
                {
                    self.check_all(digested, progress)?;
                }
            }
            digesters.give(chunk);
            while let Some(digested) = digesters.take() {
                self.check_all(digested, progress)?;
            }
            Ok(())
        })
    }

    fn check_all(&mut self, digested: digest::Digested, progress: &mut dyn FnMut(u64)) -> Result<(), VerifyLedgerError> {
        digested.iter().try_for_each(|(row, digest)| self.check(row, digest))?;
        progress(self.frontier.size());
        Ok(())
    }

    fn check(&mut self, row: &Row, digest: &Digest) -> Result<(), VerifyLedgerError> {
        let index = self.frontier.size();
        if row.index != file::row(index).map_err(unavailable)? {
            return Err(Damage::Missing { index }.into());
        }
        let changed = |what| Damage::Entry { index, kind: row.kind.clone(), what };
        if row.leaf != *digest.leaf.as_bytes() {
            return Err(changed(self.blame(index)?).into());
        }
        if let Err(what) = self.check_filing(index, row, digest)? {
            return Err(changed(what).into());
        }
        let complete: Vec<Node> = self.frontier.append(digest.leaf).filter(tree::is_kept).collect();
        complete.iter().try_for_each(|node| self.check_subtree(node))?;
        self.check_signed()
    }

    /// Whether this process would have filed the entry so. Where it is filed decides what is found of a device, and what may occur again.
    fn check_filing(&mut self, index: u64, row: &Row, digest: &Digest) -> Result<Result<(), Changed>, LedgerError> {
        if index == 0 {
            let genesis = row.kind == GENESIS && log_name(&row.octets).is_ok() && row.once.is_none() && row.device.is_none();
            return Ok(genesis.then_some(()).ok_or(Changed::Filing));
        }
        let Ok(facts) = &digest.facts else { return Ok(Err(Changed::Filing)) };
        let (device, filed) = match (&facts.device, row.device) {
            (Some(device), Some(filed)) => (device, file::index(filed)?),
            (None, None) if row.once.is_none() => return Ok(Ok(())),
            (Some(_) | None, Some(_) | None) => return Ok(Err(Changed::Filing)),
        };
        if let Some(key) = &facts.makes {
            if filed != index {
                return Ok(Err(Changed::Filing));
            }
            self.lists.expect(device, key, index);
            self.last = Some((device.clone(), index));
            return Ok(row.once.is_none().then_some(()).ok_or(Changed::Once));
        }
        let made = match &self.last {
            Some((last, made)) if last == device => Some(*made),
            Some(_) | None => find::made(self.connection, device).map_err(unavailable)?.inspect(|made| self.last = Some((device.clone(), *made))),
        };
        Ok(match made {
            Some(made) if made != filed => Err(Changed::Filing),
            None => Err(Changed::Filing),
            Some(_) if facts.once != row.once => Err(Changed::Once),
            Some(made) => (made < index).then_some(()).ok_or(Changed::Order),
        })
    }

    fn check_subtree(&mut self, node: &Node) -> Result<(), VerifyLedgerError> {
        let (height, first) = (node.level, node.index << node.level);
        let last = first + ((1 << node.level) - 1);
        self.subtrees += 1;
        match tree::subtree(self.connection, height, node.index)? {
            Some(kept) if kept == node.hash => Ok(()),
            Some(_) => Err(Damage::Subtree { height, first, last }.into()),
            None => Err(Damage::SubtreeMissing { height, first, last }.into()),
        }
    }

    fn check_signed(&self) -> Result<(), VerifyLedgerError> {
        match self.signed.filter(|signed| signed.size == self.frontier.size()) {
            Some(signed) if signed.root != self.frontier.root() => {
                Err(Damage::OtherTree { size: signed.size, found: self.frontier.root(), signed: signed.root }.into())
            }
            Some(_) | None => Ok(()),
        }
    }

    fn finish(self) -> Result<TreeHead, VerifyLedgerError> {
        let head = TreeHead { size: self.frontier.size(), root: self.frontier.root() };
        let kept = self.connection.query_row("SELECT count(*) FROM subtree", (), |row| row.get(0));
        let surplus = file::index(kept.map_err(unavailable)?)?.saturating_sub(self.subtrees);
        if let Some(signed) = self.signed.filter(|signed| signed.size > head.size) {
            return Err(Damage::Shortened { first: head.size, signed: signed.size }.into());
        }
        match surplus {
            0 => Ok(head),
            surplus => Err(Damage::Surplus { surplus }.into()),
        }
    }

    /// Which of the two was changed where an entry's octets and leaf hash do not fit each other: the one that leads to another hash above them than was kept or signed.
    fn blame(&self, index: u64) -> Result<Changed, LedgerError> {
        let first = index - index % tree::SPAN;
        let subtree = tree::subtree(self.connection, 8, index / tree::SPAN)?;
        let signed = self.signed.filter(|signed| signed.size > index && signed.size <= first + tree::SPAN);
        let (end, above) = match (subtree, signed) {
            (Some(subtree), _) => (first + tree::SPAN, subtree),
            (None, Some(signed)) => (signed.size, signed.root),
            (None, None) => return Ok(Changed::OctetsOrLeafHash),
        };
        let leads_there = |leaves: Vec<Hash>| match subtree {
            _ if leaves.len() as u64 != end - first => false,
            Some(_) => tree::joined(leaves) == above,
            None => {
                let mut frontier = self.frontier.clone();
                for leaf in leaves.into_iter().skip((index - first) as usize) {
                    let _completed = frontier.append(leaf);
                }
                frontier.root() == above
            }
        };
        let (by_octets, by_leaf_hash) = self.leaves(first, end).map_err(unavailable)?;
        Ok(match (leads_there(by_octets), leads_there(by_leaf_hash)) {
            (false, true) => Changed::Octets,
            (true, false) => Changed::LeafHash,
            (true, true) | (false, false) => Changed::OctetsOrLeafHash,
        })
    }

    /// The leaves of these entries, made of their octets and as they are kept.
    fn leaves(&self, first: u64, end: u64) -> rusqlite::Result<(Vec<Hash>, Vec<Hash>)> {
        let mut find = self.connection.prepare("SELECT octets, leaf_hash FROM entry WHERE leaf_index >= ?1 AND leaf_index < ?2 ORDER BY leaf_index")?;
        let rows = find.query_map((file::row(first)?, file::row(end)?), |row| {
            let made = leaf_hash(row.get_ref(0)?.as_blob()?);
            Ok((made, Hash::from(row.get::<_, [u8; 32]>(1)?)))
        })?;
        rows.collect()
    }
}
