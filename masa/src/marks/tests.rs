//! What a mark writes down, and for which devices it holds.

use brski_common::provenance::Status;
use brski_common::{DeviceId, KeyOrigin};

use super::*;
use crate::testing::{Maker, NOW, Pledge, later, origin};

fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

fn made(pledge: &Pledge) -> Entry {
    Entry::Made(Made { at: NOW, idevid: pledge.idevid(), reported_by: "line 1".to_owned() })
}

fn recorded(pledge: &Pledge, seq: u32, status: Status, origin: KeyOrigin) -> ProvenanceRecord {
    ProvenanceRecord {
        device: pledge.device(),
        spki: pledge.idevid().spki_digest(),
        seq,
        salt: [u8::try_from(seq).unwrap(); 16],
        status,
        report: None,
        supersedes: None,
        reported_by: "line 1".to_owned(),
        recorded_at: NOW,
        findings: Vec::new(),
        origin,
    }
}

fn entry(record: &ProvenanceRecord) -> Entry {
    Entry::Recorded(Box::new(record.clone()))
}

fn marked(scope: Scope, status: Status) -> Marked {
    Marked { at: later(1), by: "jane".to_owned(), scope, status, reason: "copied key".to_owned() }
}

fn history(own: Vec<Entry>, others: &[Marked]) -> History {
    let others: Vec<_> = others.iter().cloned().map(Entry::Marked).collect();
    History::build((1..).zip(own), &others, false).unwrap()
}

fn in_batch(name: &str) -> KeyOrigin {
    KeyOrigin { batch: Some(text(name)), station: Some(text("S1")), line: Some(text("L1")), ..origin() }
}

#[test]
fn mark_of_a_device_is_followed_by_a_record_with_its_status_and_reason() {
    let pledge = Maker::new().pledge("A");
    let first = recorded(&pledge, 0, Status::Valid, origin());
    let mark = marked(Scope::Device(pledge.device()), Status::Disputed);
    let order = evaluate(mark.clone(), Some(history(vec![made(&pledge), entry(&first)], &[])), [7; 16], later(2)).unwrap();
    let supersedes = Supersession { record: first.digest().unwrap(), reason: text("copied key"), by: "jane".to_owned() };
    let next = ProvenanceRecord { seq: 1, salt: [7; 16], status: Status::Disputed, supersedes: Some(supersedes), recorded_at: later(2), ..first };
    assert_eq!(order.into_entries(), [Entry::Marked(mark), entry(&next)]);
}

#[test]
fn mark_that_says_what_is_on_record_changes_no_record() {
    let pledge = Maker::new().pledge("A");
    let history = history(vec![made(&pledge), entry(&recorded(&pledge, 0, Status::Valid, origin()))], &[]);
    let order = evaluate(marked(Scope::Device(pledge.device()), Status::Valid), Some(history), [7; 16], later(2)).unwrap();
    assert_eq!(order.into_entries().len(), 1);
}

#[test]
fn mark_of_a_device_without_record_stands_alone() {
    let pledge = Maker::new().pledge("A");
    let order = evaluate(marked(Scope::Device(pledge.device()), Status::Compromised), Some(history(vec![made(&pledge)], &[])), [7; 16], later(2)).unwrap();
    assert_eq!(order.into_entries().len(), 1);
}

#[test]
fn mark_of_an_unknown_device_is_refused() {
    let maker = Maker::new();
    let (pledge, other) = (maker.pledge("A"), maker.pledge("B"));
    let mark = |device: DeviceId| marked(Scope::Device(device), Status::Disputed);
    assert_eq!(evaluate(mark(pledge.device()), None, [7; 16], NOW), Err(Refusal::UnknownDevice(pledge.device())));
    let of_another = Some(history(vec![made(&other)], &[]));
    assert_eq!(evaluate(mark(pledge.device()), of_another, [7; 16], NOW), Err(Refusal::UnknownDevice(pledge.device())));
}

#[test]
fn mark_of_many_devices_is_one_entry() {
    for scope in [Scope::Batch("B1".to_owned()), Scope::Station("S1".to_owned()), Scope::Line("L1".to_owned())] {
        let mark = marked(scope, Status::Disputed);
        assert_eq!(evaluate(mark.clone(), None, [7; 16], NOW).unwrap().into_entries(), [Entry::Marked(mark)]);
    }
}

#[test]
fn worst_of_all_marks_counts_whatever_their_order() {
    let pledge = Maker::new().pledge("A");
    let own = vec![made(&pledge), entry(&recorded(&pledge, 0, Status::Valid, in_batch("B1")))];
    let batch = |status| marked(Scope::Batch("B1".to_owned()), status);
    let line = |status| marked(Scope::Line("L1".to_owned()), status);
    let status = |marks: &[Marked]| history(own.clone(), marks).status();
    assert_eq!(status(&[batch(Status::Compromised), line(Status::Disputed)]), Status::Compromised);
    assert_eq!(status(&[batch(Status::Disputed), line(Status::Compromised)]), Status::Compromised);
    assert_eq!(status(&[batch(Status::Compromised), batch(Status::Valid), line(Status::Disputed)]), Status::Disputed);
    assert_eq!(status(&[marked(Scope::Batch("B2".to_owned()), Status::Compromised)]), Status::Valid);
}

