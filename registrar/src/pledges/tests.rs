//! One suite over every implementation of the store.

mod trail;

use super::*;
use crate::testing::{World, block_on};

/// A file of its own for one test, removed when dropped.
#[cfg(feature = "sqlite")]
pub(crate) struct Scratch(std::path::PathBuf);

#[cfg(feature = "sqlite")]
impl Scratch {
    pub(crate) fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("brski-pledges-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn file(&self) -> std::path::PathBuf {
        self.0.join("pledges.sqlite")
    }
}

#[cfg(feature = "sqlite")]
impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn with_each_store(test: impl Fn(&dyn PledgeStore)) {
    test(&MemoryPledges::new());
    #[cfg(feature = "sqlite")]
    {
        let scratch = Scratch::new();
        test(&SqlitePledges::open(scratch.file()).unwrap());
    }
}

#[test]
fn admission_is_found_under_its_key_unchanged() {
    let world = World::new();
    let admission = world.admission(&world.pledge("JADA1"));
    with_each_store(|store| {
        block_on(store.admit(admission.clone(), admission.event())).unwrap();
        assert_eq!(block_on(store.find(admission.spki_digest())).unwrap().as_ref(), Some(&admission));
    });
}

#[test]
fn unknown_key_finds_nothing() {
    with_each_store(|store| assert_eq!(block_on(store.find(SpkiDigest([1; 32]))).unwrap(), None));
}

#[test]
fn ldevid_key_leads_to_the_admission_it_came_from() {
    let world = World::new();
    let admission = world.admission(&world.pledge("JADA1"));
    let ldevid = SpkiDigest([1; 32]);
    with_each_store(|store| {
        block_on(store.admit(admission.clone(), admission.event())).unwrap();
        block_on(store.enrolled(ldevid, admission.spki_digest(), bound(ldevid))).unwrap();
        assert_eq!(block_on(store.find(ldevid)).unwrap().as_ref(), Some(&admission));
    });
}

#[test]
fn key_of_one_pledge_cannot_be_bound_to_another() {
    let world = World::new();
    let (a, b) = (world.admission(&world.pledge("A")), world.admission(&world.pledge("B")));
    let ldevid = SpkiDigest([1; 32]);
    with_each_store(|store| {
        block_on(store.admit(a.clone(), a.event())).unwrap();
        block_on(store.admit(b.clone(), b.event())).unwrap();
        block_on(store.enrolled(ldevid, a.spki_digest(), bound(ldevid))).unwrap();
        for taken in [ldevid, a.spki_digest()] {
            assert!(matches!(block_on(store.enrolled(taken, b.spki_digest(), bound(taken))), Err(StoreError::KeyTaken(key)) if key == taken));
        }
        assert_eq!(block_on(store.find(ldevid)).unwrap().as_ref(), Some(&a));
    });
}

#[test]
fn key_is_not_bound_to_a_pledge_that_was_never_admitted() {
    with_each_store(|store| {
        let never = SpkiDigest([2; 32]);
        assert!(matches!(block_on(store.enrolled(SpkiDigest([1; 32]), never, bound(SpkiDigest([1; 32])))), Err(StoreError::NotAdmitted(key)) if key == never));
    });
}

#[test]
fn binding_the_same_key_again_changes_nothing() {
    let world = World::new();
    let admission = world.admission(&world.pledge("JADA1"));
    with_each_store(|store| {
        block_on(store.admit(admission.clone(), admission.event())).unwrap();
        for key in [SpkiDigest([1; 32]), SpkiDigest([1; 32]), admission.spki_digest()] {
            block_on(store.enrolled(key, admission.spki_digest(), bound(key))).unwrap();
        }
        assert_eq!(block_on(store.find(SpkiDigest([1; 32]))).unwrap().as_ref(), Some(&admission));
    });
}

