//! Everything of the admin interface, without sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod decisions;
mod opinions;
mod trials;
mod webhooks;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use brski_common::access::{Credential, Proof, Role, Throttle, Token};
use brski_common::{AuditLog, Certificate, Format, Leniencies, PeerCertificates};
use http::Method;
use http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::route::ROUTES;
use super::*;
use crate::masa_client::MasaAnswer;
use crate::pledges::{MemoryPledges, PledgeStore};
use crate::testing::{FakeMasa, Pledge, World, block_on, policy};
use crate::trail::{Event, What};

/// An owner with one admitted pledge whose key is avocado, one held whose key is carrot, and a token for each role.
struct Scene {
    world: Arc<World>,
    registrar: Arc<Registrar>,
    store: Arc<MemoryPledges>,
    service: AdminService,
    tokens: Vec<(Role, Token)>,
    auditor: Certificate,
    /// That of an approver.
    signer: Certificate,
    good: Pledge,
    held: Pledge,
}

struct Reply {
    status: StatusCode,
    headers: http::HeaderMap,
    body: Bytes,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|err| panic!("{err}: {:?}", self.body))
    }

    /// The sentence of a refusal.
    fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_else(|| panic!("{:?}", self.body)).to_owned()
    }
}

impl Scene {
    fn new() -> Self {
        let world = Arc::new(World::new());
        let (good, held) = (world.pledge("JADA1"), world.pledge("JADA 2/2"));
        let statements = [world.statement(&good, brski_common::Method::Avocado, 0), world.statement(&held, brski_common::Method::Carrot, 0)];
        let masa = {
            let world = world.clone();
            FakeMasa::speaking(move |request, answer| {
                let request = request.peek_unverified(Leniencies::default()).unwrap();
                let statement = statements[usize::from(request.serial_number.as_str() != "JADA1")].clone();
                let voucher = world.sign_voucher_as(&world.voucher_for(&request), answer);
                Ok(MasaAnswer::Vouched { voucher, statement: Some(statement), audit_log: Some(AuditLog::default()) })
            })
        };
        let store = Arc::new(MemoryPledges::new());
        let registrar = Arc::new(world.registrar(masa, store.clone()));
        let tokens: Vec<_> = Role::OF_REGISTRAR.iter().map(|role| (*role, Token::generate().unwrap())).collect();
        let (auditor, signer) = (crate::testing::Ca::new("auditor").certificate, crate::testing::Ca::new("signer").certificate);
        let credential = |name: &str, role, proof| Credential { name: name.to_owned(), role, proof, not_after: None };
        let mut credentials: Vec<_> = tokens.iter().map(|(role, token)| credential(role.name(), *role, Proof::Token(token.digest()))).collect();
        credentials.push(credential("certified", Role::Auditor, Proof::Certificate(Box::new(auditor.clone()))));
        credentials.push(credential("certified-approver", Role::Approver, Proof::Certificate(Box::new(signer.clone()))));
        let access = Access::new(credentials, Throttle::default()).unwrap();
        let service = AdminService::new(registrar.clone(), access, webhooks::hooks(), || "metrics".to_owned());
        let scene = Self { world, registrar, store, service, tokens, auditor, signer, good, held };
        scene.come(&scene.good).unwrap();
        scene.come(&scene.held).unwrap_err();
        scene
    }

    /// The pledge asks for its voucher.
    fn come(&self, pledge: &Pledge) -> Result<(), crate::Error> {
        let request = pledge.sign(&self.world.request(pledge));
        block_on(self.registrar.request_voucher(&request, Format::Cms, &pledge.peer())).map(drop)
    }

    fn token(&self, role: Role) -> &str {
        self.tokens.iter().find(|(known, _)| *known == role).unwrap().1.reveal()
    }

    fn send(&self, request: Request<Full<Bytes>>) -> Reply {
        let (head, body) = block_on(self.service.respond(request)).into_parts();
        Reply { status: head.status, headers: head.headers, body: block_on(body.collect()).unwrap().to_bytes() }
    }

