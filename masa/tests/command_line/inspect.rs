//! `inspect` over what a manufacturer has in files.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::manufacture::{idevid, report};
use super::support::{Finished, Folder};
use super::{MASA, manufacturer, masa};

/// What is told of these files, one object each.
fn told(folder: &Folder, arguments: &[&str]) -> Vec<Value> {
    told_by(masa(folder, &[&["inspect", "-o", "json"], arguments].concat()))
}

fn told_by(finished: Finished) -> Vec<Value> {
    finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A manufacturer with two recorded devices, whose statements are in the folder `statements`.
fn recorded() -> Folder {
    let folder = manufacturer();
    folder.write("reports.jsonl", [report(&folder, "JADA1"), report(&folder, "JADA2")].concat());
    masa(&folder, &["record", "--statements", "statements", "reports.jsonl"]).ok();
    folder
}

fn statement(folder: &Folder) -> String {
    let files = folder.files("statements");
    files[0].0.to_str().unwrap().to_owned()
}

#[test]
fn everything_a_manufacturer_makes_is_recognised_and_deviates_in_nothing() {
    let folder = recorded();
    let statement = statement(&folder);
    let files = [
        "reports.jsonl",
        "device.pem",
        "device.csr",
        "masa/manufacturer-profile.toml",
        "masa/certificates/voucher-signer.pem",
        "masa/keys/station-1.pem",
        "masa/masa.toml",
        &statement,
    ];
    let finished = masa(&folder, &[&["inspect", "-o", "json"], &files[..]].concat());
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let told = told_by(finished);
    let kinds: Vec<&Value> = told.iter().map(|told| &told["kind"]).collect();
    assert_eq!(
        json!(kinds),
        json!([
            "bundle",
            "certificate",
            "certification-request",
            "manufacturer-profile",
            "bundle",
            "private-key",
            "masa-configuration",
            "provenance-statement"
        ])
    );
    for told in &told {
        assert_eq!((&told["deviations"], &told["recognised"], &told["verified"]), (&json!([]), &json!(true), &Value::Null));
    }
    assert_eq!(told[0]["nested"][1]["kind"], "manufacture-report");
}

#[test]
fn anchor_of_each_kind_verifies_and_another_ends_with_status_2() {
    let folder = recorded();
    let statement = statement(&folder);
    for (file, anchor) in [
        (statement.as_str(), "masa/certificates/provenance-ca.pem"),
        ("device.pem", "masa/certificates/idevid-root.pem"),
        ("reports.jsonl", "masa/certificates/station-1.pem"),
    ] {
        let verified = |anchors: &[&str]| {
            let anchors: Vec<&str> = anchors.iter().flat_map(|anchor| ["--anchor", *anchor]).collect();
            masa(&folder, &[&["inspect", "-o", "json", file], &anchors[..]].concat())
        };
        // A path needs the issuers between, which the file of the issuing CA has.
        let good = verified(&[anchor, "masa/certificates/idevid-issuer.pem"]);
        assert_eq!((good.code, &told_by(good)[0]["verified"]), (Some(0), &json!(true)), "{file}");
        let bad = verified(&["masa/certificates/tls-ca.pem"]);
        assert_eq!((bad.code, &told_by(bad)[0]["verified"]), (Some(2), &json!(false)), "{file}");
    }
}

#[test]
fn file_is_recognised_in_each_encoding_and_from_standard_input() {
    let folder = recorded();
    let octets = std::fs::read(statement(&folder)).unwrap();
    let hex: String = octets.iter().map(|octet| format!("{octet:02X}")).collect();
    use base64::Engine as _;
    folder.write("statement.hex", hex.as_bytes().chunks(64).map(|line| [line, b"\n"].concat()).collect::<Vec<_>>().concat());
    folder.write("statement.b64", base64::engine::general_purpose::STANDARD.encode(&octets));
    let found = told(&folder, &["statement.hex", "statement.b64"]);
    assert_eq!(found[0]["encodings"], json!(["hex", "CBOR", "COSE"]));
    assert_eq!(found[1]["encodings"], json!(["base64", "CBOR", "COSE"]));

    let mut child = Command::new(MASA).args(["inspect", "-o", "json", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), &octets).unwrap();
    let output = child.wait_with_output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &found["kind"], &found["file"]), (Some(0), &json!("provenance-statement"), &json!("-")));
}

#[test]
fn people_read_one_fact_a_line() {
    let folder = manufacturer();
    folder.write("device.pem", idevid(&folder, "JADA1").to_pem());
    let text = masa(&folder, &["inspect", "device.pem"]).ok();
    assert!(text.starts_with("device.pem: X.509 certificate (PEM, DER)\n"), "{text}");
    assert!(text.lines().any(|line| line.split_whitespace().collect::<Vec<_>>() == ["serialNumber", "JADA1"]), "{text}");
}

