//! Sums over ledgers in which devices change hands.

use brski_common::provenance::{Status, Text};
use brski_common::{Assertion, KeyOrigin, Nonce, ProvenanceRecord, UnixTime};

use super::*;
use crate::ledger::{Customer, Ledger as _, Made, MemoryLedger, Owned, Vouched};
use crate::testing::{Maker, NOW, Owner, Pledge, block_on, memory, nonce, origin};
use std::sync::Arc;

fn made(pledge: &Pledge) -> Entry {
    Entry::Made(Made { at: NOW, idevid: pledge.idevid(), reported_by: "line 1".to_owned() })
}

fn recorded(pledge: &Pledge, seq: u32, batch: &str) -> Entry {
    Entry::Recorded(Box::new(ProvenanceRecord {
        device: pledge.device(),
        spki: pledge.idevid().spki_digest(),
        seq,
        salt: [9; 16],
        status: Status::Valid,
        report: None,
        supersedes: None,
        reported_by: "line 1".to_owned(),
        recorded_at: NOW,
        findings: Vec::new(),
        origin: KeyOrigin { batch: Some(Text::new(batch).unwrap()), ..origin() },
    }))
}

fn owned(pledge: &Pledge, change: OwnerChange) -> Entry {
    Entry::Owned(Owned { device: pledge.device(), at: NOW, by: "sales".to_owned(), change })
}

fn sold(pledge: &Pledge, name: &str) -> Entry {
    owned(pledge, OwnerChange::SoldTo(Customer { name: name.to_owned(), keys: Vec::new() }))
}

fn vouched(pledge: &Pledge, owner: &Owner, nonce: Nonce) -> Entry {
    let pinned = &owner.authority.certificate;
    Entry::Vouched(Vouched {
        device: pledge.device(),
        at: NOW,
        domain: pinned.domain_id(),
        pin: pinned.spki_digest(),
        registrar: owner.registrar.certificate.spki_digest(),
        nonce: Some(nonce),
        assertion: Assertion::Proximity,
        expires_on: None::<UnixTime>,
        content: None,
        by: None,
    })
}

fn ledger(entries: Vec<Entry>) -> Arc<MemoryLedger> {
    let ledger = memory();
    block_on(ledger.append(entries)).unwrap();
    ledger
}

fn batch(name: &str) -> Scope {
    Scope::Batch(name.to_owned())
}

fn claimed(owner: &Owner, units: u64) -> Claimed {
    let pinned = &owner.authority.certificate;
    Claimed { domain: pinned.domain_id(), pin: pinned.spki_digest(), units }
}

#[test]
fn devices_of_a_batch_are_counted_by_customer_and_by_domain() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let [a, b, c, other] = ["A", "B", "C", "D"].map(|name| maker.pledge(name));
    let ledger = ledger(vec![
        made(&a),
        recorded(&a, 0, "B1"),
        made(&b),
        recorded(&b, 0, "B1"),
        made(&c),
        recorded(&c, 0, "B1"),
        made(&other),
        recorded(&other, 0, "B2"),
        sold(&a, "Orchard"),
        sold(&b, "Orchard"),
        sold(&other, "Orchard"),
        vouched(&a, &owner, nonce(1)),
        vouched(&a, &owner, nonce(2)),
        vouched(&c, &owner, nonce(3)),
    ]);
    let masa = crate::Masa::new(maker.parts(ledger));
    let affected = block_on(masa.affected(&batch("B1"))).unwrap();
    let expected = Affected { units: 3, sold: [("Orchard".to_owned(), 2)].into(), unsold: 1, claimed: vec![claimed(&owner, 2)] };
    assert_eq!(affected, expected);
}

