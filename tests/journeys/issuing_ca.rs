//! A domain whose issuing CA stands under a root: what is pinned, handed out and issued.

use std::sync::Arc;

use brski_common::{Leniencies, Method, PeerCertificates, Signed, Voucher, est};
use brski_registrar::BuiltInCa;
use brski_registrar::enroll::profile::NamePattern;

use crate::support::{Authority, Device, Onboarded, Owner, World, new_key, onboard, request, to_registrar};

/// A world whose owner has a root and an issuing CA below it, and a device.
async fn two_tiers() -> (World, Device) {
    let mut world = World::new().await;
    let ca = Authority::root("Orchard root CA").await.subordinate("Orchard domain CA").await;
    world.owner = Owner::found_under("Orchard", ca, &world.maker, &world.hand).await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    (world, device)
}

#[tokio::test]
async fn issuing_ca_is_pinned() {
    let (world, device) = two_tiers().await;
    let Onboarded::Enrolled { voucher, .. } = onboard(&device, &world.owner, &world.hand).await else { panic!("not enrolled") };
    let voucher: Signed<Voucher> = Signed::from_wire(device.format, voucher);
    let pinned = voucher.peek_unverified(Leniencies::default()).unwrap().pinned_domain_cert.unwrap();
    assert_eq!(pinned, world.owner.ca.chain[0]);
}

#[tokio::test]
async fn ldevid_leads_to_the_issuing_ca_and_renews() {
    let (world, device) = two_tiers().await;
    let member = onboard(&device, &world.owner, &world.hand).await.member();
    assert!(member.chain()[0].is_issued_by(&world.owner.ca.chain[0]));
    let again = world.owner.reenroll(&device.csr(&new_key()).await, &PeerCertificates(member.chain().to_vec())).await;
    assert_eq!(again.status, 200);
}

#[tokio::test]
async fn cacerts_hands_out_issuing_ca_and_root() {
    let (world, _) = two_tiers().await;
    let reply = to_registrar(&world.owner.service, request("GET", "/.well-known/est/cacerts", &[], "", &PeerCertificates::default())).await;
    let handed_out = est::read_certs_only(&est::from_body("reply", reply.ok(est::CERTS_ONLY)).unwrap()).unwrap();
    assert!(handed_out.len() == 2 && world.owner.ca.chain.iter().all(|ca| handed_out.contains(ca)));
}

#[tokio::test]
async fn ldevid_of_a_former_ca_is_renewed_by_the_present_one_if_the_owner_says_so() {
    let (mut world, device) = two_tiers().await;
    let member = onboard(&device, &world.owner, &world.hand).await.member();
    let former = world.owner.ca.certificate();
    let next = world.owner.ca.subordinate("Orchard domain CA 2").await;
    world.owner.parts.ca = Arc::new(BuiltInCa::new(next.chain.clone(), Arc::new(next.key.clone())).unwrap());
    world.owner.restart();
    let request = device.csr(&new_key()).await;
    let ldevid = PeerCertificates(member.chain().to_vec());
    world.owner.reenroll(&request, &ldevid).await.no(403);

    world.owner.parts.settings.former_cas = vec![former];
    world.owner.restart();
    let reply = world.owner.reenroll(&request, &ldevid).await;
    let issued = est::read_certs_only(&est::from_body("reply", reply.ok(est::CERTS_ONLY)).unwrap()).unwrap();
    assert!(issued[0].is_issued_by(&next.chain[0]));
}

#[tokio::test]
async fn csrattrs_tell_a_device_the_names_it_will_bear_and_nobody_else() {
    let (mut world, device) = two_tiers().await;
    world.owner.parts.settings.ldevid.names = vec![NamePattern::new("{serial}.devices.example").unwrap()];
    world.owner.restart();
    let mut told = Vec::new();
    for peer in [device.peer(), PeerCertificates::default()] {
        let reply = to_registrar(&world.owner.service, request("GET", "/.well-known/est/csrattrs", &[], "", &peer)).await;
        told.push(est::from_body("reply", reply.ok(est::CSR_ATTRS)).unwrap());
    }
    let names = vec!["A-1.devices.example".to_owned()];
    let expected =
        [est::CsrAttributes { names, ..est::CsrAttributes::default() }, est::CsrAttributes::default()].map(|attributes| attributes.to_der().unwrap());
    assert_eq!(told, expected);
}
