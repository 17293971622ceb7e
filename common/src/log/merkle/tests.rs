//! Trees of every size up to 130, against the definitions of RFC 9162 taken word for word.

use std::collections::HashMap;

use super::*;

const SIZES: u64 = 130;

fn leaf(number: u64) -> Hash {
    leaf_hash(&number.to_be_bytes())
}

/// A tree with these leaves: its frontier and all nodes that it ever completed.
fn grown(leaves: impl IntoIterator<Item = Hash>) -> (Frontier, HashMap<(u8, u64), Hash>) {
    let (mut frontier, mut nodes) = (Frontier::new(), HashMap::new());
    for leaf in leaves {
        for node in frontier.append(leaf) {
            assert_eq!(nodes.insert((node.level, node.index), node.hash), None);
        }
    }
    (frontier, nodes)
}

/// MTH, PATH and SUBPROOF as RFC 9162 writes them (sections 2.1.1, 2.1.3.1 and 2.1.4.1).
mod naive {
    use super::*;

    fn split(leaves: &[Hash]) -> (&[Hash], &[Hash]) {
        leaves.split_at(leaves.len().next_power_of_two() / 2)
    }

    pub(super) fn root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash(codec::sha256(b"")),
            [leaf] => *leaf,
            _ => {
                let (left, right) = split(leaves);
                Hash(codec::sha256(&[&[1], &root(left).0[..], &root(right).0].concat()))
            }
        }
    }

    pub(super) fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let (left, right) = split(leaves);
        let (mut path, sibling) = if index < left.len() { (path(index, left), root(right)) } else { (path(index - left.len(), right), root(left)) };
        path.push(sibling);
        path
    }

    pub(super) fn consistency(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
        if old == leaves.len() {
            return if whole { Vec::new() } else { vec![root(leaves)] };
        }
        let (left, right) = split(leaves);
        let (mut path, sibling) =
            if old <= left.len() { (consistency(old, left, whole), root(right)) } else { (consistency(old - left.len(), right, false), root(left)) };
        path.push(sibling);
        path
    }
}

/// The path of a plan, from these nodes.
fn path(plan: Plan, nodes: &HashMap<(u8, u64), Hash>) -> Vec<Hash> {
    let found = plan.path(|level, index| nodes.get(&(level, index)).copied().ok_or((level, index)));
    found.unwrap_or_else(|missing| panic!("no subtree {missing:?} is complete"))
}

/// Everything that differs from `path` in one element: changed, missing or added.
fn distorted(path: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = vec![[path, &[leaf(9)]].concat(), [&[leaf(9)], path].concat()];
    for i in 0..path.len() {
        let mut changed = path.to_vec();
        changed[i].0[31] ^= 1;
        let mut shorter = path.to_vec();
        shorter.remove(i);
        let mut longer = path.to_vec();
        longer.insert(i, path[i]);
        all.extend([changed, shorter, longer]);
    }
    all
}

