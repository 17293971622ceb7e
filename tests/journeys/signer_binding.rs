//! Who may have signed what, in each format: a request is its TLS peer's, a voucher its manufacturer's, whatever certificates come along.

use std::sync::Arc;

use brski_common::{Anchors, Format, Leniencies, Method, Payload as _, Signature, SignatureAlgorithm, Signed, SigningParty, Voucher, VoucherRequest};
use brski_registrar::{Manufacturer as Profile, Trust};

use crate::support::{Authority, Device, Mood, Raw, Reply, World, block_on, in_each_format, new_key};

async fn made(world: &World, serial: &str, format: Format) -> Device {
    world.maker.make(serial, Method::Avocado).await.speaking(format)
}

/// What the registrar answers to this request over a connection of `device`, which must leave no trace.
async fn turned_away(world: &World, request: &Signed<VoucherRequest>, device: &Device) -> Reply {
    let before = world.recorded();
    let reply = world.owner.submit(request, &device.peer()).await;
    assert!(world.owner.masa.asked().is_empty());
    assert_eq!(world.recorded(), before);
    reply
}

in_each_format!(device_cannot_get_a_voucher_with_the_request_of_another);
async fn device_cannot_get_a_voucher_with_the_request_of_another(format: Format) {
    let world = World::new().await;
    let [a, b] = [made(&world, "A-1", format).await, made(&world, "A-2", format).await];
    let request = a.request(&world.owner, &world.hand);
    turned_away(&world, &a.sign(&request).await, &b).await.no(403);
    // Nor by enclosing the other's certificates, which the very signature fits.
    turned_away(&world, &a.party().seal(&request, format).await.unwrap(), &b).await.no(403);
}

in_each_format!(request_signed_by_another_key_than_the_shown_idevids_is_refused);
async fn request_signed_by_another_key_than_the_shown_idevids_is_refused(format: Format) {
    let world = World::new().await;
    let device = made(&world, "A-1", format).await;
    let request = device.request(&world.owner, &world.hand);
    let thief = SigningParty::with_chain(device.chain.clone(), Arc::new(new_key()));
    turned_away(&world, &thief.seal(&request, format).await.unwrap(), &device).await.refused(403, "does not verify");
}

#[tokio::test]
async fn nameless_cose_request_signed_by_another_key_is_refused() {
    let world = World::new().await;
    let device = made(&world, "A-1", Format::Cose).await;
    let thief = SigningParty::with_chain(device.chain.clone(), Arc::new(new_key())).nameless();
    let request = thief.seal(&device.request(&world.owner, &world.hand), Format::Cose).await.unwrap();
    turned_away(&world, &request, &device).await.refused(403, "does not verify");
}

#[tokio::test]
async fn certificates_of_another_in_a_cose_request_are_ignored() {
    let world = World::new().await;
    let [device, other] = [made(&world, "A-1", Format::Cose).await, made(&world, "A-2", Format::Cose).await];
    let disguised = SigningParty::with_chain(other.chain.clone(), Arc::new(device.key.clone()));
    let request = disguised.seal(&device.request(&world.owner, &world.hand), Format::Cose).await.unwrap();
    world.owner.submit(&request, &device.peer()).await.ok("application/voucher+cose");
    assert_eq!(world.owner.admission(&device).await.unwrap().device().serial, device.serial());
    assert!(world.owner.admission(&other).await.is_none());
}

#[tokio::test]
async fn certificates_of_another_in_a_json_request_are_refused() {
    for format in [Format::Cms, Format::Jws] {
        let world = World::new().await;
        let [device, other] = [made(&world, "A-1", format).await, made(&world, "A-2", format).await];
        let disguised = SigningParty::with_chain(other.chain.clone(), Arc::new(device.key.clone()));
        let request = disguised.seal(&device.request(&world.owner, &world.hand), format).await.unwrap();
        turned_away(&world, &request, &device).await.refused(403, "is signed by");
    }
}

