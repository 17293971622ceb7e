//! Marks, from the operator's word to what registrars, owners and auditors are told.

use brski_common::KeyOrigin;
use brski_common::log::{Hash, receipts_of};
use brski_common::provenance::{Disclosure, Status, Text};

use super::*;
use crate::ledger::Scope;
use crate::testing::Pledge;

fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

/// A MASA that recorded one device, of station S1.
struct Scene {
    maker: Maker,
    owner: Owner,
    pledge: Pledge,
    masa: Masa,
}

impl Scene {
    fn new() -> Self {
        let (maker, owner) = (Maker::new(), Owner::new("owner"));
        let (masa, pledge) = (maker.masa(), maker.pledge("A"));
        let origin = KeyOrigin { station: Some(text("S1")), batch: Some(text("B1")), ..origin() };
        block_on(masa.record(&maker.report(&pledge, Some(origin)))).unwrap();
        Self { maker, owner, pledge, masa }
    }

    fn mark(&self, scope: Scope, status: Status) -> Marking {
        block_on(self.masa.mark(scope, status, text("the station's key was copied"), text("jane"))).unwrap()
    }

    fn station(&self, status: Status) -> Marking {
        self.mark(Scope::Station("S1".to_owned()), status)
    }

    fn vouch(&self, number: u8) -> Result<Signed<Voucher>, Error> {
        block_on(self.masa.vouch(&self.owner.request(&self.pledge, nonce(number)), Format::Cms, &PeerCertificates::default()))
    }

    fn statement(&self, level: Disclosure) -> Signed<ProvenanceStatement> {
        block_on(self.masa.statement_for(&self.pledge.device(), level)).unwrap().unwrap()
    }

    fn said(&self, level: Disclosure) -> ProvenanceStatement {
        let by = SignedBy::Holder(&self.maker.provenance.certificate);
        self.statement(level).verify(&Verifier::strict(by), NOW).unwrap().get().clone()
    }

    fn size(&self) -> u64 {
        block_on(self.masa.0.ledger.head()).unwrap().size
    }

    fn refused(&self) -> Refusal {
        let reason = "its key is on record as compromised: the station's key was copied".to_owned();
        Refusal::DeviceBlocked(self.pledge.device().serial, reason)
    }
}

#[test]
fn device_of_a_compromised_station_gets_no_voucher_and_its_registrar_is_told_why() {
    let scene = Scene::new();
    let marking = scene.station(Status::Compromised);
    assert_eq!(marking.affected.map(|affected| affected.units), Some(1));
    assert_eq!(refusal(scene.vouch(1)), scene.refused());
}

#[test]
fn request_that_got_its_voucher_before_the_mark_does_not_get_it_again() {
    let scene = Scene::new();
    scene.vouch(1).unwrap();
    scene.station(Status::Compromised);
    assert_eq!(refusal(scene.vouch(1)), scene.refused());
}

#[test]
fn voucher_on_record_is_not_signed_again_after_the_mark() {
    let scene = Scene::new();
    scene.vouch(1).unwrap();
    let request = scene.owner.request(&scene.pledge, nonce(1));
    let device = scene.pledge.device();
    let (index, _) = block_on(scene.masa.vouchers(&device)).unwrap().remove(0);
    assert!(block_on(scene.masa.sign_again(&device, index, "jane", Format::Cms)).is_ok());
    scene.station(Status::Compromised);
    assert_eq!(refusal(block_on(scene.masa.sign_again(&device, index, "jane", Format::Cms))), scene.refused());
    assert_eq!(refusal(block_on(scene.masa.issued(&request, Format::Cms, &scene.owner.peer()))), scene.refused());
}

#[test]
fn voucher_without_nonce_is_not_given_after_the_mark() {
    let scene = Scene::new();
    scene.station(Status::Compromised);
    let mut parts = scene.maker.parts(scene.masa.0.ledger.clone());
    let domain = scene.owner.authority.certificate.clone();
    parts.lines.rest_mut().issue_policy.nonceless.domains = vec![domain.spki_digest()];
    let masa = Masa::new(parts);
    let asked = scene.owner.sign(&scene.owner.nonceless(&scene.pledge));
    assert_eq!(refusal(block_on(masa.vouch(&asked, Format::Cms, &scene.owner.peer()))), scene.refused());
    assert_eq!(refusal(block_on(masa.vouch_offline(&scene.pledge.device(), &domain, None, "jane", Format::Cms))), scene.refused());
}

#[test]
fn mark_taken_back_lets_vouchers_flow_again() {
    let scene = Scene::new();
    scene.station(Status::Compromised);
    scene.station(Status::Valid);
    assert!(scene.vouch(1).is_ok());
}

#[test]
fn statement_after_a_mark_has_its_status_a_higher_number_and_a_receipt_of_its_own_record() {
    let scene = Scene::new();
    let before = scene.said(Disclosure::Customer);
    scene.station(Status::Disputed);
    let (statement, after) = (scene.statement(Disclosure::Customer), scene.said(Disclosure::Customer));
    assert_eq!((before.status, before.seq, after.status, after.seq), (Status::Valid, 0, Status::Disputed, 1));
    let receipts = receipts_of(statement.wire()).unwrap();
    let log = scene.maker.log.public_key();
    assert!(receipts[0].verify_inclusion(&Hash::from(after.record.0), log).is_ok());
    assert!(receipts[0].verify_inclusion(&Hash::from(before.record.0), log).is_err());
}

