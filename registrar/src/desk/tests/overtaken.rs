//! What happens to a pledge between somebody's look and their word.

use std::sync::Mutex;

use brski_common::{BoxFuture, UnixTime};

use super::*;
use crate::pledges::{Revocation, TrailHead};
use crate::relay::Admission;
use crate::trail::CertificateId;

/// A store in which something else is written down just before the next word.
struct Overtaken {
    kept: MemoryPledges,
    first: Mutex<Option<Event>>,
}

impl Overtaken {
    /// A store with one held pledge, about to be overtaken by this.
    fn by(what: impl FnOnce(&Subject) -> What) -> (Self, Pick) {
        let (kept, pledge) = held();
        let pick = Pick::of(&found(&kept, "JADA1").unwrap());
        let first = Event { at: at(30), what: what(&pledge), pledge: Some(pledge) };
        (Self { kept, first: Mutex::new(Some(first)) }, pick)
    }

    fn file(&self) -> PledgeFile {
        found(&self.kept, "JADA1").unwrap()
    }
}

impl PledgeStore for Overtaken {
    fn note(&self, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        let first = self.first.lock().unwrap().take();
        Box::pin(async {
            for event in first.into_iter().chain([event]) {
                self.kept.note(event).await?;
            }
            Ok(())
        })
    }

    fn admit(&self, admission: Admission, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        self.kept.admit(admission, event)
    }

    fn withdraw(&self, admitted: SpkiDigest, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        self.kept.withdraw(admitted, event)
    }

    fn find(&self, key: SpkiDigest) -> BoxFuture<'_, Result<Option<Admission>, StoreError>> {
        self.kept.find(key)
    }

    fn enrolled(&self, ldevid: SpkiDigest, admitted: SpkiDigest, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        self.kept.enrolled(ldevid, admitted, event)
    }

    fn file(&self, pledge: SpkiDigest) -> BoxFuture<'_, Result<Option<PledgeFile>, StoreError>> {
        self.kept.file(pledge)
    }

    fn files(&self, query: Query) -> BoxFuture<'_, Result<Vec<PledgeFile>, StoreError>> {
        self.kept.files(query)
    }

    fn is_revoked(&self, certificate: CertificateId) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.kept.is_revoked(certificate)
    }

    fn revocations(&self, now: UnixTime) -> BoxFuture<'_, Result<Vec<Revocation>, StoreError>> {
        self.kept.revocations(now)
    }

    fn head(&self) -> BoxFuture<'_, Result<TrailHead, StoreError>> {
        self.kept.head()
    }

    fn history(&self, pledge: SpkiDigest, limit: u32) -> BoxFuture<'_, Result<Vec<(u64, Event)>, StoreError>> {
        self.kept.history(pledge, limit)
    }

    fn events(&self, from: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>> {
        self.kept.events(from, limit)
    }
}

fn held_by_another_rule(pledge: &Subject) -> What {
    What::Held { request: SpkiDigest([9; 32]), held: Some(question(pledge, "another-rule")), sentence: String::new(), decision: None }
}

fn refused_by_bob(_: &Subject) -> What {
    What::Disapproved { by: Person::new("bob", "never ordered", at(30)), question: None }
}

#[test]
fn yes_that_another_question_overtakes_counts_for_nothing_and_whoever_said_it_is_told() {
    let (store, seen) = Overtaken::by(held_by_another_rule);
    let told = block_on(approve(&store, &seen, ann(60), 1)).unwrap_err().to_string();
    assert!(told.contains("changed since it was looked at: rule 'another-rule' holds it, and no longer 'ask'; "), "{told}");
    assert!(store.file().approvals.is_empty());
}

#[test]
fn yes_does_not_take_back_a_refusal_that_overtakes_it() {
    let (store, seen) = Overtaken::by(refused_by_bob);
    let told = block_on(approve(&store, &seen, ann(60), 1)).unwrap_err().to_string();
    assert!(told.contains("changed since it was looked at: bob refused it; "), "{told}");
    assert_eq!(store.file().disapproval.map(|by| by.name), Some("bob".to_owned()));
}

#[test]
fn no_counts_whatever_overtakes_it() {
    let (store, seen) = Overtaken::by(held_by_another_rule);
    assert_eq!(block_on(refuse(&store, &seen, ann(60))).unwrap().state, State::Refused);
    assert_eq!(store.file().disapproval.map(|by| by.name), Some("ann".to_owned()));
}

#[test]
fn yes_of_another_person_that_overtakes_a_yes_leaves_both() {
    let bob = |pledge: &Subject| What::Approved { held: question(pledge, "ask"), by: Person::new("bob", "ours", at(30)), needed: Some(2), question: None };
    let (store, seen) = Overtaken::by(bob);
    assert_eq!(block_on(approve(&store, &seen, ann(60), 2)).unwrap().persons, 2);
}
