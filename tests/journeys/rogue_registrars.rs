//! Registrars that are not whom the pledge means, in front of an honest MASA.

use std::sync::Arc;

use brski_common::chain::ID_KP_CMC_RA;
use brski_common::issuing::Subject;
use brski_common::{Assertion, Certificate, Format, Leniencies, Method, Signed, SigningParty, Voucher, VoucherRequest};

use crate::support::{Device, NOW, Owner, REGISTRAR_USAGES, World, new_key, template, valid};

/// A registrar that certified itself, with the usage that makes one.
async fn self_signed() -> SigningParty {
    let key = new_key();
    let certificate = template(Subject::common_name("rogue"), &key).usages(&REGISTRAR_USAGES).self_signed(&key).await.unwrap();
    SigningParty::with_chain(vec![certificate], Arc::new(key))
}

/// `rogue` sends the MASA what the world's own registrar would have sent, in each format; it is refused with 403 and these words.
async fn relay_is_refused(world: &World, rogue: &SigningParty, words: &str) {
    let device = world.maker.make("A-1", Method::Avocado).await;
    let before = world.recorded();
    for &format in Format::ALL {
        let device = device.clone().speaking(format);
        let pvr = device.sign(&device.request(&world.owner, &world.hand)).await;
        let rvr = rogue.clone().enclosing(device.chain.clone());
        let rvr = rvr.seal(&world.owner.request(&device, &pvr), format).await.unwrap();
        world.maker.vouch(&rvr).await.refused(403, words);
    }
    assert_eq!(world.recorded(), before);
}

/// The world's registrar sends what `change` makes of its honest request.
async fn changed_request_is_refused(change: impl FnOnce(&World, &mut VoucherRequest), status: u16, words: &str) {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let pvr = device.sign(&device.request(&world.owner, &world.hand)).await;
    let mut request = world.owner.request(&device, &pvr);
    change(&world, &mut request);
    let before = world.recorded();
    world.maker.vouch(&world.owner.sign(&request).await).await.refused(status, words);
    assert_eq!(world.recorded(), before);
}

/// The voucher that the MASA gives the world's registrar for a request whose own leaves were changed.
async fn vouched(device: &Device, owner: &Owner, world: &World, change: impl FnOnce(&mut VoucherRequest)) -> Voucher {
    let pvr = device.sign(&device.request(owner, &world.hand)).await;
    let mut request = owner.request(device, &pvr);
    change(&mut request);
    let reply = world.maker.vouch(&owner.sign(&request).await).await;
    let voucher = Signed::<Voucher>::from_wire(Format::Cms, reply.ok("application/voucher-cms+json"));
    voucher.peek_unverified(Leniencies::default()).unwrap()
}

#[tokio::test]
async fn self_signed_registrar_is_not_the_one_that_the_pledge_names() {
    let world = World::new().await;
    relay_is_refused(&world, &self_signed().await, "names another registrar than the one that asks").await;
}

#[tokio::test]
async fn enclosing_the_certificates_of_the_named_registrar_does_not_help() {
    let world = World::new().await;
    let mut rogue = self_signed().await;
    rogue.identity.chain.extend_from_slice(world.owner.chain());
    relay_is_refused(&world, &rogue, "names another registrar than the one that asks").await;
}

#[tokio::test]
async fn enclosing_the_named_registrars_certificate_alone_does_not_help() {
    let world = World::new().await;
    let mut rogue = self_signed().await;
    rogue.identity.chain.push(world.owner.chain()[0].clone());
    relay_is_refused(&world, &rogue, "names another registrar than the one that asks").await;
}

#[tokio::test]
async fn showing_the_named_registrars_certificate_without_its_key_does_not_help() {
    let world = World::new().await;
    let rogue = SigningParty::with_chain(world.owner.chain().to_vec(), Arc::new(new_key()));
    relay_is_refused(&world, &rogue, "does not verify").await;
}

#[tokio::test]
async fn another_owners_registrar_is_not_the_one_that_the_pledge_names() {
    let world = World::new().await;
    let other = Owner::found("Vineyard", &world.maker, &world.hand).await;
    relay_is_refused(&world, &other.parts.identity, "names another registrar than the one that asks").await;
}

