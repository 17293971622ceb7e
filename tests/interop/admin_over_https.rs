//! `curl` at the admin interface: every resource, with a bearer token and with a TLS client certificate.

use std::net::SocketAddr;

use brski_common::access::{Access, Credential, Proof, Role, Throttle, Token};
use brski_common::serve::{Limits, Server, server_config};
use brski_masa::AdminService;

use crate::curl::{self, Reply};
use crate::pki::{Kind, certificate, certify};
use crate::world::World;

/// A world with a recorded pledge, and the admin interface of its MASA.
struct Admin {
    world: World,
    address: SocketAddr,
    tokens: Vec<(Role, Token)>,
}

/// How somebody proves who they are.
#[derive(Clone, Copy, Debug)]
enum By {
    Token,
    Certificate,
}

impl Admin {
    async fn start() -> Option<Self> {
        let world = World::with_pledge().await?;
        let mut credentials = Vec::new();
        let tokens: Vec<(Role, Token)> = Role::OF_MASA.iter().map(|role| (*role, Token::generate().unwrap())).collect();
        for (role, token) in &tokens {
            certify(&world.openssl, Kind::Signer, "P-256", role.name(), &format!("/CN={role}"), Some("services"));
            let own = certificate(&world.openssl, role.name());
            let credential = |by: &str, proof| Credential { name: format!("{role}-by-{by}"), role: *role, proof, not_after: None };
            credentials.push(credential("token", Proof::Token(token.digest())));
            credentials.push(credential("certificate", Proof::Certificate(Box::new(own))));
        }
        let service = AdminService::new(world.masa(), Access::new(credentials, Throttle::default()).unwrap(), || "# metrics\n".to_owned());
        let server = Server::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let respond = move |request| {
            let service = service.clone();
            async move { service.respond(request).await }
        };
        tokio::spawn(server.serve(server_config(&world.masa_tls()).unwrap(), Limits::default(), respond, core::future::pending()));
        Some(Self { world, address, tokens })
    }

    fn ask(&self, by: By, role: Role, path: &str, arguments: &str) -> Reply {
        let proof = match by {
            By::Token => format!("--oauth2-bearer {}", self.tokens.iter().find(|(known, _)| *known == role).unwrap().1.reveal()),
            By::Certificate => format!("--cert {role}.pem --key {role}.key"),
        };
        self.curl(path, &format!("{proof} {arguments}"))
    }

    fn curl(&self, path: &str, arguments: &str) -> Reply {
        let arguments = format!("--cacert services.pem {arguments} https://{}{path}", self.address);
        curl::start(&self.world.openssl.path(""), &arguments).finish().unwrap()
    }

    /// Arguments that post this JSON.
    fn json(&self, body: &str) -> String {
        self.world.openssl.write("body.json", body);
        "--header Content-Type:application/json --data-binary @body.json".to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_resource_answers_to_a_token_and_to_a_certificate() {
    let Some(admin) = Admin::start().await else { return };
    let report = admin.world.report("JADA7").await;
    admin.world.openssl.write("reports.jsonl", [report.wire(), b"\n{}\n"].concat());
    for by in [By::Token, By::Certificate] {
        let get = |role, path: &str| admin.ask(by, role, path, "");
        let post = |path: &str, body: &str| admin.ask(by, Role::Operator, path, &admin.json(body));
        let ok = |reply: Reply| {
            assert_eq!(reply.status, 200, "{by:?}: {reply:?}");
            reply.text().to_owned()
        };
        let json = |reply| serde_json::from_str::<serde_json::Value>(&ok(reply)).unwrap();

        let rows = ok(admin.ask(by, Role::Station, "/records", "--header Content-Type:application/x-ndjson --data-binary @reports.jsonl"));
        let rows: Vec<serde_json::Value> = rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
        assert_eq!((rows[0]["device"]["serial"].as_str(), rows[1]["error"].is_string(), rows.len()), (Some("JADA7"), true, 3));
        assert_eq!((&rows[2]["rows"], &rows[2]["failed"]), (&2.into(), &1.into()));

        assert_eq!(ok(get(Role::Auditor, "/metrics")), "# metrics\n");
        assert_eq!(json(get(Role::Auditor, "/devices/JADA1"))["serial"], "JADA1");
        assert_eq!(json(post("/devices/JADA1/block", r#"{"reason":"stolen"}"#))["blocked"], "stolen");
        assert!(json(post("/devices/JADA1/unblock", "{}"))["blocked"].is_null());
        assert_eq!(json(post("/devices/JADA1/sale", r#"{"customer":"ACME"}"#))["state"], "sold");
        assert_eq!(json(post("/devices/JADA1/release", "{}"))["state"], "released");
        assert_eq!(json(post("/marks?count=true", r#"{"station":"station-9","status":"disputed","reason":"asked"}"#))["affected"]["units"], 0);
        assert_eq!(json(get(Role::Auditor, "/affected?station=station-7"))["units"], 2);
        assert!(json(get(Role::Auditor, "/devices/JADA1/audit-log")).is_object());
        assert!(json(post("/devices/JADA1/audit-link", r#"{"days":1}"#))["url"].is_string());
        let statement = get(Role::Auditor, "/devices/JADA1/statement?level=public");
        assert_eq!((statement.status, statement.header("content-type")), (200, Some("application/eat+cwt")));

        let checkpoint = ok(get(Role::Auditor, "/log/checkpoint"));
        let (size, root) = (checkpoint.lines().nth(1).unwrap(), checkpoint.lines().nth(2).unwrap().replace('+', "%2B").replace('/', "%2F"));
        json(post("/devices/JADA1/block", r#"{"reason":"so that the log grows"}"#));
        json(post("/devices/JADA1/unblock", "{}"));
        assert_eq!(json(get(Role::Auditor, &format!("/log/consistency?size={size}&root={root}")))["old-size"].to_string(), size);
        assert!(json(get(Role::Operator, "/log/prove/JADA1"))["receipt"].is_string());
    }
    for probe in ["/livez", "/readyz"] {
        assert_eq!(admin.curl(probe, "").status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_and_strangers_are_told_how_to_prove_who_they_are() {
    let Some(admin) = Admin::start().await else { return };
    for proof in ["", "--oauth2-bearer guess", "--cert registrar-chain.pem --key registrar.key"] {
        let reply = admin.curl("/metrics", proof);
        assert_eq!(reply.status, 401, "{reply:?}");
        assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer "), "{reply:?}");
    }
    let reply = admin.ask(By::Certificate, Role::Station, "/log/checkpoint", "");
    assert_eq!((reply.status, reply.text()), (403, r#"{"error":"this needs the role auditor or operator, and the credential has the role station"}"#));
}