#[test]
fn private_key_is_named_and_nothing_of_it_is_shown() {
    let folder = manufacturer();
    let key = folder.read("masa/keys/station-1.pem");
    let secret = key.lines().nth(1).unwrap();
    for output in ["text", "json"] {
        let shown = masa(&folder, &["inspect", "-o", output, "masa/keys/station-1.pem"]).ok();
        assert!(shown.contains("private") && !shown.contains(&secret[..16]), "{shown}");
    }
}

#[test]
fn what_is_not_recognised_or_not_there_ends_with_status_2_and_the_others_are_told() {
    let folder = manufacturer();
    folder.write("noise", "hello, world");
    let finished = masa(&folder, &["inspect", "-o", "json", "noise", "nowhere", "masa/manufacturer-profile.toml"]);
    assert_eq!(finished.code, Some(2));
    let recognised: Vec<Value> = told_by(finished).into_iter().map(|told| told["recognised"].clone()).collect();
    assert_eq!(recognised, [json!(false), json!(false), json!(true)]);
}

#[test]
fn file_of_more_than_16_mib_is_not_read() {
    let folder = Folder::new();
    folder.write("large", vec![b'a'; 16 * 1024 * 1024 + 1]);
    let finished = masa(&folder, &["inspect", "large"]);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stdout.contains("more than 16 MiB"), "{finished:?}");
}

#[test]
fn anchor_that_cannot_be_used_is_an_error() {
    let folder = manufacturer();
    let error = masa(&folder, &["inspect", "--anchor", "masa/masa.toml", "masa/certificates/tls.pem"]).error();
    assert!(error.starts_with("error: masa/masa.toml: cannot be used as anchor"), "{error}");
}

#[test]
fn validity_is_judged_at_the_time_that_is_named() {
    let folder = manufacturer();
    let verified = |at: &str| masa(&folder, &["inspect", "--at", at, "--anchor", "masa/certificates/tls-ca.pem", "masa/certificates/tls.pem"]).code;
    assert_eq!((verified("2100-01-01T00:00:00Z"), verified("yesterday")), (Some(2), Some(2)));
    assert_eq!(masa(&folder, &["inspect", "--anchor", "masa/certificates/tls-ca.pem", "masa/certificates/tls.pem"]).code, Some(0));
}

#[test]
fn file_in_der_is_an_anchor_too() {
    let folder = manufacturer();
    let anchor = folder.read("masa/certificates/tls-ca.pem");
    folder.write("ca.der", brski_common::Certificate::all_from_pem(&anchor).unwrap()[0].der());
    let finished = masa(&folder, &["inspect", "--anchor", "ca.der", "masa/certificates/tls.pem"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    folder.write("noise.der", [0x30, 0x82, 0, 0]);
    let error = masa(&folder, &["inspect", "--anchor", "noise.der", "masa/certificates/tls.pem"]).error();
    assert!(error.starts_with("error: noise.der: cannot be used as anchor"), "{error}");
    folder.write("noise", [0xff]);
    let error = masa(&folder, &["inspect", "--anchor", "noise", "masa/certificates/tls.pem"]).error();
    assert!(error.contains("neither PEM nor DER"), "{error}");
}

#[test]
fn bundle_that_is_not_verified_says_of_each_certificate_why() {
    let folder = manufacturer();
    let finished = masa(&folder, &["inspect", "--anchor", "masa/certificates/tls-ca.pem", "masa/certificates/idevid-issuer.pem", "masa/certificates/tls.pem"]);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stdout.contains("NOT TRUSTED") && finished.stdout.contains("verified under"), "{finished:?}");
}

#[test]
fn what_is_understood_is_told_once_whatever_the_number_of_files() {
    let folder = manufacturer();
    folder.write("noise", "hello, world");
    let text = masa(&folder, &["inspect", "noise", "noise", "noise"]).stdout;
    assert_eq!(text.matches("understood are").count(), 1, "{text}");
    assert!(!masa(&folder, &["inspect", "masa/masa.toml"]).stdout.contains("understood are"));
}

#[test]
fn reader_that_goes_away_is_no_error() {
    for output in ["text", "json"] {
        let arguments = ["inspect", "-o", output, "-"];
        let mut child = Command::new(MASA).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        // Nothing is written before all is read.
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), br#"{"version":1,"status":true}"#).unwrap();
        let finished = child.wait_with_output().unwrap();
        assert_eq!((finished.status.code(), String::from_utf8_lossy(&finished.stderr).as_ref()), (Some(0), ""));
    }
}

/// A manufacturer whose log had four entries at `checkpoint.txt` and has seven now, of which `receipt.cbor` is the receipt.
fn grown() -> Folder {
    let folder = manufacturer();
    folder.write("reports.jsonl", report(&folder, "JADA1"));
    masa(&folder, &["record", "--statements", "statements", "reports.jsonl"]).ok();
    folder.write("checkpoint.txt", masa(&folder, &["log", "checkpoint"]).ok());
    folder.write("reports.jsonl", report(&folder, "JADA2"));
    masa(&folder, &["record", "--statements", "statements", "reports.jsonl"]).ok();
    masa(&folder, &["log", "consistency", "checkpoint.txt", "--out", "receipt.cbor"]).ok();
    folder
}

