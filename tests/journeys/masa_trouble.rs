//! A MASA that says no, says nothing or says nonsense: never becomes a voucher.

use core::time::Duration;

use brski_common::pledge::LONGEST_WAIT;
use brski_common::{Format, Leniencies, Method, Signed, SigningParty, Voucher};
use brski_registrar::MasaAnswer;

use crate::support::{Authority, Device, Mood, Owner, Reply, World, block_on};

/// What a good pledge is told while the MASA is in this mood. Nothing may be kept, and the same request gets its voucher once the mood has passed.
async fn told(world: &World, device: &Device, mood: Mood) -> Reply {
    let request = device.sign(&device.request(&world.owner, &world.hand)).await;
    let writes = world.owner.pledges.writes();
    world.owner.masa.set(mood);
    let reply = world.owner.ask(request.wire(), &device.peer()).await;
    assert_eq!(world.owner.pledges.writes(), writes);

    world.owner.masa.set(Mood::Up);
    world.owner.ask(request.wire(), &device.peer()).await.ok("application/voucher-cms+json");
    reply
}

/// The MASA's voucher, taken apart, changed and signed by `signer`.
fn resigned(signer: &SigningParty, change: impl Fn(&mut Voucher) + Send + Sync + 'static) -> Mood {
    let signer = signer.clone();
    Mood::Altering(Box::new(move |voucher| {
        let mut voucher = Signed::<Voucher>::from_wire(Format::Cms, voucher).peek_unverified(Leniencies::default()).unwrap();
        change(&mut voucher);
        block_on(signer.seal(&voucher, Format::Cms)).unwrap().wire().to_vec()
    }))
}

fn refusing(status: u16, sentence: &str) -> Mood {
    Mood::Answering(MasaAnswer::Refused { status, sentence: sentence.to_owned() })
}

async fn world_with_device() -> (World, Device) {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    (world, device)
}

#[tokio::test]
async fn masas_no_is_passed_on_with_its_status_and_its_words() {
    for status in [400, 403, 404, 406, 415, 500, 503] {
        let (world, device) = world_with_device().await;
        told(&world, &device, refusing(status, "sold to somebody else")).await.refused(status, "the MASA refused: sold to somebody else");
    }
}

#[tokio::test]
async fn masas_no_that_the_pledge_would_misread_becomes_502() {
    let (world, device) = world_with_device().await;
    // To the pledge 401 would mean that it reached the wrong registrar; the others are no refusals at all.
    for status in [0, 100, 200, 204, 302, 401, 407, 999] {
        told(&world, &device, refusing(status, "see elsewhere")).await.refused(502, "the MASA refused");
    }
}

#[tokio::test]
async fn masas_words_cannot_forge_a_second_line() {
    let (world, device) = world_with_device().await;
    told(&world, &device, refusing(403, "no\r\nset-cookie: x\n\u{1b}[2J")).await.refused(403, "the MASA refused: no");
}

#[tokio::test]
async fn masa_that_wants_time_becomes_202_with_a_wait_that_pledges_keep_to() {
    let (world, device) = world_with_device().await;
    for (wait, told_wait) in [(0, 1), (30, 30), (86_400, LONGEST_WAIT.as_secs())] {
        let reply = told(&world, &device, Mood::Answering(MasaAnswer::Later(Duration::from_secs(wait)))).await;
        reply.refused(202, "not decided yet");
        assert_eq!(reply.header("retry-after"), Some(told_wait.to_string().as_str()));
    }
}

#[tokio::test]
async fn garbage_for_a_voucher_is_never_passed_on() {
    let (world, device) = world_with_device().await;
    for garbage in [&b""[..], b"garbage-canary", b"<html>garbage-canary</html>", b"{\"ietf-voucher:voucher\":{}}", &[0x30, 0x80, 0, 0], &[0xff; 70_000]] {
        let reply = told(&world, &device, Mood::Altering(Box::new(|_| garbage.to_vec()))).await;
        reply.refused(502, "cannot be trusted and is not passed on");
        assert!(!reply.no(502).contains("canary"));
    }
}

#[tokio::test]
async fn voucher_that_was_cut_off_is_never_passed_on() {
    let (world, device) = world_with_device().await;
    for kept in [1, 100, 500] {
        let cut = move |voucher: Vec<u8>| voucher[..voucher.len() - kept].to_vec();
        told(&world, &device, Mood::Altering(Box::new(cut))).await.refused(502, "cannot be trusted and is not passed on");
    }
}

#[tokio::test]
async fn voucher_that_somebody_else_signed_is_never_passed_on() {
    let (world, device) = world_with_device().await;
    let stranger = Authority::root("stranger").await.party("voucher signer", &[]).await;
    for signer in [stranger, device.party(), world.maker.parts.lines.rest().provenance.clone(), world.owner.parts.identity.clone()] {
        told(&world, &device, resigned(&signer, |_| {})).await.refused(502, "cannot be trusted and is not passed on");
    }
}

#[tokio::test]
async fn genuine_voucher_for_another_device_is_never_passed_on() {
    let (world, device) = world_with_device().await;
    let other = world.maker.make("A-2", Method::Avocado).await.serial();
    let mood = resigned(world.maker.voucher_party(), move |voucher| voucher.serial_number = other.clone());
    told(&world, &device, mood).await.refused(502, "the voucher's serial-number is not what was asked for");
}

#[tokio::test]
async fn genuine_voucher_for_another_request_is_never_passed_on() {
    let (world, device) = world_with_device().await;
    let nonce = world.hand.nonce();
    let mood = resigned(world.maker.voucher_party(), move |voucher| voucher.nonce = Some(nonce.clone()));
    told(&world, &device, mood).await.refused(502, "the voucher's nonce is not what was asked for");
}

#[tokio::test]
async fn genuine_voucher_without_the_nonce_is_never_passed_on() {
    let (world, device) = world_with_device().await;
    told(&world, &device, resigned(world.maker.voucher_party(), |voucher| voucher.nonce = None)).await.refused(502, "the voucher's nonce");
}

#[tokio::test]
async fn genuine_voucher_for_another_domain_is_never_passed_on() {
    let (world, device) = world_with_device().await;
    let other = Owner::found("Vineyard", &world.maker, &world.hand).await.ca.certificate();
    let mood = resigned(world.maker.voucher_party(), move |voucher| voucher.pinned_domain_cert = Some(other.clone()));
    told(&world, &device, mood).await.refused(502, "the voucher's pinned-domain-cert is not what was asked for");
}

#[tokio::test]
async fn genuine_voucher_that_pins_nothing_is_never_passed_on() {
    let (world, device) = world_with_device().await;
    told(&world, &device, resigned(world.maker.voucher_party(), |voucher| voucher.pinned_domain_cert = None)).await.refused(502, "pinned-domain-cert");
}
