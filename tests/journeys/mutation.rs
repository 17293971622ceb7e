//! One octet wrong, wherever it is: a request is refused as the peer's fault, or it still says exactly the same. Nothing panics, nothing is half-recorded.
//!
//! The same everywhere each time: octet number i has bit i modulo 8 flipped.
//!
//! What no signature covers, so that a change there may go unnoticed because it changes nothing that was said:
//! - CMS: the version, digestAlgorithms, and certificates beside the signer's on which nobody relies;
//! - JWS: not an octet of what is sent here;
//! - COSE: the unprotected header with x5bag or x5chain, and nothing else; a pledge's request has none.

use brski_common::audit_log::{AuditLog, Truncation};
use brski_common::voucher::ProvenanceExtension;
use core::ops::Range;

use brski_common::{
    Certificate, Csr, Format, Leniencies, Method, Payload, ProvenanceStatement, Signed, SigningParty, SpkiDigest, Voucher, VoucherRequest, est,
};
use brski_masa::Ledger as _;
use brski_registrar::MasaAnswer;

use crate::support::{Device, Mood, Reply, World, in_each_format, new_key, onboard};

fn mutants(genuine: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..genuine.len()).map(|i| {
        let mut mutant = genuine.to_vec();
        mutant[i] ^= 1 << (i % 8);
        (i, mutant)
    })
}

/// What an envelope says, whoever signed it.
fn content<T: Payload>(format: Format, wire: &[u8]) -> T {
    Signed::<T>::from_wire(format, wire).peek_unverified(Leniencies::default()).unwrap()
}

/// Where a COSE message's unprotected header is that holds certificates: where the message without them begins to differ, up to where it is the same again.
fn unprotected<T: Payload>(genuine: &Signed<T>) -> Range<usize> {
    let (with, without) = (genuine.wire(), genuine.without_unprotected_certificates().unwrap());
    let start = with.iter().zip(without.wire()).take_while(|(with, without)| with == without).count();
    match start == with.len() {
        true => 0..0,
        // An empty map is one octet.
        false => start..with.len() - (without.wire().len() - start - 1),
    }
}

/// A change that went unnoticed is in no signed octet.
fn is_unsigned<T: Payload>(genuine: &Signed<T>, i: usize) {
    match genuine.format() {
        Format::Cms => assert!(!said_in(genuine).contains(&i), "octet {i}"),
        Format::Jws => panic!("octet {i} is not covered"),
        Format::Cose => assert!(unprotected(genuine).contains(&i), "octet {i}"),
        other => panic!("{other:?} is not known here"),
    }
}

/// Where a CMS message has its payload.
fn said_in<T: Payload>(genuine: &Signed<T>) -> Range<usize> {
    let payload = genuine.peek_unverified(Leniencies::default()).unwrap().encode(Format::Cms).unwrap();
    let start = genuine.wire().windows(payload.len()).position(|window| window == payload).unwrap();
    start..start + payload.len()
}

/// A "no" for which the peer is to blame.
fn is_the_peers_fault(reply: &Reply, i: usize) {
    assert!((400..500).contains(&reply.status), "octet {i}: {reply:?}");
    reply.no(reply.status);
}

async fn world_with_device() -> (World, Device) {
    world_with_device_of(Format::Cms).await
}

async fn world_with_device_of(format: Format) -> (World, Device) {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await.speaking(format);
    (world, device)
}

/// Encloses nobody's certificate but its own, which keeps the number of octets low, and in COSE none.
async fn signed_alone(device: &Device, request: &VoucherRequest) -> Signed<VoucherRequest> {
    let alone = SigningParty::with_chain(device.chain[..1].to_vec(), device.party().signer);
    let alone = if device.format == Format::Cose { alone.nameless() } else { alone };
    alone.seal(request, device.format).await.unwrap()
}

