//! A device that has or had another owner, and what a manufacturer tells its owners of each other.

use std::sync::Arc;

use brski_common::{AuditLog, Method, Nonce, PeerCertificates, VoucherRequest};
use brski_masa::Masa;

use crate::support::{Device, Manufacturer, Owner, World, onboard};

/// A second owner beside the world's own.
async fn vineyard(world: &World) -> Owner {
    Owner::found("Vineyard", &world.maker, &world.hand).await
}

fn peer(owner: &Owner) -> PeerCertificates {
    PeerCertificates(owner.chain().to_vec())
}

/// The manufacturer allows this owner vouchers without nonce.
fn allow_nonceless(maker: &mut Manufacturer, owner: &Owner) {
    maker.parts.lines.rest_mut().issue_policy.nonceless.domains.push(owner.ca.certificate().spki_digest());
    maker.restart();
}

/// What a registrar asks when the pledge takes no part.
fn nonceless(world: &World, device: &Device) -> VoucherRequest {
    VoucherRequest { created_on: Some(world.hand.now()), idevid_issuer: Some(device.idevid().device().issuer.clone()), ..VoucherRequest::new(device.serial()) }
}

async fn audit_log(world: &World, owner: &Owner, device: &Device) -> AuditLog {
    let request = owner.sign(&nonceless(world, device)).await;
    AuditLog::from_json(world.maker.ask("requestauditlog", request.wire(), &peer(owner)).await.ok("application/json")).unwrap()
}

#[tokio::test]
async fn second_owner_takes_over_a_device_that_the_first_had_with_a_nonce() {
    let world = World::new().await;
    let second = vineyard(&world).await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    onboard(&device, &world.owner, &world.hand).await.succeeded();
    onboard(&device, &second, &world.hand).await.succeeded();

    let domains: Vec<_> = audit_log(&world, &second, &device).await.events.into_iter().map(|event| event.domain_id).collect();
    assert_eq!(domains, [world.owner.ca.certificate().domain_id(), second.ca.certificate().domain_id()]);
}

#[tokio::test]
async fn device_that_another_owner_could_take_back_is_refused() {
    let mut world = World::new().await;
    let first = vineyard(&world).await;
    allow_nonceless(&mut world.maker, &first);
    let device = world.maker.make("A-1", Method::Avocado).await;
    let request = first.sign(&nonceless(&world, &device)).await;
    world.maker.ask("requestvoucher", request.wire(), &peer(&first)).await.ok("application/voucher-cms+json");

    let (status, sentence) = onboard(&device, &world.owner, &world.hand).await.refusal();
    assert_eq!(status, 406);
    assert!(sentence.contains("a voucher without nonce for the foreign domain"), "{sentence}");
    assert_eq!(world.owner.pledges.writes(), 0);
}

#[tokio::test]
async fn device_of_a_former_owner_who_is_expected_gets_in() {
    let mut world = World::new().await;
    let first = vineyard(&world).await;
    allow_nonceless(&mut world.maker, &first);
    let device = world.maker.make("A-1", Method::Avocado).await;
    let request = first.sign(&nonceless(&world, &device)).await;
    world.maker.ask("requestvoucher", request.wire(), &peer(&first)).await.ok("application/voucher-cms+json");

    world.owner.parts.settings.accepted_foreign_domains.push(first.ca.certificate().domain_id());
    world.owner.restart();
    onboard(&device, &world.owner, &world.hand).await.succeeded();
}

