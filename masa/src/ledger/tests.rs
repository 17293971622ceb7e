//! One suite for every ledger: what it promises, whichever way it keeps it.

use std::sync::Arc;

use brski_common::provenance::Disclosure;
use brski_common::{Assertion, DomainId, Format, Nonce, ProvenanceRecord, Signed, SpkiDigest};

use super::*;
use crate::testing::{Maker, NOW, Pledge, block_on, later, memory, nonce, origin};

mod kinds;
mod tree;

/// Runs a check against a fresh ledger of each kind.
fn each(check: impl Fn(&Arc<dyn Ledger>)) {
    check(&(memory() as Arc<dyn Ledger>));
    #[cfg(feature = "sqlite")]
    {
        let folder = super::sqlite::tests::Folder::new();
        check(&(Arc::new(folder.open()) as Arc<dyn Ledger>));
    }
}

pub(super) fn made(pledge: &Pledge) -> Entry {
    Entry::Made(Made { at: NOW, idevid: pledge.idevid(), reported_by: "line 1".to_owned() })
}

pub(super) fn recorded(pledge: &Pledge, seq: u32) -> Entry {
    Entry::Recorded(Box::new(ProvenanceRecord {
        device: pledge.device(),
        spki: pledge.idevid().spki_digest(),
        seq,
        salt: [9; 16],
        status: brski_common::provenance::Status::Valid,
        report: None,
        supersedes: None,
        reported_by: "line 1".to_owned(),
        recorded_at: NOW,
        findings: Vec::new(),
        origin: origin(),
    }))
}

pub(super) fn vouched(pledge: &Pledge, nonce: Option<Nonce>) -> Entry {
    Entry::Vouched(Vouched {
        device: pledge.device(),
        at: later(5),
        domain: DomainId::new([1, 2, 3]).unwrap(),
        pin: SpkiDigest([4; 32]),
        registrar: SpkiDigest([5; 32]),
        nonce,
        assertion: Assertion::Proximity,
        expires_on: Some(later(6)),
        content: None,
        by: None,
    })
}

fn stated(pledge: &Pledge, seq: u32) -> Entry {
    Entry::Stated(Stated { device: pledge.device(), seq, level: Some(Disclosure::Public), statement: Signed::from_wire(Format::Cose, [1, 2, 3]) })
}

fn standing(pledge: &Pledge, blocked: Option<&str>) -> Entry {
    Entry::Standing(Standing { device: pledge.device(), at: NOW, blocked: blocked.map(str::to_owned), by: Some("jane".to_owned()) })
}

