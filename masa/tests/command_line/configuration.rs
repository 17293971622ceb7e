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
fn domain_that_is_no_digest_is_told_what_one_is() {
    let folder = manufacturer();
    folder.edit("masa/masa.toml", "domains = []", "domains = [\"abc\"]");
    let error = masa(&folder, &["config", "check"]).error();
    assert!(error.contains("field nonceless.domains: ") && error.contains("64 hexadecimal digits"), "{error}");
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
