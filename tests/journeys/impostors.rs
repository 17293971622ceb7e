//! Devices that are not who they say, in front of an honest registrar and an honest MASA.

use std::sync::Arc;

use brski_common::issuing::Subject;
use brski_common::{Format, Method, PeerCertificates, SerialNumber, SigningParty, VoucherRequest};

use crate::support::{Authority, Device, Manufacturer, NOW, Reply, World, new_key, onboard, template, valid};

/// What the registrar answers to a request of `signer` that comes over a TLS connection of `peer`. Nothing may be recorded, and the MASA not asked.
async fn turned_away(world: &World, request: &VoucherRequest, signer: &SigningParty, peer: &PeerCertificates) -> Reply {
    let before = world.recorded();
    let signed = signer.seal(request, Format::Cms).await.unwrap();
    let reply = world.owner.ask(signed.wire(), peer).await;
    assert!(world.owner.masa.asked().is_empty());
    assert_eq!(world.recorded(), before);
    reply
}

async fn device_turned_away(world: &World, device: &Device) -> Reply {
    turned_away(world, &device.request(&world.owner, &world.hand), &device.party(), &device.peer()).await
}

#[tokio::test]
async fn device_cannot_get_a_voucher_with_the_request_of_another() {
    let world = World::new().await;
    let [a, b] = [world.maker.make("A-1", Method::Avocado).await, world.maker.make("A-2", Method::Avocado).await];
    let request = a.request(&world.owner, &world.hand);
    turned_away(&world, &request, &a.party(), &b.peer()).await.refused(403, "is signed by");
}

#[tokio::test]
async fn device_cannot_name_another_in_a_request_of_its_own() {
    let world = World::new().await;
    let [a, b] = [world.maker.make("A-1", Method::Avocado).await, world.maker.make("A-2", Method::Avocado).await];
    let request = VoucherRequest { serial_number: a.serial(), ..b.request(&world.owner, &world.hand) };
    turned_away(&world, &request, &b.party(), &b.peer()).await.refused(403, "serial-number is A-1, but the certificate that signed names A-2");
}

#[tokio::test]
async fn request_signed_by_another_key_than_the_shown_idevids_is_refused() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let thief = SigningParty::with_chain(device.chain.clone(), Arc::new(new_key()));
    let request = device.request(&world.owner, &world.hand);
    turned_away(&world, &request, &thief, &device.peer()).await.refused(403, "does not verify");
}

#[tokio::test]
async fn device_of_an_unknown_manufacturer_is_refused() {
    let world = World::new().await;
    let stranger = Manufacturer::found("Copycat", &world.hand).await.make("A-1", Method::Avocado).await;
    device_turned_away(&world, &stranger).await.refused(403, "no accepted manufacturer issued the certificate of");
}

#[tokio::test]
async fn device_with_a_self_made_idevid_under_the_makers_name_is_refused() {
    let world = World::new().await;
    // The same names all the way up, other keys.
    let forger = Manufacturer::found("Fruitmaker", &world.hand).await;
    let forged = forger.certify("A-1").await;
    device_turned_away(&world, &forged).await.refused(403, "no accepted manufacturer");
    // Nor does it help to show the genuine path above.
    let genuine_path = world.maker.plant.chain.clone();
    let mixed = Device { chain: [vec![forged.chain[0].clone()], genuine_path].concat(), ..forged };
    device_turned_away(&world, &mixed).await.refused(403, "no accepted manufacturer");
}

#[tokio::test]
async fn device_whose_path_has_a_gap_is_refused() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let gap = Device { chain: vec![device.chain[0].clone(), device.chain[3].clone()], ..device };
    device_turned_away(&world, &gap).await.refused(403, "no accepted manufacturer");
}

#[tokio::test]
async fn device_whose_idevid_has_expired_is_refused() {
    let world = World::new().await;
    let key = new_key();
    let short = valid(NOW - 100, NOW - 1, Subject::serial_number(&SerialNumber::new("A-1").unwrap()), &key);
    let device = world.maker.certify_as(short, key).await;
    device_turned_away(&world, &device).await.refused(403, "expired");
}

#[tokio::test]
async fn device_whose_idevid_is_not_yet_valid_is_refused() {
    let world = World::new().await;
    let key = new_key();
    let early = valid(NOW + 1, NOW + 100, Subject::serial_number(&SerialNumber::new("A-1").unwrap()), &key);
    let device = world.maker.certify_as(early, key).await;
    device_turned_away(&world, &device).await.refused(403, "not yet valid");
}

