//! `trust add --certificate`, `trust show`, `trust remove`, `trust update`, `trust pending`, and what the configuration says otherwise than a profile.

use serde_json::{Value, json};

use super::support::Folder;
use super::trust::{names, owner_with_profile};
use super::{owner, registrar};

const CA: &str = "registrar/certificates/domain-ca.pem";

fn json_of(folder: &Folder, arguments: &[&str]) -> Value {
    serde_json::from_str(&registrar(folder, &[arguments, &["-o", "json"]].concat()).ok()).unwrap()
}

#[test]
fn manufacturer_is_accepted_by_the_fingerprint_of_its_certificate() {
    let folder = owner();
    let add = ["trust", "add", "--name", "Example Switches", "--certificate", CA, "--masa-url", "masa.example.com", "--sn-of-pid"];
    let error = registrar(&folder, &add).error();
    let certificates = brski_common::Certificate::all_from_pem(&folder.read(CA)).unwrap();
    assert!(error.contains(&format!("--fingerprint {} once", certificates[0].fingerprint())), "{error}");

    let shown = json_of(&folder, &[&add[..], &["--fingerprint", &certificates[0].fingerprint()]].concat());
    assert_eq!((&shown["name"], &shown["serial-source"]), (&json!("Example Switches"), &json!("sn-of-pid")));
    assert_eq!(names(&folder), ["Example Switches"]);
    assert_eq!(json_of(&folder, &["trust", "show", "Example Switches"])["masa-url"], "https://masa.example.com/.well-known/brski");
}

#[test]
fn certificate_with_another_fingerprint_is_refused() {
    let folder = owner();
    let error = registrar(&folder, &["trust", "add", "--name", "x", "--certificate", CA, "--fingerprint", "abc"]).error();
    assert!(error.contains("domain-ca.pem: its SHA-256 is ") && error.ends_with("nothing was accepted"), "{error}");
    assert_eq!(names(&folder), [""; 0]);
}

#[test]
fn certificate_without_a_name_for_its_manufacturer_is_a_wrong_command_line() {
    assert_eq!(registrar(&owner(), &["trust", "add", "--certificate", CA, "--yes"]).code, Some(2));
}

#[test]
fn removed_manufacturer_is_accepted_no_longer() {
    let folder = owner_with_profile();
    registrar(&folder, &["trust", "add", "--yes", "profile.toml"]).ok();
    assert!(registrar(&folder, &["trust", "remove", "Example Devices"]).error().contains("--yes"));
    let removed = registrar(&folder, &["trust", "remove", "--yes", "Example Devices"]);
    assert!(removed.stderr.contains("its devices are refused"), "{}", removed.stderr);
    removed.ok();
    assert_eq!(names(&folder), [""; 0]);
    assert!(registrar(&folder, &["trust", "show", "Example Devices"]).error().contains("no manufacturer called 'Example Devices' is accepted"));
}

#[test]
fn unsigned_profile_is_no_update() {
    let folder = owner_with_profile();
    registrar(&folder, &["trust", "add", "--yes", "profile.toml"]).ok();
    folder.edit("profile.toml", "masa.example.com", "masa.example.org");
    assert!(registrar(&folder, &["trust", "update", "profile.toml"]).error().contains("profile.toml: is not signed"));
}

#[test]
fn nobody_waits_where_strangers_are_refused() {
    let folder = owner();
    let pending = registrar(&folder, &["trust", "pending"]);
    assert!(pending.stderr.contains("unknown-manufacturers"), "{}", pending.stderr);
    assert_eq!(pending.ok(), "");
    let key = "0".repeat(64);
    let error = registrar(&folder, &["trust", "add", "--name", "x", "--pending", &key, "--yes"]).error();
    assert!(error.contains("no pledge of an unknown manufacturer waits whose key is"), "{error}");
}

