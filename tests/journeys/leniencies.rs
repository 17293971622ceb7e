//! What one manufacturer's devices and MASA may do wrong reaches every reading of what they send, and nobody else's.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use brski_common::leniency::Leniency;
use brski_common::{Format, Leniencies, Method, Payload as _, Signed, VoucherRequest};
use brski_registrar::{Manufacturer as Profile, Trust};

use crate::support::{Device, Manufacturer, Mood, Raw, Reply, World};

/// A world whose owner grants this to its manufacturer's devices and MASA, and whose MASA grants it to registrars and pledges.
async fn granting(granted: &[Leniency]) -> World {
    let mut world = World::new().await;
    let lenient = Leniencies::with(granted.iter().copied());
    world.owner.parts.trust = Trust::new([Profile { lenient, ..world.maker.profile() }]);
    world.owner.restart();
    world.maker.parts.lenient = lenient;
    world.maker.restart();
    world
}

/// What becomes of a good request that is sent in base64.
async fn in_base64(world: &World, device: &Device) -> Reply {
    let request = device.sign(&device.request(&world.owner, &world.hand)).await;
    let text = BASE64_STANDARD.encode(request.wire());
    world.owner.submit(&Signed::from_wire(Format::Cms, text), &device.peer()).await
}

/// What becomes of a good request under the JSON name of a voucher.
async fn under_a_vouchers_root(world: &World, device: &Device) -> Reply {
    let payload = device.request(&world.owner, &world.hand).encode(Format::Jws).unwrap();
    let payload = String::from_utf8(payload).unwrap().replace("ietf-voucher-request:voucher", "ietf-voucher:voucher");
    let request = device.party().seal(&Raw(payload.into_bytes()), Format::Jws).await.unwrap();
    world.owner.submit(&Signed::from_wire(Format::Jws, request.wire()), &device.peer()).await
}

#[tokio::test]
async fn request_in_base64_needs_its_leniency() {
    for (granted, status) in [(&[][..], 400), (&[Leniency::Base64Body], 200)] {
        let world = granting(granted).await;
        let device = world.maker.make("A-1", Method::Avocado).await;
        assert_eq!(in_base64(&world, &device).await.status, status);
    }
}

#[tokio::test]
async fn request_under_a_vouchers_root_needs_its_leniency() {
    for (granted, status) in [(&[][..], 400), (&[Leniency::RequestRootVoucher], 200)] {
        let world = granting(granted).await;
        let device = world.maker.make("A-1", Method::Avocado).await;
        assert_eq!(under_a_vouchers_root(&world, &device).await.status, status);
    }
}

#[tokio::test]
async fn refusal_names_the_leniency_that_would_accept() {
    let world = granting(&[]).await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    in_base64(&world, &device).await.refused(400, "base64-body");
    under_a_vouchers_root(&world, &device).await.refused(400, "request-root-voucher");
}

#[tokio::test]
async fn voucher_in_base64_needs_its_leniency_and_reaches_the_pledge_as_it_is() {
    for (granted, status) in [(&[][..], 502), (&[Leniency::Base64Body], 200)] {
        let world = granting(granted).await;
        let device = world.maker.make("A-1", Method::Avocado).await;
        world.owner.masa.set(Mood::Altering(Box::new(|voucher| BASE64_STANDARD.encode(voucher).into_bytes())));
        let request = device.sign(&device.request(&world.owner, &world.hand)).await;
        let reply = world.owner.submit(&request, &device.peer()).await;
        assert_eq!(reply.status, status);
        if status == 200 {
            assert_eq!(reply.body, world.owner.admission(&device).await.unwrap().voucher().wire());
            assert!(BASE64_STANDARD.decode(&reply.body).is_ok());
        }
    }
}

#[tokio::test]
async fn leniency_for_one_manufacturer_is_not_for_another_on_the_same_registrar() {
    let mut world = World::new().await;
    let strict = Manufacturer::found("Vintner", &world.hand).await;
    let lenient = Leniencies::with([Leniency::Base64Body]);
    world.owner.parts.trust = Trust::new([Profile { lenient, ..world.maker.profile() }, strict.profile()]);
    world.owner.restart();
    world.maker.parts.lenient = lenient;
    world.maker.restart();
    let [tolerated, refused] = [world.maker.make("A-1", Method::Avocado).await, strict.make("A-1", Method::Avocado).await];
    assert_eq!(in_base64(&world, &tolerated).await.status, 200);
    in_base64(&world, &refused).await.refused(400, "base64-body");
}

#[tokio::test]
async fn older_cose_type_is_for_the_manufacturer_to_whom_it_is_granted() {
    let older = "application/voucher-cose+cbor";
    for (granted, status) in [(&[][..], 415), (&[Leniency::VoucherCoseCbor], 200)] {
        let world = granting(granted).await;
        let device = world.maker.make("A-1", Method::Avocado).await.speaking(Format::Cose);
        let request: Signed<VoucherRequest> = device.sign(&device.request(&world.owner, &world.hand)).await;
        let reply = world.owner.post("brski/requestvoucher", older, request.wire().to_vec(), &device.peer()).await;
        assert_eq!(reply.status, status);
        if status == 200 {
            reply.ok(older);
        }
    }
}
