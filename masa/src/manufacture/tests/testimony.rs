//! What people sign of a key: who has to, and what they must not have done.

use brski_common::evidence::{
    Authorities, Authority, CeremonySignature, Countersignature, Description, Expected, SeedDestruction, SeedEvent, SeedNotice, SeedReceipt, appraise,
};
use brski_common::provenance::{CoGeneration, ContentDigest, Evidence, EvidenceType, FindingResult, Locus, Method, Protection, RecordDigest, Seed};
use brski_common::refusal::TestimonyFault;
use brski_common::time::at;
use brski_common::{Anchors, Format, Payload, SpkiDigest};

use super::super::audit;
use super::super::seed_register::SeedRegister;
use super::*;
use crate::testing::{Entity, seal};

/// A manufacturer, a device, and people whose word counts.
struct Scene {
    maker: Maker,
    pledge: Pledge,
    alice: Entity,
    bob: Entity,
    goods_in: Entity,
    auditor: Entity,
}

impl Scene {
    fn new() -> Self {
        let maker = Maker::new();
        let [alice, bob, goods_in, auditor] = ["alice", "bob", "goods-in", "auditor"].map(Entity::root);
        Self { pledge: maker.pledge("JADA123"), maker, alice, bob, goods_in, auditor }
    }

    fn authorities(&self) -> Authorities {
        let people = [("alice", &self.alice), ("bob", &self.bob), ("goods-in", &self.goods_in)];
        let people = people.map(|(name, of)| (name, of, Basis::WitnessedCeremony)).into_iter().chain([("auditor", &self.auditor, Basis::ThirdPartyAudit)]);
        Authorities::new(people.map(|(name, of, basis)| {
            let anchors = Anchors::new([of.certificate.clone()]).unwrap();
            Authority { name: name.to_owned(), anchors, basis, locus: None, unmarked_attestation_keys: false }
        }))
    }

    fn key(&self) -> SpkiDigest {
        self.pledge.idevid().spki_digest()
    }

    fn genuine(&self, origin: KeyOrigin) -> GenuineReport {
        let station = Station { bases: Basis::ALL.to_vec(), ..self.maker.stations().remove(0) };
        let report = self.maker.report(&self.pledge, Some(origin));
        GenuineReport::verify(&report, &[station], &self.maker.anchors(), &self.authorities(), NOW).unwrap()
    }

    fn decide(&self, origin: KeyOrigin) -> Result<RecordOrder, Refusal> {
        decide(&self.genuine(origin), None)
    }

    /// What testimonies are missing or too many.
    fn fault(&self, origin: KeyOrigin) -> TestimonyFault {
        match self.decide(origin) {
            Err(Refusal::Testimony(fault)) => *fault,
            other => panic!("{other:?}"),
        }
    }

    fn signs(&self, by: &Entity, ceremony: &str) -> Evidence {
        sealed(&CeremonySignature { key: self.key(), ceremony: text(ceremony), at: NOW }, by)
    }

    fn notice(&self, seconds_ago: u64, event: SeedEvent) -> Evidence {
        sealed(&SeedNotice { batch: text("seeds 7"), at: at(NOW.as_secs() - seconds_ago), event }, &self.goods_in)
    }

    fn receipt(&self) -> Evidence {
        self.notice(3600, received())
    }

    /// A device's key from a seed of the batch, made just now.
    fn carrot(&self, copies_destroyed: Option<bool>, evidence: Vec<Evidence>) -> KeyOrigin {
        let known = KeyOrigin::new(Method::Carrot, Source::Kdf, Protection::NonExtractable, Locus::MainCpu, Basis::StationSigned, NOW);
        let seed = Seed { bits: 256, storage: None, copies_destroyed, batch: Some(text("seeds 7")) };
        KeyOrigin { seed: Some(seed), evidence, ..known }
    }

    fn derived(&self) -> Vec<Evidence> {
        vec![self.receipt(), self.signs(&self.alice, "seeds 7"), self.signs(&self.bob, "seeds 7")]
    }

    fn countersigned(&self, by: &Entity, record: RecordDigest) -> Evidence {
        let description = Description { title: text("How keys are made in plant 3"), digest: ContentDigest::of(b"description") };
        sealed(&Countersignature { key: self.key(), record, description, at: NOW }, by)
    }

