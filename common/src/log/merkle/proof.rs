//! Proofs that a leaf is in a tree, and that one tree continues another (RFC 9162, sections 2.1.3 and 2.1.4).

use super::{Hash, joined, node_hash, peaks};

/// What a proof consists of: each element of its path as the complete subtrees that make it up.
///
/// All elements but one are complete subtrees themselves; the one at the right edge of the tree may be joined from several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    path: Vec<Vec<(u8, u64)>>,
}

impl Plan {
    /// For the proof that the leaf `index` is in the tree of `size` leaves (RFC 9162, section 2.1.3.1). The path of an only leaf is empty.
    ///
    /// # Errors
    /// [`ProofError::NoSuchLeaf`] if it is not.
    pub fn inclusion(index: u64, size: u64) -> Result<Self, ProofError> {
        if index >= size {
            return Err(ProofError::NoSuchLeaf);
        }
        let (mut path, mut tree) = (Vec::new(), Range { first: 0, size });
        while let Some((left, right)) = tree.halves() {
            let sibling = if index < right.first { right } else { left };
            tree = if index < right.first { left } else { right };
            path.push(sibling.subtrees());
        }
        path.reverse();
        Ok(Self { path })
    }

    /// For the proof that the tree of `new` leaves continues that of `old` (RFC 9162, section 2.1.4.1). Every tree continues the one without leaves, and itself;
    /// there is nothing to prove then, and the path is empty.
    ///
    /// # Errors
    /// [`ProofError::Shrinks`] if the new tree is the smaller one.
    pub fn consistency(old: u64, new: u64) -> Result<Self, ProofError> {
        if old > new {
            return Err(ProofError::Shrinks);
        }
        if old == 0 || old == new {
            return Ok(Self { path: Vec::new() });
        }
        let (mut path, mut tree) = (Vec::new(), Range { first: 0, size: new });
        while tree.end() != old
            && let Some((left, right)) = tree.halves()
        {
            let (next, other) = if old <= right.first { (left, right) } else { (right, left) };
            tree = next;
            path.push(other.subtrees());
        }
        // What begins at the first leaf is the old tree itself, whose root is known.
        if tree.first > 0 {
            path.push(tree.subtrees());
        }
        path.reverse();
        Ok(Self { path })
    }

    /// Level and index of all complete subtrees that the path takes, 128 at most.
    pub fn nodes(&self) -> impl Iterator<Item = (u8, u64)> + '_ {
        self.path.iter().flatten().copied()
    }

    /// The path, of subtrees that `lookup` finds by level and index.
    ///
    /// # Errors
    /// Whatever `lookup` says.
    pub fn path<E>(&self, mut lookup: impl FnMut(u8, u64) -> Result<Hash, E>) -> Result<Vec<Hash>, E> {
        let mut element = |subtrees: &Vec<(u8, u64)>| {
            let found: Result<Vec<Hash>, E> = subtrees.iter().map(|(level, index)| lookup(*level, *index)).collect();
            found.map(|hashes| joined(&hashes))
        };
        self.path.iter().map(&mut element).collect()
    }
}

/// Neighbouring leaves that have a node of their own above them: all but the last such range are complete subtrees.
#[derive(Clone, Copy)]
struct Range {
    first: u64,
    size: u64,
}

impl Range {
    /// The two subtrees below its node; none below a leaf.
    fn halves(self) -> Option<(Self, Self)> {
        let last = self.size.checked_sub(1).filter(|last| *last > 0)?;
        // The largest power of two that is smaller than the size.
        let left = 1 << last.ilog2();
        Some((Self { first: self.first, size: left }, Self { first: self.first + left, size: self.size - left }))
    }

    fn end(self) -> u64 {
        self.first + self.size
    }

    /// The complete subtrees in it. It begins where a subtree of its size or a larger one would begin.
    fn subtrees(self) -> Vec<(u8, u64)> {
        peaks(self.size).map(|(level, index)| (level, index + (self.first >> level))).collect()
    }
}

/// A proof that proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The leaf's index is not below the tree's size.
    #[error("the tree has no leaf with this index")]
    NoSuchLeaf,
    /// The newer tree has fewer leaves.
    #[error("the newer tree has fewer leaves than the older one")]
    Shrinks,
    /// The path has more or fewer elements than index and size demand.
    #[error("the path is not as long as leaves of these numbers demand")]
    WrongLength,
    /// The path leads elsewhere.
    #[error("the path does not lead to the root")]
    WrongRoot,
    /// The path does not begin at the older tree.
    #[error("the path does not begin at the older root")]
    WrongOldRoot,
}

