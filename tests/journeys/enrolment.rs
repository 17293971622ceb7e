//! EST (RFC 7030) for those who should not get what they ask for.

use std::sync::Arc;

use brski_common::issuing::Subject;
use brski_common::{Method, PeerCertificates, Policy, SerialNumber, Signer as _, SoftwareKey, csr};

use brski_registrar::MasaAnswer;

use crate::support::{Device, Mood, Onboarded, World, ca_request, carry, joined, new_key, onboard, request_signed_by, template};

/// A world with one device that was admitted and enrolled.
async fn enrolled() -> (World, Device, PeerCertificates) {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let member = onboard(&device, &world.owner, &world.hand).await.member();
    let ldevid = PeerCertificates(member.chain().to_vec());
    (world, device, ldevid)
}

/// Neither door opens for this certification request, and both say the same.
async fn refused(world: &World, request: &[u8], device: &Device, ldevid: &PeerCertificates, status: u16, words: &str) {
    let before = world.recorded();
    world.owner.enroll(request, &device.peer()).await.refused(status, words);
    world.owner.reenroll(request, ldevid).await.refused(status, words);
    assert_eq!(world.recorded(), before);
}

async fn request_named(subject: &Subject, key: &SoftwareKey) -> Vec<u8> {
    csr::request(&subject.to_der(), key).await.unwrap()
}

fn serial(text: &str) -> SerialNumber {
    SerialNumber::new(text).unwrap()
}

#[tokio::test]
async fn stranger_without_a_voucher_cannot_enroll() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let before = world.recorded();
    let reply = world.owner.enroll(&device.csr(&new_key()).await, &device.peer()).await;
    reply.refused(403, "no admission is on record for this key: request a voucher first");
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn held_or_refused_pledge_cannot_enroll() {
    let world = World::new().await;
    for method in [Method::Carrot, Method::Bamboo] {
        let device = world.maker.make(&format!("{method}-1"), method).await;
        onboard(&device, &world.owner, &world.hand).await;
        world.owner.enroll(&device.csr(&new_key()).await, &device.peer()).await.refused(403, "no admission is on record");
    }
    assert_eq!(world.owner.pledges.writes(), 0);
}

#[tokio::test]
async fn device_cannot_enroll_in_the_name_of_another() {
    let (world, device, ldevid) = enrolled().await;
    let request = request_named(&Subject::serial_number(&serial("A-2")), &new_key()).await;
    refused(&world, &request, &device, &ldevid, 403, "its subject must have exactly one serialNumber, A-1").await;
}

#[tokio::test]
async fn device_cannot_enroll_in_two_names() {
    let (world, device, ldevid) = enrolled().await;
    let name = joined(&Subject::serial_number(&serial("A-1")), &Subject::serial_number(&serial("A-2")));
    let request = csr::request(&name, &new_key()).await.unwrap();
    refused(&world, &request, &device, &ldevid, 403, "its subject must have exactly one serialNumber, A-1").await;
}

#[tokio::test]
async fn device_cannot_enroll_without_a_name() {
    let (world, device, ldevid) = enrolled().await;
    let request = request_named(&Subject::common_name("A-1"), &new_key()).await;
    refused(&world, &request, &device, &ldevid, 403, "its subject must have exactly one serialNumber, A-1").await;
}

#[tokio::test]
async fn nobody_becomes_a_ca() {
    let (world, device, ldevid) = enrolled().await;
    let request = ca_request(device.chain[0].subject_der(), &new_key()).await;
    refused(&world, &request, &device, &ldevid, 403, "it asks for a CA certificate").await;
}

#[tokio::test]
async fn nobody_becomes_a_ca_without_a_voucher_either() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let request = ca_request(device.chain[0].subject_der(), &new_key()).await;
    let before = world.recorded();
    world.owner.enroll(&request, &device.peer()).await.no(403);
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn request_that_is_signed_by_another_key_proves_nothing() {
    let (world, device, ldevid) = enrolled().await;
    let (wanted, own) = (new_key(), new_key());
    let request = request_signed_by(&own, device.chain[0].subject_der(), wanted.public_key(), &[]).await;
    refused(&world, &request, &device, &ldevid, 403, "does not verify").await;
}

#[tokio::test]
async fn self_signed_certificate_is_no_certification_request() {
    let (world, device, ldevid) = enrolled().await;
    let key = new_key();
    let certificate = template(Subject::serial_number(&device.serial()), &key).self_signed(&key).await.unwrap();
    refused(&world, certificate.der(), &device, &ldevid, 400, "the body is a certificate; a PKCS #10 certification request belongs there").await;
}

