//! What can be found wrong in a ledger's file.

use brski_common::log::Hash;

use crate::ledger::LedgerError;

/// What somebody did to a ledger: the first thing that is found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// There is a gap, or nothing at all.
    #[error("entry {index} is missing")]
    Missing {
        /// Which entry.
        index: u64,
    },
    /// What holds an entry cannot be read.
    #[error("entry {index} cannot be read: {problem}")]
    Unreadable {
        /// Which entry, or one that follows it.
        index: u64,
        /// What SQLite says.
        problem: String,
    },
    /// An entry is not what it was.
    #[error("entry {index} ({kind}) was changed: {what}")]
    Entry {
        /// Which entry.
        index: u64,
        /// Its kind, as it is filed.
        kind: String,
        /// What of it.
        what: Changed,
    },
    /// A hash of the tree is gone.
    #[error("the hash over entries {first} to {last} (height {height}) is missing")]
    SubtreeMissing {
        /// The subtree's height.
        height: u8,
        /// Its first entry.
        first: u64,
        /// Its last entry.
        last: u64,
    },
    /// The entries are in harmony with their leaf hashes, but not with the hash that was kept over them.
    #[error(
        "entries {first} to {last} are not those over which the hash of height {height} was made: one of them was changed with its leaf hash, or that hash was"
    )]
    Subtree {
        /// The subtree's height.
        height: u8,
        /// Its first entry.
        first: u64,
        /// Its last entry.
        last: u64,
    },
    /// There are more hashes than the entries make up.
    #[error("{surplus} hashes are kept over entries that are not there")]
    Surplus {
        /// How many.
        surplus: u64,
    },
    /// The newest entries are gone.
    #[error("entry {first} is missing, and all after it: the checkpoint was signed over {signed} entries")]
    Shortened {
        /// Number of entries that are there, which is the index of the first that is not.
        first: u64,
        /// The signed size.
        signed: u64,
    },
    /// A device is on the list without an entry.
    #[error("the device {serial} is listed as made by entry {entry}, which does not say so")]
    Device {
        /// The entry that it is listed for.
        entry: i64,
        /// Its serial number.
        serial: String,
    },
    /// A public key is on the list without an entry.
    #[error("a public key is listed as that of entry {entry}, which makes no device with it")]
    Key {
        /// The entry that it is listed for.
        entry: i64,
    },
    /// Something in the file is not of a ledger, such as a trigger that swallows entries.
    #[error("the {kind} {name} does not belong to a ledger")]
    Foreign {
        /// A table, an index, a trigger or a view.
        kind: String,
        /// Its name.
        name: String,
    },
    /// A part of the file that protects the entries is not as this version makes it.
    #[error("the {kind} {name} is missing, or is not as this version makes it")]
    Part {
        /// A table, an index or a trigger.
        kind: String,
        /// Its name.
        name: String,
    },
    /// SQLite itself finds the file inconsistent, such as an index without some of its rows: entries would not be found there.
    #[error("the file contradicts itself: {0}")]
    File(String),
    /// The log was written anew.
    #[error("the first {size} entries are not those that the checkpoint was signed over: their root is {found}, signed was {signed}")]
    OtherTree {
        /// The signed size.
        size: u64,
        /// The root over the entries.
        found: Hash,
        /// The signed root.
        signed: Hash,
    },
}

/// What of an entry was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Changed {
    /// Its octets: the hashes above it are those of its leaf hash.
    #[error("its octets")]
    Octets,
    /// Its leaf hash: the hashes above it are those of its octets.
    #[error("its leaf hash")]
    LeafHash,
    /// One of the two, and nothing above them tells which.
    #[error("its octets or its leaf hash, which do not fit each other")]
    OctetsOrLeafHash,
    /// The kind or the device under which it is filed.
    #[error("its octets are no entry of the kind and device that it is filed under")]
    Filing,
    /// The key under which its device is found.
    #[error("its device is filed under another public key than that of its certificate")]
    Key,
    /// Its key, which another device has.
    #[error("its device has the public key of one that was made before")]
    KeyTwice,
    /// What is not to occur again.
    #[error("it is filed under another number or nonce than its own, so that this could occur again")]
    Once,
    /// Its place among the entries of its device.
    #[error("a device is made by its first entry and by no other")]
    Order,
}

/// Why a ledger could not be verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyLedgerError {
    /// It was read, and is not what it was.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// It cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}
