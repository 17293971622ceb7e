//! `init`.

use brski_common::{Anchors, Certificate, UnixTime, Usage};

use super::support::Folder;
use super::{MASA, manufacturer, masa};

#[test]
fn second_init_refuses_and_leaves_every_file_as_it_was() {
    let folder = manufacturer();
    let before = folder.files("masa");
    let error = masa(&folder, &["init"]).error();
    assert!(error.contains("masa: exists and is not empty; nothing was made, choose another folder with --dir"), "{error}");
    assert!(folder.files("masa") == before);
}

#[test]
fn folder_with_anything_else_in_it_is_left_as_it_is() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("masa")).unwrap();
    folder.write("masa/Cargo.toml", "mine");
    masa(&folder, &["init"]).error();
    assert_eq!(folder.files("masa"), [(folder.path("masa/Cargo.toml"), b"mine".to_vec())]);
}

#[test]
fn empty_folder_is_used() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("masa")).unwrap();
    masa(&folder, &["init"]).ok();
}

#[cfg(unix)]
#[test]
fn private_keys_are_readable_by_their_owner_alone_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    folder.run("sh", &["-c", "umask 0; exec \"$0\" init", MASA]).ok();
    let keys = folder.files("masa/keys");
    assert_eq!(keys.len(), 13);
    for (path, content) in keys {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let expected: &[u8] = if path.ends_with("admin-token") { b"brski-" } else { b"-----BEGIN PRIVATE KEY-----\n" };
        assert!(content.starts_with(expected), "{path:?}");
        assert_eq!(mode, 0o600, "{path:?}");
    }
}

#[test]
fn nothing_private_is_outside_of_the_keys_folder() {
    let folder = manufacturer();
    for (path, content) in folder.files("masa") {
        let private = content.windows(11).any(|window| window == b"PRIVATE KEY");
        assert_eq!(private || path.ends_with("admin-token"), path.starts_with(folder.path("masa/keys")), "{path:?}");
    }
}

#[test]
fn keys_for_one_purpose_lead_to_no_anchor_of_another() {
    let folder = manufacturer();
    let all = |name: &str| Certificate::all_from_pem(&folder.read(&format!("masa/certificates/{name}.pem"))).unwrap();
    let purposes = [("idevid-root", "idevid-issuer"), ("voucher-ca", "voucher-signer"), ("provenance-ca", "provenance-signer"), ("tls-ca", "tls")];
    for (anchor, _) in purposes {
        let anchors = Anchors::new(all(anchor)).unwrap();
        let mut pool = all("idevid-issuer");
        pool.extend(purposes.iter().flat_map(|(anchor, _)| all(anchor)));
        let trusted = purposes.iter().filter(|(_, leaf)| anchors.verify_path(&end_entity(&all(leaf), &folder), &pool, Usage::Any, UnixTime::now()).is_ok());
        let trusted: Vec<&str> = trusted.map(|(anchor, _)| *anchor).collect();
        assert_eq!(trusted, [anchor]);
    }
}

/// What stands for the purpose: the signer's own certificate or, for IDevIDs, one that the CA issues.
fn end_entity(chain: &[Certificate], folder: &Folder) -> Certificate {
    match chain[0].is_ca() {
        false => chain[0].clone(),
        true => super::manufacture::idevid(folder, "JADA123456789"),
    }
}

#[test]
fn first_host_is_the_authority_everywhere() {
    let folder = Folder::new();
    masa(&folder, &["init", "--host", "masa.example.com", "--host", "192.0.2.1", "--port", "443"]).ok();
    let profile: toml::Table = folder.read("masa/manufacturer-profile.toml").parse().unwrap();
    let config: toml::Table = folder.read("masa/masa.toml").parse().unwrap();
    assert_eq!(profile["masa-url"].as_str(), Some("https://masa.example.com"));
    assert_eq!(config["authority"].as_str(), Some("masa.example.com"));
    assert_eq!(config["listen"].as_str(), Some("0.0.0.0:443"));
}

#[test]
fn manufacturer_s_name_is_written_as_data() {
    let folder = Folder::new();
    let name = "Quote \"and\" \\ Sons";
    masa(&folder, &["init", "--name", name]).ok();
    let profile: toml::Table = folder.read("masa/manufacturer-profile.toml").parse().unwrap();
    assert_eq!(profile["name"].as_str(), Some(name));
}

#[test]
fn told_fingerprint_of_the_profile_is_that_of_its_file() {
    let folder = Folder::new();
    let made: serde_json::Value = serde_json::from_str(&masa(&folder, &["init", "-o", "json"]).ok()).unwrap();
    let profile = std::fs::read(folder.path("masa/manufacturer-profile.toml")).unwrap();
    let digest: String = brski_common::sign::Hash::Sha256.of(&profile).iter().map(|octet| format!("{octet:02x}")).collect();
    assert_eq!(made["profile-sha256"], digest.as_str());
}

#[test]
fn host_with_a_path_is_refused() {
    let error = masa(&Folder::new(), &["init", "--host", "https://masa.example.com/path"]).error();
    assert!(error.contains("--host"), "{error}");
}