#[test]
fn owners_word_on_a_manufacturer_is_read_and_checked() {
    let folder = owner_with_profile();
    registrar(&folder, &["trust", "add", "--yes", "profile.toml"]).ok();
    let config = folder.read("registrar/registrar.toml");
    let with = |more: &str| {
        folder.write("registrar/registrar.toml", format!("{config}\n{more}"));
        registrar(&folder, &["config", "check", "-o", "json"])
    };
    let full = "[manufacturers.\"Example Devices\"]\nmasa-url = \"masa.example.net\"\nignore-idevid-expiry = true\nserial-source = \"sn-of-pid\"\n\
                voucher-policy = \"1.3.6.1.4.1.32473.1\"\nleniencies = {voucher-cose-cbor = true}\n";
    let report: Value = serde_json::from_str(&with(full).ok()).unwrap();
    assert_eq!(report["leniencies"]["Example Devices"], json!(["idevid-issuer-forms", "voucher-cose-cbor"]));
    assert!(with("[manufacturers.\"Nobody\"]\n").error().contains("'Nobody' is no manufacturer with a profile"));
    assert!(with("[manufacturers.\"Example Devices\"]\nmasa-url = \"a b\"\n").error().contains("field manufacturers.\"Example Devices\".masa-url"));
    let twice = format!("{full}[leniencies.\"Example Devices\"]\nbase64-body = true\n");
    assert!(with(&twice).error().contains("are given twice"));
}

/// A manufacturer's profile, and the same signed, with a provenance key of the domain's CA standing in for the manufacturer's.
fn signed(folder: &Folder, file: &str, more: &str) {
    use brski_common::{Certificate, Format, ProfileText, SigningParty, SoftwareKey};
    let text = ProfileText::new(folder.read("profile.toml") + more).unwrap();
    let chain = Certificate::all_from_pem(&folder.read(CA)).unwrap();
    let key = SoftwareKey::from_pem(&folder.read("registrar/keys/domain-ca.pem")).unwrap();
    let party = SigningParty::with_chain(chain, std::sync::Arc::new(key));
    let mut sealing = core::pin::pin!(party.seal(&text, Format::Cms));
    let core::task::Poll::Ready(sealed) = sealing.as_mut().poll(&mut core::task::Context::from_waker(core::task::Waker::noop())) else {
        panic!("a key in memory signs at once")
    };
    std::fs::write(folder.path(file), sealed.unwrap().wire()).unwrap();
}

#[test]
fn signed_profile_under_an_accepted_anchor_is_an_update_without_fingerprint_and_none_that_is_older() {
    let folder = owner_with_profile();
    signed(&folder, "first.p7m", "\nissued-at = \"2026-05-01T00:00:00Z\"\n");
    signed(&folder, "older.p7m", "\nissued-at = \"2026-04-01T00:00:00Z\"\n");
    signed(&folder, "newer.p7m", "\nissued-at = \"2026-06-01T00:00:00Z\"\nserial-source = \"sn-of-pid\"\n");
    assert!(registrar(&folder, &["trust", "add", "first.p7m"]).error().contains("--fingerprint"));
    registrar(&folder, &["trust", "add", "--yes", "first.p7m"]).ok();
    assert_eq!(json_of(&folder, &["trust", "update", "newer.p7m"])["serial-source"], "sn-of-pid");
    assert!(registrar(&folder, &["trust", "update", "older.p7m"]).error().contains("was written 2026-04-01T00:00:00Z, before the accepted one"));
    assert!(registrar(&folder, &["trust", "update", "--allow-older", "older.p7m"]).ok().contains("Example Devices"));
}

