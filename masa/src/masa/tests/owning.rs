//! What is sold to whom, and what becomes of it later.

use super::*;

#[test]
fn key_that_is_taken_out_of_the_configuration_counts_no_more_for_devices_sold_before() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let (ledger, pledge) = (memory(), maker.pledge("JADA123"));
    let masa_knowing = |keys: Vec<brski_common::SpkiDigest>| {
        let mut parts = maker.parts(ledger.clone());
        let known = crate::issue::KnownCustomer { name: "Orchard".to_owned(), keys, any_below: false, lifetime: None };
        parts.lines.rest_mut().issue_policy.sales.customers = vec![known];
        Masa::new(parts)
    };
    let ca = owner.authority.certificate.spki_digest();
    let masa = masa_knowing(vec![ca]);
    block_on(masa.record(&maker.report(&pledge, None))).unwrap();
    let orchard = || crate::ledger::Customer { name: "Orchard".to_owned(), keys: Vec::new() };
    assert!(block_on(masa.sell(&pledge.device(), orchard(), "sales")).unwrap());
    assert_eq!(block_on(masa.customer_keys(&pledge.device())).unwrap(), [ca]);
    let vouch = |masa: &Masa, number| block_on(masa.vouch(&owner.request(&pledge, nonce(number)), Format::Cms, &PeerCertificates::default()));
    assert_eq!(read_voucher(&maker, &vouch(&masa, 1).unwrap()).assertion, Some(Assertion::Verified));

    let masa = masa_knowing(vec![brski_common::SpkiDigest([7; 32])]);
    assert!(matches!(refusal(vouch(&masa, 2)), Refusal::SoldElsewhere { .. }));
    assert!(!block_on(masa.sell(&pledge.device(), orchard(), "sales")).unwrap());
}

/// What becomes of a voucher with a nonce, and of one without, if this comes into the ledger between the rule and the entry; and whether the voucher's entry is there.
fn overtaken(between: impl Fn(&crate::testing::Pledge) -> Entry) -> [(Refusal, bool); 2] {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let domain = owner.authority.certificate.clone();
    [true, false].map(|with_nonce| {
        let (inner, pledge) = (memory(), maker.pledge("JADA123"));
        block_on(Masa::new(maker.parts(inner.clone())).record(&maker.report(&pledge, Some(origin())))).unwrap();
        let mut parts = maker.parts(Arc::new(Overtaken { inner: inner.clone(), earlier: vec![between(&pledge)] }));
        parts.lines.rest_mut().issue_policy.nonceless.domains = vec![domain.spki_digest()];
        let masa = Masa::new(parts);
        let outcome = match with_nonce {
            true => block_on(masa.vouch(&owner.request(&pledge, nonce(1)), Format::Cms, &PeerCertificates::default())),
            false => block_on(masa.vouch_offline(&pledge.device(), &domain, None, "jane", Format::Cms)),
        };
        (refusal(outcome), block_on(inner.history(&pledge.device())).unwrap().unwrap().vouched().len() == 1)
    })
}

fn owned(pledge: &crate::testing::Pledge, change: crate::ledger::OwnerChange) -> Entry {
    Entry::Owned(crate::ledger::Owned { device: pledge.device(), at: NOW, by: "sales".to_owned(), change })
}

#[test]
fn block_or_mark_that_comes_before_the_entry_stops_the_voucher_and_leaves_the_entry() {
    let block = |pledge: &crate::testing::Pledge| {
        Entry::Standing(crate::ledger::Standing { device: pledge.device(), at: NOW, blocked: Some("stolen".to_owned()), by: None })
    };
    let mark = |pledge: &crate::testing::Pledge| {
        let scope = crate::ledger::Scope::Device(pledge.device());
        let status = brski_common::provenance::Status::Compromised;
        Entry::Marked(crate::ledger::Marked { at: NOW, by: "jane".to_owned(), scope, status, reason: "copied".to_owned() })
    };
    for (refused, is_recorded) in overtaken(block).into_iter().chain(overtaken(mark)) {
        assert!(matches!(refused, Refusal::DeviceBlocked(..)) && is_recorded, "{refused:?}");
    }
}

#[test]
fn sale_or_release_that_comes_before_the_entry_stops_the_voucher() {
    let sold = |pledge: &crate::testing::Pledge| {
        let keys = vec![brski_common::SpkiDigest([7; 32])];
        owned(pledge, crate::ledger::OwnerChange::SoldTo(crate::ledger::Customer { name: "Vineyard".to_owned(), keys }))
    };
    for (refused, is_recorded) in overtaken(sold) {
        assert!(matches!(refused, Refusal::SoldElsewhere { .. }) && is_recorded, "{refused:?}");
    }
    for (refused, is_recorded) in overtaken(|pledge| owned(pledge, crate::ledger::OwnerChange::Released)) {
        assert!(matches!(refused, Refusal::Pending { .. }) && is_recorded, "{refused:?}");
    }
}
