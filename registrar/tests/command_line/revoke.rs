//! `revoke` and `recheck`, on a store in which one pledge is enrolled.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use brski_common::time::at;
use brski_common::{SerialNumber, SpkiDigest, UnixTime};
use brski_registrar::trail::{CertificateId, Event, IssuedCertificate, Issuer, Subject, What};
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

fn id(serial: &str) -> CertificateId {
    CertificateId { serial: serial.to_owned(), issuer: None }
}

fn pledges(folder: &Folder) -> SqlitePledges {
    SqlitePledges::open(folder.path("registrar/pledges.sqlite")).unwrap()
}

fn issue(folder: &Folder, key: u8, certificate: &str) {
    issue_by(folder, key, certificate, None);
}

fn issue_by(folder: &Folder, key: u8, certificate: &str, issuer: Option<Issuer>) {
    let now = UnixTime::now();
    let pledge = Subject { key: SpkiDigest([key; 32]), serial: SerialNumber::new("JADA1").unwrap(), manufacturer: "Maker".to_owned() };
    let not_after = at(now.as_secs() + 86_400);
    let certificate = IssuedCertificate { serial: certificate.to_owned(), issuer, key: SpkiDigest([key + 1; 32]), sha256: "00".repeat(32), not_after };
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

/// What whoever revokes hears of an LDevID that an older version wrote down.
fn of_unknown_issuer(ldevid: &str) -> String {
    format!(
        "JADA1: revoked by jane\n  LDevID {ldevid} is on every CRL of this registrar from now on, since its issuer is not on record: if another CA issued it, such as an EST server or a \
         former CA without a CRL here, that CA has to be told by hand to revoke serial number {ldevid}\n"
    )
}

#[test]
fn revoked_ldevid_is_on_record_with_who_and_why() {
    let folder = enrolled();
    assert_eq!(revoke(&folder, &[]).ok(), of_unknown_issuer(LDEVID));
    assert!(block_on(pledges(&folder).is_revoked(id(LDEVID))).unwrap());
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
    assert_eq!([LDEVID, "00ce00"].map(|certificate| block_on(store.is_revoked(id(certificate))).unwrap()), [false, true]);
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
fn recheck_is_an_event_of_the_trail() {
    let folder = owner();
    registrar(&folder, &["recheck"]).ok();
    let exported: serde_json::Value = serde_json::from_str(registrar(&folder, &["audit", "export"]).ok().trim_end()).unwrap();
    let what = &exported["event"]["what"];
    assert_eq!((&what["event"], &what["devices"], &what["by"]["via"]["way"]), (&"rechecked".into(), &0.into(), &"command-line".into()), "{exported}");
}

#[test]
fn pledge_is_named_by_the_beginning_of_its_key_as_well() {
    let folder = enrolled();
    issue(&folder, 3, "00ce00");
    let told = registrar(&folder, &["revoke", "--reason", "superseded", "--why", "x", "--by", "jane", "03030303"]).ok();
    assert_eq!(told, of_unknown_issuer("00ce00"));
}

#[test]
fn namesake_that_was_never_enrolled_is_not_meant() {
    let folder = enrolled();
    super::append(&folder, [super::held("JADA1", 7, "Other", 60)]);
    assert_eq!(revoke(&folder, &[]).ok(), of_unknown_issuer(LDEVID));
}

/// An LDevID of a CA whose key is not here.
fn of_another_ca() -> Folder {
    let folder = owner();
    let issuer = Issuer { name: "CN=Upstream CA".to_owned(), sha256: SpkiDigest([9; 32]) };
    issue_by(&folder, 1, LDEVID, Some(issuer));
    folder
}

#[test]
fn ca_elsewhere_has_to_be_told_by_hand_with_what_to_tell_it() {
    let said = revoke(&of_another_ca(), &[]).ok();
    let told = format!(
        "JADA1: revoked by jane\n  LDevID {LDEVID} is no longer accepted by this registrar, which makes no CRL for its CA: that CA has to be told by hand to revoke serial number \
         {LDEVID}, issuer CN=Upstream CA\n"
    );
    assert_eq!(said, told);
    let json: serde_json::Value = serde_json::from_str(&revoke(&of_another_ca(), &["-o", "json"]).ok()).unwrap();
    assert_eq!(json["to-tell"], serde_json::json!([{ "serial": LDEVID, "issuer": "CN=Upstream CA" }]));
}

#[test]
fn ca_that_is_not_on_record_may_have_to_be_told() {
    let json: serde_json::Value = serde_json::from_str(&revoke(&enrolled(), &["-o", "json"]).ok()).unwrap();
    assert_eq!(json["to-tell"], serde_json::json!([{ "serial": LDEVID, "issuer": "not on record" }]));
}

#[test]
fn est_server_has_to_be_told_of_whatever_is_revoked() {
    let folder = enrolled();
    let est = "[ca]\nkind = \"est\"\nurl = \"https://est.example.net:8443\"\nanchors = [\"certificates/root-ca.pem\"]\ncertificates = \"certificates/domain-ca.pem\"\n";
    folder.edit("registrar/registrar.toml", "[domain-ca]\ncertificate = \"certificates/domain-ca.pem\"\nkey = \"keys/domain-ca.pem\"\n", est);
    let said = revoke(&folder, &[]).ok();
    assert!(said.contains("that CA has to be told by hand") && !said.contains("is on the CRL"), "{said}");
}

#[test]
fn ldevid_of_the_ca_here_is_on_the_crl() {
    let folder = owner();
    let ca = brski_common::Certificate::all_from_pem(&folder.read("registrar/certificates/domain-ca.pem")).unwrap().remove(0);
    issue_by(&folder, 1, LDEVID, Some(Issuer { name: ca.subject().to_owned(), sha256: Issuer::digest_of_ca(&ca) }));
    assert!(revoke(&folder, &[]).ok().contains(&format!("LDevID {LDEVID} is on the CRL from now on (issuer CN=Example Domain domain CA")));
    issue_by(&folder, 1, "0a", Some(Issuer { name: ca.subject().to_owned(), sha256: Issuer::digest_of_ca(&ca) }));
    let json: serde_json::Value = serde_json::from_str(&revoke(&folder, &["-o", "json"]).ok()).unwrap();
    assert_eq!((json["certificates"].clone(), json.get("to-tell")), (serde_json::json!(["0a"]), None));
}