#[test]
fn update_that_was_signed_by_somebody_else_is_refused() {
    let folder = owner_with_profile();
    registrar(&folder, &["trust", "add", "--yes", "profile.toml"]).ok();
    let accepted = folder.read("registrar/trust/Example+Devices.toml");
    registrar(&folder, &["init", "--dir", "evil"]).ok();
    for file in ["certificates/domain-ca.pem", "keys/domain-ca.pem"] {
        std::fs::copy(folder.path(&format!("evil/{file}")), folder.path(&format!("registrar/{file}"))).unwrap();
    }
    // It names its own signer, as anybody's profile would.
    super::trust::write_profile_around(&folder, "profile.toml", "Example Devices", CA);
    signed(&folder, "evil.p7m", "\nissued-at = \"2027-01-01T00:00:00Z\"\n");
    let error = registrar(&folder, &["trust", "update", "evil.p7m"]).error();
    assert!(error.contains("is not signed under an anchor that was accepted before"), "{error}");
    assert_eq!(folder.read("registrar/trust/Example+Devices.toml"), accepted);
}

/// Leaves what a pledge of the domain's own CA presented as if it waited; its key, and the CA's fingerprint.
fn stranger(folder: &Folder, with_issuer: bool) -> (String, String) {
    use brski_common::issuing::{Subject, Template, never};
    use brski_common::{Certificate, PeerCertificates, SerialNumber, SignatureAlgorithm, Signer as _, SoftwareKey, UnixTime};
    use brski_registrar::trust::{Stranger, Strangers};
    let ca = Certificate::all_from_pem(&folder.read(CA)).unwrap().swap_remove(0);
    let ca_key = SoftwareKey::from_pem(&folder.read("registrar/keys/domain-ca.pem")).unwrap();
    let (key, serial, now) = (SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().0, SerialNumber::new("JADA1").unwrap(), UnixTime::now());
    let template = Template::new(Subject::serial_number(&serial), key.public_key(), [7; 16], ca.not_before(), never());
    let mut issuing = core::pin::pin!(template.issued_by(&ca, &ca_key));
    let core::task::Poll::Ready(issued) = issuing.as_mut().poll(&mut core::task::Context::from_waker(core::task::Waker::noop())) else {
        panic!("a key in memory signs at once")
    };
    let own = issued.unwrap();
    let (digest, fingerprint) = (own.spki_digest(), ca.fingerprint());
    let chain = if with_issuer { vec![own, ca.clone()] } else { vec![own] };
    let stranger = Stranger::new(digest, serial, &PeerCertificates(chain), now).unwrap();
    Strangers::in_folder(folder.path("registrar/unknown-pledges")).keep(stranger).unwrap();
    (digest.to_string(), fingerprint)
}

#[test]
fn manufacturer_of_a_waiting_pledge_is_accepted_by_the_fingerprint_of_the_ca_that_it_presented() {
    let folder = owner();
    let (key, fingerprint) = stranger(&folder, true);
    let pending = json_of(&folder, &["trust", "pending"]);
    assert_eq!((&pending["key"], &pending["serial"], &pending["issuer-sha256"]), (&json!(key), &json!("JADA1"), &json!(fingerprint)));

    let add = ["trust", "add", "--name", "Newcomer", "--pending", &key];
    assert!(registrar(&folder, &add).error().contains(&format!("--fingerprint {fingerprint} once")));
    assert!(registrar(&folder, &[&add[..], &["--fingerprint", "abc"]].concat()).error().ends_with("nothing was accepted"));
    registrar(&folder, &[&add[..], &["--fingerprint", &fingerprint]].concat()).ok();
    assert_eq!(names(&folder), ["Newcomer"]);
    // It waits for nobody any more.
    assert_eq!(registrar(&folder, &["trust", "pending"]).ok(), "");
}

#[test]
fn pledge_that_presented_no_ca_shows_nobody_to_accept() {
    let folder = owner();
    let (key, _) = stranger(&folder, false);
    assert_eq!(json_of(&folder, &["trust", "pending"])["issuer-sha256"], Value::Null);
    let error = registrar(&folder, &["trust", "add", "--name", "Newcomer", "--pending", &key, "--yes"]).error();
    assert!(error.contains("none of a CA above it"), "{error}");
}
