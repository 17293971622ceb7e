//! The trail and what follows from it.

use brski_common::SerialNumber;
use brski_common::log::{Frontier, leaf_hash};
use brski_common::time::at;

use super::*;
use crate::approval::Person;
use crate::trail::{CertificateId, IssuedCertificate, Issuer, Subject, What};

fn subject(octet: u8, serial: &str) -> Subject {
    Subject { key: SpkiDigest([octet; 32]), serial: SerialNumber::new(serial).unwrap(), manufacturer: "Maker".to_owned() }
}

fn refused(octet: u8, serial: &str, secs: u64) -> Event {
    let what = What::Refused { request: None, sentence: "rule 'no' refuses it".to_owned(), decision: None, withdrawn: false };
    Event { at: at(secs), pledge: Some(subject(octet, serial)), what }
}

fn strangers(secs: u64) -> Event {
    Event { at: at(secs), pledge: None, what: What::Strangers { sentence: "no path".to_owned(), count: 1 } }
}

fn issuer(octet: u8) -> Issuer {
    Issuer { name: format!("CN=CA {octet}"), sha256: SpkiDigest([octet; 32]) }
}

fn id(serial: &str, issuer: Option<u8>) -> CertificateId {
    CertificateId { serial: serial.to_owned(), issuer: issuer.map(|octet| SpkiDigest([octet; 32])) }
}

/// The same of this CA.
fn of(event: Event, ca: u8) -> Event {
    let mut event = event;
    match &mut event.what {
        What::Issued { certificate, .. } => certificate.issuer = Some(issuer(ca)),
        What::Revoked { issuer: of, .. } => *of = Some(issuer(ca)),
        other => panic!("{other:?}"),
    }
    event
}

fn issued(octet: u8, certificate: &str, secs: u64, not_after: u64) -> Event {
    let (serial, not_after) = (certificate.to_owned(), at(not_after));
    let certificate = IssuedCertificate { serial, issuer: None, key: SpkiDigest([octet; 32]), sha256: "ab".to_owned(), not_after };
    Event { at: at(secs), pledge: Some(subject(octet, "A")), what: What::Issued { certificate, renewal: false, decision: None } }
}

fn revoked(octet: u8, certificate: &str, secs: u64) -> Event {
    let by = Person::new("ann", "stolen", at(secs));
    let what = What::Revoked { certificate: certificate.to_owned(), issuer: None, reason: RevocationReason::KeyCompromise, by, withdrawn: false };
    Event { at: at(secs), pledge: Some(subject(octet, "A")), what }
}

fn note(store: &dyn PledgeStore, events: impl IntoIterator<Item = Event>) {
    events.into_iter().for_each(|event| block_on(store.note(event)).unwrap());
}

fn serials(store: &dyn PledgeStore, query: Query) -> Vec<String> {
    block_on(store.files(query)).unwrap().iter().map(|file| file.pledge.serial.to_string()).collect()
}

#[test]
fn head_is_over_all_events_as_they_are_handed_out() {
    with_each_store(|store| {
        let mut tree = Frontier::new();
        assert_eq!(block_on(store.head()).unwrap(), TrailHead { size: 0, root: tree.root() });
        note(store, [refused(1, "A", 1), strangers(2), refused(2, "B", 3)]);
        for octets in block_on(store.events(0, 9)).unwrap() {
            drop(tree.append(leaf_hash(&octets)));
        }
        assert_eq!(block_on(store.head()).unwrap(), TrailHead { size: 3, root: tree.root() });
    });
}

#[test]
fn events_are_handed_out_from_any_number_on() {
    with_each_store(|store| {
        note(store, (0..5).map(strangers));
        let times = |from, limit| {
            let events = block_on(store.events(from, limit)).unwrap();
            events.iter().map(|octets| serde_json::from_slice::<Event>(octets).unwrap().at.as_secs()).collect::<Vec<_>>()
        };
        assert_eq!((times(0, 2), times(3, 9), times(5, 9), times(u64::MAX, 9)), (vec![0, 1], vec![3, 4], vec![], vec![]));
    });
}

#[test]
fn history_is_the_last_events_of_one_pledge_with_their_numbers() {
    with_each_store(|store| {
        note(store, [refused(1, "A", 1), strangers(2), refused(2, "B", 3), refused(1, "A", 4), refused(1, "A", 5)]);
        let history = |limit| block_on(store.history(SpkiDigest([1; 32]), limit)).unwrap();
        assert_eq!(history(9), [(0, refused(1, "A", 1)), (3, refused(1, "A", 4)), (4, refused(1, "A", 5))]);
        assert_eq!(history(1), [(4, refused(1, "A", 5))]);
    });
}

