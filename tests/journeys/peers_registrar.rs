//! Where other registrars, or MASAs and pledges in front of them, let somebody in or fell over: one row each, and the tests that show what ours does instead.
//!
//! Where no other file had a test for a row, it is here.

mod rows;

use std::path::Path;

use brski_common::{Format, Leniencies, Method, PeerCertificates, VoucherRequest};
use brski_registrar::MasaAnswer;

use crate::support::{Authority, Device, Mood, REGISTRAR_USAGES, World, carry, in_each_format, new_key, onboard};

#[test]
fn every_row_has_tests_that_exist() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for (row, shown_by) in rows::ROWS {
        assert!(!shown_by.is_empty(), "{row}");
        for (file, name) in *shown_by {
            let text = std::fs::read_to_string(tests.join(file).with_extension("rs")).unwrap();
            let annotated = format!("test]\nasync fn {name}()");
            let declared =
                [annotated.as_str(), &format!("test]\nfn {name}()"), &format!("multi_thread\")]\nasync fn {name}()"), &format!("in_each_format!({name});")];
            assert!(declared.iter().any(|line| text.contains(line)), "{row}: no test {name} in {file}");
        }
    }
}

async fn made(world: &World, serial: &str, format: Format) -> Device {
    world.maker.make(serial, Method::Avocado).await.speaking(format)
}

in_each_format!(request_that_names_another_registrar_never_reaches_the_masa);
async fn request_that_names_another_registrar_never_reaches_the_masa(format: Format) {
    let world = World::new().await;
    let device = made(&world, "A-1", format).await;
    let other = world.owner.ca.party("another registrar", &REGISTRAR_USAGES).await;
    let named = other.identity.chain.first().cloned();
    let request = VoucherRequest { proximity_registrar_cert: named, ..device.request(&world.owner, &world.hand) };
    let before = world.recorded();
    world.owner.submit(&device.sign(&request).await, &device.peer()).await.refused(401, "names another registrar than the one that asks");
    assert!(world.owner.masa.asked().is_empty());
    assert_eq!(world.recorded(), before);
}

in_each_format!(masa_is_told_nothing_of_the_pledge_but_what_the_pledge_signed);
async fn masa_is_told_nothing_of_the_pledge_but_what_the_pledge_signed(format: Format) {
    let world = World::new().await;
    let device = made(&world, "A-1", format).await;
    let request = device.request(&world.owner, &world.hand);
    let signed = device.sign(&request).await;
    world.owner.submit(&signed, &device.peer()).await.ok(format.voucher_media_type());
    let told = world.owner.masa.asked().remove(0).peek_unverified(Leniencies::default()).unwrap();
    assert_eq!((&told.nonce, &told.serial_number, told.assertion), (&request.nonce, &request.serial_number, request.assertion));
    assert_eq!(told.idevid_issuer.as_ref(), Some(&device.idevid().device().issuer));
    assert_eq!(told.prior_signed_voucher_request.as_deref(), Some(signed.wire()));
}

/// What the registrar answers to a good request while the MASA is in this mood; nothing is kept.
async fn told(format: Format, mood: Mood, status: u16) -> String {
    let world = World::new().await;
    let device = made(&world, "A-1", format).await;
    world.owner.masa.set(mood);
    let reply = world.owner.submit(&device.sign(&device.request(&world.owner, &world.hand)).await, &device.peer()).await;
    assert_eq!(world.owner.pledges.writes(), 0);
    reply.no(status).to_owned()
}

in_each_format!(masas_no_is_a_no_with_words_even_if_it_has_none);
async fn masas_no_is_a_no_with_words_even_if_it_has_none(format: Format) {
    let silent = Mood::Answering(MasaAnswer::Refused { status: 403, sentence: String::new() });
    assert!(told(format, silent, 403).await.starts_with("the MASA refused"));
}

in_each_format!(voucher_without_an_octet_is_no_success);
async fn voucher_without_an_octet_is_no_success(format: Format) {
    assert!(told(format, Mood::Altering(Box::new(|_| Vec::new())), 502).await.contains("cannot be trusted and is not passed on"));
}

#[tokio::test]
async fn ldevid_is_no_ca_whichever_door_it_comes_through() {
    let world = World::new().await;
    let device = made(&world, "A-1", Format::Cms).await;
    let member = onboard(&device, &world.owner, &world.hand).await.member();
    let renewing = member.reenroll(std::sync::Arc::new(new_key())).await.unwrap();
    let answer = carry(renewing.ask(), &world.owner, &PeerCertificates(member.chain().to_vec())).await;
    let brski_common::pledge::Step::Done(renewed) = renewing.answered(&answer, world.hand.now()).unwrap() else { panic!("{answer:?}") };
    for ldevid in [&member.chain()[0], &renewed.chain()[0]] {
        assert!(ldevid.is_issued_by(&world.owner.ca.certificate()) && !ldevid.is_ca());
    }
}

#[tokio::test]
async fn stranger_does_not_enrol_in_the_name_of_an_admitted_device() {
    let world = World::new().await;
    let device = made(&world, "A-1", Format::Cms).await;
    onboard(&device, &world.owner, &world.hand).await.succeeded();
    let request = device.csr(&new_key()).await;
    let key = new_key();
    let self_signed = world.maker.idevid("A-1", &key).self_signed(&key).await.unwrap();
    let self_made = Authority::root("home").await.issue(world.maker.idevid("A-1", &key)).await;
    // Showing the whole of the device's own path behind it does not help.
    let dressed_up = [&self_made[..1], &device.chain].concat();
    let before = world.recorded();
    for chain in [vec![self_signed], self_made, dressed_up] {
        let stranger = PeerCertificates(chain);
        world.owner.enroll(&request, &stranger).await.refused(403, "no accepted manufacturer");
        world.owner.reenroll(&request, &stranger).await.refused(403, "does not lead to a configured trust anchor");
    }
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn recorded_certification_request_is_worthless_once_the_admission_is_gone() {
    let world = World::new().await;
    let device = made(&world, "A-1", Format::Cms).await;
    let member = onboard(&device, &world.owner, &world.hand).await.member();
    let recorded = device.csr(&new_key()).await;
    world.owner.enroll(&recorded, &device.peer()).await.ok("application/pkcs7-mime; smime-type=certs-only");
    world.owner.masa.set(Mood::Answering(MasaAnswer::Refused { status: 403, sentence: "the device was reported stolen".to_owned() }));
    onboard(&device, &world.owner, &world.hand).await.refusal();

    let before = world.recorded();
    world.owner.enroll(&recorded, &device.peer()).await.refused(403, "no admission is on record");
    world.owner.reenroll(&recorded, &PeerCertificates(member.chain().to_vec())).await.refused(403, "no admission is on record");
    assert_eq!(world.recorded(), before);
}