#[tokio::test]
async fn domain_member_without_the_registrars_usage_is_no_registrar() {
    let world = World::new().await;
    let member = world.owner.ca.party("printer", &REGISTRAR_USAGES[1..]).await;
    relay_is_refused(&world, &member, "lacks the extended key usage").await;
}

#[tokio::test]
async fn registrar_whose_certificate_has_expired_is_refused() {
    let world = World::new().await;
    let key = new_key();
    let template = valid(NOW - 100, NOW - 1, Subject::common_name("late"), &key).usages(&[ID_KP_CMC_RA]);
    let late = SigningParty::with_chain(world.owner.ca.issue(template).await, Arc::new(key));
    relay_is_refused(&world, &late, "expired").await;
}

#[tokio::test]
async fn self_signed_registrar_whose_certificate_has_expired_is_refused() {
    let world = World::new().await;
    let key = new_key();
    let template = valid(NOW - 100, NOW - 1, Subject::common_name("late"), &key).usages(&[ID_KP_CMC_RA]);
    let late = SigningParty::with_chain(vec![template.self_signed(&key).await.unwrap()], Arc::new(key));
    relay_is_refused(&world, &late, "expired").await;
}

#[tokio::test]
async fn registrar_whose_chain_does_not_hang_together_is_refused() {
    let world = World::new().await;
    let other = Owner::found("Orchard", &world.maker, &world.hand).await;
    // The registrar's own certificate under a CA of the same name and another key.
    let chain: Vec<Certificate> = vec![world.owner.chain()[0].clone(), other.ca.certificate()];
    let torn = SigningParty::with_chain(chain, world.owner.parts.identity.signer.clone());
    relay_is_refused(&world, &torn, "does not lead to").await;
}

#[tokio::test]
async fn nonce_that_differs_from_the_pledges_is_refused() {
    changed_request_is_refused(|world, request| request.nonce = Some(world.hand.nonce()), 403, "the nonce differs").await;
}

#[tokio::test]
async fn nonce_that_the_registrar_left_out_is_refused() {
    changed_request_is_refused(|_, request| request.nonce = None, 403, "the nonce differs").await;
}

#[tokio::test]
async fn request_without_the_pledges_own_is_refused() {
    changed_request_is_refused(|_, request| request.prior_signed_voucher_request = None, 403, "prior-signed-voucher-request is missing").await;
}

#[tokio::test]
async fn request_that_encloses_garbage_is_refused() {
    changed_request_is_refused(|_, request| request.prior_signed_voucher_request = Some(b"garbage".to_vec()), 400, "cannot be decoded").await;
}

#[tokio::test]
async fn request_with_a_leaf_that_only_pledges_send_is_refused() {
    let names_itself = |world: &World, request: &mut VoucherRequest| request.proximity_registrar_cert = world.owner.chain().first().cloned();
    changed_request_is_refused(names_itself, 403, "proximity-registrar-cert must not be in this voucher-request").await;
}

#[tokio::test]
async fn request_without_the_idevids_issuer_is_refused() {
    changed_request_is_refused(|_, request| request.idevid_issuer = None, 403, "idevid-issuer is missing").await;
}

#[tokio::test]
async fn pledge_that_does_not_claim_proximity_gets_no_voucher() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    for assertion in [None, Some(Assertion::Logged), Some(Assertion::Verified), Some(Assertion::AgentProximity)] {
        let pvr = device.sign(&VoucherRequest { assertion, ..device.request(&world.owner, &world.hand) }).await;
        let rvr = world.owner.sign(&world.owner.request(&device, &pvr)).await;
        let before = world.recorded();
        world.maker.vouch(&rvr).await.refused(403, "expected proximity");
        assert_eq!(world.recorded(), before);
    }
}

#[tokio::test]
async fn registrar_cannot_choose_what_the_voucher_asserts_or_pins() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let other = Owner::found("Vineyard", &world.maker, &world.hand).await;
    let voucher = vouched(&device, &world.owner, &world, |request| {
        request.assertion = Some(Assertion::Verified);
        request.pinned_domain_cert = Some(other.ca.certificate());
        request.domain_cert_revocation_checks = Some(true);
    });
    let voucher = voucher.await;
    assert_eq!(voucher.assertion, Some(Assertion::Proximity));
    assert_eq!(voucher.pinned_domain_cert, Some(world.owner.ca.certificate()));
    assert_eq!(voucher.domain_cert_revocation_checks, Some(false));
}