pub(super) fn conflict<T: core::fmt::Debug>(outcome: Result<T, LedgerError>) -> Unique {
    match outcome.unwrap_err() {
        LedgerError::Conflict { what, .. } => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_device_of_a_serial_number_is_found() {
    let maker = Maker::new();
    let subject = brski_common::issuing::Subject::serial_number(&crate::testing::serial("JADA123"));
    let (pledge, other, namesake) = (maker.pledge("JADA123"), maker.pledge("JADA1234"), Pledge(maker.root.issue(subject, |template| template)));
    let mut both = [namesake.device(), pledge.device()];
    both.sort_unstable_by(|one, other| one.issuer.cmp(&other.issuer));
    each(|ledger| {
        block_on(ledger.append(vec![made(&pledge), made(&namesake), made(&other)])).unwrap();
        assert_eq!(block_on(ledger.devices(&pledge.device().serial)).unwrap(), both);
        assert_eq!(block_on(ledger.devices(&crate::testing::serial("JADA12"))).unwrap(), []);
    });
}

#[test]
fn everything_appended_is_in_the_history() {
    let pledge = Maker::new().pledge("JADA123");
    let entries =
        [made(&pledge), recorded(&pledge, 0), stated(&pledge, 0), vouched(&pledge, Some(nonce(1))), vouched(&pledge, None), standing(&pledge, Some("stolen"))];
    each(|ledger| {
        assert_eq!(block_on(ledger.append(entries.to_vec())).unwrap(), 1..7);
        let expected = History::build((1..).zip(entries.to_vec()), [], false);
        assert_eq!(block_on(ledger.history(&pledge.device())).unwrap(), expected);
    });
}

#[test]
fn every_kind_of_entry_survives_its_octets() {
    let pledge = Maker::new().pledge("JADA123");
    let pinning = |pinned| match vouched(&pledge, None) {
        Entry::Vouched(vouched) => Entry::Vouched(Vouched { content: Some(VoucherContent { pinned, names_issuer: true }), ..vouched }),
        other => other,
    };
    let pins = [Pinned::Certificate(pledge.0.certificate.clone()), Pinned::Key(vec![1, 2]), Pinned::KeyHash].map(&pinning);
    let others = [made(&pledge), recorded(&pledge, 3), stated(&pledge, 3), vouched(&pledge, Some(nonce(1))), vouched(&pledge, None), standing(&pledge, None)];
    let by = |entry: Entry| match entry {
        Entry::Vouched(vouched) => Entry::Vouched(Vouched { by: Some("jane".to_owned()), ..vouched }),
        other => other,
    };
    let on_the_word_of = [vouched(&pledge, None), pinning(Pinned::KeyHash)].map(by);
    for entry in pins.into_iter().chain(others).chain(on_the_word_of) {
        assert_eq!(Entry::from_octets(entry.kind(), &entry.to_octets().unwrap()), Ok(entry));
    }
}

#[test]
fn nothing_stands_in_the_place_of_a_vouchers_content_unless_a_name_follows() {
    let mut octets = vouched(&Maker::new().pledge("JADA123"), None).to_octets().unwrap();
    assert_eq!(octets[0], 0x8a);
    // One field more, null.
    octets[0] += 1;
    octets.push(0xf6);
    assert!(Entry::from_octets("vouched", &octets).is_err());
}

#[test]
fn entry_filed_under_another_kind_or_cut_short_is_not_read() {
    let pledge = Maker::new().pledge("JADA123");
    let octets = standing(&pledge, None).to_octets().unwrap();
    assert!(Entry::from_octets("vouched", &octets).is_err());
    for end in 0..octets.len() {
        assert!(Entry::from_octets("standing", &octets[..end]).is_err());
    }
}

#[test]
fn unknown_device_has_no_history_and_takes_no_entries() {
    let pledge = Maker::new().pledge("JADA123");
    each(|ledger| {
        assert_eq!(block_on(ledger.history(&pledge.device())).unwrap(), None);
        let outcome = block_on(ledger.append(vec![vouched(&pledge, None)]));
        assert!(matches!(outcome, Err(LedgerError::UnknownDevice(device)) if device == pledge.device()));
    });
}

#[test]
fn device_is_made_once() {
    let maker = Maker::new();
    let (first, second) = (maker.pledge("JADA123"), maker.pledge("JADA123"));
    each(|ledger| {
        block_on(ledger.append(vec![made(&first)])).unwrap();
        assert_eq!(conflict(block_on(ledger.append(vec![made(&second)]))), Unique::Device);
    });
}

#[test]
fn key_belongs_to_one_device_and_the_conflict_says_to_which() {
    let (maker, other) = (Maker::new(), Maker::new());
    let first = maker.pledge("JADA123");
    let certificate = other.issuing.certify(brski_common::issuing::Subject::serial_number(&first.device().serial), &first.0.key, |template| template);
    let twin = Pledge(crate::testing::Entity { certificate, key: first.0.key.clone() });
    each(|ledger| {
        block_on(ledger.append(vec![made(&first)])).unwrap();
        let outcome = block_on(ledger.append(vec![made(&twin)]));
        assert!(matches!(outcome, Err(LedgerError::Conflict { what: Unique::PublicKey, device }) if device == first.device()));
    });
}

#[test]
fn nonce_record_and_statement_occur_once_for_a_device() {
    let maker = Maker::new();
    let (pledge, other) = (maker.pledge("JADA123"), maker.pledge("JADA124"));
    each(|ledger| {
        let entries = |pledge| vec![recorded(pledge, 0), stated(pledge, 0), vouched(pledge, Some(nonce(1))), vouched(pledge, None)];
        block_on(ledger.append([vec![made(&pledge), made(&other)], entries(&pledge), entries(&other)].concat())).unwrap();
        assert_eq!(conflict(block_on(ledger.append(vec![recorded(&pledge, 0)]))), Unique::Record);
        assert_eq!(conflict(block_on(ledger.append(vec![stated(&pledge, 0)]))), Unique::Statement);
        assert_eq!(conflict(block_on(ledger.append(vec![vouched(&pledge, Some(nonce(1)))]))), Unique::Nonce);
        block_on(ledger.append(vec![vouched(&pledge, None), vouched(&pledge, Some(nonce(2))), recorded(&pledge, 1)])).unwrap();
    });
}

#[test]
fn append_that_contradicts_itself_leaves_nothing_behind_and_no_gap() {
    let maker = Maker::new();
    let (pledge, other) = (maker.pledge("JADA123"), maker.pledge("JADA124"));
    each(|ledger| {
        assert_eq!(conflict(block_on(ledger.append(vec![made(&pledge), recorded(&pledge, 0), recorded(&pledge, 0)]))), Unique::Record);
        assert_eq!(block_on(ledger.history(&pledge.device())).unwrap(), None);
        assert_eq!(block_on(ledger.append(vec![made(&other)])).unwrap(), 1..2);
        // What the refused append claimed is free again.
        assert_eq!(block_on(ledger.append(vec![made(&pledge)])).unwrap(), 2..3);
    });
}

#[test]
fn serial_number_under_two_issuers_is_shared() {
    let (maker, other) = (Maker::new(), Maker::new());
    let (pledge, namesake, unique) = (maker.pledge("JADA123"), other.pledge("JADA123"), maker.pledge("JADA124"));
    each(|ledger| {
        block_on(ledger.append(vec![made(&pledge), made(&unique)])).unwrap();
        assert!(!block_on(ledger.history(&pledge.device())).unwrap().unwrap().serial_is_shared());
        block_on(ledger.append(vec![made(&namesake)])).unwrap();
        assert!(block_on(ledger.history(&pledge.device())).unwrap().unwrap().serial_is_shared());
        assert!(!block_on(ledger.history(&unique.device())).unwrap().unwrap().serial_is_shared());
    });
}

#[test]
fn of_contradicting_appends_at_once_exactly_one_wins() {
    let pledge = Maker::new().pledge("JADA123");
    each(|ledger| {
        block_on(ledger.append(vec![made(&pledge)])).unwrap();
        let append = || block_on(ledger.append(vec![vouched(&pledge, Some(nonce(1)))]));
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(append)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 15));
        assert!(lost.into_iter().all(|outcome| conflict(outcome) == Unique::Nonce));
        assert_eq!(block_on(ledger.history(&pledge.device())).unwrap().unwrap().vouched().len(), 1);
    });
}