    fn audit(&self, known: &History, evidence: &Evidence) -> Result<RecordOrder, Refusal> {
        let expected = Expected { key: &self.pledge.idevid().certificate().public_key(), nonce: None };
        let outcome = appraise(evidence, &expected, &self.authorities(), NOW).remove(0).outcome;
        audit::evaluate(known, evidence, &outcome, &text("Quality"), [4; 16], NOW)
    }

    fn recorded(&self) -> History {
        after(&self.genuine(origin()))
    }
}

fn text(text: &str) -> Text {
    text.parse().unwrap()
}

fn received() -> SeedEvent {
    SeedEvent::Received(SeedReceipt { courier: text("van 12"), received_by: text("Eve"), count: 2, list: ContentDigest::of(b"list") })
}

fn destroyed() -> SeedEvent {
    SeedEvent::Destroyed(SeedDestruction { destroyed_by: text("Eve") })
}

fn sealed<T: Payload>(content: &T, by: &Entity) -> Evidence {
    let kind = EvidenceType::new(T::typ(Format::Cose).unwrap().name()).unwrap();
    Evidence { kind, data: seal(&by.party(&[]), content, Format::Cose).wire().to_vec() }
}

fn together(basis: Basis, parties: &[&str], evidence: Vec<Evidence>) -> KeyOrigin {
    let parties = parties.iter().map(|party| text(party)).collect();
    KeyOrigin { basis, co_generation: Some(CoGeneration { parties, threshold: 2 }), evidence, ..origin() }
}

#[test]
fn key_that_two_made_together_is_recorded_once_both_have_signed() {
    let scene = Scene::new();
    let evidence = vec![scene.signs(&scene.alice, "minutes 7"), scene.signs(&scene.bob, "minutes 7")];
    let entries = scene.decide(together(Basis::WitnessedCeremony, &["alice", "bob"], evidence)).unwrap().into_entries();
    let [Entry::Made(_), Entry::Recorded(record)] = entries.as_slice() else { panic!("{entries:?}") };
    assert!(record.findings.iter().all(|finding| finding.grounds(Basis::WitnessedCeremony)));
    assert_eq!(record.findings.len(), 2);
}

#[test]
fn missing_second_and_foreign_signatures_are_counted() {
    let scene = Scene::new();
    let (alice, bob) = (|| scene.signs(&scene.alice, "minutes 7"), || scene.signs(&scene.bob, "minutes 7"));
    let stranger = scene.signs(&Entity::root("mallory"), "minutes 7");
    let faults = [
        (vec![], 0, 0, 0),
        (vec![alice()], 1, 0, 0),
        (vec![alice(), alice()], 1, 1, 0),
        (vec![alice(), bob(), bob()], 2, 1, 0),
        (vec![alice(), bob(), stranger], 2, 0, 1),
        (vec![alice(), bob(), scene.signs(&scene.goods_in, "minutes 7")], 2, 0, 1),
    ];
    for (evidence, signed, again, foreign) in faults {
        let found = scene.fault(together(Basis::WitnessedCeremony, &["alice", "bob"], evidence));
        assert_eq!(found, TestimonyFault::Parties { parties: 2, signed, again, foreign });
    }
}

#[test]
fn parties_that_sign_for_two_ceremonies_made_no_key_together() {
    let scene = Scene::new();
    let evidence = vec![scene.signs(&scene.alice, "minutes 7"), scene.signs(&scene.bob, "minutes 8")];
    assert_eq!(scene.fault(together(Basis::WitnessedCeremony, &["alice", "bob"], evidence)), TestimonyFault::Ceremonies(2));
}

#[test]
fn co_generation_on_the_stations_own_word_needs_no_signature_but_takes_no_half_of_them() {
    let scene = Scene::new();
    assert!(scene.decide(together(Basis::StationSigned, &["alice", "bob"], Vec::new())).is_ok());
    let half = scene.fault(together(Basis::StationSigned, &["alice", "bob"], vec![scene.signs(&scene.alice, "minutes 7")]));
    assert_eq!(half, TestimonyFault::Parties { parties: 2, signed: 1, again: 0, foreign: 0 });
}

