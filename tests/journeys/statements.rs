//! What a pledge or its MASA shows of the key's origin, and what an owner makes of that.

use brski_common::provenance::Status;
use brski_common::time::at;
use brski_common::{Format, Leniencies, Method, Policy, ProvenanceStatement, Signature, SignatureAlgorithm, Signed, VoucherRequest};

use crate::support::{Device, NOW, Onboarded, POLICY, World, onboard};

/// What was signed about this device, after `change`, signed anew by its maker.
async fn restated(world: &World, device: &Device, change: impl FnOnce(&mut ProvenanceStatement)) -> Signed<ProvenanceStatement> {
    let mut statement = device.statement.as_ref().unwrap().peek_unverified(Leniencies::default()).unwrap();
    change(&mut statement);
    world.maker.parts.lines.rest().provenance.seal(&statement, Format::Cose).await.unwrap()
}

/// The device shows this statement and is refused with 406 and these words, before the MASA hears of it.
async fn refused_at_once(world: &World, device: Device, words: &str) {
    let before = world.recorded();
    let (status, sentence) = onboard(&device, &world.owner, &world.hand).await.refusal();
    assert_eq!(status, 406, "{sentence}");
    assert!(sentence.contains(words), "'{words}' is not in: {sentence}");
    assert!(world.owner.masa.asked().is_empty());
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn statement_in_the_request_opens_the_door_as_the_masas_does() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let carrying = device.clone().carrying(device.statement.clone());
    onboard(&carrying, &world.owner, &world.hand).await.succeeded();
}

#[tokio::test]
async fn statement_in_the_request_reaches_the_masa_octet_for_octet() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let carrying = device.clone().carrying(device.statement.clone());
    onboard(&carrying, &world.owner, &world.hand).await.succeeded();
    let outer = world.owner.masa.asked()[0].peek_unverified(Leniencies::default()).unwrap();
    let inner = Signed::<VoucherRequest>::from_wire(Format::Cms, outer.prior_signed_voucher_request.unwrap());
    let shown = inner.peek_unverified(Leniencies::default()).unwrap().provenance.unwrap().statement.unwrap();
    assert_eq!(shown, device.statement.unwrap().wire());
}

#[tokio::test]
async fn hopeless_statement_in_the_request_costs_the_masa_nothing() {
    let world = World::new().await;
    let device = world.maker.make("B-1", Method::Bamboo).await;
    let statement = device.statement.clone();
    refused_at_once(&world, device.carrying(statement), "no-keys-from-the-factory").await;
}

#[tokio::test]
async fn statement_about_another_key_is_refused() {
    let world = World::new().await;
    let avocado = world.maker.make("A-1", Method::Avocado).await;
    let impostor = world.maker.make("B-1", Method::Bamboo).await;
    refused_at_once(&world, impostor.carrying(avocado.statement), "belongs to another key").await;
}

#[tokio::test]
async fn statement_about_the_key_but_another_serial_number_is_refused() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let other = world.maker.make("A-2", Method::Avocado).await;
    let statement = restated(&world, &device, |s| s.device.serial = other.serial()).await;
    refused_at_once(&world, device.carrying(Some(statement)), "belongs to another serial-number").await;
}

#[tokio::test]
async fn statement_that_has_expired_is_refused() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let statement = restated(&world, &device, |s| s.expires_at = Some(at(NOW - 1))).await;
    refused_at_once(&world, device.carrying(Some(statement)), "expired").await;
}

#[tokio::test]
async fn statement_about_a_compromised_key_is_refused() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let statement = restated(&world, &device, |s| s.status = Status::Compromised).await;
    refused_at_once(&world, device.carrying(Some(statement)), "compromised").await;
}

#[tokio::test]
async fn statement_that_somebody_else_signed_is_refused() {
    let world = World::new().await;
    let device = world.maker.make("B-1", Method::Bamboo).await;
    let mut claim = device.statement.as_ref().unwrap().peek_unverified(Leniencies::default()).unwrap();
    claim.method = Method::Avocado;
    // The device itself, the voucher key, and the line's station: none of them speaks about provenance.
    for party in [device.party(), world.maker.voucher_party().clone(), world.maker.station.clone()] {
        let statement = party.seal(&claim, Format::Cose).await.unwrap();
        refused_at_once(&world, device.clone().carrying(Some(statement)), "the provenance statement is not trusted").await;
    }
}

#[tokio::test]
async fn octets_that_are_no_statement_are_refused() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    for octets in [&b""[..], b"garbage", &[0xd2, 0x84], &[0x81; 5000]] {
        let statement = Signed::from_wire(Format::Cose, octets);
        refused_at_once(&world, device.clone().carrying(Some(statement)), "the provenance statement is not trusted").await;
    }
}

#[tokio::test]
async fn statement_whose_signature_is_in_asn1_is_refused_with_what_would_be_right() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let genuine = device.statement.as_ref().unwrap().wire();
    // A COSE_Sign1 ends with the signature, a byte string of 64 octets.
    let (head, fixed) = genuine.split_at(genuine.len() - 64);
    let asn1 = Signature::from_fixed(SignatureAlgorithm::Es256, fixed).unwrap().to_asn1().unwrap();
    let statement = [&head[..head.len() - 1], &[asn1.len() as u8], &asn1].concat();
    let carrying = device.carrying(Some(Signed::from_wire(Format::Cose, statement)));
    refused_at_once(&world, carrying, "r and s of 32 octets each (RFC 9053), not an ASN.1 DER signature").await;
}

#[tokio::test]
async fn pledge_without_a_statement_is_refused_by_the_rule_for_that() {
    let world = World::new().await;
    let device = world.maker.make_as("U-1", None).await;
    let (status, sentence) = onboard(&device, &world.owner, &world.hand).await.refusal();
    assert_eq!(status, 406);
    assert!(sentence.starts_with("rule 'no-statement-no-entry' does not accept pledges without a provenance statement"), "{sentence}");
    assert_eq!(world.owner.pledges.writes(), 0);
}

#[tokio::test]
async fn pledge_without_a_statement_gets_in_where_the_owner_says_so() {
    let mut world = World::new().await;
    let device = world.maker.make_as("U-1", None).await;
    world.owner.parts.policy =
        Policy::from_toml(&POLICY.replace("statement = \"absent\"\nthen = \"refuse\"", "statement = \"absent\"\nthen = \"accept\"")).unwrap();
    world.owner.restart();
    assert!(matches!(onboard(&device, &world.owner, &world.hand).await, Onboarded::Enrolled { .. }));
    assert_eq!(world.owner.admission(&device).await.unwrap().ground().found, None);
}

#[tokio::test]
async fn statement_with_a_higher_number_than_the_masas_counts() {
    let world = World::new().await;
    let device = world.maker.make("B-1", Method::Bamboo).await;
    let newer = restated(&world, &device, |s| (s.seq, s.method) = (s.seq + 1, Method::Avocado)).await;
    onboard(&device.carrying(Some(newer)), &world.owner, &world.hand).await.succeeded();
}
