//! Vouchers that were issued before, told again, and those that operators hand out.

use super::*;
use crate::ledger::{Customer, Owned, OwnerChange, Vouched};

fn fetch(scene: &Scene) -> Result<Voucher, Refusal> {
    let leaves = VoucherRequest { created_on: Some(scene.now), ..scene.owner.nonceless(&scene.pledge) };
    let request = RegistrarRequest::verify(&scene.owner.sign(&leaves), Leniencies::default(), scene.now).unwrap();
    evaluate_issued(&request, &scene.peer, Some(&scene.history()), &scene.policy, scene.now).map(RecordedVoucher::into_voucher)
}

fn issued() -> (Scene, Voucher) {
    let mut scene = Scene::new();
    let Ok(Decision::Record(order)) = scene.decide(&scene.outer()) else { panic!("a first request orders an entry") };
    scene.entries.push(order.entry().clone());
    scene.now = later(30 * 86_400);
    (scene, order.recorded(1..2).into_voucher())
}

fn change(scene: &Scene, change: OwnerChange) -> Entry {
    Entry::Owned(Owned { device: scene.pledge.device(), at: NOW, by: "sales".to_owned(), change })
}

#[test]
fn owner_gets_the_very_voucher_again_a_month_later() {
    let (scene, voucher) = issued();
    assert_eq!(fetch(&scene), Ok(voucher));
}

#[test]
fn stranger_gets_nothing_again() {
    let (mut scene, _) = issued();
    scene.owner = Owner::new("stranger");
    assert!(matches!(fetch(&scene), Err(Refusal::NeverOwner { .. })));
}

#[test]
fn former_owner_gets_nothing_again() {
    let (mut scene, _) = issued();
    scene.entries.push(change(&scene, OwnerChange::Released));
    assert!(matches!(fetch(&scene), Err(Refusal::NotRenewed(why)) if why.contains("changed hands")));
}

#[test]
fn blocked_device_gets_nothing_again() {
    let (mut scene, _) = issued();
    scene.entries.push(Entry::Standing(Standing { device: scene.pledge.device(), at: NOW, blocked: Some("stolen".to_owned()) }));
    assert!(matches!(fetch(&scene), Err(Refusal::DeviceBlocked(..))));
}

#[test]
fn voucher_without_nonce_is_told_again_to_its_registrar_alone() {
    let mut scene = Scene::new();
    scene.peer = scene.owner.peer();
    scene.policy.nonceless.domains = vec![scene.owner.authority.certificate.spki_digest()];
    let Ok(Decision::Record(order)) = scene.decide(&scene.owner.nonceless(&scene.pledge)) else { panic!("a first request orders an entry") };
    scene.entries.push(order.entry().clone());
    assert_eq!(fetch(&scene), Ok(order.recorded(1..2).into_voucher()));
    scene.peer = PeerCertificates::default();
    assert!(matches!(fetch(&scene), Err(Refusal::ClientCertificateRequired(_))));
}

#[test]
fn entry_of_a_time_before_pins_were_kept_is_not_told_again() {
    let (mut scene, _) = issued();
    if let Some(Entry::Vouched(vouched)) = scene.entries.last_mut() {
        *vouched = Vouched { content: None, ..vouched.clone() };
    }
    assert!(matches!(fetch(&scene), Err(Refusal::NotRenewed(why)) if why.contains("did not keep")));
}

fn offline(scene: &Scene, registrar: Option<&Certificate>) -> Result<Voucher, Refusal> {
    evaluate_offline(&scene.owner.authority.certificate, registrar, &scene.history(), &scene.policy, scene.now).map(|decision| decision.voucher().clone())
}

#[test]
fn operator_hands_out_vouchers_for_listed_domains_and_for_buyers_alone() {
    let mut scene = Scene::new();
    let key = scene.owner.authority.certificate.spki_digest();
    assert_eq!(offline(&scene, None), Err(Refusal::NoncelessNotAuthorized { ca_key: key }));
    scene.policy.nonceless.domains = vec![key];
    assert_eq!(offline(&scene, None).unwrap().assertion, Some(Assertion::Logged));
    scene.policy.nonceless.domains.clear();
    scene.entries.push(change(&scene, OwnerChange::SoldTo(Customer { name: "Orchard".to_owned(), keys: vec![key] })));
    assert_eq!(offline(&scene, None).unwrap().assertion, Some(Assertion::Verified));
    scene.entries.push(change(&scene, OwnerChange::SoldTo(Customer { name: "Vineyard".to_owned(), keys: vec![SpkiDigest([7; 32])] })));
    scene.policy.nonceless.domains = vec![key];
    assert!(matches!(offline(&scene, None), Err(Refusal::SoldElsewhere { .. })));
}

#[test]
fn registrar_that_an_operator_names_must_be_one_under_the_pinned_ca() {
    let mut scene = Scene::new();
    scene.policy.nonceless.domains = vec![scene.owner.authority.certificate.spki_digest()];
    assert!(offline(&scene, Some(&scene.owner.registrar.certificate)).is_ok());
    let other = Owner::new("other").registrar.certificate;
    assert!(matches!(offline(&scene, Some(&other)), Err(Refusal::OfflineUnfit { .. })));
    let no_registrar = Owner::shaped("owner", |template| template);
    let scene = Scene { owner: no_registrar.clone(), ..scene };
    assert!(matches!(offline(&scene, Some(&no_registrar.registrar.certificate)), Err(Refusal::OfflineUnfit { .. })));
}

#[test]
fn lifetime_is_that_agreed_with_the_customer_or_the_domain() {
    let mut scene = Scene::new();
    let key = scene.owner.authority.certificate.spki_digest();
    scene.policy.nonceless.domains = vec![key];
    let expires = |scene: &Scene| offline(scene, None).unwrap().expires_on;
    assert_eq!(expires(&scene), Some(later(1200)));
    scene.policy.nonceless.lifetimes.insert(key, Duration::from_secs(3600));
    assert_eq!(expires(&scene), Some(later(3600)));
    scene.entries.push(change(&scene, OwnerChange::SoldTo(Customer { name: "Orchard".to_owned(), keys: vec![key] })));
    scene.policy.sales.customers = vec![KnownCustomer { name: "Orchard".to_owned(), keys: Vec::new(), lifetime: Some(Duration::from_secs(86_400)) }];
    assert_eq!(expires(&scene), Some(later(86_400)));
}

#[test]
fn registrar_under_a_configured_anchor_needs_no_tls_certificate() {
    let mut scene = Scene::new();
    scene.policy.nonceless.domains = vec![scene.owner.authority.certificate.spki_digest()];
    let leaves = scene.owner.nonceless(&scene.pledge);
    scene.policy.nonceless.registrar_anchors = vec![Owner::new("other").root.certificate];
    assert!(matches!(scene.decide(&leaves), Err(Refusal::ClientCertificateRequired(_))));
    scene.policy.nonceless.registrar_anchors.push(scene.owner.root.certificate.clone());
    assert!(scene.decide(&leaves).is_ok());
}
