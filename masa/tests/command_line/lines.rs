//! Product lines and voucher keys: `init --profile`, what `config check` finds, and which CA issues an IDevID.

use brski_common::issuing::Subject;
use brski_common::provenance::ProvenanceStatement;
use brski_common::{Anchors, Certificate, Format, Leniencies, PolicyOid, SerialNumber, SignatureAlgorithm, Signed, SoftwareKey, UnixTime, Usage};
use serde_json::Value;

use super::support::{Finished, Folder};
use super::{MASA, manufacture, masa};

/// Each mode with what `init` needs to make it.
const MODES: [&[&str]; 5] = [&["no-pki"], &["one-level"], &["per-product"], &["idevid-intertwined", "--voucher-policy", "1.3.6.1.4.1.32473.1"], &["rotating"]];

fn in_mode(mode: &[&str]) -> Folder {
    let folder = Folder::new();
    masa(&folder, &[&["init", "--profile"], mode].concat()).ok();
    folder
}

fn check(folder: &Folder) -> Value {
    serde_json::from_str(&masa(folder, &["config", "check", "-o", "json"]).ok()).unwrap()
}

fn error(folder: &Folder) -> String {
    masa(folder, &["config", "check"]).error()
}

#[test]
fn every_profile_is_usable_without_warnings_and_serves() {
    for mode in MODES {
        let folder = in_mode(mode);
        let report = check(&folder);
        assert_eq!(report["warnings"], serde_json::json!([]), "{mode:?}");
        assert_eq!(report["product-lines"], serde_json::json!({ "everything else": mode[0] }));
        folder.listen_anywhere("masa/masa.toml");
        let mut server = folder.start(MASA, &["serve"]);
        server.port();
        assert_eq!(server.stop("TERM").0, Some(0), "{mode:?}");
    }
}

/// The field of a manufacturer's profile as certificates.
fn profile(folder: &Folder, field: &str) -> Vec<Certificate> {
    let profile: toml::Table = folder.read("masa/manufacturer-profile.toml").parse().unwrap();
    Certificate::all_from_pem(profile[field].as_str().unwrap()).unwrap()
}

#[test]
fn profile_for_registrars_trusts_the_voucher_signers_and_no_idevid() {
    for mode in MODES {
        let folder = in_mode(mode);
        let text: toml::Table = folder.read("masa/manufacturer-profile.toml").parse().unwrap();
        let anchors = Anchors::new(profile(&folder, "voucher-anchors")).unwrap();
        let policy = text.get("voucher-policy").map(|policy| PolicyOid::new(policy.as_str().unwrap()).unwrap());
        assert_eq!(policy.is_some(), mode[0] == "idevid-intertwined");
        let anchors = policy.into_iter().fold(anchors, Anchors::demanding);
        let trusts = |chain: &[Certificate]| anchors.verify_path(&chain[0], chain, Usage::Any, UnixTime::now()).is_ok();

        let signers =
            folder.files("masa/certificates").into_iter().filter(|(path, _)| path.file_name().unwrap().to_str().unwrap().starts_with("voucher-signer"));
        let signers: Vec<Vec<Certificate>> = signers.map(|(_, pem)| Certificate::all_from_pem(&String::from_utf8(pem).unwrap()).unwrap()).collect();
        assert_eq!(signers.len(), if mode[0] == "rotating" { 2 } else { 1 });
        assert!(signers.iter().all(|chain| trusts(chain)), "{mode:?}");
        let pool = Certificate::all_from_pem(&folder.read("masa/certificates/idevid-issuer.pem")).unwrap();
        assert!(!trusts(&[vec![manufacture::idevid(&folder, "JADA1")], pool].concat()), "{mode:?}");
    }
}

#[test]
fn device_is_recorded_in_every_profile() {
    for mode in MODES {
        let folder = in_mode(mode);
        folder.write("reports.jsonl", manufacture::report(&folder, "JADA1"));
        masa(&folder, &["record", "reports.jsonl"]).ok();
    }
}

#[test]
fn policy_belongs_to_the_profile_that_needs_one() {
    assert_eq!(masa(&Folder::new(), &["init", "--profile", "idevid-intertwined"]).code, Some(2));
    let refused = masa(&Folder::new(), &["init", "--voucher-policy", "1.2.3"]).error();
    assert!(refused.contains("--voucher-policy belongs to --profile idevid-intertwined alone"), "{refused}");
    assert_eq!(masa(&Folder::new(), &["init", "--profile", "idevid-intertwined", "--voucher-policy", "2.5.29.32.0"]).code, Some(2));
}