in_each_format!(pledges_request_with_a_wrong_octet_is_refused_or_says_the_same);
async fn pledges_request_with_a_wrong_octet_is_refused_or_says_the_same(format: Format) {
    let (world, device) = world_with_device_of(format).await;
    let request = device.request(&world.owner, &world.hand);
    let genuine = signed_alone(&device, &request).await;
    let mut before = world.recorded();
    for (i, mutant) in mutants(genuine.wire()) {
        let mutant = Signed::<VoucherRequest>::from_wire(format, mutant);
        let reply = world.owner.submit(&mutant, &device.peer()).await;
        if reply.status == 200 {
            assert_eq!(content::<VoucherRequest>(format, mutant.wire()), request, "octet {i}");
            assert_eq!(content::<Voucher>(format, &reply.body).nonce, request.nonce);
            is_unsigned(&genuine, i);
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

in_each_format!(registrars_request_with_a_wrong_octet_is_refused_or_says_the_same);
async fn registrars_request_with_a_wrong_octet_is_refused_or_says_the_same(format: Format) {
    let (world, device) = world_with_device_of(format).await;
    let pvr = signed_alone(&device, &device.request(&world.owner, &world.hand)).await;
    let request = world.owner.request(&device, &pvr);
    let genuine = world.owner.parts.identity.seal(&request, format).await.unwrap();
    let mut before = world.recorded();
    for (i, mutant) in mutants(genuine.wire()) {
        let reply = world.maker.ask_in(format, "requestvoucher", &mutant, &Default::default()).await;
        if reply.status == 200 {
            assert_eq!(content::<VoucherRequest>(format, &mutant), request, "octet {i}");
            let voucher = content::<Voucher>(format, &reply.body);
            is_unsigned(&genuine, i);
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
        let request = signed_alone(&device, &VoucherRequest { provenance, ..bare.clone() }).await;
        let reply = world.owner.ask(request.wire(), &device.peer()).await;
        if reply.status == 200 {
            let mutant = Signed::<ProvenanceStatement>::from_wire(Format::Cose, mutant);
            assert_eq!(mutant.peek_unverified(Leniencies::default()).unwrap(), said, "octet {i}");
            before = world.recorded();
        } else {
            reply.refused(406, "the provenance statement is not trusted");
            // A changed receipt was accepted, which nobody signed; that admission ends with the next refusal.
            assert_eq!(world.recorded().ledger_entries, before.ledger_entries, "octet {i}");
            assert!(world.owner.admission(&device).await.is_none(), "octet {i}");
        }
    }
}

in_each_format!(voucher_with_a_wrong_octet_is_kept_back_or_says_the_same);
async fn voucher_with_a_wrong_octet_is_kept_back_or_says_the_same(format: Format) {
    let (world, device) = world_with_device_of(format).await;
    let request = device.request(&world.owner, &world.hand);
    let pvr = signed_alone(&device, &request).await;
    let rvr = world.owner.sign_for(&device, &world.owner.request(&device, &pvr)).await;
    let genuine = Signed::<Voucher>::from_wire(format, world.maker.vouch(&rvr).await.body);
    let said = content::<Voucher>(format, genuine.wire());
    for (i, mutant) in mutants(genuine.wire()) {
        let mutant = Signed::<Voucher>::from_wire(format, mutant);
        let (voucher, statement) = (mutant.clone(), device.statement.clone());
        world.owner.masa.set(Mood::Answering(MasaAnswer::Vouched {
            voucher,
            statement,
            audit_log: Some(AuditLog { events: Vec::new(), truncation: Truncation::default() }),
        }));
        // Another request each time, so that no earlier answer is repeated, but always with the voucher's nonce.
        let request = VoucherRequest { est_domain: Some(format!("https://{i}.example")), ..request.clone() };
        let pvr = signed_alone(&device, &request).await;
        let before = world.recorded();
        let reply = world.owner.submit(&pvr, &device.peer()).await;
        if reply.status == 200 {
            assert_eq!(world.owner.admission(&device).await.unwrap().voucher(), &mutant);
            assert_eq!(reply.body, mutant.without_unprotected_certificates().unwrap().wire());
            assert_eq!(content::<Voucher>(format, mutant.wire()), said, "octet {i}");
            is_unsigned(&genuine, i);
        } else {
            reply.refused(502, "cannot be trusted and is not passed on");
            assert_eq!(world.recorded(), before, "octet {i}");
        }
    }
}
