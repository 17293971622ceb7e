//! The hashes of the tree that the file keeps.

use brski_common::log::{Frontier, verify_consistency, verify_inclusion};

use super::*;

/// A ledger with so many entries, the genesis included.
pub(super) fn filled(folder: &Folder, size: usize) -> TreeHead {
    let (ledger, pledge) = (folder.open(), Maker::new().pledge("JADA123"));
    let entries = core::iter::once(made(&pledge)).chain(core::iter::repeat_n(vouched(&pledge, None), size - 2)).collect();
    block_on(ledger.append(entries)).unwrap();
    block_on(ledger.head()).unwrap()
}

/// Does to the file what its triggers forbid.
pub(super) fn tamper(folder: &Folder, statement: &str) {
    let raw = folder.raw();
    for table in ["entry", "subtree"] {
        raw.execute_batch(&format!("DROP TRIGGER IF EXISTS {table}_is_kept; DROP TRIGGER IF EXISTS {table}_is_unchanged")).unwrap();
    }
    assert_eq!(raw.execute(statement, ()).unwrap(), 1, "{statement}");
}

#[test]
fn one_hash_is_kept_for_256_entries() {
    let folder = Folder::new();
    filled(&folder, 1000);
    let mut expected = Frontier::new();
    let mut subtrees = Vec::new();
    let raw = folder.raw();
    let mut find = raw.prepare("SELECT leaf_hash FROM entry ORDER BY leaf_index").unwrap();
    for leaf in find.query_map((), |row| row.get::<_, [u8; 32]>(0)).unwrap().map(Result::unwrap) {
        subtrees.extend(expected.append(leaf.into()).filter(|node| node.level == 8).map(|node| (8, node.index, *node.hash.as_bytes())));
    }
    let mut find = raw.prepare("SELECT height, position, hash FROM subtree ORDER BY height, position").unwrap();
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned(), row.get(2)?));
    let kept: Vec<(u8, u64, [u8; 32])> = find.query_map((), row).unwrap().map(Result::unwrap).collect();
    assert_eq!((kept.len(), kept), (3, subtrees));
}

#[test]
fn nobody_changes_or_removes_a_hash_that_is_kept() {
    let folder = Folder::new();
    filled(&folder, 300);
    for statement in ["UPDATE subtree SET hash = zeroblob(32)", "DELETE FROM subtree"] {
        assert!(folder.raw().execute(statement, ()).is_err(), "{statement}");
    }
}

#[test]
fn tree_is_the_same_after_reopening() {
    for size in [255, 256, 257, 700] {
        let folder = Folder::new();
        let before = filled(&folder, size);
        assert_eq!(block_on(folder.open().head()).unwrap(), before);
    }
}

#[test]
fn tree_grows_with_what_another_process_appends() {
    let (folder, maker) = (Folder::new(), Maker::new());
    let (one, other) = (folder.open(), folder.open());
    for number in 0..4 {
        block_on(one.append(vec![made(&maker.pledge(&format!("A{number}")))])).unwrap();
        block_on(other.append(vec![made(&maker.pledge(&format!("B{number}")))])).unwrap();
        assert_eq!(block_on(one.head()).unwrap(), block_on(other.head()).unwrap());
    }
    assert_eq!(block_on(folder.open().head()).unwrap(), block_on(one.head()).unwrap());
}

#[test]
fn ledger_whose_hashes_contradict_each_other_is_not_opened() {
    let zero = format!("x'{}'", "00".repeat(32));
    for statement in [
        "DELETE FROM subtree WHERE position = 0".to_owned(),
        "DELETE FROM subtree WHERE position = 1".to_owned(),
        "DELETE FROM entry WHERE leaf_index = 599".to_owned(),
        "DELETE FROM entry WHERE leaf_index = 300".to_owned(),
        "DELETE FROM entry WHERE leaf_index = 598".to_owned(),
        format!("UPDATE subtree SET hash = {zero} WHERE position = 1"),
        format!("UPDATE entry SET leaf_hash = {zero} WHERE leaf_index = 400"),
        format!("INSERT INTO subtree (height, position, hash) VALUES (8, 2, {zero})"),
        format!("INSERT INTO subtree (height, position, hash) VALUES (16, 0, {zero})"),
    ] {
        let folder = Folder::new();
        filled(&folder, 600);
        tamper(&folder, &statement);
        let outcome = SqliteLedger::open(folder.file(), LOG);
        // Without the newest entry the file is a whole ledger still; only a checkpoint tells that it was longer.
        assert_eq!(matches!(outcome, Err(LedgerError::Tree(_))), !statement.contains("599"), "{statement}: {outcome:?}");
    }
}

