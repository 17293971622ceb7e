use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::*;

#[test]
fn what_is_not_granted_is_an_error_that_names_its_leniency() {
    let reading = Reading::default();
    let refused = reading.tolerate(Leniency::CmsIdData, "RFC 8366bis, section 7.1", "eContentType is id-data").unwrap_err();
    assert_eq!(refused.to_string(), "eContentType is id-data (RFC 8366bis, section 7.1); the leniency cms-id-data would accept it");
    assert_eq!(reading.overlooked(), []);
}

#[test]
fn what_is_granted_is_overlooked_and_told_in_order() {
    let reading = Reading::new(Leniencies::with([Leniency::PrmLegacyRoot, Leniency::Base64Body]));
    reading.tolerate(Leniency::Base64Body, "RFC 8366bis, section 7.1", "text").unwrap();
    reading.tolerate(Leniency::PrmLegacyRoot, "BRSKI-PRM, section 7.1", "an old root").unwrap();
    let deviation = |sentence: &str, section, leniency| Deviation { sentence: sentence.to_owned(), section, leniency };
    let expected =
        [deviation("text", "RFC 8366bis, section 7.1", Leniency::Base64Body), deviation("an old root", "BRSKI-PRM, section 7.1", Leniency::PrmLegacyRoot)];
    assert_eq!(reading.overlooked(), expected);
}

/// What is logged while `done` is done.
fn logged(done: impl FnOnce()) -> Vec<Value> {
    let memory = Arc::new(Mutex::new(Vec::new()));
    // Whether a line of code has a listener is remembered; while there is one listener, a first use on the thread of another test would settle it for all.
    // Therefore the first use is here, before there is any.
    Leniency::PrmLegacyRoot.note_use("first");
    Leniency::log_totals();
    let writer = memory.clone();
    let log = tracing_subscriber::fmt().json().with_writer(move || Memory(writer.clone())).finish();
    tracing::subscriber::with_default(log, done);
    let text = memory.lock().unwrap().clone();
    text.split(|octet| *octet == b'\n').filter(|line| !line.is_empty()).map(|line| serde_json::from_slice(line).unwrap()).collect()
}

struct Memory(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Memory {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn each_use_is_logged_with_its_number_and_sentence() {
    let leniency = Leniency::PrmLegacyRoot;
    let lines = logged(|| {
        let reading = Reading::new(Leniencies::ALL);
        reading.tolerate(leniency, "BRSKI-PRM, section 7.1", "an old root").unwrap();
    });
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    let mut fields = line["fields"].clone();
    let times = fields["times"].take();
    assert_eq!(fields, json!({"message": "leniency used", "leniency": "prm-legacy-root", "times": null, "sentence": "an old root"}));
    assert!(times.as_u64() >= Some(2), "{times}");
}

#[test]
fn totals_are_logged_of_what_was_used() {
    let lines = logged(Leniency::log_totals);
    let of = |name: &str| lines.iter().find(|line| line["fields"]["leniency"] == name).map(|line| line["fields"]["times"].as_u64() >= Some(1));
    assert_eq!(of("prm-legacy-root"), Some(true), "{lines:?}");
    assert!(lines.iter().all(|line| line["fields"]["times"] != 0), "{lines:?}");
}

#[test]
fn certificate_that_differs_from_a_known_one_in_an_octet_is_read() {
    let known = crate::test_pki::Entity::root("Root").certificate;
    let reading = Reading::default().knowing(vec![known.clone()]);
    assert_eq!(reading.certificate(known.der()), Ok(known.clone()));
    let mut altered = known.der().to_vec();
    altered.iter_mut().rev().take(1).for_each(|octet| *octet ^= 1);
    assert_eq!(reading.certificate(&altered).unwrap().der(), altered);
    assert!(reading.certificate(&altered[1..]).is_err());
}

#[test]
fn names_are_those_of_the_configuration() {
    for leniency in Leniency::ALL {
        assert_eq!(Leniency::from_name(leniency.name()), Some(*leniency));
        let table: Leniencies = toml::from_str(&format!("{leniency} = true")).unwrap();
        assert_eq!(table, Leniencies::with([*leniency]));
    }
}

#[test]
fn table_switches_off_what_is_on_by_default() {
    assert_eq!(toml::from_str::<Leniencies>("idevid-issuer-forms = false").unwrap(), Leniencies::NONE);
    assert_eq!(toml::from_str::<Leniencies>("").unwrap(), Leniencies::default());
}

#[test]
fn table_with_an_unknown_or_repeated_name_is_refused() {
    let refused = toml::from_str::<Leniencies>("base64 = true").unwrap_err().to_string();
    assert!(refused.contains("unknown field `base64`"), "{refused}");
    assert!(Leniency::ALL.iter().all(|leniency| refused.contains(leniency.name())), "{refused}");
    assert!(serde_json::from_str::<Leniencies>(r#"{"base64-body": true, "base64-body": false}"#).is_err());
    assert!(serde_json::from_str::<Leniencies>("true").is_err());
}

#[test]
fn table_that_is_written_is_read_again() {
    for set in [Leniencies::NONE, Leniencies::ALL, Leniencies::default(), Leniencies::from_iter([Leniency::CmsIdData])] {
        assert_eq!(toml::from_str::<Leniencies>(&toml::to_string(&set).unwrap()).unwrap(), set);
    }
}

#[test]
fn set_grants_what_it_was_made_of_and_nothing_else() {
    let granted = |set: Leniencies| set.granted().collect::<Vec<_>>();
    assert_eq!(granted(Leniencies::NONE), []);
    assert_eq!(granted(Leniencies::ALL), Leniency::ALL);
    assert_eq!(granted(Leniencies::default()), [Leniency::IdevidIssuerForms]);
    assert_eq!(granted(Leniencies::from_iter([Leniency::PrmLegacyRoot, Leniency::CmsIdData])), [Leniency::CmsIdData, Leniency::PrmLegacyRoot]);
    assert_eq!(granted(Leniencies::with([Leniency::CmsIdData])), [Leniency::CmsIdData, Leniency::IdevidIssuerForms]);
}

#[test]
fn what_is_only_collected_is_kept_and_neither_logged_nor_counted() {
    let reading = Reading::collecting();
    let lines = logged(|| reading.tolerate(Leniency::PrmLegacyRoot, "BRSKI-PRM, section 7.1", "an old root").unwrap());
    assert_eq!((reading.overlooked().len(), lines), (1, vec![]));
}
