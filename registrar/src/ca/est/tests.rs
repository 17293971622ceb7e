//! Against an EST server on loopback that answers as each test wants.

use std::sync::Mutex;

use brski_common::csr::request;
use brski_common::http::{plain, read_body, typed};
use brski_common::issuing::{Subject, Template, never};
use brski_common::serve::{Limits, Server, TlsIdentity, anchored_config, server_config};
use brski_common::time::at;
use brski_common::{Csr, PeerCertificates, Signer as _, SoftwareKey};

use super::*;
use crate::Settings;
use crate::enroll::{CertificateProfile, Enrollee, evaluate};
use crate::testing::{Ca, NOW, Pledge, World, block_on, key, now, undemanded};

const PKCS7: &str = "application/pkcs7-mime";

/// An upstream CA, the pledge that an order is for, and the request that it is on.
struct Scene {
    root: Ca,
    issuing: Ca,
    world: World,
    pledge: Pledge,
    key: Arc<SoftwareKey>,
}

impl Scene {
    fn new() -> Self {
        let (root, world) = (Ca::new("Upstream root"), World::new());
        Self { issuing: root.subordinate("Upstream CA"), pledge: world.pledge("JADA1"), root, world, key: key() }
    }

    fn order(&self) -> IssueOrder {
        self.order_on(&Csr::from_der(&self.pledge.csr(&self.key)).unwrap())
    }

    fn order_on(&self, csr: &Csr) -> IssueOrder {
        self.order_under(csr, CertificateProfile::default())
    }

    /// On the usual request, under this profile.
    fn ordered(&self, profile: &CertificateProfile) -> IssueOrder {
        self.order_under(&Csr::from_der(&self.pledge.csr(&self.key)).unwrap(), profile.clone())
    }

    fn order_under(&self, csr: &Csr, ldevid: CertificateProfile) -> IssueOrder {
        let (world, pledge) = (&self.world, &self.pledge);
        // Admitted on a statement that names avocado.
        let statement = world.verified_statement(pledge, brski_common::Method::Avocado, 0);
        let receipt = brski_common::appraise::ReceiptFinding::Missing;
        let case = brski_common::appraise::Case { idevid: &pledge.idevid, manufacturer: "Maker", statement: Some(&statement), receipt, word: None };
        let facts = Some(brski_common::appraise::Facts::of(&case));
        let admission = world.admission(pledge);
        let ground = crate::relay::Ground { facts, ..admission.ground().clone() };
        let chain = vec![world.domain.certificate.clone()];
        let admission = crate::Admission::assertion(pledge.idevid.clone(), chain, [4; 32], admission.voucher().clone(), ground, now());
        let csr = undemanded(csr.clone());
        evaluate(&csr, Enrollee::Pledge(&world.verified(pledge)), Some(&admission), None, &Settings { ldevid, ..Settings::default() }, now()).unwrap()
    }

    /// What a server would rightly issue.
    fn template(&self) -> Template {
        let subject = Subject::from_der(self.pledge.idevid.certificate().subject_der()).unwrap();
        Template::new(subject, self.key.public_key(), [9; 16], at(NOW - 60), at(NOW + 86_400)).usages(&["1.3.6.1.5.5.7.3.2"])
    }

    fn chain(&self) -> Vec<Certificate> {
        vec![self.issuing.certificate.clone(), self.root.certificate.clone()]
    }

    /// What is made of these certificates, had the server sent them.
    fn sent(&self, certificates: &[Certificate]) -> Result<Vec<Certificate>, IssueError> {
        let body = est::to_body(&est::certs_only(certificates).unwrap());
        block_on_tokio(self.asked(vec![typed(StatusCode::OK, PKCS7, body)])).0
    }

    /// What is made of the last of these answers, each to one order, and what the server was asked.
    async fn asked(&self, answers: Vec<Response<Full<Bytes>>>) -> (Result<Vec<Certificate>, IssueError>, Vec<Asked>) {
        let count = answers.len();
        let (ca, asked) = upstream(answers, self.chain()).await;
        let mut outcome = Err(IssueError::Misconfigured("nothing was asked"));
        for _ in 0..count {
            outcome = ca.issue(self.order()).await;
        }
        let asked = asked.lock().unwrap().clone();
        (outcome, asked)
    }
}

/// What an EST server was asked: method and path, sender, Authorization, body.
#[derive(Clone, Debug, PartialEq)]
struct Asked {
    path: String,
    sender: String,
    authorization: Option<String>,
    body: Vec<u8>,
}

async fn upstream(answers: Vec<Response<Full<Bytes>>>, chain: Vec<Certificate>) -> (EstCa, Arc<Mutex<Vec<Asked>>>) {
    let (server, asked) = server(answers).await;
    (EstCa::new(server, chain, Clock::from_fn(now)).unwrap(), asked)
}

