//! Every kind of entry: its octets, and that every ledger keeps it alike.

use brski_common::provenance::Status;

use super::*;

fn owned(pledge: &Pledge, change: OwnerChange) -> Entry {
    Entry::Owned(Owned { device: pledge.device(), at: later(1), by: "sales".to_owned(), change })
}

fn sold(keys: Vec<SpkiDigest>) -> OwnerChange {
    OwnerChange::SoldTo(Customer { name: "Example GmbH".to_owned(), keys })
}

fn marked(scope: Scope, status: Status) -> Entry {
    Entry::Marked(Marked { at: later(2), by: "quality".to_owned(), scope, status, reason: "fuses were read".to_owned() })
}

fn scopes() -> [Scope; 3] {
    [Scope::Batch("B7".to_owned()), Scope::Station("line 1".to_owned()), Scope::Line("L3".to_owned())]
}

fn restored(lost: Lost) -> Entry {
    Entry::Restored(Restored { at: later(3), by: "operator".to_owned(), reason: "disk broke".to_owned(), lost })
}

/// One of every kind and form, of one device or of none.
fn all(pledge: &Pledge) -> Vec<Entry> {
    let lost = TreeHead { size: u64::MAX, root: Hash::from([7; 32]) };
    let unlevelled = Entry::Stated(Stated { device: pledge.device(), seq: u32::MAX, level: None, statement: Signed::from_wire(Format::Cose, []) });
    let nobodys_word = Entry::Standing(Standing { device: pledge.device(), at: NOW, blocked: Some("stolen".to_owned()), by: None });
    let levels = [Disclosure::Public, Disclosure::Customer, Disclosure::Auditor, Disclosure::Internal];
    let stated = |level| Entry::Stated(Stated { device: pledge.device(), seq: 0, level: Some(level), statement: Signed::from_wire(Format::Cose, [1, 2]) });
    let mut all = vec![
        made(pledge),
        recorded(pledge, 0),
        vouched(pledge, Some(nonce(1))),
        vouched(pledge, None),
        standing(pledge, Some("stolen")),
        standing(pledge, None),
        nobodys_word,
        owned(pledge, sold(vec![SpkiDigest([1; 32]), SpkiDigest([2; 32])])),
        owned(pledge, sold(Vec::new())),
        owned(pledge, OwnerChange::Released),
        unlevelled,
        restored(Lost::Signed(lost)),
        restored(Lost::Unknown),
        restored(Lost::Nothing),
    ];
    all.extend(levels.map(stated));
    for status in [Status::Valid, Status::Disputed, Status::Compromised] {
        all.extend(scopes().map(|scope| marked(scope, status)));
        all.push(marked(Scope::Device(pledge.device()), status));
    }
    all
}

#[test]
fn every_entry_survives_its_octets_and_has_octets_of_its_own() {
    let entries = all(&Maker::new().pledge("JADA123"));
    let octets: Vec<Vec<u8>> = entries.iter().map(|entry| entry.to_octets().unwrap()).collect();
    for (entry, octets) in entries.iter().zip(&octets) {
        assert_eq!(Entry::from_octets(entry.kind(), octets).as_ref(), Ok(entry));
    }
    let different: std::collections::HashSet<&Vec<u8>> = octets.iter().collect();
    assert_eq!(different.len(), octets.len());
}

#[test]
fn no_entry_is_read_cut_short_prolonged_or_under_another_kind() {
    let entries = all(&Maker::new().pledge("JADA123"));
    let kinds: std::collections::BTreeSet<&str> = entries.iter().map(Entry::kind).collect();
    for entry in &entries {
        let octets = entry.to_octets().unwrap();
        for end in 0..octets.len() {
            assert!(Entry::from_octets(entry.kind(), &octets[..end]).is_err(), "{entry:?} until {end}");
        }
        assert!(Entry::from_octets(entry.kind(), &[&octets[..], &[0]].concat()).is_err(), "{entry:?}");
        for kind in kinds.iter().chain(&["genesis", "unknown", ""]).filter(|kind| **kind != entry.kind()) {
            assert!(Entry::from_octets(kind, &octets).is_err(), "{entry:?} as {kind}");
        }
    }
}

#[test]
fn changed_octet_is_refused_or_says_something_else() {
    for entry in all(&Maker::new().pledge("JADA123")) {
        let octets = entry.to_octets().unwrap();
        for place in 0..octets.len() {
            let mut changed = octets.clone();
            changed[place] ^= 1;
            assert_ne!(Entry::from_octets(entry.kind(), &changed).as_ref(), Ok(&entry), "{entry:?} at {place}");
        }
    }
}

