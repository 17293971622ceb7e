//! `masa-worker`: a registrar that asks nobody, a worker that asks for it, and a MASA over HTTPS.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use brski_common::http::plain;
use brski_common::issuing::{Subject, Template, never};
use brski_common::serve::{ClientLimits, HttpsConnection, Limits, Server, TlsIdentity, provisional_config, server_config};
use brski_common::time::at;
use brski_common::{Assertion, Certificate, Format, Nonce, SerialNumber, SignatureAlgorithm, Signer as _, SigningParty, SoftwareKey, VoucherRequest};
use http::{Request, StatusCode};

use super::support::Folder;
use super::{REGISTRAR, owner, registrar};

/// An owner whose registrar takes any free port and leaves MASAs to a worker.
fn owner_with_worker() -> Folder {
    let folder = owner();
    folder.listen_anywhere("registrar/registrar.toml");
    let text = folder.read("registrar/registrar.toml");
    folder.write("registrar/registrar.toml", text + "\n[masas]\nworker = true\n");
    folder
}

/// A CA and what it issued, whose path is one certificate long.
pub(crate) struct Made {
    pub(crate) ca: Certificate,
    certificate: Certificate,
    key: Arc<SoftwareKey>,
}

async fn make(ca: &str, template: impl Fn(&SoftwareKey) -> Template) -> Made {
    let generate = || SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().0;
    let (ca_key, key) = (generate(), generate());
    let ca = Template::new(Subject::common_name(ca), ca_key.public_key(), [1; 16], at(0), never()).ca(None).self_signed(&ca_key).await.unwrap();
    let certificate = template(&key).issued_by(&ca, &ca_key).await.unwrap();
    Made { ca, certificate, key: Arc::new(key) }
}

/// A MASA that refuses every device, or says that it is down, and counts.
pub(crate) struct Masa {
    pub(crate) services: Certificate,
    pub(crate) authority: String,
    asked: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
}

impl Masa {
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn is_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }
}

pub(crate) async fn masa() -> Masa {
    let named = |key: &SoftwareKey| Template::new(Subject::common_name("masa"), key.public_key(), [2; 16], at(0), never());
    let made = make("services", |key| named(key).alternative_names(&["127.0.0.1".to_owned()])).await;
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let authority = server.local_addr().unwrap().to_string();
    let tls = server_config(&TlsIdentity::with_signer(core::slice::from_ref(&made.certificate), made.key.clone()).unwrap()).unwrap();
    let (asked, down) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (counted, is_down) = (asked.clone(), down.clone());
    let respond = move |_: Request<_>| {
        counted.fetch_add(1, Ordering::SeqCst);
        let answer = match is_down.load(Ordering::SeqCst) {
            true => plain(StatusCode::SERVICE_UNAVAILABLE, "maintenance"),
            false => plain(StatusCode::FORBIDDEN, "the device was reported stolen"),
        };
        async { answer }
    };
    tokio::spawn(server.serve(tls, Limits::default(), respond, core::future::pending()));
    Masa { services: made.ca, authority, asked, down }
}

/// A device whose MASA is there, and its IDevID CA.
pub(crate) async fn device(authority: &str) -> Made {
    let subject = Subject::serial_number(&SerialNumber::new("JADA1").unwrap());
    make("IDevID CA", |key| Template::new(subject.clone(), key.public_key(), [3; 16], at(0), never()).masa_url(authority)).await
}

pub(crate) fn accept(folder: &Folder, idevid_ca: &Certificate, services: &Certificate) {
    let profile = format!(
        "version = 1\nname = \"Maker\"\nidevid-anchors = '''\n{}'''\nvoucher-anchors = '''\n{}'''\nmasa-tls-anchors = '''\n{}'''\n",
        idevid_ca.to_pem(),
        services.to_pem(),
        services.to_pem()
    );
    std::fs::create_dir_all(folder.path("registrar/trust")).unwrap();
    folder.write("registrar/trust/Maker.toml", profile);
}

