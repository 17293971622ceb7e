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
    let voucher = scene.recorded(*order);
    scene.now = later(30 * 86_400);
    (scene, voucher)
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
    scene.entries.push(Entry::Standing(Standing { device: scene.pledge.device(), at: NOW, blocked: Some("stolen".to_owned()), by: Some("jane".to_owned()) }));
    assert!(matches!(fetch(&scene), Err(Refusal::DeviceBlocked(..))));
}

#[test]
fn voucher_without_nonce_is_told_again_to_its_registrar_alone() {
    let mut scene = Scene::new();
    scene.peer = scene.owner.peer();
    scene.policy.nonceless.domains = vec![scene.owner.authority.certificate.spki_digest()];
    let Ok(Decision::Record(order)) = scene.decide(&scene.owner.nonceless(&scene.pledge)) else { panic!("a first request orders an entry") };
    let voucher = scene.recorded(*order);
    assert_eq!(fetch(&scene), Ok(voucher));
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
    evaluate_offline(&scene.owner.authority.certificate, registrar, "jane", &scene.history(), &scene.policy, scene.now).map(|order| order.voucher().clone())
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
    scene.policy.sales.customers =
        vec![KnownCustomer { name: "Orchard".to_owned(), keys: Vec::new(), any_below: false, lifetime: Some(Duration::from_secs(86_400)) }];
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

/// The voucher of the entry with this index, signed again for the manufacturer's own people.
fn again(scene: &Scene, index: u64) -> Result<Voucher, Refusal> {
    evaluate_again(index, &scene.history(), &scene.policy).map(RecordedVoucher::into_voucher)
}

fn sold(scene: &Scene, name: &str, keys: Vec<SpkiDigest>) -> Entry {
    change(scene, OwnerChange::SoldTo(Customer { name: name.to_owned(), keys }))
}

#[test]
fn operator_gets_a_voucher_again_by_the_index_of_its_entry_and_by_no_other() {
    let (scene, voucher) = issued();
    assert_eq!(again(&scene, 2), Ok(voucher));
    for index in [0, 1, 3] {
        assert!(matches!(again(&scene, index), Err(Refusal::NotRenewed(why)) if why.contains("none of those")));
    }
}

#[test]
fn operator_gets_no_voucher_of_a_former_owner_again() {
    let (mut scene, first) = issued();
    scene.entries.push(sold(&scene, "Orchard", vec![scene.owner.authority.certificate.spki_digest()]));
    assert!(matches!(again(&scene, 2), Err(Refusal::NotRenewed(why)) if why.contains("changed hands")));
    let Some(Entry::Vouched(entry)) = scene.entries.get(1).cloned() else { panic!("the voucher's entry") };
    scene.entries.push(Entry::Vouched(entry));
    assert_eq!(again(&scene, 4), Ok(first));
    assert!(matches!(again(&scene, 2), Err(Refusal::NotRenewed(_))));
}

#[test]
fn operator_gets_no_voucher_again_whose_domain_may_not_have_the_device_by_now() {
    let (mut scene, voucher) = issued();
    let voucher_of = |scene: &Scene, name: &str| KnownCustomer {
        name: name.to_owned(),
        keys: vec![scene.owner.authority.certificate.spki_digest()],
        any_below: false,
        lifetime: None,
    };
    scene.entries.insert(1, sold(&scene, "Orchard", Vec::new()));
    scene.policy.sales.customers = vec![voucher_of(&scene, "Orchard")];
    assert_eq!(again(&scene, 3), Ok(voucher));
    scene.policy.sales.customers = vec![KnownCustomer { keys: vec![SpkiDigest([7; 32])], ..voucher_of(&scene, "Orchard") }];
    assert!(matches!(again(&scene, 3), Err(Refusal::SoldElsewhere { .. })));
    scene.policy.sales.customers.clear();
    scene.entries.push(Entry::Standing(Standing { device: scene.pledge.device(), at: NOW, blocked: Some("stolen".to_owned()), by: None }));
    assert!(matches!(again(&scene, 3), Err(Refusal::DeviceBlocked(..))));
}

#[test]
fn operator_gets_vouchers_again_of_a_customer_that_is_whoever_is_below_its_root() {
    let mut scene = Scene::new();
    scene.entries.push(sold(&scene, "Orchard", vec![scene.owner.root.certificate.spki_digest()]));
    scene.policy.sales.customers = vec![KnownCustomer { name: "Orchard".to_owned(), keys: Vec::new(), any_below: true, lifetime: None }];
    let Ok(Decision::Record(order)) = scene.decide(&scene.outer()) else { panic!("a first request orders an entry") };
    let voucher = scene.recorded(*order);
    assert_eq!(again(&scene, 3), Ok(voucher));
    scene.policy.sales.customers.clear();
    assert!(matches!(again(&scene, 3), Err(Refusal::SoldElsewhere { .. })));
}

#[test]
fn voucher_of_an_operator_has_the_name_of_the_operator_on_record() {
    let mut scene = Scene::new();
    let domain = scene.owner.authority.certificate.clone();
    scene.policy.nonceless.domains = vec![domain.spki_digest()];
    let order = evaluate_offline(&domain, None, "jane", &scene.history(), &scene.policy, NOW).unwrap();
    let Entry::Vouched(vouched) = order.entry() else { panic!("a voucher's entry says that it was vouched") };
    assert_eq!((vouched.by.as_deref(), vouched.voucher().as_ref()), (Some("jane"), Some(order.voucher())));
}
