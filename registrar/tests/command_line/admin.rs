//! The admin interface of a server that runs: listener, credentials, metrics, webhooks.

use std::process::Command;

use serde_json::Value;

use super::client::Client;
use super::serve::anywhere;
use super::support::{Folder, Running};
use super::{REGISTRAR, registrar};

/// A registrar that serves, with its log in the file `log`.
pub(crate) struct Serving {
    pub(crate) process: Running,
    pub(crate) port: u16,
    pub(crate) admin_port: u16,
    pub(crate) token: String,
}

impl Serving {
    pub(crate) fn start(folder: &Folder) -> Self {
        let mut process = folder.start("sh", &["-c", "exec \"$0\" serve --log-format json 2> log", REGISTRAR]);
        let (port, admin_port) = (process.port(), process.port());
        Self { process, port, admin_port, token: folder.read("registrar/keys/admin-token").trim_end().to_owned() }
    }

    pub(crate) fn admin(&self) -> Client {
        Client::new(self.admin_port)
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, text) = self.admin().get(path, &self.token);
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The value of a metric.
    pub(crate) fn metric(&self, line: &str) -> Option<f64> {
        let (status, text) = self.admin().get("/metrics", &self.token);
        assert_eq!(status, 200, "{text}");
        text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' ')?.parse().ok())
    }

    /// Ends it and gives its log, line by line.
    pub(crate) fn stop(self, folder: &Folder) -> Vec<Value> {
        assert_eq!(self.process.stop("TERM"), (Some(0), String::new()));
        folder.read("log").lines().map(|line| serde_json::from_str(line).unwrap_or_else(|err| panic!("{err}: {line}"))).collect()
    }
}

#[test]
fn admin_listener_is_another_than_that_for_pledges() {
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
    assert_eq!(Client::new(serving.port).send("POST", "/.well-known/brski/requestvoucher", &[cms], "no CMS").0, 403);
    for (line, expected) in [
        ("brski_requests_total{resource=\"admin-livez\",outcome=\"done\",status=\"200\"}", 3.0),
        ("brski_requests_total{resource=\"requestvoucher\",outcome=\"refused\",status=\"403\"}", 1.0),
        ("brski_trail_events_total{event=\"configured\"}", 1.0),
        ("brski_held_pledges", 0.0),
        ("brski_build_info{version=\"0.1.0\"}", 1.0),
        ("brski_connections{listener=\"admin\"}", 1.0),
    ] {
        assert_eq!(serving.metric(line), Some(expected), "{line}");
    }
    // The key of the registrar signs for TLS, that of the CA to show that it can.
    assert_eq!(serving.metric("brski_sign_seconds_count{key=\"domain-ca\"}"), Some(1.0));
    assert!(serving.metric("brski_sign_seconds_count{key=\"registrar\"}").unwrap() > 1.0);
    serving.stop(&folder);
}

#[test]
fn start_stands_in_the_trail_with_the_policy() {
    let folder = anywhere();
    let serving = Serving::start(&folder);
    let events = serving.get("/audit/events");
    let what = &events["events"][0]["event"]["what"];
    assert_eq!((&what["event"], &what["why"], &what["policy"]), (&"configured".into(), &"the registrar started".into(), &serving.get("/policy")["digest"]));
    serving.stop(&folder);
}

#[test]
fn request_can_be_followed_through_the_log_and_no_secret_gets_into_it() {
    let folder = anywhere();
    let secret = webhook(&folder);
    let serving = Serving::start(&folder);
    let wrong = "brski-this-is-a-wrong-token-that-somebody-guessed";
    assert_eq!(serving.admin().get("/pledges", wrong).0, 401);
    serving.get("/pledges");
    let (right, token) = (serving.token.clone(), wrong);
    let log = serving.stop(&folder);
    let lines: Vec<_> = log.iter().filter(|line| line["spans"][0]["resource"] == "admin-pledges" && line["message"] == "answered").collect();
    assert!(lines.iter().any(|line| line["spans"][0]["caller"] == "operator" && line["status"] == 200), "{log:?}");
    assert!(lines.iter().all(|line| line["spans"][0]["peer"].as_str().unwrap().starts_with("127.0.0.1:") && line["milliseconds"].is_u64()), "{log:?}");
    let text = folder.read("log");
    assert!([right.as_str(), token, secret.as_str()].iter().all(|secret| !text.contains(secret)));
}

#[test]
fn curl_sees_the_registrar_s_certificate_and_shows_a_token() {
    let folder = anywhere();
    let serving = Serving::start(&folder);
    let url = format!("https://localhost:{}/trust", serving.admin_port);
    let bearer = format!("Authorization: Bearer {}", serving.token);
    let Some(told) = tool(&folder, "curl", &["-sS", "--cacert", "registrar/certificates/domain-ca.pem", "-H", &bearer, &url]) else { return };
    assert_eq!(told, "[]");
    serving.stop(&folder);
}

#[test]
fn webhook_is_answered_if_it_has_the_signature_that_openssl_computes() {
    let folder = anywhere();
    webhook(&folder);
    let serving = Serving::start(&folder);
    let key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==";
    folder.write("body.json", format!("{{\"timestamp\":\"2026-11-23T12:00:00Z\",\"x509Certificate\":{{\"publicKey\":\"{key}\"}}}}"));
    let hex = "hexkey:000102030405060708090a0b0c0d0e0f1011121314151617";
    let Some(computed) = tool(&folder, "openssl", &["dgst", "-sha256", "-mac", "HMAC", "-macopt", hex, "-r", "body.json"]) else { return };
    let signature = computed.split_whitespace().next().unwrap().to_owned();
    let ask = |signature: &str| {
        let signature = format!("X-Smallstep-Signature: {signature}");
        let headers = ["Content-Type: application/json", "X-Smallstep-Webhook-ID: ca", &signature];
        serving.admin().send("POST", "/appraise", &headers, &folder.read("body.json"))
    };
    let (status, told) = ask(&signature);
    assert_eq!(status, 200, "{told}");
    assert!(told.starts_with("{\"allow\":false,") && told.contains("the key is of no pledge that was admitted"), "{told}");
    assert_eq!(ask(&"0".repeat(64)).0, 401);
    serving.stop(&folder);
}

#[test]
fn webhook_without_a_usable_secret_is_told_with_its_file() {
    let folder = anywhere();
    webhook(&folder);
    folder.write("registrar/keys/webhook-secret", "short");
    let error = registrar(&folder, &["config", "check"]).error();
    assert!(error.contains("field webhooks.secret: keys/webhook-secret cannot be used for 'ca'") && error.contains("the base64 text"), "{error}");
}

/// Configures a webhook `ca` whose secret is the octets 0 to 23, and gives that as text.
fn webhook(folder: &Folder) -> String {
    let secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
    folder.write("registrar/keys/webhook-secret", format!("{secret}\n"));
    let text = folder.read("registrar/registrar.toml");
    folder.write("registrar/registrar.toml", format!("{text}\n[[webhooks]]\nid = \"ca\"\nsecret = \"keys/webhook-secret\"\n"));
    secret.to_owned()
}

/// What a program writes; `None` where it is not installed, which may not be in CI.
fn tool(folder: &Folder, program: &str, arguments: &[&str]) -> Option<String> {
    match Command::new(program).args(arguments).current_dir(folder.path("")).output() {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(String::from_utf8(output.stdout).unwrap())
        }
        Err(_) => {
            assert!(std::env::var_os("CI").is_none(), "{program} is not installed, and CI is set");
            eprintln!("skipped: {program} is not installed");
            None
        }
    }
}