/// A manufacturer with a second PKI beside it in the folder `other`, and this product line.
fn with_line(line: &str) -> Folder {
    let folder = super::manufacturer();
    masa(&folder, &["init", "--dir", "other", "--name", "Other"]).ok();
    let anchors = "idevid-anchors = [\"certificates/idevid-issuer.pem\"]";
    folder.edit("masa/masa.toml", anchors, "idevid-anchors = [\"certificates/idevid-issuer.pem\", \"../other/certificates/idevid-issuer.pem\"]");
    add(&folder, line);
    folder
}

fn add(folder: &Folder, table: &str) {
    let text = folder.read("masa/masa.toml");
    folder.write("masa/masa.toml", format!("{text}\n{table}\n"));
}

/// Devices of the second PKI's CA, with voucher keys below its own voucher CA.
const PUMPS: &str = r#"
[[product-lines]]
name = "pumps"
idevid-issuers = ["../other/certificates/idevid-issuer.pem"]
idevid-issuer = {certificate = "../other/certificates/idevid-issuer.pem", key = "../other/keys/idevid-issuer.pem"}
voucher-signer = {certificate = "../other/certificates/voucher-signer.pem", key = "../other/keys/voucher-signer.pem"}
voucher-signing = {mode = "per-product"}
provenance-signer = {certificate = "../other/certificates/provenance-signer.pem", key = "../other/keys/provenance-signer.pem"}
disclosure = {line = "auditor", owner = "customer"}
defaults = {site = "Basel"}
requests = {without-proximity = "logged"}
"#;

/// The same devices and nothing else.
const BARE: &str = "[[product-lines]]\nname = \"pumps\"\nidevid-issuers = [\"../other/certificates/idevid-issuer.pem\"]";

#[test]
fn product_line_of_its_own_ca_and_keys_is_usable() {
    let report = check(&with_line(PUMPS));
    assert_eq!(report["product-lines"], serde_json::json!({ "everything else": "one-level", "pumps": "per-product" }));
    let fields: Vec<&Value> = report["certificates"].as_array().unwrap().iter().flat_map(|found| found["fields"].as_array().unwrap()).collect();
    for field in ["product-lines.pumps.voucher-signer", "product-lines.pumps.provenance-signer", "product-lines.pumps.idevid-issuer"] {
        assert!(fields.iter().any(|found| *found == field), "{field}");
    }
}

/// The key for vouchers without nonce of the manufacturer in this folder, relative to the configuration.
fn nonceless(folder: &str) -> String {
    format!("{{certificate = \"{folder}/certificates/nonceless-signer.pem\", key = \"{folder}/keys/offline/nonceless-signer.pem\"}}")
}

#[test]
fn key_for_vouchers_without_nonce_is_the_line_s_own_where_its_voucher_keys_are() {
    for own in [String::new(), format!("nonceless-signer = {}\n", nonceless("../other"))] {
        let folder = with_line(&PUMPS.replace("voucher-signing", &format!("{own}voucher-signing")));
        folder.edit("masa/masa.toml", "[nonceless]\n", &format!("[nonceless]\nsigner = {}\n", nonceless(".")));
        check(&folder);
    }
    let told = error(&with_line(&PUMPS.replace("voucher-signing", &format!("nonceless-signer = {}\nvoucher-signing", nonceless(".")))));
    assert!(told.contains("also stands above the voucher keys of 'everything else'"), "{told}");
}

#[test]
fn example_of_a_product_line_is_one() {
    let folder = super::manufacturer();
    let text = folder.read("masa/masa.toml");
    let (before, example) = text.split_once("# [[product-lines]]\n").unwrap();
    let (example, after) = example.split_once("\n\n").unwrap();
    let example: String = example.lines().map(|line| line.strip_prefix("# ").unwrap().to_owned() + "\n").collect();
    folder.write("masa/masa.toml", format!("{before}[[product-lines]]\n{example}\n{after}"));
    let told = error(&folder);
    assert!(told.contains("masa/certificates/sensors-") && told.contains("does not exist"), "{told}");
}

