//! What sales data lets through, and what it makes of the assertion.

use brski_common::SpkiDigest;

use super::*;
use crate::ledger::{Customer, Owned, OwnerChange};

fn owned(scene: &Scene, change: OwnerChange) -> Entry {
    Entry::Owned(Owned { device: scene.pledge.device(), at: NOW, by: "sales".to_owned(), change })
}

/// A device that was sold to the holder of these keys.
fn sold(name: &str, keys: impl IntoIterator<Item = SpkiDigest>) -> Scene {
    let mut scene = Scene::new();
    let change = OwnerChange::SoldTo(Customer { name: name.to_owned(), keys: keys.into_iter().collect() });
    scene.entries.push(owned(&scene, change));
    scene
}

fn stranger() -> SpkiDigest {
    Owner::new("somebody else").authority.certificate.spki_digest()
}

type Outcome = Result<Option<Assertion>, Refusal>;

/// What becomes of the usual request, in which proximity is proven.
fn outcome(scene: &Scene) -> Outcome {
    scene.decide(&scene.outer()).map(|decision| decision.voucher().assertion)
}

fn to_owner(scene: &mut Scene, key: impl Fn(&Owner) -> SpkiDigest) {
    let change = OwnerChange::SoldTo(Customer { name: "Orchard".to_owned(), keys: vec![key(&scene.owner)] });
    scene.entries.push(owned(scene, change));
}

#[test]
fn each_policy_decides_on_each_sale_as_it_says() {
    use Sales::{IfSold, Ignored, Required};
    let ca = |scene: &Scene| scene.owner.authority.certificate.spki_digest();
    let mut to_asker = Scene::new();
    to_owner(&mut to_asker, |owner| owner.authority.certificate.spki_digest());
    let mut released = sold("Vineyard", [stranger()]);
    released.entries.push(owned(&released, OwnerChange::Released));
    let (proximity, verified) = (Ok(Some(Assertion::Proximity)), Ok(Some(Assertion::Verified)));
    let elsewhere = |scene: &Scene| Err(Refusal::SoldElsewhere { serial: serial("JADA123"), ca_key: ca(scene) });
    let not = |state| Err(Refusal::NotSold { serial: serial("JADA123"), state });

    let (unsold, elsewhere_scene, by_name) = (Scene::new(), sold("Vineyard", [stranger()]), sold("Vineyard", []));
    let unknown = Err(Refusal::BuyerUnknown { serial: serial("JADA123"), ca_key: ca(&by_name) });
    let table: [(&str, Scene, [Outcome; 3]); 5] = [
        ("unsold", unsold, [proximity.clone(), proximity.clone(), not("not sold yet")]),
        ("sold to who asks", to_asker, [verified.clone(), verified.clone(), verified]),
        ("sold elsewhere", elsewhere_scene.clone(), [proximity.clone(), elsewhere(&elsewhere_scene), elsewhere(&elsewhere_scene)]),
        ("sold by name", by_name, [proximity.clone(), proximity.clone(), unknown]),
        ("released", released, [proximity.clone(), proximity, not("given up by its last owner and not sold since")]),
    ];
    for (what, mut scene, expected) in table {
        for (policy, expected) in [Ignored, IfSold, Required].into_iter().zip(expected) {
            scene.policy.sales.sales = policy;
            assert_eq!(outcome(&scene), expected, "{what}, {policy:?}");
        }
    }
}

#[test]
fn no_refusal_names_the_buyer() {
    for sales in [Sales::IfSold, Sales::Required] {
        for mut scene in [sold("Vineyard Ltd", [stranger()]), sold("Vineyard Ltd", [])] {
            scene.policy.sales.sales = sales;
            let told = outcome(&scene).map_or_else(|no| no.to_string(), |_| String::new());
            assert!(!told.contains("Vineyard"), "{told}");
        }
    }
}

#[test]
fn customer_that_is_known_by_name_alone_is_found_by_the_keys_of_that_name() {
    let mut scene = sold("Orchard", []);
    let known = |name: &str, key| KnownCustomer { name: name.to_owned(), keys: vec![key], any_below: false, lifetime: None };
    scene.policy.sales.customers = vec![known("Vineyard", stranger()), known("Orchard", scene.owner.authority.certificate.spki_digest())];
    assert_eq!(outcome(&scene), Ok(Some(Assertion::Verified)));
    scene.policy.sales.customers.remove(1);
    scene.policy.sales.customers.push(known("Orchard", stranger()));
    assert!(matches!(outcome(&scene), Err(Refusal::SoldElsewhere { .. })));
}

