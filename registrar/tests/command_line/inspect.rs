//! `inspect` over what a network owner has in files.

use brski_common::voucher::VoucherRequest;
use brski_common::{Certificate, Format, SerialNumber, SigningParty, SoftwareKey};
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
    for format in Format::ALL {
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
    for format in Format::ALL {
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
