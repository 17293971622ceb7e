//! The ledger: an append-only log of what this MASA made, said and vouched for. Nothing in it is ever changed or removed.
//!
//! It is a transparency log: every entry is a string of octets at an index without gaps, and its RFC 9162 leaf hash is a leaf of the Merkle tree that grows with the ledger.
//! Entry 0 is the log's genesis. [`MemoryLedger`] and `SqliteLedger` live here; [`Masa`](crate::Masa) alone calls in.

mod entry;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(test)]
mod tests;
mod tree;

use core::ops::Range;
use std::path::PathBuf;

use brski_common::log::{Hash, ProofError};
use brski_common::refusal::TestimonyFault;
use brski_common::{BoxFuture, DecodeError, DeviceId, SerialNumber, SpkiDigest};

pub use entry::{Customer, Entry, Lost, Made, Marked, Owned, OwnerChange, Pinned, Restored, Scope, Standing, Stated, Vouched, VoucherContent};
pub use memory::MemoryLedger;
#[cfg(feature = "sqlite")]
pub(crate) use sqlite::Worker;
#[cfg(all(test, feature = "sqlite"))]
pub(crate) use sqlite::tests::Folder;
#[cfg(feature = "sqlite")]
pub use sqlite::{Changed, Damage, Migration, Purpose, SqliteLedger, VerifyLedgerError, migrate, verify};
pub use tree::TreeHead;

use crate::history::History;
pub use crate::manufacture::seed_register::Seeds;

/// Append-only store of [`Entry`]s. There is no update and no delete.
pub trait Ledger: Send + Sync {
    /// Appends all of `entries`, side by side, or none of them, and says which indexes they got.
    ///
    /// Resolves to `Ok` only once they survive a crash: an implementation that answers early lets a MASA vouch for a device it will not remember.
    /// What is [`Unique`] is checked in the same step, so that of two contradicting appends exactly one succeeds however they race.
    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<Range<u64>, LedgerError>>;

    /// Appends many groups of entries, each as [`append`](Self::append) does, and says of each what became of it, in the order of the groups. A later group finds what an
    /// earlier one appended, and a refused one takes nothing but itself back.
    ///
    /// Resolves once all that is told to be appended survives a crash. A ledger that makes many groups durable at once overrides it; for full speed give it some thousands.
    fn append_all(&self, groups: Vec<Vec<Entry>>) -> BoxFuture<'_, Vec<Result<Range<u64>, LedgerError>>> {
        Box::pin(async move {
            let mut outcomes = Vec::with_capacity(groups.len());
            for entries in groups {
                outcomes.push(self.append(entries).await);
            }
            outcomes
        })
    }

    /// The same for groups with keys that were derived from seeds of a batch: of one batch as many devices as it has seeds, whoever else appends.
    ///
    /// In the same step in which it appends, and before the first of them, a ledger [catches up](Seeds::catch_up), and it appends no group that is not
    /// [confirmed](Seeds::confirm). This one leaves it at what was decided before, which is enough for a ledger that one process uses.
    fn append_seeded(&self, groups: Vec<Vec<Entry>>, _seeds: Seeds) -> BoxFuture<'_, Vec<Result<Range<u64>, LedgerError>>> {
        self.append_all(groups)
    }

    /// Everything known of one device, including all that was acknowledged before the call; `None` if it was never made here.
    fn history<'a>(&'a self, device: &'a DeviceId) -> BoxFuture<'a, Result<Option<History>, LedgerError>>;

    /// The histories of many devices, in their order, each as [`history`](Self::history) tells it. A ledger that can look many up at once overrides it.
    fn histories<'a>(&'a self, devices: &'a [DeviceId]) -> BoxFuture<'a, Result<Vec<Option<History>>, LedgerError>> {
        Box::pin(async move {
            let mut histories = Vec::with_capacity(devices.len());
            for device in devices {
                histories.push(self.history(device).await?);
            }
            Ok(histories)
        })
    }

    /// Which device has this public key; `None` if it is free. A ledger that can look it up overrides it: this one reads all entries.
    fn holder<'a>(&'a self, key: &'a SpkiDigest) -> BoxFuture<'a, Result<Option<DeviceId>, LedgerError>> {
        Box::pin(async move {
            let mut from = 0;
            loop {
                let page = self.entries(from, 1024).await?;
                let Some((last, _)) = page.last() else { return Ok(None) };
                from = last.saturating_add(1);
                for (_, entry) in &page {
                    if let Entry::Made(made) = entry
                        && made.idevid.spki_digest() == *key
                    {
                        return Ok(Some(made.idevid.device().clone()));
                    }
                }
            }
        })
    }
    /// Every device with this serial number, one for each IDevID issuer that gave it to one, in the order of the issuers' key identifiers.
    fn devices<'a>(&'a self, serial: &'a SerialNumber) -> BoxFuture<'a, Result<Vec<DeviceId>, LedgerError>>;

    /// At most `most` entries from index `from` on, each with its index, without the genesis; empty behind the last. For those who look through all of it.
    fn entries(&self, from: u64, most: usize) -> BoxFuture<'_, Result<Vec<(u64, Entry)>, LedgerError>>;

    /// The Merkle tree over all entries, including all that were acknowledged before the call.
    fn head(&self) -> BoxFuture<'_, Result<TreeHead, LedgerError>>;

    /// The path that proves that entry `index` is in the tree of the first `size` entries (RFC 9162, section 2.1.3); 62 hashes at most.
    /// [`LedgerError::NoProof`] if it is not, [`LedgerError::NotSoLong`] if there are not so many entries.
    fn inclusion(&self, index: u64, size: u64) -> BoxFuture<'_, Result<Vec<Hash>, LedgerError>>;

    /// The path that proves that the tree of the first `new` entries continues that of the first `old` (RFC 9162, section 2.1.4); 63 hashes at most, none between
    /// equal trees. [`LedgerError::NoProof`] if the new one is smaller, [`LedgerError::NotSoLong`] if there are not so many entries.
    fn consistency(&self, old: u64, new: u64) -> BoxFuture<'_, Result<Vec<Hash>, LedgerError>>;
}