#[test]
fn nothing_is_appended_to_a_tree_that_lost_entries() {
    let (folder, pledge) = (Folder::new(), Maker::new().pledge("JADA124"));
    filled(&folder, 300);
    let ledger = folder.open();
    tamper(&folder, "DELETE FROM entry WHERE leaf_index = 299");
    assert!(matches!(block_on(ledger.append(vec![made(&pledge)])), Err(LedgerError::Unavailable(_))));
    assert!(matches!(block_on(ledger.head()), Err(LedgerError::Tree(_))));
}

/// Replaces an entry by another, with a leaf hash that fits.
fn replace(folder: &Folder, index: u64, octets: &str) {
    let leaf = brski_common::log::leaf_hash(octets.as_bytes());
    tamper(folder, &format!("UPDATE entry SET octets = CAST('{octets}' AS BLOB), leaf_hash = x'{leaf}' WHERE leaf_index = {index}"));
}

/// The root over the leaf hashes that the file has.
fn root(folder: &Folder) -> Hash {
    let (raw, mut frontier) = (folder.raw(), Frontier::new());
    let mut find = raw.prepare("SELECT leaf_hash FROM entry ORDER BY leaf_index").unwrap();
    for leaf in find.query_map((), |row| row.get::<_, [u8; 32]>(0)).unwrap() {
        let _completed = frontier.append(leaf.unwrap().into());
    }
    frontier.root()
}

#[test]
fn nothing_is_appended_after_an_entry_that_was_replaced_meanwhile() {
    let (folder, pledge) = (Folder::new(), Maker::new().pledge("JADA124"));
    filled(&folder, 300);
    let ledger = folder.open();
    replace(&folder, 299, "another");
    for outcome in [block_on(ledger.head()).map(drop), block_on(ledger.append(vec![made(&pledge)])).map(drop)] {
        let sentence = format!("{outcome:?}");
        assert!(sentence.contains("entry 299 is another than it was"), "{sentence}");
    }
    // Whoever begins with what is there now has a true tree of it.
    let reopened = folder.open();
    block_on(reopened.append(vec![made(&pledge)])).unwrap();
    assert_eq!(block_on(reopened.head()).unwrap(), TreeHead { size: 301, root: root(&folder) });
}

#[test]
fn log_that_was_shortened_and_grew_again_is_not_taken_for_the_same() {
    let (folder, maker) = (Folder::new(), Maker::new());
    filled(&folder, 300);
    let ledger = folder.open();
    tamper(&folder, "DELETE FROM entry WHERE leaf_index = 299");
    block_on(folder.open().append(vec![made(&maker.pledge("JADA124")), made(&maker.pledge("JADA125"))])).unwrap();
    assert!(matches!(block_on(ledger.head()), Err(LedgerError::Tree(_))));
}

#[test]
fn no_hash_is_kept_over_an_entry_that_was_replaced_meanwhile() {
    let (folder, pledge) = (Folder::new(), Maker::new().pledge("JADA124"));
    filled(&folder, 500);
    let ledger = folder.open();
    block_on(ledger.append(vec![made(&pledge)])).unwrap();
    replace(&folder, 400, "another");
    let sentence = format!("{:?}", block_on(ledger.append(vec![vouched(&pledge, None); 20])));
    assert!(sentence.contains("one of the entries 256 to 511 is another than it was"), "{sentence}");
    drop(ledger);
    let reopened = folder.open();
    block_on(reopened.append(vec![vouched(&pledge, None); 20])).unwrap();
    assert_eq!(block_on(reopened.head()).unwrap(), TreeHead { size: 521, root: root(&folder) });
    assert_eq!(block_on(folder.open().head()).unwrap(), TreeHead { size: 521, root: root(&folder) });
}