#[test]
fn statements_of_all_levels_name_the_same_record() {
    let scene = Scene::new();
    scene.station(Status::Disputed);
    let records = [Disclosure::Public, Disclosure::Customer, Disclosure::Auditor].map(|level| scene.said(level)).map(|said| (said.seq, said.record));
    assert!(records.iter().all(|record| *record == records[0]), "{records:?}");
    assert_eq!(records[0].0, 1);
}

#[test]
fn owner_and_voucher_are_told_the_status_as_it_is_after_the_mark_was_taken_back() {
    let scene = Scene::new();
    scene.vouch(1).unwrap();
    scene.station(Status::Disputed);
    assert_eq!(scene.said(Disclosure::Customer).seq, 1);
    scene.station(Status::Valid);
    let told = block_on(scene.masa.provenance(&scene.owner.request(&scene.pledge, nonce(1)))).unwrap().unwrap();
    let told = told.peek_unverified(Leniencies::NONE).unwrap();
    assert_eq!((told.status, told.seq), (Status::Valid, 2));
}

#[test]
fn mark_of_a_device_changes_its_record_at_once_and_that_of_a_station_when_it_is_asked_for() {
    let scene = Scene::new();
    let before = scene.size();
    scene.mark(Scope::Device(scene.pledge.device()), Status::Disputed);
    assert_eq!(scene.size(), before + 2);
    scene.station(Status::Compromised);
    assert_eq!(scene.size(), before + 3);
    // The record, and the statement about it.
    scene.statement(Disclosure::Customer);
    assert_eq!(scene.size(), before + 5);
    scene.statement(Disclosure::Customer);
    assert_eq!(scene.size(), before + 5);
}

#[test]
fn mark_that_hits_nothing_stands_and_says_so() {
    let scene = Scene::new();
    let marking = scene.mark(Scope::Batch("B9".to_owned()), Status::Compromised);
    assert_eq!(marking.affected.map(|affected| affected.units), Some(0));
    let later = scene.maker.pledge("B");
    let origin = KeyOrigin { batch: Some(text("B9")), ..origin() };
    block_on(scene.masa.record(&scene.maker.report(&later, Some(origin)))).unwrap();
    let asked = block_on(scene.masa.vouch(&scene.owner.request(&later, nonce(1)), Format::Cms, &PeerCertificates::default()));
    assert!(matches!(refusal(asked), Refusal::DeviceBlocked(..)));
}

#[test]
fn device_that_was_never_made_cannot_be_marked() {
    let scene = Scene::new();
    let device = scene.maker.pledge("Z").device();
    let outcome = block_on(scene.masa.mark(Scope::Device(device.clone()), Status::Disputed, text("why"), text("jane")));
    assert_eq!(refusal(outcome), Refusal::UnknownDevice(device));
}

#[test]
fn same_report_after_a_mark_is_still_the_same_report() {
    let scene = Scene::new();
    scene.station(Status::Disputed);
    scene.statement(Disclosure::Customer);
    let origin = KeyOrigin { station: Some(text("S1")), batch: Some(text("B1")), ..origin() };
    let again = block_on(scene.masa.record(&scene.maker.report(&scene.pledge, Some(origin)))).unwrap();
    assert!(again.repeated);
    assert_eq!(again.statement.unwrap().peek_unverified(Leniencies::NONE).unwrap().status, Status::Disputed);
}

#[test]
fn correction_after_a_mark_was_taken_back_is_valid_again() {
    use brski_common::provenance::ManufactureReport;
    let scene = Scene::new();
    scene.station(Status::Disputed);
    scene.statement(Disclosure::Customer);
    let origin = KeyOrigin { station: Some(text("S2")), ..origin() };
    let report: Signed<ManufactureReport> = scene.maker.report(&scene.pledge, Some(origin));
    let genuine = scene.masa.genuine(&report).unwrap();
    let correction = crate::Correction::Supersede { reason: text("wrong station"), by: "jane".to_owned() };
    assert!(block_on(scene.masa.record_all(&[genuine], Want::Record, &correction)).remove(0).is_ok());
    // The mark went over to the device, and the device can be freed of it.
    assert_eq!(scene.said(Disclosure::Customer).status, Status::Disputed);
    scene.mark(Scope::Device(scene.pledge.device()), Status::Valid);
    assert_eq!(scene.said(Disclosure::Customer).status, Status::Valid);
}

#[test]
fn nothing_internal_is_ever_signed() {
    let scene = Scene::new();
    let outcome = block_on(scene.masa.statement_for(&scene.pledge.device(), Disclosure::Internal));
    assert_eq!(refusal(outcome), Refusal::StaysWithManufacturer);
    assert!(block_on(scene.masa.statement_for(&scene.pledge.device(), Disclosure::Auditor)).unwrap().is_some());
}

#[test]
fn two_who_ask_at_once_get_the_same_record() {
    let scene = Scene::new();
    scene.station(Status::Disputed);
    let other = Masa::new(MasaParts { last_signed: scene.masa.0.last_signed.clone(), ..scene.maker.parts(scene.masa.0.ledger.clone()) });
    let device = scene.pledge.device();
    // Both have read the history before either appends.
    let mut histories = [(); 2].map(|()| block_on(scene.masa.known(&device)).unwrap());
    let [first, second] = &mut histories;
    block_on(scene.masa.restate(first, NOW)).unwrap();
    block_on(other.restate(second, NOW)).unwrap();
    assert_eq!(histories[0].record(), histories[1].record());
    assert_eq!(histories[0].record().map(|record| record.seq), Some(1));
}
