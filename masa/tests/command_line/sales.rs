//! `sell`, `release`, `device`, `vouchers` and `bundle`.

use std::process::Command;

use brski_common::chain::ID_KP_CMC_RA;
use brski_common::issuing::{Subject, Template, never};
use brski_common::time::at;
use brski_common::{Anchors, Certificate, Format, Leniencies, Signed, SignedBy, Signer as _, SoftwareKey, UnixTime, Usage, Verifier, Voucher};
use serde_json::{Value, json};

use super::support::Folder;
use super::{manufacture, manufacturer, masa};

/// A manufacturer with these devices on record.
fn with_devices(serials: &[&str]) -> Folder {
    let folder = manufacturer();
    folder.write("reports.jsonl", serials.iter().map(|serial| manufacture::report(&folder, serial)).collect::<String>());
    masa(&folder, &["record", "reports.jsonl"]).ok();
    folder
}

fn json_of(folder: &Folder, arguments: &[&str]) -> Value {
    serde_json::from_str(&masa(folder, &[arguments, &["-o", "json"]].concat()).ok()).unwrap()
}

fn device(folder: &Folder, serial: &str) -> Value {
    json_of(folder, &["device", serial])
}

/// A domain CA and a registrar under it, as `orchard-ca.pem` and `orchard.pem`.
fn orchard(folder: &Folder) -> (Certificate, Certificate) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let key = || SoftwareKey::generate(brski_common::SignatureAlgorithm::Es256).unwrap().0;
    let (ca_key, registrar_key) = (key(), key());
    let template = |name: &str, key: &SoftwareKey| Template::new(Subject::common_name(name), key.public_key(), [7; 16], at(1_700_000_000), never());
    let ca = runtime.block_on(template("Orchard CA", &ca_key).ca(Some(0)).self_signed(&ca_key)).unwrap();
    let registrar = template("Orchard registrar", &registrar_key).usages(&[ID_KP_CMC_RA]);
    let registrar = runtime.block_on(registrar.issued_by(&ca, &ca_key)).unwrap();
    folder.write("orchard-ca.pem", ca.to_pem());
    folder.write("orchard.pem", registrar.to_pem());
    (ca, registrar)
}

const SIGNER: [&str; 4] = ["--signer-certificate", "masa/certificates/nonceless-signer.pem", "--signer-key", "masa/keys/offline/nonceless-signer.pem"];

fn bundle(folder: &Folder, out: &str, serials: &[&str]) -> super::support::Finished {
    masa(folder, &[&["bundle"], serials, &["--domain-ca", "orchard-ca.pem", "--out", out], &SIGNER].concat())
}

#[test]
fn sale_and_release_are_told_and_repeated_ones_change_nothing() {
    let folder = with_devices(&["JADA1"]);
    let (ca, _) = orchard(&folder);
    assert_eq!(device(&folder, "JADA1")["state"], "manufactured");

    let sell = ["sell", "JADA1", "--to", "Orchard", "--domain-ca", "orchard-ca.pem", "--by", "erp"];
    let sold = json_of(&folder, &sell);
    assert_eq!(sold, json!({ "serial": "JADA1", "customer": "Orchard", "keys": [ca.spki_digest().to_string()], "repeated": false }));
    assert_eq!(json_of(&folder, &sell)["repeated"], true);
    let told = device(&folder, "JADA1");
    assert_eq!((&told["state"], &told["sold-to"]["customer"], &told["sold-to"]["by"]), (&json!("sold"), &json!("Orchard"), &json!("erp")));

    assert_eq!(json_of(&folder, &["release", "JADA1"])["repeated"], false);
    let told = device(&folder, "JADA1");
    assert_eq!((&told["state"], &told["sold-to"]), (&json!("released"), &Value::Null));
}

#[test]
fn customer_of_the_configuration_is_known_by_name() {
    let folder = with_devices(&["JADA1"]);
    let (ca, _) = orchard(&folder);
    let config = folder.read("masa/masa.toml");
    folder.write("masa/masa.toml", format!("{config}\n[[customers]]\nname = \"Orchard\"\ndomain-cas = [\"../orchard-ca.pem\"]\nany-below = true\n"));
    assert_eq!(json_of(&folder, &["sell", "JADA1", "--to", "Orchard"])["keys"], json!([ca.spki_digest().to_string()]));
    assert_eq!(json_of(&folder, &["sell", "JADA1", "--to", "Vineyard"])["keys"], json!([]));
}

