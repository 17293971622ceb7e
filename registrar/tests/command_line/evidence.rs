//! Evidence about LDevIDs' keys: whose counts, what is demanded, and what is on record of it.

use brski_common::appraise::KeyFinding;
use brski_common::csr::{Wish, request_wishing};
use brski_common::evidence::{AttestationBundle, AttestationStatement};
use brski_common::issuing::Subject as Name;
use brski_common::provenance::EvidenceType;
use brski_common::{Csr, Method, SerialNumber, SignatureAlgorithm, SoftwareKey, SpkiDigest, UnixTime};
use brski_registrar::trail::{Event, KeptRequest, Subject, What};

use super::policy::Device;
use super::support::Folder;
use super::{append, held, owner, registrar, with_events};

/// An authority whose anchor is this file, beside the configuration.
fn authority(folder: &Folder, name: &str, anchor: &str, basis: &str) {
    let text = folder.read("registrar/registrar.toml");
    folder.write("registrar/registrar.toml", format!("{text}\n[[evidence]]\nname = \"{name}\"\nanchors = [\"{anchor}\"]\nbasis = \"{basis}\"\n"));
}

#[test]
fn authorities_for_evidence_are_told_with_their_certificates() {
    let folder = owner();
    authority(&folder, "Vaults", "certificates/root-ca.pem", "key-attestation");
    let report = registrar(&folder, &["config", "check"]).ok();
    assert!(report.contains("evidence of Vaults"), "{report}");
}

#[test]
fn authority_that_no_evidence_could_come_from_is_refused() {
    for (name, anchor, basis, words) in [
        ("Vaults", "nowhere.pem", "key-attestation", "field evidence.anchors: registrar/nowhere.pem does not exist"),
        ("Vaults", "certificates/root-ca.pem", "station-signed", "field evidence.basis: must be one that evidence can ground"),
        ("", "certificates/root-ca.pem", "key-attestation", "field evidence.name: must be 1 to 40 printable characters"),
    ] {
        let folder = owner();
        authority(&folder, name, anchor, basis);
        let error = registrar(&folder, &["config", "check"]).error();
        assert!(error.contains(words), "{error}");
    }
    let folder = owner();
    authority(&folder, "Vaults", "certificates/root-ca.pem", "key-attestation");
    authority(&folder, "Vaults", "certificates/root-ca.pem", "key-attestation");
    let error = registrar(&folder, &["config", "check"]).error();
    assert!(error.contains("field evidence.name: 'Vaults' occurs twice"), "{error}");
}

#[test]
fn authority_that_the_policy_names_and_nobody_configured_is_warned_about() {
    let folder = owner();
    let policy = folder.read("registrar/policy.toml");
    folder.write("registrar/policy.toml", format!("{policy}\n[ldevid-key]\nevidence = \"required\"\nauthorities = [\"Vaults\"]\n"));
    let report = registrar(&folder, &["config", "check"]).ok();
    assert!(
        report.contains("\nwarning: [ldevid-key] of the policy names the authority 'Vaults', which no [[evidence]] of this configuration has\n"),
        "{report}"
    );
    assert!(report.contains("\nwarning: [ldevid-key] of the policy requires evidence, and no [[evidence]] says whose counts"), "{report}");
    let understood = registrar(&folder, &["policy", "check"]).ok();
    assert!(understood.contains("\nLDevID keys: evidence required: by the word of Vaults\n"), "{understood}");
}

/// A bundle with one statement of a kind that nobody knows.
fn unknown() -> AttestationBundle {
    let statement = AttestationStatement { kind: EvidenceType::new("1.3.6.1.4.1.32473.9").unwrap(), der: vec![5, 0] };
    AttestationBundle::new(&[statement], &[]).unwrap()
}

