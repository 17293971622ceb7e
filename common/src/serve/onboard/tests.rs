//! Against a registrar that is as simple as it can be, with its MASA built in.

use core::time::Duration;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::*;
use crate::chain::ID_KP_CMC_RA;
use crate::csr::Csr;
use crate::envelope::Format;
use crate::http::{empty, plain, read_body, typed};
use crate::issuing::{Subject, Template, never};
use crate::peer::PeerCertificates;
use crate::pledge::ProximityLeaf;
use crate::serve::tests::{Party, Running, unchecked};
use crate::serve::{Limits, ServerConfig, TimedBody, server_config};
use crate::sign::Signer as _;
use crate::signed::SigningParty;
use crate::voucher::{Voucher, VoucherRequest};
use crate::{Anchors, Leniencies, SerialNumber, Signed, est};

const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";

/// What was asked, by whom, with which body.
type Asked = (String, String, Bytes);

struct Owner {
    domain: Party,
    masa: Party,
    /// How often requestvoucher is answered with "later".
    later: AtomicUsize,
    /// How often cacerts and csrattrs are answered with 429.
    too_often: AtomicUsize,
    /// Whether each answer ends its connection.
    closes: bool,
    /// What is refused, and with which sentence.
    refuses: Option<(&'static str, StatusCode, &'static str)>,
    asked: Mutex<Vec<Asked>>,
}

impl Owner {
    fn new() -> Self {
        let (domain, masa) = (Party::root("domain"), Party::root("masa"));
        Self { domain, masa, later: AtomicUsize::new(0), too_often: AtomicUsize::new(0), closes: false, refuses: None, asked: Mutex::default() }
    }

    async fn start(self) -> (Arc<Self>, Running) {
        let tls = server_config(&registrar_of(&self.domain).tls()).unwrap();
        self.start_with(tls).await
    }

    async fn start_with(self, tls: Arc<ServerConfig>) -> (Arc<Self>, Running) {
        let owner = Arc::new(self);
        let respond = {
            let owner = owner.clone();
            move |request| {
                let owner = owner.clone();
                async move { owner.respond(request).await }
            }
        };
        let running = Running::start_with(tls, Limits::default(), respond).await;
        (owner, running)
    }

    async fn respond(&self, request: Request<TimedBody>) -> Response<Full<Bytes>> {
        let resource = request.uri().path().rsplit('/').next().unwrap().to_owned();
        let peer = request.extensions().get::<PeerCertificates>().unwrap().own().unwrap().subject().to_owned();
        let format = request.headers().get(CONTENT_TYPE).and_then(|value| Format::from_voucher_media_type(value.to_str().unwrap()));
        let body = read_body(request.into_body(), 65_536).await.unwrap();
        self.asked.lock().unwrap().push((resource.clone(), peer, body.clone()));
        let mut answer = match self.refuses {
            Some((refused, status, sentence)) if refused == resource => plain(status, sentence),
            Some(_) | None => self.answer(&resource, format, &body).await,
        };
        if self.closes {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    async fn answer(&self, resource: &str, format: Option<Format>, body: &[u8]) -> Response<Full<Bytes>> {
        match resource {
            "requestvoucher" if self.later.load(Ordering::Relaxed) > 0 => {
                self.later.fetch_sub(1, Ordering::Relaxed);
                let mut later = plain(StatusCode::ACCEPTED, "later");
                later.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("30"));
                later
            }
            "requestvoucher" => {
                let format = format.unwrap();
                typed(StatusCode::OK, format.voucher_media_type(), self.vouch(format, body).await)
            }
            "cacerts" | "csrattrs" if self.too_often.load(Ordering::Relaxed) > 0 => {
                self.too_often.fetch_sub(1, Ordering::Relaxed);
                let mut later = plain(StatusCode::TOO_MANY_REQUESTS, "too often");
                later.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("30"));
                later
            }
            "cacerts" => typed(StatusCode::OK, est::CERTS_ONLY, est::to_body(&est::certs_only(&self.domain.chain).unwrap())),
            "csrattrs" => empty(StatusCode::NO_CONTENT),
            "simpleenroll" | "simplereenroll" => typed(StatusCode::OK, est::CERTS_ONLY, self.issue(body).await),
            _ => empty(StatusCode::OK),
        }
    }

    /// A voucher that pins what the request asks for, as a registrar passes it on.
    async fn vouch(&self, format: Format, body: &[u8]) -> Vec<u8> {
        let request = Signed::<VoucherRequest>::from_wire(format, body).peek_unverified(Leniencies::default()).unwrap();
        let voucher = Voucher {
            nonce: request.nonce,
            pinned_domain_cert: request.proximity_registrar_cert.map(|_| self.domain.chain[0].clone()),
            pinned_domain_pubk: request.proximity_registrar_pubk,
            pinned_domain_pubk_sha256: request.proximity_registrar_pubk_sha256,
            ..Voucher::new(request.serial_number)
        };
        let party = SigningParty::with_chain(self.masa.chain.clone(), Arc::new(self.masa.key.clone()));
        let voucher = party.seal(&voucher, format).await.unwrap();
        voucher.without_unprotected_certificates().unwrap().wire().to_vec()
    }

