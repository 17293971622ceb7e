//! Reads a whole ledger again and compares everything with everything else: octets, what they are filed under, leaf hashes, subtrees, the tree that was signed, and the
//! file's own schema.

use std::collections::HashSet;
use std::path::Path;

use brski_common::log::{Frontier, Hash, Node, leaf_hash};
use rusqlite::{Connection, OpenFlags, Row, TransactionBehavior};

use super::damage::{Changed, Damage, VerifyLedgerError};
use super::{file, schema, tree, unavailable};
use crate::ledger::entry::{GENESIS, log_name};
use crate::ledger::{Entry, LedgerError, TreeHead};

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
    let found = file::recognise(&connection, path)?;
    if found != file::SCHEMA {
        return Err(VerifyLedgerError::Outdated { path: path.to_owned(), found });
    }
    let snapshot = connection.transaction_with_behavior(TransactionBehavior::Deferred).map_err(unavailable)?;
    if !snapshot.query_row("SELECT EXISTS (SELECT 1 FROM entry WHERE leaf_index = 0)", (), |row| row.get(0)).map_err(unavailable)? {
        return Err(Damage::Missing { index: 0 }.into());
    }
    let mut run = Run { connection: &snapshot, signed, frontier: Frontier::new(), subtrees: 0, made: HashSet::new() };
    run.read_all(progress)?;
    let head = run.finish()?;
    schema::check_file(&snapshot)?;
    schema::check_devices(&snapshot)?;
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
    /// Rows of the devices whose making was read.
    made: HashSet<i64>,
}

impl Run<'_> {
    fn read_all(&mut self, progress: &mut dyn FnMut(u64)) -> Result<(), VerifyLedgerError> {
        let find = "SELECT leaf_index, leaf_hash, kind, octets, once, entry.device, serial, issuer, spki FROM entry LEFT JOIN device ON device.id = entry.device ORDER BY leaf_index";
        let mut find = self.connection.prepare(find).map_err(unavailable)?;
        let mut rows = find.query(()).map_err(unavailable)?;
        while let Some(row) = rows.next().map_err(unavailable)? {
            self.read(row)?;
            if self.frontier.size().is_multiple_of(PROGRESS) {
                progress(self.frontier.size());
            }
        }
        Ok(())
    }

    fn read(&mut self, row: &Row<'_>) -> Result<(), VerifyLedgerError> {
        let index = self.frontier.size();
        if row.get::<_, i64>(0).map_err(unavailable)? != file::row(index).map_err(unavailable)? {
            return Err(Damage::Missing { index }.into());
        }
        let read = || Ok((row.get_ref(1)?.as_blob()?, row.get_ref(2)?.as_str()?, row.get_ref(3)?.as_blob()?, Filed::read(row)?));
        let (kept, kind, octets, filed) = read().map_err(|err: rusqlite::Error| unavailable(err))?;
        let leaf = leaf_hash(octets);
        let changed = |what| Damage::Entry { index, kind: kind.to_owned(), what };
        if kept != leaf.as_bytes() {
            return Err(changed(self.blame(index)?).into());
        }
        self.check_filing(kind, octets, &filed).map_err(changed)?;
        let complete: Vec<Node> = self.frontier.append(leaf).filter(tree::is_kept).collect();
        complete.iter().try_for_each(|node| self.check_subtree(node))?;
        self.check_signed()
    }

    /// Whether this process would have filed the entry so. Where it is filed decides what is found of a device, and what may occur again.
    fn check_filing(&mut self, kind: &str, octets: &[u8], filed: &Filed<'_>) -> Result<(), Changed> {
        let Some(device) = &filed.device else {
            let genesis = self.frontier.size() == 0 && kind == GENESIS && log_name(octets).is_ok() && filed.once.is_none();
            return genesis.then_some(()).ok_or(Changed::Filing);
        };
        let entry = Entry::from_octets(kind, octets).map_err(|_| Changed::Filing)?;
        if entry.device().serial.as_str() != device.serial || entry.device().issuer.as_bytes() != device.issuer {
            return Err(Changed::Filing);
        }
        if entry.once().map(|(_, value)| value).as_deref() != filed.once {
            return Err(Changed::Once);
        }
        let in_order = match &entry {
            Entry::Made(made) if made.idevid.spki_digest().0 != device.spki => return Err(Changed::Key),
            Entry::Made(_) => self.made.insert(device.row),
            Entry::Recorded(_) | Entry::Stated(_) | Entry::Vouched(_) | Entry::Standing(_) => self.made.contains(&device.row),
        };
        in_order.then_some(()).ok_or(Changed::Order)
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

/// What an entry is filed under.
struct Filed<'a> {
    once: Option<&'a [u8]>,
    device: Option<Device<'a>>,
}

/// A device as it is listed.
struct Device<'a> {
    row: i64,
    serial: &'a str,
    issuer: &'a [u8],
    spki: &'a [u8],
}

impl<'a> Filed<'a> {
    fn read(row: &'a Row<'_>) -> rusqlite::Result<Self> {
        let device = match (row.get(5)?, row.get_ref(6)?.as_str_or_null()?, row.get_ref(7)?.as_blob_or_null()?, row.get_ref(8)?.as_blob_or_null()?) {
            (Some(row), Some(serial), Some(issuer), Some(spki)) => Some(Device { row, serial, issuer, spki }),
            // No device, or one that is not listed.
            _ => None,
        };
        Ok(Self { once: row.get_ref(4)?.as_blob_or_null()?, device })
    }
}

/// After how many entries to tell how far it is.
const PROGRESS: u64 = 10_000;
