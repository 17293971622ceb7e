//! Statuses, types and sentences, without sockets.

mod audit;
mod formats;
mod leniencies;
mod log;

use core::time::Duration;

use brski_common::provenance::Basis;
use brski_common::{DecodeError, SignError};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use http_body_util::BodyExt as _;

use super::*;
use crate::ledger::Unique;
use crate::masa::MasaParts;
use crate::testing::{Maker, Owner, Pledge, block_on, nonce, origin, read_voucher};

const CMS: &str = "application/voucher-cms+json";

/// A served MASA that has recorded one pledge.
struct Scene {
    maker: Maker,
    owner: Owner,
    pledge: Pledge,
    service: MasaService,
}

impl Scene {
    fn new() -> Self {
        Self::lenient(Leniencies::default())
    }

    fn lenient(lenient: Leniencies) -> Self {
        let (maker, owner) = (Maker::new(), Owner::new("owner"));
        let masa = Masa::new(MasaParts { lenient, ..maker.parts(crate::testing::memory()) });
        let pledge = maker.pledge("JADA123");
        block_on(masa.record(&maker.report(&pledge, Some(origin())))).unwrap();
        Self { maker, owner, pledge, service: MasaService::new(Arc::new(masa), 64 * 1024) }
    }

    fn body(&self) -> Vec<u8> {
        self.owner.request(&self.pledge, nonce(1)).wire().to_vec()
    }

    fn send(&self, request: Request<Full<Bytes>>) -> (StatusCode, Option<String>, Bytes) {
        let (head, body) = block_on(self.service.respond(request)).into_parts();
        let content_type = head.headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap().to_owned());
        (head.status, content_type, block_on(body.collect()).unwrap().to_bytes())
    }

    fn post(&self, resource: &str, body: Vec<u8>) -> (StatusCode, Option<String>, Bytes) {
        self.send(post(resource, body))
    }

    fn status_with(&self, name: HeaderName, value: &'static str) -> StatusCode {
        let mut request = post("requestvoucher", self.body());
        request.headers_mut().insert(name, HeaderValue::from_static(value));
        self.send(request).0
    }
}

fn post(resource: &str, body: Vec<u8>) -> Request<Full<Bytes>> {
    let uri = format!("/.well-known/brski/{resource}");
    Request::post(uri).header(CONTENT_TYPE, CMS).body(Full::from(body)).unwrap()
}

#[test]
fn voucher_comes_in_the_type_of_its_request() {
    let scene = Scene::new();
    let (status, content_type, body) = scene.post("requestvoucher", scene.body());
    assert_eq!((status, content_type.as_deref()), (StatusCode::OK, Some(CMS)));
    let voucher = read_voucher(&scene.maker, &Signed::from_wire(Format::Cms, body));
    assert_eq!(voucher.serial_number, scene.pledge.device().serial);
}

#[test]
fn owner_reads_audit_log_and_provenance_with_the_same_request() {
    let scene = Scene::new();
    assert_eq!(scene.post("requestvoucher", scene.body()).0, StatusCode::OK);
    let (status, content_type, body) = scene.post("requestauditlog", scene.body());
    assert_eq!((status, content_type.as_deref()), (StatusCode::OK, Some("application/json")));
    assert_eq!(brski_common::AuditLog::from_json(&body).unwrap().events.len(), 1);
    let (status, content_type, body) = scene.post("requestkeyprovenance", scene.body());
    assert_eq!((status, content_type.as_deref()), (StatusCode::OK, Some("application/eat+cwt")));
    assert!(!body.is_empty());
}

#[test]
fn device_without_provenance_is_answered_with_no_content() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    block_on(masa.record(&maker.report(&pledge, None))).unwrap();
    let scene = Scene { maker, owner, pledge, service: MasaService::new(Arc::new(masa), 64 * 1024) };
    assert_eq!(scene.post("requestvoucher", scene.body()).0, StatusCode::OK);
    assert_eq!(scene.post("requestkeyprovenance", scene.body()).0, StatusCode::NO_CONTENT);
}

