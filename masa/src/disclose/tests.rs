//! Who reads what, and how much of it.

use brski_common::audit_log::Truncation;
use brski_common::{Leniencies, Nonce, SpkiDigest};

use super::*;
use crate::ledger::{Entry, Made};
use crate::testing::{Maker, NOW, Owner, Pledge, later, nonce};

fn request(owner: &Owner, pledge: &Pledge) -> RegistrarRequest {
    RegistrarRequest::verify(&owner.request(pledge, nonce(1)), Leniencies::default(), NOW).unwrap()
}

fn vouched(owner: &Owner, pledge: &Pledge, secs: u64, nonce: Option<Nonce>) -> Entry {
    let pinned = &owner.authority.certificate;
    Entry::Vouched(Vouched {
        device: pledge.device(),
        at: later(secs),
        domain: pinned.domain_id(),
        pin: pinned.spki_digest(),
        registrar: owner.registrar.certificate.spki_digest(),
        nonce,
        assertion: brski_common::Assertion::Proximity,
        expires_on: None,
        content: None,
        by: None,
    })
}

fn history(pledge: &Pledge, vouched: Vec<Entry>) -> Option<History> {
    let made = Entry::Made(Made { at: NOW, idevid: pledge.idevid(), reported_by: String::new() });
    History::build((1..).zip(core::iter::once(made).chain(vouched)), [], false)
}

#[test]
fn newest_voucher_of_each_kind_is_told_for_each_domain() {
    let (owner, buyer, pledge) = (Owner::new("owner"), Owner::new("buyer"), Maker::new().pledge("JADA123"));
    let vouched = |owner, secs, nonce| vouched(owner, &pledge, secs, nonce);
    let entries = vec![
        vouched(&owner, 1, Some(nonce(1))),
        vouched(&owner, 2, None),
        vouched(&owner, 3, Some(nonce(2))),
        vouched(&buyer, 4, Some(nonce(3))),
        vouched(&owner, 5, Some(nonce(4))),
    ];
    let order = evaluate(&request(&owner, &pledge), history(&pledge, entries), &IssuePolicy::default(), NOW).unwrap();
    let log = order.into_audit_log();
    let told: Vec<_> = log.events.iter().map(|event| (event.date, event.nonce.clone(), event.truncated)).collect();
    assert_eq!(told, [(later(2), None, 0), (later(4), Some(nonce(3)), 0), (later(5), Some(nonce(4)), 2)]);
    assert_eq!(log.truncation, Truncation { nonced_duplicates: 2, ..Truncation::default() });
}

#[test]
fn log_of_very_many_domains_tells_the_newest_and_says_that_it_is_cut() {
    let (owner, pledge) = (Owner::new("owner"), Maker::new().pledge("JADA123"));
    let entry = |i: u16| match vouched(&owner, &pledge, u64::from(i), Some(nonce(1))) {
        Entry::Vouched(vouched) if i < 1001 => {
            let mut pin = [0; 32];
            pin[..2].copy_from_slice(&i.to_be_bytes());
            Entry::Vouched(Vouched { pin: SpkiDigest(pin), ..vouched })
        }
        own => own,
    };
    let order = evaluate(&request(&owner, &pledge), history(&pledge, (0..=1001).map(entry).collect()), &IssuePolicy::default(), NOW).unwrap();
    let log = order.into_audit_log();
    assert_eq!((log.events.len(), log.truncation.arbitrary), (1000, 2));
    assert_eq!(log.events.last().map(|event| event.date), Some(later(1001)));
}

#[test]
fn domain_that_only_calls_itself_like_an_owner_reads_nothing() {
    let (owner, pledge) = (Owner::new("owner"), Maker::new().pledge("JADA123"));
    let impostor = Owner::new("impostor");
    let entry = match vouched(&owner, &pledge, 1, None) {
        Entry::Vouched(vouched) => Entry::Vouched(Vouched { domain: impostor.authority.certificate.domain_id(), ..vouched }),
        other => other,
    };
    let refused = evaluate(&request(&impostor, &pledge), history(&pledge, vec![entry]), &IssuePolicy::default(), NOW);
    assert!(matches!(refused, Err(Refusal::NeverOwner { .. })));
}

#[test]
fn request_without_created_on_is_as_old_as_the_voucher_that_it_got() {
    let (owner, pledge) = (Owner::new("owner"), Maker::new().pledge("JADA123"));
    let leaves = owner.leaves(&pledge, &pledge.leaves(&owner, nonce(1)));
    let signed = owner.sign(&brski_common::VoucherRequest { created_on: None, ..leaves });
    let evaluate_at = |used, now| {
        let request = RegistrarRequest::verify(&signed, Leniencies::default(), NOW).unwrap();
        evaluate(&request, history(&pledge, vec![vouched(&owner, &pledge, 1, Some(nonce(used)))]), &IssuePolicy::default(), now).map(drop)
    };
    assert_eq!(evaluate_at(1, later(1 + 4 * 86_400)), Ok(()));
    assert!(matches!(evaluate_at(1, later(2 + 4 * 86_400)), Err(Refusal::NotFresh { .. })));
    assert!(matches!(evaluate_at(2, NOW), Err(Refusal::LeafMissing { leaf: "created-on", .. })));
}

#[test]
fn request_that_got_the_voucher_can_be_sent_again_for_four_days() {
    let (owner, pledge) = (Owner::new("owner"), Maker::new().pledge("JADA123"));
    let evaluate_at = |now| {
        let history = history(&pledge, vec![vouched(&owner, &pledge, 1, None)]);
        evaluate(&request(&owner, &pledge), history, &IssuePolicy::default(), now).map(drop)
    };
    assert_eq!(evaluate_at(later(4 * 86_400)), Ok(()));
    assert!(matches!(evaluate_at(later(4 * 86_400 + 1)), Err(Refusal::NotFresh { .. })));
}
