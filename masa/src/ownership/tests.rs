//! Every transition from one state to another.

use brski_common::provenance::Status;

use super::*;
use crate::ledger::{Entry, Made, Marked, Owned, Scope, Standing, Vouched};
use crate::testing::{Maker, NOW, Pledge, later, nonce};

/// What happens to the device, one after the other, a second each.
#[derive(Clone, Copy, Debug)]
enum Event {
    Sell(&'static str),
    Release,
    Vouch(u8),
    VouchWithoutNonce(u8),
    Block(bool),
    Mark(Status),
}
use Event::{Block, Mark, Release, Sell, Vouch, VouchWithoutNonce};

fn entry(pledge: &Pledge, event: Event, at: UnixTime) -> Entry {
    let device = pledge.device();
    let owned = |change| Entry::Owned(Owned { device: device.clone(), at, by: "sales".to_owned(), change });
    let vouched = |pin, nonce| {
        Entry::Vouched(Vouched {
            device: device.clone(),
            at,
            domain: DomainId::new([pin]).unwrap(),
            pin: SpkiDigest([pin; 32]),
            registrar: SpkiDigest([9; 32]),
            nonce,
            assertion: Assertion::Proximity,
            expires_on: None,
            content: None,
            by: None,
        })
    };
    match event {
        Sell(name) => owned(OwnerChange::SoldTo(Customer { name: name.to_owned(), keys: Vec::new() })),
        Release => owned(OwnerChange::Released),
        Vouch(pin) => vouched(pin, Some(nonce(pin))),
        VouchWithoutNonce(pin) => vouched(pin, None),
        Block(yes) => Entry::Standing(Standing { device, at, blocked: yes.then(|| "stolen".to_owned()), by: Some("jane".to_owned()) }),
        Mark(status) => Entry::Marked(Marked { at, by: "audit".to_owned(), scope: Scope::Device(device), status, reason: "leaked".to_owned() }),
    }
}

fn after(events: &[Event]) -> Ownership {
    let pledge = Maker::new().pledge("JADA123");
    let made = Entry::Made(Made { at: NOW, idevid: pledge.idevid(), reported_by: String::new() });
    let entries = (1..).zip(events).map(|(secs, event)| (secs + 1, entry(&pledge, *event, later(secs))));
    Ownership::of(&History::build(core::iter::once((1, made)).chain(entries), [], false).unwrap())
}

#[test]
fn each_event_leads_from_each_state_where_it_should() {
    let before: [(State, &[Event]); 7] = [
        (State::Manufactured, &[]),
        (State::Sold, &[Sell("a")]),
        (State::Claimed, &[Sell("a"), Vouch(1)]),
        (State::Released, &[Sell("a"), Release]),
        (State::Blocked, &[Block(true)]),
        (State::Disputed, &[Mark(Status::Disputed)]),
        (State::Compromised, &[Mark(Status::Compromised)]),
    ];
    use State::{Blocked, Claimed, Compromised, Disputed, Manufactured, Released, Sold};
    let table: [(Event, [State; 7]); 8] = [
        (Sell("b"), [Sold, Sold, Sold, Sold, Blocked, Disputed, Compromised]),
        (Sell("a"), [Sold, Sold, Claimed, Sold, Blocked, Disputed, Compromised]),
        (Release, [Released, Released, Released, Released, Blocked, Disputed, Compromised]),
        (Vouch(2), [Claimed, Claimed, Claimed, Claimed, Blocked, Disputed, Compromised]),
        (Block(true), [Blocked, Blocked, Blocked, Blocked, Blocked, Disputed, Compromised]),
        (Block(false), [Manufactured, Sold, Claimed, Released, Manufactured, Disputed, Compromised]),
        (Mark(Status::Compromised), [Compromised; 7]),
        (Mark(Status::Valid), [Manufactured, Sold, Claimed, Released, Blocked, Manufactured, Manufactured]),
    ];
    for (event, expected) in table {
        for ((state, events), expected) in before.iter().zip(expected) {
            assert_eq!(after(events).state(), *state);
            assert_eq!(after(&[*events, &[event]].concat()).state(), expected, "{event:?} from {state}");
        }
    }
}

#[test]
fn trouble_that_ends_leaves_the_owners_as_they_were() {
    let owned = after(&[Sell("a"), Vouch(1)]);
    for (begins, ends) in [(Block(true), Block(false)), (Mark(Status::Disputed), Mark(Status::Valid))] {
        assert_eq!(after(&[Sell("a"), Vouch(1), begins, ends]), owned);
    }
}

#[test]
fn claims_are_those_since_the_device_last_changed_hands() {
    let pins = |events: &[Event]| after(events).claims.iter().map(|claim| claim.pin.0[0]).collect::<Vec<_>>();
    assert_eq!(pins(&[Vouch(1), Vouch(2)]), [1, 2]);
    assert_eq!(pins(&[Vouch(1), Sell("a"), Vouch(2)]), [2]);
    assert_eq!(pins(&[Sell("a"), Vouch(1), Sell("a")]), [1]);
    assert_eq!(pins(&[Sell("a"), Vouch(1), Sell("b")]), [0_u8; 0]);
    assert_eq!(pins(&[Release, Vouch(1), Release]), [0_u8; 0]);
}

#[test]
fn claim_lasts_from_the_first_to_the_newest_voucher_of_one_key() {
    let claims = after(&[Vouch(1), Vouch(2), VouchWithoutNonce(1)]).claims;
    let [first, second] = claims.as_slice() else { panic!("two keys make two claims: {claims:?}") };
    assert_eq!((first.since, first.newest, first.nonceless), (later(1), later(3), true));
    assert_eq!((second.since, second.newest, second.nonceless), (later(2), later(2), false));
}

#[test]
fn customer_who_is_sold_the_same_device_again_has_had_it_since_the_first_sale() {
    let Possession::Sold { since, .. } = after(&[Sell("b"), Sell("a"), Sell("a")]).possession else { panic!("it is sold") };
    assert_eq!(since, later(2));
}

#[test]
fn reason_of_a_mark_or_a_block_is_kept() {
    assert_eq!(after(&[Mark(Status::Disputed)]).trouble, Some(Trouble::Disputed("leaked".to_owned())));
    assert_eq!(after(&[Block(true)]).trouble, Some(Trouble::Blocked("stolen".to_owned())));
}
