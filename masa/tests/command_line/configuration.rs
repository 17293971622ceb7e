//! `config check`, and what every command says of a configuration that cannot be used.

use super::{manufacturer, masa};

#[test]
fn fresh_configuration_is_usable_without_warnings() {
    let folder = manufacturer();
    let report: serde_json::Value = serde_json::from_str(&masa(&folder, &["config", "check", "-o", "json"]).ok()).unwrap();
    assert_eq!(report["warnings"], serde_json::json!([]));
    assert!(report["certificates"].as_array().unwrap().iter().all(|certificate| certificate.get("warning").is_none()));
}

#[test]
fn check_changes_nothing() {
    let folder = manufacturer();
    let before = folder.files("masa");
    masa(&folder, &["config", "check"]).ok();
    assert!(folder.files("masa") == before);
}

#[test]
fn unknown_field_is_named_with_file_and_line() {
    let folder = manufacturer();
    folder.edit("masa/masa.toml", "body-limit", "body_limit");
    let error = masa(&folder, &["config", "check"]).error();
    let line = folder.read("masa/masa.toml").lines().position(|line| line.starts_with("body_limit")).unwrap() + 1;
    assert!(error.starts_with(&format!("error: masa/masa.toml, line {line}, field body_limit: unknown field")), "{error}");
}

#[test]
fn wrong_word_is_named_with_what_would_be_right() {
    let folder = manufacturer();
    folder.edit("masa/masa.toml", "without-proximity = \"refuse\"", "without-proximity = \"allow\"");
    let error = masa(&folder, &["config", "check"]).error();
    assert!(error.contains("field requests.without-proximity: ") && error.contains("`refuse` or `logged`"), "{error}");
}

#[test]
fn only_leniencies_that_are_on_are_told() {
    let folder = manufacturer();
    let told = |folder: &_| {
        let report: serde_json::Value = serde_json::from_str(&masa(folder, &["config", "check", "-o", "json"]).ok()).unwrap();
        report["leniencies"].clone()
    };
    assert_eq!(told(&folder), serde_json::json!(["idevid-issuer-forms"]));
    // The example that `init` writes, taken out of its comments.
    folder.edit("masa/masa.toml", "# [leniencies]\n# cms-id-data = true ", "[leniencies]\ncms-id-data = true ");
    folder.edit("masa/masa.toml", "# idevid-issuer-forms = false", "idevid-issuer-forms = false");
    assert_eq!(told(&folder), serde_json::json!(["cms-id-data"]));
    let text = masa(&folder, &["config", "check"]).ok();
    assert!(text.lines().any(|line| line == "leniency: cms-id-data"), "{text}");
}

#[test]
fn unknown_leniency_is_named() {
    let folder = manufacturer();
    let text = folder.read("masa/masa.toml");
    folder.write("masa/masa.toml", format!("{text}\n[leniencies]\nanything = true\n"));
    let error = masa(&folder, &["config", "check"]).error();
    assert!(error.contains("field leniencies.anything: unknown field"), "{error}");
}

#[test]
fn missing_file_is_named_with_its_field() {
    let folder = manufacturer();
    std::fs::remove_file(folder.path("masa/keys/voucher-signer.pem")).unwrap();
    let error = masa(&folder, &["serve"]).error();
    assert!(error.starts_with("error: masa/masa.toml, field voucher-signer.key: masa/keys/voucher-signer.pem cannot be read: "), "{error}");
}

#[test]
fn key_of_another_certificate_is_refused() {
    let folder = manufacturer();
    folder.edit("masa/masa.toml", "keys/tls.pem", "keys/voucher-signer.pem");
    let error = masa(&folder, &["config", "check"]).error();
    assert!(error.starts_with("error: masa/masa.toml, field tls.key: masa/keys/voucher-signer.pem is not the private key of"), "{error}");
}

#[test]
fn domain_that_is_no_digest_is_told_what_one_is() {
    let folder = manufacturer();
    folder.edit("masa/masa.toml", "domains = []", "domains = [\"abc\"]");
    let error = masa(&folder, &["config", "check"]).error();
    assert!(error.contains("field nonceless.domains: ") && error.contains("64 hexadecimal digits"), "{error}");
}

#[test]
fn two_stations_of_one_name_are_refused() {
    let folder = manufacturer();
    let once = "bases = [\"self-declared\", \"station-signed\"]\n";
    folder.edit("masa/masa.toml", once, &format!("{once}[[stations]]\nname = \"station-1\"\npublic-key = \"certificates/station-1.pem\"\n"));
    let error = masa(&folder, &["config", "check"]).error();
    assert!(error.contains("field stations.name: 'station-1' occurs twice"), "{error}");
}

#[cfg(unix)]
#[test]
fn key_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = manufacturer();
    std::fs::set_permissions(folder.path("masa/keys/tls.pem"), std::fs::Permissions::from_mode(0o640)).unwrap();
    let report: serde_json::Value = serde_json::from_str(&masa(&folder, &["config", "check", "-o", "json"]).ok()).unwrap();
    assert_eq!(report["warnings"].as_array().unwrap().len(), 1);
}

#[test]
fn configuration_that_is_not_there_is_named() {
    let folder = super::support::Folder::new();
    let error = masa(&folder, &["serve", "--config", "nowhere.toml"]).error();
    assert!(error.starts_with("error: nowhere.toml: cannot be read: "), "{error}");
}

#[test]
fn ledger_that_is_none_is_refused() {
    let folder = manufacturer();
    folder.write("masa/ledger.sqlite", "this is no ledger");
    let error = masa(&folder, &["config", "check"]).error();
    assert!(error.contains("field ledger: ") && error.ends_with("ledger.sqlite is no SQLite database"), "{error}");
}
