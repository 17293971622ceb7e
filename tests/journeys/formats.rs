//! The way into the domain in each format, and what differs between the formats on it.

use std::sync::{Arc, Mutex};

use brski_common::pledge::ProximityLeaf;
use brski_common::voucher::{ProvenanceExtension, Wanted};
use brski_common::{Format, Leniencies, Method, Policy, ProvenanceStatement, Signed, Voucher, VoucherRequest};

use crate::support::{Device, Mood, Onboarded, POLICY, World, block_on, go_on, in_each_format, onboard, request, to_registrar};

async fn device(world: &World, serial: &str, method: Method, format: Format) -> Device {
    world.maker.make(serial, method).await.speaking(format)
}

/// Has the MASA's voucher copied as it passes.
fn watched(world: &World) -> Arc<Mutex<Vec<u8>>> {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let seen = sent.clone();
    let watch = move |voucher: Vec<u8>| {
        seen.lock().unwrap().clone_from(&voucher);
        voucher
    };
    world.owner.masa.set(Mood::Altering(Box::new(watch)));
    sent
}

fn contains(wire: &[u8], part: &[u8]) -> bool {
    wire.windows(part.len()).any(|window| window == part)
}

in_each_format!(pledge_whose_key_was_made_inside_gets_an_ldevid);
async fn pledge_whose_key_was_made_inside_gets_an_ldevid(format: Format) {
    let world = World::new().await;
    let device = device(&world, "A-1", Method::Avocado, format).await;
    let member = onboard(&device, &world.owner, &world.hand).await.member();
    assert_eq!(member.chain()[0].serial_number(), Some(device.serial()));
    assert_eq!(world.owner.admission(&device).await.unwrap().voucher().format(), format);
}

in_each_format!(pledge_may_name_its_registrar_by_each_leaf);
async fn pledge_may_name_its_registrar_by_each_leaf(format: Format) {
    let world = World::new().await;
    for (serial, leaf) in [("A-1", ProximityLeaf::Certificate), ("A-2", ProximityLeaf::Key), ("A-3", ProximityLeaf::KeyHash)] {
        let device = device(&world, serial, Method::Avocado, format).await.naming(leaf);
        onboard(&device, &world.owner, &world.hand).await.succeeded();
    }
}

in_each_format!(pledge_whose_key_was_made_in_the_factory_is_refused_by_the_rule);
async fn pledge_whose_key_was_made_in_the_factory_is_refused_by_the_rule(format: Format) {
    let world = World::new().await;
    let device = device(&world, "B-1", Method::Bamboo, format).await;
    let (status, sentence) = onboard(&device, &world.owner, &world.hand).await.refusal();
    assert_eq!((status, sentence.contains("no-keys-from-the-factory")), (406, true), "{sentence}");
    assert_eq!(world.owner.pledges.writes(), 0);
}

in_each_format!(held_pledge_gets_in_with_the_same_request_once_the_policy_accepts_it);
async fn held_pledge_gets_in_with_the_same_request_once_the_policy_accepts_it(format: Format) {
    let mut world = World::new().await;
    let device = device(&world, "C-1", Method::Carrot, format).await;
    let Onboarded::Waits(_, asked) = onboard(&device, &world.owner, &world.hand).await else { panic!("a person was to decide") };
    world.owner.parts.policy = Policy::from_toml(&POLICY.replace("hold", "accept")).unwrap();
    world.owner.restart();
    go_on(*asked, &device, &world.owner, world.hand.now()).await.succeeded();
}

in_each_format!(registrars_request_is_in_the_pledges_format_and_encloses_it_octet_for_octet);
async fn registrars_request_is_in_the_pledges_format_and_encloses_it_octet_for_octet(format: Format) {
    let world = World::new().await;
    let device = device(&world, "A-1", Method::Avocado, format).await;
    let pvr = device.sign(&device.request(&world.owner, &world.hand)).await;
    world.owner.submit(&pvr, &device.peer()).await.ok(format.voucher_media_type());
    let rvr = world.owner.masa.asked().remove(0);
    assert_eq!(rvr.format(), format);
    assert_eq!(rvr.peek_unverified(Leniencies::default()).unwrap().prior_signed_voucher_request.as_deref(), Some(pvr.wire()));
}

in_each_format!(statement_in_the_request_reaches_the_masa_octet_for_octet);
async fn statement_in_the_request_reaches_the_masa_octet_for_octet(format: Format) {
    let world = World::new().await;
    let device = device(&world, "A-1", Method::Avocado, format).await;
    let carrying = device.clone().carrying(device.statement.clone());
    onboard(&carrying, &world.owner, &world.hand).await.succeeded();
    let outer = world.owner.masa.asked()[0].peek_unverified(Leniencies::default()).unwrap();
    let inner = Signed::<VoucherRequest>::from_wire(format, outer.prior_signed_voucher_request.unwrap());
    let shown = inner.peek_unverified(Leniencies::default()).unwrap().provenance.unwrap().statement.unwrap();
    assert_eq!(shown, device.statement.unwrap().wire());
}