async fn server(answers: Vec<Response<Full<Bytes>>>) -> (EstServer, Arc<Mutex<Vec<Asked>>>) {
    let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
    let answers = Arc::new(Mutex::new(answers.into_iter()));
    let heard = asked.clone();
    let respond = move |request: Request<_>| {
        let (heard, answers) = (heard.clone(), answers.clone());
        async move {
            let sender = request.extensions().get::<PeerCertificates>().unwrap().own().unwrap().subject().to_owned();
            let path = format!("{} {}", request.method(), request.uri().path());
            let authorization = request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
            let body = read_body(request.into_body(), 65_536).await.unwrap().to_vec();
            heard.lock().unwrap().push(Asked { path, sender, authorization, body });
            answers.lock().unwrap().next().unwrap()
        }
    };
    // TLS asks the machine's own clock, so that these are always valid.
    let always = |name: &str, key: &SoftwareKey| Template::new(Subject::common_name(name), key.public_key(), [1; 16], at(0), never());
    let (server_key, ra_key) = (key(), key());
    let certificate = always("est", &server_key).alternative_names(&["127.0.0.1".to_owned()]).ca(None).self_signed(&*server_key).await.unwrap();
    let ra = always("ra", &ra_key).self_signed(&*ra_key).await.unwrap();
    let listener = Server::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tls = server_config(&TlsIdentity::with_signer(std::slice::from_ref(&certificate), server_key).unwrap()).unwrap();
    tokio::spawn(listener.serve(tls, Limits::default(), respond, core::future::pending()));
    let identity = TlsIdentity::with_signer(&[ra], ra_key).unwrap();
    let tls = anchored_config(&Anchors::new([certificate]).unwrap(), Some(&identity)).unwrap();
    (EstServer::new(address.to_string(), Some("devices".to_owned()), tls), asked)
}

fn block_on_tokio<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn detail(outcome: Result<Vec<Certificate>, IssueError>) -> String {
    match outcome {
        Err(IssueError::BadAnswer { detail, .. }) => detail,
        other => panic!("{other:?}"),
    }
}

#[test]
fn ldevid_is_taken_from_among_extra_certificates() {
    let scene = Scene::new();
    let ldevid = scene.issuing.issue(scene.template());
    let sent = [scene.root.certificate.clone(), ldevid.clone(), scene.issuing.certificate.clone()];
    assert_eq!(scene.sent(&sent).unwrap(), [ldevid, scene.issuing.certificate.clone()]);
}

#[test]
fn server_gets_the_pledges_own_request_from_the_registrar() {
    let scene = Scene::new();
    let answer = typed(StatusCode::OK, PKCS7, est::to_body(&est::certs_only(&[scene.issuing.issue(scene.template())]).unwrap()));
    let asked = block_on_tokio(scene.asked(vec![answer])).1.remove(0);
    assert_eq!((asked.path.as_str(), asked.sender.as_str()), ("POST /.well-known/est/devices/simpleenroll", "CN=ra"));
    assert_eq!(Csr::from_der(&est::from_body("request", &asked.body).unwrap()).unwrap().public_key(), scene.key.public_key());
}

#[test]
fn long_line_crlf_and_der_are_all_read() {
    let scene = Scene::new();
    let der = est::certs_only(&[scene.issuing.issue(scene.template())]).unwrap();
    let text = String::from_utf8(est::to_body(&der)).unwrap();
    for body in [text.replace('\n', "").into_bytes(), text.replace('\n', "\r\n").into_bytes(), der] {
        let answer = typed(StatusCode::OK, "application/pkcs7-mime; smime-type=certs-only", body);
        assert_eq!(block_on_tokio(scene.asked(vec![answer])).0.unwrap().len(), 2);
    }
}

#[test]
fn server_that_needs_time_is_asked_the_same_again() {
    for status in [StatusCode::ACCEPTED, StatusCode::TOO_MANY_REQUESTS] {
        let scene = Scene::new();
        let mut later = plain(status, "come again");
        later.headers_mut().insert("retry-after", HeaderValue::from_static("7"));
        let issued = typed(StatusCode::OK, PKCS7, est::to_body(&est::certs_only(&[scene.issuing.issue(scene.template())]).unwrap()));
        let (waiting, _) = block_on_tokio(scene.asked(vec![later.clone()]));
        assert!(matches!(waiting, Err(IssueError::Later(wait)) if wait == Duration::from_secs(7)), "{status}");
        assert!(block_on_tokio(scene.asked(vec![later, issued])).0.is_ok());
    }
}