#[test]
fn receipt_of_consistency_is_verified_only_from_the_older_checkpoint() {
    let folder = grown();
    let alone = masa(&folder, &["inspect", "--anchor", "masa/log-verifier.txt", "receipt.cbor"]);
    assert_eq!(alone.code, Some(2));
    assert!(alone.stdout.contains("not checked: it needs the older checkpoint") && alone.stdout.contains("as the sender says"), "{alone:?}");
    let from = ["inspect", "--anchor", "masa/log-verifier.txt", "--checkpoint", "checkpoint.txt", "receipt.cbor"];
    let finished = masa(&folder, &from);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.contains("verified under public key"), "{finished:?}");
    let mut octets = std::fs::read(folder.path("receipt.cbor")).unwrap();
    let sizes = octets.windows(3).position(|octets| octets == [0x83, 4, 7]).unwrap();
    // The last octet of the first hash of the path, behind sizes and heads.
    octets[sizes + 3 + 1 + 2 + 31] ^= 1;
    folder.write("receipt.cbor", &octets);
    let finished = masa(&folder, &from);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stdout.contains("WRONG"), "{finished:?}");
}

#[test]
fn checkpoint_is_verified_with_the_log_s_key_as_text_or_pem() {
    let folder = grown();
    for anchor in ["masa/log-verifier.txt", "masa/certificates/log.pem"] {
        let finished = masa(&folder, &["inspect", "-o", "json", "--anchor", anchor, "checkpoint.txt"]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let told = &told_by(finished)[0];
        assert_eq!((&told["kind"], &told["verified"]), (&json!("checkpoint"), &json!(true)));
    }
    assert_eq!(masa(&folder, &["inspect", "--anchor", "masa/certificates/tls-ca.pem", "checkpoint.txt"]).code, Some(2));
    assert_eq!(masa(&folder, &["inspect", "checkpoint.txt"]).code, Some(0));
}

#[test]
fn checkpoint_without_its_log_s_key_is_an_error() {
    let folder = grown();
    let error = |anchor: &str, checkpoint: &str| masa(&folder, &["inspect", "--anchor", anchor, "--checkpoint", checkpoint, "receipt.cbor"]).error();
    assert!(error("masa/certificates/tls-ca.pem", "checkpoint.txt").contains("checkpoint.txt: not to be trusted"));
    assert!(error("masa/log-verifier.txt", "masa/masa.toml").contains("masa/masa.toml: is no checkpoint"));
    let without = masa(&folder, &["inspect", "--checkpoint", "checkpoint.txt", "receipt.cbor"]);
    assert!(without.code == Some(2) && without.stderr.contains("--anchor"), "{without:?}");
    folder.write("mangled.txt", folder.read("masa/log-verifier.txt").replacen('+', "-", 1));
    assert!(error("mangled.txt", "checkpoint.txt").contains("mangled.txt: cannot be used as anchor"));
}

#[test]
fn receipt_of_a_record_is_verified_with_its_leaf_or_with_the_statement_alongside() {
    let folder = recorded();
    let proved: Value = serde_json::from_str(&masa(&folder, &["log", "prove", "JADA1", "--out", "receipt.cbor", "-o", "json"]).ok()).unwrap();
    let leaf = proved["leaf"].as_str().unwrap();
    folder.write("now.txt", masa(&folder, &["log", "checkpoint"]).ok());
    let key = ["inspect", "--anchor", "masa/log-verifier.txt", "receipt.cbor"];
    let with = |more: &[&str]| masa(&folder, &[&key, more].concat());

    let alone = with(&[]);
    assert_eq!(alone.code, Some(2));
    assert!(alone.stdout.contains("give the entry's hash, or the statement of it alongside"), "{alone:?}");
    assert!(with(&["--leaf", leaf]).ok().contains("verified under public key"));
    assert!(with(&["--leaf", leaf, "--checkpoint", "now.txt"]).ok().contains("its tree is that of the checkpoint"));
    let other = with(&["--leaf", &"00".repeat(32)]);
    assert!(other.code == Some(2) && other.stdout.contains("WRONG"), "{other:?}");
    assert_eq!(with(&["--leaf", "00"]).code, Some(2));

    let all: Vec<String> = folder.files("statements").iter().map(|(path, _)| path.to_str().unwrap().to_owned()).collect();
    let mut arguments = vec!["--anchor", "masa/certificates/provenance-ca.pem"];
    arguments.extend(all.iter().map(String::as_str));
    assert!(with(&arguments).ok().contains(leaf));
}