    async fn issue(&self, body: &[u8]) -> Vec<u8> {
        let csr = Csr::from_der(&est::from_body("request", body).unwrap()).unwrap();
        let subject = Subject::common_name("ldevid");
        let template = Template::new(subject, csr.public_key(), [3; 16], crate::time::at(0), never()).usages(&[CLIENT_AUTH]);
        let ldevid = template.issued_by(&self.domain.chain[0], &self.domain.key).await.unwrap();
        est::to_body(&est::certs_only(&[ldevid]).unwrap())
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    fn resources(&self) -> Vec<String> {
        self.asked().into_iter().map(|(resource, ..)| resource).collect()
    }

    fn pledge(&self) -> (Pledge, TlsIdentity) {
        let serial = SerialNumber::new("JADA-1").unwrap();
        let device = Party::root("maker").issue(Subject::serial_number(&serial).and_common_name("pledge"), |t| t);
        let anchors = Anchors::new(self.masa.chain.clone()).unwrap();
        (Pledge::new(device.chain.clone(), Arc::new(device.key.clone()), anchors).unwrap(), device.tls())
    }

    /// One attempt that never pauses.
    async fn attempt(&self, running: &Running, repeats: u32) -> (Result<Onboarded, OnboardError>, Vec<Step>) {
        self.attempt_by(running, repeats, |pledge| pledge).await
    }

    /// One attempt by a pledge of another make.
    async fn attempt_by(&self, running: &Running, repeats: u32, make: impl FnOnce(Pledge) -> Pledge) -> (Result<Onboarded, OnboardError>, Vec<Step>) {
        let (pledge, tls) = self.pledge();
        let pledge = make(pledge);
        let options = Options { longest_wait: Duration::ZERO, repeats, ..Options::default() };
        let mut steps = Vec::new();
        let outcome = onboard(&pledge, &tls, &running.authority(), &options, |step| steps.push(step.clone())).await;
        (outcome, steps)
    }
}

fn registrar_of(domain: &Party) -> Party {
    domain.issue(Subject::common_name("registrar"), |t| t.usages(&["1.3.6.1.5.5.7.3.1", ID_KP_CMC_RA]))
}

/// Shows the first certificate once, and the second ever after.
#[derive(Debug)]
struct Impostor {
    first: Arc<CertifiedKey>,
    second: Arc<CertifiedKey>,
    connections: AtomicUsize,
}

impl ResolvesServerCert for Impostor {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let first = self.connections.fetch_add(1, Ordering::Relaxed) == 0;
        Some(if first { self.first.clone() } else { self.second.clone() })
    }
}

fn impostor(first: &Party, second: &Party) -> Arc<ServerConfig> {
    let certified = |party: &Party| unchecked(party.chain[0].der(), &party.pkcs8);
    let mut tls = (*server_config(&first.tls()).unwrap()).clone();
    tls.cert_resolver = Arc::new(Impostor { first: certified(first), second: certified(second), connections: AtomicUsize::new(0) });
    Arc::new(tls)
}

const WHOLE: [&str; 6] = ["requestvoucher", "voucher_status", "cacerts", "csrattrs", "simpleenroll", "enrollstatus"];

#[tokio::test]
async fn pledge_is_taken_from_idevid_to_ldevid() {
    let (owner, running) = Owner::new().start().await;
    let (outcome, steps) = owner.attempt(&running, 0).await;
    assert_eq!(outcome.unwrap().ldevid.chain[0].subject(), "CN=ldevid");
    assert_eq!(owner.resources(), WHOLE);
    assert_eq!(steps.len(), 8);
}

#[tokio::test]
async fn each_format_and_each_name_of_the_registrar_lead_to_an_ldevid() {
    let (owner, running) = Owner::new().start().await;
    for &format in Format::ALL {
        for proximity in [ProximityLeaf::Certificate, ProximityLeaf::Key, ProximityLeaf::KeyHash] {
            let onboarded = owner.attempt_by(&running, 0, |pledge| pledge.with_format(format).with_proximity(proximity)).await.0.unwrap();
            assert_eq!(
                (onboarded.voucher.signed().format(), onboarded.voucher.get().pinned_domain_cert.is_some()),
                (format, proximity == ProximityLeaf::Certificate)
            );
            assert!(onboarded.anchors.certificates().contains(&owner.domain.chain[0]));
        }
    }
}

#[tokio::test]
async fn enrollment_is_reported_and_renewed_with_the_ldevid() {
    let (owner, running) = Owner::new().start().await;
    let mut onboarded = owner.attempt(&running, 0).await.0.unwrap();
    let first = onboarded.ldevid.chain[0].clone();
    onboarded.renew(|_| ()).await.unwrap();
    let of_ldevid: Vec<String> = owner.asked().into_iter().filter(|(_, peer, _)| peer == "CN=ldevid").map(|(resource, ..)| resource).collect();
    assert_eq!(of_ldevid, ["enrollstatus", "simplereenroll"]);
    assert_ne!(onboarded.ldevid.chain[0].spki_digest(), first.spki_digest());
}

