//! The admin interface of a server that runs: listener, metrics, log.

use super::https::{Client, Serving};
use super::serve::anywhere;
use super::{manufacturer, masa};

#[test]
fn admin_listener_is_another_than_that_for_registrars() {
    let folder = anywhere();
    let serving = Serving::start(&folder);
    assert_eq!(Client::new(serving.port).get("/metrics", &serving.token).0, 404);
    assert_eq!(serving.admin().send("POST", "/.well-known/brski/requestvoucher", &[], "").0, 401);
    serving.stop(&folder);
}

#[test]
fn metrics_are_those_of_what_was_asked() {
    let folder = anywhere();
    let serving = Serving::start(&folder);
    for _ in 0..3 {
        assert_eq!(serving.admin().send("GET", "/livez", &[], "").0, 200);
    }
    assert_eq!(serving.admin().send("GET", "/readyz", &[], "").0, 200);
    let cms = "Content-Type: application/voucher-cms+json";
    assert_eq!(Client::new(serving.port).send("POST", "/.well-known/brski/requestvoucher", &[cms], "no CMS").0, 400);
    for (line, expected) in [
        ("brski_requests_total{resource=\"admin-livez\",outcome=\"done\",status=\"200\"}", 3.0),
        ("brski_requests_total{resource=\"voucher\",outcome=\"refused\",status=\"400\"}", 1.0),
        ("brski_log_entries", 1.0),
        ("brski_sign_seconds_count{key=\"voucher\"}", 1.0),
        ("brski_build_info{version=\"0.1.0\"}", 1.0),
        ("brski_connections{listener=\"admin\"}", 1.0),
    ] {
        assert_eq!(serving.metric(line), Some(expected), "{line}");
    }
    serving.stop(&folder);
}

#[test]
fn request_can_be_followed_through_the_log_and_no_secret_gets_into_it() {
    let folder = anywhere();
    let serving = Serving::start(&folder);
    folder.write("reports.jsonl", super::manufacture::report(&folder, "JADA1"));
    masa(&folder, &["record", "reports.jsonl"]).ok();
    let (right, wrong) = (serving.token.clone(), "brski-this-is-a-wrong-token-that-somebody-guessed");
    assert_eq!(serving.admin().get("/devices/JADA1", wrong).0, 401);
    let (authorization, json) = (format!("Authorization: Bearer {right}"), "Content-Type: application/json");
    let blocked = serving.admin().send("POST", "/devices/JADA1/block", &[&authorization, json], "{\"reason\":\"stolen\"}");
    assert_eq!(blocked.0, 200, "{}", blocked.1);
    let link = serving.admin().send("POST", "/devices/JADA1/audit-link", &[&authorization], "");
    let capability = serde_json::from_str::<serde_json::Value>(&link.1).unwrap()["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    assert_eq!(Client::new(serving.port).send("GET", &format!("/.well-known/brski-audit/{capability}"), &[], "").0, 200);
    let cms = "Content-Type: application/voucher-cms+json";
    Client::new(serving.port).send("POST", "/.well-known/brski/requestvoucher", &[cms], "no CMS");

    let log = serving.stop(&folder);
    let of = |resource: &str| -> Vec<_> { log.iter().filter(|line| line["spans"][0]["resource"] == resource).collect() };
    for resource in ["voucher", "admin-block"] {
        let lines = of(resource);
        let end = lines.iter().find(|line| line["message"] == "answered").unwrap_or_else(|| panic!("{resource} in {log:?}"));
        let span = &end["spans"][0];
        assert!(span["peer"].as_str().unwrap().starts_with("127.0.0.1:") && end["milliseconds"].is_u64() && end["outcome"].is_string(), "{end}");
        assert!(lines.iter().all(|line| line["spans"][0]["number"] == span["number"]), "{lines:?}");
    }
    let block = of("admin-block");
    assert!(block.iter().all(|line| line["spans"][0]["caller"] == "operator" && line["spans"][0]["serial"] == "JADA1"), "{block:?}");
    assert!(of("voucher").iter().any(|line| line["outcome"] == "refused" && line["sentence"].is_string()), "{log:?}");
    assert!(log.iter().any(|line| line["outcome"] == "not authenticated"), "{log:?}");
    for line in &log {
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["target"].is_string(), "{line}");
    }
    let text = folder.read("log");
    for secret in [right.as_str(), wrong, &capability] {
        assert!(!text.contains(&secret[6..]), "{text}");
    }
}

#[test]
fn admin_listener_that_others_can_reach_is_warned_of() {
    let folder = manufacturer();
    folder.edit("masa/masa.toml", "127.0.0.1:9444", "0.0.0.0:9444");
    let report: serde_json::Value = serde_json::from_str(&masa(&folder, &["config", "check", "-o", "json"]).ok()).unwrap();
    let warnings = report["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].as_str().unwrap().starts_with("admin.listen is 0.0.0.0:9444, where others"), "{warnings:?}");
}

#[test]
fn credential_that_is_neither_or_both_is_refused() {
    let folder = manufacturer();
    let good = folder.read("masa/masa.toml");
    let token = format!("token-sha256 = \"{}\"\n", "0".repeat(64));
    let certificate = "certificate = \"certificates/tls.pem\"\n".to_owned();
    for proof in [String::new(), format!("{token}{certificate}")] {
        folder.write("masa/masa.toml", format!("{good}\n[[admin.credentials]]\nname = \"bob\"\nrole = \"auditor\"\n{proof}"));
        let error = masa(&folder, &["config", "check"]).error();
        assert!(error.contains("field admin.credentials: 'bob' must have either token-sha256 or certificate"), "{error}");
    }
}

#[test]
fn server_without_admin_table_has_one_listener() {
    let folder = anywhere();
    let text = folder.read("masa/masa.toml");
    let (before, rest) = text.split_once("[admin]\n").unwrap();
    let after = rest.split_once("\n[voucher-signer]").unwrap().1;
    folder.write("masa/masa.toml", format!("{before}\n[voucher-signer]{after}"));
    let mut server = folder.start(super::MASA, &["serve"]);
    server.port();
    assert_eq!(server.stop("TERM"), (Some(0), String::new()));
}
