//! Signing keys in a token, which is SoftHSM's here.

use base64::Engine as _;
use brski_common::issuing::{Subject, Template};
use brski_common::{Certificate, SignatureAlgorithm, Signer as _, SoftwareKey};

use super::owner::{Device, Owner, ask, voucher};
use super::serve::anywhere;
use super::softhsm::{self, MODULE, new_token, private};
use super::support::Folder;
use super::{MASA, masa};

/// A manufacturer's folder with a token. `None`, with a word about it, where SoftHSM or OpenSC's tool is missing; in CI (environment variable `CI`) that is a failure.
fn with_token() -> Option<Folder> {
    let folder = anywhere();
    if !softhsm::begin(&folder) {
        return None;
    }
    softhsm::write_pin(&folder, "masa/pin.txt");
    Some(folder)
}

/// Brings a key that `init` made into the token, with its own name as label.
fn import(folder: &Folder, key: &str, id: &str) {
    softhsm::import(folder, &format!("masa/keys/{key}.pem"), key, id);
}

/// Moves a key that `init` made into the token, and names it in the configuration.
fn move_in(folder: &Folder, key: &str, id: &str) {
    import(folder, key, id);
    std::fs::remove_file(folder.path(&format!("masa/keys/{key}.pem"))).unwrap();
    name(folder, key, &format!("pkcs11:token=brski;object={key}?{MODULE_AND_PIN}"));
}

/// Has the token make a key of this type, and names it in the configuration in the stead of one that `init` made.
fn make_within(folder: &Folder, key: &str, id: &str, kind: &str) {
    generate(folder, key, id, kind);
    std::fs::remove_file(folder.path(&format!("masa/keys/{key}.pem"))).unwrap();
    name(folder, key, &format!("pkcs11:token=brski;object={key}?{MODULE_AND_PIN}"));
}

/// Has the token make a key of this type.
fn generate(folder: &Folder, key: &str, id: &str, kind: &str) {
    let make = ["--module", MODULE, "--token-label", "brski", "--login", "--pin", "5678", "--keypairgen", "--key-type", kind, "--label", key, "--id", id];
    folder.run("pkcs11-tool", &make).ok();
}

fn name(folder: &Folder, key: &str, uri: &str) {
    folder.edit("masa/masa.toml", &format!("key = \"keys/{key}.pem\""), &format!("key = \"{uri}\""));
}

#[test]
fn station_and_restored_log_sign_with_keys_in_a_token() {
    let Some(folder) = with_token() else { return };
    let uri = |key: &str| format!("pkcs11:token=brski;object={key}?module-path={MODULE}&pin-source=file:masa/pin.txt");
    import(&folder, "station-1", "01");
    std::fs::remove_file(folder.path("masa/keys/station-1.pem")).unwrap();
    folder.write("device.pem", super::manufacture::idevid(&folder, "JADA1").to_pem());
    folder.write("reports.jsonl", masa(&folder, &["report", "--station-key", &uri("station-1"), "--idevid", "device.pem"]).ok());
    masa(&folder, &["backup", "--out", "backup.tar"]).ok();
    masa(&folder, &["record", "reports.jsonl"]).ok();
    masa(&folder, &["log", "checkpoint"]).ok();

    std::fs::remove_file(folder.path("masa/ledger.sqlite")).unwrap();
    generate(&folder, "log-2", "05", "EC:edwards25519");
    masa(&folder, &["restore", "backup.tar", "--reason", "disk failed", "--new-log-key", &uri("log-2")]).ok();
    name(&folder, "log", &format!("pkcs11:token=brski;object=log-2?{MODULE_AND_PIN}"));
    masa(&folder, &["record", "reports.jsonl"]).ok();
    masa(&folder, &["log", "checkpoint"]).ok();
}

#[test]
fn masa_whose_keys_are_in_a_token_vouches() {
    let Some(folder) = with_token() else { return };
    for (key, id) in [("voucher-signer", "01"), ("provenance-signer", "02"), ("tls", "03"), ("idevid-issuer", "04")] {
        move_in(&folder, key, id);
    }
    make_within(&folder, "log", "05", "EC:edwards25519");
    let report: serde_json::Value = serde_json::from_str(&masa(&folder, &["config", "check", "-o", "json"]).ok()).unwrap();
    assert_eq!(report["warnings"], serde_json::json!([]));

    let device = Device::made(&folder, "JADA1");
    let mut server = folder.start(MASA, &["serve"]);
    let (port, owner) = (server.port(), Owner::new());
    let (status, body) = ask(port, Some(&owner.tls()), &[], owner.request(&device));
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    assert_eq!(voucher(&folder, body).serial_number.as_str(), "JADA1");
    assert_eq!(server.stop("TERM").0, Some(0));
    masa(&folder, &["log", "verify"]).ok();
}

