//! One octet wrong, wherever it is: a request is refused as the peer's fault, or it still says exactly the same. Nothing panics, nothing is half-recorded.
//!
//! The same everywhere each time: octet number i has bit i modulo 8 flipped.

use brski_common::audit_log::{AuditLog, Truncation};
use brski_common::voucher::ProvenanceExtension;
use brski_common::{
    Certificate, Csr, Format, Leniencies, Method, Payload, ProvenanceStatement, Signed, SigningParty, SpkiDigest, Voucher, VoucherRequest, est,
};
use brski_masa::Ledger as _;
use brski_registrar::MasaAnswer;

use crate::support::{Device, Mood, Reply, World, new_key, onboard};

fn mutants(genuine: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..genuine.len()).map(|i| {
        let mut mutant = genuine.to_vec();
        mutant[i] ^= 1 << (i % 8);
        (i, mutant)
    })
}

/// What an envelope says, whoever signed it.
fn content<T: Payload>(wire: &[u8]) -> T {
    Signed::<T>::from_wire(Format::Cms, wire).peek_unverified(Leniencies::default()).unwrap()
}

/// A "no" for which the peer is to blame.
fn is_the_peers_fault(reply: &Reply, i: usize) {
    assert!((400..500).contains(&reply.status), "octet {i}: {reply:?}");
    reply.no(reply.status);
}

async fn world_with_device() -> (World, Device) {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    (world, device)
}

/// Encloses nobody's certificate but its own, which keeps the number of octets low.
fn alone(device: &Device) -> SigningParty {
    SigningParty::with_chain(device.chain[..1].to_vec(), device.party().signer)
}

#[tokio::test]
async fn pledges_request_with_a_wrong_octet_is_refused_or_says_the_same() {
    let (world, device) = world_with_device().await;
    let request = device.request(&world.owner, &world.hand);
    let genuine = alone(&device).seal(&request, Format::Cms).await.unwrap();
    let mut before = world.recorded();
    for (i, mutant) in mutants(genuine.wire()) {
        let reply = world.owner.ask(&mutant, &device.peer()).await;
        if reply.status == 200 {
            assert_eq!(content::<VoucherRequest>(&mutant), request, "octet {i}");
            assert_eq!(content::<Voucher>(&reply.body).nonce, request.nonce);
            before = world.recorded();
        } else {
            is_the_peers_fault(&reply, i);
            // The MASA's "no" to a request that only the registrar took may withdraw what the device had.
            assert_eq!(world.recorded().ledger_entries, before.ledger_entries, "octet {i}");
        }
    }
    // The device, this nonce and nothing else was vouched for.
    let history = world.maker.ledger.history(device.idevid().device()).await.unwrap().unwrap();
    assert!(history.vouched().len() <= 1);
}

#[tokio::test]
async fn registrars_request_with_a_wrong_octet_is_refused_or_says_the_same() {
    let (world, device) = world_with_device().await;
    let pvr = alone(&device).seal(&device.request(&world.owner, &world.hand), Format::Cms).await.unwrap();
    let request = world.owner.request(&device, &pvr);
    let genuine = world.owner.sign(&request).await;
    let mut before = world.recorded();
    for (i, mutant) in mutants(genuine.wire()) {
        let reply = world.maker.ask("requestvoucher", &mutant, &Default::default()).await;
        if reply.status == 200 {
            assert_eq!(content::<VoucherRequest>(&mutant), request, "octet {i}");
            let voucher = content::<Voucher>(&reply.body);
            assert_eq!((&voucher.serial_number, &voucher.nonce), (&request.serial_number, &request.nonce));
            assert_eq!(voucher.pinned_domain_cert.unwrap().spki_digest(), world.owner.ca.certificate().spki_digest(), "octet {i}");
            before = world.recorded();
        } else {
            is_the_peers_fault(&reply, i);
            assert_eq!(world.recorded(), before, "octet {i}");
        }
    }
    let history = world.maker.ledger.history(device.idevid().device()).await.unwrap().unwrap();
    assert!(history.vouched().len() <= 1);
}

