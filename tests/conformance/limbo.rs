//! x509-limbo: certificate paths, good and bad, through [`Anchors::verify_path`]. `limbo.toml` lists the cases that we judge otherwise than the suite does.

use std::collections::BTreeMap;

use brski_common::{Anchors, Certificate, UnixTime, Usage};
use serde_json::Value;

use crate::vectors::{Vectors, time};

/// For the cases that say no time; their certificates are valid for centuries.
const NOW: &str = "2024-07-01T00:00:00Z";

#[test]
fn every_file_is_read_by_a_test_here() {
    let Some(vectors) = Vectors::find() else { return };
    assert_eq!(vectors.names("x509-limbo"), ["limbo.json".to_owned()].into());
}

fn cases(vectors: &Vectors) -> Vec<Value> {
    let mut suite: Value = serde_json::from_slice(&vectors.read("x509-limbo/limbo.json")).unwrap();
    let Value::Array(cases) = suite["testcases"].take() else { panic!("limbo.json has no test cases") };
    cases
}

fn id(case: &Value) -> &str {
    case["id"].as_str().unwrap()
}

fn certificates(texts: &Value) -> Result<Vec<Certificate>, String> {
    let read = |pem: &Value| Certificate::all_from_pem(pem.as_str().unwrap()).map_err(|err| err.to_string());
    texts.as_array().unwrap().iter().map(read).collect::<Result<Vec<_>, _>>().map(|all| all.concat())
}

/// What we say of the case: the length of the path, or why there is none.
fn judged(case: &Value) -> Result<usize, String> {
    let anchors = Anchors::new(certificates(&case["trusted_certs"])?).map_err(|err| err.to_string())?;
    let pool = certificates(&case["untrusted_intermediates"])?;
    let [leaf] = certificates(&Value::Array(vec![case["peer_certificate"].clone()]))?.try_into().unwrap();
    let usage = match case["validation_kind"].as_str() {
        Some("SERVER") => Usage::TlsServer,
        Some("CLIENT") => Usage::TlsClient,
        other => panic!("{other:?}"),
    };
    anchors.verify_path(&leaf, &pool, usage, at(&case["validation_time"])).map(|path| path.len()).map_err(|err| err.to_string())
}

fn at(stated: &Value) -> UnixTime {
    // Whole seconds: a fraction of one never decides.
    let text = stated.as_str().map_or_else(|| NOW.to_owned(), |text| format!("{}Z", &text[.."2024-01-01T00:00:00".len()]));
    time(&text)
}

/// What `limbo.toml` says of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    /// Whether we accept what the suite wants refused, rather than the other way round.
    accepted: bool,
    reason: String,
}

fn listed() -> BTreeMap<String, Listed> {
    let mut file: toml::Table = include_str!("limbo.toml").parse().unwrap();
    let Some(toml::Value::Array(groups)) = file.remove("group") else { panic!("limbo.toml has no [[group]]") };
    let mut listed = BTreeMap::new();
    for group in groups {
        let reason = group["reason"].as_str().unwrap();
        for (member, accepted) in [("accepted", true), ("refused", false)] {
            for case in group.get(member).and_then(toml::Value::as_array).into_iter().flatten() {
                let told = Listed { accepted, reason: reason.to_owned() };
                assert_eq!(listed.insert(case.as_str().unwrap().to_owned(), told), None, "{case} is listed twice");
            }
        }
    }
    listed
}

/// Why our judgement of a case is wrong, if it is.
fn complaint(accepted: bool, wanted: bool, listed: Option<&Listed>) -> Option<String> {
    match listed {
        None if accepted == wanted => None,
        None => Some(format!("accepted: {accepted}, and not listed")),
        Some(_) if accepted == wanted => Some("judged as the suite wants, so that limbo.toml need no longer list it".to_owned()),
        Some(listed) if listed.accepted == accepted => None,
        Some(_) => Some("listed the wrong way round".to_owned()),
    }
}

#[test]
fn every_case_is_judged_as_the_suite_wants_unless_it_is_listed() {
    let Some(vectors) = Vectors::find() else { return };
    let (cases, listed) = (cases(&vectors), listed());
    let mut complaints = Vec::new();
    for case in &cases {
        let outcome = judged(case);
        let wanted = case["expected_result"] == "SUCCESS";
        let complaint = complaint(outcome.is_ok(), wanted, listed.get(id(case)));
        complaints.extend(complaint.map(|text| format!("{}: {text} ({outcome:?})", id(case))));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert_eq!(cases.len(), 208);
}

#[test]
fn every_listed_case_exists() {
    let Some(vectors) = Vectors::find() else { return };
    let cases = cases(&vectors);
    let unknown: Vec<String> = listed().into_keys().filter(|listed| !cases.iter().any(|case| id(case) == listed)).collect();
    assert_eq!(unknown, Vec::<String>::new());
}

#[test]
fn listed_case_that_is_judged_right_is_a_failure() {
    let listed = Listed { accepted: true, reason: String::new() };
    assert!(complaint(false, false, Some(&listed)).is_some());
    assert!(complaint(true, true, Some(&listed)).is_some());
    assert_eq!(complaint(true, false, Some(&listed)), None);
}