/// A request with it, in DER.
fn attested_request() -> Vec<u8> {
    let key = SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().0;
    let wish = Wish { attestation: Some(unknown().der().to_vec()), ..Wish::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(request_wishing(&Name::common_name("somebody").to_der(), &wish, &key)).unwrap()
}

/// That this request was accepted.
fn attested(pledge: Subject, request: &Csr, findings: Vec<KeyFinding>) -> Event {
    let what = What::Attested {
        request: SpkiDigest::of(request.der()),
        key: SpkiDigest([8; 32]),
        kept: Box::new(KeptRequest::of(request, None)),
        findings,
        warned: Some("the policy demanded more".to_owned()),
    };
    Event { at: UnixTime::now(), pledge: Some(pledge), what }
}

#[test]
fn evidence_on_record_is_shown_exported_and_verified_with_the_trail() {
    let pledge = Subject { key: SpkiDigest([0xab; 32]), serial: SerialNumber::new("JADA1").unwrap(), manufacturer: "Maker".to_owned() };
    let finding = r#"{"kind":"1.3.6.1.5.5.999","result":"holds","sentence":"PKIX key attestation of Vaults: made inside, not extractable","fresh":true}"#;
    let request = Csr::from_der(&attested_request()).unwrap();
    let folder = with_events([held("JADA1", 0xab, "Maker", 60), attested(pledge, &request, vec![serde_json::from_str(finding).unwrap()])]);
    let shown = registrar(&folder, &["pledges", "show", "JADA1"]).ok();
    let key = SpkiDigest([8; 32]);
    let told = format!(
        "\nWhat was attested of the LDevID's key {key}:\n  1.3.6.1.5.5.999: PKIX key attestation of Vaults: made inside, not extractable\n  the policy only warns: the policy demanded more\n"
    );
    assert!(shown.contains(&told), "{shown}");
    assert!(registrar(&folder, &["audit", "export"]).ok().contains(&format!("\"csr\":\"{}\"", KeptRequest::of(&request, None).csr)));
    registrar(&folder, &["audit", "verify"]).ok();
}

#[test]
fn appraise_tells_what_becomes_of_the_evidence_in_a_request() {
    let folder = owner();
    folder.write("attested.csr", attested_request());
    let told = registrar(&folder, &["appraise", "--nonce", "AAAA", "attested.csr"]);
    assert!(told.stdout.contains("\n  evidence 1.3.6.1.4.1.32473.9: evidence of a kind, or of somebody, not known here, which counts for nothing"), "{told:?}");
    assert_eq!(told.code, Some(3));
}

#[test]
fn replay_judges_the_request_on_record_by_what_a_policy_demands_of_keys() {
    let folder = owner();
    let refused = Device::new().refused_by(&folder.read("registrar/policy.toml"), Method::Bamboo, None);
    let pledge = refused.pledge.clone().unwrap();
    append(&folder, [refused, attested(pledge, &Csr::from_der(&attested_request()).unwrap(), Vec::new())]);
    let same = registrar(&folder, &["policy", "replay"]).ok();
    assert!(same.contains("; LDevID's key accepted\n"), "{same}");
    let policy = folder.read("registrar/policy.toml");
    folder.write("demanding.toml", format!("{policy}\n[ldevid-key]\nevidence = \"required\"\n"));
    let demanding = registrar(&folder, &["policy", "replay", "--policy", "demanding.toml"]).ok();
    assert!(demanding.contains("; LDevID's key refused: "), "{demanding}");
    assert!(
        demanding
            .contains("no attestation in it tells anything of its key that can be verified here (found: 1.3.6.1.4.1.32473.9), which this owner requires\n"),
        "{demanding}"
    );
    assert!(demanding.contains("judged otherwise: 1;"), "{demanding}");
}

#[test]
fn key_of_which_nothing_is_on_record_is_not_judged() {
    let folder = owner();
    let refused = Device::new().refused_by(&folder.read("registrar/policy.toml"), Method::Bamboo, None);
    let certificate = serde_json::from_str(&format!(r#"{{"serial":"05","key":"{0}","sha256":"ab","not-after":"2099-01-01T00:00:00Z"}}"#, SpkiDigest([1; 32])));
    let what = What::Issued { certificate: certificate.unwrap(), renewal: false, decision: None };
    let issued = Event { at: UnixTime::now(), pledge: refused.pledge.clone(), what };
    append(&folder, [refused, issued]);
    assert!(!registrar(&folder, &["policy", "replay"]).ok().contains("LDevID's key"));
    let policy = folder.read("registrar/policy.toml");
    folder.write("demanding.toml", format!("{policy}\n[ldevid-key]\nevidence = \"required\"\n"));
    let demanding = registrar(&folder, &["policy", "replay", "--policy", "demanding.toml"]).ok();
    assert!(demanding.contains("; LDevID's key not judged, as no evidence about it is on record\n"), "{demanding}");
}
