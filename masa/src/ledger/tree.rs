//! The Merkle tree over the entries (RFC 9162, section 2.1), as far as every ledger has it.

use brski_common::log::{Hash, Plan};

use super::LedgerError;

/// A state of the log: how many entries it has, and the root over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeHead {
    /// Number of entries, the genesis included.
    pub size: u64,
    /// Root of the tree over their leaf hashes.
    pub root: Hash,
}

/// What a proof that the entry `index` is in the tree of `size` entries consists of, for a ledger that has `head` entries now.
pub(super) fn plan_inclusion(index: u64, size: u64, head: u64) -> Result<Plan, LedgerError> {
    check_size(size, head)?;
    Plan::inclusion(index, size).map_err(LedgerError::NoProof)
}

/// What a proof that the tree of `new` entries continues that of `old` consists of, for a ledger that has `head` entries now.
pub(super) fn plan_consistency(old: u64, new: u64, head: u64) -> Result<Plan, LedgerError> {
    check_size(new, head)?;
    Plan::consistency(old, new).map_err(LedgerError::NoProof)
}

fn check_size(size: u64, head: u64) -> Result<(), LedgerError> {
    match size <= head {
        true => Ok(()),
        false => Err(LedgerError::NotSoLong { size, head }),
    }
}
