//! `trust add` and `trust list`.

use serde_json::Value;

use super::support::Folder;
use super::{owner, registrar};

/// An owner, and a manufacturer's profile that nobody has accepted yet.
pub(super) fn owner_with_profile() -> Folder {
    let folder = owner();
    write_profile(&folder, "profile.toml", "Example Devices");
    folder
}

/// A profile as `brski-masa init` makes it, around any CA certificate: here the domain's own.
fn write_profile(folder: &Folder, file: &str, name: &str) {
    write_profile_around(folder, file, name, "registrar/certificates/domain-ca.pem");
}

pub(super) fn write_profile_around(folder: &Folder, file: &str, name: &str, anchor: &str) {
    let anchor = folder.read(anchor);
    let mut profile = include_str!("../../../masa/src/cli/init/manufacturer-profile.toml").replace("{name}", &format!("\"{name}\""));
    profile = profile.replace("{authority}", "masa.example.com").replace("{voucher-policy}", "").replace("{log-keys}", "").replace("{profile-signers}", "");
    for purpose in ["{idevid-anchors}", "{voucher-anchors}", "{provenance-anchors}", "{masa-tls-anchors}"] {
        profile = profile.replace(purpose, &anchor);
    }
    folder.write(file, profile);
}

fn fingerprint(folder: &Folder, file: &str) -> String {
    brski_registrar::Manufacturer::fingerprint(&folder.read(file))
}

