//! `token`.

use super::{owner, registrar};

fn credentials(folder: &super::support::Folder) -> serde_json::Value {
    let report: serde_json::Value = serde_json::from_str(&registrar(folder, &["config", "check", "-o", "json"]).ok()).unwrap();
    report["credentials"].clone()
}

#[test]
fn token_is_printed_with_the_lines_that_the_configuration_needs() {
    let folder = owner();
    let text = registrar(&folder, &["token", "alice", "--role", "auditor", "--not-after", "2027-01-31T12:00:00Z"]).ok();
    assert_eq!(credentials(&folder), serde_json::json!({ "operator": "operator" }));
    let token = text.lines().last().unwrap();
    assert!(token.starts_with("brski-") && token.len() == 49, "{text}");

    let lines = text.lines().skip_while(|line| line.starts_with('#')).take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
    assert!(lines.contains("not-after = \"2027-01-31T12:00:00Z\"") && !lines.contains(token), "{text}");
    folder.write("registrar/registrar.toml", format!("{}\n{lines}\n", folder.read("registrar/registrar.toml")));
    assert_eq!(credentials(&folder)["alice"], "auditor");
}

#[test]
fn token_that_is_added_is_in_the_configuration_as_its_digest_alone() {
    let folder = owner();
    let before = folder.read("registrar/registrar.toml");
    let made: serde_json::Value = serde_json::from_str(&registrar(&folder, &["token", "bob", "--role", "approver", "--add", "-o", "json"]).ok()).unwrap();
    let after = folder.read("registrar/registrar.toml");
    assert!(after.starts_with(&before) && after.contains(made["token-sha256"].as_str().unwrap()));
    assert!(!after.contains(made["token"].as_str().unwrap()));
    assert_eq!(credentials(&folder)["bob"], "approver");
}

#[cfg(unix)]
#[test]
fn file_with_a_token_is_its_owner_s_alone_and_replaces_none() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = owner();
    registrar(&folder, &["token", "alice", "--role", "auditor", "--out", "alice-token"]).ok();
    let mode = std::fs::metadata(folder.path("alice-token")).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode, folder.read("alice-token").len()), (0o600, 50));
    let error = registrar(&folder, &["token", "bob", "--role", "auditor", "--out", "alice-token"]).error();
    assert!(error.contains("alice-token: exists already"), "{error}");
}

#[test]
fn name_that_is_taken_or_unfit_changes_nothing() {
    let folder = owner();
    let before = folder.files("registrar");
    let error = registrar(&folder, &["token", "operator", "--role", "auditor", "--add"]).error();
    assert!(error.contains("two credentials are called 'operator'"), "{error}");
    for name in ["two words", "", "a\"b\nrole"] {
        registrar(&folder, &["token", name, "--role", "auditor", "--add"]).error();
    }
    assert!(folder.files("registrar") == before);
    assert_eq!(registrar(&folder, &["token", "alice", "--role", "god"]).code, Some(2));
}

#[test]
fn role_of_a_station_is_not_for_registrars() {
    let folder = owner();
    assert_eq!(registrar(&folder, &["token", "alice", "--role", "station"]).code, Some(2));
    folder.edit("registrar/registrar.toml", "role = \"operator\"\n", "role = \"station\"\n");
    let error = registrar(&folder, &["config", "check"]).error();
    assert!(error.contains("'operator' has the role station, which must be one of operator, approver, auditor"), "{error}");
}
