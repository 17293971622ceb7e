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

/// An owner, and a profile that names for the next one the key with which [`signed`] signs.
fn owner_with_signers_profile() -> Folder {
    let folder = owner_with_profile();
    let signer = brski_common::Certificate::all_from_pem(&folder.read(CA)).unwrap()[0].spki_digest();
    folder.edit("profile.toml", "profile-signers = []", &format!("profile-signers = [\"{signer}\"]"));
    folder
}

/// Why the update was refused: the last line, behind those that tell what it would change.
fn refusal(folder: &Folder, arguments: &[&str]) -> String {
    let finished = registrar(folder, arguments);
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    finished.stderr.lines().last().unwrap().to_owned()
}

fn accepted(folder: &Folder) -> String {
    folder.read("registrar/trust/Example+Devices.toml")
}

#[test]
fn update_by_the_named_key_that_changes_more_than_its_date_shows_that_and_demands_a_yes() {
    let folder = owner_with_signers_profile();
    signed(&folder, "first.p7m", "\nissued-at = \"2026-05-01T00:00:00Z\"\n");
    signed(&folder, "newer.p7m", "\nissued-at = \"2026-06-01T00:00:00Z\"\nserial-source = \"sn-of-pid\"\n");
    assert!(registrar(&folder, &["trust", "add", "first.p7m"]).error().contains("--fingerprint"));
    registrar(&folder, &["trust", "add", "--yes", "first.p7m"]).ok();
    let before = accepted(&folder);
    let asked = registrar(&folder, &["trust", "update", "newer.p7m"]);
    assert!(asked.stderr.contains("- serial numbers: serial-number\n+ serial numbers: sn-of-pid\n- issued-at: 2026-05-01T00:00:00Z\n"), "{}", asked.stderr);
    assert!(
        refusal(&folder, &["trust", "update", "newer.p7m"]).contains("newer.p7m: changes more than its date, and nobody can be asked here: repeat with --yes")
    );
    assert_eq!(accepted(&folder), before);
    assert_eq!(json_of(&folder, &["trust", "update", "--yes", "newer.p7m"])["serial-source"], "sn-of-pid");
}

#[test]
fn update_by_the_named_key_that_changes_its_date_alone_needs_no_answer() {
    let folder = owner_with_signers_profile();
    registrar(&folder, &["trust", "add", "--yes", "profile.toml"]).ok();
    signed(&folder, "dated.p7m", "\nissued-at = \"2026-05-01T00:00:00Z\"\n");
    registrar(&folder, &["trust", "update", "dated.p7m"]).ok();
    assert!(accepted(&folder).ends_with("issued-at = \"2026-05-01T00:00:00Z\"\n"));
    let again = registrar(&folder, &["trust", "update", "dated.p7m"]);
    assert_eq!(again.stderr, "This profile is accepted already; nothing was changed.\n");
    again.ok();
}

#[test]
fn update_that_is_no_newer_or_from_the_future_is_refused() {
    let folder = owner_with_signers_profile();
    signed(&folder, "first.p7m", "\nissued-at = \"2026-05-01T00:00:00Z\"\n");
    signed(&folder, "older.p7m", "\nissued-at = \"2026-04-01T00:00:00Z\"\n");
    signed(&folder, "future.p7m", "\nissued-at = \"9000-01-01T00:00:00Z\"\n");
    assert!(registrar(&folder, &["trust", "add", "--yes", "future.p7m"]).error().contains("which lies in the future here"));
    registrar(&folder, &["trust", "add", "--yes", "first.p7m"]).ok();
    assert!(registrar(&folder, &["trust", "update", "future.p7m"]).error().contains("issued-at of the profile is 9000-01-01T00:00:00Z"));
    assert!(registrar(&folder, &["trust", "update", "older.p7m"]).error().contains("was written 2026-04-01T00:00:00Z, not after the accepted one"));
    assert!(registrar(&folder, &["trust", "update", "--allow-older", "older.p7m"]).ok().contains("Example Devices"));
}

#[test]
fn update_by_a_key_that_the_accepted_profile_does_not_name_needs_its_fingerprint() {
    let folder = owner_with_profile();
    registrar(&folder, &["trust", "add", "--yes", "profile.toml"]).ok();
    let before = accepted(&folder);
    signed(&folder, "dated.p7m", "\nissued-at = \"2026-05-01T00:00:00Z\"\n");
    let found = brski_registrar::Manufacturer::fingerprint(&(folder.read("profile.toml") + "\nissued-at = \"2026-05-01T00:00:00Z\"\n"));
    for arguments in [&["trust", "update", "dated.p7m"][..], &["trust", "update", "--yes", "dated.p7m"]] {
        let error = refusal(&folder, arguments);
        assert!(error.contains("does not name (profile-signers)") && error.contains(&format!("--fingerprint {found} once")), "{error}");
    }
    assert!(registrar(&folder, &["trust", "update", "--fingerprint", "abc", "dated.p7m"]).error().ends_with("not abc; nothing was changed"));
    assert_eq!(accepted(&folder), before);
    registrar(&folder, &["trust", "update", "--fingerprint", &found, "dated.p7m"]).ok();
    assert!(accepted(&folder) != before);
}

