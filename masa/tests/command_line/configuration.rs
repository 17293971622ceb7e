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

/// The example of `[[evidence]]` that `init` writes, taken out of its comment, with these anchors and nobody withdrawn.
fn with_evidence(folder: &super::support::Folder, anchors: &str) {
    let text = folder.read("masa/masa.toml");
    let begin = text.find("# [[evidence]]").unwrap();
    let (before, rest) = text.split_at(begin);
    let (example, after) = rest.split_once("\n\n").unwrap();
    let example =
        example.lines().filter(|line| !line.starts_with("# withdrawn")).map(|line| line.trim_start_matches("# ").to_owned() + "\n").collect::<String>();
    folder.write("masa/masa.toml", format!("{before}{}\n{after}", example.replace("certificates/silicon-tpm.pem", anchors)));
}

#[test]
fn authority_for_evidence_is_told_with_its_basis_and_its_anchors() {
    let folder = manufacturer();
    // Any CA that issues no IDevIDs will do.
    with_evidence(&folder, "certificates/voucher-ca.pem");
    let report: serde_json::Value = serde_json::from_str(&masa(&folder, &["config", "check", "-o", "json"]).ok()).unwrap();
    assert_eq!(report["evidence"], serde_json::json!({ "Silicon Ltd TPM": "key-attestation" }));
    assert_eq!(report["warnings"], serde_json::json!([]));
    let anchors =
        report["certificates"].as_array().unwrap().iter().filter(|certificate| certificate["fields"].as_array().unwrap().contains(&"evidence.anchors".into()));
    assert_eq!(anchors.count(), 1);
    let text = masa(&folder, &["config", "check"]).ok();
    assert!(text.lines().any(|line| line == "evidence: of Silicon Ltd TPM, as basis key-attestation"), "{text}");
}

#[test]
fn basis_that_nothing_could_ground_is_warned_of() {
    let folder = manufacturer();
    let warnings = || {
        let report: serde_json::Value = serde_json::from_str(&masa(&folder, &["config", "check", "-o", "json"]).ok()).unwrap();
        report["warnings"].as_array().unwrap().iter().map(|warning| warning.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    folder.edit("masa/masa.toml", "\"station-signed\"]", "\"station-signed\", \"key-attestation\"]");
    let found = warnings();
    assert!(found.len() == 1 && found[0].starts_with("station 'station-1' may claim basis key-attestation, which nothing can ground"), "{found:?}");
    with_evidence(&folder, "certificates/voucher-ca.pem");
    assert_eq!(warnings(), Vec::<String>::new());
}

#[test]
fn authority_above_the_ca_that_issues_idevids_is_refused() {
    let folder = manufacturer();
    // The issuing CA, then its root.
    let chain = folder.read("masa/certificates/idevid-issuer.pem");
    let (issuing, root) = chain.split_at(chain.rfind("-----BEGIN").unwrap());
    folder.write("masa/certificates/issuing-alone.pem", issuing);
    folder.write("masa/certificates/root-alone.pem", root);
    folder.edit("masa/masa.toml", "idevid-anchors = [\"certificates/idevid-issuer.pem\"]", "idevid-anchors = [\"certificates/issuing-alone.pem\"]");
    with_evidence(&folder, "certificates/root-alone.pem");
    let error = masa(&folder, &["config", "check"]).error();
    assert!(error.contains("field evidence.anchors: has a CA above CN=") && error.contains("so that devices could sign evidence themselves"), "{error}");
}

#[test]
fn two_authorities_with_one_anchor_are_refused() {
    let folder = manufacturer();
    with_evidence(&folder, "certificates/voucher-ca.pem");
    let again = "[[evidence]]\nname = \"another\"\nanchors = [\"certificates/voucher-ca.pem\"]\nbasis = \"hsm-attested\"\n";
    folder.write("masa/masa.toml", format!("{}\n{again}", folder.read("masa/masa.toml")));
    let error = masa(&folder, &["config", "check"]).error();
    assert!(error.contains("is an anchor of 'Silicon Ltd TPM' as well, so that nobody could tell whose word it is"), "{error}");
}

#[test]
fn authority_that_could_not_be_trusted_is_refused() {
    let folder = manufacturer();
    with_evidence(&folder, "certificates/idevid-issuer.pem");
    let error = masa(&folder, &["config", "check"]).error();
    assert!(error.contains("field evidence.anchors: ") && error.contains("is an anchor of IDevIDs, so that devices could sign evidence themselves"), "{error}");
    for (from, to, expected) in [
        ("basis = \"key-attestation\"", "basis = \"station-signed\"", "field evidence.basis: must be one that evidence can ground"),
        ("locus = \"discrete-tpm\"", "locus = \"unknown\"", "field evidence.locus: must be left out"),
        ("name = \"Silicon Ltd TPM\"", "name = \"\"", "field evidence.name: must be 1 to 40 printable characters"),
        ("anchors = [\"certificates/voucher-ca.pem\"]", "anchors = []", "field evidence.anchors: is empty"),
    ] {
        let folder = manufacturer();
        with_evidence(&folder, "certificates/voucher-ca.pem");
        folder.edit("masa/masa.toml", from, to);
        let error = masa(&folder, &["config", "check"]).error();
        assert!(error.contains(expected), "{error}");
    }
}
