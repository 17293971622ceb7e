//! `policy check`, `policy test` and `policy replay`, and the examples that are shipped.

use brski_common::appraise::{Case, Facts, MasaFindings, ReceiptFinding};
use brski_common::issuing::{Subject, Template};
use brski_common::provenance::{Basis, Disclosure, KeyOrigin, Locus, Protection, Source, Status};
use brski_common::time::at;
use brski_common::{
    Certificate, Format, IDevIdCert, Method, Policy, ProvenanceRecord, ProvenanceStatement, SerialNumber, SignatureAlgorithm, Signed, SignedBy, Signer as _,
    SigningParty, SoftwareKey, Verifier, appraise,
};
use brski_registrar::trail::{Decision, Event, Subject as Pledge, What};
use brski_registrar::{PledgeStore as _, SqlitePledges};
use serde_json::Value;

use super::support::{Finished, Folder};
use super::{owner, registrar};

/// A device, and a signer of what is said of its key.
pub(super) struct Device {
    idevid: IDevIdCert,
    key: SoftwareKey,
    maker: SigningParty,
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn certificate(subject: Subject, key: &SoftwareKey) -> Certificate {
    let template = Template::new(subject, key.public_key(), [7; 16], at(0), at(4_000_000_000));
    runtime().block_on(template.self_signed(key)).unwrap()
}

impl Device {
    pub(super) fn new() -> Self {
        let new_key = || SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().0;
        let (key, makers) = (new_key(), new_key());
        let subject = Subject::serial_number(&SerialNumber::new("ACME-1").unwrap()).and_common_name("Basket");
        let maker = SigningParty::with_chain(vec![certificate(Subject::common_name("Maker"), &makers)], std::sync::Arc::new(makers));
        Self { idevid: IDevIdCert::new(certificate(subject, &key)).unwrap(), key, maker }
    }

    fn stated(&self, method: Method, status: Status) -> Signed<ProvenanceStatement> {
        let record = ProvenanceRecord {
            device: self.idevid.device().clone(),
            spki: self.idevid.spki_digest(),
            seq: 0,
            salt: [5; 16],
            status,
            report: None,
            supersedes: None,
            reported_by: "station-7".to_owned(),
            recorded_at: at(NOW),
            findings: Vec::new(),
            origin: KeyOrigin::new(method, Source::GeneratedOnDevice, Protection::NonExtractable, Locus::SecureElement, Basis::StationSigned, at(NOW)),
        };
        let statement = ProvenanceStatement::view(&record, self.key.public_key(), "masa", Disclosure::Customer, [9; 16], at(NOW)).unwrap();
        runtime().block_on(self.maker.seal(&statement, Format::Cose)).unwrap()
    }