#[test]
fn sale_release_and_marks_are_in_the_history_of_every_ledger() {
    let maker = Maker::new();
    let (pledge, other) = (maker.pledge("JADA123"), maker.pledge("JADA124"));
    let entries = vec![
        made(&pledge),
        made(&other),
        owned(&pledge, sold(vec![SpkiDigest([1; 32])])),
        marked(Scope::Station("line 1".to_owned()), Status::Disputed),
        marked(Scope::Device(pledge.device()), Status::Compromised),
        restored(Lost::Nothing),
        owned(&pledge, OwnerChange::Released),
        marked(Scope::Batch("B7".to_owned()), Status::Compromised),
    ];
    each(|ledger| {
        assert_eq!(block_on(ledger.append(entries.clone())).unwrap(), 1..9);
        let history = |pledge: &Pledge| block_on(ledger.history(&pledge.device())).unwrap().unwrap();
        let changes = |pledge: &Pledge| history(pledge).owned().iter().map(|owned| owned.change.clone()).collect::<Vec<_>>();
        assert_eq!((changes(&pledge), changes(&other)), (vec![sold(vec![SpkiDigest([1; 32])]), OwnerChange::Released], vec![]));
        assert_eq!((history(&pledge).status(), history(&other).status()), (Status::Compromised, Status::Disputed));
        // Of marks with one scope the newest counts, for all whom it is about.
        block_on(ledger.append(vec![marked(Scope::Station("line 1".to_owned()), Status::Valid)])).unwrap();
        assert_eq!((history(&pledge).status(), history(&other).status()), (Status::Compromised, Status::Valid));
        block_on(ledger.append(vec![marked(Scope::Device(pledge.device()), Status::Valid)])).unwrap();
        assert_eq!(history(&pledge).status(), Status::Valid);
    });
}

#[test]
fn sale_and_mark_of_a_device_that_was_never_made_are_refused() {
    let pledge = Maker::new().pledge("JADA123");
    each(|ledger| {
        for entry in [owned(&pledge, OwnerChange::Released), marked(Scope::Device(pledge.device()), Status::Disputed)] {
            assert!(matches!(block_on(ledger.append(vec![entry])), Err(LedgerError::UnknownDevice(device)) if device == pledge.device()));
        }
        assert_eq!(block_on(ledger.head()).unwrap().size, 1);
    });
}

#[test]
fn entries_come_page_by_page_in_order_without_the_genesis() {
    let pledge = Maker::new().pledge("JADA123");
    let expected: Vec<(u64, Entry)> = (1..).zip(all(&pledge)).collect();
    each(|ledger| {
        block_on(ledger.append(all(&pledge))).unwrap();
        for most in [1, 3, expected.len(), 1000] {
            let (mut found, mut from) = (Vec::new(), 0);
            loop {
                let page = block_on(ledger.entries(from, most)).unwrap();
                assert!(page.len() <= most);
                let Some((last, _)) = page.last() else { break };
                from = last + 1;
                found.extend(page);
            }
            assert_eq!(found, expected);
        }
        assert_eq!(block_on(ledger.entries(2, 2)).unwrap(), expected[1..3]);
        assert_eq!(block_on(ledger.entries(1, 0)).unwrap(), []);
        assert_eq!(block_on(ledger.entries(u64::MAX, 5)).unwrap(), []);
    });
}

#[test]
fn groups_of_one_append_are_told_one_by_one_and_leave_no_gap() {
    let maker = Maker::new();
    let [one, other, third] = ["JADA1", "JADA2", "JADA3"].map(|name| maker.pledge(name));
    each(|ledger| {
        let groups = vec![
            vec![made(&one), recorded(&one, 0)],
            vec![made(&other), recorded(&other, 0), recorded(&other, 0)],
            Vec::new(),
            vec![recorded(&one, 0)],
            vec![recorded(&one, 1), vouched(&one, Some(nonce(1)))],
            vec![vouched(&one, Some(nonce(1)))],
            vec![made(&third)],
            vec![made(&one)],
        ];
        let outcomes = block_on(ledger.append_all(groups));
        let told = |outcome: Result<Range<u64>, LedgerError>| outcome.map_err(|err| conflict::<()>(Err(err)));
        let expected = [Ok(1..3), Err(Unique::Record), Ok(3..3), Err(Unique::Record), Ok(3..5), Err(Unique::Nonce), Ok(5..6), Err(Unique::Device)];
        assert_eq!(outcomes.into_iter().map(told).collect::<Vec<_>>(), expected);
        let devices = [&third, &other, &one].map(Pledge::device);
        let histories = block_on(ledger.histories(&devices)).unwrap();
        let each: Vec<_> = devices.iter().map(|device| block_on(ledger.history(device)).unwrap()).collect();
        assert_eq!((histories.iter().map(Option::is_some).collect::<Vec<_>>(), &histories), (vec![true, false, true], &each));
    });
}