#[test]
fn audit_log_before_any_voucher_is_not_found() {
    let scene = Scene::new();
    assert_eq!(scene.post("requestauditlog", scene.body()).0, StatusCode::NOT_FOUND);
}

#[test]
fn refusal_is_one_sentence_in_plain_text() {
    let scene = Scene::new();
    let stranger = scene.maker.pledge("JADA999");
    let (status, content_type, body) = scene.post("requestvoucher", scene.owner.request(&stranger, nonce(1)).wire().to_vec());
    assert_eq!((status, content_type.as_deref()), (StatusCode::NOT_FOUND, Some("text/plain; charset=utf-8")));
    assert_eq!(body, Refusal::UnknownDevice(stranger.device()).to_string());
}

#[test]
fn garbage_is_a_bad_request_at_every_resource() {
    let scene = Scene::new();
    for resource in ["requestvoucher", "requestauditlog", "requestkeyprovenance"] {
        for body in [vec![], vec![0x30], b"{}".to_vec(), vec![0x30; 5000]] {
            assert_eq!(scene.post(resource, body).0, StatusCode::BAD_REQUEST);
        }
    }
}

#[test]
fn empty_body_is_called_empty_whatever_its_type() {
    let scene = Scene::new();
    for content_type in [CMS, "application/voucher+cose", "text/plain"] {
        let mut request = post("requestvoucher", vec![]);
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let (status, _, sentence) = scene.send(request);
        assert_eq!((status, sentence), (StatusCode::BAD_REQUEST, "the body is empty; a voucher-request belongs there".into()));
    }
}

#[test]
fn body_beyond_the_limit_is_too_large() {
    assert_eq!(Scene::new().post("requestvoucher", vec![0; 64 * 1024 + 1]).0, StatusCode::PAYLOAD_TOO_LARGE);
}

