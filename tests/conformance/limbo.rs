//! x509-limbo: certificate paths, good and bad, through [`Anchors::verify_path`], and servers' names through [`bears_name`]. `limbo.toml` lists the cases that we judge otherwise than the suite does.

use std::collections::BTreeMap;

use brski_common::serve::{ServerName, bears_name};
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

/// What we say of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Accepted,
    /// There is no path, or the server's certificate does not bear the name that was dialled.
    Refused,
    /// A certificate is none, or no anchor: nobody looked for a path.
    Unreadable,
}

/// What we say of the case, with the reason if there is one.
fn judged(case: &Value) -> (Verdict, String) {
    match read(case) {
        Err(err) => (Verdict::Unreadable, err),
        Ok((anchors, pool, leaf)) => match accepted(case, &anchors, &pool, &leaf) {
            Ok(()) => (Verdict::Accepted, String::new()),
            Err(err) => (Verdict::Refused, err),
        },
    }
}

fn read(case: &Value) -> Result<(Anchors, Vec<Certificate>, Certificate), String> {
    let anchors = Anchors::new(certificates(&case["trusted_certs"])?).map_err(|err| err.to_string())?;
    let [leaf] = certificates(&Value::Array(vec![case["peer_certificate"].clone()]))?.try_into().unwrap();
    Ok((anchors, certificates(&case["untrusted_intermediates"])?, leaf))
}

/// Finds a path, and of a server holds the name against it as our TLS client does.
fn accepted(case: &Value, anchors: &Anchors, pool: &[Certificate], leaf: &Certificate) -> Result<(), String> {
    let usage = match case["validation_kind"].as_str() {
        Some("SERVER") => Usage::TlsServer,
        Some("CLIENT") => Usage::TlsClient,
        other => panic!("{other:?}"),
    };
    anchors.verify_path(leaf, pool, usage, at(&case["validation_time"])).map_err(|err| err.to_string())?;
    let name = case["expected_peer_name"]["value"].as_str().filter(|_| usage == Usage::TlsServer);
    match name.map(ServerName::try_from) {
        None => Ok(()),
        Some(Ok(name)) if bears_name(leaf, &name) => Ok(()),
        Some(Ok(name)) => Err(format!("the certificate does not bear the name {}", name.to_str())),
        Some(Err(err)) => Err(format!("no server can be dialled by such a name: {err}")),
    }
}

fn at(stated: &Value) -> UnixTime {
    // Whole seconds: a fraction of one never decides.
    let text = stated.as_str().map_or_else(|| NOW.to_owned(), |text| format!("{}Z", &text[.."2024-01-01T00:00:00".len()]));
    time(&text)
}

/// What `limbo.toml` says of each case that it lists.
fn listed() -> BTreeMap<String, Verdict> {
    let mut file: toml::Table = include_str!("limbo.toml").parse().unwrap();
    let Some(toml::Value::Array(groups)) = file.remove("group") else { panic!("limbo.toml has no [[group]]") };
    let mut listed = BTreeMap::new();
    for group in groups {
        assert!(group["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
        for (member, verdict) in [("accepted", Verdict::Accepted), ("refused", Verdict::Refused), ("unreadable", Verdict::Unreadable)] {
            for case in group.get(member).and_then(toml::Value::as_array).into_iter().flatten() {
                assert_eq!(listed.insert(case.as_str().unwrap().to_owned(), verdict), None, "{case} is listed twice");
            }
        }
    }
    listed
}

/// Why our judgement of a case is wrong, if it is.
fn complaint(verdict: Verdict, wanted: Verdict, listed: Option<Verdict>) -> Option<String> {
    match listed {
        None if verdict == wanted => None,
        None => Some("not listed".to_owned()),
        Some(_) if verdict == wanted => Some("judged as the suite wants, so that limbo.toml need no longer list it".to_owned()),
        Some(listed) if listed == verdict => None,
        Some(listed) => Some(format!("listed as {listed:?}")),
    }
}

#[test]
fn every_case_is_judged_as_the_suite_wants_unless_it_is_listed() {
    let Some(vectors) = Vectors::find() else { return };
    let (cases, listed) = (cases(&vectors), listed());
    let mut complaints = Vec::new();
    for case in &cases {
        let (verdict, why) = judged(case);
        let wanted = if case["expected_result"] == "SUCCESS" { Verdict::Accepted } else { Verdict::Refused };
        let complaint = complaint(verdict, wanted, listed.get(id(case)).copied());
        complaints.extend(complaint.map(|text| format!("{}: {verdict:?}, {text} ({why})", id(case))));
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
    assert!(complaint(Verdict::Refused, Verdict::Refused, Some(Verdict::Accepted)).is_some());
    assert!(complaint(Verdict::Accepted, Verdict::Accepted, Some(Verdict::Accepted)).is_some());
    assert_eq!(complaint(Verdict::Accepted, Verdict::Refused, Some(Verdict::Accepted)), None);
}

#[test]
fn case_that_cannot_be_read_is_no_refusal() {
    assert!(complaint(Verdict::Unreadable, Verdict::Refused, None).is_some());
    assert!(complaint(Verdict::Unreadable, Verdict::Refused, Some(Verdict::Accepted)).is_some());
    assert_eq!(complaint(Verdict::Unreadable, Verdict::Refused, Some(Verdict::Unreadable)), None);
}
