//! Records that are corrected, and reports that come again.

use brski_common::provenance::{Answers, Basis, Disclosure, Lock};

use super::*;

struct Scene {
    maker: Maker,
    pledge: Pledge,
    entries: Vec<Entry>,
    others: Vec<Entry>,
    defaults: OriginDefaults,
}

impl Scene {
    fn new() -> Self {
        let maker = Maker::new();
        let pledge = maker.pledge("JADA123");
        Self { maker, pledge, entries: Vec::new(), others: Vec::new(), defaults: OriginDefaults::default() }
    }

    fn history(&self) -> Option<History> {
        History::build((1..).zip(self.entries.clone()), &self.others, false)
    }

    fn decide(&self, origin: &KeyOrigin, correction: &Correction) -> Result<RecordOrder, Refusal> {
        let report = genuine(&self.maker, &self.pledge, Some(origin.clone()));
        evaluate(&report, self.history().as_ref(), &self.defaults, &[], correction, [3; 16], NOW)
    }

    /// Records what follows from a report, and says what that was.
    fn report(&mut self, origin: &KeyOrigin, correction: &Correction) -> Vec<Entry> {
        let entries = self.decide(origin, correction).unwrap().into_entries();
        self.entries.extend(entries.clone());
        entries
    }

    fn mark(&mut self, scope: Scope, status: Status) {
        let mark = Entry::Marked(Marked { at: NOW, by: "Ada".to_owned(), scope, status, reason: "bad drill".to_owned() });
        if mark.device().is_some() { self.entries.push(mark) } else { self.others.push(mark) }
    }
}

fn supersede() -> Correction {
    Correction::Supersede { reason: "wrong batch".parse().unwrap(), by: "Ada".to_owned() }
}

fn in_batch(name: &str) -> KeyOrigin {
    KeyOrigin { batch: Some(name.parse().unwrap()), ..origin() }
}

#[test]
fn correction_is_the_next_record_and_names_what_it_replaces() {
    let mut scene = Scene::new();
    scene.report(&in_batch("1"), &Correction::Refuse);
    let first = scene.history().unwrap().record().unwrap().clone();
    let entries = scene.report(&in_batch("2"), &supersede());
    let [Entry::Recorded(record)] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!((record.seq, &record.origin), (1, &in_batch("2")));
    let supersession = Supersession { record: first.digest().unwrap(), reason: "wrong batch".parse().unwrap(), by: "Ada".to_owned() };
    assert_eq!(record.supersedes, Some(supersession));
    assert_eq!(scene.history().unwrap().superseded().collect::<Vec<_>>(), [(2, &first)]);
}

#[test]
fn newest_record_counts() {
    let mut scene = Scene::new();
    for batch in ["1", "2", "3"] {
        scene.report(&in_batch(batch), &supersede());
    }
    let history = scene.history().unwrap();
    assert_eq!((history.record().unwrap().seq, &history.record().unwrap().origin), (2, &in_batch("3")));
}

#[test]
fn first_report_supersedes_nothing() {
    let entries = Scene::new().report(&origin(), &supersede());
    assert!(matches!(entries.as_slice(), [Entry::Made(_), Entry::Recorded(record)] if record.seq == 0 && record.supersedes.is_none()));
}

#[test]
fn same_correction_again_orders_nothing() {
    let mut scene = Scene::new();
    scene.report(&in_batch("1"), &Correction::Refuse);
    scene.report(&in_batch("2"), &supersede());
    assert!(scene.decide(&in_batch("2"), &supersede()).unwrap().is_repeated());
}

#[test]
fn report_that_was_superseded_orders_nothing_when_it_is_sent_again() {
    let mut scene = Scene::new();
    scene.report(&in_batch("1"), &Correction::Refuse);
    scene.report(&in_batch("2"), &supersede());
    assert!(scene.decide(&in_batch("1"), &Correction::Refuse).unwrap().is_repeated());
}

#[test]
fn correction_may_go_back_to_what_was_said_first() {
    let mut scene = Scene::new();
    scene.report(&in_batch("1"), &Correction::Refuse);
    scene.report(&in_batch("2"), &supersede());
    scene.report(&in_batch("1"), &supersede());
    assert_eq!(scene.history().unwrap().record().unwrap().seq, 2);
}

#[test]
fn same_report_is_recognised_after_the_defaults_changed() {
    let mut scene = Scene::new();
    scene.report(&origin(), &Correction::Refuse);
    // Even if no new report could stand beside them.
    scene.defaults = OriginDefaults { lock: Some(Lock::Fuse), key_retained: Some(true), ..OriginDefaults::default() };
    assert!(scene.decide(&origin(), &Correction::Refuse).unwrap().is_repeated());
    assert!(scene.decide(&origin(), &supersede()).unwrap().is_repeated());
}

#[test]
fn record_of_a_time_without_report_digests_is_recognised_by_its_origin() {
    let mut scene = Scene::new();
    scene.report(&origin(), &Correction::Refuse);
    if let Some(Entry::Recorded(record)) = scene.entries.last_mut() {
        record.report = None;
    }
    assert!(scene.decide(&origin(), &Correction::Refuse).unwrap().is_repeated());
    assert!(scene.decide(&in_batch("1"), &Correction::Refuse).is_err());
}