#[test]
fn whoever_gave_a_device_up_does_not_have_it() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let a = maker.pledge("A");
    let had = [made(&a), recorded(&a, 0, "B1"), sold(&a, "Orchard"), vouched(&a, &owner, nonce(1))];
    let after = |change: Option<Entry>| {
        let masa = crate::Masa::new(maker.parts(ledger(had.iter().cloned().chain(change).collect())));
        let (by_batch, by_device) = (block_on(masa.affected(&batch("B1"))).unwrap(), block_on(masa.affected(&Scope::Device(a.device()))).unwrap());
        // One device is read by its history, many by the ledger: they agree.
        assert_eq!(by_batch, by_device);
        (by_batch.sold.into_iter().collect::<Vec<_>>(), by_batch.claimed)
    };
    let orchard = |name: &str| vec![(name.to_owned(), 1)];
    assert_eq!(after(None), (orchard("Orchard"), vec![claimed(&owner, 1)]));
    assert_eq!(after(Some(sold(&a, "Orchard"))), (orchard("Orchard"), vec![claimed(&owner, 1)]));
    assert_eq!(after(Some(sold(&a, "Vineyard"))), (orchard("Vineyard"), vec![]));
    assert_eq!(after(Some(owned(&a, OwnerChange::Released))), (vec![], vec![]));
}

#[test]
fn correction_takes_a_device_from_one_batch_into_another_with_its_owners() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let a = maker.pledge("A");
    let ledger = ledger(vec![made(&a), recorded(&a, 0, "B1"), sold(&a, "Orchard"), vouched(&a, &owner, nonce(1)), recorded(&a, 1, "B2")]);
    let masa = crate::Masa::new(maker.parts(ledger));
    assert_eq!(block_on(masa.affected(&batch("B1"))).unwrap(), Affected::default());
    let moved = block_on(masa.affected(&batch("B2"))).unwrap();
    assert_eq!((moved.units, moved.sold.len(), moved.claimed), (1, 1, vec![claimed(&owner, 1)]));
}

#[test]
fn station_has_the_devices_that_it_reported_without_origin() {
    let maker = Maker::new();
    let [a, b] = ["A", "B"].map(|name| maker.pledge(name));
    let masa = crate::Masa::new(maker.parts(ledger(vec![made(&a), made(&b), recorded(&b, 0, "B1")])));
    let of = |station: &str| block_on(masa.affected(&Scope::Station(station.to_owned()))).unwrap().units;
    assert_eq!((of("line 1"), of("line 2")), (2, 0));
}

#[test]
fn station_keeps_the_devices_that_it_made_known_whoever_reports_their_origin() {
    let maker = Maker::new();
    let a = maker.pledge("A");
    let by = |station: &str, seq| match recorded(&a, seq, "B1") {
        Entry::Recorded(record) => Entry::Recorded(Box::new(ProvenanceRecord { reported_by: station.to_owned(), ..*record })),
        other => other,
    };
    let masa = crate::Masa::new(maker.parts(ledger(vec![made(&a), by("line 2", 0), by("line 3", 1)])));
    let of = |station: &str| block_on(masa.affected(&Scope::Station(station.to_owned()))).unwrap().units;
    assert_eq!((of("line 1"), of("line 2"), of("line 3")), (1, 0, 1));
}

#[test]
fn every_device_is_listed_in_the_order_of_its_making() {
    let maker = Maker::new();
    let pledges = ["C", "A", "B", "D"].map(|name| maker.pledge(name));
    let entries = pledges.iter().enumerate().flat_map(|(i, pledge)| [made(pledge), recorded(pledge, 0, if i == 2 { "B2" } else { "B1" })]);
    let masa = crate::Masa::new(maker.parts(ledger(entries.chain([sold(&pledges[3], "Orchard")]).collect())));
    let mut listed = Vec::new();
    let mut read = 0;
    block_on(masa.affected_devices(&batch("B1"), &mut |so_far, _| read = so_far, Some(&mut |device| listed.push(device)))).unwrap();
    let told: Vec<_> = listed.iter().map(|found| (found.device.serial.as_str(), found.customer.as_deref())).collect();
    assert_eq!(told, [("C", None), ("A", None), ("D", Some("Orchard"))]);
    // Genesis, and two entries a device, and the sale.
    assert_eq!(read, 10);
}

#[test]
fn ledger_is_read_to_its_end_over_many_pages() {
    let (maker, pledge) = (Maker::new(), Maker::new().pledge("A"));
    let sales = (0..2500).map(|i| sold(&pledge, if i % 2 == 0 { "Orchard" } else { "Vineyard" }));
    let masa = crate::Masa::new(maker.parts(ledger([made(&pledge), recorded(&pledge, 0, "B1")].into_iter().chain(sales).collect())));
    let affected = block_on(masa.affected(&batch("B1"))).unwrap();
    assert_eq!(affected.sold, [("Vineyard".to_owned(), 1)].into());
}
