use brski_common::log::LogName;
use brski_common::{SignatureAlgorithm, SoftwareKey};

use super::*;
use crate::pledges::Scratch;
use crate::testing::{block_on, now};
use crate::trail::{Event, What};

fn notary(scratch: &Scratch) -> Notary {
    let key = Arc::new(SoftwareKey::generate(SignatureAlgorithm::EdDsa).unwrap().0);
    Notary::new(LogName::new("registrar.example.net/trail").unwrap(), key, scratch.file().with_file_name("signed.txt")).unwrap()
}

fn grow(store: &SqlitePledges, events: usize) {
    for _ in 0..events {
        let what = What::Strangers { sentence: "no path".to_owned(), count: 1 };
        block_on(store.note(Event { at: now(), pledge: None, what })).unwrap();
    }
}

#[test]
fn trail_is_signed_as_it_is() {
    let scratch = Scratch::new();
    let (store, notary) = (SqlitePledges::open(scratch.file()).unwrap(), notary(&scratch));
    for events in [0, 1, 5] {
        grow(&store, events);
        let signed = block_on(notary.sign(&store)).unwrap();
        let (head, checkpoint) = (block_on(store.head()).unwrap(), signed.verify(notary.verifier()).unwrap());
        assert_eq!((checkpoint.size, checkpoint.root), (head.size, head.root));
        assert_eq!(notary.remembered().unwrap().unwrap().1, signed);
    }
    assert_eq!(block_on(store.checkpoints()).unwrap().len(), 3);
}

#[test]
fn trail_that_has_not_grown_keeps_its_checkpoint() {
    let scratch = Scratch::new();
    let (store, notary) = (SqlitePledges::open(scratch.file()).unwrap(), notary(&scratch));
    grow(&store, 2);
    assert_eq!(block_on(notary.sign(&store)).unwrap(), block_on(notary.sign(&store)).unwrap());
    assert_eq!(block_on(store.checkpoints()).unwrap().len(), 1);
}

#[test]
fn store_out_of_an_older_backup_is_not_signed() {
    let (scratch, older) = (Scratch::new(), Scratch::new());
    let notary = notary(&scratch);
    let store = SqlitePledges::open(scratch.file()).unwrap();
    grow(&store, 3);
    block_on(notary.sign(&store)).unwrap();
    let backup = SqlitePledges::open(older.file()).unwrap();
    grow(&backup, 2);
    assert!(matches!(block_on(notary.sign(&backup)), Err(NotaryError::Older { events: 2, signed: 3 })));
}

#[test]
fn trail_that_was_rewritten_is_not_signed() {
    let (scratch, another) = (Scratch::new(), Scratch::new());
    let notary = notary(&scratch);
    let store = SqlitePledges::open(scratch.file()).unwrap();
    grow(&store, 3);
    block_on(notary.sign(&store)).unwrap();
    let rewritten = SqlitePledges::open(another.file()).unwrap();
    let what = What::Configured { policy: "ab".to_owned(), manufacturers: Vec::new(), why: "it started".to_owned() };
    block_on(rewritten.note(Event { at: now(), pledge: None, what })).unwrap();
    grow(&rewritten, 5);
    let notary = Notary { seen: Arc::default(), ..notary };
    assert!(matches!(block_on(notary.sign(&rewritten)), Err(NotaryError::Another { signed: 3 })));
}

#[test]
fn key_of_another_kind_signs_no_trail() {
    let key = Arc::new(SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().0);
    assert!(Notary::new(LogName::new("registrar.example.net/trail").unwrap(), key, PathBuf::new()).is_err());
}

/// Makes one event another, with its leaf hash and every edge that the store keeps.
fn rewrite(scratch: &Scratch, number: u64, notary: &Notary) {
    let store = SqlitePledges::open(scratch.file()).unwrap();
    let mut events = block_on(store.events(0, 100)).unwrap();
    let signed = notary.remembered().unwrap().unwrap().0.size;
    drop(store);
    let index = usize::try_from(number).unwrap();
    events[index] = String::from_utf8(events[index].clone()).unwrap().replace("no path", "no ploy").into_bytes();
    let edge_at = |size: u64| {
        let mut edge = Frontier::new();
        events.iter().take(usize::try_from(size).unwrap()).for_each(|octets| drop(edge.append(leaf_hash(octets))));
        edge.peaks().iter().flat_map(|peak| *peak.as_bytes()).collect::<Vec<u8>>()
    };
    let connection = rusqlite::Connection::open(scratch.file()).unwrap();
    connection.execute_batch("DROP TRIGGER event_never_changes; DROP TRIGGER checkpoint_never_changes").unwrap();
    let leaf = leaf_hash(&events[index]);
    let row = rusqlite::params![events[index], leaf.as_bytes(), i64::try_from(number).unwrap()];
    connection.execute("UPDATE event SET octets = ?1, leaf_hash = ?2 WHERE number = ?3", row).unwrap();
    connection.execute("UPDATE checkpoint SET peaks = ?1", [edge_at(signed)]).unwrap();
    connection.execute("UPDATE edge SET peaks = ?1", [edge_at(u64::try_from(events.len()).unwrap())]).unwrap();
}

#[test]
fn event_that_was_rewritten_with_its_leaf_hash_and_all_edges_is_not_signed() {
    let scratch = Scratch::new();
    let notary = notary(&scratch);
    let store = SqlitePledges::open(scratch.file()).unwrap();
    grow(&store, 4);
    block_on(notary.sign(&store)).unwrap();
    grow(&store, 3);
    drop(store);
    rewrite(&scratch, 1, &notary);

    // The process that signs has just begun.
    let notary = Notary { seen: Arc::default(), ..notary };
    let store = SqlitePledges::open(scratch.file()).unwrap();
    assert!(matches!(block_on(notary.sign(&store)), Err(NotaryError::Another { signed: 4 })));
}

#[test]
fn running_registrar_signs_no_tree_but_that_over_what_it_saw() {
    let scratch = Scratch::new();
    let notary = notary(&scratch);
    let store = SqlitePledges::open(scratch.file()).unwrap();
    grow(&store, 4);
    block_on(notary.sign(&store)).unwrap();
    grow(&store, 3);
    drop(store);
    rewrite(&scratch, 1, &notary);
    let store = SqlitePledges::open(scratch.file()).unwrap();
    assert!(matches!(block_on(notary.sign(&store)), Err(NotaryError::Unlike { events: 7 })));
}

#[test]
fn trail_that_was_signed_is_not_signed_again_once_its_memory_is_gone_unless_a_person_says_so() {
    let scratch = Scratch::new();
    let (store, notary) = (SqlitePledges::open(scratch.file()).unwrap(), notary(&scratch));
    grow(&store, 2);
    block_on(notary.sign(&store)).unwrap();
    std::fs::remove_file(notary.remembered_in()).unwrap();
    grow(&store, 1);
    assert!(matches!(block_on(notary.sign(&store)), Err(NotaryError::Forgotten(_))));
    assert_eq!(block_on(notary.sign_anew(&store)).unwrap().peek_unverified().size, 3);
    assert_eq!(block_on(notary.sign(&store)).unwrap().peek_unverified().size, 3);
}
