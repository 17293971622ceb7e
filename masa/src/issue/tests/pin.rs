//! The pin is of the kind by which the pledge named its registrar, and there is one.

use brski_common::DomainId;

use super::*;
use crate::testing::{by_key, by_key_hash};

/// The three leaves: certificate, key, hash.
fn pins(voucher: &Voucher) -> (Option<&Certificate>, Option<&[u8]>, Option<&[u8; 32]>) {
    (voucher.pinned_domain_cert.as_ref(), voucher.pinned_domain_pubk.as_deref(), voucher.pinned_domain_pubk_sha256.as_ref())
}

fn vouched(decision: &Decision) -> &Vouched {
    let Decision::Record(order) = decision else { panic!("{decision:?}") };
    let Entry::Vouched(vouched) = order.entry() else { panic!("{order:?}") };
    vouched
}

#[test]
fn pledge_that_names_a_certificate_gets_its_issuer_pinned() {
    let scene = Scene::new();
    let decision = scene.decide_on_inner(&scene.inner()).unwrap();
    let domain = &scene.owner.authority.certificate;
    assert_eq!(pins(decision.voucher()), (Some(domain), None, None));
    assert_eq!((&vouched(&decision).domain, vouched(&decision).pin), (&domain.domain_id(), domain.spki_digest()));
}

#[test]
fn pledge_that_names_a_key_gets_that_key_pinned() {
    let scene = Scene::new();
    let decision = scene.decide_on_inner(&by_key(scene.inner())).unwrap();
    let key = scene.owner.registrar.certificate.public_key();
    assert_eq!(pins(decision.voucher()), (None, Some(key.spki()), None));
    assert_eq!(decision.voucher().assertion, Some(Assertion::Proximity));
}

#[test]
fn pledge_that_names_the_hash_of_a_key_gets_that_hash_pinned() {
    let scene = Scene::new();
    let decision = scene.decide_on_inner(&by_key_hash(scene.inner())).unwrap();
    let key = scene.owner.registrar.certificate.public_key();
    assert_eq!(pins(decision.voucher()), (None, None, Some(&key.digest().0)));
    assert_eq!(decision.voucher().assertion, Some(Assertion::Proximity));
}

#[test]
fn of_several_names_the_first_in_order_decides_the_pin() {
    let scene = Scene::new();
    let (key, hash) = (by_key(scene.inner()), by_key_hash(scene.inner()));
    let all = VoucherRequest {
        proximity_registrar_cert: scene.inner().proximity_registrar_cert,
        proximity_registrar_pubk: key.proximity_registrar_pubk.clone(),
        ..hash.clone()
    };
    let without_hash = VoucherRequest { proximity_registrar_pubk_sha256: None, ..all.clone() };
    let kinds = |inner: &VoucherRequest| {
        let decision = scene.decide_on_inner(inner).unwrap();
        let (certificate, key, hash) = pins(decision.voucher());
        (certificate.is_some(), key.is_some(), hash.is_some())
    };
    assert_eq!((kinds(&all), kinds(&without_hash)), ((false, false, true), (false, true, false)));
}

#[test]
fn domain_of_a_pinned_key_is_the_keys_own_digest() {
    let scene = Scene::new();
    let digest = scene.owner.registrar.certificate.spki_digest();
    for inner in [by_key(scene.inner()), by_key_hash(scene.inner())] {
        let decision = scene.decide_on_inner(&inner).unwrap();
        assert_eq!((&vouched(&decision).domain, vouched(&decision).pin), (&DomainId::from(digest), digest));
    }
}

#[test]
fn key_of_another_registrar_is_refused_in_either_form() {
    let scene = Scene::new();
    let rogue = scene.pledge.leaves(&Owner::new("rogue"), nonce(1));
    for inner in [by_key(rogue.clone()), by_key_hash(rogue)] {
        assert_eq!(scene.decide_on_inner(&inner), Err(Refusal::ProximityMismatch));
    }
}

#[test]
fn key_of_a_ca_above_the_registrar_is_never_pinned() {
    let mut scene = Scene::new();
    let authority = scene.owner.authority.certificate.clone();
    let named = VoucherRequest { proximity_registrar_cert: Some(authority), ..scene.inner() };
    assert!(scene.decide_on_inner(&named).is_ok());
    for policy in [ProximityKey::InChain, ProximityKey::Signer] {
        scene.policy.proximity_key = policy;
        for inner in [by_key(named.clone()), by_key_hash(named.clone())] {
            assert_eq!(scene.decide_on_inner(&inner), Err(Refusal::ProximityMismatch));
        }
        assert!(scene.decide_on_inner(&by_key(scene.inner())).is_ok());
    }
}

#[test]
fn name_without_a_claim_of_proximity_still_decides_the_pin() {
    let mut scene = Scene::new();
    scene.policy.without_proximity = WithoutProximity::Logged;
    let inner = VoucherRequest { assertion: None, ..by_key_hash(scene.inner()) };
    let decision = scene.decide_on_inner(&inner).unwrap();
    let digest = scene.owner.registrar.certificate.spki_digest();
    assert_eq!((decision.voucher().assertion, pins(decision.voucher())), (Some(Assertion::Logged), (None, None, Some(&digest.0))));
}

#[test]
fn registrar_that_asks_twice_gets_the_same_pin_without_a_second_entry() {
    let mut scene = Scene::new();
    for inner in [by_key(scene.inner()), by_key_hash(scene.inner())] {
        scene.entries.truncate(1);
        let first = scene.decide_on_inner(&inner).unwrap();
        scene.entries.push(Entry::Vouched(vouched(&first).clone()));
        let again = scene.decide_on_inner(&inner).unwrap();
        assert!(matches!(again, Decision::Repeat(_)));
        assert_eq!(again.voucher(), first.voucher());
    }
}

#[test]
fn nonce_used_for_a_pinned_key_is_a_replay_for_another_registrar_of_the_domain() {
    let mut scene = Scene::new();
    let first = scene.decide_on_inner(&by_key(scene.inner())).unwrap();
    scene.entries.push(Entry::Vouched(vouched(&first).clone()));
    let subject = brski_common::issuing::Subject::common_name("second registrar");
    scene.owner.registrar = scene.owner.authority.issue(subject, |template| template.usages(&[CMC_RA]));
    assert_eq!(scene.decide_on_inner(&by_key(scene.inner())), Err(Refusal::Replayed { how: "to another domain" }));
}

#[test]
fn voucher_without_nonce_pins_a_certificate_whatever_the_pledge_names() {
    let mut scene = Scene::new();
    scene.peer = scene.owner.peer();
    scene.policy.nonceless.domains = vec![scene.owner.authority.certificate.spki_digest()];
    let inner = VoucherRequest { nonce: None, ..by_key(scene.inner()) };
    let decision = scene.decide_on_inner(&inner).unwrap();
    assert_eq!(pins(decision.voucher()), (Some(&scene.owner.authority.certificate), None, None));
}