#[tokio::test]
async fn octets_that_are_no_certification_request_get_400() {
    let (world, device, ldevid) = enrolled().await;
    let genuine = device.csr(&new_key()).await;
    let followed = [genuine.clone(), vec![0]].concat();
    for octets in [&b""[..], b"garbage", &[0x30, 0], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &genuine[..genuine.len() - 1], &followed] {
        refused(&world, octets, &device, &ldevid, 400, "the certification request").await;
    }
}

#[tokio::test]
async fn key_of_another_pledge_is_not_certified_twice() {
    let (world, device, ldevid) = enrolled().await;
    let other = world.maker.make("A-2", Method::Avocado).await;
    let shared = new_key();
    onboard(&other, &world.owner, &world.hand).await.succeeded();
    world.owner.enroll(&other.csr(&shared).await, &other.peer()).await.ok("application/pkcs7-mime; smime-type=certs-only");
    let request = device.csr(&shared).await;
    refused(&world, &request, &device, &ldevid, 403, "its key already belongs to another pledge").await;
}

#[tokio::test]
async fn doors_do_not_open_for_each_others_certificates() {
    let (world, device, ldevid) = enrolled().await;
    let request = device.csr(&new_key()).await;
    let before = world.recorded();
    world.owner.enroll(&request, &ldevid).await.refused(403, "no accepted manufacturer");
    world.owner.reenroll(&request, &device.peer()).await.refused(403, "does not lead to a configured trust anchor");
    for reply in [world.owner.enroll(&request, &nobody()).await, world.owner.reenroll(&request, &nobody()).await] {
        reply.refused(403, "TLS client certificate");
    }
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn other_members_certificates_renew_nothing() {
    let (world, device, _) = enrolled().await;
    let request = device.csr(&new_key()).await;
    let before = world.recorded();
    // The registrar's own certificate, and one that the CA gave a device that was never admitted.
    let key = new_key();
    let unadmitted = world.owner.ca.issue(template(Subject::serial_number(&device.serial()), &key)).await;
    for peer in [world.owner.chain().to_vec(), unadmitted] {
        world.owner.reenroll(&request, &PeerCertificates(peer)).await.refused(403, "no admission is on record for this key");
    }
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn expired_ldevid_renews_nothing() {
    let (world, device, ldevid) = enrolled().await;
    world.hand.advance(core::time::Duration::from_secs(366 * 86_400));
    let before = world.recorded();
    let reply = world.owner.reenroll(&device.csr(&new_key()).await, &ldevid).await;
    reply.refused(403, "expired");
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn member_can_ask_again_for_the_key_it_has() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let member = onboard(&device, &world.owner, &world.hand).await.member();
    let renewal = member.reenroll(Arc::clone(member.signer())).await.unwrap();
    let peer = PeerCertificates(member.chain().to_vec());
    assert_eq!(carry(renewal.ask(), &world.owner, &peer).await.status, 200);
}

fn nobody() -> PeerCertificates {
    PeerCertificates::default()
}

#[tokio::test]
async fn admission_does_not_outlive_the_policy_that_gave_it() {
    let (mut world, device, _) = enrolled().await;
    world.owner.enroll(&device.csr(&new_key()).await, &device.peer()).await.ok("application/pkcs7-mime; smime-type=certs-only");
    world.owner.parts.policy = Policy::from_toml("version = 1\n[[rule]]\nname = \"elements\"\nmethod = [\"salak\"]\nthen = \"accept\"").unwrap();
    world.owner.restart();
    world.owner.enroll(&device.csr(&new_key()).await, &device.peer()).await.refused(403, "no admission is on record");
}

#[tokio::test]
async fn later_refusal_withdraws_the_admission_and_ends_renewal() {
    let (world, device, ldevid) = enrolled().await;
    world.owner.masa.set(Mood::Answering(MasaAnswer::Refused { status: 403, sentence: "the device was reported stolen".to_owned() }));
    let (status, _) = onboard(&device, &world.owner, &world.hand).await.refusal();
    assert_eq!(status, 403);
    world.owner.enroll(&device.csr(&new_key()).await, &device.peer()).await.refused(403, "no admission is on record");
    world.owner.reenroll(&device.csr(&new_key()).await, &ldevid).await.refused(403, "no admission is on record");
}

#[tokio::test]
async fn masa_that_is_down_takes_nothing_from_an_admitted_pledge() {
    let (world, device, ldevid) = enrolled().await;
    world.owner.masa.set(Mood::Down);
    assert!(matches!(onboard(&device, &world.owner, &world.hand).await, Onboarded::Waits(..)));
    world.owner.reenroll(&device.csr(&new_key()).await, &ldevid).await.ok("application/pkcs7-mime; smime-type=certs-only");
}
