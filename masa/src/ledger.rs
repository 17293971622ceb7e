//! The ledger: an append-only log of what this MASA made, said and vouched for. Nothing in it is ever changed or removed.
//!
//! Every entry is a string of octets at an index without gaps, with the RFC 9162 leaf hash of those octets beside it, so that a Merkle tree can be grown over it at any time.
//! Entry 0 is the log's genesis. [`MemoryLedger`] and `SqliteLedger` live here; [`Masa`](crate::Masa) alone calls in.

mod entry;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(test)]
mod tests;

use core::ops::Range;
use std::path::PathBuf;

use brski_common::{BoxFuture, DecodeError, DeviceId};

pub use entry::{Entry, Made, Standing, Stated, Vouched};
pub use memory::MemoryLedger;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteLedger;

use crate::history::History;

/// Append-only store of [`Entry`]s. There is no update and no delete.
pub trait Ledger: Send + Sync {
    /// Appends all of `entries`, side by side, or none of them, and says which indexes they got.
    ///
    /// Resolves to `Ok` only once they survive a crash: an implementation that answers early lets a MASA vouch for a device it will not remember.
    /// What is [`Unique`] is checked in the same step, so that of two contradicting appends exactly one succeeds however they race.
    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<Range<u64>, LedgerError>>;

    /// Everything known of one device, including all that was acknowledged before the call; `None` if it was never made here.
    fn history<'a>(&'a self, device: &'a DeviceId) -> BoxFuture<'a, Result<Option<History>, LedgerError>>;
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
    /// The store failed. Nothing that was being appended was acknowledged.
    #[error("the ledger did not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