#[test]
fn files_are_found_by_state_serial_number_key_and_time() {
    with_each_store(|store| {
        note(store, [refused(0x1a, "A", 1), refused(0x1b, "B", 2), issued(0x2c, "01", 3, 9), refused(0x2d, "B", 4)]);
        let query = Query::default;
        assert_eq!(serials(store, query()), ["B", "A", "B", "A"]);
        assert_eq!(serials(store, Query { limit: 1, ..query() }), ["B"]);
        assert_eq!(serials(store, Query { state: Some(State::Enrolled), ..query() }), ["A"]);
        assert_eq!(serials(store, Query { serial: Some("B".to_owned()), ..query() }), ["B", "B"]);
        assert_eq!(serials(store, Query { before: Some(Mark::at(at(3), None)), ..query() }), ["B", "A"]);
        for (key, expected) in [("1", vec!["B", "A"]), ("1B1B1", vec!["B"]), ("1a1a", vec!["A"]), ("3", vec![]), ("xyz", vec![])] {
            assert_eq!(serials(store, Query { key: Some(key.to_owned()), ..query() }), expected, "{key}");
        }
    });
}

#[test]
fn page_after_page_shows_each_file_once_though_many_were_seen_in_one_second() {
    with_each_store(|store| {
        note(store, [3, 1, 4, 2, 5].map(|octet| refused(octet, &format!("A{octet}"), 7)));
        note(store, [refused(9, "A9", 6), refused(8, "A8", 8)]);
        let (mut shown, mut before) = (Vec::new(), None);
        loop {
            let page = block_on(store.files(Query { before, limit: 2, ..Query::default() })).unwrap();
            let Some(last) = page.last() else { break };
            before = Some(Mark::of(last));
            shown.extend(page.iter().map(|file| file.pledge.serial.to_string()));
        }
        assert_eq!(shown, ["A8", "A1", "A2", "A3", "A4", "A5", "A9"]);
    });
}

#[test]
fn revoked_ldevid_is_listed_until_it_expires_and_known_for_good() {
    with_each_store(|store| {
        note(store, [issued(1, "01", 1, 100), issued(1, "02", 2, 100), revoked(1, "01", 3)]);
        let listed = |now| block_on(store.revocations(at(now))).unwrap();
        assert_eq!(listed(100), [Revocation { certificate: id("01", None), at: at(3), reason: RevocationReason::KeyCompromise }]);
        assert_eq!(listed(101), []);
        let is_revoked = |certificate: &str| block_on(store.is_revoked(id(certificate, None))).unwrap();
        assert_eq!((is_revoked("01"), is_revoked("02")), (true, false));
    });
}

#[test]
fn ldevid_that_its_file_has_forgotten_can_be_revoked() {
    with_each_store(|store| {
        note(store, (0..101).map(|number| issued(1, &format!("{number:02x}"), number, 1000)));
        note(store, [revoked(1, "00", 200)]);
        assert!(block_on(store.is_revoked(id("00", None))).unwrap());
        assert_eq!(block_on(store.revocations(at(500))).unwrap().len(), 1);
    });
}

#[test]
fn second_revocation_changes_nothing() {
    with_each_store(|store| {
        note(store, [issued(1, "01", 1, 100), revoked(1, "01", 3), revoked(1, "01", 4)]);
        assert_eq!(block_on(store.revocations(at(5))).unwrap()[0].at, at(3));
    });
}

#[test]
fn same_serial_number_of_two_cas_is_two_certificates() {
    with_each_store(|store| {
        note(store, [of(issued(1, "01", 1, 100), 7), of(issued(1, "01", 2, 200), 8), of(revoked(1, "01", 3), 7)]);
        let is_revoked = |certificate| block_on(store.is_revoked(certificate)).unwrap();
        assert_eq!([id("01", Some(7)), id("01", Some(8))].map(is_revoked), [true, false]);
        let file = block_on(store.file(SpkiDigest([1; 32]))).unwrap().unwrap();
        assert_eq!((file.state, file.certificates.iter().map(|filed| filed.revoked.is_some()).collect::<Vec<_>>()), (State::Enrolled, vec![true, false]));
        note(store, [of(revoked(1, "01", 4), 8)]);
        let listed = |now| block_on(store.revocations(at(now))).unwrap().into_iter().map(|revocation| revocation.certificate).collect::<Vec<_>>();
        assert_eq!(listed(100), [id("01", Some(7)), id("01", Some(8))]);
        assert_eq!(listed(101), [id("01", Some(8))]);
    });
}

#[test]
fn revocation_without_an_issuer_on_record_counts_for_every_issuer() {
    with_each_store(|store| {
        note(store, [issued(1, "01", 1, 100), revoked(1, "01", 3)]);
        let is_revoked = |certificate| block_on(store.is_revoked(certificate)).unwrap();
        assert_eq!([id("01", Some(7)), id("01", Some(8)), id("02", Some(7))].map(is_revoked), [true, true, false]);
    });
}