#[test]
fn customer_without_keys_and_customer_named_twice_are_refused() {
    let folder = manufacturer();
    let config = folder.read("masa/masa.toml");
    let check = |tables: &str| {
        folder.write("masa/masa.toml", format!("{config}\n{tables}"));
        masa(&folder, &["config", "check"]).error()
    };
    assert!(check("[[customers]]\nname = \"a\"\n").contains("'a' has neither domain-cas nor keys"));
    let one = format!("[[customers]]\nname = \"a\"\nkeys = [\"{}\"]\n", "ab".repeat(32));
    assert!(check(&[one.clone(), one].concat()).contains("field customers.name: 'a' occurs twice"));
}

#[test]
fn file_of_sales_goes_on_after_rows_that_are_wrong_and_tells_of_each() {
    let folder = with_devices(&["JADA1", "JADA2"]);
    folder.write("sales.csv", format!("serial,customer,key\nJADA1,Orchard,{}\nJADA9,Orchard,\nJADA2,Vineyard,no\nJADA2,Vineyard,\n", "ab".repeat(32)));
    let finished = masa(&folder, &["sell", "--file", "sales.csv", "-o", "json"]);
    assert_eq!(finished.code, Some(1));
    assert_eq!(serde_json::from_str::<Value>(&finished.stdout).unwrap(), json!({ "sold": 2, "repeated": 0, "failed": 2 }));
    let errors: Vec<Value> = folder.read("errors.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let places: Vec<_> = errors.iter().map(|error| (&error["line"], &error["field"])).collect();
    assert_eq!(places, [(&json!(3), &json!("serial")), (&json!(4), &json!("key"))]);
    assert_eq!(device(&folder, "JADA2")["sold-to"]["customer"], "Vineyard");
    std::fs::remove_file(folder.path("errors.jsonl")).unwrap();
    folder.write("sales.csv", "serial,customer\nJADA2,Vineyard\n");
    assert_eq!(json_of(&folder, &["sell", "--file", "sales.csv"]), json!({ "sold": 0, "repeated": 1, "failed": 0 }));
    assert!(!folder.path("errors.jsonl").exists());
}

#[test]
fn bundle_has_verifiable_vouchers_and_names_every_file_with_its_digest() {
    let folder = with_devices(&["JADA1", "JADA2"]);
    let (ca, _) = orchard(&folder);
    for serial in ["JADA1", "JADA2"] {
        masa(&folder, &["sell", serial, "--to", "Orchard", "--domain-ca", "orchard-ca.pem"]).ok();
    }
    bundle(&folder, "stick", &["JADA1", "JADA2"]).ok();

    let anchors = Anchors::new(Certificate::all_from_pem(&folder.read("masa/certificates/voucher-ca.pem")).unwrap()).unwrap();
    let voucher = Signed::<Voucher>::from_wire(Format::Cms, std::fs::read(folder.path("stick/vouchers/JADA1.vcj")).unwrap());
    let by = SignedBy::Anchored { anchors: &anchors, usage: Usage::Any, known: &[] };
    let verified = voucher.verify(&Verifier { by, lenient: Leniencies::default() }, UnixTime::now()).unwrap();
    let said = verified.get();
    assert_eq!((&said.nonce, &said.pinned_domain_cert, said.assertion), (&None, &Some(ca), Some(brski_common::Assertion::Verified)));
    let signer = Certificate::all_from_pem(&folder.read("masa/certificates/nonceless-signer.pem")).unwrap();
    assert_eq!(verified.signer().chain.first(), signer.first());

    let manifest: Value = serde_json::from_str(&folder.read("stick/manifest.json")).unwrap();
    let listed: Vec<&str> = manifest["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    let expected = [
        "audit-logs/JADA1.json",
        "audit-logs/JADA2.json",
        "checkpoint.txt",
        "log-verifier.txt",
        "statements/JADA1.cbor",
        "statements/JADA2.cbor",
        "vouchers/JADA1.vcj",
        "vouchers/JADA2.vcj",
    ];
    assert_eq!(listed, expected);
    let found: Vec<_> =
        folder.files("stick").into_iter().map(|(path, _)| path).filter(|path| !path.ends_with("manifest.json") && !path.ends_with("SHA256SUMS")).collect();
    assert_eq!(found.len(), expected.len());
    for file in manifest["files"].as_array().unwrap() {
        let octets = std::fs::read(folder.path("stick").join(file["path"].as_str().unwrap())).unwrap();
        let digest: String = brski_common::sign::Hash::Sha256.of(&octets).iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(file["sha256"], digest.as_str());
    }
    let log: Value = serde_json::from_str(&folder.read("stick/audit-logs/JADA1.json")).unwrap();
    assert_eq!((&log["events"][0]["nonce"], &log["events"][0]["assertion"]), (&Value::Null, &json!("verified")));
}

#[test]
fn every_file_of_a_bundle_is_recognised_and_verified() {
    let folder = with_devices(&["JADA1"]);
    orchard(&folder);
    masa(&folder, &["sell", "JADA1", "--to", "Orchard", "--domain-ca", "orchard-ca.pem"]).ok();
    bundle(&folder, "stick", &["JADA1"]).ok();
    let anchors = ["masa/certificates/voucher-ca.pem", "masa/certificates/provenance-ca.pem", "stick/log-verifier.txt"];
    let anchors = anchors.into_iter().flat_map(|anchor| ["--anchor", anchor]);
    let files = ["stick/manifest.json", "stick/vouchers/JADA1.vcj", "stick/statements/JADA1.cbor", "stick/audit-logs/JADA1.json", "stick/checkpoint.txt"];
    let arguments: Vec<&str> = ["inspect", "-o", "json"].into_iter().chain(anchors).chain(files).collect();
    let told = masa(&folder, &arguments).ok();
    let kinds: Vec<Value> = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].clone()).collect();
    assert_eq!(json!(kinds), json!(["bundle-manifest", "voucher", "provenance-statement", "audit-log", "checkpoint"]));
}