#[test]
fn server_signs_again_once_its_token_is_back() {
    let Some(folder) = with_token() else { return };
    move_in(&folder, "voucher-signer", "01");
    move_in(&folder, "provenance-signer", "02");
    let device = Device::made(&folder, "JADA1");
    let mut server = folder.start(MASA, &["serve"]);
    let (port, owner) = (server.port(), Owner::new());
    let status = || ask(port, Some(&owner.tls()), &[], owner.request(&device)).0;
    assert_eq!(status(), 200);

    for _ in 0..2 {
        std::fs::rename(folder.path("tokens"), folder.path("away")).unwrap();
        assert_eq!(status(), 500);
        std::fs::rename(folder.path("away"), folder.path("tokens")).unwrap();
        assert_eq!(status(), 200);
    }
    assert_eq!(server.stop("TERM").0, Some(0));
}

#[test]
fn other_key_of_the_same_name_does_not_sign_in_the_first_one_s_stead() {
    let Some(folder) = with_token() else { return };
    move_in(&folder, "voucher-signer", "01");
    let device = Device::made(&folder, "JADA1");
    let mut server = folder.start("sh", &["-c", "exec \"$0\" serve 2> log", MASA]);
    let (port, owner) = (server.port(), Owner::new());
    let status = || ask(port, Some(&owner.tls()), &[], owner.request(&device)).0;
    assert_eq!(status(), 200);

    // The token is replaced by one that looks the same.
    std::fs::rename(folder.path("tokens"), folder.path("away")).unwrap();
    std::fs::create_dir(folder.path("tokens")).unwrap();
    new_token(&folder, "brski");
    std::fs::copy(folder.path("masa/keys/idevid-issuer.pem"), folder.path("masa/keys/voucher-signer.pem")).unwrap();
    import(&folder, "voucher-signer", "01");
    assert_eq!(status(), 500);
    assert_eq!(server.stop("TERM").0, Some(0));
    assert!(folder.read("log").contains("the token holds another key"), "{}", folder.read("log"));
}

#[test]
fn key_on_p384_signs() {
    let Some(folder) = with_token() else { return };
    let (key, pkcs8) = SoftwareKey::generate(SignatureAlgorithm::Es384).unwrap();
    folder.write("masa/certificates/provenance-signer.pem", self_signed(&key).to_pem());
    let base64 = base64::engine::general_purpose::STANDARD.encode(&*pkcs8);
    folder.write("p384.der.pem", format!("-----BEGIN PRIVATE KEY-----\n{base64}\n-----END PRIVATE KEY-----\n"));
    folder.run("openssl", &["pkey", "-in", "p384.der.pem", "-out", "masa/keys/provenance-signer.pem"]).ok();
    move_in(&folder, "provenance-signer", "01");
    masa(&folder, &["config", "check"]).ok();
}

#[test]
fn public_half_that_the_token_lacks_is_taken_from_the_certificate() {
    let Some(folder) = with_token() else { return };
    move_in(&folder, "voucher-signer", "01");
    make_within(&folder, "log", "02", "EC:edwards25519");
    for id in ["01", "02"] {
        let delete = ["--module", MODULE, "--token-label", "brski", "--login", "--pin", "5678", "--delete-object", "--type", "pubkey", "--id", id];
        folder.run("pkcs11-tool", &delete).ok();
    }
    // The log's key has no certificate.
    let said = masa(&folder, &["config", "check"]).error();
    assert!(said.contains("field log.key: ") && said.contains("neither a public key nor a certificate"), "{said}");
    folder.edit("masa/masa.toml", &format!("pkcs11:token=brski;object=log?{MODULE_AND_PIN}"), "log.pem");
    folder.run("openssl", &["genpkey", "-algorithm", "ed25519", "-out", "masa/log.pem"]).ok();
    masa(&folder, &["config", "check"]).ok();
}

fn self_signed(key: &SoftwareKey) -> Certificate {
    let (begin, end) = (brski_common::time::at(1_700_000_000), brski_common::issuing::never());
    let template = Template::new(Subject::common_name("provenance signer"), key.public_key(), [1; 16], begin, end);
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(template.self_signed(key)).unwrap()
}

