//! The service as a pledge meets it; what comes of a MASA's answer is in `masa`.

mod formats;
#[cfg(feature = "cli")]
mod log;
mod masa;
mod serial;
mod strangers;

use std::sync::Mutex;

use brski_common::provenance::Method as KeyMethod;
use brski_common::{AuditLog, Format, Leniencies, Leniency, Nonce, Telemetry as Report, Voucher, VoucherRequest};
use http::HeaderMap;
use http_body_util::BodyExt as _;

use super::*;
use crate::testing::{FakeMasa, Pledge, World, block_on, key};
use crate::{MasaAnswer, MasaClientError, MemoryPledges};

/// A registrar's answer, taken apart.
struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    fn text(&self) -> &str {
        core::str::from_utf8(&self.body).unwrap()
    }

    /// The text of a "no", for messages of failing tests.
    fn text_or_none(&self) -> &str {
        core::str::from_utf8(&self.body).unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

fn send(service: &RegistrarService, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8], peer: PeerCertificates) -> Reply {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.extension(peer).body(Full::new(Bytes::copy_from_slice(body))).unwrap();
    let response = block_on(service.respond(request));
    let (head, body) = response.into_parts();
    Reply { status: head.status.as_u16(), headers: head.headers, body: block_on(body.collect()).unwrap().to_bytes().to_vec() }
}

const PVR: (&str, &str) = ("content-type", "application/voucher-cms+json");
const CSR: (&str, &str) = ("content-type", "application/pkcs10");
const JSON: (&str, &str) = ("content-type", "application/json");
const LIMIT: usize = DEFAULT_BODY_LIMIT;

/// One owner, one pledge with an avocado key, and a MASA that vouches for it.
struct Scene {
    world: Arc<World>,
    pledge: Pledge,
    masa: Arc<FakeMasa>,
    service: RegistrarService,
}

impl Scene {
    fn new() -> Self {
        Self::with_key_made_by(KeyMethod::Avocado)
    }

    fn with_key_made_by(method: KeyMethod) -> Self {
        let world = Arc::new(World::new());
        let pledge = world.pledge("JADA1");
        let (registrar, masa) = world.willing(&pledge, method);
        Self { service: RegistrarService::new(Arc::new(registrar), LIMIT), world, pledge, masa }
    }

    /// A scene whose MASA answers otherwise.
    fn with_masa(answer: impl Fn(&World, &VoucherRequest) -> Result<MasaAnswer, MasaClientError> + Send + Sync + 'static) -> Self {
        let world = Arc::new(World::new());
        let (pledge, inner) = (world.pledge("JADA1"), world.clone());
        let masa = FakeMasa::new(move |request| answer(&inner, &request.peek_unverified(Leniencies::default()).unwrap()));
        let registrar = world.registrar(masa.clone(), Arc::new(MemoryPledges::new()));
        Self { service: RegistrarService::new(Arc::new(registrar), LIMIT), world, pledge, masa }
    }

    fn ask(&self, request: &VoucherRequest) -> Reply {
        self.post(&self.pledge.sign(request))
    }

    fn post(&self, request: &Signed<VoucherRequest>) -> Reply {
        send(&self.service, "POST", "/.well-known/brski/requestvoucher", &[PVR], request.wire(), self.pledge.peer())
    }

    fn request(&self) -> VoucherRequest {
        self.world.request(&self.pledge)
    }

    fn enroll(&self, csr: &[u8], peer: PeerCertificates) -> Reply {
        send(&self.service, "POST", "/.well-known/est/simpleenroll", &[CSR], &est::to_body(csr), peer)
    }
}

fn certificates(reply: &Reply) -> Vec<Certificate> {
    est::read_certs_only(&est::from_body("reply", &reply.body).unwrap()).unwrap()
}