#[test]
fn newest_standing_counts() {
    let pledge = Maker::new().pledge("JADA123");
    let blocked = |standings: &[Option<&str>]| {
        let entries = core::iter::once(made(&pledge)).chain(standings.iter().map(|blocked| standing(&pledge, *blocked)));
        History::build((1..).zip(entries), [], false).unwrap().blocked()
    };
    assert_eq!(blocked(&[Some("stolen")]), Some("stolen".to_owned()));
    assert_eq!(blocked(&[Some("stolen"), None]), None);
}

#[test]
fn statement_about_an_older_record_is_not_given_for_a_newer_one() {
    let pledge = Maker::new().pledge("JADA123");
    let entries = [made(&pledge), recorded(&pledge, 0), stated(&pledge, 0), recorded(&pledge, 1)];
    assert_eq!(History::build((1..).zip(entries), [], false).unwrap().statement(Disclosure::Public), None);
}

#[test]
fn statement_about_an_older_record_does_not_hide_that_of_the_newer_one() {
    let pledge = Maker::new().pledge("JADA123");
    let newer = Signed::from_wire(Format::Cose, [4, 5, 6]);
    let stated_1 = Entry::Stated(Stated { device: pledge.device(), seq: 1, level: Some(Disclosure::Public), statement: newer.clone() });
    let entries = [made(&pledge), recorded(&pledge, 0), recorded(&pledge, 1), stated_1, stated(&pledge, 0)];
    assert_eq!(History::build((1..).zip(entries), [], false).unwrap().statement(Disclosure::Public), Some(&newer));
}

/// A ledger that looks nothing up of itself.
struct Plain(Arc<dyn Ledger>);

impl Ledger for Plain {
    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<Range<u64>, LedgerError>> {
        self.0.append(entries)
    }

    fn history<'a>(&'a self, device: &'a DeviceId) -> BoxFuture<'a, Result<Option<History>, LedgerError>> {
        self.0.history(device)
    }

    fn devices<'a>(&'a self, serial: &'a brski_common::SerialNumber) -> BoxFuture<'a, Result<Vec<DeviceId>, LedgerError>> {
        self.0.devices(serial)
    }

    fn entries(&self, from: u64, most: usize) -> BoxFuture<'_, Result<Vec<(u64, Entry)>, LedgerError>> {
        self.0.entries(from, most)
    }

    fn head(&self) -> BoxFuture<'_, Result<TreeHead, LedgerError>> {
        self.0.head()
    }

    fn inclusion(&self, index: u64, size: u64) -> BoxFuture<'_, Result<Vec<Hash>, LedgerError>> {
        self.0.inclusion(index, size)
    }

    fn consistency(&self, old: u64, new: u64) -> BoxFuture<'_, Result<Vec<Hash>, LedgerError>> {
        self.0.consistency(old, new)
    }
}

#[test]
fn holder_of_a_key_is_found_whether_a_ledger_looks_it_up_or_reads_all() {
    let maker = Maker::new();
    let (one, other) = (maker.pledge("JADA1"), maker.pledge("JADA2"));
    each(|ledger| {
        block_on(ledger.append(vec![made(&one), recorded(&one, 0)])).unwrap();
        for ledger in [Arc::clone(ledger), Arc::new(Plain(Arc::clone(ledger)))] {
            let holder = |pledge: &Pledge| block_on(ledger.holder(&pledge.idevid().spki_digest())).unwrap();
            assert_eq!((holder(&one), holder(&other)), (Some(one.device()), None));
        }
    });
}