/// Checks that `leaf` is the leaf `index` of the tree with `size` leaves and this root (RFC 9162, section 2.1.3.2).
///
/// # Errors
/// [`ProofError`] if the path does not prove it.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> Result<(), ProofError> {
    match included_root(leaf, index, size, path)? == *root {
        true => Ok(()),
        false => Err(ProofError::WrongRoot),
    }
}

/// The root of the tree in which this path puts the leaf.
pub(crate) fn included_root(leaf: &Hash, index: u64, size: u64, path: &[Hash]) -> Result<Hash, ProofError> {
    let last = size.checked_sub(1).filter(|last| index <= *last).ok_or(ProofError::NoSuchLeaf)?;
    let mut climb = Climb { node: index, last };
    let mut root = *leaf;
    for sibling in path {
        root = match climb.step()? {
            Side::Left => node_hash(sibling, &root),
            Side::Right => node_hash(&root, sibling),
        };
    }
    climb.arrived().map(|()| root)
}

/// Checks that the tree with `new_size` leaves and `new_root` begins with the leaves of the one with `old_size` and `old_root` (RFC 9162, section 2.1.4.2).
///
/// An empty path proves that a tree continues the one without leaves, and itself.
///
/// # Errors
/// [`ProofError`] if the path does not prove it.
pub fn verify_consistency(old_size: u64, old_root: &Hash, new_size: u64, new_root: &Hash, path: &[Hash]) -> Result<(), ProofError> {
    match consistent_root(old_size, old_root, new_size, path)? {
        Some(found) if found != *new_root => Err(ProofError::WrongRoot),
        Some(_) | None => Ok(()),
    }
}

/// The root of the newer tree to which this path leads from the older one; none if any tree would do, since there were no leaves.
pub(crate) fn consistent_root(old_size: u64, old_root: &Hash, new_size: u64, path: &[Hash]) -> Result<Option<Hash>, ProofError> {
    let (Some(old_last), Some(new_last)) = (old_size.checked_sub(1), new_size.checked_sub(1)) else {
        // One of them has no leaves: the older, or there are fewer than there were.
        return match (old_size, path) {
            (1.., _) => Err(ProofError::Shrinks),
            (0, [_, ..]) => Err(ProofError::WrongLength),
            (0, []) if *old_root != Hash::of_empty_tree() => Err(ProofError::WrongOldRoot),
            (0, []) => Ok((new_size == 0).then_some(*old_root)),
        };
    };
    match (old_size.cmp(&new_size), path) {
        (core::cmp::Ordering::Greater, _) => return Err(ProofError::Shrinks),
        (core::cmp::Ordering::Equal, []) => return Ok(Some(*old_root)),
        (core::cmp::Ordering::Equal, _) => return Err(ProofError::WrongLength),
        (core::cmp::Ordering::Less, _) => {}
    }
    let mut climb = Climb { node: old_last, last: new_last };
    climb.skip_right_sides();
    // A complete older tree is a node of the newer one, where the path begins without saying so.
    let (start, path) = match old_size.is_power_of_two() {
        true => (old_root, path),
        false => path.split_first().ok_or(ProofError::WrongLength)?,
    };
    let (mut older, mut newer) = (*start, *start);
    for sibling in path {
        match climb.step()? {
            Side::Left => {
                older = node_hash(sibling, &older);
                newer = node_hash(sibling, &newer);
            }
            Side::Right => newer = node_hash(&newer, sibling),
        }
    }
    climb.arrived()?;
    match older == *old_root {
        true => Ok(Some(newer)),
        false => Err(ProofError::WrongOldRoot),
    }
}

/// The way from a node to the root: fn and sn of RFC 9162.
struct Climb {
    node: u64,
    /// The last node of the same level.
    last: u64,
}

/// On which side of the way a sibling stands.
enum Side {
    Left,
    Right,
}

impl Climb {
    /// Goes past the next sibling.
    fn step(&mut self) -> Result<Side, ProofError> {
        if self.last == 0 {
            return Err(ProofError::WrongLength);
        }
        let side = match self.node & 1 == 1 || self.node == self.last {
            true => {
                // A last node without sibling rises as it is.
                while self.node & 1 == 0 && self.node != 0 {
                    self.up();
                }
                Side::Left
            }
            false => Side::Right,
        };
        self.up();
        Ok(side)
    }

    fn skip_right_sides(&mut self) {
        while self.node & 1 == 1 {
            self.up();
        }
    }

    fn up(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }

    fn arrived(&self) -> Result<(), ProofError> {
        match self.last {
            0 => Ok(()),
            1.. => Err(ProofError::WrongLength),
        }
    }
}