#[test]
fn key_from_a_received_seed_that_two_derived_is_recorded() {
    let scene = Scene::new();
    assert!(scene.decide(scene.carrot(None, scene.derived())).is_ok());
}

#[test]
fn seed_that_two_split_is_signed_for_in_the_name_of_its_batch_by_both() {
    let scene = Scene::new();
    let parties = |names: &[&str]| Some(CoGeneration { parties: names.iter().map(|name| text(name)).collect(), threshold: 2 });
    assert!(scene.decide(KeyOrigin { co_generation: parties(&["alice", "bob"]), ..scene.carrot(None, scene.derived()) }).is_ok());
    let foreign = scene.fault(KeyOrigin { co_generation: parties(&["alice", "carol"]), ..scene.carrot(None, scene.derived()) });
    assert_eq!(foreign, TestimonyFault::Parties { parties: 2, signed: 1, again: 0, foreign: 1 });
}

#[test]
fn seed_of_a_batch_that_nobody_received_is_refused() {
    let scene = Scene::new();
    let evidence = scene.derived().split_off(1);
    assert_eq!(scene.fault(scene.carrot(None, evidence)), TestimonyFault::SeedsUnknown("seeds 7".to_owned()));
}

#[test]
fn key_that_was_derived_once_is_refused() {
    let scene = Scene::new();
    let evidence = vec![scene.receipt(), scene.signs(&scene.alice, "seeds 7"), scene.signs(&scene.alice, "seeds 7")];
    assert_eq!(scene.fault(scene.carrot(None, evidence)), TestimonyFault::DerivedOnce { batch: "seeds 7".to_owned(), parties: 1 });
}

#[test]
fn derivations_that_differ_are_refused_with_both_keys() {
    let scene = Scene::new();
    let other = SpkiDigest([7; 32]);
    let differing = sealed(&CeremonySignature { key: other, ceremony: text("seeds 7"), at: NOW }, &scene.bob);
    let found = scene.fault(scene.carrot(None, vec![scene.receipt(), scene.signs(&scene.alice, "seeds 7"), differing]));
    let (found_key, expected) = (other.to_string(), scene.key().to_string());
    assert_eq!(found, TestimonyFault::DerivationsDiffer { batch: "seeds 7".to_owned(), found: found_key, expected });
}

#[test]
fn key_is_derived_neither_before_the_seeds_came_nor_after_they_were_destroyed() {
    let scene = Scene::new();
    let event = |origin| match scene.fault(origin) {
        TestimonyFault::DerivedWithoutSeeds { event, .. } => event,
        other => panic!("{other:?}"),
    };
    let early = KeyOrigin { made_at: at(NOW.as_secs() - 7200), ..scene.carrot(None, scene.derived()) };
    assert_eq!(event(early), "received");
    let late = [scene.derived(), vec![scene.notice(60, destroyed())]].concat();
    assert_eq!(event(scene.carrot(Some(true), late)), "destroyed");
}

#[test]
fn what_is_said_of_a_seeds_copies_is_what_the_notice_says() {
    let scene = Scene::new();
    let destroyed = || [scene.derived(), vec![scene.notice(0, destroyed())]].concat();
    assert!(scene.decide(scene.carrot(Some(true), destroyed())).is_ok());
    let fault = |said, found| TestimonyFault::Destruction { batch: "seeds 7".to_owned(), said, found };
    assert_eq!(scene.fault(scene.carrot(Some(true), scene.derived())), fault(true, "no"));
    assert_eq!(scene.fault(scene.carrot(Some(false), destroyed())), fault(false, "a"));
}