in_each_format!(same_request_gets_the_same_voucher_even_from_a_new_process_without_a_masa);
async fn same_request_gets_the_same_voucher_even_from_a_new_process_without_a_masa(format: Format) {
    let mut world = World::new().await;
    let device = device(&world, "A-1", Method::Avocado, format).await;
    let request = device.sign(&device.request(&world.owner, &world.hand)).await;
    let first = world.owner.submit(&request, &device.peer()).await;
    first.ok(format.voucher_media_type());
    world.owner.restart();
    world.owner.masa.set(Mood::Down);
    let second = world.owner.submit(&request, &device.peer()).await;
    assert_eq!((second.status, second.body), (200, first.body));
}

in_each_format!(admission_keeps_the_voucher_as_the_masa_signed_it);
async fn admission_keeps_the_voucher_as_the_masa_signed_it(format: Format) {
    let world = World::new().await;
    let device = device(&world, "A-1", Method::Avocado, format).await;
    let sent = watched(&world);
    onboard(&device, &world.owner, &world.hand).await.succeeded();
    assert_eq!(world.owner.admission(&device).await.unwrap().voucher().wire(), *sent.lock().unwrap());
}

/// The statement that the line was given, without its receipt.
fn as_signed(device: &Device) -> Vec<u8> {
    brski_common::log::without_receipts(device.statement.as_ref().unwrap().wire()).unwrap()
}

in_each_format!(statement_in_the_voucher_is_asked_for_and_admits);
async fn statement_in_the_voucher_is_asked_for_and_admits(format: Format) {
    let mut world = World::new().await;
    world.owner.parts.settings.statement_in_voucher = Some(Wanted { full: true, summary: false });
    world.owner.restart();
    let device = device(&world, "A-1", Method::Avocado, format).await;
    onboard(&device, &world.owner, &world.hand).await.succeeded();
    let voucher = world.owner.admission(&device).await.unwrap().voucher().peek_unverified(Leniencies::default()).unwrap();
    assert_eq!(voucher.provenance.unwrap().statement, Some(as_signed(&device)));
}

in_each_format!(summary_in_the_voucher_fits_the_statement_beside_it);
async fn summary_in_the_voucher_fits_the_statement_beside_it(format: Format) {
    let mut world = World::new().await;
    world.owner.parts.settings.statement_in_voucher = Some(Wanted { full: false, summary: true });
    world.owner.restart();
    let device = device(&world, "A-1", Method::Avocado, format).await;
    onboard(&device, &world.owner, &world.hand).await.succeeded();
    let voucher = world.owner.admission(&device).await.unwrap().voucher().peek_unverified(Leniencies::default()).unwrap();
    let summary = voucher.provenance.unwrap();
    let digest = Signed::<ProvenanceStatement>::from_wire(Format::Cose, as_signed(&device)).digest();
    assert_eq!((summary.statement_hash, summary.statement), (Some(digest), None));
}

in_each_format!(voucher_that_displays_a_method_without_a_statement_admits_nobody);
async fn voucher_that_displays_a_method_without_a_statement_admits_nobody(format: Format) {
    let world = World::new().await;
    let device = world.maker.make_as("U-1", None).await.speaking(format);
    let signer = world.maker.voucher_party().clone();
    let boasting = move |voucher: Vec<u8>| {
        let voucher = Signed::<Voucher>::from_wire(format, voucher).peek_unverified(Leniencies::default()).unwrap();
        let mut provenance = ProvenanceExtension::default();
        (provenance.method, provenance.statement_hash) = (Some(Method::Avocado), Some([7; 32]));
        block_on(signer.seal(&Voucher { provenance: Some(provenance), ..voucher }, format)).unwrap().wire().to_vec()
    };
    world.owner.masa.set(Mood::Altering(Box::new(boasting)));
    let (status, sentence) = onboard(&device, &world.owner, &world.hand).await.refusal();
    assert_eq!((status, sentence.contains("no-statement-no-entry")), (406, true), "{sentence}");
    assert_eq!(world.owner.pledges.writes(), 0);
}

#[tokio::test]
async fn voucher_says_nothing_of_the_key_unless_the_owner_wants_it() {
    let world = World::new().await;
    let device = device(&world, "A-1", Method::Avocado, Format::Jws).await;
    onboard(&device, &world.owner, &world.hand).await.succeeded();
    assert_eq!(world.owner.admission(&device).await.unwrap().voucher().peek_unverified(Leniencies::default()).unwrap().provenance, None);
}