#[test]
fn certificate_for_another_key_is_not_passed_on() {
    let scene = Scene::new();
    let other = Template::new(Subject::common_name("other"), key().public_key(), [9; 16], at(NOW), at(NOW + 9));
    assert_eq!(detail(scene.sent(&[scene.issuing.issue(other)])), "it has 0 certificates for the key of the request, expected one");
}

#[test]
fn certificate_in_another_name_is_not_passed_on() {
    let scene = Scene::new();
    let other = Template::new(Subject::common_name("core"), scene.key.public_key(), [9; 16], at(NOW - 60), at(NOW + 9));
    assert_eq!(detail(scene.sent(&[scene.issuing.issue(other)])), "the LDevID's subject is CN=core, which is not what was asked for");
}

#[test]
fn ca_certificate_is_not_passed_on() {
    let scene = Scene::new();
    assert_eq!(detail(scene.sent(&[scene.issuing.issue(scene.template().ca(None))])), "the LDevID is a CA's");
}

#[test]
fn certificate_that_outlives_the_order_is_not_passed_on() {
    let scene = Scene::new();
    let subject = Subject::from_der(scene.pledge.idevid.certificate().subject_der()).unwrap();
    let long = Template::new(subject, scene.key.public_key(), [9; 16], at(NOW - 60), at(NOW + 400 * 86_400));
    assert!(detail(scene.sent(&[scene.issuing.issue(long)])).contains("longer than ordered"));
}

/// What is made of a certificate after an order under this profile.
fn under(profile: &CertificateProfile, change: impl FnOnce(Template) -> Template) -> Result<Vec<Certificate>, IssueError> {
    let scene = Scene::new();
    let order = scene.ordered(profile);
    let came = vec![scene.issuing.issue(change(scene.template()))];
    block_on_tokio(async { upstream(Vec::new(), scene.chain()).await.0.check(came, &order, now()) })
}

fn accepted(profile: &CertificateProfile, change: impl FnOnce(Template) -> Template) -> bool {
    under(profile, change).is_ok()
}

const NAME: &str = "JADA1.example";
const POLICY: &str = "1.3.6.1.4.1.32473.1.1";
const CRL: &str = "http://crl.example/ldevid.crl";

#[test]
fn certificate_is_valid_no_more_than_minutes_longer_than_ordered() {
    let hour = CertificateProfile { lifetime: Duration::from_secs(3600), ..CertificateProfile::default() };
    let until = |end: u64| {
        let scene = Scene::new();
        let subject = Subject::from_der(scene.pledge.idevid.certificate().subject_der()).unwrap();
        let template = Template::new(subject, scene.key.public_key(), [9; 16], at(NOW - 60), at(NOW + end)).usages(&["1.3.6.1.5.5.7.3.2"]);
        let (order, came) = (scene.ordered(&hour), vec![scene.issuing.issue(template)]);
        block_on_tokio(async { upstream(Vec::new(), scene.chain()).await.0.check(came, &order, now()) })
    };
    assert!(until(3600 + 300).is_ok());
    assert!(detail(until(3600 + 301)).contains("longer than ordered"));
}

#[test]
fn certificate_with_other_usages_is_not_passed_on() {
    let profile = CertificateProfile::default();
    assert!(accepted(&profile, |template| template));
    let said = detail(under(&profile, |template| template.usages(&["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"])));
    assert_eq!(said, "the LDevID's extended key usages are 1.3.6.1.5.5.7.3.1, 1.3.6.1.5.5.7.3.2, expected 1.3.6.1.5.5.7.3.2 ([ldevid] usages)");
    assert!(detail(under(&profile, |template| template.usages(&[]))).contains("extended key usages are none, expected 1.3.6.1.5.5.7.3.2"));
}

#[test]
fn certificate_with_other_names_is_not_passed_on() {
    let plain = CertificateProfile::default();
    let said = detail(under(&plain, |template| template.alternative_names(&["registrar.example".to_owned()])));
    assert_eq!(said, "the LDevID's subjectAltName is registrar.example, expected none ([ldevid] names)");
    let names = ["{serial}.example", "urn:dev:{serial}"].map(|pattern| crate::enroll::profile::NamePattern::new(pattern).unwrap());
    let named = CertificateProfile { names: names.to_vec(), ..plain };
    let (dns, uri) = (vec![NAME.to_owned()], vec!["urn:dev:JADA1".to_owned()]);
    assert!(accepted(&named, |template| template.alternative_names(&dns).alternative_uris(&uri)));
    let said = detail(under(&named, |template| template.alternative_names(&dns)));
    assert_eq!(said, "the LDevID's subjectAltName is JADA1.example, expected JADA1.example, urn:dev:JADA1 ([ldevid] names)");
    assert!(!accepted(&named, |template| template));
}