#[test]
fn pledge_is_vouched_for_enrolled_and_renewed() {
    let scene = Scene::new();
    let voucher = scene.ask(&scene.request());
    assert_eq!((voucher.status, voucher.header("content-type")), (200, Some("application/voucher-cms+json")));

    let ldevid_key = key();
    let enrolled = scene.enroll(&scene.pledge.csr(&ldevid_key), scene.pledge.peer());
    assert_eq!((enrolled.status, enrolled.header("content-type")), (200, Some("application/pkcs7-mime; smime-type=certs-only")));
    assert_eq!(enrolled.header("content-length"), Some(enrolled.body.len().to_string().as_str()));
    let ldevid = certificates(&enrolled);
    assert_eq!(ldevid.len(), 1);

    let next_key = key();
    let body = est::to_body(&scene.pledge.csr(&next_key));
    let renewed = send(&scene.service, "POST", "/.well-known/est/simplereenroll", &[CSR], &body, PeerCertificates(ldevid));
    assert_eq!(renewed.status, 200);
    // And again with the renewed one: its key was bound, too.
    let body = est::to_body(&scene.pledge.csr(&key()));
    let again = send(&scene.service, "POST", "/.well-known/est/simplereenroll", &[CSR], &body, PeerCertificates(certificates(&renewed)));
    assert_eq!(again.status, 200);
}

#[test]
fn same_request_gets_the_same_voucher_without_asking_the_masa_again() {
    let scene = Scene::new();
    let request = scene.pledge.sign(&scene.request());
    let (first, second) = (scene.post(&request), scene.post(&request));
    assert_eq!((first.status, &first.body), (200, &second.body));
    assert_eq!(scene.masa.asked(), 1);
}

#[test]
fn new_request_of_an_admitted_pledge_gets_a_new_voucher() {
    let scene = Scene::new();
    let first = scene.ask(&scene.request());
    let second = scene.ask(&VoucherRequest { nonce: Some(Nonce::from_bytes(&[8; 16]).unwrap()), ..scene.request() });
    assert_eq!((first.status, second.status, scene.masa.asked()), (200, 200, 2));
    assert_ne!(first.body, second.body);
}

#[test]
fn voucher_reaches_the_pledge_octet_for_octet() {
    let sent: Arc<Mutex<Vec<u8>>> = Arc::default();
    let seen = sent.clone();
    let world = Arc::new(World::new());
    let pledge = world.pledge("JADA1");
    let (statement, inner) = (world.statement(&pledge, KeyMethod::Avocado, 0), world.clone());
    let masa = FakeMasa::new(move |request| {
        let voucher = inner.sign_voucher(&inner.voucher_for(&request.peek_unverified(Leniencies::default()).unwrap()));
        *seen.lock().unwrap() = voucher.wire().to_vec();
        Ok(MasaAnswer::Vouched { voucher, statement: Some(statement.clone()), audit_log: Some(AuditLog::default()) })
    });
    let service = RegistrarService::new(Arc::new(world.registrar(masa, Arc::new(MemoryPledges::new()))), LIMIT);
    let body = pledge.sign(&world.request(&pledge));
    let reply = send(&service, "POST", "/.well-known/brski/requestvoucher", &[PVR], body.wire(), pledge.peer());
    assert_eq!(reply.body, *sent.lock().unwrap());
}

#[test]
fn stranger_without_a_voucher_cannot_enroll() {
    let scene = Scene::new();
    let reply = scene.enroll(&scene.pledge.csr(&key()), scene.pledge.peer());
    assert_eq!((reply.status, reply.text()), (403, "no admission is on record for this key: request a voucher first"));
}

#[test]
#[cfg(feature = "sqlite")]
fn admitted_pledge_enrolls_after_a_restart() {
    let scratch = crate::pledges::Scratch::new();
    let world = Arc::new(World::new());
    let pledge = world.pledge("JADA1");
    let masa = world.willing(&pledge, KeyMethod::Avocado).1;
    let serve = || {
        let pledges = Arc::new(crate::SqlitePledges::open(scratch.file()).unwrap());
        RegistrarService::new(Arc::new(world.registrar(masa.clone(), pledges)), LIMIT)
    };
    let request = pledge.sign(&world.request(&pledge));
    let first = send(&serve(), "POST", "/.well-known/brski/requestvoucher", &[PVR], request.wire(), pledge.peer());
    let csr = est::to_body(&pledge.csr(&key()));
    let second = send(&serve(), "POST", "/.well-known/est/simpleenroll", &[CSR], &csr, pledge.peer());
    assert_eq!((first.status, second.status), (200, 200));
}

