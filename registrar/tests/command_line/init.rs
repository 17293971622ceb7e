//! `init`.

use brski_common::{Anchors, Certificate, Policy, UnixTime, Usage};

use super::support::Folder;
use super::{REGISTRAR, owner, registrar};

#[test]
fn second_init_refuses_and_leaves_every_file_as_it_was() {
    let folder = owner();
    let before = folder.files("registrar");
    let error = registrar(&folder, &["init"]).error();
    assert!(error.contains("registrar: exists and is not empty; nothing was made, choose another folder with --dir"), "{error}");
    assert!(folder.files("registrar") == before);
}

#[cfg(unix)]
#[test]
fn private_keys_are_readable_by_their_owner_alone_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    folder.run("sh", &["-c", "umask 0; exec \"$0\" init", REGISTRAR]).ok();
    let keys = folder.files("registrar/keys");
    assert_eq!(keys.len(), 4);
    for (path, _) in keys {
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
    }
}

#[test]
fn registrar_certificate_serves_asks_and_signs() {
    let folder = owner();
    let all = |name: &str| Certificate::all_from_pem(&folder.read(&format!("registrar/certificates/{name}.pem"))).unwrap();
    let (chain, anchors) = (all("registrar"), Anchors::new(all("root-ca")).unwrap());
    for usage in [Usage::CmcRa, Usage::TlsServer, Usage::TlsClient] {
        // Present, not merely unrestricted: RFC 8995 demands cmcRA by name, and so do others for the TLS usages.
        assert_eq!(chain[0].usages().len(), 3);
        assert_eq!(anchors.verify_path(&chain[0], &chain, usage, UnixTime::now()).unwrap(), chain);
    }
}

#[test]
fn issuing_ca_stands_under_a_root_whose_key_is_apart() {
    let folder = owner();
    let chain = Certificate::all_from_pem(&folder.read("registrar/certificates/domain-ca.pem")).unwrap();
    assert!(chain.len() == 2 && chain[0].is_issued_by(&chain[1]) && chain[1].is_self_issued());
    let root_key = brski_common::SoftwareKey::from_pem(&folder.read("registrar/offline/root-ca-key.pem")).unwrap();
    assert_eq!(*brski_common::Signer::public_key(&root_key), chain[1].public_key());
    assert!(!folder.read("registrar/registrar.toml").lines().any(|line| !line.starts_with('#') && line.contains("offline/")));
}

#[test]
fn policy_that_init_makes_accepts_only_keys_made_where_they_are_used() {
    let folder = owner();
    let policy = Policy::from_toml(&folder.read("registrar/policy.toml")).unwrap();
    assert_eq!(policy.accepted_in_words(), "avocado, salak; sapodilla made inside the element");
}

#[test]
fn name_that_no_certificate_can_hold_is_refused() {
    let error = registrar(&Folder::new(), &["init", "--name", &"x".repeat(41)]).error();
    assert!(error.contains("--name must be 1 to 40"), "{error}");
}

#[test]
fn admin_port_is_the_one_after_the_port_unless_it_is_named() {
    let folder = Folder::new();
    for (port, more, expected) in [("9443", &[][..], "9444"), ("65535", &[], "65534"), ("9443", &["--admin-port", "7000"], "7000")] {
        let dir = format!("of-{port}-{expected}");
        registrar(&folder, &[&["init", "--dir", &dir, "--port", port], more].concat()).ok();
        let config: toml::Table = folder.read(&format!("{dir}/registrar.toml")).parse().unwrap();
        assert_eq!(config["admin"]["listen"].as_str(), Some(&*format!("127.0.0.1:{expected}")));
    }
    let error = registrar(&folder, &["init", "--dir", "same", "--port", "9443", "--admin-port", "9443"]).error();
    assert!(error.contains("--admin-port must be another port than --port, 9443"), "{error}");
}