#[test]
fn certificate_without_the_policies_of_the_key_is_not_passed_on() {
    let policy = |dotted| brski_common::PolicyOid::new(dotted).unwrap();
    let by_method = std::collections::HashMap::from([(brski_common::Method::Avocado, policy(POLICY))]);
    let policies = crate::enroll::profile::ProvenancePolicies { by_method, ..Default::default() };
    let profile = CertificateProfile { policies, ..CertificateProfile::default() };
    assert!(accepted(&profile, |template| template.policy(&policy(POLICY)).policy(&policy("1.3.6.1.4.1.32473.9"))));
    let said = detail(under(&profile, |template| template.policy(&policy("1.3.6.1.4.1.32473.9"))));
    assert_eq!(said, "the LDevID's certificate policies are 1.3.6.1.4.1.32473.9, without 1.3.6.1.4.1.32473.1.1 ([ldevid] method-policies and basis-policies)");
}

#[test]
fn certificate_that_names_another_crl_is_not_passed_on() {
    let profile = CertificateProfile { crl_url: Some(CRL.to_owned()), ..CertificateProfile::default() };
    assert!(accepted(&profile, |template| template.crl_distribution_point(CRL)));
    let said = detail(under(&profile, |template| template.crl_distribution_point("http://crl.example/other.crl")));
    assert_eq!(said, "the LDevID's CRL distribution points are http://crl.example/other.crl, without http://crl.example/ldevid.crl ([ldevid] crl-url)");
    assert!(detail(under(&profile, |template| template)).contains("distribution points are none"));
    assert!(accepted(&CertificateProfile::default(), |template| template.crl_distribution_point("http://crl.example/other.crl")));
}

#[test]
fn certificate_of_an_unknown_ca_is_not_passed_on() {
    let scene = Scene::new();
    let other = scene.root.subordinate("Upstream CA");
    assert!(detail(scene.sent(&[other.issue(scene.template()), other.certificate.clone()])).contains("`brski-registrar ca fetch`"));
}

#[test]
fn refusal_and_outage_are_told_apart() {
    let scene = Scene::new();
    let (refused, _) = block_on_tokio(scene.asked(vec![plain(StatusCode::FORBIDDEN, "not an RA")]));
    assert!(matches!(refused, Err(IssueError::Refused(words)) if words == "it answered simpleenroll with 403: not an RA"));
    let (down, _) = block_on_tokio(scene.asked(vec![plain(StatusCode::SERVICE_UNAVAILABLE, "later")]));
    assert!(matches!(down, Err(IssueError::Unavailable(_))));
}

#[test]
fn request_in_another_name_than_the_order_does_not_reach_the_server() {
    let scene = Scene::new();
    let serial = &scene.pledge.idevid.device().serial;
    let subject = Subject::serial_number(serial).and_common_name("core");
    let csr = Csr::from_der(&block_on(request(&subject.to_der(), &*scene.key)).unwrap()).unwrap();
    let outcome = block_on_tokio(async {
        let (ca, asked) = upstream(Vec::new(), scene.chain()).await;
        let outcome = ca.issue(scene.order_on(&csr)).await;
        assert!(asked.lock().unwrap().is_empty());
        outcome
    });
    assert!(matches!(outcome, Err(IssueError::Unsuitable(words)) if words.contains("octet for octet")));
}

#[test]
fn ca_certificates_come_in_the_order_of_the_path() {
    let scene = Scene::new();
    let body = est::to_body(&est::certs_only(&[scene.root.certificate.clone(), scene.issuing.certificate.clone()]).unwrap());
    let (fetched, asked) = block_on_tokio(async {
        let (server, asked) = server(vec![typed(StatusCode::OK, PKCS7, body)]).await;
        (server.authorized(HeaderValue::from_static("Basic cmE6cHc=")).ca_certificates().await, asked)
    });
    assert_eq!(fetched.unwrap(), scene.chain());
    let asked = asked.lock().unwrap().remove(0);
    assert_eq!((asked.path.as_str(), asked.authorization.as_deref()), ("GET /.well-known/est/devices/cacerts", Some("Basic cmE6cHc=")));
}

#[test]
fn profile_with_names_wants_them_in_the_request() {
    let scene = Scene::new();
    let names = vec![crate::enroll::profile::NamePattern::new("{serial}.example").unwrap()];
    let order = scene.ordered(&CertificateProfile { names, ..CertificateProfile::default() });
    assert!(matches!(suits(&order), Err(IssueError::Unsuitable(words)) if words.contains("it lacks the subjectAltName that csrattrs says")));
}
