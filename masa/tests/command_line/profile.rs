//! `profile`: what registrars are told of a product line.

use std::path::Path;

use brski_common::Certificate;

use super::masa;
use super::support::Folder;

const POLICY: &str = "1.3.6.1.4.1.32473.1";

fn init(folder: &Folder, dir: &str, name: &str, mode: &str) {
    let policy: &[&str] = if mode == "idevid-intertwined" { &["--voucher-policy", POLICY] } else { &[] };
    masa(folder, &[&["init", "--dir", dir, "--name", name, "--profile", mode], policy].concat()).ok();
}

fn profile(folder: &Folder, out: &str, more: &[&str]) -> toml::Table {
    masa(folder, &[&["profile", "--out", out], more].concat()).ok();
    folder.read(out).parse().unwrap()
}

/// The certificates in a field, and those that are expected there, from files of which the first counts.
fn anchors(profile: &toml::Table, field: &str) -> Vec<Certificate> {
    Certificate::all_from_pem(profile[field].as_str().unwrap()).unwrap()
}

fn first_of(folder: &Folder, file: &str) -> Vec<Certificate> {
    Certificate::all_from_pem(&folder.read(file)).unwrap().into_iter().take(1).collect()
}

/// With a second line, whose CAs are those of the manufacturer in the folder `pumps`.
fn with_pumps(mode: &str, signing: &str) -> Folder {
    let folder = Folder::new();
    init(&folder, "masa", "Example Manufacturer", "one-level");
    init(&folder, "pumps", "Example Pumps", mode);
    let own = "idevid-anchors = [\"certificates/idevid-issuer.pem\"";
    folder.edit("masa/masa.toml", own, &format!("{own}, \"../pumps/certificates/idevid-issuer.pem\""));
    let pair = |what: &str| format!("{{certificate = \"../pumps/certificates/{what}.pem\", key = \"../pumps/keys/{what}.pem\"}}");
    let (vouchers, statements) = (pair("voucher-signer"), pair("provenance-signer"));
    let line = format!(
        "\n[[product-lines]]\nname = \"pumps\"\nidevid-issuers = [\"../pumps/certificates/idevid-issuer.pem\"]\nvoucher-signer = {vouchers}\nvoucher-signing = {signing}\n\
         provenance-signer = {statements}\n"
    );
    folder.write("masa/masa.toml", folder.read("masa/masa.toml") + &line);
    folder
}

#[test]
fn profile_of_what_init_made_is_the_one_that_init_made() {
    for mode in ["one-level", "per-product", "idevid-intertwined"] {
        let folder = Folder::new();
        init(&folder, "masa", "Example Devices", mode);
        profile(&folder, "again.toml", &[]);
        assert!(folder.read("again.toml") == folder.read("masa/manufacturer-profile.toml"), "{mode}");
    }
}

#[test]
fn signer_without_nonce_that_nothing_stands_above_is_named_or_missed() {
    for mode in ["no-pki", "rotating"] {
        let folder = Folder::new();
        init(&folder, "masa", "Example Devices", mode);
        let told = masa(&folder, &["profile", "--out", "less.toml"]).ok();
        assert!(told.contains("warning: vouchers without nonce"), "{told}");
        profile(&folder, "again.toml", &["--voucher-anchor", "masa/certificates/nonceless-signer.pem"]);
        assert!(folder.read("again.toml") == folder.read("masa/manufacturer-profile.toml"), "{mode}");
    }
}

#[test]
fn sha256_is_that_of_the_file() {
    let folder = Folder::new();
    init(&folder, "masa", "Example Devices", "one-level");
    let told = masa(&folder, &["profile", "--out", "profile.toml", "-o", "json"]).ok();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, folder.read("profile.toml").as_bytes());
    let hex: String = digest.as_ref().iter().map(|octet| format!("{octet:02x}")).collect();
    assert_eq!(told["profile-sha256"], hex.as_str());
}

#[test]
fn profile_of_a_line_has_its_own_anchors_and_the_masa_s_address() {
    let folder = with_pumps("per-product", "{mode = \"per-product\"}");
    let found = profile(&folder, "pumps.toml", &["--line", "pumps"]);
    assert_eq!((found["name"].as_str(), found["masa-url"].as_str()), (Some("Example Pumps"), Some("https://localhost:9443")));
    for (field, file) in [
        ("idevid-anchors", "pumps/certificates/idevid-root.pem"),
        ("voucher-anchors", "pumps/certificates/voucher-ca.pem"),
        ("provenance-anchors", "pumps/certificates/provenance-ca.pem"),
        ("masa-tls-anchors", "masa/certificates/tls-ca.pem"),
    ] {
        assert_eq!(anchors(&found, field), first_of(&folder, file), "{field}");
    }
    // And the rest stays as it was.
    profile(&folder, "rest.toml", &[]);
    assert_eq!(folder.read("rest.toml"), folder.read("masa/manufacturer-profile.toml"));
}

#[test]
fn policy_of_an_intertwined_line_is_demanded() {
    let folder = with_pumps("idevid-intertwined", &format!("{{mode = \"idevid-intertwined\", policy = \"{POLICY}\"}}"));
    let found = profile(&folder, "pumps.toml", &["--line", "pumps"]);
    assert_eq!(found["voucher-policy"].as_str(), Some(POLICY));
    assert_eq!(anchors(&found, "voucher-anchors"), first_of(&folder, "pumps/certificates/idevid-root.pem"));
    assert!(!profile(&folder, "rest.toml", &[]).contains_key("voucher-policy"));
}