#[tokio::test]
async fn certificate_without_a_serial_number_is_no_device() {
    let world = World::new().await;
    let key = new_key();
    let nameless = world.maker.certify_as(template(Subject::common_name("A-1"), &key), key).await;
    let other = world.maker.make("A-1", Method::Avocado).await;
    let request = other.request(&world.owner, &world.hand);
    turned_away(&world, &request, &nameless.party(), &nameless.peer()).await.refused(400, "serialNumber is missing");
}

#[tokio::test]
async fn manufacturers_own_ca_is_no_device() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let ca = SigningParty::with_chain(world.maker.plant.chain.clone(), Arc::new(world.maker.plant.key.clone()));
    let request = device.request(&world.owner, &world.hand);
    turned_away(&world, &request, &ca, &PeerCertificates(world.maker.plant.chain.clone())).await.refused(403, "no accepted manufacturer");
}

#[tokio::test]
async fn client_without_a_certificate_is_refused() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let request = device.request(&world.owner, &world.hand);
    turned_away(&world, &request, &device.party(), &PeerCertificates::default()).await.refused(403, "TLS client certificate");
}

#[tokio::test]
async fn request_that_names_another_registrar_gets_401_and_the_connection_ends() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let other = world.owner.ca.party("another registrar", &crate::support::REGISTRAR_USAGES).await;
    let named = other.identity.chain.first().cloned();
    let request = VoucherRequest { proximity_registrar_cert: named, ..device.request(&world.owner, &world.hand) };
    let reply = turned_away(&world, &request, &device.party(), &device.peer()).await;
    reply.refused(401, "names another registrar than the one that asks");
    assert_eq!(reply.header("connection"), Some("close"));
}

#[tokio::test]
async fn serial_number_that_was_never_made_is_unknown_to_the_masa() {
    let world = World::new().await;
    // Its IDevID is genuine, but nobody reported that it was made.
    let device = world.maker.certify("X-1").await;
    let before = world.recorded();
    let (status, sentence) = onboard(&device, &world.owner, &world.hand).await.refusal();
    assert_eq!(status, 404);
    assert!(sentence.starts_with("the MASA refused: no device with serial-number X-1"), "{sentence}");
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn second_key_under_a_recorded_serial_number_gets_no_voucher() {
    let world = World::new().await;
    world.maker.make("A-1", Method::Avocado).await;
    // The same CA certified it, perhaps by mistake: the record has another key.
    let clone = world.maker.certify("A-1").await;
    let before = world.recorded();
    let (status, sentence) = onboard(&clone, &world.owner, &world.hand).await.refusal();
    assert_eq!(status, 403);
    assert!(sentence.contains("another key than the one recorded"), "{sentence}");
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn masa_refuses_a_pledges_request_that_any_key_signed() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let request = device.request(&world.owner, &world.hand);
    let homemade = Authority::root("home").await;
    let key = new_key();
    let self_made = homemade.issue(world.maker.idevid("A-1", &key)).await;
    let stolen_face = device.chain.clone();
    let before = world.recorded();
    for chain in [self_made, stolen_face] {
        let pvr = SigningParty::with_chain(chain, Arc::new(key.clone())).seal(&request, Format::Cms).await.unwrap();
        let rvr = world.owner.sign(&world.owner.request(&device, &pvr)).await;
        world.maker.vouch(&rvr).await.no(403);
    }
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn masa_refuses_a_serial_number_that_differs_from_the_idevids() {
    let world = World::new().await;
    let [a, b] = [world.maker.make("A-1", Method::Avocado).await, world.maker.make("A-2", Method::Avocado).await];
    let before = world.recorded();
    // Outside: the registrar names A, the pledge's request is B's. Inside: B's request names A.
    let of_b = b.sign(&b.request(&world.owner, &world.hand)).await;
    let outside = world.owner.sign(&world.owner.request(&a, &of_b)).await;
    world.maker.vouch(&outside).await.refused(403, "serial-number is A-1, but the certificate that signed names A-2");
    let lying = b.sign(&VoucherRequest { serial_number: a.serial(), ..b.request(&world.owner, &world.hand) }).await;
    let inside = world.owner.sign(&world.owner.request(&b, &lying)).await;
    world.maker.vouch(&inside).await.refused(403, "serial-number is A-1, but the certificate that signed names A-2");
    assert_eq!(world.recorded(), before);
}