    fn ask(&self, role: Role, method: Method, path: &str, body: &Value) -> Reply {
        let request = Request::builder().method(method).uri(path).header(AUTHORIZATION, format!("Bearer {}", self.token(role)));
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        self.send(request.header(CONTENT_TYPE, "application/json").body(Full::from(body)).unwrap())
    }

    fn get(&self, path: &str) -> Reply {
        self.ask(Role::Auditor, Method::GET, path, &Value::Null)
    }

    fn post(&self, role: Role, path: &str, body: &Value) -> Reply {
        self.ask(role, Method::POST, path, body)
    }

    /// Somebody who has just looked at the pledge at this path says this of it: `approve` or `refuse`.
    fn say(&self, role: Role, path: &str, verb: &str) -> Reply {
        let question = self.get(path).json()["question"].clone();
        self.post(role, &format!("{path}/{verb}"), &json!({ "why": "seen on my desk", "question": question }))
    }

    fn enroll(&self, pledge: &Pledge) -> Arc<brski_common::SoftwareKey> {
        let key = crate::testing::key();
        block_on(self.registrar.enroll(&pledge.csr(&key), &pledge.peer(), false)).unwrap();
        key
    }

    /// The event that was written last.
    fn last_event(&self) -> Event {
        let size = block_on(self.store.head()).unwrap().size;
        serde_json::from_slice(&block_on(self.store.events(size - 1, 1)).unwrap()[0]).unwrap()
    }
}

/// The held pledge in paths: its serial number has a space and a slash.
const HELD: &str = "/pledges/JADA%202%2F2";

#[test]
fn probes_need_no_credential_and_everything_else_does() {
    let scene = Scene::new();
    for route in ROUTES {
        let path = route.path.replace("{key}", "JADA1");
        let reply = scene.send(Request::builder().method(route.method.clone()).uri(&path).body(Full::default()).unwrap());
        let probe = ["/livez", "/readyz"].contains(&route.path);
        assert_eq!(reply.status, if probe { StatusCode::OK } else { StatusCode::UNAUTHORIZED }, "{path}");
        assert_eq!(reply.headers.contains_key(WWW_AUTHENTICATE), !probe, "{path}");
        assert_eq!(reply.headers[CACHE_CONTROL], "no-store", "{path}");
    }
    let nowhere = scene.send(Request::get("/nowhere").body(Full::default()).unwrap());
    assert_eq!(nowhere.status, StatusCode::UNAUTHORIZED);
}

#[test]
fn each_role_gets_what_the_table_gives_it_and_hears_which_role_the_rest_needs() {
    let scene = Scene::new();
    for route in ROUTES.iter().filter(|route| !route.roles.is_empty()) {
        for role in Role::OF_REGISTRAR {
            let request = Request::builder().method(route.method.clone()).uri(route.path.replace("{key}", "nobody"));
            let reply = scene.send(request.header(AUTHORIZATION, format!("Bearer {}", scene.token(*role))).body(Full::default()).unwrap());
            let refused = reply.status == StatusCode::FORBIDDEN;
            assert_eq!(refused, !route.roles.contains(role), "{} {role}", route.path);
            if refused {
                let needed = route.roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(" or ");
                assert_eq!(reply.error(), format!("this needs the role {needed}, and the credential has the role {role}"));
            }
        }
    }
}

#[test]
fn everybody_reads_everything_auditors_change_nothing_and_approvers_decide_about_pledges_alone() {
    assert!(ROUTES.iter().filter(|route| route.method == Method::GET && !route.roles.is_empty()).all(|route| route.roles == Role::OF_REGISTRAR));
    let posts = |role: Role| -> Vec<_> { ROUTES.iter().filter(|route| route.method == Method::POST && route.roles.contains(&role)).map(|r| r.path).collect() };
    assert_eq!(posts(Role::Auditor), ["/policy/test", "/appraise"]);
    assert_eq!(posts(Role::Approver), ["/pledges/{key}/approve", "/pledges/{key}/refuse", "/policy/test", "/appraise"]);
}