    /// What is on record once this policy refused it.
    pub(super) fn refused_by(&self, policy: &str, method: Method, word: Option<&MasaFindings>) -> Event {
        let policy = Policy::from_toml(policy).unwrap();
        let statement = self.stated(method, Status::Valid);
        let statement = statement.verify(&Verifier::strict(SignedBy::Holder(&self.maker.identity.chain[0])), at(NOW)).unwrap();
        let case = Case { idevid: &self.idevid, manufacturer: "Acme", statement: Some(&statement), receipt: ReceiptFinding::Missing, word };
        let appraisal = appraise(&policy, &case, at(NOW)).unwrap();
        let decision = Some(Box::new(Decision::new(policy.digest(), &appraisal, Facts::of(&case))));
        let pledge = Pledge { key: self.idevid.spki_digest(), serial: self.idevid.device().serial.clone(), manufacturer: "Acme".to_owned() };
        let sentence = appraisal.permit(core::time::Duration::ZERO).unwrap_err().to_string();
        let what = What::Refused { request: None, sentence, decision, withdrawn: false };
        Event { at: at(NOW), pledge: Some(pledge), what }
    }
}

/// A folder with an owner and a statement of a device whose key has come to be like this.
fn with_statement(method: Method, status: Status) -> (Folder, Device) {
    let (folder, device) = (owner(), Device::new());
    folder.write("statement.cose", device.stated(method, status).wire());
    folder.write("device.pem", device.idevid.certificate().to_pem());
    (folder, device)
}

fn test(folder: &Folder, arguments: &[&str]) -> Finished {
    registrar(folder, &[&["policy", "test"], arguments].concat())
}

#[test]
fn policy_that_init_makes_is_understood() {
    let text = registrar(&owner(), &["policy", "check"]).ok();
    let expected = "registrar/policy.toml: usable\nmode: enforce\n  accept by 'made-in-the-device': avocado, salak\n  \
                    accept by 'made-in-the-element': sapodilla made inside the element\n  hold by 'ask-about-seeds': carrot\n  \
                    refuse by 'no-loaded-keys': bamboo\n  refuse otherwise\nSHA-256 ";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn every_example_is_understood() {
    let folder = Folder::new();
    for example in ["any-recorded", "hardware-only", "no-shared-secret", "factory-blind"] {
        let path = format!("{}/policies/{example}.toml", env!("CARGO_MANIFEST_DIR"));
        let value: Value = serde_json::from_str(&registrar(&folder, &["policy", "check", "-o", "json", &path]).ok()).unwrap();
        assert_eq!((&value["mode"], &value["warnings"]), (&"enforce".into(), &Value::Array(Vec::new())), "{example}");
    }
}

#[test]
fn mistake_in_a_policy_is_told_with_file_line_and_rule() {
    let folder = Folder::new();
    folder.write("p.toml", "version = 1\n[[rule]]\nname = \"a\"\nserial = \"*\"\nthen = \"hold\"");
    let expected = "error: p.toml: line 4: rule 'a': serial must be a list, each a pattern of 1 to 64 characters in which * stands for any of them and ? for one, not \"*\"";
    assert_eq!(registrar(&folder, &["policy", "check", "p.toml"]).error(), expected);
}

#[test]
fn manufacturer_without_a_profile_is_warned_about() {
    let folder = owner();
    let policy = folder.read("registrar/policy.toml");
    folder.write("registrar/policy.toml", format!("{policy}\n[manufacturer.Acmee]\nmode = \"warn\"\n"));
    let text = registrar(&folder, &["policy", "check"]).ok();
    assert!(text.contains("warning: it names the manufacturer 'Acmee', which has no profile in the trust folder"), "{text}");
}

#[test]
fn rule_that_never_decides_is_warned_about() {
    let folder = Folder::new();
    folder.write("p.toml", "version = 1\n[[rule]]\nname = \"wide\"\nmethod = [\"salak\"]\nthen = \"hold\"\n[[rule]]\nname = \"narrow\"\nmethod = [\"salak\"]\nsite = [\"A\"]\nthen = \"accept\"");
    let text = registrar(&folder, &["policy", "check", "p.toml"]).ok();
    assert!(text.contains("\nwarning: rule 'narrow' never decides: rule 'wide' comes before it, whose conditions hold wherever its own do\n"), "{text}");
}

#[test]
fn accepted_statement_ends_with_status_0_and_its_trace() {
    let (folder, _) = with_statement(Method::Sapodilla, Status::Valid);
    folder.write("p.toml", "version = 1\n[[rule]]\nname = \"a\"\nmethod = [\"salak\"]\nthen = \"refuse\"\n[[rule]]\nname = \"long-name\"\nserial = [\"ACME-?\"]\nmethod = [\"sapodilla\"]\nthen = \"accept\"");
    let expected = "statement.cose: accept by rule 'long-name', as long as the MASA says nothing else\n     a          method is sapodilla, not salak\n  \
                    -> long-name  serial is ACME-1, method is sapodilla\n";
    assert_eq!(test(&folder, &["p.toml", "statement.cose"]).ok(), expected);
}

#[test]
fn held_or_refused_statement_ends_with_status_2() {
    for method in [Method::Carrot, Method::Bamboo] {
        let (folder, _) = with_statement(method, Status::Valid);
        assert_eq!(test(&folder, &["registrar/policy.toml", "statement.cose"]).code, Some(2), "{method}");
    }
}

#[test]
fn key_that_no_policy_accepts_is_refused_with_the_reason() {
    let (folder, _) = with_statement(Method::Salak, Status::Compromised);
    let finished = test(&folder, &["-o", "json", "registrar/policy.toml", "statement.cose"]);
    let value: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!((finished.code, &value["verdict"]), (Some(2), &"refuse".into()));
    assert_eq!(value["because"], "the provenance statement does not count: its manufacturer has marked the key as compromised");
}

#[test]
fn what_is_supposed_of_device_and_masa_is_judged() {
    let (folder, _) = with_statement(Method::Salak, Status::Valid);
    let conditions = "manufacturer = [\"Acme\"]\nmodel = [\"Basket\"]\nassertion = [\"verified\"]\naudit-log = [\"clean\"]\nreceipt = \"checked\"";
    folder.write("p.toml", format!("version = 1\n[[rule]]\nname = \"all\"\nmethod = [\"salak\"]\n{conditions}\nthen = \"accept\""));
    folder.write("log.json", brski_common::AuditLog::default().to_json());
    let all = ["--manufacturer", "Acme", "--idevid", "device.pem", "--assertion", "verified", "--audit-log", "log.json", "--receipt", "checked"];
    let run = |options: &[&str]| test(&folder, &[options, &["p.toml", "statement.cose"]].concat());
    let expected = "statement.cose: accept by rule 'all'\n  -> all  manufacturer is Acme, model is Basket, method is salak, receipt is checked, assertion is verified, audit-log is clean\n";
    assert_eq!(run(&all).ok(), expected);
    // Each of them counts.
    for left_out in 0..all.len() / 2 {
        let options: Vec<&str> = all.iter().enumerate().filter(|(i, _)| i / 2 != left_out).map(|(_, option)| *option).collect();
        assert_eq!(run(&options).code, Some(2), "{options:?}");
    }
}

#[test]
fn statement_of_another_device_is_refused() {
    let (folder, _) = with_statement(Method::Salak, Status::Valid);
    folder.write("other.pem", Device::new().idevid.certificate().to_pem());
    let finished = test(&folder, &["--idevid", "other.pem", "registrar/policy.toml", "statement.cose"]);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stdout.starts_with("statement.cose: refuse: the provenance statement belongs to another key"), "{finished:?}");
}

#[test]
fn file_that_is_no_statement_is_an_error() {
    let folder = owner();
    let error = test(&folder, &["registrar/policy.toml", "registrar/policy.toml"]).error();
    assert!(error.starts_with("error: registrar/policy.toml cannot be read as a statement: "), "{error}");
}

#[test]
fn replay_tells_what_changes_under_another_policy() {
    let (folder, device) = (owner(), Device::new());
    let store = SqlitePledges::open(folder.path("registrar/pledges.sqlite")).unwrap();
    runtime().block_on(store.note(device.refused_by(&folder.read("registrar/policy.toml"), Method::Bamboo, None))).unwrap();
    drop(store);
    let same = registrar(&folder, &["policy", "replay"]).ok();
    let expected = "ACME-1 of Acme: as before, refuse by rule 'no-loaded-keys'\npledges: 1; judged otherwise: 0; accepted: 0; held: 0; refused: 1\neach judged as of when it was last seen, with the approvals in force then\n";
    assert_eq!(same, expected);

    let any = format!("{}/policies/any-recorded.toml", env!("CARGO_MANIFEST_DIR"));
    let expected = "ACME-1 of Acme: refuse by rule 'no-loaded-keys'; now accept by rule 'recorded', as long as the MASA says nothing else\n  \
                    -> recorded  method is bamboo\npledges: 1; judged otherwise: 1; accepted: 1; held: 0; refused: 0\neach judged as of when it was last seen, with the approvals in force then\n";
    assert_eq!(registrar(&folder, &["policy", "replay", "--policy", &any]).ok(), expected);

    let lines = registrar(&folder, &["policy", "replay", "--policy", &any, "-o", "json"]).ok();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["changed"], &lines[0]["then"]["verdict"], &lines[0]["now"]["verdict"]), (&true.into(), &"refuse".into(), &"accept".into()));
    assert_eq!((&lines[0]["judged-at"], &lines[0]["outcome"]), (&brski_common::time::to_rfc3339(at(NOW)).into(), &"accept".into()));
    assert_eq!(lines[1]["summary"]["changed"], 1);
}

#[test]
fn replay_without_a_store_makes_none() {
    let folder = owner();
    let replayed = registrar(&folder, &["policy", "replay"]);
    assert_eq!(replayed.code, Some(1));
    assert!(replayed.stderr.ends_with("registrar/pledges.sqlite does not exist; `brski-registrar serve` makes it\n"), "{}", replayed.stderr);
    assert!(!folder.path("registrar/pledges.sqlite").exists());
}

const NOW: u64 = 1_780_000_000;
