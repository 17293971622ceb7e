//! `revoke` and `recheck`, on a store in which one pledge is enrolled.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use brski_common::time::at;
use brski_common::{SerialNumber, SpkiDigest, UnixTime};
use brski_registrar::trail::{Event, IssuedCertificate, Subject, What};
use brski_registrar::{PledgeStore as _, SqlitePledges};

use super::support::{Finished, Folder};
use super::{owner, registrar};

const LDEVID: &str = "4d2f8a00c1b2d3e4f5061728394a5b6c";

/// Ends a future that another thread completes.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::yield_now(),
        }
    }
}

fn pledges(folder: &Folder) -> SqlitePledges {
    SqlitePledges::open(folder.path("registrar/pledges.sqlite")).unwrap()
}

fn issue(folder: &Folder, key: u8, certificate: &str) {
    let now = UnixTime::now();
    let pledge = Subject { key: SpkiDigest([key; 32]), serial: SerialNumber::new("JADA1").unwrap(), manufacturer: "Maker".to_owned() };
    let not_after = at(now.as_secs() + 86_400);
    let certificate = IssuedCertificate { serial: certificate.to_owned(), key: SpkiDigest([key + 1; 32]), sha256: "00".repeat(32), not_after };
    let what = What::Issued { certificate, renewal: false, decision: None };
    block_on(pledges(folder).note(Event { at: now, pledge: Some(pledge), what })).unwrap();
}

/// An owner with one pledge that has an LDevID.
fn enrolled() -> Folder {
    let folder = owner();
    issue(&folder, 1, LDEVID);
    folder
}

fn revoke(folder: &Folder, more: &[&str]) -> Finished {
    registrar(folder, &[&["revoke", "--reason", "key-compromise", "--why", "flash was read out", "--by", "jane", "JADA1"], more].concat())
}

#[test]
fn revoked_ldevid_is_on_record_with_who_and_why() {
    let folder = enrolled();
    assert_eq!(revoke(&folder, &[]).ok(), format!("JADA1: revoked by jane\n  LDevID {LDEVID}\n"));
    assert!(block_on(pledges(&folder).is_revoked(LDEVID.to_owned())).unwrap());
    let file = block_on(pledges(&folder).file(SpkiDigest([1; 32]))).unwrap().unwrap();
    let (_, by) = file.certificates[0].revoked.clone().unwrap();
    assert_eq!((by.name.as_str(), by.why.as_str()), ("jane", "flash was read out"));
}

#[test]
fn second_revocation_says_that_there_is_nothing_left() {
    let folder = enrolled();
    revoke(&folder, &[]).ok();
    let error = revoke(&folder, &[]).error();
    assert!(error.contains("JADA1 has no LDevID that is neither expired nor revoked"), "{error}");
}

#[test]
fn pledges_of_one_serial_number_are_told_apart_by_the_certificate() {
    let folder = enrolled();
    issue(&folder, 3, "00ce00");
    let error = revoke(&folder, &[]).error();
    assert!(error.contains("'JADA1' is ambiguous; name the key instead, or the serial number of the LDevID's certificate: "), "{error}");
    revoke(&folder, &["--certificate", "CE:00"]).ok();
    let store = pledges(&folder);
    assert_eq!([LDEVID, "00ce00"].map(|certificate| block_on(store.is_revoked(certificate.to_owned())).unwrap()), [false, true]);
}

#[test]
fn unknown_pledge_and_certificate_are_named() {
    let folder = enrolled();
    let error = revoke(&folder, &["--certificate", "ff"]).error();
    assert!(error.contains("JADA1 has no LDevID with serial number ff"), "{error}");
    let error = registrar(&folder, &["revoke", "--reason", "superseded", "--why", "x", "--by", "jane", "JADA2"]).error();
    assert!(error.contains("no pledge JADA2 is on record"), "{error}");
}

#[test]
fn recheck_of_nobody_is_well() {
    assert_eq!(registrar(&owner(), &["recheck"]).ok(), "");
}

#[test]
fn pledge_is_named_by_the_beginning_of_its_key_as_well() {
    let folder = enrolled();
    issue(&folder, 3, "00ce00");
    let told = registrar(&folder, &["revoke", "--reason", "superseded", "--why", "x", "--by", "jane", "03030303"]).ok();
    assert_eq!(told, "JADA1: revoked by jane\n  LDevID 00ce00\n");
}

#[test]
fn namesake_that_was_never_enrolled_is_not_meant() {
    let folder = enrolled();
    super::append(&folder, [super::held("JADA1", 7, "Other", 60)]);
    assert_eq!(revoke(&folder, &[]).ok(), format!("JADA1: revoked by jane\n  LDevID {LDEVID}\n"));
}
