//! Vouchers that work without the pledge taking part.

use super::*;

#[test]
fn domain_that_is_not_listed_gets_no_voucher_without_nonce() {
    let mut scene = Scene::new();
    scene.peer = scene.owner.peer();
    let refused = scene.decide(&scene.owner.nonceless(&scene.pledge));
    assert_eq!(refused, Err(Refusal::NoncelessNotAuthorized { ca_key: scene.owner.authority.certificate.spki_digest() }));
}

#[test]
fn listed_domain_gets_no_voucher_without_nonce_through_anybody_else() {
    let mut scene = Scene::new();
    scene.policy.nonceless.domains = vec![scene.owner.root.certificate.spki_digest()];
    for peer in [PeerCertificates::default(), Owner::new("stranger").peer()] {
        scene.peer = peer;
        assert!(matches!(scene.decide(&scene.owner.nonceless(&scene.pledge)), Err(Refusal::ClientCertificateRequired(_))));
    }
}

#[test]
fn voucher_without_nonce_is_short_lived_and_pins_the_highest_listed_ca() {
    let mut scene = Scene::new();
    scene.peer = scene.owner.peer();
    let pinned = |scene: &Scene| scene.decide(&scene.owner.nonceless(&scene.pledge)).unwrap().voucher().clone();
    scene.policy.nonceless.domains = vec![scene.owner.authority.certificate.spki_digest()];
    assert_eq!(pinned(&scene).pinned_domain_cert, Some(scene.owner.authority.certificate.clone()));
    scene.policy.nonceless.domains.push(scene.owner.root.certificate.spki_digest());
    let voucher = pinned(&scene);
    assert_eq!(voucher.pinned_domain_cert, Some(scene.owner.root.certificate.clone()));
    assert_eq!((voucher.expires_on, voucher.nonce, voucher.assertion), (Some(later(1200)), None, Some(Assertion::Logged)));
}

#[test]
fn voucher_never_outlives_the_certificates_it_relies_on() {
    let scene = Scene::new();
    let certificate = &scene.owner.registrar.certificate;
    assert_eq!(super::super::nonceless::expiry([certificate], Duration::MAX, NOW), certificate.not_after());
}