/// The customer of [`to_owner`] is whoever is below its keys.
fn with_any_below(scene: &mut Scene) {
    scene.policy.sales.customers = vec![KnownCustomer { name: "Orchard".to_owned(), keys: Vec::new(), any_below: true, lifetime: None }];
}

/// Somebody else with a CA of its own under the owner's root.
fn tenant(owner: &Owner) -> Owner {
    let subject = brski_common::issuing::Subject::common_name;
    let authority = owner.root.issue(subject("tenant"), |template| template.ca(None));
    let registrar = authority.issue(subject("tenant registrar"), |template| template.usages(&[CMC_RA]));
    Owner { root: owner.root.clone(), authority, registrar }
}

#[test]
fn root_that_a_customer_shares_makes_no_other_tenant_the_buyer() {
    let mut scene = Scene::new();
    to_owner(&mut scene, |owner| owner.root.certificate.spki_digest());
    scene.owner = tenant(&scene.owner);
    let ca_key = scene.owner.authority.certificate.spki_digest();
    let sold_elsewhere = Err(Refusal::SoldElsewhere { serial: serial("JADA123"), ca_key });
    assert_eq!(outcome(&scene), sold_elsewhere);
    scene.policy.sales.sales = Sales::Ignored;
    assert_eq!(outcome(&scene), Ok(Some(Assertion::Proximity)));
    scene.peer = scene.owner.peer();
    assert_eq!(scene.decide(&scene.owner.nonceless(&scene.pledge)), Err(Refusal::NoncelessNotAuthorized { ca_key }));
}

#[test]
fn key_two_cas_above_the_registrar_makes_the_buyer_where_the_customer_has_all_below_it() {
    let mut scene = Scene::new();
    to_owner(&mut scene, |owner| owner.root.certificate.spki_digest());
    assert!(matches!(outcome(&scene), Err(Refusal::SoldElsewhere { .. })));
    with_any_below(&mut scene);
    let voucher = scene.decide(&scene.outer()).unwrap().voucher().clone();
    assert_eq!((voucher.assertion, voucher.pinned_domain_cert), (Some(Assertion::Verified), Some(scene.owner.authority.certificate)));
}

#[test]
fn voucher_without_nonce_pins_the_buyers_lowest_ca() {
    let mut scene = Scene::new();
    scene.peer = scene.owner.peer();
    let pinned = |scene: &Scene| scene.decide(&scene.owner.nonceless(&scene.pledge)).unwrap().voucher().pinned_domain_cert.clone();
    to_owner(&mut scene, |owner| owner.root.certificate.spki_digest());
    with_any_below(&mut scene);
    assert_eq!(pinned(&scene), Some(scene.owner.authority.certificate.clone()));
    let keys = [&scene.owner.authority, &scene.owner.root].map(|ca| ca.certificate.spki_digest()).to_vec();
    scene.entries.push(owned(&scene, OwnerChange::SoldTo(Customer { name: "Orchard".to_owned(), keys })));
    assert_eq!(pinned(&scene), Some(scene.owner.authority.certificate.clone()));
}

#[test]
fn listed_ca_is_pinned_for_its_buyer_however_high_it_is() {
    let mut scene = Scene::new();
    scene.peer = scene.owner.peer();
    to_owner(&mut scene, |owner| owner.root.certificate.spki_digest());
    scene.policy.nonceless.domains = vec![scene.owner.root.certificate.spki_digest()];
    let voucher = scene.decide(&scene.owner.nonceless(&scene.pledge)).unwrap().voucher().clone();
    assert_eq!((voucher.assertion, voucher.pinned_domain_cert), (Some(Assertion::Verified), Some(scene.owner.root.certificate)));
}

#[test]
fn buyer_that_is_known_by_its_registrars_key_alone_has_that_pinned() {
    let mut scene = Scene::new();
    to_owner(&mut scene, |owner| owner.registrar.certificate.spki_digest());
    let voucher = scene.decide(&scene.outer()).unwrap().voucher().clone();
    assert_eq!((voucher.assertion, voucher.pinned_domain_cert), (Some(Assertion::Verified), Some(scene.owner.registrar.certificate)));
}