#[test]
fn body_of_a_type_not_understood_is_unsupported() {
    let scene = Scene::new();
    for other in ["application/json", "application/voucher-cose+cbor", "application/pkcs7-mime", "nonsense"] {
        assert_eq!(scene.status_with(CONTENT_TYPE, other), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    assert_eq!(scene.status_with(CONTENT_TYPE, "Application/Voucher-CMS+json; charset=utf-8"), StatusCode::OK);
}

#[test]
fn accept_header_that_excludes_the_answer_is_not_acceptable() {
    let scene = Scene::new();
    for excluding in ["application/json", "application/voucher-cose+cbor", "text/*", "*/*;q=0"] {
        assert_eq!(scene.status_with(ACCEPT, excluding), StatusCode::NOT_ACCEPTABLE, "{excluding}");
    }
    for admitting in ["*/*", "application/*", "application/voucher-cms+json", "text/plain, application/voucher-cms+json;q=0.1", ""] {
        assert_eq!(scene.status_with(ACCEPT, admitting), StatusCode::OK, "{admitting}");
    }
}

#[test]
fn other_paths_are_not_found_and_other_methods_not_allowed() {
    let scene = Scene::new();
    let get = |path: &str| scene.send(Request::get(path).body(Full::default()).unwrap()).0;
    assert_eq!(get("/"), StatusCode::NOT_FOUND);
    assert_eq!(get("/.well-known/brski/requestvoucher/"), StatusCode::NOT_FOUND);
    assert_eq!(get("/.well-known/brski/requestvoucher"), StatusCode::METHOD_NOT_ALLOWED);
    let (head, _) = block_on(scene.service.respond(Request::get("/.well-known/brski/requestvoucher").body(Full::<Bytes>::default()).unwrap())).into_parts();
    assert_eq!(head.headers.get(ALLOW), Some(&HeaderValue::from_static("POST")));
}

#[test]
fn peer_certificates_in_the_extensions_authenticate_a_nonceless_request() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let pledge = maker.pledge("JADA123");
    let mut parts = maker.parts(crate::testing::memory());
    parts.lines.rest_mut().issue_policy.nonceless.domains = vec![owner.root.certificate.spki_digest()];
    let masa = Masa::new(parts);
    block_on(masa.record(&maker.report(&pledge, None))).unwrap();
    let scene = Scene { maker, owner, pledge, service: MasaService::new(Arc::new(masa), 64 * 1024) };

    let body = scene.owner.sign(&scene.owner.nonceless(&scene.pledge)).wire().to_vec();
    assert_eq!(scene.post("requestvoucher", body.clone()).0, StatusCode::UNAUTHORIZED);
    let mut request = post("requestvoucher", body);
    request.extensions_mut().insert(scene.owner.peer());
    assert_eq!(scene.send(request).0, StatusCode::OK);
}

#[test]
fn every_outcome_has_the_status_of_the_table() {
    let device = Maker::new().pledge("JADA123").device();
    let serial = || device.serial.clone();
    let refused = |refusal| NotDone::Masa(Error::Refused(refusal));
    let untrusted = |err| NotDone::Masa(Error::Untrusted(err));
    let ledger = |err| NotDone::Masa(Error::Ledger(err));
    let decode = || DecodeError::InvalidField { field: "nonce", expected: "8 to 32 octets" };
    let missing = || Refusal::LeafMissing { leaf: "nonce", section: "5.2" };
    let table = [
        (404, NotDone::NoSuchResource),
        (405, NotDone::WrongMethod { allowed: "POST" }),
        (415, NotDone::NotNegotiable(NotNegotiable::UnsupportedMediaType { found: "text/plain".to_owned(), expected: CMS })),
        (400, NotDone::NoBody),
        (415, NotDone::NotNegotiable(NotNegotiable::Encoded { found: "gzip".to_owned() })),
        (406, NotDone::NotNegotiable(NotNegotiable::NotAcceptable { offered: CMS })),
        (413, NotDone::Body(BodyError::TooLarge { limit: 1 })),
        (400, NotDone::Body(BodyError::Broken("cut off".into()))),
        (400, untrusted(VerifyError::Decode { artefact: "voucher-request", source: decode() })),
        (406, NotDone::Masa(Error::Inexpressible { format: Format::Cose, source: decode() })),
        (403, untrusted(VerifyError::BadSignature { artefact: "voucher-request", signer: "CN=somebody".to_owned() })),
        (403, untrusted(VerifyError::UnknownSigner { artefact: "voucher-request", detail: "it carries no certificate".to_owned() })),
        (202, refused(Refusal::Pending { reason: "a person decides".to_owned(), wait: Duration::from_secs(60) })),
        (404, refused(Refusal::UnknownDevice(device.clone()))),
        (403, refused(Refusal::NoVoucherKey { serial: serial(), made_at: String::new() })),
        (403, refused(Refusal::TooManyVouchers { serial: serial(), limit: 50 })),
        (404, refused(Refusal::NeverOwner { domain: "AQID".to_owned(), serial: serial() })),
        (401, refused(Refusal::ClientCertificateRequired("the registrar's"))),
        (403, refused(Refusal::ProximityMismatch)),
        (403, refused(Refusal::AssertionUnacceptable { found: "logged".to_owned() })),
        (403, refused(missing())),
        (403, refused(Refusal::LeafForbidden { leaf: "nonce", section: "5.5" })),
        (403, refused(Refusal::SerialMismatch { found: serial(), expected: serial() })),
        (403, refused(Refusal::ForeignSigner(serial()))),
        (403, refused(Refusal::IssuerMismatch { found: "01".to_owned(), expected: "02".to_owned() })),
        (403, refused(Refusal::NonceMismatch)),
        (403, refused(Refusal::NotFresh { created_on: String::new(), now: String::new(), limit: 600 })),
        (403, refused(Refusal::Replayed { how: "to another domain" })),
        (403, refused(Refusal::NotRenewed(""))),
        (403, refused(Refusal::NoncelessNotAuthorized { ca_key: brski_common::SpkiDigest([0; 32]) })),
        (403, refused(Refusal::RevocationUnchecked { subject: "CN=registrar".to_owned() })),
        (403, refused(Refusal::KeyMismatch(serial()))),
        (403, refused(Refusal::DeviceBlocked(serial(), "stolen".to_owned()))),
        (403, refused(Refusal::Contradiction { what: "the public key", device: device.clone() })),
        (403, refused(Refusal::BasisNotAllowed { station: "line 1".to_owned(), basis: Basis::ThirdPartyAudit })),
        (403, refused(Refusal::Inconsistent("made-at lies in the future".to_owned()))),
        // What only registrars say of others' words.
        (403, refused(Refusal::UnknownManufacturer { subject: "CN=pledge".to_owned(), issuer: "CN=maker".to_owned(), missing: None })),
        (403, refused(Refusal::NoMasa(serial()))),
        (403, refused(Refusal::VoucherMismatch { leaf: "nonce" })),
        (406, refused(Refusal::StatementMismatch { what: "key", found: String::new(), expected: String::new() })),
        (406, refused(Refusal::StatementVoid("no".to_owned()))),
        (406, refused(Refusal::ProvenanceUnacceptable { rule: "1".to_owned(), found: None, because: String::new(), accepted: String::new() })),
        (406, refused(Refusal::AuditLogUnacceptable("strangers".to_owned()))),
        (403, refused(Refusal::NotAdmitted)),
        (403, refused(Refusal::CsrUnacceptable("it asks for a CA certificate".to_owned()))),
        (503, ledger(LedgerError::Busy)),
        (503, ledger(LedgerError::Unavailable("the disk is full".into()))),
        (500, ledger(LedgerError::Conflict { what: Unique::Nonce, device: device.clone() })),
        (500, ledger(LedgerError::UnknownDevice(device.clone()))),
        (500, ledger(LedgerError::Encode(decode()))),
        (500, ledger(LedgerError::Open { path: "ledger.sqlite".into(), source: "locked".into() })),
        (500, ledger(LedgerError::Missing { path: "ledger.sqlite".into() })),
        (500, ledger(LedgerError::Schema { path: "ledger.sqlite".into(), found: 2, expected: 1 })),
        (500, ledger(LedgerError::OtherLog { path: "ledger.sqlite".into(), found: "a".to_owned(), expected: "b".to_owned() })),
        (500, ledger(LedgerError::Corrupt { index: 7, source: decode() })),
        (500, NotDone::Masa(Error::Sign(SignError::Key("slot 3".into())))),
        (500, NotDone::Masa(Error::Randomness)),
    ];
    for (status, outcome) in table {
        assert_eq!(refuse(&outcome).status(), status, "{outcome:?}");
    }
}

fn answer_to(outcome: NotDone) -> (Option<HeaderValue>, Bytes) {
    let (head, body) = refuse(&outcome).into_parts();
    (head.headers.get(RETRY_AFTER).cloned(), block_on(body.collect()).unwrap().to_bytes())
}

#[test]
fn trouble_of_our_own_is_not_told_to_peers() {
    for trouble in [Error::Ledger(LedgerError::Corrupt { index: 7, source: DecodeError::MissingField { field: "at", artefact: "entry" } }), Error::Randomness] {
        assert_eq!(answer_to(NotDone::Masa(trouble)), (None, "internal error".into()));
    }
    let (_, sentence) = answer_to(NotDone::Masa(Error::Ledger(LedgerError::Unavailable("/var/lib/masa: the disk is full".into()))));
    assert_eq!(sentence, "the MASA cannot look into its ledger at the moment; ask again later");
}

#[test]
fn whoever_has_to_wait_is_told_how_long() {
    assert_eq!(answer_to(NotDone::Masa(Error::Ledger(LedgerError::Busy))).0, Some(HeaderValue::from(5)));
    let pending = Refusal::Pending { reason: "a person decides".to_owned(), wait: Duration::from_secs(60) };
    assert_eq!(answer_to(NotDone::Masa(Error::Refused(pending))).0, Some(HeaderValue::from(60)));
}

#[test]
fn answers_can_be_made_on_any_thread() {
    fn assert_send<T: Send>(_: &T) {}
    let scene = Scene::new();
    assert_send(&scene.service.respond(post("requestvoucher", scene.body())));
}