#[test]
fn audited_record_is_written_again_with_the_countersignature_and_nothing_else_changed() {
    let scene = Scene::new();
    let known = scene.recorded();
    let before = known.record().unwrap();
    let evidence = scene.countersigned(&scene.auditor, before.digest().unwrap());
    let entries = scene.audit(&known, &evidence).unwrap().into_entries();
    let [Entry::Recorded(record)] = entries.as_slice() else { panic!("{entries:?}") };
    let kind = evidence.kind.clone();
    let attester = Some("auditor".to_owned());
    let finding = brski_common::provenance::Finding { kind, result: FindingResult::Supports, attester, basis: Some(Basis::ThirdPartyAudit) };
    let supersedes = Supersession { record: before.digest().unwrap(), reason: text("countersigned by auditor"), by: "Quality".to_owned() };
    let expected = ProvenanceRecord {
        seq: 1,
        salt: [4; 16],
        supersedes: Some(supersedes),
        findings: vec![finding],
        origin: KeyOrigin { basis: Basis::ThirdPartyAudit, evidence: vec![evidence], ..before.origin.clone() },
        ..before.clone()
    };
    assert_eq!(**record, expected);
}

#[test]
fn same_countersignature_again_orders_nothing() {
    let scene = Scene::new();
    let report = scene.genuine(origin());
    let known = after(&report);
    let evidence = scene.countersigned(&scene.auditor, known.record().unwrap().digest().unwrap());
    let entries = [decide(&report, None).unwrap().into_entries(), scene.audit(&known, &evidence).unwrap().into_entries()].concat();
    let audited = History::build((1..).zip(entries), [], false).unwrap();
    assert!(scene.audit(&audited, &evidence).unwrap().is_repeated());
    assert!(decide(&report, Some(&audited)).unwrap().is_repeated());
}

#[test]
fn audit_of_another_record_is_refused_with_both() {
    let scene = Scene::new();
    let known = scene.recorded();
    let other = RecordDigest([9; 32]);
    let refused = scene.audit(&known, &scene.countersigned(&scene.auditor, other));
    let expected = known.record().unwrap().digest().unwrap();
    assert_eq!(refused, Err(TestimonyFault::OtherAudited { found: other, expected }.into()));
}

#[test]
fn party_of_a_ceremony_audits_nothing() {
    let scene = Scene::new();
    let known = scene.recorded();
    let by_alice = scene.countersigned(&scene.alice, known.record().unwrap().digest().unwrap());
    let Err(Refusal::Testimony(fault)) = scene.audit(&known, &by_alice) else { panic!("it counts") };
    assert!(matches!(*fault, TestimonyFault::AuditUnfit(_)), "{fault}");
    assert_eq!(scene.audit(&known, &scene.signs(&scene.alice, "minutes 7")), Err(TestimonyFault::NoAudit.into()));
}

#[test]
fn nothing_is_audited_where_nobody_wrote_anything_down() {
    let scene = Scene::new();
    let known = after(&genuine(&scene.maker, &scene.pledge, None));
    let evidence = scene.countersigned(&scene.auditor, RecordDigest([9; 32]));
    assert_eq!(scene.audit(&known, &evidence), Err(TestimonyFault::NothingToAudit.into()));
}

#[test]
fn station_brings_no_audit_of_its_own_report() {
    let scene = Scene::new();
    let evidence = vec![scene.countersigned(&scene.auditor, RecordDigest([9; 32]))];
    assert_eq!(scene.fault(KeyOrigin { basis: Basis::ThirdPartyAudit, evidence, ..origin() }), TestimonyFault::AuditReported);
}

/// What a batch of two seeds has for the devices of these reports, one after the other.
fn admitted(register: &mut SeedRegister, scene: &Scene, origin: KeyOrigin) -> Result<(), TestimonyFault> {
    register.admit(&scene.decide(origin).unwrap().into_entries(), true)
}

#[test]
fn more_devices_than_seeds_are_refused_and_the_same_device_again_is_not() {
    let (mut register, mut scene) = (SeedRegister::default(), Scene::new());
    let [first, second, third] = ["JADA123", "JADA124", "JADA125"].map(|name| scene.maker.pledge(name));
    let mut admit = |register: &mut SeedRegister, pledge: &Pledge| {
        scene.pledge = pledge.clone();
        admitted(register, &scene, scene.carrot(None, scene.derived()))
    };
    assert_eq!([&first, &second, &first].map(|pledge| admit(&mut register, pledge)), [Ok(()), Ok(()), Ok(())]);
    assert_eq!(admit(&mut register, &third), Err(TestimonyFault::SeedsSpent { batch: "seeds 7".to_owned(), count: 2 }));
    register.release(&second.device());
    assert_eq!(admit(&mut register, &third), Ok(()));
}