#[tokio::test(flavor = "multi_thread")]
async fn word_of_a_masa_that_the_registrar_cannot_reach_comes_through_the_worker() {
    let folder = owner_with_worker();
    let masa = masa().await;
    let device = device(&masa.authority).await;
    accept(&folder, &device.ca, &masa.services);

    let mut server = folder.start(REGISTRAR, &["serve"]);
    let port = server.port();
    let pledge = Pledge::new(&folder, port, device).await;
    assert_eq!(pledge.ask().await.0, 202);
    assert_eq!(masa.asked(), 0);

    let mut worker = folder.start(REGISTRAR, &["masa-worker"]);
    assert_eq!(worker.read_line(), "brski-registrar asks MASAs");
    let begun = Instant::now();
    let (status, words) = loop {
        let answer = pledge.ask().await;
        if answer.0 != 202 || begun.elapsed() > LONGEST {
            break answer;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((status, words.as_str()), (403, "the MASA refused: the device was reported stolen"));
    assert_eq!(masa.asked(), 1);
    assert_eq!(worker.stop("TERM"), (Some(0), String::new()));
    let (code, said) = server.stop("TERM");
    assert_eq!((code, said.contains("admin listens on")), (Some(0), true));
}

/// A device that sends the same request each time.
pub(crate) struct Pledge {
    port: u16,
    identity: TlsIdentity,
    request: Vec<u8>,
}

impl Pledge {
    pub(crate) async fn new(folder: &Folder, port: u16, device: Made) -> Self {
        let registrar = Certificate::all_from_pem(&folder.read("registrar/certificates/registrar.pem")).unwrap().swap_remove(0);
        let leaves = VoucherRequest {
            assertion: Some(Assertion::Proximity),
            nonce: Some(Nonce::from_bytes(&[7; 16]).unwrap()),
            proximity_registrar_cert: Some(registrar),
            ..VoucherRequest::new(SerialNumber::new("JADA1").unwrap())
        };
        let chain = vec![device.certificate];
        let identity = TlsIdentity::with_signer(&chain, device.key.clone()).unwrap();
        let request = SigningParty::with_chain(chain, device.key).seal(&leaves, Format::Cms).await.unwrap();
        Self { port, identity, request: request.wire().to_vec() }
    }

    /// Status and body of what the registrar answers.
    pub(crate) async fn ask(&self) -> (u16, String) {
        let tls = provisional_config(Some(&self.identity)).unwrap();
        let request = Request::post("/.well-known/brski/requestvoucher").header("content-type", "application/voucher-cms+json");
        let request = request.body(http_body_util::Full::new(self.request.clone().into())).unwrap();
        let mut connection = HttpsConnection::open(&format!("127.0.0.1:{}", self.port), tls, ClientLimits::default()).await.unwrap();
        let answer = connection.send(request).await.unwrap();
        (answer.status().as_u16(), String::from_utf8_lossy(answer.body()).into_owned())
    }
}

/// Gives whoever asks MASAs a certificate of its own, and takes the registrar's keys away.
fn without_keys(folder: &Folder, identity: bool) {
    let own = "identity = { certificate = \"worker.pem\", key = \"worker-key.pem\" }\n";
    let text = folder.read("registrar/registrar.toml");
    folder.write("registrar/registrar.toml", format!("{text}{}", if identity { own } else { "" }));
    std::fs::rename(folder.path("registrar/keys/registrar.pem"), folder.path("registrar/worker-key.pem")).unwrap();
    std::fs::rename(folder.path("registrar/certificates/registrar.pem"), folder.path("registrar/worker.pem")).unwrap();
    std::fs::remove_dir_all(folder.path("registrar/keys")).unwrap();
}

#[test]
fn worker_with_a_certificate_of_its_own_needs_none_of_the_registrar_s_keys() {
    let folder = owner_with_worker();
    without_keys(&folder, true);
    let mut worker = folder.start(REGISTRAR, &["masa-worker"]);
    assert_eq!(worker.read_line(), "brski-registrar asks MASAs");
    assert_eq!(worker.stop("TERM"), (Some(0), String::new()));

    let folder = owner_with_worker();
    without_keys(&folder, false);
    let error = registrar(&folder, &["masa-worker"]).error();
    assert!(error.contains(", field identity.certificate: "), "{error}");
}

#[test]
fn registrar_that_leaves_masas_to_a_worker_needs_no_key_of_the_worker() {
    let folder = owner_with_worker();
    let text = folder.read("registrar/registrar.toml");
    folder.write("registrar/registrar.toml", text + "identity = { certificate = \"absent.pem\", key = \"absent.pem\" }\n");
    registrar(&folder, &["config", "check"]).ok();
    folder.edit("registrar/registrar.toml", "worker = true", "worker = false");
    let error = registrar(&folder, &["config", "check"]).error();
    assert!(error.contains(", field masas.identity.certificate: "), "{error}");
}

#[test]
fn worker_is_of_no_use_to_a_registrar_that_asks_by_itself() {
    let error = registrar(&owner(), &["masa-worker"]).error();
    assert_eq!(error, "error: registrar/registrar.toml, field masas.worker: must be true for a worker to be of use: the registrar asks by itself");
}

#[test]
fn times_out_of_range_are_named_with_what_would_be_right() {
    for (line, problem) in [
        ("connect-seconds = 0", "field masas.connect-seconds: must be between 1 and 60"),
        ("exchange-seconds = 61", "field masas.exchange-seconds: must be between 1 and 60"),
        ("attempts = 4", "field masas.attempts: must be between 1 and 3"),
    ] {
        let folder = owner();
        let text = folder.read("registrar/registrar.toml");
        folder.write("registrar/registrar.toml", format!("{text}\n[masas]\n{line}\n"));
        let error = registrar(&folder, &["config", "check"]).error();
        assert!(error.ends_with(problem), "{error}");
    }
}

// Far longer than it takes; a test that fails should say so.
const LONGEST: Duration = Duration::from_secs(60);