#[test]
fn defaults_are_recorded_and_the_report_digest_is_of_what_the_station_said() {
    let mut scene = Scene::new();
    scene.defaults.answers = Answers { pki_breadth: Some(5), ..Answers::default() };
    scene.report(&origin(), &Correction::Refuse);
    let record = scene.history().unwrap().record().unwrap().clone();
    assert_eq!(record.origin.answers.pki_breadth, Some(5));
    let report = ManufactureReport { idevid: scene.pledge.idevid(), origin: Some(origin()) };
    assert_eq!(record.report, Some(ReportDigest::of(&report).unwrap()));
}

#[test]
fn defaults_that_contradict_the_report_are_refused() {
    let mut scene = Scene::new();
    scene.defaults.key_retained = Some(true);
    assert!(matches!(scene.decide(&origin(), &Correction::Refuse), Err(Refusal::Inconsistent(_))));
}

#[test]
fn correction_of_a_basis_that_the_station_may_not_claim_is_refused() {
    let mut scene = Scene::new();
    scene.report(&origin(), &Correction::Refuse);
    let better = KeyOrigin { basis: Basis::HsmAttested, ..origin() };
    assert!(matches!(scene.decide(&better, &supersede()), Err(Refusal::BasisNotAllowed { .. })));
}

#[test]
fn other_key_or_certificate_is_no_correction() {
    let mut scene = Scene::new();
    scene.report(&origin(), &Correction::Refuse);
    scene.pledge = scene.maker.pledge("JADA123");
    assert!(matches!(scene.decide(&origin(), &supersede()), Err(Refusal::Contradiction { what: "the serial number", .. })));
}

#[test]
fn correction_keeps_the_status_of_the_record() {
    for status in [Status::Disputed, Status::Compromised] {
        let mut scene = Scene::new();
        scene.report(&in_batch("1"), &Correction::Refuse);
        if let Some(Entry::Recorded(record)) = scene.entries.last_mut() {
            record.status = status;
        }
        scene.report(&in_batch("2"), &supersede());
        assert_eq!(scene.history().unwrap().record().unwrap().status, status);
    }
}

#[test]
fn correction_does_not_lead_out_of_a_mark() {
    let scopes: [fn(&Scene) -> Scope; 3] =
        [|_| Scope::Batch("1".to_owned()), |_| Scope::Station("line 1".to_owned()), |scene| Scope::Device(scene.pledge.device())];
    for scope in scopes {
        let mut scene = Scene::new();
        scene.report(&in_batch("1"), &Correction::Refuse);
        scene.mark(scope(&scene), Status::Compromised);
        scene.report(&in_batch("2"), &supersede());
        assert_eq!(scene.history().unwrap().status(), Status::Compromised);
    }
}

#[test]
fn mark_of_the_batch_that_a_device_was_in_goes_over_to_the_device() {
    let mut scene = Scene::new();
    scene.report(&in_batch("1"), &Correction::Refuse);
    scene.mark(Scope::Batch("1".to_owned()), Status::Compromised);
    let entries = scene.report(&in_batch("2"), &supersede());
    let scope = Scope::Device(scene.pledge.device());
    let mark = Marked {
        at: NOW,
        by: "Ada".to_owned(),
        scope: scope.clone(),
        status: Status::Compromised,
        reason: "bad drill (taken along from batch '1', by a correction)".to_owned(),
    };
    assert_eq!(entries.last(), Some(&Entry::Marked(mark)));
    // It can be taken back there, by whoever may.
    scene.mark(scope, Status::Valid);
    assert_eq!(scene.history().unwrap().status(), Status::Valid);
}

#[test]
fn correction_within_a_marked_batch_marks_nothing_anew() {
    let mut scene = Scene::new();
    scene.report(&in_batch("1"), &Correction::Refuse);
    scene.mark(Scope::Batch("1".to_owned()), Status::Disputed);
    let entries = scene.report(&KeyOrigin { lock: Lock::Fuse, ..in_batch("1") }, &supersede());
    assert!(matches!(entries.as_slice(), [Entry::Recorded(_)]));
}

#[test]
fn lighter_mark_does_not_replace_a_heavier_one_of_the_device() {
    let mut scene = Scene::new();
    scene.report(&in_batch("1"), &Correction::Refuse);
    scene.mark(Scope::Batch("1".to_owned()), Status::Disputed);
    scene.mark(Scope::Device(scene.pledge.device()), Status::Compromised);
    let entries = scene.report(&in_batch("2"), &supersede());
    assert!(matches!(entries.as_slice(), [Entry::Recorded(_)]));
}

#[test]
fn statement_of_the_record_that_counted_before_is_none_of_the_new_one() {
    let mut scene = Scene::new();
    scene.report(&in_batch("1"), &Correction::Refuse);
    let record = scene.history().unwrap().record().unwrap().clone();
    let (key, level) = (scene.pledge.0.certificate.public_key(), Disclosure::Public);
    let view = brski_common::ProvenanceStatement::view(&record, &key, "masa.example.com", level, [7; 16], NOW).unwrap();
    let statement = crate::testing::seal(&scene.maker.provenance.party(&[]), &view, brski_common::Format::Cose);
    scene.entries.push(Entry::Stated(crate::ledger::Stated { device: scene.pledge.device(), seq: 0, level: Some(level), statement }));
    assert!(scene.history().unwrap().statement(level).is_some());
    scene.report(&in_batch("2"), &supersede());
    assert_eq!(scene.history().unwrap().statement(level), None);
}