#[test]
fn mark_taken_back_leaves_the_key_as_it_was_recorded() {
    let pledge = Maker::new().pledge("A");
    let device = || Scope::Device(pledge.device());
    for (as_recorded, after) in [(Status::Valid, Status::Valid), (Status::Disputed, Status::Disputed)] {
        let first = recorded(&pledge, 0, as_recorded, origin());
        let second = ProvenanceRecord { status: Status::Compromised, ..recorded(&pledge, 1, as_recorded, origin()) };
        let own = |last: Status| {
            vec![made(&pledge), entry(&first), Entry::Marked(marked(device(), Status::Compromised)), entry(&second), Entry::Marked(marked(device(), last))]
        };
        assert_eq!(history(own(Status::Compromised), &[]).status(), Status::Compromised);
        assert_eq!(history(own(Status::Valid), &[]).status(), after);
        let third = restated(&history(own(Status::Valid), &[]), [9; 16], later(3)).unwrap().unwrap();
        assert_eq!((third.seq, third.status, third.origin), (2, after, first.origin));
    }
}

#[test]
fn statement_is_not_shown_once_its_status_is_overtaken() {
    use brski_common::provenance::Disclosure;
    let maker = Maker::new();
    let pledge = maker.pledge("A");
    let record = recorded(&pledge, 0, Status::Valid, in_batch("B1"));
    let said = brski_common::ProvenanceStatement::view(&record, &pledge.idevid().certificate().public_key(), "masa", Disclosure::Public, [1; 16], NOW).unwrap();
    let statement = crate::testing::seal(&maker.provenance.party(&[]), &said, brski_common::Format::Cose);
    let stated = Entry::Stated(crate::ledger::Stated { device: pledge.device(), seq: 0, level: Some(Disclosure::Public), statement });
    let own = vec![made(&pledge), entry(&record), stated];
    assert!(history(own.clone(), &[]).statement(Disclosure::Public).is_some());
    assert_eq!(history(own, &[marked(Scope::Batch("B1".to_owned()), Status::Disputed)]).statement(Disclosure::Public), None);
}

#[test]
fn device_is_in_the_scopes_that_its_newest_record_names() {
    let pledge = Maker::new().pledge("A");
    let moved = vec![made(&pledge), entry(&recorded(&pledge, 0, Status::Valid, in_batch("B1"))), entry(&recorded(&pledge, 1, Status::Valid, in_batch("B2")))];
    let history = history(moved, &[]);
    let is_in = |scope: Scope| history.is_in(&scope);
    assert_eq!((is_in(Scope::Batch("B1".to_owned())), is_in(Scope::Batch("B2".to_owned()))), (false, true));
    // By the record's station, and by the key that signed the report.
    assert!(is_in(Scope::Station("S1".to_owned())) && is_in(Scope::Station("line 1".to_owned())));
    assert!(!is_in(Scope::Line("line 1".to_owned())) && is_in(Scope::Line("L1".to_owned())));
}

#[test]
fn station_that_made_a_device_known_has_it_whoever_reports_its_origin() {
    let pledge = Maker::new().pledge("A");
    let by_another = ProvenanceRecord { reported_by: "line 2".to_owned(), ..recorded(&pledge, 0, Status::Valid, origin()) };
    let mark = marked(Scope::Station("line 1".to_owned()), Status::Compromised);
    let history = history(vec![made(&pledge), entry(&by_another)], &[mark]);
    assert_eq!(history.status(), Status::Compromised);
    assert_eq!(restated(&history, [9; 16], later(3)).unwrap().map(|record| record.status), Some(Status::Compromised));
}

#[test]
fn device_is_around_every_scope_of_many_that_includes_it_and_no_other() {
    let pledge = Maker::new().pledge("A");
    let made = Made { at: NOW, idevid: pledge.idevid(), reported_by: "line 2".to_owned() };
    let all: Vec<Scope> = ["B1", "B2", "S1", "L1", "line 1", "line 2"]
        .into_iter()
        .flat_map(|name| [Scope::Batch, Scope::Station, Scope::Line].map(|scope: fn(String) -> Scope| scope(name.to_owned())))
        .collect();
    for record in [None, Some(recorded(&pledge, 0, Status::Valid, origin())), Some(recorded(&pledge, 0, Status::Valid, in_batch("B1")))] {
        let around = Scope::of_many_around(&made, record.as_ref());
        for scope in &all {
            assert_eq!(around.contains(scope), scope.includes(&made, record.as_ref()), "{scope}");
        }
    }
}
