//! One suite over every implementation of the store, and what is the memory's own.

use brski_common::{AuditLog, Signed};

use super::*;
use crate::testing::{NOW, block_on};
use brski_common::time::at;

pub(crate) fn key(octet: u8) -> AnswerKey {
    AnswerKey { pledge_request: [octet; 32], masa: [1; 32], format: Format::Cms }
}

pub(crate) fn answer(voucher: &[u8]) -> MasaAnswer {
    MasaAnswer::Vouched {
        voucher: Signed::from_wire(Format::Cms, voucher.to_vec()),
        statement: Some(Signed::from_wire(Format::Cose, *b"a statement")),
        audit_log: Some(AuditLog::default()),
    }
}

fn with_each_store(test: impl Fn(&dyn AnswerStore)) {
    test(&MemoryAnswers::default());
    #[cfg(feature = "sqlite")]
    {
        let scratch = crate::pledges::Scratch::new();
        test(&crate::masa_client::SqliteDesk::open(scratch.file()).unwrap());
    }
}

fn recalled(store: &dyn AnswerStore, key: AnswerKey, after: u64) -> Option<MasaAnswer> {
    block_on(store.recall(key, at(NOW + after))).unwrap()
}

#[test]
fn answer_is_recalled_as_it_came() {
    with_each_store(|store| {
        block_on(store.remember(key(1), answer(b"a voucher"), at(NOW))).unwrap();
        assert_eq!(recalled(store, key(1), 0), Some(answer(b"a voucher")));
    });
}

#[test]
fn answer_without_statement_and_log_is_recalled_without_them() {
    let bare = MasaAnswer::Vouched { voucher: Signed::from_wire(Format::Jws, *b"v"), statement: None, audit_log: None };
    with_each_store(|store| {
        block_on(store.remember(key(1), bare.clone(), at(NOW))).unwrap();
        assert_eq!(recalled(store, key(1), 0), Some(bare.clone()));
    });
}

#[test]
fn answer_is_good_for_an_hour_and_no_longer() {
    with_each_store(|store| {
        block_on(store.remember(key(1), answer(b"a voucher"), at(NOW))).unwrap();
        assert!(recalled(store, key(1), 3599).is_some());
        assert_eq!(recalled(store, key(1), 3600), None);
    });
}

#[test]
fn answer_from_the_future_is_not_believed() {
    with_each_store(|store| {
        block_on(store.remember(key(1), answer(b"a voucher"), at(NOW + 1))).unwrap();
        assert_eq!(recalled(store, key(1), 0), None);
    });
}

#[test]
fn same_request_for_another_format_is_another_question() {
    with_each_store(|store| {
        block_on(store.remember(key(1), answer(b"a voucher"), at(NOW))).unwrap();
        assert_eq!(recalled(store, AnswerKey { format: Format::Cose, ..key(1) }, 0), None);
    });
}

#[test]
fn same_request_to_another_masa_is_another_question() {
    with_each_store(|store| {
        block_on(store.remember(key(1), answer(b"a voucher"), at(NOW))).unwrap();
        assert_eq!(recalled(store, AnswerKey { masa: [2; 32], ..key(1) }, 0), None);
    });
}

#[test]
fn masa_is_another_if_its_url_or_its_anchors_are_others() {
    let one = crate::testing::World::new().manufacturer();
    let other = Manufacturer { masa_tls_anchors: brski_common::Anchors::new([crate::testing::Ca::new("other").certificate]).unwrap(), ..one.clone() };
    let (here, there) = (MasaUrl::new("masa.example.com").unwrap(), MasaUrl::new("masa.example.net").unwrap());
    let key = |manufacturer: &Manufacturer, url: &MasaUrl| AnswerKey::new([1; 32], manufacturer, url, Format::Cms);
    assert_eq!(key(&one, &here), key(&Manufacturer { name: "Renamed".to_owned(), ..one.clone() }, &here));
    assert_ne!(key(&one, &here), key(&one, &there));
    assert_ne!(key(&one, &here), key(&other, &here));
}

#[test]
fn newer_answer_takes_the_place_of_the_older() {
    with_each_store(|store| {
        block_on(store.remember(key(1), answer(b"first"), at(NOW))).unwrap();
        block_on(store.remember(key(1), answer(b"second"), at(NOW))).unwrap();
        assert_eq!(recalled(store, key(1), 0), Some(answer(b"second")));
    });
}

#[test]
fn forgotten_answer_is_gone_and_others_stay() {
    with_each_store(|store| {
        block_on(store.remember(key(1), answer(b"first"), at(NOW))).unwrap();
        block_on(store.remember(key(2), answer(b"second"), at(NOW))).unwrap();
        block_on(store.forget(key(1))).unwrap();
        assert_eq!((recalled(store, key(1), 0), recalled(store, key(2), 0)), (None, Some(answer(b"second"))));
    });
}

#[test]
fn oldest_answer_in_memory_makes_room_when_there_are_too_many() {
    let store = MemoryAnswers::with_bounds(2, 1 << 20);
    for octet in 1..=3 {
        block_on(store.remember(key(octet), answer(&[octet]), at(NOW))).unwrap();
    }
    assert_eq!([1, 2, 3].map(|octet| recalled(&store, key(octet), 0).is_some()), [false, true, true]);
}

#[test]
fn oldest_answer_in_memory_makes_room_when_there_are_too_many_octets() {
    let store = MemoryAnswers::with_bounds(10, 300);
    for octet in 1..=2 {
        block_on(store.remember(key(octet), answer(&[octet; 200]), at(NOW))).unwrap();
    }
    block_on(store.remember(key(3), answer(&[3; 400]), at(NOW))).unwrap();
    assert_eq!([1, 2, 3].map(|octet| recalled(&store, key(octet), 0).is_some()), [false, true, false]);
}
