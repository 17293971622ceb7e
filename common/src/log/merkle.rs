//! The Merkle tree of RFC 9162, section 2.1, with SHA-256: its hashes, and the right edge from which it grows.

mod proof;

use core::fmt;

use aws_lc_rs::digest::{Context, SHA256, digest};

pub use self::proof::{Plan, ProofError, verify_consistency, verify_inclusion};
pub(crate) use self::proof::{consistent_root, included_root};
use crate::codec;
use crate::error::DecodeError;

/// The hash of a leaf, of a node or of the whole tree. Shown in hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The root of the tree without leaves: the digest of nothing (RFC 9162, section 2.1.1).
    pub fn of_empty_tree() -> Self {
        Self(codec::sha256(&[]))
    }

    /// Its octets.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Hash {
    fn from(octets: [u8; 32]) -> Self {
        Self(octets)
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = DecodeError;
    fn try_from(octets: &[u8]) -> Result<Self, DecodeError> {
        octets.try_into().map(Self).map_err(|_| DecodeError::InvalidField { field: "hash", expected: "32 octets" })
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&codec::hex(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// The hash of the leaf for this entry of the log.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(entry);
    taken(context.finish().as_ref())
}

/// The hash of the node above these two.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut octets = [1; 65];
    octets[1..33].copy_from_slice(&left.0);
    octets[33..].copy_from_slice(&right.0);
    taken(digest(&SHA256, &octets).as_ref())
}

fn taken(digest: &[u8]) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest);
    Hash(hash)
}

/// The root of a complete subtree: `2^level` leaves, of which the first has the number `index * 2^level`. It never changes once it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Height above the leaves, which are at 0.
    pub level: u8,
    /// Number among the subtrees of this level, from the left.
    pub index: u64,
    /// The subtree's root.
    pub hash: Hash,
}

/// The right edge of a growing tree: as much of it as the next leaf needs.
#[derive(Clone, Debug, Default)]
pub struct Frontier {
    size: u64,
    /// Roots of the complete subtrees side by side, the largest and leftmost first: one for each bit of the size.
    peaks: Vec<Hash>,
    /// What the last leaf completed; kept so that no leaf allocates.
    completed: Vec<Hash>,
}

/// Most leaves of a tree that still grows. More than anybody will ever write, and so far from the limit of the numbers that no sum overflows.
pub const LARGEST: u64 = 1 << 62;

impl Frontier {
    /// That of a tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// That of a tree with `size` leaves, whose complete subtrees have these roots in the order of [`peaks`].
    ///
    /// # Errors
    /// [`DecodeError`] if the tree is too large to grow or there are more or fewer roots than its size demands.
    pub fn from_parts(size: u64, peaks: Vec<Hash>) -> Result<Self, DecodeError> {
        if size > LARGEST {
            return Err(DecodeError::InvalidField { field: "tree size", expected: "at most 2^62" });
        }
        match peaks.len() == size.count_ones() as usize {
            true => Ok(Self { size, peaks, completed: Vec::new() }),
            false => Err(DecodeError::InvalidField { field: "peaks", expected: "one for each bit that is set in the tree size" }),
        }
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the complete subtrees, in the order of [`peaks`].
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Adds a leaf and returns the subtrees that are complete by it, itself first: two on average. A store keeps them all; proofs are made of nothing else.
    pub fn append(&mut self, leaf: Hash) -> impl ExactSizeIterator<Item = Node> + '_ {
        let index = self.size;
        self.completed.clear();
        self.completed.push(leaf);
        let mut top = leaf;
        // Each bit that is carried joins two subtrees of one size.
        for _ in 0..index.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                top = node_hash(&left, &top);
                self.completed.push(top);
            }
        }
        self.peaks.push(top);
        self.size += 1;
        (0..64).zip(&self.completed).map(move |(level, hash)| Node { level, index: index >> level, hash: *hash })
    }

    /// The root of the tree as it is now.
    pub fn root(&self) -> Hash {
        joined(&self.peaks)
    }
}

/// Level and index of the complete subtrees that stand side by side in a tree of `size` leaves, the largest and leftmost first.
pub fn peaks(size: u64) -> impl Iterator<Item = (u8, u64)> {
    // The bits above a level say where its subtree stands.
    (0..64u8).rev().filter(move |level| size >> level & 1 == 1).map(move |level| (level, (size >> level) - 1))
}

/// The root over neighbours of decreasing size.
fn joined(peaks: &[Hash]) -> Hash {
    let mut from_the_right = peaks.iter().rev();
    match from_the_right.next() {
        Some(last) => from_the_right.fold(*last, |right, left| node_hash(left, &right)),
        None => Hash::of_empty_tree(),
    }
}

#[cfg(test)]
mod tests;