#[tokio::test]
async fn json_voucher_reaches_the_pledge_octet_for_octet() {
    for format in [Format::Cms, Format::Jws] {
        let world = World::new().await;
        let device = device(&world, "A-1", Method::Avocado, format).await;
        let sent = watched(&world);
        let Onboarded::Enrolled { voucher, .. } = onboard(&device, &world.owner, &world.hand).await else { panic!("it was to be enrolled") };
        assert_eq!(voucher, *sent.lock().unwrap());
    }
}

#[tokio::test]
async fn cose_voucher_reaches_the_pledge_without_certificates_and_with_every_signed_octet() {
    let world = World::new().await;
    let device = device(&world, "A-1", Method::Avocado, Format::Cose).await;
    let sent = watched(&world);
    let Onboarded::Enrolled { voucher, .. } = onboard(&device, &world.owner, &world.hand).await else { panic!("it was to be enrolled") };
    let sent = sent.lock().unwrap().clone();
    let signer = world.maker.voucher_party().identity.chain[0].der();
    assert!(contains(&sent, signer) && !contains(&voucher, signer));
    // [protected, unprotected, payload, signature]: one empty map has taken the place of the unprotected header, and nothing else changed.
    let same = sent.iter().zip(&voucher).take_while(|(sent, passed)| sent == passed).count();
    assert_eq!(voucher[same], 0xa0);
    assert!(sent.ends_with(&voucher[same + 1..]));
}

#[tokio::test]
async fn cose_request_of_the_registrar_brings_its_own_certificates_and_the_pledges() {
    let world = World::new().await;
    let device = device(&world, "A-1", Method::Avocado, Format::Cose).await;
    let pvr = device.sign(&device.request(&world.owner, &world.hand)).await;
    world.owner.submit(&pvr, &device.peer()).await.ok("application/voucher+cose");
    let rvr = world.owner.masa.asked().remove(0);
    for certificate in device.chain.iter().chain(world.owner.chain()) {
        assert!(contains(rvr.wire(), certificate.der()), "{}", certificate.subject());
        assert!(!contains(pvr.wire(), certificate.der()) || *certificate == world.owner.chain()[0], "{}", certificate.subject());
    }
}

#[tokio::test]
async fn mixed_fleet_gets_in_through_one_registrar() {
    let world = World::new().await;
    for (serial, format) in [("A-1", Format::Cose), ("A-2", Format::Cms), ("A-3", Format::Jws), ("A-4", Format::Cose)] {
        let device = device(&world, serial, Method::Salak, format).await;
        onboard(&device, &world.owner, &world.hand).await.succeeded();
        let voucher = world.owner.admission(&device).await.unwrap().voucher().clone();
        assert_eq!((voucher.format(), voucher.peek_unverified(Leniencies::default()).unwrap().serial_number), (format, device.serial()));
    }
}

#[tokio::test]
async fn accept_chooses_the_vouchers_format_whatever_the_requests() {
    let world = World::new().await;
    let path = "/.well-known/brski/requestvoucher";
    for (i, own) in Format::ALL.iter().copied().enumerate() {
        for (j, wanted) in Format::ALL.iter().copied().enumerate() {
            let device = device(&world, &format!("A-{i}{j}"), Method::Avocado, own).await;
            let pvr = device.sign(&device.request(&world.owner, &world.hand)).await;
            let headers = [("content-type", own.voucher_media_type()), ("accept", wanted.voucher_media_type())];
            let reply = to_registrar(&world.owner.service, request("POST", path, &headers, pvr.wire().to_vec(), &device.peer())).await;
            let voucher = Signed::<Voucher>::from_wire(wanted, reply.ok(wanted.voucher_media_type()));
            assert_eq!(voucher.peek_unverified(Leniencies::default()).unwrap().serial_number, device.serial());
        }
    }
}

#[tokio::test]
async fn same_request_in_another_answers_format_is_the_same_voucher_and_no_second_entry() {
    let world = World::new().await;
    let device = device(&world, "A-1", Method::Avocado, Format::Cms).await;
    let pvr = device.sign(&device.request(&world.owner, &world.hand)).await;
    let mut answers = Vec::new();
    let mut entries = Vec::new();
    for &wanted in Format::ALL {
        let headers = [("content-type", "application/voucher-cms+json"), ("accept", wanted.voucher_media_type())];
        let path = "/.well-known/brski/requestvoucher";
        let reply = to_registrar(&world.owner.service, request("POST", path, &headers, pvr.wire().to_vec(), &device.peer())).await;
        let voucher = Signed::<Voucher>::from_wire(wanted, reply.ok(wanted.voucher_media_type()));
        answers.push(voucher.peek_unverified(Leniencies::default()).unwrap());
        entries.push(world.recorded().ledger_entries);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert!(entries.iter().all(|count| *count == entries[0]));
}