#[test]
fn openssl_and_sha256sum_verify_a_bundle_without_us() {
    let folder = with_devices(&["JADA1"]);
    orchard(&folder);
    masa(&folder, &["sell", "JADA1", "--to", "Orchard", "--domain-ca", "orchard-ca.pem"]).ok();
    bundle(&folder, "stick", &["JADA1"]).ok();
    let runs = |program: &str, arguments: &[&str], within: &str| {
        let Ok(output) = Command::new(program).args(arguments).current_dir(folder.path(within)).output() else {
            assert!(std::env::var_os("CI").is_none(), "{program} is not installed");
            println!("skipped: {program} is not installed");
            return None;
        };
        Some((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
    };
    let verify = ["cms", "-verify", "-inform", "DER", "-in", "stick/vouchers/JADA1.vcj", "-CAfile", "masa/certificates/voucher-ca.pem", "-purpose", "any"];
    if let Some((good, content)) = runs("openssl", &verify, "") {
        assert!(good && content.contains("\"serial-number\":\"JADA1\""), "{content}");
    }
    if let Some((good, told)) = runs("sha256sum", &["--check", "SHA256SUMS"], "stick") {
        assert!(good, "{told}");
    }
}

#[test]
fn voucher_is_in_the_ledger_before_its_bundle_is_written() {
    let folder = with_devices(&["JADA1"]);
    orchard(&folder);
    masa(&folder, &["sell", "JADA1", "--to", "Orchard", "--domain-ca", "orchard-ca.pem"]).ok();
    bundle(&folder, "nowhere/at/all/stick.tar", &["JADA1"]).error();
    let told = device(&folder, "JADA1");
    assert_eq!((&told["state"], told["vouchers"].as_array().unwrap().len()), (&json!("claimed"), 1));
}

#[test]
fn list_of_what_to_correct_is_never_overwritten_by_sales_nor_by_the_spool() {
    let folder = manufacturer();
    folder.write("errors.jsonl", "mine");
    folder.write("sales.csv", "serial,customer\nJADA9,Orchard\n");
    assert_eq!(masa(&folder, &["sell", "--file", "sales.csv"]).code, Some(1));
    folder.write("reports.jsonl", "{\"payload\": \"\", \"signatures\": []}\n");
    masa(&folder, &["spool", "add", "reports.jsonl"]).ok();
    assert_eq!(masa(&folder, &["spool", "forward", "--config", "masa/masa.toml"]).code, Some(1));
    assert_eq!(folder.read("errors.jsonl"), "mine");
    let file = |name: &str| serde_json::from_str::<Value>(&folder.read(name)).unwrap()["file"].clone();
    assert_eq!([file("errors.1.jsonl"), file("errors.2.jsonl")], ["sales.csv", "reports.jsonl"]);
    for arguments in [&["sell", "--file", "sales.csv"][..], &["spool", "forward", "--config", "masa/masa.toml"]] {
        let error = masa(&folder, &[arguments, &["--errors", "errors.jsonl"]].concat()).error();
        assert_eq!(error, "error: errors.jsonl: exists already, --errors wants the name of a new file");
    }
}

#[test]
fn archive_holds_the_same_files_as_a_folder() {
    let folder = with_devices(&["JADA1"]);
    orchard(&folder);
    masa(&folder, &["sell", "JADA1", "--to", "Orchard", "--domain-ca", "orchard-ca.pem"]).ok();
    bundle(&folder, "stick.tar", &["JADA1"]).ok();
    let mut archive = tar::Archive::new(std::fs::File::open(folder.path("stick.tar")).unwrap());
    let names: Vec<String> = archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().to_str().unwrap().to_owned()).collect();
    let expected =
        ["audit-logs/JADA1.json", "checkpoint.txt", "log-verifier.txt", "statements/JADA1.cbor", "vouchers/JADA1.vcj", "manifest.json", "SHA256SUMS"];
    assert_eq!(names, expected);
}

#[test]
fn device_that_is_refused_is_left_out_and_told_of() {
    let folder = with_devices(&["JADA1", "JADA2"]);
    orchard(&folder);
    masa(&folder, &["sell", "JADA1", "--to", "Orchard", "--domain-ca", "orchard-ca.pem"]).ok();
    let finished = bundle(&folder, "stick", &["JADA1", "JADA2"]);
    assert_eq!(finished.code, Some(1));
    assert!(finished.stderr.contains("JADA2: no vouchers without nonce for the domain"), "{finished:?}");
    // What is refused, and why, is the manufacturer's business alone.
    assert!(!folder.read("stick/manifest.json").contains("JADA2"));
    assert!(!folder.path("stick/vouchers/JADA2.vcj").exists());
}

#[test]
fn bundle_without_the_key_for_it_is_refused_and_leaves_no_entry() {
    let folder = with_devices(&["JADA1"]);
    orchard(&folder);
    masa(&folder, &["sell", "JADA1", "--to", "Orchard", "--domain-ca", "orchard-ca.pem"]).ok();
    let finished = masa(&folder, &["bundle", "JADA1", "--domain-ca", "orchard-ca.pem", "--out", "stick"]);
    assert!(finished.code == Some(1) && finished.stderr.contains("vouchers without nonce are not signed here"), "{finished:?}");
    assert_eq!(device(&folder, "JADA1")["vouchers"], json!([]));
    assert!(!folder.path("stick").exists());
}

#[test]
fn signer_of_vouchers_without_nonce_needs_a_key_of_its_own() {
    let folder = manufacturer();
    let signer = |name: &str| format!("signer = {{ certificate = \"certificates/{name}.pem\", key = \"keys/{name}.pem\" }}\nlifetime = 1200");
    folder.edit("masa/masa.toml", "lifetime = 1200", &signer("voucher-signer"));
    let error = masa(&folder, &["config", "check"]).error();
    assert!(error.contains("field nonceless.signer.key: must be a key of its own, but is that of voucher-signer"), "{error}");
    folder.edit("masa/masa.toml", &signer("voucher-signer"), &signer("provenance-signer"));
    let error = masa(&folder, &["config", "check"]).error();
    assert!(error.contains("but is that of provenance-signer"), "{error}");
}

#[test]
fn issued_vouchers_are_listed_and_written_again() {
    let folder = with_devices(&["JADA1"]);
    orchard(&folder);
    masa(&folder, &["sell", "JADA1", "--to", "Orchard", "--domain-ca", "orchard-ca.pem"]).ok();
    bundle(&folder, "stick", &["JADA1", "--by", "erin"]).ok();
    let listed = json_of(&folder, &["vouchers", "JADA1"]);
    assert_eq!((&listed["nonce"], &listed["assertion"]), (&Value::Null, &json!("verified")));
    assert_eq!(listed["by"], "erin");
    // The key is not here.
    let finished = masa(&folder, &["vouchers", "JADA1", "--out", "again"]);
    assert!(finished.stderr.contains("voucher 1 is not signed again: vouchers without nonce are not signed here"), "{finished:?}");
    let here = "signer = { certificate = \"certificates/nonceless-signer.pem\", key = \"keys/offline/nonceless-signer.pem\" }\nlifetime = 1200";
    folder.edit("masa/masa.toml", "lifetime = 1200", here);
    let finished = masa(&folder, &["vouchers", "JADA1", "--out", "again", "--by", "jane"]);
    let log = &finished.stderr;
    assert!(finished.code == Some(0) && ["voucher signed again", "JADA1", "jane"].iter().all(|word| log.contains(word)), "{finished:?}");
    let read =
        |path: &str| Signed::<Voucher>::from_wire(Format::Cms, std::fs::read(folder.path(path)).unwrap()).peek_unverified(Leniencies::default()).unwrap();
    assert_eq!(read("again/JADA1-1.vcj"), read("stick/vouchers/JADA1.vcj"));
}

#[test]
fn voucher_of_a_former_customer_is_listed_and_not_written_again() {
    let folder = with_devices(&["JADA1"]);
    orchard(&folder);
    masa(&folder, &["sell", "JADA1", "--to", "Orchard", "--domain-ca", "orchard-ca.pem"]).ok();
    bundle(&folder, "stick", &["JADA1"]).ok();
    masa(&folder, &["sell", "JADA1", "--to", "Vineyard"]).ok();
    let here = "signer = { certificate = \"certificates/nonceless-signer.pem\", key = \"keys/offline/nonceless-signer.pem\" }\nlifetime = 1200";
    folder.edit("masa/masa.toml", "lifetime = 1200", here);
    let finished = masa(&folder, &["vouchers", "JADA1", "--out", "again"]);
    assert!(finished.code == Some(0) && finished.stderr.contains("the device has changed hands since"), "{finished:?}");
    assert!(!folder.path("again/JADA1-1.vcj").exists());
}

#[test]
fn signer_of_vouchers_without_nonce_shares_its_key_with_no_product_line_and_not_with_the_admin_listener() {
    let folder = manufacturer();
    let config = folder.read("masa/masa.toml");
    let nonceless = "{ certificate = \"certificates/nonceless-signer.pem\", key = \"keys/offline/nonceless-signer.pem\" }";
    let config = config.replace("lifetime = 1200", &format!("signer = {nonceless}\nlifetime = 1200"));
    let check = |text: String| {
        folder.write("masa/masa.toml", text);
        masa(&folder, &["config", "check"])
    };
    check(config.clone()).ok();
    for field in ["voucher-signer", "provenance-signer"] {
        let line = format!("[[product-lines]]\nname = \"sensors\"\nserial-prefix = \"S\"\n{field} = {nonceless}\n");
        let error = check(format!("{config}\n{line}")).error();
        assert!(error.contains(&format!("field nonceless.signer.key: must be a key of its own, but is that of product-lines.sensors.{field}")), "{error}");
    }
    let error = check(config.replace("[admin]\n", &format!("[admin]\ntls = {nonceless}\n"))).error();
    assert!(error.contains("but is that of admin.tls"), "{error}");
}