#[test]
fn pin_above_the_buyers_key_is_not_verified() {
    let mut scene = Scene::new();
    to_owner(&mut scene, |owner| owner.authority.certificate.spki_digest());
    scene.peer = scene.owner.peer();
    let asserted = |scene: &Scene| scene.decide(&scene.owner.nonceless(&scene.pledge)).unwrap().voucher().assertion;
    assert_eq!(asserted(&scene), Some(Assertion::Verified));
    scene.policy.nonceless.domains = vec![scene.owner.root.certificate.spki_digest()];
    assert_eq!(asserted(&scene), Some(Assertion::Logged));
}

#[test]
fn unproven_proximity_of_the_buyer_is_refused_unless_policy_accepts_it() {
    let mut scene = Scene::new();
    to_owner(&mut scene, |owner| owner.authority.certificate.spki_digest());
    let unsaid = VoucherRequest { assertion: None, ..scene.inner() };
    assert!(matches!(scene.decide_on_inner(&unsaid), Err(Refusal::AssertionUnacceptable { .. })));
    scene.policy.without_proximity = WithoutProximity::Logged;
    assert_eq!(scene.assertion(&unsaid), Some(Assertion::Verified));
}

#[test]
fn wrong_proof_of_proximity_gets_the_buyer_no_voucher() {
    let mut scene = Scene::new();
    to_owner(&mut scene, |owner| owner.authority.certificate.spki_digest());
    let inner = scene.pledge.leaves(&Owner::new("rogue"), nonce(1));
    assert_eq!(scene.decide_on_inner(&inner), Err(Refusal::ProximityMismatch));
}

#[test]
fn claimed_device_goes_to_another_domain_as_the_policy_on_resale_says() {
    let next = |scene: &mut Scene| {
        scene.owner = Owner::new("next");
        scene.pledge.leaves(&scene.owner, nonce(2))
    };
    let mut scene = Scene::new().vouched_before();
    let inner = next(&mut scene);
    assert_eq!(scene.assertion(&inner), Some(Assertion::Proximity));
    scene.policy.sales.resale = Resale::AfterRelease;
    assert_eq!(scene.decide_on_inner(&inner), Err(Refusal::NotReleased(serial("JADA123"))));
    scene.entries.push(owned(&scene, OwnerChange::Released));
    assert_eq!(scene.assertion(&inner), Some(Assertion::Proximity));
}

#[test]
fn domain_that_has_the_device_gets_further_vouchers_whatever_the_policy_on_resale() {
    let mut scene = Scene::new().vouched_before();
    scene.policy.sales.resale = Resale::AfterRelease;
    assert!(scene.decide_on_inner(&scene.pledge.leaves(&scene.owner, nonce(2))).is_ok());
}

#[test]
fn sale_opens_a_claimed_device_to_its_buyer_and_closes_it_to_all_others() {
    let mut scene = Scene::new().vouched_before();
    scene.policy.sales.resale = Resale::AfterRelease;
    let first = scene.owner.clone();
    scene.owner = Owner::new("buyer");
    to_owner(&mut scene, |owner| owner.authority.certificate.spki_digest());
    let inner = |scene: &Scene| scene.pledge.leaves(&scene.owner, nonce(2));
    assert_eq!(scene.assertion(&inner(&scene)), Some(Assertion::Verified));
    scene.owner = first;
    assert!(matches!(scene.decide_on_inner(&inner(&scene)), Err(Refusal::SoldElsewhere { .. })));
}

#[test]
fn buyer_gets_its_device_out_of_the_hands_of_whoever_claimed_it_meanwhile() {
    let mut scene = Scene::new();
    let buyer = scene.owner.clone();
    to_owner(&mut scene, |owner| owner.authority.certificate.spki_digest());
    scene.policy.sales = SalesPolicy { sales: Sales::Ignored, resale: Resale::AfterRelease, customers: Vec::new() };
    scene.owner = Owner::new("finder");
    let mut scene = scene.vouched_before();
    scene.owner = buyer;
    assert_eq!(scene.assertion(&scene.pledge.leaves(&scene.owner, nonce(2))), Some(Assertion::Verified));
}

#[test]
fn reason_for_a_block_is_not_told_to_whom_the_device_does_not_belong() {
    let mut scene = sold("Vineyard", [stranger()]);
    scene.entries.push(Entry::Standing(Standing { device: scene.pledge.device(), at: NOW, blocked: Some("stolen".to_owned()), by: Some("jane".to_owned()) }));
    assert!(matches!(outcome(&scene), Err(Refusal::SoldElsewhere { .. })));
}