in_each_format!(masa_refuses_a_pledges_request_that_any_key_signed);
async fn masa_refuses_a_pledges_request_that_any_key_signed(format: Format) {
    let world = World::new().await;
    let device = made(&world, "A-1", format).await;
    let request = device.request(&world.owner, &world.hand);
    let key = new_key();
    let self_made = Authority::root("home").await.issue(world.maker.idevid("A-1", &key)).await;
    let before = world.recorded();
    for chain in [self_made, device.chain.clone()] {
        let pvr = SigningParty::with_chain(chain, Arc::new(key.clone())).seal(&request, format).await.unwrap();
        let rvr = world.owner.sign_for(&device, &world.owner.request(&device, &pvr)).await;
        world.maker.vouch(&rvr).await.no(403);
    }
    assert_eq!(world.recorded(), before);
}

in_each_format!(masa_refuses_a_pledges_request_in_another_format_than_the_registrars);
async fn masa_refuses_a_pledges_request_in_another_format_than_the_registrars(format: Format) {
    let world = World::new().await;
    let device = made(&world, "A-1", format).await;
    let before = world.recorded();
    for other in Format::ALL.iter().copied().filter(|other| *other != format) {
        let speaker = device.clone().speaking(other);
        let pvr = speaker.sign(&device.request(&world.owner, &world.hand)).await;
        let rvr = world.owner.sign_for(&device, &world.owner.request(&speaker, &pvr)).await;
        world.maker.vouch(&rvr).await.no(400);
    }
    assert_eq!(world.recorded(), before);
}

/// The MASA's voucher, signed anew by `signer`.
fn resigned(signer: SigningParty, format: Format) -> Mood {
    Mood::Altering(Box::new(move |voucher| {
        let voucher = Signed::<Voucher>::from_wire(format, voucher).peek_unverified(Leniencies::default()).unwrap();
        block_on(signer.seal(&voucher, format)).unwrap().wire().to_vec()
    }))
}

async fn kept_back(world: &World, device: &Device, mood: Mood) {
    world.owner.masa.set(mood);
    let request = device.sign(&device.request(&world.owner, &world.hand)).await;
    world.owner.submit(&request, &device.peer()).await.refused(502, "cannot be trusted and is not passed on");
    assert_eq!(world.owner.pledges.writes(), 0);
}

in_each_format!(voucher_that_a_device_signed_is_kept_back_even_where_it_shares_the_vouchers_root);
async fn voucher_that_a_device_signed_is_kept_back_even_where_it_shares_the_vouchers_root(format: Format) {
    let mut world = World::new().await;
    let [device, accomplice] = [made(&world, "A-1", format).await, made(&world, "A-2", format).await];
    let voucher_anchors = Anchors::new([world.maker.plant.anchor()]).unwrap();
    world.owner.parts.trust = Trust::new([Profile { voucher_anchors, ..world.maker.profile() }]);
    world.owner.restart();
    for signer in [device.party(), accomplice.party()] {
        kept_back(&world, &device, resigned(signer, format)).await;
    }
}

in_each_format!(voucher_that_somebody_else_signed_is_kept_back);
async fn voucher_that_somebody_else_signed_is_kept_back(format: Format) {
    let world = World::new().await;
    let device = made(&world, "A-1", format).await;
    // The MASA's own face with another key, then other parties with good certificates of their own.
    let masked = SigningParty::with_chain(world.maker.voucher_party().identity.chain.clone(), Arc::new(new_key()));
    let stranger = Authority::root("stranger").await.party("voucher signer", &[]).await;
    for signer in [masked, stranger, device.party(), world.maker.parts.lines.rest().provenance.clone(), world.owner.parts.identity.clone()] {
        kept_back(&world, &device, resigned(signer, format)).await;
    }
}

#[tokio::test]
async fn cose_voucher_of_a_nameless_signer_who_is_not_known_is_kept_back() {
    let world = World::new().await;
    let device = made(&world, "A-1", Format::Cose).await;
    // Genuine, but nothing here says whose it is: the owner knows the root alone.
    kept_back(&world, &device, resigned(world.maker.voucher_party().clone().nameless(), Format::Cose)).await;
}