/// What occurs in a ledger at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Unique {
    /// A device, by IDevID issuer and serial number.
    #[error("the serial number")]
    Device,
    /// A public key, whichever the device.
    #[error("the public key")]
    PublicKey,
    /// A record's sequence number, for its device.
    #[error("the record's sequence number")]
    Record,
    /// A statement, for its device and sequence number.
    #[error("the statement's sequence number")]
    Statement,
    /// A voucher's nonce, for its device.
    #[error("the voucher's nonce")]
    Nonce,
}

/// A ledger that did not do what it was asked. A [`Conflict`](Self::Conflict) is the caller's, all else is trouble of our own.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Something [`Unique`] is already there; nothing was appended.
    #[error("{what} is already in the ledger, for {device}")]
    Conflict {
        /// What is there already.
        what: Unique,
        /// For which device.
        device: DeviceId,
    },
    /// The batch of seeds has none left for the device, or others know it otherwise; nothing was appended.
    #[error(transparent)]
    Seeds(TestimonyFault),
    /// An entry speaks of a device whose making is not on record; nothing was appended.
    #[error("the ledger does not know {0}")]
    UnknownDevice(DeviceId),
    /// An entry cannot be turned into octets; nothing was appended.
    #[error("an entry for the ledger cannot be encoded")]
    Encode(#[source] DecodeError),
    /// More appends or reads are waiting than the ledger is willing to queue.
    #[error("too many requests wait for the ledger")]
    Busy,
    /// The file cannot be opened or prepared.
    #[error("the ledger {} cannot be opened", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no file, or nothing in it: only `SqliteLedger::begin` makes one, so that a ledger that got lost is not followed by a new one unnoticed.
    #[error("the ledger {} is missing or empty: restore it from a backup; only `init` begins one, with a new manufacturer", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by another version, or is no ledger at all.
    #[error("{} has schema version {found}, expected {expected}: it is no ledger, or another version of this program wrote it", .path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// Its `user_version`.
        found: i64,
        /// Ours.
        expected: i64,
    },
    /// The file was written by an earlier version. It is brought up to date by hand, since that cannot be undone.
    #[error("{} has schema version {found}, and this program writes version {expected}: `brski-masa migrate` brings it up to date, after a backup", .path.display())]
    Outdated {
        /// The file.
        path: PathBuf,
        /// Its `user_version`.
        found: i64,
        /// Ours.
        expected: i64,
    },
    /// The file is the ledger of another log.
    #[error("the ledger {} is that of {found}, expected {expected}", .path.display())]
    OtherLog {
        /// The file.
        path: PathBuf,
        /// Log name in its genesis entry.
        found: String,
        /// The name it was opened under.
        expected: String,
    },
    /// An entry cannot be read back.
    #[error("entry {index} of the ledger cannot be read")]
    Corrupt {
        /// Which entry.
        index: u64,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
    /// What was asked to be proved is not so.
    #[error("there is no such proof")]
    NoProof(#[source] ProofError),
    /// A proof was wanted for a tree that the log has yet to reach.
    #[error("the log has {head} entries, not {size}")]
    NotSoLong {
        /// The tree's size.
        size: u64,
        /// Number of entries that there are.
        head: u64,
    },
    /// The hashes that the file keeps of its Merkle tree contradict each other or its entries: somebody wrote into it. Nothing was appended.
    #[error("the ledger's Merkle tree is damaged ({0}); `log verify` tells where")]
    Tree(String),
    /// The store failed. Nothing that was being appended was acknowledged.
    #[error("the ledger did not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