#[test]
fn mistakes_in_product_lines_are_told_with_field_and_what_would_be_right() {
    let second = |more: &str| format!("{BARE}\n[[product-lines]]\nname = \"valves\"\n{more}");
    for (lines, field, sentence) in [
        ("[[product-lines]]\nname = \"pumps\"".to_owned(), "product-lines.pumps.idevid-issuers", "says of no device that it is in this line"),
        ("[[product-lines]]\nname = \"everything else\"\nserial-prefix = \"A\"".to_owned(), "product-lines.name", "and not 'everything else'"),
        (BARE.replace("idevid-issuer.pem", "voucher-ca.pem"), "product-lines.pumps.idevid-issuers", "must be one of idevid-anchors"),
        (BARE.replace("idevid-issuer.pem", "nowhere.pem"), "product-lines.pumps.idevid-issuers", "does not exist"),
        (second("serial-prefix = \"VA\""), "product-lines", "a device could be in 'pumps' and in 'valves'"),
        (second("idevid-issuers = [\"../other/certificates/idevid-issuer.pem\"]"), "product-lines", "a device could be in 'pumps' and in 'valves'"),
        (
            second("idevid-issuers = [\"certificates/idevid-issuer.pem\"]").replace("valves", "pumps"),
            "product-lines",
            "'pumps' occurs twice, each product line needs a name of its own",
        ),
        (
            PUMPS
                .replace("../other/certificates/voucher-signer.pem", "certificates/voucher-signer.pem")
                .replace("../other/keys/voucher-signer", "keys/voucher-signer"),
            "product-lines.pumps.voucher-signer.certificate",
            "also stands above the voucher keys of 'everything else'",
        ),
        (
            PUMPS.replace("\"per-product\"", "\"no-pki\""),
            "product-lines.pumps.voucher-signer.certificate",
            "holds 2 certificates, expected the signer's own and no other",
        ),
        (PUMPS.replace("\"per-product\"", "\"idevid-intertwined\""), "product-lines.pumps.voucher-signing.policy", "is missing"),
        (
            PUMPS.replace("\"per-product\"", "\"idevid-intertwined\", policy = \"1.2.3\""),
            "product-lines.pumps.voucher-signer.certificate",
            "must end with the root that stands above the IDevIDs",
        ),
        (PUMPS.replace("\"per-product\"", "\"one-level\", policy = \"1.2.3\""), "product-lines.pumps.voucher-signing.policy", "belongs to mode"),
        (PUMPS.replace("\"per-product\"", "\"rotating\""), "product-lines.pumps.voucher-signer", "must not be there in mode \"rotating\""),
        (
            PUMPS.replace("other/certificates/idevid-issuer.pem\"]", "masa/certificates/idevid-issuer.pem\"]").replace("../masa/", ""),
            "product-lines.pumps.idevid-issuer.certificate",
            "must be one of product-lines.pumps.idevid-issuers",
        ),
        (PUMPS.replace("{site = \"Basel\"}", "\"nowhere.json\""), "product-lines.pumps.defaults", "does not exist"),
    ] {
        let folder = with_line(&lines);
        let told = error(&folder);
        assert!(told.starts_with("error: masa/masa.toml, ") && told.contains(&format!("field {field}: ")) && told.contains(sentence), "{lines}\n{told}");
    }
}

#[test]
fn mistakes_of_shape_are_told_with_their_line() {
    for (lines, sentence) in [
        (PUMPS.replace("{site = \"Basel\"}", "{method = \"avocado\"}"), "method and basis have no default"),
        (PUMPS.replace("{site = \"Basel\"}", "{batch = \"7\"}"), "unknown field `batch`"),
        (PUMPS.replace("line = \"auditor\", ", ""), "missing field `line`; one level, or a table such as"),
        (PUMPS.replace("\"logged\"", "\"maybe\""), "`refuse` or `logged`"),
        (PUMPS.replace("serial", "serials").replace("name = ", "nick = "), "nick"),
    ] {
        let folder = with_line(&lines);
        let told = error(&folder);
        assert!(told.starts_with("error: masa/masa.toml, line ") && told.contains(sentence), "{told}");
    }
}

#[test]
fn mistake_stops_the_start_as_well() {
    let folder = with_line(&PUMPS.replace("\"per-product\"", "\"no-pki\""));
    let told = masa(&folder, &["serve"]).error();
    assert!(told.contains("field product-lines.pumps.voucher-signer.certificate: holds 2 certificates"), "{told}");
}

#[test]
fn device_that_no_rotating_key_covers_is_warned_of() {
    let folder = in_mode(&["rotating"]);
    folder.edit("masa/masa.toml", "keys/voucher-signer-2.pem\"}\nmade-from", "keys/voucher-signer-2.pem\"}\nserial-prefix = \"A\"\nmade-from");
    let warnings: Vec<String> = check(&folder)["warnings"].as_array().unwrap().iter().map(|warning| warning.as_str().unwrap().to_owned()).collect();
    assert!(
        warnings.iter().any(|warning| warning.starts_with("product line 'everything else': no voucher key covers devices that will be made")),
        "{warnings:?}"
    );
}

