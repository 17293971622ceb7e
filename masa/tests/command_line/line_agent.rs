//! `line-agent pkcs11`: keys that a token made, was given, or lets go, from the request to the statement. The token is SoftHSM's.

use serde_json::{Value, json};

use super::softhsm::{self, MODULE};
use super::support::{Finished, Folder};
use super::{manufacturer, masa};

/// A manufacturer's folder with a token. `None` where there are no tools for one, see [`softhsm::begin`].
fn with_token() -> Option<Folder> {
    let folder = manufacturer();
    if !softhsm::begin(&folder) {
        return None;
    }
    softhsm::write_pin(&folder, "pin.txt");
    for (name, origin) in [("salak", SALAK), ("bamboo", BAMBOO)] {
        folder.write(&format!("{name}.json"), origin);
    }
    Some(folder)
}

fn uri(serial: &str) -> String {
    format!("pkcs11:token=brski;object={serial}?module-path={MODULE}&pin-source=file:pin.txt")
}

/// Runs `request` for the key with this label, with these arguments beside the usual ones.
fn request(folder: &Folder, serial: &str, more: &[&str]) -> Finished {
    let (uri, out) = (uri(serial), format!("{serial}.csr"));
    let usual = ["line-agent", "pkcs11", "request", "--key", &uri, "--serial-number", serial, "--out", &out, "-o", "json"];
    masa(folder, &[&usual, more].concat())
}

/// Has the key requested and certified. What `request` told of it.
fn certified(folder: &Folder, serial: &str, more: &[&str]) -> Value {
    let told = request(folder, serial, more).ok();
    masa(folder, &["issue-idevid", "--csr", &format!("{serial}.csr"), "--out", &format!("{serial}.pem")]).ok();
    serde_json::from_str(&told).unwrap()
}

/// Runs `report` for the key with this label, whose origin is as in this file.
fn report(folder: &Folder, serial: &str, origin: &str) -> Finished {
    let (uri, idevid) = (uri(serial), format!("{serial}.pem"));
    let arguments = ["line-agent", "pkcs11", "report", "--key", &uri, "--idevid", &idevid, "--origin", origin, "--station-key", "masa/keys/station-1.pem"];
    masa(folder, &arguments)
}

/// The same, refused: the one sentence about it. Nothing is signed.
fn refused(folder: &Folder, serial: &str, origin: &str) -> String {
    let finished = report(folder, serial, origin);
    assert_eq!(finished.stdout, "");
    finished.error()
}

/// Brings a key of OpenSSL into the token, by this label.
fn import(folder: &Folder, label: &str) {
    folder.run("openssl", &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "outside.pem"]).ok();
    softhsm::import(folder, "outside.pem", label, "07");
}