#[test]
fn what_auditors_may_post_changes_no_pledge() {
    let scene = Scene::new();
    let before = block_on(scene.store.head()).unwrap();
    assert_eq!(scene.post(Role::Auditor, "/policy/test", &json!({})).status, StatusCode::OK);
    assert_eq!(block_on(scene.store.head()).unwrap(), before);
    let file = || block_on(scene.store.file(scene.good.idevid.spki_digest())).unwrap();
    let filed = file();
    assert_eq!(scene.statement(&scene.good).status, StatusCode::OK);
    assert_eq!(file(), filed);
}

#[test]
fn table_has_each_path_and_each_name_once() {
    let paths: BTreeSet<_> = ROUTES.iter().map(|route| route.path).collect();
    let names: BTreeSet<_> = ROUTES.iter().map(|route| route.name).collect();
    assert_eq!((paths.len(), names.len()), (ROUTES.len(), ROUTES.len()));
}

#[test]
fn client_certificate_serves_as_well_as_a_token() {
    let scene = Scene::new();
    let ask = |certificate: Certificate| {
        let mut request = Request::get("/policy").body(Full::default()).unwrap();
        request.extensions_mut().insert(PeerCertificates(vec![certificate]));
        scene.send(request).status
    };
    assert_eq!(ask(scene.auditor.clone()), StatusCode::OK);
    assert_eq!(ask(crate::testing::Ca::new("auditor").certificate), StatusCode::UNAUTHORIZED);
}