#[test]
fn device_cannot_enroll_on_the_voucher_of_another() {
    let scene = Scene::new();
    assert_eq!(scene.ask(&scene.request()).status, 200);
    let other = scene.world.pledge("JADA2");
    assert_eq!(scene.enroll(&scene.pledge.csr(&key()), other.peer()).status, 403);
}

#[test]
fn device_cannot_get_a_voucher_with_the_request_of_another() {
    let scene = Scene::new();
    let request = scene.pledge.sign(&scene.request());
    let other = scene.world.pledge("JADA2");
    let reply = send(&scene.service, "POST", "/.well-known/brski/requestvoucher", &[PVR], request.wire(), other.peer());
    assert_eq!((reply.status, scene.masa.asked()), (403, 0));
}

#[test]
fn admitted_voucher_is_not_repeated_to_another_device() {
    let scene = Scene::new();
    let request = scene.pledge.sign(&scene.request());
    assert_eq!(scene.post(&request).status, 200);
    let other = scene.world.pledge("JADA2");
    assert_eq!(send(&scene.service, "POST", "/.well-known/brski/requestvoucher", &[PVR], request.wire(), other.peer()).status, 403);
}

#[test]
fn request_to_another_registrar_gets_401_and_the_connection_ends() {
    let scene = Scene::new();
    let foreign = World::new().registrar.identity.chain[0].clone();
    let reply = scene.ask(&VoucherRequest { proximity_registrar_cert: Some(foreign), ..scene.request() });
    assert_eq!((reply.status, reply.header("connection"), scene.masa.asked()), (401, Some("close"), 0));
}

#[test]
fn empty_request_gets_400_and_reaches_nobody() {
    let scene = Scene::new();
    let reply = send(&scene.service, "POST", "/.well-known/brski/requestvoucher", &[], b"", scene.pledge.peer());
    assert_eq!((reply.status, scene.masa.asked()), (400, 0));
}

#[test]
fn body_beyond_the_limit_gets_413() {
    let scene = Scene::new();
    let reply = send(&scene.service, "POST", "/.well-known/brski/requestvoucher", &[PVR], &vec![0; LIMIT + 1], scene.pledge.peer());
    assert_eq!(reply.status, 413);
}

#[test]
fn unknown_media_types_get_415_and_406() {
    let scene = Scene::new();
    let request = scene.pledge.sign(&scene.request());
    let with =
        |headers: &[(&str, &str)]| send(&scene.service, "POST", "/.well-known/brski/requestvoucher", headers, request.wire(), scene.pledge.peer()).status;
    assert_eq!(with(&[("content-type", "application/json")]), 415);
    assert_eq!(with(&[]), 415);
    assert_eq!(with(&[PVR, ("accept", "text/html, application/voucher-cms+json;q=0")]), 406);
    assert_eq!(with(&[PVR, ("accept", "*/*")]), 200);
    assert_eq!(with(&[PVR, ("accept", "")]), 200);
}

#[test]
fn unknown_paths_and_methods_get_404_and_405() {
    let scene = Scene::new();
    let with = |method, path| send(&scene.service, method, path, &[], b"", scene.pledge.peer());
    assert_eq!(with("GET", "/").status, 404);
    let wrong = with("GET", "/.well-known/brski/requestvoucher");
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("POST")));
    assert_eq!(with("POST", "/.well-known/est/serverkeygen").status, 501);
}

#[test]
fn client_without_certificate_gets_403() {
    let scene = Scene::new();
    let request = scene.pledge.sign(&scene.request());
    let anonymous = PeerCertificates::default;
    assert_eq!(send(&scene.service, "POST", "/.well-known/brski/requestvoucher", &[PVR], request.wire(), anonymous()).status, 403);
    assert_eq!(scene.enroll(&scene.pledge.csr(&key()), anonymous()).status, 403);
    let report = Report::success().to_json();
    assert_eq!(send(&scene.service, "POST", "/.well-known/brski/voucher_status", &[JSON], &report, anonymous()).status, 403);
}