#[test]
fn lines_under_one_root_are_given_what_is_below_it() {
    let folder = with_pumps("per-product", "{mode = \"per-product\"}");
    // The pumps' issuer is now the manufacturer's sub CA, and all else that of its issuing CA.
    let sub = folder.read("masa/certificates/idevid-sub.pem");
    folder.write("pumps/certificates/idevid-issuer.pem", sub + &folder.read("masa/certificates/idevid-root.pem"));
    let found = profile(&folder, "rest.toml", &[]);
    assert_eq!(anchors(&found, "idevid-anchors"), first_of(&folder, "masa/certificates/idevid-issuer.pem"));
}

#[test]
fn tls_anchor_is_taken_as_given_and_missed_if_it_cannot_be_found() {
    let folder = Folder::new();
    init(&folder, "masa", "Example Devices", "one-level");
    std::fs::rename(folder.path("masa/certificates/tls-ca.pem"), folder.path("public.pem")).unwrap();
    assert!(masa(&folder, &["profile"]).error().contains("name the CA with --tls-anchor"));
    profile(&folder, "again.toml", &["--tls-anchor", "public.pem"]);
    assert_eq!(folder.read("again.toml"), folder.read("masa/manufacturer-profile.toml"));
}

#[test]
fn unknown_line_and_a_file_that_exists_are_refused() {
    let folder = Folder::new();
    init(&folder, "masa", "Example Devices", "one-level");
    assert!(masa(&folder, &["profile", "--line", "valves"]).error().contains("none is named 'valves'; there are: everything else"));
    assert!(masa(&folder, &["profile", "--out", "masa/manufacturer-profile.toml"]).error().contains("cannot be made"));
    assert!(!Path::new(&folder.path("profile.toml")).exists());
}

#[test]
fn signed_profile_is_the_same_text_and_says_when_it_was_written() {
    use brski_common::{Format, Leniencies, ProfileText, Signed};
    let folder = Folder::new();
    init(&folder, "masa", "Example Devices", "one-level");
    let read = profile(&folder, "new.toml", &["--signed", "new.p7m"]);
    assert!(read["issued-at"].as_str().is_some_and(|time| time.ends_with('Z')));
    let signed = Signed::<ProfileText>::from_wire(Format::Cms, std::fs::read(folder.path("new.p7m")).unwrap());
    assert_eq!(signed.peek_unverified(Leniencies::NONE).unwrap().as_str(), folder.read("new.toml"));
}

#[test]
fn openssl_reads_a_signed_profile_under_the_anchor_of_statements() {
    let folder = Folder::new();
    init(&folder, "masa", "Example Devices", "one-level");
    let read = profile(&folder, "new.toml", &["--signed", "new.p7m"]);
    folder.write("anchor.pem", read["provenance-anchors"].as_str().unwrap());
    let path = |name: &str| folder.path(name).into_os_string();
    let arguments: [std::ffi::OsString; 13] = [
        "cms".into(),
        "-verify".into(),
        "-binary".into(),
        "-inform".into(),
        "DER".into(),
        "-purpose".into(),
        "any".into(),
        "-in".into(),
        path("new.p7m"),
        "-CAfile".into(),
        path("anchor.pem"),
        "-out".into(),
        path("out.toml"),
    ];
    match std::process::Command::new("openssl").args(arguments).output() {
        Ok(finished) => {
            assert!(finished.status.success(), "{}", String::from_utf8_lossy(&finished.stderr));
            assert_eq!(folder.read("out.toml"), folder.read("new.toml"));
        }
        Err(err) => {
            assert!(std::env::var_os("CI").is_none(), "openssl is missing: {err}");
            println!("skipped: openssl is missing");
        }
    }
}

#[test]
fn profile_names_the_key_of_the_log() {
    let folder = Folder::new();
    init(&folder, "masa", "Example Devices", "one-level");
    let read = profile(&folder, "new.toml", &[]);
    assert_eq!(read["log-keys"].as_array().unwrap(), &[toml::Value::from(folder.read("masa/log-verifier.txt").trim())]);
}

#[test]
fn inspect_shows_what_is_in_a_signed_profile() {
    let folder = Folder::new();
    init(&folder, "masa", "Example Devices", "one-level");
    let read = profile(&folder, "new.toml", &["--signed", "new.p7m"]);
    let shown = masa(&folder, &["inspect", "new.p7m"]).ok();
    assert!(shown.starts_with("new.p7m: manufacturer's profile"), "{shown}");
    assert!(shown.contains(read["issued-at"].as_str().unwrap()) && shown.contains("enclosed-in"), "{shown}");
}

#[test]
fn profile_names_the_key_of_statements_and_the_next_one_as_signers_of_profiles() {
    let folder = Folder::new();
    init(&folder, "masa", "Example Devices", "one-level");
    let digest = |name: &str| toml::Value::String(first_of(&folder, &format!("masa/certificates/{name}.pem"))[0].spki_digest().to_string());
    let signer = digest("provenance-signer");
    let signers = |out: &str, more: &[&str]| profile(&folder, out, more)["profile-signers"].as_array().unwrap().clone();
    assert_eq!(signers("now.toml", &[]), std::slice::from_ref(&signer));
    assert_eq!(signers("next.toml", &["--next-signer", "masa/certificates/nonceless-signer.pem"]), [signer.clone(), digest("nonceless-signer")]);
    // The present one is not named twice.
    assert_eq!(signers("same.toml", &["--next-signer", "masa/certificates/provenance-signer.pem"]), [signer]);
}