#[tokio::test]
async fn cose_voucher_of_a_nameless_signer_who_is_known_is_passed_on() {
    let mut world = World::new().await;
    let device = made(&world, "A-1", Format::Cose).await;
    let voucher_anchors = Anchors::new(world.maker.voucher_party().identity.chain.clone()).unwrap();
    world.owner.parts.trust = Trust::new([Profile { voucher_anchors, ..world.maker.profile() }]);
    world.owner.restart();
    world.owner.masa.set(resigned(world.maker.voucher_party().clone().nameless(), Format::Cose));
    let request = device.sign(&device.request(&world.owner, &world.hand)).await;
    world.owner.submit(&request, &device.peer()).await.ok("application/voucher+cose");
}

/// The same COSE_Sign1 with its signature, 64 octets at the end, in ASN.1.
fn with_asn1_signature(wire: &[u8]) -> Vec<u8> {
    let (head, fixed) = wire.split_at(wire.len() - 64);
    let asn1 = Signature::from_fixed(SignatureAlgorithm::Es256, fixed).unwrap().to_asn1().unwrap();
    [&head[..head.len() - 1], &[u8::try_from(asn1.len()).unwrap()], &asn1].concat()
}

#[tokio::test]
async fn cose_request_whose_signature_is_in_asn1_is_refused_with_what_would_be_right() {
    let world = World::new().await;
    let device = made(&world, "A-1", Format::Cose).await;
    let genuine = device.sign(&device.request(&world.owner, &world.hand)).await;
    let request = Signed::from_wire(Format::Cose, with_asn1_signature(genuine.wire()));
    turned_away(&world, &request, &device).await.refused(400, "not an ASN.1 DER signature");
}

#[tokio::test]
async fn cose_voucher_whose_signature_is_in_asn1_is_kept_back() {
    let world = World::new().await;
    let device = made(&world, "A-1", Format::Cose).await;
    kept_back(&world, &device, Mood::Altering(Box::new(|voucher| with_asn1_signature(&voucher)))).await;
}

/// What the registrar answers to a good signature over this change of an honest request's payload.
async fn signed_payload(format: Format, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Reply {
    let world = World::new().await;
    let device = made(&world, "A-1", format).await;
    let payload = change(device.request(&world.owner, &world.hand).encode(format).unwrap());
    let request = device.party().seal(&Raw(payload), format).await.unwrap();
    turned_away(&world, &Signed::from_wire(format, request.wire()), &device).await
}

/// The octets with the first occurrence of `old`, which must be there, replaced.
fn replaced(octets: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let at = octets.windows(old.len()).position(|window| window == old).unwrap();
    [&octets[..at], new, &octets[at + old.len()..]].concat()
}

#[tokio::test]
async fn cose_voucher_with_an_enumeration_as_text_is_kept_back() {
    let world = World::new().await;
    let device = made(&world, "A-1", Format::Cose).await;
    let signer = world.maker.voucher_party().clone();
    let reworded = move |voucher: Vec<u8>| {
        let voucher = Signed::<Voucher>::from_wire(Format::Cose, voucher).peek_unverified(Leniencies::default()).unwrap();
        let payload = replaced(&voucher.encode(Format::Cose).unwrap(), &[1, 2], b"\x01\x69proximity");
        block_on(signer.seal(&Raw(payload), Format::Cose)).unwrap().wire().to_vec()
    };
    kept_back(&world, &device, Mood::Altering(Box::new(reworded))).await;
}

#[tokio::test]
async fn enumeration_as_text_in_cbor_is_refused() {
    // assertion (delta 1): proximity (2).
    let reply = signed_payload(Format::Cose, |payload| replaced(&payload, &[1, 2], b"\x01\x69proximity")).await;
    reply.refused(400, "assertion");
}

in_each_format!(request_under_the_root_of_a_voucher_is_refused);
async fn request_under_the_root_of_a_voucher_is_refused(format: Format) {
    let reply = signed_payload(format, |payload| match format {
        // SIDs 2501 and 2451.
        Format::Cose => replaced(&payload, &[0x19, 0x09, 0xc5], &[0x19, 0x09, 0x93]),
        _ => replaced(&payload, b"ietf-voucher-request:voucher", b"ietf-voucher:voucher"),
    });
    reply.await.no(400);
}