#[test]
fn leaves_of_the_well_known_example_have_the_published_roots() {
    let entries = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut frontier = Frontier::new();
    assert_eq!(frontier.root().to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (entry, root) in entries.iter().zip(roots) {
        let _ = frontier.append(leaf_hash(&codec::unhex("entry", entry).unwrap()));
        assert_eq!(frontier.root().to_string(), root);
    }

    let (_, nodes) = grown(entries.map(|entry| leaf_hash(&codec::unhex("entry", entry).unwrap())));
    let shown = |plan: Plan| path(plan, &nodes).iter().map(Hash::to_string).collect::<Vec<_>>();
    let inclusion = [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ];
    assert_eq!(shown(Plan::inclusion(5, 8).unwrap()), inclusion);
    let consistency = [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ];
    assert_eq!(shown(Plan::consistency(6, 8).unwrap()), consistency);
    let edge = ["5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"];
    assert_eq!(shown(Plan::consistency(2, 5).unwrap()), edge);
}

#[test]
fn root_and_peaks_are_those_of_the_definition_at_every_size() {
    let leaves: Vec<Hash> = (0..SIZES).map(leaf).collect();
    let (_, nodes) = grown(leaves.clone());
    for size in 0..=SIZES {
        let found: Vec<Hash> = peaks(size).map(|node| nodes[&node]).collect();
        let frontier = Frontier::from_parts(size, found).unwrap();
        assert_eq!(frontier.root(), naive::root(&leaves[..size as usize]), "{size}");
        let (all_along, _) = grown(leaves[..size as usize].to_vec());
        assert_eq!((all_along.size(), all_along.peaks()), (size, frontier.peaks()));
    }
}

#[test]
fn frontier_that_was_kept_grows_like_the_tree() {
    let (mut grown, _) = grown((0..7).map(leaf));
    let mut kept = Frontier::from_parts(7, grown.peaks().to_vec()).unwrap();
    let completed: Vec<Node> = kept.append(leaf(7)).collect();
    assert_eq!(completed, grown.append(leaf(7)).collect::<Vec<_>>());
    assert_eq!(completed.iter().map(|n| (n.level, n.index)).collect::<Vec<_>>(), [(0, 7), (1, 3), (2, 1), (3, 0)]);
    assert_eq!(kept.root(), grown.root());
}

#[test]
fn frontier_of_other_peaks_than_its_size_demands_is_refused() {
    for (size, peaks) in [(0, 1), (1, 0), (1, 2), (3, 1), (4, 2), (LARGEST + 1, 2), (u64::MAX, 64)] {
        assert!(Frontier::from_parts(size, vec![leaf(0); peaks]).is_err(), "{size}");
    }
    assert!(Frontier::from_parts(LARGEST, vec![leaf(0)]).is_ok());
}

#[test]
fn every_leaf_of_every_tree_is_proven_and_no_other_path_proves_it() {
    let leaves: Vec<Hash> = (0..SIZES).map(leaf).collect();
    let (_, nodes) = grown(leaves.clone());
    for size in 1..=SIZES {
        let root = naive::root(&leaves[..size as usize]);
        for index in 0..size {
            let this = leaves[index as usize];
            let proven = path(Plan::inclusion(index, size).unwrap(), &nodes);
            assert_eq!(proven, naive::path(index as usize, &leaves[..size as usize]), "{index} of {size}");
            assert_eq!(verify_inclusion(&this, index, size, &proven, &root), Ok(()));
            // Costly, and of one shape.
            if size <= 40 {
                assert!(distorted(&proven).iter().all(|path| verify_inclusion(&this, index, size, path, &root).is_err()), "{index} of {size}");
                assert_eq!(verify_inclusion(&leaf(SIZES), index, size, &proven, &root), Err(ProofError::WrongRoot));
                assert!((0..size).filter(|other| *other != index).all(|other| verify_inclusion(&this, other, size, &proven, &root).is_err()));
            }
        }
        assert_eq!(Plan::inclusion(size, size), Err(ProofError::NoSuchLeaf));
        assert_eq!(verify_inclusion(&leaves[0], size, size, &[], &root), Err(ProofError::NoSuchLeaf));
    }
}

#[test]
fn every_tree_continues_every_smaller_one_and_no_other_path_proves_it() {
    let leaves: Vec<Hash> = (0..SIZES).map(leaf).collect();
    let (_, nodes) = grown(leaves.clone());
    let roots: Vec<Hash> = (0..=SIZES as usize).map(|size| naive::root(&leaves[..size])).collect();
    for (new, new_root) in (0..=SIZES).zip(&roots) {
        for (old, old_root) in (0..=new).zip(&roots) {
            let proven = path(Plan::consistency(old, new).unwrap(), &nodes);
            if old > 0 {
                assert_eq!(proven, naive::consistency(old as usize, &leaves[..new as usize], true), "{old} to {new}");
            }
            assert_eq!(verify_consistency(old, old_root, new, new_root, &proven), Ok(()), "{old} to {new}");
            if new <= 40 {
                assert!(distorted(&proven).iter().all(|path| verify_consistency(old, old_root, new, new_root, path).is_err()), "{old} to {new}");
                assert!(verify_consistency(old, &leaf(0xabc), new, new_root, &proven).is_err());
                assert_eq!(verify_consistency(old, old_root, new, &leaf(0xabc), &proven).is_ok(), old == 0 && new > 0);
            }
        }
    }
}

#[test]
fn tree_that_shrinks_continues_nothing() {
    let roots = [0, 1, 2, 3].map(|size| grown((0..size).map(leaf)).0.root());
    for (old, new) in [(1, 0), (2, 1), (3, 2), (3, 0)] {
        assert_eq!(Plan::consistency(old, new), Err(ProofError::Shrinks));
        assert_eq!(verify_consistency(old, &roots[old as usize], new, &roots[new as usize], &[]), Err(ProofError::Shrinks));
    }
}

#[test]
fn lookup_that_fails_ends_the_proof() {
    let plan = Plan::inclusion(2, 7).unwrap();
    assert_eq!(plan.nodes().collect::<Vec<_>>(), [(0, 3), (1, 0), (1, 2), (0, 6)]);
    assert_eq!(plan.path(|level, index| if level == 1 { Err(index) } else { Ok(leaf(index)) }), Err(0));
}

#[test]
fn largest_numbers_have_proofs_of_64_elements_at_most() {
    let any = |_, _| Ok::<_, ()>(leaf(0));
    for size in [u64::MAX, 1 << 63, (1 << 63) + 1, LARGEST] {
        for index in [0, 1, size / 2, size - 1] {
            let path = Plan::inclusion(index, size).unwrap().path(any).unwrap();
            assert!(path.len() <= 64 && included_root(&leaf(1), index, size, &path).is_ok());
            let path = Plan::consistency(index, size).unwrap().path(any).unwrap();
            assert!(path.len() <= 65 && consistent_root(index, &leaf(1), size, &path) != Err(ProofError::WrongLength), "{index} {size} {}", path.len());
        }
        let endless = vec![leaf(0); 100];
        assert_eq!(included_root(&leaf(1), 0, size, &endless), Err(ProofError::WrongLength));
        assert_eq!(consistent_root(1, &leaf(1), size, &endless), Err(ProofError::WrongLength));
    }
}