#[test]
fn batch_on_record_has_one_receipt_and_gives_no_key_after_its_destruction() {
    let scene = Scene::new();
    let mut register = SeedRegister::default();
    let gone = KeyOrigin { made_at: at(NOW.as_secs() - 600), ..scene.carrot(Some(true), [scene.derived(), vec![scene.notice(60, destroyed())]].concat()) };
    register.read((1..).zip(scene.decide(gone).unwrap().into_entries()).collect());
    let late = admitted(&mut register, &scene, scene.carrot(None, scene.derived()));
    assert!(matches!(late, Err(TestimonyFault::DerivedWithoutSeeds { event: "destroyed", .. })), "{late:?}");
    let SeedEvent::Received(receipt) = received() else { unreachable!() };
    let mut evidence = scene.derived();
    evidence[0] = scene.notice(3600, SeedEvent::Received(SeedReceipt { count: 1000, ..receipt }));
    assert_eq!(admitted(&mut register, &scene, scene.carrot(None, evidence)), Err(TestimonyFault::SeedsDiffer("seeds 7".to_owned())));
}

#[test]
fn signature_for_a_ceremony_that_no_report_tells_of_is_refused() {
    let scene = Scene::new();
    let stray = KeyOrigin { evidence: vec![scene.signs(&scene.alice, "minutes 7")], ..origin() };
    assert_eq!(scene.fault(stray), TestimonyFault::Stray(1));
    let beside = scene.carrot(None, [scene.derived(), vec![scene.signs(&scene.alice, "minutes 7")]].concat());
    assert_eq!(scene.fault(beside), TestimonyFault::Stray(1));
}

#[test]
fn witnessed_ceremony_without_a_witness_is_refused() {
    let scene = Scene::new();
    let claimed = KeyOrigin { basis: Basis::WitnessedCeremony, ..origin() };
    assert!(matches!(scene.decide(claimed), Err(Refusal::BasisNotGrounded { basis: Basis::WitnessedCeremony, .. })));
}

#[test]
fn what_is_signed_as_of_a_time_yet_to_come_is_refused() {
    let scene = Scene::new();
    let notice = SeedNotice { batch: text("seeds 7"), at: at(NOW.as_secs() + 601), event: destroyed() };
    let evidence = [scene.derived(), vec![sealed(&notice, &scene.goods_in)]].concat();
    assert!(matches!(scene.fault(scene.carrot(Some(true), evidence)), TestimonyFault::YetToCome { kind: "seed notice", .. }));
}

#[test]
fn who_derives_keys_neither_received_nor_destroyed_their_seeds() {
    let scene = Scene::new();
    let by = |event: SeedEvent, by: &Entity| sealed(&SeedNotice { batch: text("seeds 7"), at: NOW, event }, by);
    let derived = || scene.derived().split_off(1);
    let received_by_alice = [vec![by(received(), &scene.alice)], derived()].concat();
    assert_eq!(scene.fault(scene.carrot(None, received_by_alice)), TestimonyFault::SeedRoles { batch: "seeds 7".to_owned(), event: "received" });
    let destroyed_by_alice = [scene.derived(), vec![by(destroyed(), &scene.alice)]].concat();
    assert_eq!(scene.fault(scene.carrot(Some(true), destroyed_by_alice)), TestimonyFault::SeedRoles { batch: "seeds 7".to_owned(), event: "destroyed" });
}

#[test]
fn countersignature_with_other_octets_that_are_not_signed_is_the_same_one() {
    let scene = Scene::new();
    let report = scene.genuine(origin());
    let known = after(&report);
    let record = known.record().unwrap().digest().unwrap();
    let (evidence, again) = (scene.countersigned(&scene.auditor, record), scene.countersigned(&scene.auditor, record));
    // Each signature is another one, as ECDSA has it.
    assert_ne!(evidence, again);
    let entries = [decide(&report, None).unwrap().into_entries(), scene.audit(&known, &evidence).unwrap().into_entries()].concat();
    let audited = History::build((1..).zip(entries), [], false).unwrap();
    assert!(scene.audit(&audited, &again).unwrap().is_repeated());
}