#[tokio::test]
async fn voucher_without_nonce_is_for_listed_domains_only() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let request = world.owner.sign(&nonceless(&world, &device)).await;
    let before = world.recorded();
    world.maker.ask("requestvoucher", request.wire(), &peer(&world.owner)).await.refused(403, "no vouchers without nonce for the domain");
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn voucher_without_nonce_is_given_to_nobody_but_the_registrar_that_signed() {
    let mut world = World::new().await;
    allow_nonceless(&mut world.maker, &world.owner);
    let device = world.maker.make("A-1", Method::Avocado).await;
    let request = world.owner.sign(&nonceless(&world, &device)).await;
    let before = world.recorded();
    for other in [PeerCertificates::default(), peer(&vineyard(&world).await)] {
        world.maker.ask("requestvoucher", request.wire(), &other).await.refused(401, "TLS client certificate");
    }
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn request_without_nonce_and_without_its_time_is_refused() {
    let mut world = World::new().await;
    allow_nonceless(&mut world.maker, &world.owner);
    let device = world.maker.make("A-1", Method::Avocado).await;
    let request = VoucherRequest { created_on: None, ..nonceless(&world, &device) };
    let before = world.recorded();
    world.maker.ask("requestvoucher", world.owner.sign(&request).await.wire(), &peer(&world.owner)).await.refused(403, "created-on is missing");
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn stranger_learns_nothing_of_a_device_it_never_had() {
    let world = World::new().await;
    let stranger = vineyard(&world).await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    onboard(&device, &world.owner, &world.hand).await.succeeded();
    let request = stranger.sign(&nonceless(&world, &device)).await;
    let before = world.recorded();
    for resource in ["requestauditlog", "requestkeyprovenance"] {
        world.maker.ask(resource, request.wire(), &peer(&stranger)).await.refused(404, "was never given a voucher");
    }
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn stranger_with_the_owners_name_and_key_identifier_learns_nothing_either() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    onboard(&device, &world.owner, &world.hand).await.succeeded();
    // Another key under the very same names.
    let double = Owner::found("Orchard", &world.maker, &world.hand).await;
    let request = double.sign(&nonceless(&world, &device)).await;
    world.maker.ask("requestauditlog", request.wire(), &peer(&double)).await.refused(404, "was never given a voucher");
}

#[tokio::test]
async fn former_owner_still_reads_the_audit_log() {
    let world = World::new().await;
    let second = vineyard(&world).await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    onboard(&device, &world.owner, &world.hand).await.succeeded();
    onboard(&device, &second, &world.hand).await.succeeded();
    assert_eq!(audit_log(&world, &world.owner, &device).await, audit_log(&world, &second, &device).await);
}

#[tokio::test]
async fn blocked_device_gets_no_voucher_and_the_reason_is_told() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let masa = Masa::new(world.maker.parts.clone());
    masa.set_blocked(device.idevid().device(), Some("reported stolen".parse().unwrap()), "jane".parse().unwrap()).await.unwrap();
    let before = world.recorded();
    let (status, sentence) = onboard(&device, &world.owner, &world.hand).await.refusal();
    assert_eq!((status, sentence.as_str()), (403, "the MASA refused: device A-1 is blocked by its manufacturer: reported stolen"));
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn owners_do_not_share_the_admission_of_a_device() {
    let world = World::new().await;
    let second = vineyard(&world).await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let member = onboard(&device, &world.owner, &world.hand).await.member();
    let renewal = member.reenroll(Arc::new(crate::support::new_key())).await.unwrap();
    let reply = second.post("est/simplereenroll", "application/pkcs10", renewal.ask().body.clone(), &PeerCertificates(member.chain().to_vec())).await;
    reply.refused(403, "does not lead to a configured trust anchor");
    assert_eq!(second.pledges.writes(), 0);
}

#[tokio::test]
async fn nonce_that_was_spent_at_one_owner_is_refused_at_another() {
    let world = World::new().await;
    let second = vineyard(&world).await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let nonce = Nonce::from_bytes(b"the same nonce").unwrap();
    let ask = async |owner: &Owner| {
        let request = VoucherRequest { nonce: Some(nonce.clone()), ..device.request(owner, &world.hand) };
        owner.ask(device.sign(&request).await.wire(), &device.peer()).await
    };
    ask(&world.owner).await.ok("application/voucher-cms+json");
    let before = world.recorded();
    ask(&second).await.refused(403, "the nonce was already used for a voucher of this device to another domain");
    assert_eq!(world.recorded(), before);
}
