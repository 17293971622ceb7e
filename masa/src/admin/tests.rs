//! Everything of the admin interface, without sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod records;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use brski_common::access::{Credential, Proof, Role, Throttle, Token};
use brski_common::{Certificate, PeerCertificates};
use http::Method;
use http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::route::ROUTES;
use super::*;
use crate::testing::{Entity, Maker, Owner, block_on, nonce, origin};

/// A MASA that has recorded and vouched for one pledge, with a token for each role.
struct Scene {
    maker: Maker,
    ledger: Arc<crate::MemoryLedger>,
    service: AdminService,
    tokens: Vec<(Role, Token)>,
    auditor: Certificate,
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
        self.json()["error"].as_str().unwrap().to_owned()
    }
}

impl Scene {
    fn new() -> Self {
        let (maker, owner) = (Maker::new(), Owner::new("owner"));
        let ledger = crate::testing::memory();
        let masa = crate::masa::Masa::new(maker.parts(ledger.clone()));
        let pledge = maker.pledge("JADA 1/2");
        let batch = brski_common::provenance::Text::new("b7").unwrap();
        let origin = brski_common::KeyOrigin { batch: Some(batch), ..origin() };
        block_on(masa.record(&maker.report(&pledge, Some(origin)))).unwrap();
        let asked = owner.request(&pledge, nonce(1));
        block_on(masa.vouch(&asked, brski_common::Format::Cms, &owner.peer())).unwrap();

        let tokens: Vec<_> = Role::OF_MASA.iter().map(|role| (*role, Token::generate().unwrap())).collect();
        let auditor = Entity::root("auditor").certificate;
        let credential = |name: &str, role, proof| Credential { name: name.to_owned(), role, proof, not_after: None };
        let mut credentials: Vec<_> = tokens.iter().map(|(role, token)| credential(role.name(), *role, Proof::Token(token.digest()))).collect();
        credentials.push(credential("certified", Role::Auditor, Proof::Certificate(Box::new(auditor.clone()))));
        let access = Access::new(credentials, Throttle::default()).unwrap();
        Self { maker, ledger, service: AdminService::new(Arc::new(masa), access, || "metrics".to_owned()), tokens, auditor }
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

    fn get(&self, role: Role, path: &str) -> Reply {
        self.ask(role, Method::GET, path, &Value::Null)
    }

    fn post(&self, path: &str, body: &Value) -> Reply {
        self.ask(Role::Operator, Method::POST, path, body)
    }
}

/// The pledge in paths: its serial number has a space and a slash.
const DEVICE: &str = "/devices/JADA%201%2F2";

#[test]
fn probes_need_no_credential_and_everything_else_does() {
    let scene = Scene::new();
    for route in ROUTES {
        let path = route.path.replace("{serial}", "JADA%201%2F2");
        let reply = scene.send(Request::builder().method(route.method.clone()).uri(&path).body(Full::default()).unwrap());
        let probe = ["/livez", "/readyz"].contains(&route.path);
        assert_eq!(reply.status, if probe { StatusCode::OK } else { StatusCode::UNAUTHORIZED }, "{path}");
        assert_eq!(reply.headers.contains_key(WWW_AUTHENTICATE), !probe, "{path}");
    }
    let nowhere = scene.send(Request::get("/nowhere").body(Full::default()).unwrap());
    assert_eq!(nowhere.status, StatusCode::UNAUTHORIZED);
}

#[test]
fn each_role_gets_what_the_table_gives_it_and_hears_which_role_the_rest_needs() {
    let scene = Scene::new();
    for route in ROUTES.iter().filter(|route| !route.roles.is_empty()) {
        for role in Role::OF_MASA {
            let reply = scene.ask(*role, route.method.clone(), &route.path.replace("{serial}", "nobody"), &Value::Null);
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
fn operators_read_what_auditors_read_and_auditors_change_nothing() {
    let of = |role: Role| ROUTES.iter().filter(move |route| route.roles.contains(&role));
    assert!(of(Role::Auditor).all(|route| route.method == Method::GET && route.roles.contains(&Role::Operator)));
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
        let mut request = Request::get("/log/checkpoint").body(Full::default()).unwrap();
        request.extensions_mut().insert(PeerCertificates(vec![certificate]));
        scene.send(request).status
    };
    assert_eq!(ask(scene.auditor.clone()), StatusCode::OK);
    assert_eq!(ask(Entity::root("auditor").certificate), StatusCode::UNAUTHORIZED);
}

#[test]
fn guesses_are_slowed_down_and_the_connection_ends() {
    let scene = Scene::new();
    let guess = || {
        let mut request = Request::get("/metrics").header(AUTHORIZATION, "Bearer guess").body(Full::default()).unwrap();
        request.extensions_mut().insert(PeerAddress(SocketAddr::from(([192, 0, 2, 1], 4000))));
        scene.send(request)
    };
    let refused: Vec<_> = (0..Throttle::FAILURES).map(|_| guess().status).collect();
    assert!(refused.iter().all(|status| *status == StatusCode::UNAUTHORIZED));
    let slowed = guess();
    assert_eq!(slowed.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!((&slowed.headers[RETRY_AFTER], &slowed.headers["connection"]), (&HeaderValue::from(60), &HeaderValue::from_static("close")));
}

#[test]
fn metrics_are_text_for_every_role() {
    let scene = Scene::new();
    for role in Role::OF_MASA {
        assert_eq!(scene.get(*role, "/metrics").body, "metrics");
    }
}

#[test]
fn device_is_told_with_its_record_and_vouchers() {
    let scene = Scene::new();
    let told = scene.get(Role::Auditor, DEVICE).json();
    assert_eq!((&told["serial"], &told["state"]), (&json!("JADA 1/2"), &json!("claimed")));
    assert_eq!((&told["record"]["method"], told["vouchers"].as_array().unwrap().len()), (&json!("avocado"), 1));
    let unknown = scene.get(Role::Auditor, "/devices/JADA9");
    assert_eq!((unknown.status, unknown.error()), (StatusCode::NOT_FOUND, "no device with serial number JADA9 was made here".to_owned()));
}

#[test]
fn blocked_device_is_blocked_until_it_is_not() {
    let scene = Scene::new();
    let blocked = scene.post(&format!("{DEVICE}/block"), &json!({ "reason": "stolen" }));
    assert_eq!((blocked.status, &blocked.json()["blocked"]), (StatusCode::OK, &json!("stolen")));
    assert_eq!(scene.get(Role::Operator, DEVICE).json()["state"], "blocked");
    assert_eq!(scene.post(&format!("{DEVICE}/unblock"), &Value::Null).json()["blocked"], Value::Null);
    assert_eq!(scene.get(Role::Operator, DEVICE).json()["trouble"], Value::Null);
}

#[test]
fn sale_and_release_are_written_down_in_the_caller_s_name() {
    let scene = Scene::new();
    let sale = json!({ "customer": "ACME", "keys": ["ab".repeat(32)] });
    assert_eq!(scene.post(&format!("{DEVICE}/sale"), &sale).json()["changed"], true);
    assert_eq!(scene.post(&format!("{DEVICE}/sale"), &sale).json()["changed"], false);
    let told = scene.get(Role::Auditor, DEVICE).json();
    assert_eq!((&told["sold-to"]["customer"], &told["sold-to"]["by"]), (&json!("ACME"), &json!("operator")));
    assert_eq!(scene.post(&format!("{DEVICE}/release"), &json!({})).json()["state"], "released");
}

#[test]
fn mark_of_a_batch_reaches_its_devices_and_is_counted() {
    let scene = Scene::new();
    let marked = scene.post("/marks?count=true", &json!({ "batch": "b7", "status": "compromised", "reason": "leaked" }));
    assert_eq!((marked.status, &marked.json()["affected"]["units"]), (StatusCode::OK, &json!(1)));
    assert_eq!(scene.get(Role::Auditor, "/affected?batch=b7").json()["units"], 1);
    assert_eq!(scene.get(Role::Auditor, DEVICE).json()["state"], "compromised");
    let device = scene.post("/marks", &json!({ "device": "JADA 1/2", "status": "disputed", "reason": "asked" }));
    assert_eq!((device.status, device.json().get("affected")), (StatusCode::OK, None));
}

#[test]
fn second_reading_of_the_whole_ledger_waits_and_a_mark_without_it_does_not() {
    let scene = Scene::new();
    let mark = json!({ "batch": "b7", "status": "compromised", "reason": "leaked" });
    let first = scene.service.surveys.begin().unwrap();
    for refused in [scene.get(Role::Auditor, "/affected?batch=b7"), scene.post("/marks?count=true", &mark)] {
        assert_eq!((refused.status, &refused.headers[RETRY_AFTER]), (StatusCode::SERVICE_UNAVAILABLE, &HeaderValue::from(5)));
    }
    assert_eq!(scene.get(Role::Auditor, DEVICE).json()["state"], "claimed");
    assert_eq!(scene.post("/marks", &mark).status, StatusCode::OK);
    drop(first);
    assert_eq!(scene.get(Role::Auditor, "/affected?batch=b7").json()["units"], 1);
}

#[test]
fn scope_must_be_exactly_one() {
    let scene = Scene::new();
    let issuer = scene.maker.pledge("JADA 1/2").device().issuer.to_string();
    let issuer_of_a_batch = json!({ "batch": "a", "idevid-issuer": issuer, "status": "disputed", "reason": "x" });
    for body in [issuer_of_a_batch, json!({ "status": "disputed", "reason": "x" }), json!({ "batch": "a", "line": "b", "status": "disputed", "reason": "x" })] {
        assert_eq!(scene.post("/marks", &body).status, StatusCode::BAD_REQUEST);
    }
    for query in ["", "?batch=a&line=b", "?batch=a&batch=b", "?device=a", "?batch=%zz"] {
        assert_eq!(scene.get(Role::Auditor, &format!("/affected{query}")).status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[test]
fn statement_is_cut_to_the_level_asked_for_and_never_internal() {
    let scene = Scene::new();
    let octets = |level: &str| scene.get(Role::Auditor, &format!("{DEVICE}/statement?level={level}"));
    let (public, auditor) = (octets("public"), octets("auditor"));
    assert_eq!((public.status, &public.headers[CONTENT_TYPE]), (StatusCode::OK, &HeaderValue::from_static("application/eat+cwt")));
    let contains = |reply: &Reply| reply.body.windows(2).any(|window| window == b"b7");
    assert_eq!((contains(&public), contains(&auditor)), (false, true));
    assert_eq!(octets("internal").status, StatusCode::FORBIDDEN);
    assert_eq!(octets("everything").status, StatusCode::BAD_REQUEST);
    let none = scene.get(Role::Auditor, &format!("{DEVICE}/statement"));
    assert_eq!((none.status, none.error().as_str()), (StatusCode::BAD_REQUEST, "the query lacks level"));
}

#[test]
fn audit_log_and_a_link_to_it_are_given() {
    let scene = Scene::new();
    let log = scene.get(Role::Auditor, &format!("{DEVICE}/audit-log"));
    assert_eq!(brski_common::AuditLog::from_json(&log.body).unwrap().events.len(), 1);
    let link = scene.post(&format!("{DEVICE}/audit-link"), &json!({ "days": 1 })).json();
    assert!(link["url"].as_str().unwrap().starts_with("https://masa.example.com/"), "{link}");
    for days in [0, 367] {
        let refused = scene.post(&format!("{DEVICE}/audit-link"), &json!({ "days": days }));
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    }
}

#[test]
fn log_is_proved_to_an_auditor() {
    let scene = Scene::new();
    let checkpoint = scene.get(Role::Auditor, "/log/checkpoint");
    let text = String::from_utf8(checkpoint.body.to_vec()).unwrap();
    let (size, root) = (text.lines().nth(1).unwrap(), text.lines().nth(2).unwrap().replace('+', "%2B").replace('/', "%2F"));
    let same = scene.get(Role::Auditor, &format!("/log/consistency?size={size}&root={root}"));
    assert_eq!(same.status, StatusCode::CONFLICT);

    scene.post(&format!("{DEVICE}/block"), &json!({ "reason": "stolen" }));
    let grown = scene.get(Role::Auditor, &format!("/log/consistency?size={size}&root={root}")).json();
    assert_eq!(grown["old-size"].to_string(), size);
    let forged = scene.get(Role::Auditor, &format!("/log/consistency?size={size}&root={}", "00".repeat(32)));
    assert_eq!(forged.status, StatusCode::CONFLICT);

    let proved = scene.get(Role::Auditor, "/log/prove/JADA%201%2F2").json();
    assert_eq!((&proved["leaf-index"], &proved["tree-size"]), (&json!(2), &grown["tree-size"]));
    assert_eq!((&proved["root"], &proved["supersedes"]), (&grown["root"], &json!([])));
}

#[test]
fn body_must_be_the_json_that_belongs_there() {
    let scene = Scene::new();
    let path = format!("{DEVICE}/block");
    for body in [json!({}), json!({ "reason": "" }), json!({ "reason": "x", "reasons": "y" }), json!([]), json!({ "reason": "a\nb" })] {
        assert_eq!(scene.post(&path, &body).status, StatusCode::BAD_REQUEST, "{body}");
    }
    let plain = Request::post(&path).header(AUTHORIZATION, format!("Bearer {}", scene.token(Role::Operator)));
    assert_eq!(scene.send(plain.body(Full::from("{\"reason\":\"x\"}")).unwrap()).status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(scene.post(&path, &json!({ "reason": "x".repeat(20_000) })).status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[test]
fn wrong_method_is_told_the_right_one() {
    let reply = Scene::new().get(Role::Operator, "/marks");
    assert_eq!((reply.status, &reply.headers[ALLOW]), (StatusCode::METHOD_NOT_ALLOWED, &HeaderValue::from_static("POST")));
}

#[test]
fn key_that_does_not_sign_makes_the_masa_not_ready() {
    use crate::masa::{Masa, MasaParts};
    use crate::product_line::{ProductLine, ProductLines, VoucherSigners};
    let maker = Maker::new();
    let parts = maker.parts(crate::testing::memory());
    let party = maker.voucher.party(&[]);
    let broken = brski_common::SigningParty { signer: Arc::new(Broken(maker.voucher.key.clone())), ..party };
    let line = ProductLine { vouchers: VoucherSigners::one(broken), ..parts.lines.rest().clone() };
    let masa = Masa::new(MasaParts { lines: ProductLines::one(line), ..parts });
    let service = AdminService::new(Arc::new(masa), Access::new(vec![], Throttle::default()).unwrap(), String::new);
    let reply = block_on(service.respond(Request::get("/readyz").body(Full::<Bytes>::default()).unwrap()));
    assert_eq!(reply.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body = block_on(reply.into_body().collect()).unwrap().to_bytes();
    assert_eq!(body, r#"{"error":"not ready: a key does not sign"}"#);
}

struct Broken(brski_common::SoftwareKey);

impl brski_common::Signer for Broken {
    fn public_key(&self) -> &brski_common::PublicKey {
        self.0.public_key()
    }

    fn algorithm(&self) -> brski_common::SignatureAlgorithm {
        self.0.algorithm()
    }

    fn sign<'a>(&'a self, _: &'a [u8]) -> brski_common::BoxFuture<'a, Result<brski_common::Signature, brski_common::SignError>> {
        Box::pin(async { Err(brski_common::SignError::Key("the token was pulled out".into())) })
    }
}