#[tokio::test]
async fn renewed_key_belongs_to_the_renewed_certificate() {
    let (owner, running) = Owner::new().start().await;
    let mut onboarded = owner.attempt(&running, 0).await.0.unwrap();
    onboarded.renew(|_| ()).await.unwrap();
    let key = SoftwareKey::from_der(&onboarded.ldevid.key).unwrap();
    assert_eq!(*key.public_key(), onboarded.ldevid.chain[0].public_key());
}

#[tokio::test]
async fn request_is_repeated_octet_for_octet() {
    let (owner, running) = Owner { later: AtomicUsize::new(2), ..Owner::new() }.start().await;
    let (outcome, steps) = owner.attempt(&running, 2).await;
    outcome.unwrap();
    let requests: Vec<Bytes> = owner.asked().into_iter().filter(|(resource, ..)| resource == "requestvoucher").map(|(_, _, body)| body).collect();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| *request == requests[0]));
    assert_eq!(steps.iter().filter(|step| matches!(step, Step::Waiting { .. })).count(), 2);
}

#[tokio::test]
async fn resource_that_was_asked_for_too_often_is_asked_for_again() {
    let (owner, running) = Owner { too_often: AtomicUsize::new(2), ..Owner::new() }.start().await;
    owner.attempt(&running, 2).await.0.unwrap();
    assert_eq!(owner.resources().iter().filter(|resource| *resource == "cacerts").count(), 3);
}

#[tokio::test]
async fn patience_ends_where_the_options_say() {
    let (owner, running) = Owner { later: AtomicUsize::new(3), ..Owner::new() }.start().await;
    let ended = owner.attempt(&running, 2).await.0.unwrap_err();
    assert_eq!(ended.stage, Stage::Voucher);
    assert!(matches!(ended.cause, Cause::Exhausted { repeats: 2, .. }));
    assert_eq!(owner.resources().len(), 3);
}

#[tokio::test]
async fn refusal_is_told_with_stage_status_and_sentence() {
    let refuses = Some(("requestvoucher", StatusCode::NOT_ACCEPTABLE, "rule 'hardware-only' does not accept bamboo keys"));
    let (owner, running) = Owner { refuses, ..Owner::new() }.start().await;
    let refused = owner.attempt(&running, 0).await.0.unwrap_err();
    assert_eq!(refused.stage, Stage::Voucher);
    assert_eq!(refused.refusal(), Some((406, "rule 'hardware-only' does not accept bamboo keys")));
    assert_eq!(owner.resources(), ["requestvoucher"]);
}

#[tokio::test]
async fn refused_enrollment_is_reported_to_the_registrar() {
    let refuses = Some(("simpleenroll", StatusCode::FORBIDDEN, "no"));
    let (owner, running) = Owner { refuses, ..Owner::new() }.start().await;
    let refused = owner.attempt(&running, 0).await.0.unwrap_err();
    assert_eq!(refused.stage, Stage::Enroll);
    assert_eq!(owner.resources().last().map(String::as_str), Some("enrollstatus"));
}

#[tokio::test]
async fn registrar_that_closes_after_each_answer_is_dialled_again() {
    let (owner, running) = Owner { closes: true, ..Owner::new() }.start().await;
    let mut onboarded = owner.attempt(&running, 0).await.0.unwrap();
    onboarded.renew(|_| ()).await.unwrap();
    assert_eq!(owner.resources().len(), WHOLE.len() + 1);
}

#[tokio::test]
async fn voucher_of_another_manufacturer_is_not_followed() {
    let (owner, running) = Owner::new().start().await;
    let stranger = Owner::new();
    let failed = stranger.attempt(&running, 0).await.0.unwrap_err();
    assert!(matches!(&failed.cause, Cause::Pledge(err) if matches!(**err, crate::pledge::PledgeError::VoucherUntrusted(_))));
    assert_eq!(owner.resources(), ["requestvoucher", "voucher_status"]);
}

#[tokio::test]
async fn registrar_with_another_certificate_gets_nothing_on_a_lost_connection() {
    let owner = Owner { closes: true, ..Owner::new() };
    let tls = impostor(&registrar_of(&owner.domain), &registrar_of(&owner.domain));
    let (owner, running) = owner.start_with(tls).await;
    let failed = owner.attempt(&running, 0).await.0.unwrap_err();
    assert!(matches!(failed.cause, Cause::RegistrarChanged { .. }));
    assert_eq!(owner.resources(), ["requestvoucher"]);
}

#[tokio::test]
async fn registrar_of_another_domain_gets_nothing_from_the_ldevid() {
    let owner = Owner::new();
    let tls = impostor(&registrar_of(&owner.domain), &registrar_of(&Party::root("another domain")));
    let (owner, running) = owner.start_with(tls).await;
    let failed = owner.attempt(&running, 0).await.0.unwrap_err();
    assert_eq!(failed.stage, Stage::Reconnect);
    assert_eq!(owner.resources(), WHOLE[..5]);
}
