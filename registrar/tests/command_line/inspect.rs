//! `inspect` over what a network owner has in files.

use brski_common::log::{Checkpoint, Consistency, LogName, Receipt, VerifierKey, leaf_hash, node_hash};
use brski_common::voucher::VoucherRequest;
use brski_common::{Certificate, Format, SerialNumber, SignatureAlgorithm, Signer as _, SigningParty, SoftwareKey};
use serde_json::{Value, json};

use super::support::{Finished, Folder};
use super::{owner, registrar};

fn told_by(finished: Finished) -> Vec<Value> {
    finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// An owner whose registrar has signed a request that lacks all but the serial number, in each format.
fn owner_with_requests() -> Folder {
    let folder = owner();
    let chain = Certificate::all_from_pem(&folder.read("registrar/certificates/registrar.pem")).unwrap();
    let key = SoftwareKey::from_pem(&folder.read("registrar/keys/registrar.pem")).unwrap();
    let party = SigningParty::with_chain(chain, std::sync::Arc::new(key));
    let request = VoucherRequest::new(SerialNumber::new("JADA1").unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for &format in Format::ALL {
        let signed = runtime.block_on(party.seal(&request, format)).unwrap();
        folder.write(&format!("request.{}", format.name()), signed.wire());
    }
    folder
}

#[test]
fn everything_an_owner_makes_is_recognised_and_deviates_in_nothing() {
    let folder = owner();
    let finished =
        registrar(&folder, &["inspect", "-o", "json", "registrar/policy.toml", "registrar/certificates/domain-ca.pem", "registrar/certificates/registrar.pem"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let told = told_by(finished);
    assert_eq!(told[0]["kind"], "policy");
    for told in &told {
        let nested = told["nested"].as_array().unwrap().iter().map(|nested| nested["deviations"].clone()).chain([told["deviations"].clone()]);
        assert!(nested.into_iter().all(|deviations| deviations == json!([])), "{told}");
    }
}

#[test]
fn digest_of_a_profile_is_the_one_that_people_compare() {
    let folder = owner();
    let anchor = folder.read("registrar/certificates/domain-ca.pem");
    let profile = format!("version = 1\nname = \"Example\"\nidevid-anchors = \"\"\"\n{anchor}\"\"\"\nvoucher-anchors = \"\"\"\n{anchor}\"\"\"\n");
    folder.write("profile.toml", &profile);
    let text = registrar(&folder, &["inspect", "profile.toml"]).ok();
    assert!(text.contains(&brski_registrar::Manufacturer::fingerprint(&profile)), "{text}");
}

#[test]
fn deviations_are_told_with_their_section_and_do_not_change_the_status() {
    let folder = owner_with_requests();
    for &format in Format::ALL {
        let file = format!("request.{}", format.name());
        let finished = registrar(&folder, &["inspect", "-o", "json", "--anchor", "registrar/certificates/domain-ca.pem", &file]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let told = &told_by(finished)[0];
        assert_eq!((&told["kind"], &told["verified"]), (&json!("registrar-voucher-request"), &json!(true)));
        let sections: Vec<&Value> = told["deviations"].as_array().unwrap().iter().map(|deviation| &deviation["section"]).collect();
        assert!(sections.contains(&&json!("RFC 8366bis, section 6.1")), "{sections:?}");
    }
}

#[test]
fn request_that_was_changed_ends_with_status_2() {
    let folder = owner_with_requests();
    let mut octets = std::fs::read(folder.path("request.cose")).unwrap();
    *octets.last_mut().unwrap() ^= 1;
    folder.write("request.cose", &octets);
    let finished = registrar(&folder, &["inspect", "-o", "json", "--anchor", "registrar/certificates/domain-ca.pem", "request.cose"]);
    assert_eq!((finished.code, &told_by(finished)[0]["verified"]), (Some(2), &json!(false)));
    let finished = registrar(&folder, &["inspect", "-o", "json", "request.cose"]);
    assert_eq!((finished.code, &told_by(finished)[0]["signatures"][0]["check"]), (Some(2), &json!("unmatched")));
}

#[test]
fn cms_whose_content_was_changed_is_wrong_even_without_anchor() {
    let folder = owner_with_requests();
    let mut octets = std::fs::read(folder.path("request.cms")).unwrap();
    let place = octets.windows(5).position(|octets| octets == b"JADA1").unwrap();
    octets[place + 4] = b'2';
    folder.write("request.cms", &octets);
    let finished = registrar(&folder, &["inspect", "-o", "json", "request.cms"]);
    assert_eq!((finished.code, &told_by(finished)[0]["signatures"][0]["check"]), (Some(2), &json!("wrong")));
}

#[test]
fn configuration_is_recognised_and_hints_at_its_check() {
    let folder = owner();
    let finished = registrar(&folder, &["inspect", "registrar/registrar.toml"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.contains("configuration of a registrar") && finished.stdout.contains("`brski-registrar config check`"), "{finished:?}");
}

/// A folder with the public key of a log as PEM and as text, its checkpoint over two entries, and its receipt that three continue them.
fn log() -> Folder {
    let folder = Folder::new();
    let (key, _) = SoftwareKey::generate(SignatureAlgorithm::EdDsa).unwrap();
    let leaves = [b"a", b"b", b"c"].map(|entry| leaf_hash(entry));
    let older = node_hash(&leaves[0], &leaves[1]);
    let origin = LogName::new("masa.example.com/log").unwrap();
    let proof = Consistency { old_size: 2, new_size: 3, path: vec![leaves[2]] };
    let receipt = Receipt::of_consistency(proof, &older, &node_hash(&older, &leaves[2]), &key).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let checkpoint = runtime.block_on(Checkpoint { origin: origin.clone(), size: 2, root: older }.sign(&key)).unwrap();
    folder.write("receipt.cbor", runtime.block_on(receipt.sign(&key)).unwrap().wire());
    folder.write("checkpoint.txt", checkpoint.to_string());
    folder.write("log.der", key.public_key().spki());
    folder.write("log-verifier.txt", VerifierKey::new(origin, key.public_key().clone()).unwrap().to_string());
    folder
}

#[test]
fn receipt_of_consistency_is_verified_only_from_the_older_checkpoint() {
    let folder = log();
    for anchor in ["log.der", "log-verifier.txt"] {
        let alone = registrar(&folder, &["inspect", "-o", "json", "--anchor", anchor, "receipt.cbor"]);
        assert_eq!((alone.code, &told_by(alone)[0]["signatures"][0]["check"]), (Some(2), &json!("unchecked")));
        let finished = registrar(&folder, &["inspect", "-o", "json", "--anchor", anchor, "--checkpoint", "checkpoint.txt", "receipt.cbor"]);
        assert_eq!((finished.code, &told_by(finished)[0]["verified"]), (Some(0), &json!(true)));
    }
}

#[test]
fn checkpoint_is_recognised_and_verified_with_its_log_s_key() {
    let folder = log();
    let finished = registrar(&folder, &["inspect", "--anchor", "log-verifier.txt", "checkpoint.txt"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.starts_with("checkpoint.txt: checkpoint of a log (signed note)\n") && finished.stdout.contains("verified under"), "{finished:?}");
    folder.write("checkpoint.txt", folder.read("checkpoint.txt").replacen("\n2\n", "\n3\n", 1));
    assert_eq!(registrar(&folder, &["inspect", "--anchor", "log-verifier.txt", "checkpoint.txt"]).code, Some(2));
}