#[test]
fn update_that_was_signed_by_somebody_else_is_refused() {
    let folder = owner_with_signers_profile();
    registrar(&folder, &["trust", "add", "--yes", "profile.toml"]).ok();
    let before = accepted(&folder);
    registrar(&folder, &["init", "--dir", "evil"]).ok();
    for file in ["certificates/domain-ca.pem", "keys/domain-ca.pem"] {
        std::fs::copy(folder.path(&format!("evil/{file}")), folder.path(&format!("registrar/{file}"))).unwrap();
    }
    // It names its own signer, as anybody's profile would.
    super::trust::write_profile_around(&folder, "profile.toml", "Example Devices", CA);
    signed(&folder, "evil.p7m", "\nissued-at = \"2026-06-01T00:00:00Z\"\n");
    let error = refusal(&folder, &["trust", "update", "--yes", "evil.p7m"]);
    assert!(error.contains("is signed by a key that the accepted profile does not name"), "{error}");
    assert_eq!(accepted(&folder), before);
}

/// Leaves what a pledge of the domain's own CA presented as if it waited; its key, and the CA's fingerprint.
fn stranger(folder: &Folder, with_issuer: bool) -> (String, String) {
    use brski_common::issuing::{Subject, Template, never};
    use brski_common::{Certificate, PeerCertificates, SerialNumber, SignatureAlgorithm, Signer as _, SoftwareKey, UnixTime};
    use brski_registrar::trust::{Stranger, StrangerFolder};
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
    StrangerFolder::new(folder.path("registrar/unknown-pledges")).write(&stranger).unwrap();
    (digest.to_string(), fingerprint)
}

#[test]
fn manufacturer_of_a_waiting_pledge_is_accepted_by_the_fingerprint_of_the_ca_that_it_presented() {
    let folder = owner();
    let (key, fingerprint) = stranger(&folder, true);
    let pending = json_of(&folder, &["trust", "pending"]);
    assert_eq!((&pending["key"], &pending["serial"], &pending["issuer-sha256"]), (&json!(key), &json!("JADA1"), &json!(fingerprint)));

    // As many digits as a person likes to copy.
    let add = ["trust", "add", "--name", "Newcomer", "--pending", &key[..8].to_uppercase()];
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

#[test]
fn beginning_of_a_key_has_to_tell_one_pledge_from_all_others() {
    let folder = owner();
    let (key, _) = stranger(&folder, true);
    assert_eq!(registrar(&folder, &["trust", "add", "--name", "x", "--pending", &key[..7]]).code, Some(2));
    let path = |key: &str| format!("registrar/unknown-pledges/{key}.json");
    let twin = format!("{}{}", &key[..63], if key.ends_with('0') { "1" } else { "0" });
    folder.write(&path(&twin), folder.read(&path(&key)).replace(&key, &twin));
    let error = registrar(&folder, &["trust", "add", "--name", "x", "--pending", &key[..63], "--yes"]).error();
    assert!(error.contains("2 pledges of unknown manufacturers wait whose key begins with"), "{error}");
    registrar(&folder, &["trust", "add", "--name", "x", "--pending", &key, "--yes"]).ok();
}

#[test]
fn manufacturer_without_tls_anchor_of_its_masa_is_accepted_with_a_warning() {
    let folder = owner();
    let add = |more: &[&str]| registrar(&folder, &[&["trust", "add", "--yes", "--name", "x", "--certificate", CA], more].concat()).stderr;
    let told = "warning: no certificate is given under which the TLS server of its MASA is verified";
    assert!(add(&[]).starts_with(told));
    registrar(&folder, &["trust", "remove", "--yes", "x"]).ok();
    assert!(!add(&["--tls-certificate", CA]).contains(told));
}

#[test]
fn file_that_holds_no_waiting_pledge_is_named_and_hides_no_other() {
    let folder = owner();
    let (key, _) = stranger(&folder, true);
    folder.write("registrar/unknown-pledges/broken.json", "{");
    let pending = registrar(&folder, &["trust", "pending"]);
    assert!(pending.stderr.contains("unknown-pledges/broken.json is no pledge of an unknown manufacturer"), "{}", pending.stderr);
    assert!(pending.ok().contains(&key));
}
