//! `config check`, and what every command says of a configuration that cannot be used.

use super::{owner, registrar};

#[test]
fn fresh_configuration_is_usable_and_lacks_only_manufacturers() {
    let folder = owner();
    let report: serde_json::Value = serde_json::from_str(&registrar(&folder, &["config", "check", "-o", "json"]).ok()).unwrap();
    assert_eq!(report["manufacturers"], serde_json::json!([]));
    assert_eq!(report["warnings"].as_array().unwrap().len(), 1);
}

#[test]
fn policy_that_only_warns_is_warned_about() {
    let folder = owner();
    folder.edit("registrar/policy.toml", "\nmode = \"enforce\"", "\nmode = \"warn\"");
    let report = registrar(&folder, &["config", "check"]).ok();
    assert!(report.contains("\nwarning: the policy only warns: pledges that it holds or refuses pass nevertheless\n"), "{report}");
}

#[test]
fn check_leads_on_to_the_manufacturers_that_are_missing() {
    let report = registrar(&owner(), &["config", "check"]).ok();
    assert_eq!(report.lines().last(), Some("Next: brski-registrar trust add --config registrar/registrar.toml manufacturer-profile.toml"));
}

#[test]
fn audit_log_may_be_optional_and_nothing_else() {
    let folder = owner();
    folder.edit("registrar/registrar.toml", "audit-log = \"required\"", "audit-log = \"optional\"");
    registrar(&folder, &["config", "check"]).ok();
    folder.edit("registrar/registrar.toml", "audit-log = \"optional\"", "audit-log = \"ignored\"");
    let error = registrar(&folder, &["config", "check"]).error();
    assert!(error.contains("field audit.audit-log: unknown variant"), "{error}");
}

#[test]
fn check_changes_nothing() {
    let folder = owner();
    let before = folder.files("registrar");
    registrar(&folder, &["config", "check"]).ok();
    assert!(folder.files("registrar") == before);
}

#[test]
fn unknown_field_is_named_with_file_and_line() {
    let folder = owner();
    folder.edit("registrar/registrar.toml", "hold-retry", "retry");
    let error = registrar(&folder, &["config", "check"]).error();
    let line = folder.read("registrar/registrar.toml").lines().position(|line| line.starts_with("retry")).unwrap() + 1;
    assert!(error.starts_with(&format!("error: registrar/registrar.toml, line {line}, field requests.retry: unknown field")), "{error}");
}

#[test]
fn value_out_of_range_is_named_with_what_would_be_right() {
    let folder = owner();
    folder.edit("registrar/registrar.toml", "hold-retry = 60", "hold-retry = 600");
    let error = registrar(&folder, &["serve"]).error();
    assert!(error.starts_with("error: registrar/registrar.toml, line "), "{error}");
    assert!(error.contains(", field requests.hold-retry: must be between 1 and 60 seconds"), "{error}");
}

#[test]
fn policy_that_cannot_be_read_is_named() {
    let folder = owner();
    folder.edit("registrar/policy.toml", "then = \"hold\"", "then = \"perhaps\"");
    let error = registrar(&folder, &["serve"]).error();
    assert!(error.starts_with("error: registrar/policy.toml: "), "{error}");
}

#[test]
fn domain_ca_that_is_none_is_refused() {
    let folder = owner();
    folder.edit("registrar/registrar.toml", "certificates/domain-ca.pem", "certificates/registrar.pem");
    folder.edit("registrar/registrar.toml", "keys/domain-ca.pem", "keys/registrar.pem");
    let error = registrar(&folder, &["config", "check"]).error();
    assert!(error.starts_with("error: registrar/registrar.toml, line "), "{error}");
    assert!(error.contains(", field domain-ca: cannot be used: "), "{error}");
}

#[test]
fn leniency_for_an_unknown_manufacturer_is_refused() {
    let folder = owner();
    let config = folder.read("registrar/registrar.toml") + "\n[leniencies.\"Somebody\"]\ncms-id-data = true\n";
    folder.write("registrar/registrar.toml", config);
    let error = registrar(&folder, &["config", "check"]).error();
    assert!(error.contains("field leniencies: 'Somebody' is no manufacturer with a profile"), "{error}");
}

#[test]
fn statement_in_vouchers_may_be_full_or_a_summary_and_nothing_else() {
    let folder = owner();
    for (before, after) in [("# statement = \"full\"", "statement = \"full\""), ("statement = \"full\"", "statement = \"summary\"")] {
        folder.edit("registrar/registrar.toml", before, after);
        registrar(&folder, &["config", "check"]).ok();
    }
    folder.edit("registrar/registrar.toml", "statement = \"summary\"", "statement = \"some\"");
    let error = registrar(&folder, &["config", "check"]).error();
    assert!(error.contains("field requests.statement: unknown variant"), "{error}");
}

#[test]
fn store_of_pledges_that_is_none_is_refused() {
    let folder = owner();
    folder.write("registrar/pledges.sqlite", "these are no pledges");
    let error = registrar(&folder, &["config", "check"]).error();
    assert!(error.contains("field pledges: ") && error.ends_with("pledges.sqlite is no SQLite database"), "{error}");
}

#[test]
fn leniencies_written_as_the_masa_has_them_are_refused_with_how_they_are_written_here() {
    let folder = owner();
    let config = folder.read("registrar/registrar.toml") + "\n[leniencies]\ncms-id-data = true\n";
    folder.write("registrar/registrar.toml", config);
    let error = registrar(&folder, &["config", "check"]).error();
    assert!(error.contains("write [leniencies.\"NAME\"] with the manufacturer's name from `trust list`"), "{error}");
    assert!(error.contains("field leniencies.cms-id-data"), "{error}");
}

#[test]
fn unknown_leniency_of_a_manufacturer_is_named() {
    let folder = owner();
    let config = folder.read("registrar/registrar.toml") + "\n[leniencies.\"Somebody\"]\nanything = true\n";
    folder.write("registrar/registrar.toml", config);
    let error = registrar(&folder, &["config", "check"]).error();
    assert!(error.contains("unknown field `anything`"), "{error}");
}

#[test]
fn unknown_table_is_named_with_the_one_that_was_meant() {
    let folder = owner();
    folder.edit("registrar/registrar.toml", "\n[admin]\n", "\n[admn]\n");
    let error = registrar(&folder, &["config", "check"]).error();
    let line = folder.read("registrar/registrar.toml").lines().position(|line| line == "[admn]").unwrap() + 1;
    assert!(error.starts_with(&format!("error: registrar/registrar.toml, line {line}, field admn: unknown field `admn`")), "{error}");
    assert!(error.ends_with("did you mean 'admin'?"), "{error}");
}
