//! What the log costs beside a signature: `cargo bench -p brski-common --bench log`.

#![allow(clippy::unwrap_used, missing_docs, reason = "a program that measures")]

use std::collections::HashMap;
use std::sync::LazyLock;

use brski_common::log::{Frontier, Hash, Plan, leaf_hash, verify_consistency, verify_inclusion};
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

const LEAVES: u64 = 1_000_000;

/// Some leaf in the middle, and the size of an older tree.
const SOME: u64 = 765_432;

type Nodes = HashMap<(u8, u64), Hash>;

/// A tree of a million leaves with all its complete subtrees.
static TREE: LazyLock<(Frontier, Nodes)> = LazyLock::new(|| {
    let (mut frontier, mut nodes) = (Frontier::new(), Nodes::new());
    for number in 0..LEAVES {
        nodes.extend(frontier.append(leaf(number)).map(|node| ((node.level, node.index), node.hash)));
    }
    (frontier, nodes)
});

fn leaf(number: u64) -> Hash {
    leaf_hash(&number.to_be_bytes())
}

fn path(plan: &Plan) -> Vec<Hash> {
    plan.path(|level, index| TREE.1.get(&(level, index)).copied().ok_or(())).unwrap()
}

#[divan::bench(sample_count = 5)]
fn append_a_million_leaves(bencher: divan::Bencher<'_, '_>) {
    let bencher = bencher.counter(ItemsCount::new(LEAVES));
    bencher.bench(|| {
        let mut frontier = Frontier::new();
        let nodes: usize = (0..LEAVES).map(|number| frontier.append(leaf(number)).len()).sum();
        (frontier.root(), nodes)
    });
}

#[divan::bench]
fn plan_and_path_of_a_leaf(bencher: divan::Bencher<'_, '_>) {
    LazyLock::force(&TREE);
    bencher.bench(|| path(&Plan::inclusion(SOME, LEAVES).unwrap()));
}

#[divan::bench]
fn verify_a_leaf(bencher: divan::Bencher<'_, '_>) {
    let (path, root) = (path(&Plan::inclusion(SOME, LEAVES).unwrap()), TREE.0.root());
    bencher.bench(|| verify_inclusion(&leaf(SOME), SOME, LEAVES, &path, &root).unwrap());
}

#[divan::bench]
fn verify_an_older_tree(bencher: divan::Bencher<'_, '_>) {
    let mut older = Frontier::new();
    (0..SOME).for_each(|number| drop(older.append(leaf(number))));
    let (path, old, new) = (path(&Plan::consistency(SOME, LEAVES).unwrap()), older.root(), TREE.0.root());
    bencher.bench(|| verify_consistency(SOME, &old, LEAVES, &new, &path).unwrap());
}
