//! The Merkle tree of every ledger.

use brski_common::log::{Frontier, leaf_hash, verify_consistency, verify_inclusion};

use super::*;
use crate::ledger::entry::genesis;

/// A device and so many entries in all, the genesis included.
fn filled(ledger: &Arc<dyn Ledger>, size: u64) -> Vec<Hash> {
    let pledge = Maker::new().pledge("JADA123");
    let entries: Vec<Entry> = core::iter::once(made(&pledge)).chain((2..size).map(|octet| vouched(&pledge, Some(numbered(octet))))).collect();
    let octets = entries.iter().map(|entry| entry.to_octets().unwrap());
    let leaves = core::iter::once(genesis("masa.example.com", NOW).unwrap()).chain(octets).map(|octets| leaf_hash(&octets)).collect();
    // In several appends, of which none ends with a subtree.
    for group in entries.chunks(100) {
        block_on(ledger.append(group.to_vec())).unwrap();
    }
    leaves
}

fn numbered(number: u64) -> Nonce {
    Nonce::from_bytes(&[&[0; 8][..], &number.to_be_bytes()].concat()).unwrap()
}

fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::new();
    for leaf in leaves {
        let _completed = frontier.append(*leaf);
    }
    frontier.root()
}

#[test]
fn head_is_the_root_over_all_entries() {
    each(|ledger| {
        let leaves = filled(ledger, 600);
        assert_eq!(block_on(ledger.head()).unwrap(), TreeHead { size: 600, root: root(&leaves) });
    });
}

#[test]
fn new_ledger_is_a_tree_of_its_genesis() {
    each(|ledger| {
        let genesis = leaf_hash(&genesis("masa.example.com", NOW).unwrap());
        assert_eq!(block_on(ledger.head()).unwrap(), TreeHead { size: 1, root: genesis });
    });
}

#[test]
fn entry_is_proved_to_be_in_every_tree_that_has_it() {
    each(|ledger| {
        let leaves = filled(ledger, 600);
        for size in [2, 255, 256, 257, 511, 512, 513, 600] {
            let root = root(&leaves[..usize::try_from(size).unwrap()]);
            for index in (0..size).filter(|index| index % 37 == 0 || *index == size - 1) {
                let path = block_on(ledger.inclusion(index, size)).unwrap();
                assert_eq!(verify_inclusion(&leaves[usize::try_from(index).unwrap()], index, size, &path, &root), Ok(()), "{index} of {size}");
            }
        }
    });
}

#[test]
fn tree_is_proved_to_continue_every_older_one() {
    each(|ledger| {
        let leaves = filled(ledger, 600);
        let root = |size: u64| root(&leaves[..usize::try_from(size).unwrap()]);
        for (old, new) in [(1, 2), (255, 256), (256, 257), (256, 600), (300, 512), (511, 513), (599, 600), (600, 600)] {
            let path = block_on(ledger.consistency(old, new)).unwrap();
            assert_eq!(verify_consistency(old, &root(old), new, &root(new), &path), Ok(()), "{old} to {new}");
        }
    });
}

#[test]
fn what_is_not_so_is_not_proved() {
    each(|ledger| {
        filled(ledger, 10);
        let no_proof = |outcome: Result<Vec<Hash>, LedgerError>| match outcome.unwrap_err() {
            LedgerError::NoProof(err) => err,
            other => panic!("{other:?}"),
        };
        assert_eq!(no_proof(block_on(ledger.inclusion(10, 10))), ProofError::NoSuchLeaf);
        assert_eq!(no_proof(block_on(ledger.consistency(9, 8))), ProofError::Shrinks);
        for outcome in [block_on(ledger.inclusion(0, 11)), block_on(ledger.consistency(1, 11)), block_on(ledger.inclusion(u64::MAX, u64::MAX))] {
            assert!(matches!(outcome, Err(LedgerError::NotSoLong { head: 10, .. })), "{outcome:?}");
        }
    });
}

#[test]
fn refused_append_does_not_grow_the_tree() {
    each(|ledger| {
        filled(ledger, 300);
        let before = block_on(ledger.head()).unwrap();
        let other = Maker::new().pledge("JADA124");
        assert_eq!(conflict(block_on(ledger.append(vec![made(&other), made(&other)]))), Unique::Device);
        assert_eq!(block_on(ledger.head()).unwrap(), before);
    });
}