#[test]
fn guesses_are_slowed_down_and_the_connection_ends() {
    let scene = Scene::new();
    let guess = || {
        let mut request = Request::get("/metrics").header(AUTHORIZATION, "Bearer guess").body(Full::default()).unwrap();
        request.extensions_mut().insert(PeerAddress(SocketAddr::from(([192, 0, 2, 1], 4000))));
        scene.send(request)
    };
    assert!((0..Throttle::FAILURES).all(|_| guess().status == StatusCode::UNAUTHORIZED));
    let slowed = guess();
    assert_eq!(slowed.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!((&slowed.headers[RETRY_AFTER], &slowed.headers["connection"]), (&HeaderValue::from(60), &HeaderValue::from_static("close")));
}

#[test]
fn wrong_method_names_the_right_one() {
    let reply = Scene::new().get("/policy/test");
    assert_eq!((reply.status, &reply.headers[ALLOW]), (StatusCode::METHOD_NOT_ALLOWED, &HeaderValue::from_static("POST")));
}

#[test]
fn pledges_are_listed_by_state_and_serial_number() {
    let scene = Scene::new();
    let serials =
        |query: &str| -> Vec<Value> { scene.get(&format!("/pledges{query}")).json().as_array().unwrap().iter().map(|row| row["serial"].clone()).collect() };
    assert_eq!(serials("").len(), 2);
    assert_eq!(serials("?state=held"), ["JADA 2/2"]);
    assert_eq!(serials("?serial=JADA1"), ["JADA1"]);
    assert_eq!(serials("?limit=1").len(), 1);
    assert_eq!(serials("?before=2000-01-01T00:00:00Z").len(), 0);
    for query in [
        "?before-key=00",
        "?before-key=0101010101010101010101010101010101010101010101010101010101010101",
        "?state=lost",
        "?limit=0",
        "?limit=1001",
        "?who=me",
        "?serial=a&serial=b",
    ] {
        assert_eq!(scene.get(&format!("/pledges{query}")).status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[test]
fn next_page_begins_after_the_last_pledge_of_this_one() {
    let scene = Scene::new();
    let first = scene.get("/pledges?limit=1").json()[0].clone();
    let text = |field: &str| first[field].as_str().unwrap().to_owned();
    let rest = scene.get(&format!("/pledges?before={}&before-key={}", text("last-seen"), text("key"))).json();
    assert_eq!(rest.as_array().unwrap().len(), 1);
    assert_ne!(rest[0]["key"], first["key"]);
}

#[test]
fn pledge_is_shown_with_the_trace_by_serial_number_and_by_key() {
    let scene = Scene::new();
    let shown = scene.get(HELD).json();
    assert_eq!((&shown["state"], &shown["decision"]["rule"], &shown["approvals-needed"]), (&json!("held"), &json!("ask-about-carrots"), &json!(1)));
    assert_eq!(shown["decision"]["trace"].as_array().unwrap().len(), 2);
    assert_eq!((&shown["history"][0]["number"], &shown["history"][0]["event"]["what"]["event"]), (&json!(1), &json!("held")));
    assert_eq!(scene.get(&format!("/pledges/{}", scene.held.idevid.spki_digest())).json(), shown);
    let unknown = scene.get("/pledges/JADA9");
    assert_eq!((unknown.status, unknown.error()), (StatusCode::NOT_FOUND, crate::desk::DeskError::Unknown("JADA9".to_owned()).to_string()));
}

#[test]
fn trust_names_manufacturers_with_their_anchors() {
    let trust = Scene::new().get("/trust").json();
    assert_eq!((&trust[0]["name"], trust[0]["idevid-anchors"].as_array().unwrap().len()), (&json!("Maker"), 1));
    assert_eq!(trust[0]["idevid-anchors"][0]["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn policy_is_told_in_words_with_its_digest() {
    let told = Scene::new().get("/policy").json();
    assert_eq!(told["rules"], json!(policy().rules_in_words()));
    assert_eq!(told["digest"], json!(brski_common::SpkiDigest(*policy().digest())));
}

#[test]
fn trail_is_read_by_number_and_its_root_can_be_computed_from_it() {
    let scene = Scene::new();
    let head = scene.get("/audit/head").json();
    let told = scene.get("/audit/events").json();
    let events = told["events"].as_array().unwrap();
    assert_eq!((&head["size"], &told["size"], events.len()), (&json!(2), &json!(2), 2));
    let mut tree = brski_common::log::Frontier::new();
    for event in events {
        let leaf = event["leaf-hash"].as_str().unwrap();
        let octets: Vec<u8> = (0..32).map(|i| u8::from_str_radix(&leaf[2 * i..2 * i + 2], 16).unwrap()).collect();
        drop(tree.append(octets.as_slice().try_into().unwrap()));
    }
    assert_eq!(head["root"], json!(tree.root().to_string()));
    let later = scene.get("/audit/events?from=1&limit=1").json();
    assert_eq!((&later["events"][0]["number"], &later["events"][0]["event"]["what"]["event"]), (&json!(1), &json!("held")));
}

#[test]
fn metrics_are_text_for_every_role() {
    let scene = Scene::new();
    for role in Role::OF_REGISTRAR {
        assert_eq!(scene.ask(*role, Method::GET, "/metrics", &Value::Null).body, "metrics");
    }
}

#[test]
fn registrar_that_was_replaced_serves_at_once_with_its_credentials() {
    let scene = Scene::new();
    let token = Token::generate().unwrap();
    let credential = Credential { name: "new".to_owned(), role: Role::Auditor, proof: Proof::Token(token.digest()), not_after: None };
    scene.service.clone().replace(scene.registrar.clone(), Access::new(vec![credential], Throttle::default()).unwrap(), Vec::new());
    assert_eq!(scene.get("/policy").status, StatusCode::UNAUTHORIZED);
    let request = Request::get("/policy").header(AUTHORIZATION, format!("Bearer {}", token.reveal()));
    assert_eq!(scene.send(request.body(Full::default()).unwrap()).status, StatusCode::OK);
}