#[tokio::test]
async fn certification_request_with_a_wrong_octet_is_refused() {
    let (world, device) = world_with_device().await;
    onboard(&device, &world.owner, &world.hand).await.succeeded();
    let genuine = device.csr(&new_key()).await;
    let before = world.recorded();
    for (i, mutant) in mutants(&genuine) {
        is_the_peers_fault(&world.owner.enroll(&mutant, &device.peer()).await, i);
        assert_eq!(world.recorded(), before, "octet {i}");
    }
    assert_eq!(issued_for(&world.owner.enroll(&genuine, &device.peer()).await), Csr::from_der(&genuine).unwrap().public_key().digest());
}

fn issued_for(reply: &Reply) -> SpkiDigest {
    let der = est::from_body("certificates", reply.ok(est::CERTS_ONLY)).unwrap();
    let [ldevid]: [Certificate; 1] = est::read_certs_only(&der).unwrap().try_into().unwrap();
    ldevid.spki_digest()
}

#[tokio::test]
async fn statement_with_a_wrong_octet_is_refused_or_says_the_same() {
    let (world, device) = world_with_device().await;
    let genuine = device.statement.clone().unwrap();
    let said = genuine.peek_unverified(Leniencies::default()).unwrap();
    let bare = VoucherRequest { nonce: Some(world.hand.nonce()), ..device.request(&world.owner, &world.hand) };
    let mut before = world.recorded();
    for (i, mutant) in mutants(genuine.wire()) {
        let provenance = Some(ProvenanceExtension::with_statement(mutant.clone()));
        let request = alone(&device).seal(&VoucherRequest { provenance, ..bare.clone() }, Format::Cms).await.unwrap();
        let reply = world.owner.ask(request.wire(), &device.peer()).await;
        if reply.status == 200 {
            let mutant = Signed::<ProvenanceStatement>::from_wire(Format::Cose, mutant);
            assert_eq!(mutant.peek_unverified(Leniencies::default()).unwrap(), said, "octet {i}");
            before = world.recorded();
        } else {
            reply.refused(406, "the provenance statement is not trusted");
            assert_eq!(world.recorded(), before, "octet {i}");
        }
    }
}

#[tokio::test]
async fn voucher_with_a_wrong_octet_is_kept_back_or_says_the_same() {
    let (world, device) = world_with_device().await;
    let request = device.request(&world.owner, &world.hand);
    let pvr = alone(&device).seal(&request, Format::Cms).await.unwrap();
    let rvr = world.owner.sign(&world.owner.request(&device, &pvr)).await;
    let genuine = world.maker.vouch(&rvr).await.body;
    let said = content::<Voucher>(&genuine);
    for (i, mutant) in mutants(&genuine) {
        let (voucher, statement) = (Signed::from_wire(Format::Cms, mutant.clone()), device.statement.clone());
        world.owner.masa.set(Mood::Answering(MasaAnswer::Vouched {
            voucher,
            statement,
            audit_log: Some(AuditLog { events: Vec::new(), truncation: Truncation::default() }),
        }));
        // Another request each time, so that no earlier answer is repeated, but always with the voucher's nonce.
        let request = VoucherRequest { est_domain: Some(format!("https://{i}.example")), ..request.clone() };
        let pvr = alone(&device).seal(&request, Format::Cms).await.unwrap();
        let before = world.recorded();
        let reply = world.owner.ask(pvr.wire(), &device.peer()).await;
        if reply.status == 200 {
            assert_eq!(reply.body, mutant);
            assert_eq!(content::<Voucher>(&mutant), said, "octet {i}");
        } else {
            reply.refused(502, "cannot be trusted and is not passed on");
            assert_eq!(world.recorded(), before, "octet {i}");
        }
    }
}
