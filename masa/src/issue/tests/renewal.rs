//! An earlier voucher in the place of the pledge's request.

use brski_common::{Format, SigningParty, Voucher};

use super::*;
use crate::ledger::{Customer, Owned, OwnerChange};
use crate::testing::{Entity, seal};

/// A scene in which the owner has had a voucher without nonce, and that voucher.
fn nonceless() -> (Scene, Voucher) {
    let mut scene = Scene::new();
    scene.peer = scene.owner.peer();
    scene.policy.nonceless.domains = vec![scene.owner.authority.certificate.spki_digest()];
    let voucher = record(&mut scene, |scene| scene.owner.nonceless(&scene.pledge));
    scene.policy.nonceless.domains.clear();
    scene.now = later(86_400);
    (scene, voucher)
}

fn record(scene: &mut Scene, leaves: impl Fn(&Scene) -> VoucherRequest) -> Voucher {
    let Decision::Record(order) = scene.decide(&leaves(scene)).unwrap() else { panic!("a first request orders an entry") };
    scene.recorded(*order)
}

fn signed(voucher: &Voucher, party: &SigningParty) -> Option<Vec<u8>> {
    Some(seal(party, voucher, Format::Cms).wire().to_vec())
}

/// What the owner asks with this voucher.
fn renewing(scene: &Scene, voucher: &Voucher) -> VoucherRequest {
    let prior_signed_voucher_request = signed(voucher, &scene.maker.nonceless.party(&[]));
    VoucherRequest { created_on: Some(scene.now), nonce: voucher.nonce.clone(), prior_signed_voucher_request, ..scene.owner.nonceless(&scene.pledge) }
}

fn owned(scene: &Scene, change: OwnerChange) -> Entry {
    Entry::Owned(Owned { device: scene.pledge.device(), at: scene.now, by: "sales".to_owned(), change })
}

fn not_renewed(outcome: Result<Decision, Refusal>) -> &'static str {
    match outcome {
        Err(Refusal::NotRenewed(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn expired_voucher_of_the_domain_is_renewed_though_its_domain_is_listed_no_more() {
    let (mut scene, first) = nonceless();
    let Ok(Decision::Record(order)) = scene.decide(&renewing(&scene, &first)) else { panic!("a renewal is an entry of its own") };
    let renewed = scene.recorded(*order);
    let expected = Voucher { created_on: Some(scene.now), expires_on: Some(later(86_400 + 1200)), ..first };
    assert_eq!(renewed, expected);
}

#[test]
fn domain_that_is_listed_no_more_gets_no_new_voucher_for_having_had_one() {
    let (scene, _) = nonceless();
    let leaves = VoucherRequest { created_on: Some(scene.now), ..scene.owner.nonceless(&scene.pledge) };
    let ca_key = scene.owner.authority.certificate.spki_digest();
    assert_eq!(scene.decide(&leaves), Err(Refusal::NoncelessNotAuthorized { ca_key }));
}

#[test]
fn renewal_is_given_to_nobody_but_the_registrar_that_signed() {
    let (mut scene, first) = nonceless();
    scene.peer = PeerCertificates::default();
    assert!(matches!(scene.decide(&renewing(&scene, &first)), Err(Refusal::ClientCertificateRequired(_))));
}

#[test]
fn foreign_domain_gets_no_renewal() {
    let (mut scene, first) = nonceless();
    scene.owner = Owner::new("thief");
    scene.peer = scene.owner.peer();
    assert!(not_renewed(scene.decide(&renewing(&scene, &first))).contains("another domain"));
}

#[test]
fn voucher_that_the_ledger_does_not_have_is_not_renewed() {
    let (mut scene, first) = nonceless();
    scene.entries.truncate(1);
    assert!(not_renewed(scene.decide(&renewing(&scene, &first))).contains("ledger"));
}

#[test]
fn voucher_of_another_device_is_not_renewed() {
    let (scene, first) = nonceless();
    let other = Voucher { serial_number: serial("JADA999"), ..first };
    assert!(matches!(scene.decide(&renewing(&scene, &other)), Err(Refusal::SerialMismatch { .. })));
}

#[test]
fn voucher_that_somebody_else_signed_is_not_trusted() {
    let (scene, first) = nonceless();
    let forged = signed(&first, &Entity::root("voucher signer").party(&[]));
    let leaves = VoucherRequest { prior_signed_voucher_request: forged, ..renewing(&scene, &first) };
    let request = RegistrarRequest::verify(&scene.owner.sign(&leaves), Leniencies::default(), scene.now).unwrap();
    let outcome = request.open(&scene.history(), &scene.maker.anchors(), || scene.maker.lines().voucher_anchors(), scene.now);
    assert!(matches!(outcome, Err(crate::Error::Untrusted(_))));
}

#[test]
fn nothing_is_renewed_once_the_device_changed_hands() {
    let (scene, first) = nonceless();
    let sold = |keys| OwnerChange::SoldTo(Customer { name: "next".to_owned(), keys });
    for change in [OwnerChange::Released, sold(Vec::new())] {
        let mut scene = scene.clone();
        scene.entries.push(owned(&scene, change));
        assert!(not_renewed(scene.decide(&renewing(&scene, &first))).contains("changed hands"));
        let leaves = VoucherRequest { created_on: Some(scene.now), ..scene.owner.nonceless(&scene.pledge) };
        assert!(matches!(scene.decide(&leaves), Err(Refusal::NoncelessNotAuthorized { .. })));
    }
}

#[test]
fn sale_to_the_very_domain_ends_no_renewal() {
    let (mut scene, first) = nonceless();
    let keys = vec![scene.owner.authority.certificate.spki_digest()];
    scene.entries.push(owned(&scene, OwnerChange::SoldTo(Customer { name: "Orchard".to_owned(), keys })));
    assert_eq!(scene.decide(&renewing(&scene, &first)).unwrap().voucher().assertion, Some(Assertion::Verified));
}

#[test]
fn nothing_is_renewed_while_the_device_is_blocked() {
    let (mut scene, first) = nonceless();
    scene.entries.push(Entry::Standing(Standing { device: scene.pledge.device(), at: NOW, blocked: Some("stolen".to_owned()), by: Some("jane".to_owned()) }));
    assert!(matches!(scene.decide(&renewing(&scene, &first)), Err(Refusal::DeviceBlocked(..))));
}

#[test]
fn voucher_with_a_nonce_is_given_again_for_that_nonce_however_old_and_for_no_other() {
    let mut scene = Scene::new();
    let first = record(&mut scene, Scene::outer);
    scene.now = later(30 * 86_400);
    let leaves = VoucherRequest { prior_signed_voucher_request: signed(&first, &scene.maker.voucher.party(&[])), ..renewing(&scene, &first) };
    assert!(matches!(scene.decide(&leaves), Ok(Decision::Repeat(recorded)) if recorded.voucher == first));
    let other = VoucherRequest { nonce: Some(nonce(2)), ..leaves.clone() };
    assert!(not_renewed(scene.decide(&other)).contains("another nonce"));
    let without = VoucherRequest { nonce: None, ..leaves };
    assert!(not_renewed(scene.decide(&without)).contains("never expires"));
}

#[test]
fn voucher_with_a_nonce_entitles_nobody_to_one_without() {
    let mut scene = Scene::new();
    record(&mut scene, Scene::outer);
    scene.peer = scene.owner.peer();
    assert!(matches!(scene.decide(&scene.owner.nonceless(&scene.pledge)), Err(Refusal::NoncelessNotAuthorized { .. })));
}
