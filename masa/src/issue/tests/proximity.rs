//! Which word of the pledge proves that it speaks to this registrar.

use super::*;

#[test]
fn pledge_that_names_another_registrar_is_refused_whatever_it_asserts() {
    let mut scene = Scene::new();
    scene.policy.without_proximity = WithoutProximity::Logged;
    let rogue = Owner::new("rogue");
    for assertion in [Some(Assertion::Proximity), Some(Assertion::Logged), None] {
        let inner = VoucherRequest { assertion, ..scene.pledge.leaves(&rogue, nonce(1)) };
        assert_eq!(scene.decide_on_inner(&inner), Err(Refusal::ProximityMismatch));
    }
}

#[test]
fn digest_of_a_key_counts_before_the_certificate() {
    let scene = Scene::new();
    let inner = VoucherRequest { proximity_registrar_pubk_sha256: Some([0; 32]), ..scene.inner() };
    assert_eq!(scene.decide_on_inner(&inner), Err(Refusal::ProximityMismatch));
}

#[test]
fn registrar_may_be_named_by_key_or_by_its_digest() {
    let scene = Scene::new();
    let key = scene.owner.registrar.certificate.public_key();
    let bare = VoucherRequest { proximity_registrar_cert: None, ..scene.inner() };
    let by_key = VoucherRequest { proximity_registrar_pubk: Some(key.spki().to_vec()), ..bare.clone() };
    let by_digest = VoucherRequest { proximity_registrar_pubk_sha256: Some(key.digest().0), ..bare };
    assert_eq!((scene.assertion(&by_key), scene.assertion(&by_digest)), (Some(Assertion::Proximity), Some(Assertion::Proximity)));
}

#[test]
fn registrars_issuer_counts_as_the_registrar_only_under_the_wider_policy() {
    let mut scene = Scene::new();
    let inner = VoucherRequest { proximity_registrar_cert: Some(scene.owner.authority.certificate.clone()), ..scene.inner() };
    assert_eq!(scene.assertion(&inner), Some(Assertion::Proximity));
    scene.policy.proximity_key = ProximityKey::Signer;
    assert_eq!(scene.decide_on_inner(&inner), Err(Refusal::ProximityMismatch));
}

#[test]
fn unproven_proximity_is_refused_or_merely_logged_as_policy_says() {
    let mut scene = Scene::new();
    let unsaid = VoucherRequest { assertion: None, ..scene.inner() };
    let unnamed = VoucherRequest { proximity_registrar_cert: None, ..scene.inner() };
    assert_eq!(scene.decide_on_inner(&unsaid), Err(Refusal::AssertionUnacceptable { found: "absent".to_owned() }));
    assert!(matches!(scene.decide_on_inner(&unnamed), Err(Refusal::LeafMissing { leaf: "proximity-registrar-cert", .. })));
    scene.policy.without_proximity = WithoutProximity::Logged;
    assert_eq!((scene.assertion(&unsaid), scene.assertion(&unnamed)), (Some(Assertion::Logged), Some(Assertion::Logged)));
}

#[test]
fn request_with_nonce_but_without_the_pledges_own_is_refused_under_every_policy() {
    let mut scene = Scene::new();
    let leaves = VoucherRequest { prior_signed_voucher_request: None, ..scene.outer() };
    for policy in [WithoutProximity::Refuse, WithoutProximity::Logged] {
        scene.policy.without_proximity = policy;
        assert!(matches!(scene.decide(&leaves), Err(Refusal::LeafMissing { leaf: "prior-signed-voucher-request", .. })));
    }
}

#[test]
fn assertion_in_the_registrars_request_counts_for_nothing() {
    let mut scene = Scene::new();
    scene.policy.without_proximity = WithoutProximity::Logged;
    let inner = VoucherRequest { assertion: None, ..scene.inner() };
    let leaves = VoucherRequest { assertion: Some(Assertion::Verified), ..scene.owner.leaves(&scene.pledge, &inner) };
    assert_eq!(scene.decide(&leaves).unwrap().voucher().assertion, Some(Assertion::Logged));
}

#[test]
fn another_certificate_of_the_named_registrars_key_is_not_the_one_that_was_named() {
    let mut scene = Scene::new();
    let inner = scene.inner();
    let subject = || brski_common::issuing::Subject::common_name("another certificate");
    scene.owner.registrar.certificate = scene.owner.authority.certify(subject(), &scene.owner.registrar.key, |template| template.usages(&[CMC_RA]));
    for policy in [ProximityKey::InChain, ProximityKey::Signer] {
        scene.policy.proximity_key = policy;
        assert_eq!(scene.decide_on_inner(&inner), Err(Refusal::ProximityMismatch));
        assert!(scene.decide_on_inner(&scene.inner()).is_ok());
    }
}