#[test]
fn key_that_is_bound_is_told_of_once() {
    let world = World::new();
    let admission = world.admission(&world.pledge("JADA1"));
    with_each_store(|store| {
        block_on(store.admit(admission.clone(), admission.event())).unwrap();
        for _ in 0..3 {
            block_on(store.enrolled(SpkiDigest([1; 32]), admission.spki_digest(), bound(SpkiDigest([1; 32])))).unwrap();
        }
        assert_eq!(block_on(store.head()).unwrap().size, 2);
    });
}

#[test]
fn key_that_is_not_bound_is_not_told_of() {
    with_each_store(|store| {
        block_on(store.enrolled(SpkiDigest([1; 32]), SpkiDigest([2; 32]), bound(SpkiDigest([1; 32])))).unwrap_err();
        assert_eq!(block_on(store.head()).unwrap().size, 0);
    });
}

#[test]
fn later_admission_replaces_the_earlier_and_keeps_its_ldevids() {
    let world = World::new();
    let first = world.admission(&world.pledge("JADA1"));
    let voucher = brski_common::Signed::from_wire(brski_common::Format::Cms, *b"another voucher");
    let second = Admission::assertion(first.idevid().clone(), Vec::new(), [5; 32], voucher, first.ground().clone(), first.admitted_at());
    let ldevid = SpkiDigest([1; 32]);
    with_each_store(|store| {
        block_on(store.admit(first.clone(), first.event())).unwrap();
        block_on(store.enrolled(ldevid, first.spki_digest(), bound(ldevid))).unwrap();
        block_on(store.admit(second.clone(), second.event())).unwrap();
        assert_eq!(block_on(store.find(ldevid)).unwrap().as_ref(), Some(&second));
    });
}

#[test]
fn withdrawn_admission_is_found_under_no_key_until_the_pledge_is_admitted_anew() {
    let world = World::new();
    let admission = world.admission(&world.pledge("JADA1"));
    let (idevid, ldevid) = (admission.spki_digest(), SpkiDigest([7; 32]));
    with_each_store(|store| {
        block_on(store.admit(admission.clone(), admission.event())).unwrap();
        block_on(store.enrolled(ldevid, idevid, bound(ldevid))).unwrap();
        block_on(store.withdraw(idevid, withdrawal())).unwrap();
        for key in [idevid, ldevid] {
            assert_eq!(block_on(store.find(key)).unwrap(), None);
        }
        assert!(matches!(block_on(store.enrolled(SpkiDigest([8; 32]), idevid, bound(SpkiDigest([8; 32])))), Err(StoreError::NotAdmitted(_))));

        block_on(store.admit(admission.clone(), admission.event())).unwrap();
        for key in [idevid, ldevid] {
            assert_eq!(block_on(store.find(key)).unwrap().as_ref(), Some(&admission));
        }
    });
}

#[test]
fn key_of_a_withdrawn_pledge_is_not_free_for_another() {
    let world = World::new();
    let (first, second) = (world.admission(&world.pledge("JADA1")), world.admission(&world.pledge("JADA2")));
    let ldevid = SpkiDigest([7; 32]);
    with_each_store(|store| {
        block_on(store.admit(first.clone(), first.event())).unwrap();
        block_on(store.enrolled(ldevid, first.spki_digest(), bound(ldevid))).unwrap();
        block_on(store.withdraw(first.spki_digest(), withdrawal())).unwrap();
        block_on(store.admit(second.clone(), second.event())).unwrap();
        assert!(matches!(block_on(store.enrolled(ldevid, second.spki_digest(), bound(ldevid))), Err(StoreError::KeyTaken(_))));
    });
}

/// The event of a key that is taken for an LDevID.
pub(super) fn bound(key: SpkiDigest) -> Event {
    Event { at: crate::testing::now(), pledge: None, what: crate::trail::What::Bound { key } }
}

/// The event of an admission's end.
fn withdrawal() -> Event {
    let what = crate::trail::What::Refused { request: None, sentence: "the policy has changed".to_owned(), decision: None, withdrawn: true };
    Event { at: crate::testing::now(), pledge: None, what }
}