#[test]
fn rotating_keys_that_cover_the_same_device_are_refused() {
    let folder = in_mode(&["rotating"]);
    let text = folder.read("masa/masa.toml");
    folder.write("masa/masa.toml", text.lines().filter(|line| !line.starts_with("made-until")).map(|line| format!("{line}\n")).collect::<String>());
    let told = error(&folder);
    assert!(told.contains("field voucher-signing.keys: two keys cover the same devices"), "{told}");
}

/// What `issue-idevid` makes of a new key for this serial number.
fn issue(folder: &Folder, serial: &str, more: &[&str]) -> Finished {
    let (key, _) = SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap();
    let subject = Subject::serial_number(&SerialNumber::new(serial).unwrap());
    manufacture::issue(folder, &subject, &key, &format!("{serial}.pem"), more)
}

/// Which of the two PKIs issued it: the name of its folder.
fn issuer(folder: &Folder, serial: &str) -> &'static str {
    let idevid = Certificate::all_from_pem(&folder.read(&format!("{serial}.pem"))).unwrap().swap_remove(0);
    let by = |name: &str| {
        Certificate::all_from_pem(&folder.read(&format!("{name}/certificates/idevid-issuer.pem"))).unwrap()[0].subject_key_id().map(<[u8]>::to_vec)
    };
    ["masa", "other"].into_iter().find(|name| by(name).as_deref() == idevid.authority_key_id()).unwrap()
}

#[test]
fn idevid_is_issued_by_the_ca_of_the_line_that_is_named() {
    let folder = with_line(PUMPS);
    issue(&folder, "P1", &["--line", "pumps"]).ok();
    issue(&folder, "E1", &["--line", "everything else"]).ok();
    assert_eq!((issuer(&folder, "P1"), issuer(&folder, "E1")), ("other", "masa"));
    let told = issue(&folder, "X1", &[]).error();
    assert!(told.contains("X1 could be of several product lines, everything else, pumps; --line says of which it is"), "{told}");
    let told = issue(&folder, "X1", &["--line", "valves"]).error();
    assert!(told.contains("field product-lines: none is called 'valves'"), "{told}");
}

#[test]
fn idevid_is_issued_by_the_ca_of_the_line_that_its_serial_number_tells() {
    let line = PUMPS.replace("idevid-issuers = [\"../other/certificates/idevid-issuer.pem\"]", "serial-prefix = \"PU\"");
    let folder = with_line(&line);
    issue(&folder, "PU1", &[]).ok();
    issue(&folder, "VA1", &[]).ok();
    assert_eq!((issuer(&folder, "PU1"), issuer(&folder, "VA1")), ("other", "masa"));
    let told = issue(&folder, "VA2", &["--line", "pumps"]).error();
    assert!(told.contains("no idevid-issuer makes VA2 a device of 'pumps'"), "{told}");
}

/// The site that the statement for the line tells of a new device.
fn recorded_site(folder: &Folder) -> Option<String> {
    folder.write("reports.jsonl", manufacture::report(folder, "PU1"));
    masa(folder, &["record", "--statements", "statements", "reports.jsonl"]).ok();
    let [(_, octets)] = folder.files("statements").try_into().unwrap();
    let statement = Signed::<ProvenanceStatement>::from_wire(Format::Cose, octets).peek_unverified(Leniencies::default()).unwrap();
    statement.site.map(|site| site.to_string())
}

#[test]
fn defaults_of_a_line_are_recorded_and_told_at_the_line_s_level() {
    let line = PUMPS.replace("idevid-issuers = [\"../other/certificates/idevid-issuer.pem\"]", "serial-prefix = \"PU\"");
    assert_eq!(recorded_site(&with_line(&line)).as_deref(), Some("Basel"));
    // What is internal to others: at the level of all other devices the site is not told.
    assert_eq!(recorded_site(&with_line(&line.replace("disclosure = {line = \"auditor\", owner = \"customer\"}\n", ""))), None);
}

#[test]
fn defaults_may_be_in_a_file_of_either_kind() {
    for (name, text) in [("defaults.json", "{\"site\": \"Bern\"}"), ("defaults.toml", "site = \"Bern\"")] {
        let line = PUMPS.replace("idevid-issuers = [\"../other/certificates/idevid-issuer.pem\"]", "serial-prefix = \"PU\"");
        let folder = with_line(&line.replace("{site = \"Basel\"}", &format!("\"{name}\"")));
        folder.write(&format!("masa/{name}"), text);
        assert_eq!(recorded_site(&folder).as_deref(), Some("Bern"));
        folder.write(&format!("masa/{name}"), text.replace("site", "basis"));
        let told = error(&folder);
        assert!(told.starts_with(&format!("error: masa/{name}")) && told.contains("method and basis have no default"), "{told}");
    }
}