#[test]
fn append_that_a_trigger_swallows_is_not_acknowledged() {
    let (folder, pledge) = (Folder::new(), Maker::new().pledge("JADA124"));
    for table in ["entry", "device", "key", "subtree"] {
        let folder = Folder::new();
        filled(&folder, 255);
        folder.raw().execute_batch(&format!("CREATE TRIGGER x BEFORE INSERT ON {table} BEGIN SELECT RAISE (IGNORE); END")).unwrap();
        let sentence = format!("{:?}", block_on(folder.open().append(vec![made(&pledge)])));
        assert!(sentence.contains("something in the file swallows what is written into it"), "{table}: {sentence}");
        assert_eq!(block_on(folder.open().head()).unwrap().size, 255);
    }
    block_on(folder.open().append(vec![made(&pledge)])).unwrap();
}

#[test]
fn tree_of_more_than_65536_entries_is_kept_and_proved() {
    let (folder, pledge) = (Folder::new(), Maker::new().pledge("JADA123"));
    block_on(folder.open().append(vec![made(&pledge)])).unwrap();
    grow(&folder, 65_530);
    let ledger = folder.open();
    block_on(ledger.append(vec![vouched(&pledge, None); 300])).unwrap();
    let raw = folder.raw();
    let mut find = raw.prepare("SELECT leaf_hash FROM entry ORDER BY leaf_index").unwrap();
    let leaves: Vec<Hash> = find.query_map((), |row| row.get::<_, [u8; 32]>(0)).unwrap().map(|leaf| leaf.unwrap().into()).collect();
    let (mut frontier, mut roots) = (Frontier::new(), vec![Hash::of_empty_tree()]);
    for leaf in &leaves {
        drop(frontier.append(*leaf));
        roots.push(frontier.root());
    }
    let head = TreeHead { size: 65_830, root: roots[65_830] };
    assert_eq!((block_on(ledger.head()).unwrap(), block_on(folder.open().head()).unwrap()), (head, head));
    assert_eq!(raw.query_row("SELECT count(*) FROM subtree WHERE height = 16", (), |row| row.get::<_, i64>(0)).unwrap(), 1);
    for size in [65_535, 65_536, 65_537, 65_792, 65_830] {
        let root = |size: u64| &roots[usize::try_from(size).unwrap()];
        for index in [0, 255, 256, 32_767, 65_279, 65_534, size - 1] {
            let path = block_on(ledger.inclusion(index, size)).unwrap();
            assert_eq!(verify_inclusion(&leaves[usize::try_from(index).unwrap()], index, size, &path, root(size)), Ok(()), "{index} of {size}");
        }
        for old in [1, 256, 40_000, 65_535, size] {
            let path = block_on(ledger.consistency(old, size)).unwrap();
            assert_eq!(verify_consistency(old, root(old), size, root(size), &path), Ok(()), "{old} to {size}");
        }
    }
}

/// Fills the file up to so many entries, of which only the leaf hashes matter, with the hashes over them.
fn grow(folder: &Folder, size: u64) {
    let mut raw = folder.raw();
    let filling = raw.transaction().unwrap();
    let mut edge = tree::recover(&filling).unwrap();
    let mut insert = filling.prepare("INSERT INTO entry (leaf_index, leaf_hash, kind, device, octets) VALUES (?1, ?2, 'vouched', 1, x'')").unwrap();
    for index in edge.size()..size {
        let leaf = brski_common::log::leaf_hash(&index.to_be_bytes());
        insert.execute((index.cast_signed(), leaf.as_bytes())).unwrap();
        edge.append(leaf).try_for_each(|node| tree::keep(&filling, &node)).unwrap();
    }
    drop(insert);
    filling.commit().unwrap();
}