#[test]
fn cacerts_are_for_everybody_in_wrapped_base64() {
    let scene = Scene::new();
    let reply = send(&scene.service, "GET", "/.well-known/est/cacerts", &[("accept", "*/*")], b"", PeerCertificates::default());
    assert_eq!((reply.status, reply.header("content-transfer-encoding")), (200, Some("base64")));
    assert!(reply.text().lines().all(|line| line.len() <= 64));
    assert_eq!(certificates(&reply), std::slice::from_ref(&scene.world.domain.certificate));
}

#[test]
fn csr_attributes_are_served() {
    let scene = Scene::new();
    let reply = send(&scene.service, "GET", "/.well-known/est/csrattrs", &[], b"", scene.pledge.peer());
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/csrattrs")));
    assert_eq!(est::from_body("reply", &reply.body).unwrap(), est::CsrAttributes::default().to_der().unwrap());
}

#[test]
fn certificate_in_place_of_a_certification_request_gets_400() {
    let scene = Scene::new();
    assert_eq!(scene.ask(&scene.request()).status, 200);
    assert_eq!(scene.enroll(scene.pledge.idevid.certificate().der(), scene.pledge.peer()).status, 400);
}

#[test]
fn certification_request_in_pem_gets_400_and_is_told_so() {
    let scene = Scene::new();
    let body = b"-----BEGIN CERTIFICATE REQUEST-----\nAQID\n-----END CERTIFICATE REQUEST-----\n";
    let reply = send(&scene.service, "POST", "/.well-known/est/simpleenroll", &[CSR], body, scene.pledge.peer());
    let expected = "certification request is not valid base64: it is PEM; expected the base64 of DER without PEM lines";
    assert_eq!((reply.status, reply.text()), (400, expected));
}

#[test]
fn device_of_a_manufacturer_that_is_no_longer_accepted_is_not_renewed() {
    let world = Arc::new(World::new());
    let pledge = world.pledge("JADA1");
    let pledges: Arc<MemoryPledges> = Arc::default();
    let masa = world.willing(&pledge, KeyMethod::Avocado).1;
    let trusting = |trust| RegistrarService::new(Arc::new(world.registrar_trusting(trust, masa.clone(), pledges.clone())), LIMIT);
    let enroll = |service: &RegistrarService, path: &str, peer| send(service, "POST", path, &[CSR], &est::to_body(&pledge.csr(&key())), peer);

    let before = trusting(world.trust());
    let request = pledge.sign(&world.request(&pledge));
    assert_eq!(send(&before, "POST", "/.well-known/brski/requestvoucher", &[PVR], request.wire(), pledge.peer()).status, 200);
    let ldevid = certificates(&enroll(&before, "/.well-known/est/simpleenroll", pledge.peer()));
    let renew = |service: &RegistrarService| enroll(service, "/.well-known/est/simplereenroll", PeerCertificates(ldevid.clone()));
    assert_eq!(renew(&before).status, 200);

    let refused = renew(&trusting(World::new().trust()));
    assert_eq!((refused.status, refused.text()), (403, "the manufacturer of JADA1 is no longer accepted here, so that its LDevID is not renewed"));
}

#[test]
fn reports_are_taken_from_whoever_has_a_certificate() {
    let scene = Scene::new();
    let send = |path: &str, body: &[u8]| send(&scene.service, "POST", path, &[JSON], body, scene.pledge.peer()).status;
    assert_eq!(send("/.well-known/brski/voucher_status", &Report::success().to_json()), 200);
    assert_eq!(send("/.well-known/brski/enrollstatus", &Report::failure("no\nroom").to_json()), 200);
    assert_eq!(send("/.well-known/brski/enrollstatus", b"{"), 400);
}

#[test]
fn response_can_be_awaited_on_any_thread() {
    fn is_send<T: Send>(_: T) {}
    let scene = Scene::new();
    is_send(scene.service.respond(Request::new(Full::new(Bytes::new()))));
}
