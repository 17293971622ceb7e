//! The same octets again: what they may still do, and what not.

use core::time::Duration;

use brski_common::time::at;
use brski_common::{Format, Leniencies, Method, PeerCertificates, Signed, Voucher, VoucherRequest};

use crate::support::{Reply, World, new_key, onboard, request, to_masa};

fn leaves(reply: &Reply) -> Voucher {
    Signed::<Voucher>::from_wire(Format::Cms, reply.ok("application/voucher-cms+json")).peek_unverified(Leniencies::default()).unwrap()
}

#[tokio::test]
async fn registrars_request_sent_again_at_once_gets_the_same_voucher_and_no_second_entry() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let pvr = device.sign(&device.request(&world.owner, &world.hand)).await;
    let rvr = world.owner.sign(&world.owner.request(&device, &pvr)).await;
    let first = leaves(&world.maker.vouch(&rvr).await);
    let before = world.recorded();
    assert_eq!(leaves(&world.maker.vouch(&rvr).await), first);
    assert_eq!(world.recorded(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn registrars_request_sent_over_many_connections_at_once_is_one_entry() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let pvr = device.sign(&device.request(&world.owner, &world.hand)).await;
    let rvr = world.owner.sign(&world.owner.request(&device, &pvr)).await;
    let before = world.recorded();
    let ask = || {
        let (service, body) = (world.maker.service().read().unwrap().clone(), rvr.wire().to_vec());
        let headers = [("content-type", "application/voucher-cms+json")];
        let request = request("POST", "/.well-known/brski/requestvoucher", &headers, body, &PeerCertificates::default());
        tokio::spawn(async move { to_masa(&service, request).await })
    };
    let connections: Vec<_> = (0..50).map(|_| ask()).collect();
    for connection in connections {
        leaves(&connection.await.unwrap());
    }
    assert_eq!(world.recorded().ledger_entries, before.ledger_entries + 1);
}

#[tokio::test]
async fn registrars_request_is_stale_after_ten_minutes() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let pvr = device.sign(&device.request(&world.owner, &world.hand)).await;
    let rvr = world.owner.sign(&world.owner.request(&device, &pvr)).await;
    leaves(&world.maker.vouch(&rvr).await);
    let before = world.recorded();
    world.hand.advance(Duration::from_secs(601));
    world.maker.vouch(&rvr).await.refused(403, "more than 600 s away from");
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn registrars_request_from_the_future_is_refused() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let pvr = device.sign(&device.request(&world.owner, &world.hand)).await;
    let mut request = world.owner.request(&device, &pvr);
    request.created_on = Some(at(world.hand.now().as_secs() + 601));
    let before = world.recorded();
    world.maker.vouch(&world.owner.sign(&request).await).await.refused(403, "more than 600 s away from");
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn nonce_in_a_new_request_of_the_same_registrar_is_the_same_question() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let pvr = device.sign(&device.request(&world.owner, &world.hand)).await;
    leaves(&world.maker.vouch(&world.owner.sign(&world.owner.request(&device, &pvr)).await).await);
    let before = world.recorded();
    world.hand.advance(Duration::from_secs(3 * 86_400));
    leaves(&world.maker.vouch(&world.owner.sign(&world.owner.request(&device, &pvr)).await).await);
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn nonce_is_spent_after_the_four_days_that_a_pledge_waits() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let mut request = device.request(&world.owner, &world.hand);
    // A pledge and a registrar that do not say when, so that nothing but the ledger tells how old the request is.
    request.created_on = None;
    let pvr = device.sign(&request).await;
    let rvr = world.owner.sign(&VoucherRequest { created_on: None, ..world.owner.request(&device, &pvr) }).await;
    leaves(&world.maker.vouch(&rvr).await);
    let before = world.recorded();
    world.hand.advance(Duration::from_secs(4 * 86_400 + 1));
    world.maker.vouch(&rvr).await.refused(403, "more than four days ago");
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn pledges_request_is_stale_at_the_registrar_after_four_days() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let pvr = device.sign(&device.request(&world.owner, &world.hand)).await;
    world.owner.ask(pvr.wire(), &device.peer()).await.ok("application/voucher-cms+json");
    let before = world.recorded();
    world.hand.advance(Duration::from_secs(4 * 86_400 + 1));
    world.owner.ask(pvr.wire(), &device.peer()).await.refused(403, "created-on is");
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn recorded_request_of_an_admitted_pledge_is_worthless_to_another_device() {
    let world = World::new().await;
    let [a, b] = [world.maker.make("A-1", Method::Avocado).await, world.maker.make("A-2", Method::Avocado).await];
    let pvr = a.sign(&a.request(&world.owner, &world.hand)).await;
    world.owner.ask(pvr.wire(), &a.peer()).await.ok("application/voucher-cms+json");
    let before = world.recorded();
    world.owner.ask(pvr.wire(), &b.peer()).await.refused(403, "is signed by");
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn recorded_certification_request_is_worthless_to_another_device() {
    let world = World::new().await;
    let [a, b] = [world.maker.make("A-1", Method::Avocado).await, world.maker.make("A-2", Method::Avocado).await];
    for device in [&a, &b] {
        onboard(device, &world.owner, &world.hand).await.succeeded();
    }
    let request = a.csr(&new_key()).await;
    world.owner.enroll(&request, &a.peer()).await.ok("application/pkcs7-mime; smime-type=certs-only");
    let before = world.recorded();
    world.owner.enroll(&request, &b.peer()).await.refused(403, "its subject must have exactly one serialNumber, A-2");
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn audit_log_of_a_replayed_request_is_told_to_its_signer_for_four_days_only() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    onboard(&device, &world.owner, &world.hand).await.succeeded();
    let rvr = world.owner.masa.asked().remove(0);
    let nobody = PeerCertificates::default();
    world.hand.advance(Duration::from_secs(4 * 86_400));
    world.maker.ask("requestauditlog", rvr.wire(), &nobody).await.ok("application/json");
    world.hand.advance(Duration::from_secs(1));
    world.maker.ask("requestauditlog", rvr.wire(), &nobody).await.refused(403, "created-on is");
}