pub(super) fn names(folder: &Folder) -> Vec<String> {
    let listed = registrar(folder, &["trust", "list", "-o", "json"]).ok();
    listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn profile_is_not_accepted_where_nobody_can_be_asked() {
    let folder = owner_with_profile();
    let error = registrar(&folder, &["trust", "add", "profile.toml"]).error();
    assert!(error.contains(&fingerprint(&folder, "profile.toml")), "{error}");
    assert_eq!(names(&folder), [""; 0]);
}

#[test]
fn profile_with_the_told_fingerprint_is_accepted_octet_for_octet() {
    let folder = owner_with_profile();
    let told = fingerprint(&folder, "profile.toml").to_uppercase();
    registrar(&folder, &["trust", "add", "--fingerprint", &told, "profile.toml"]).ok();
    assert_eq!(names(&folder), ["Example Devices"]);
    assert_eq!(folder.read("registrar/trust/Example+Devices.toml"), folder.read("profile.toml"));
}

#[test]
fn profile_with_another_fingerprint_is_refused() {
    let folder = owner_with_profile();
    let other = "0".repeat(64);
    let error = registrar(&folder, &["trust", "add", "--fingerprint", &other, "profile.toml"]).error();
    assert!(error.ends_with("nothing was accepted"), "{error}");
    assert_eq!(names(&folder), [""; 0]);
}

#[test]
fn accepting_the_same_profile_again_changes_nothing() {
    let folder = owner_with_profile();
    registrar(&folder, &["trust", "add", "--yes", "profile.toml"]).ok();
    registrar(&folder, &["trust", "add", "profile.toml"]).ok();
    assert_eq!(names(&folder), ["Example Devices"]);
}

#[test]
fn profile_that_is_accepted_already_is_compared_with_the_told_fingerprint_nevertheless() {
    let folder = owner_with_profile();
    registrar(&folder, &["trust", "add", "--yes", "profile.toml"]).ok();
    let error = registrar(&folder, &["trust", "add", "--fingerprint", "abc", "profile.toml"]).error();
    assert!(error.ends_with("not abc; nothing was accepted"), "{error}");

    let told = fingerprint(&folder, "profile.toml");
    let again = registrar(&folder, &["trust", "add", "--fingerprint", &told, "profile.toml"]);
    assert_eq!(again.stderr, "This profile is accepted already; nothing was changed.\n");
    again.ok();
}

#[test]
fn copied_profile_under_another_name_is_not_accepted() {
    let folder = owner_with_profile();
    registrar(&folder, &["trust", "add", "--yes", "profile.toml"]).ok();
    write_profile(&folder, "copy.toml", "Evil");
    let error = registrar(&folder, &["trust", "add", "--yes", "copy.toml"]).error();
    assert!(error.starts_with("error: copy.toml: 'Evil' has an IDevID anchor in common with 'Example Devices' in "), "{error}");
    assert_eq!(names(&folder), ["Example Devices"]);
}

#[test]
fn profiles_that_share_an_anchor_stop_every_command_that_reads_them() {
    let folder = owner_with_profile();
    registrar(&folder, &["trust", "add", "--yes", "profile.toml"]).ok();
    write_profile(&folder, "registrar/trust/copy.toml", "Evil");
    for command in [&["serve"][..], &["config", "check"], &["trust", "list"]] {
        let error = registrar(&folder, command).error();
        assert!(error.contains("trust/copy.toml: 'Evil' has an IDevID anchor in common with 'Example Devices' in "), "{error}");
        assert!(error.contains("Example+Devices.toml"), "{error}");
    }
}

#[test]
fn other_profile_of_the_same_manufacturer_does_not_replace_the_first() {
    let folder = owner_with_profile();
    registrar(&folder, &["trust", "add", "--yes", "profile.toml"]).ok();
    let first = folder.read("profile.toml");
    folder.edit("profile.toml", "masa.example.com", "masa.example.org");
    let error = registrar(&folder, &["trust", "add", "--yes", "profile.toml"]).error();
    assert!(error.contains("another profile of 'Example Devices' is accepted already"), "{error}");
    assert_eq!(folder.read("registrar/trust/Example+Devices.toml"), first);
}

#[test]
fn profile_with_an_unknown_field_is_refused_with_its_line() {
    let folder = owner_with_profile();
    let without: String = folder.read("profile.toml").replace("voucher-anchors =", "vouchers =");
    folder.write("profile.toml", &without);
    let error = registrar(&folder, &["trust", "add", "--yes", "profile.toml"]).error();
    let line = without.lines().position(|line| line.starts_with("vouchers")).unwrap() + 1;
    assert!(error.starts_with(&format!("error: profile.toml, line {line}, field vouchers: unknown field")), "{error}");
}

#[test]
fn subject_of_an_anchor_cannot_steer_the_terminal() {
    let folder = owner_with_profile();
    registrar(&folder, &["init", "--dir", "other", "--name", "turned \u{202e} around"]).ok();
    let profile = folder.read("profile.toml").replace(&folder.read("registrar/certificates/domain-ca.pem"), &folder.read("other/certificates/domain-ca.pem"));
    folder.write("profile.toml", profile);
    let shown = registrar(&folder, &["trust", "add", "--yes", "profile.toml"]).ok();
    assert!(shown.contains("turned \u{fffd} around") && !shown.contains('\u{202e}'), "{shown}");
}

#[test]
fn every_accepted_manufacturer_is_listed() {
    let folder = owner_with_profile();
    registrar(&folder, &["init", "--dir", "other"]).ok();
    write_profile_around(&folder, "second.toml", "../Second", "other/certificates/domain-ca.pem");
    registrar(&folder, &["trust", "add", "--yes", "second.toml"]).ok();
    registrar(&folder, &["trust", "add", "--yes", "profile.toml"]).ok();
    assert_eq!(names(&folder), ["../Second", "Example Devices"]);
    assert_eq!(folder.files("registrar/trust").len(), 2);
}

#[test]
fn check_tells_what_each_manufacturer_may_do_wrong() {
    let folder = owner_with_profile();
    registrar(&folder, &["trust", "add", "--yes", "profile.toml"]).ok();
    let config = folder.read("registrar/registrar.toml") + "\n[leniencies.\"Example Devices\"]\nvoucher-cose-cbor = true\n";
    folder.write("registrar/registrar.toml", config);
    let report: Value = serde_json::from_str(&registrar(&folder, &["config", "check", "-o", "json"]).ok()).unwrap();
    assert_eq!(report["leniencies"]["Example Devices"], serde_json::json!(["idevid-issuer-forms", "voucher-cose-cbor"]));
    let report = registrar(&folder, &["config", "check"]).ok();
    assert!(report.contains("\nleniencies for Example Devices: idevid-issuer-forms, voucher-cose-cbor\n"), "{report}");
}
