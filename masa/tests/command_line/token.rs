//! `token`.

use super::{manufacturer, masa};

fn credentials(folder: &super::support::Folder) -> serde_json::Value {
    let report: serde_json::Value = serde_json::from_str(&masa(folder, &["config", "check", "-o", "json"]).ok()).unwrap();
    report["credentials"].clone()
}

#[test]
fn token_is_printed_with_the_lines_that_the_configuration_needs() {
    let folder = manufacturer();
    let text = masa(&folder, &["token", "alice", "--role", "auditor", "--not-after", "2027-01-31T12:00:00Z"]).ok();
    assert_eq!(credentials(&folder), serde_json::json!({ "operator": "operator" }));
    let token = text.lines().last().unwrap();
    assert!(token.starts_with("brski-") && token.len() == 49, "{text}");

    let lines = text.lines().skip_while(|line| line.starts_with('#')).take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
    assert!(lines.contains("not-after = \"2027-01-31T12:00:00Z\"") && !lines.contains(token), "{text}");
    folder.write("masa/masa.toml", format!("{}\n{lines}\n", folder.read("masa/masa.toml")));
    assert_eq!(credentials(&folder)["alice"], "auditor");
}

#[test]
fn token_that_is_added_is_in_the_configuration_as_its_digest_alone() {
    let folder = manufacturer();
    let before = folder.read("masa/masa.toml");
    let made: serde_json::Value = serde_json::from_str(&masa(&folder, &["token", "line-7", "--role", "station", "--add", "-o", "json"]).ok()).unwrap();
    let after = folder.read("masa/masa.toml");
    assert!(after.starts_with(&before) && after.contains(made["token-sha256"].as_str().unwrap()));
    assert!(!after.contains(made["token"].as_str().unwrap()));
    assert_eq!(credentials(&folder)["line-7"], "station");
}

#[cfg(unix)]
#[test]
fn file_with_a_token_is_its_owner_s_alone_and_replaces_none() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = manufacturer();
    masa(&folder, &["token", "alice", "--role", "auditor", "--out", "alice-token"]).ok();
    let mode = std::fs::metadata(folder.path("alice-token")).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode, folder.read("alice-token").len()), (0o600, 50));
    let error = masa(&folder, &["token", "bob", "--role", "auditor", "--out", "alice-token"]).error();
    assert!(error.contains("alice-token: exists already"), "{error}");
}

#[test]
fn name_that_is_taken_or_unfit_changes_nothing() {
    let folder = manufacturer();
    let before = folder.files("masa");
    let error = masa(&folder, &["token", "operator", "--role", "auditor", "--add"]).error();
    assert!(error.contains("two credentials are called 'operator'"), "{error}");
    for name in ["two words", "", "a\"b\nrole"] {
        masa(&folder, &["token", name, "--role", "auditor", "--add"]).error();
    }
    assert!(folder.files("masa") == before);
    assert_eq!(masa(&folder, &["token", "alice", "--role", "god"]).code, Some(2));
}
