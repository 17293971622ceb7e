//! Which vouchers a pledge believes.

use super::*;
use crate::certificate::PolicyOid;

#[test]
fn voucher_for_this_pledge_leads_to_the_domain() {
    let world = World::new();
    let imprinted = world.imprint();
    assert_eq!(imprinted.domain().certificates(), core::slice::from_ref(&world.domain.certificate));
    assert_eq!(imprinted.report().body, Telemetry::success().to_json());
    assert_eq!((imprinted.ask().method, imprinted.ask().path), ("GET", "/.well-known/est/cacerts"));
}

#[test]
fn foreign_nonce_is_refused() {
    let world = World::new();
    let error = rejection(world.vouch(&Voucher { nonce: Some(nonce(2)), ..world.voucher() }));
    assert!(matches!(error, PledgeError::VoucherMismatch { leaf: "nonce" }));
}

#[test]
fn voucher_without_nonce_is_accepted() {
    let world = World::new();
    assert!(matches!(world.vouch(&Voucher { nonce: None, ..world.voucher() }), Ok(Step::Done(_))));
}

#[test]
fn foreign_serial_number_is_refused() {
    let world = World::new();
    let error = rejection(world.vouch(&Voucher { serial_number: serial("JADA-2"), ..world.voucher() }));
    assert!(matches!(error, PledgeError::VoucherMismatch { leaf: "serial-number" }));
}

#[test]
fn foreign_idevid_issuer_is_refused() {
    let world = World::new();
    let other = crate::KeyIdentifier::new([1; 20]).unwrap();
    let error = rejection(world.vouch(&Voucher { idevid_issuer: Some(other), ..world.voucher() }));
    assert!(matches!(error, PledgeError::VoucherMismatch { leaf: "idevid-issuer" }));
}

#[test]
fn voucher_of_another_manufacturer_is_refused() {
    let world = World::new();
    let foreign = vouched_by(&Entity::root("MASA"), &world.voucher());
    let error = rejection(world.ask().answered(&foreign, now()));
    assert!(matches!(error, PledgeError::VoucherUntrusted(_)));
}

#[test]
fn another_device_cannot_sign_vouchers_although_it_leads_to_the_same_root() {
    let world = World::new();
    let sibling = world.maker.issue_ca("Other IDevID CA");
    for ca in [&world.idevid_ca, &sibling] {
        let forged = vouched_below(&device_of(ca, "JADA-2"), &[ca], &world.voucher());
        let error = rejection(world.asking_below(&world.maker).answered(&forged, now()));
        assert!(matches!(error, PledgeError::VoucherFromDevice { .. }));
    }
}

#[test]
fn signer_with_a_serial_number_is_accepted_where_it_is_configured_itself() {
    let world = World::new();
    let signer = device_of(&world.maker, "MASA-1");
    let step = world.asking_below(&signer).answered(&vouched_by(&signer, &world.voucher()), now());
    assert!(matches!(step, Ok(Step::Done(_))));
}

/// One root above IDevIDs and voucher keys, and a policy by which the latter are known.
fn intertwined() -> (World, PolicyOid) {
    let world = World::new();
    let policy = PolicyOid::new("1.3.6.1.4.1.32473.1").unwrap();
    let masa_anchors = Anchors::new([world.maker.certificate.clone()]).unwrap().demanding(policy.clone());
    (world.with(|pledge| Pledge { masa_anchors, ..pledge }), policy)
}

#[test]
fn signer_under_the_policy_is_accepted_where_one_root_stands_above_everything() {
    let (world, policy) = intertwined();
    let signer = world.maker.issue("Voucher signer", SignatureAlgorithm::Es256, |t| t.policy(&policy));
    assert!(matches!(world.ask().answered(&vouched_by(&signer, &world.voucher()), now()), Ok(Step::Done(_))));
}

#[test]
fn idevid_key_signs_no_voucher_where_one_root_stands_above_everything() {
    let (world, policy) = intertwined();
    let device = device_of(&world.idevid_ca, "JADA-2");
    // Neither does one whose certificate names no device, nor one to which its CA gave the policy without having it itself.
    let nameless = world.idevid_ca.issue("Router", SignatureAlgorithm::Es256, |t| t);
    let presuming = world.idevid_ca.issue("Router", SignatureAlgorithm::Es256, |t| t.policy(&policy));
    for signer in [device, nameless, presuming] {
        let error = rejection(world.ask().answered(&vouched_below(&signer, &[&world.idevid_ca], &world.voucher()), now()));
        assert!(matches!(error, PledgeError::VoucherUntrusted(VerifyError::WrongPolicy { .. })), "{error:?}");
    }
}

#[test]
fn voucher_that_pins_nothing_is_refused() {
    let world = World::new();
    let error = rejection(world.vouch(&Voucher { pinned_domain_cert: None, ..world.voucher() }));
    assert!(matches!(error, PledgeError::NothingPinned));
}

#[test]
fn voucher_expires_one_second_after_expires_on() {
    let world = World::new();
    let expiring = |secs| Voucher { expires_on: Some(at(secs)), ..world.voucher() };
    assert!(matches!(world.vouch(&expiring(now().as_secs())), Ok(Step::Done(_))));
    assert!(matches!(rejection(world.vouch(&expiring(now().as_secs() - 1))), PledgeError::VoucherExpired { .. }));
}

#[test]
fn demand_for_revocation_checks_is_not_ignored() {
    let world = World::new();
    let error = rejection(world.vouch(&Voucher { domain_cert_revocation_checks: Some(true), ..world.voucher() }));
    assert!(matches!(error, PledgeError::RevocationCheckDemanded));
}