/// What `config check` says of a voucher key with this URI.
fn complaint(folder: &Folder, uri: &str) -> String {
    let text = folder.read("masa/masa.toml");
    name(folder, "voucher-signer", uri);
    let error = masa(folder, &["config", "check"]).error();
    assert_eq!(masa(folder, &["serve"]).error().lines().last(), error.lines().last());
    folder.write("masa/masa.toml", text);
    error
}

#[test]
fn what_is_wrong_with_a_key_in_a_token_is_said_at_the_start() {
    let Some(folder) = with_token() else { return };
    import(&folder, "voucher-signer", "01");
    import(&folder, "tls", "02");
    softhsm::import(&folder, "masa/keys/station-1.pem", "tls", "03");
    folder.write("masa/wrong.txt", "4321\n");
    private(&folder, "masa/wrong.txt");
    folder.write("masa/no-library.so", "no library");
    let here = folder.path("masa");
    let here = here.display();

    for (uri, expected) in [
        ("tpm2:0x81000001".to_owned(), vec!["'tpm2:' is an unknown scheme", "pkcs11: URI"]),
        (format!("pkcs11:object=voucher-signer?module-path=/nowhere.so&{PIN}"), vec!["the module /nowhere.so cannot be loaded", "No such file"]),
        (format!("pkcs11:object=voucher-signer?module-path={here}/no-library.so&{PIN}"), vec!["no-library.so cannot be loaded"]),
        (
            format!("pkcs11:token=absent;object=voucher-signer?{MODULE_AND_PIN}"),
            vec!["no token matches pkcs11:token=absent;object=voucher-signer", "there are 'brski' (serial "],
        ),
        (format!("pkcs11:token=brski;object=absent?{MODULE_AND_PIN}"), vec!["the token 'brski' has no private key that matches", "'voucher-signer' (id=%01)"]),
        (
            format!("pkcs11:token=brski;object=tls?{MODULE_AND_PIN}"),
            vec!["has several private keys that match", "'tls' (id=%02)", "'tls' (id=%03)", "add object or id"],
        ),
        (
            format!("pkcs11:token=brski;object=tls;id=%02?{MODULE_AND_PIN}"),
            vec!["is not the private key of the first certificate in masa/certificates/voucher-signer.pem"],
        ),
        (format!("pkcs11:object=voucher-signer?module-path={MODULE}"), vec!["the token wants a PIN: add pin-source=file:PATH"]),
        (format!("pkcs11:object=voucher-signer?module-path={MODULE}&pin-source=file:no.txt"), vec!["the PIN file masa/no.txt cannot be used", "No such file"]),
        (format!("pkcs11:object=voucher-signer?module-path={MODULE}&pin-source=file:wrong.txt"), vec!["the token refuses the PIN"]),
        (
            format!("pkcs11:object=voucher-signer?module-path={MODULE}&pin-value=5678"),
            vec!["pin-value would be a secret in a configuration file", "pin-source=file:PATH"],
        ),
    ] {
        let said = complaint(&folder, &uri);
        assert!(said.starts_with("error: masa/masa.toml, ") && said.contains("field voucher-signer.key: "), "{said}");
        for part in expected {
            assert!(said.contains(part), "{said}, for {uri}, should have said {part}");
        }
        assert!(!said.contains("4321") && !said.contains("5678"), "{said}");
    }
}

#[test]
fn two_tokens_of_one_name_are_told_apart_by_their_serial_numbers() {
    let Some(folder) = with_token() else { return };
    new_token(&folder, "brski");
    let said = complaint(&folder, &format!("pkcs11:token=brski;object=voucher-signer?{MODULE_AND_PIN}"));
    assert!(said.contains("several tokens match pkcs11:token=brski;object=voucher-signer, add token, serial or slot-id"), "{said}");
}

#[test]
fn token_that_is_gone_is_said_at_the_start() {
    let Some(folder) = with_token() else { return };
    std::fs::remove_dir_all(folder.path("tokens")).unwrap();
    let said = complaint(&folder, &format!("pkcs11:token=brski;object=voucher-signer?{MODULE_AND_PIN}"));
    assert!(said.contains("field voucher-signer.key: pkcs11:token=brski;object=voucher-signer cannot be used: "), "{said}");
}

const PIN: &str = "pin-source=file:pin.txt";
const MODULE_AND_PIN: &str = "module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:pin.txt";
