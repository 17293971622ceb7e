//! A manufacturer takes its word back: stations, batches and devices are marked, and owners feel it.

use brski_common::log::{Hash, receipts_of};
use brski_common::provenance::{Disclosure, Status, Text};
use brski_common::{KeyOrigin, Method, PeerCertificates, ProvenanceStatement};
use brski_masa::Masa;
use brski_masa::ledger::Scope;

use crate::support::{Device, Onboarded, World, onboard, origin};

/// A device that this station made.
async fn made_at(world: &World, serial: &str, station: &str) -> Device {
    let origin = KeyOrigin { station: Some(Text::new(station).unwrap()), ..origin(Method::Avocado) };
    world.maker.make_as(serial, Some(origin)).await
}

async fn mark(world: &World, scope: Scope, status: Status) {
    let text = |text| Text::new(text).unwrap();
    Masa::new(world.maker.parts.clone()).mark(scope, status, text("its key was copied"), text("jane")).await.unwrap();
}

fn station(name: &str) -> Scope {
    Scope::Station(name.to_owned())
}

async fn stated(world: &World, device: &Device, level: Disclosure) -> ProvenanceStatement {
    let statement = Masa::new(world.maker.parts.clone()).statement_for(device.idevid().device(), level).await.unwrap().unwrap();
    let said = statement.peek_unverified(brski_common::Leniencies::default()).unwrap();
    let receipts = receipts_of(statement.wire()).unwrap();
    receipts[0].verify_inclusion(&Hash::from(said.record.0), world.maker.parts.log_key.public_key()).unwrap();
    said
}

#[tokio::test]
async fn device_of_a_compromised_station_is_turned_away_and_its_neighbour_is_not() {
    let world = World::new().await;
    let (hit, spared) = (made_at(&world, "A-1", "S1").await, made_at(&world, "A-2", "S2").await);
    mark(&world, station("S1"), Status::Compromised).await;
    let (_, sentence) = onboard(&hit, &world.owner, &world.hand).await.refusal();
    assert!(sentence.contains("device A-1 is blocked by its manufacturer: its key is on record as compromised: its key was copied"), "{sentence}");
    onboard(&spared, &world.owner, &world.hand).await.succeeded();
}

#[tokio::test]
async fn device_gets_in_once_the_mark_is_taken_back() {
    let world = World::new().await;
    let device = made_at(&world, "A-1", "S1").await;
    mark(&world, station("S1"), Status::Disputed).await;
    assert!(!matches!(onboard(&device, &world.owner, &world.hand).await, Onboarded::Enrolled { .. }));
    mark(&world, station("S1"), Status::Valid).await;
    onboard(&device, &world.owner, &world.hand).await.succeeded();
}

#[tokio::test]
async fn statement_that_a_device_carries_from_before_the_mark_does_not_help_it() {
    let world = World::new().await;
    let device = made_at(&world, "A-1", "S1").await;
    let carried = device.statement.clone();
    mark(&world, station("S1"), Status::Compromised).await;
    let (_, sentence) = onboard(&device.carrying(carried), &world.owner, &world.hand).await.refusal();
    assert!(sentence.contains("compromised"), "{sentence}");
}

#[tokio::test]
async fn statement_signed_after_the_mark_turns_the_device_away_before_the_masa_hears_of_it() {
    for (status, words) in [(Status::Disputed, "its manufacturer disputes the record behind it"), (Status::Compromised, "marked the key as compromised")] {
        let world = World::new().await;
        let device = made_at(&world, "A-1", "S1").await;
        mark(&world, Scope::Device(device.idevid().device().clone()), status).await;
        let statement = Masa::new(world.maker.parts.clone()).statement_for(device.idevid().device(), Disclosure::Public).await.unwrap();
        let (code, sentence) = onboard(&device.carrying(statement), &world.owner, &world.hand).await.refusal();
        assert_eq!(code, 406, "{sentence}");
        assert!(sentence.contains(words), "{sentence}");
        assert!(world.owner.masa.asked().is_empty());
    }
}

#[tokio::test]
async fn every_change_of_status_is_a_record_of_its_own_with_a_receipt() {
    let world = World::new().await;
    let device = made_at(&world, "A-1", "S1").await;
    let mut told = vec![stated(&world, &device, Disclosure::Auditor).await];
    for status in [Status::Disputed, Status::Compromised, Status::Valid] {
        mark(&world, station("S1"), status).await;
        told.push(stated(&world, &device, Disclosure::Auditor).await);
    }
    let told: Vec<_> = told.iter().map(|said| (said.seq, said.status)).collect();
    assert_eq!(told, [(0, Status::Valid), (1, Status::Disputed), (2, Status::Compromised), (3, Status::Valid)]);
}

#[tokio::test]
async fn owner_of_a_marked_device_still_reads_its_audit_log_and_provenance() {
    let world = World::new().await;
    let device = made_at(&world, "A-1", "S1").await;
    onboard(&device, &world.owner, &world.hand).await.succeeded();
    let request = world.owner.masa.asked()[0].clone();
    mark(&world, station("S1"), Status::Compromised).await;
    for resource in ["requestauditlog", "requestkeyprovenance"] {
        let reply = world.maker.ask_in(request.format(), resource, request.wire(), &PeerCertificates::default()).await;
        assert_eq!(reply.status, 200, "{resource}");
    }
}

#[tokio::test]
async fn claims_of_the_affected_are_told_by_domain() {
    let world = World::new().await;
    let (claimed, _shelved) = (made_at(&world, "A-1", "S1").await, made_at(&world, "A-2", "S1").await);
    onboard(&claimed, &world.owner, &world.hand).await.succeeded();
    let affected = Masa::new(world.maker.parts.clone()).affected(&station("S1")).await.unwrap();
    assert_eq!((affected.units, affected.unsold, affected.claimed.len()), (2, 2, 1));
    assert_eq!(affected.claimed[0].units, 1);
}