/// What `inspect` reads from a file.
fn inspected(folder: &Folder, file: &str) -> String {
    masa(folder, &["inspect", file]).ok().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn key_that_the_token_made_is_reported_recorded_and_stated() {
    let Some(folder) = with_token() else { return };
    let told = certified(&folder, "JADA1", &["--generate", "p256"]);
    let attributes = json!({
        "local": true, "sensitive": true, "always-sensitive": true, "extractable": false, "never-extractable": true, "key-gen-mechanism": 0x1040
    });
    assert_eq!((&told["generated"], &told["pkcs11"]), (&json!(true), &attributes));

    folder.write("reports.jsonl", report(&folder, "JADA1", "salak.json").ok());
    let reported = inspected(&folder, "reports.jsonl");
    for said in ["origin/basis station-signed", "extractable no, key-gen-mechanism 4160, local yes, never-extractable yes, sensitive yes"] {
        assert!(reported.contains(said), "{reported} should say {said}");
    }
    masa(&folder, &["record", "reports.jsonl"]).ok();
    masa(&folder, &["statement", "JADA1", "--out", "statement.cbor"]).ok();
    let stated = inspected(&folder, "statement.cbor");
    for said in ["serial-number JADA1", "method salak", "protection non-extractable", "basis station-signed"] {
        assert!(stated.contains(said), "{stated} should say {said}");
    }
    let spki = format!("spki-sha256 {}", told["spki-sha256"].as_str().unwrap());
    assert!(stated.contains(&spki), "{stated} should say {spki}");
}

#[test]
fn request_is_what_openssl_verifies_for_each_kind_of_key() {
    let Some(folder) = with_token() else { return };
    for (kind, serial) in [("p256", "JADA1"), ("p384", "JADA2"), ("ed25519", "JADA3")] {
        request(&folder, serial, &["--generate", kind]).ok();
        let csr = format!("{serial}.csr");
        let subject = folder.run("openssl", &["req", "-in", &csr, "-noout", "-verify", "-subject"]).ok();
        assert!(subject.contains(&format!("serialNumber = {serial}")), "{subject}");
    }
}

#[test]
fn key_that_cannot_leave_its_token_is_not_reported_as_installed() {
    let Some(folder) = with_token() else { return };
    certified(&folder, "JADA1", &["--generate", "p256"]);
    let said = refused(&folder, "JADA1", "bamboo.json");
    let expected = ["bamboo.json and pkcs11:token=brski;object=JADA1: ", "CKA_LOCAL is true, so the token made the key, but source is loaded"];
    assert!(expected.iter().all(|part| said.contains(part)), "{said}");
}

#[test]
fn imported_key_is_not_reported_as_made_in_the_token() {
    let Some(folder) = with_token() else { return };
    import(&folder, "JADA1");
    let told = certified(&folder, "JADA1", &[]);
    assert_eq!((&told["generated"], &told["pkcs11"]["local"], &told["pkcs11"]["key-gen-mechanism"]), (&json!(false), &json!(false), &Value::Null));
    let said = refused(&folder, "JADA1", "salak.json");
    assert!(said.contains("CKA_LOCAL is false, so the token did not make the key, but source is generated-on-device"), "{said}");
    folder.write("reports.jsonl", report(&folder, "JADA1", "bamboo.json").ok());
    masa(&folder, &["record", "reports.jsonl"]).ok();
}

#[test]
fn extractable_key_is_reported_as_the_factory_s_and_not_as_one_that_stays() {
    let Some(folder) = with_token() else { return };
    let told = certified(&folder, "JADA1", &["--generate", "p256", "--extractable"]);
    assert_eq!((&told["pkcs11"]["extractable"], &told["pkcs11"]["never-extractable"]), (&json!(true), &json!(false)));
    let said = refused(&folder, "JADA1", "salak.json");
    assert!(said.contains("CKA_EXTRACTABLE is true, but protection is non-extractable"), "{said}");
    folder.write("reports.jsonl", report(&folder, "JADA1", "bamboo.json").ok());
    masa(&folder, &["record", "reports.jsonl"]).ok();
}

#[test]
fn key_that_is_there_already_is_not_made_again() {
    let Some(folder) = with_token() else { return };
    let first = certified(&folder, "JADA1", &["--generate", "p256"]);
    let said = request(&folder, "JADA1", &["--generate", "p256"]).error();
    assert!(said.contains("JADA1.csr: the file exists"), "{said}");
    std::fs::remove_file(folder.path("JADA1.csr")).unwrap();
    let said = request(&folder, "JADA1", &["--generate", "p256"]).error();
    assert!(said.contains("the token 'brski' has a private key that matches pkcs11:token=brski;object=JADA1"), "{said}");
    assert!(!folder.path("JADA1.csr").exists());
    // Whoever lost the request asks for another one with the same key.
    let again: Value = serde_json::from_str(&request(&folder, "JADA1", &[]).ok()).unwrap();
    assert_eq!((&again["generated"], &again["spki-sha256"]), (&json!(false), &first["spki-sha256"]));
}

#[test]
fn report_is_about_the_key_that_the_idevid_certifies() {
    let Some(folder) = with_token() else { return };
    certified(&folder, "JADA1", &["--generate", "p256"]);
    certified(&folder, "JADA2", &["--generate", "p256"]);
    std::fs::copy(folder.path("JADA1.pem"), folder.path("JADA2.pem")).unwrap();
    let said = refused(&folder, "JADA2", "salak.json");
    assert!(said.contains("JADA2.pem: the IDevID certifies another key than pkcs11:token=brski;object=JADA2"), "{said}");
}

#[test]
fn attributes_come_from_the_token_and_stand_on_the_station_s_word_alone() {
    let Some(folder) = with_token() else { return };
    certified(&folder, "JADA1", &["--generate", "p256"]);
    folder.write("typed.json", SALAK.replacen('{', r#"{"pkcs11": {"local": true}, "#, 1));
    assert!(refused(&folder, "JADA1", "typed.json").contains("typed.json: pkcs11 is read from the token and must be left out here"));
    folder.write("hsm.json", SALAK.replacen('{', r#"{"basis": "hsm-attested", "#, 1));
    assert!(refused(&folder, "JADA1", "hsm.json").contains("hsm.json: basis is hsm-attested, but the station itself read the attributes"));
}

#[test]
fn pin_is_named_by_its_file_and_never_given_on_the_command_line() {
    let Some(folder) = with_token() else { return };
    let typed = format!("pkcs11:token=brski;object=JADA1?module-path={MODULE}&pin-value=5678");
    let finished = masa(&folder, &["line-agent", "pkcs11", "request", "--generate", "p256", "--key", &typed, "--serial-number", "JADA1", "--out", "x.csr"]);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("put the PIN into a file of its own and name it with pin-source=file:PATH"), "{finished:?}");
    let file = ["line-agent", "pkcs11", "request", "--key", "masa/keys/station-1.pem", "--serial-number", "JADA1", "--out", "x.csr"];
    assert!(masa(&folder, &file).stderr.contains("must be a pkcs11: URI"));
}

const SALAK: &str = r#"{
    "method": "salak", "source": "generated-on-device", "protection": "non-extractable", "locus": "secure-element", "se-generation": "internal",
    "certificate-transfer": "mechanically-transferred", "private-transfer": "none"
}"#;

const BAMBOO: &str = r#"{
    "method": "bamboo", "source": "loaded", "protection": "extractable-for-storage", "locus": "factory", "transfer-encrypted": true,
    "certificate-transfer": "mechanically-installed", "private-transfer": "mechanically-installed", "made-at": "2026-01-31T12:00:00Z"
}"#;
