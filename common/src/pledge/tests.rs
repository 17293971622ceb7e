use core::time::Duration;
use std::sync::Arc;

use super::*;
use crate::csr::Csr;
use crate::error::VerifyError;
use crate::est;
use crate::identity::SerialNumber;
use crate::issuing::{Subject, Template};
use crate::leniency::Leniencies;
use crate::sign::{SignatureAlgorithm, SoftwareKey};
use crate::signed::{SignedBy, Verifier};
use crate::test_pki::{Entity, block_on, new_key, now, template};
use crate::time::at;
use crate::voucher::{Assertion, Nonce, Voucher, VoucherRequest};

const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
const ANY_USAGE: &str = "2.5.29.37.0";

/// A manufacturer, an owner and a pledge between them.
struct World {
    maker: Entity,
    masa: Entity,
    domain: Entity,
    registrar: Entity,
    idevid_ca: Entity,
    pledge: Pledge,
}

impl World {
    fn new() -> Self {
        let maker = Entity::root("Maker");
        let idevid_ca = maker.issue_ca("IDevID CA");
        let masa = Entity::root("MASA");
        let domain = Entity::root("Domain");
        let registrar = domain.issue("Registrar", SignatureAlgorithm::Es256, |t| t.usages(&[SERVER_AUTH, crate::chain::ID_KP_CMC_RA]));
        let device = device_of(&idevid_ca, "JADA-1");
        let chain = vec![device.certificate.clone(), idevid_ca.certificate.clone()];
        let pledge = Pledge::new(chain, Arc::new(device.key), Anchors::new([masa.certificate.clone()]).unwrap()).unwrap();
        Self { maker, masa, domain, registrar, idevid_ca, pledge }
    }

    fn tls_chain(&self) -> Vec<Certificate> {
        vec![self.registrar.certificate.clone(), self.domain.certificate.clone()]
    }

    fn ask(&self) -> VoucherAsked {
        block_on(self.pledge.ask_for_voucher(&self.tls_chain(), nonce(1), now())).unwrap()
    }

    /// What the pledge asks if it was made to trust vouchers below this one.
    fn asking_below(&self, anchor: &Entity) -> VoucherAsked {
        let masa_anchors = Anchors::new([anchor.certificate.clone()]).unwrap();
        let pledge = Pledge { masa_anchors, ..self.pledge.clone() };
        block_on(pledge.ask_for_voucher(&self.tls_chain(), nonce(1), now())).unwrap()
    }

    /// The voucher that a MASA would issue.
    fn voucher(&self) -> Voucher {
        Voucher {
            assertion: Some(Assertion::Proximity),
            nonce: Some(nonce(1)),
            pinned_domain_cert: Some(self.domain.certificate.clone()),
            ..Voucher::new(serial("JADA-1"))
        }
    }

    fn vouch(&self, voucher: &Voucher) -> Result<Step<Box<Imprinted>, VoucherAsked>, Failed> {
        self.ask().answered(&vouched_by(&self.masa, voucher), now())
    }

    fn imprint(&self) -> Box<Imprinted> {
        done(self.vouch(&self.voucher()).unwrap())
    }

    fn prepare(&self) -> Prepared {
        let trusting = self.imprint().answered(&certificates(&[&self.domain.certificate]), now()).unwrap();
        trusting.answered(&Answer { status: 404, ..Answer::default() }).unwrap()
    }
}

fn device_of(ca: &Entity, serial_number: &str) -> Entity {
    let key = new_key(SignatureAlgorithm::Es256);
    let template = template(Subject::serial_number(&serial(serial_number)), &key);
    Entity { certificate: block_on(template.issued_by(&ca.certificate, &ca.key)).unwrap(), key }
}

fn serial(text: &str) -> SerialNumber {
    SerialNumber::new(text).unwrap()
}

fn nonce(octet: u8) -> Nonce {
    Nonce::from_bytes(&[octet; 16]).unwrap()
}

fn vouched_by(masa: &Entity, voucher: &Voucher) -> Answer {
    vouched_below(masa, &[], voucher)
}

fn vouched_below(masa: &Entity, above: &[&Entity], voucher: &Voucher) -> Answer {
    let signed = block_on(masa.party(above).seal(voucher, Format::Cms)).unwrap();
    let content_type = Some("application/voucher-cms+json".to_owned());
    Answer { status: 200, content_type, body: signed.wire().to_vec(), ..Answer::default() }
}

fn certificates(certificates: &[&Certificate]) -> Answer {
    let owned: Vec<Certificate> = certificates.iter().map(|c| (*c).clone()).collect();
    let body = est::to_body(&est::certs_only(&owned).unwrap());
    Answer { status: 200, content_type: Some(est::CERTS_ONLY.to_owned()), body, ..Answer::default() }
}

fn later(retry_after: Option<&str>) -> Answer {
    Answer { status: 202, retry_after: retry_after.map(str::to_owned), ..Answer::default() }
}

fn done<Next, Same>(step: Step<Next, Same>) -> Next {
    match step {
        Step::Done(next) => next,
        Step::Wait(..) => panic!("the answer was there"),
    }
}

/// The sole fact of a refused voucher; every such refusal is reported to voucher_status.
fn rejection(result: Result<Step<Box<Imprinted>, VoucherAsked>, Failed>) -> PledgeError {
    let Err(failed) = result else { panic!("the voucher was accepted") };
    let report = failed.report.unwrap();
    assert_eq!(report.path, "/.well-known/brski/voucher_status");
    assert!(!Telemetry::from_json(&report.body).unwrap().status);
    *failed.error
}

/// What a CA makes of a request.
fn issue(ca: &Entity, ask: &Ask, shape: impl FnOnce(Template) -> Template) -> Certificate {
    let csr = Csr::from_der(&est::from_body("request", &ask.body).unwrap()).unwrap();
    let subject = Subject::from_der(csr.subject_der()).unwrap();
    let template = Template::new(subject, csr.public_key(), [5; 16], at(now().as_secs() - 60), at(now().as_secs() + 86_400));
    block_on(shape(template).issued_by(&ca.certificate, &ca.key)).unwrap()
}

#[test]
fn request_names_the_registrar_and_is_signed_with_the_idevid() {
    let world = World::new();
    let asked = world.ask();
    assert_eq!((asked.ask().method, asked.ask().path), ("POST", "/.well-known/brski/requestvoucher"));
    assert_eq!((asked.ask().content_type, asked.ask().accept), (Some("application/voucher-cms+json"), Some("application/voucher-cms+json")));

    let request = Signed::<VoucherRequest>::from_wire(Format::Cms, asked.ask().body.clone());
    let holder = world.pledge.idevid().certificate();
    let request = request.verify(&Verifier::strict(SignedBy::Holder(holder)), now()).unwrap();
    let expected = VoucherRequest {
        assertion: Some(Assertion::Proximity),
        created_on: Some(now()),
        nonce: Some(nonce(1)),
        proximity_registrar_cert: Some(world.registrar.certificate.clone()),
        ..VoucherRequest::new(serial("JADA-1"))
    };
    assert_eq!(*request.get(), expected);
}

#[test]
fn statement_travels_in_the_request_octet_for_octet() {
    let mut world = World::new();
    world.pledge = world.pledge.with_statement(Signed::from_wire(Format::Cose, vec![0xd2, 1, 2]));
    let request = Signed::<VoucherRequest>::from_wire(Format::Cms, world.ask().ask().body.clone()).peek_unverified(Leniencies::default()).unwrap();
    assert_eq!(request.provenance.unwrap().statement, Some(vec![0xd2, 1, 2]));
}

#[test]
fn voucher_for_this_pledge_leads_to_the_domain() {
    let world = World::new();
    let imprinted = world.imprint();
    assert_eq!(imprinted.domain().certificates(), core::slice::from_ref(&world.domain.certificate));
    assert_eq!(imprinted.report().body, Telemetry::success().to_json());
    assert_eq!((imprinted.ask().method, imprinted.ask().path), ("GET", "/.well-known/est/cacerts"));
}

#[test]
fn foreign_nonce_is_refused() {
    let world = World::new();
    let error = rejection(world.vouch(&Voucher { nonce: Some(nonce(2)), ..world.voucher() }));
    assert!(matches!(error, PledgeError::VoucherMismatch { leaf: "nonce" }));
}

#[test]
fn voucher_without_nonce_is_accepted() {
    let world = World::new();
    assert!(matches!(world.vouch(&Voucher { nonce: None, ..world.voucher() }), Ok(Step::Done(_))));
}

#[test]
fn foreign_serial_number_is_refused() {
    let world = World::new();
    let error = rejection(world.vouch(&Voucher { serial_number: serial("JADA-2"), ..world.voucher() }));
    assert!(matches!(error, PledgeError::VoucherMismatch { leaf: "serial-number" }));
}

#[test]
fn foreign_idevid_issuer_is_refused() {
    let world = World::new();
    let other = crate::KeyIdentifier::new([1; 20]).unwrap();
    let error = rejection(world.vouch(&Voucher { idevid_issuer: Some(other), ..world.voucher() }));
    assert!(matches!(error, PledgeError::VoucherMismatch { leaf: "idevid-issuer" }));
}

#[test]
fn voucher_of_another_manufacturer_is_refused() {
    let world = World::new();
    let foreign = vouched_by(&Entity::root("MASA"), &world.voucher());
    let error = rejection(world.ask().answered(&foreign, now()));
    assert!(matches!(error, PledgeError::VoucherUntrusted(_)));
}

#[test]
fn another_device_cannot_sign_vouchers_although_it_leads_to_the_same_root() {
    let world = World::new();
    let sibling = world.maker.issue_ca("Other IDevID CA");
    for ca in [&world.idevid_ca, &sibling] {
        let forged = vouched_below(&device_of(ca, "JADA-2"), &[ca], &world.voucher());
        let error = rejection(world.asking_below(&world.maker).answered(&forged, now()));
        assert!(matches!(error, PledgeError::VoucherFromDevice { .. }));
    }
}

#[test]
fn signer_with_a_serial_number_is_accepted_where_it_is_configured_itself() {
    let world = World::new();
    let signer = device_of(&world.maker, "MASA-1");
    let step = world.asking_below(&signer).answered(&vouched_by(&signer, &world.voucher()), now());
    assert!(matches!(step, Ok(Step::Done(_))));
}

#[test]
fn registrar_outside_the_pinned_domain_is_refused() {
    let world = World::new();
    let other = Entity::root("Other domain").certificate;
    let error = rejection(world.vouch(&Voucher { pinned_domain_cert: Some(other), ..world.voucher() }));
    assert!(matches!(error, PledgeError::RegistrarUntrusted(VerifyError::NoPath { .. })));
}

/// What a domain issues to others than its registrar, whatever else it is good for.
const NO_REGISTRARS: [&[&str]; 4] = [&[], &[CLIENT_AUTH], &[SERVER_AUTH, CLIENT_AUTH], &[ANY_USAGE]];

#[test]
fn neighbour_with_an_ldevid_is_no_registrar() {
    for usages in NO_REGISTRARS {
        let mut world = World::new();
        world.registrar = world.domain.issue("Neighbour", SignatureAlgorithm::Es256, |t| t.usages(usages));
        let error = rejection(world.vouch(&world.voucher()));
        assert!(matches!(error, PledgeError::RegistrarUntrusted(VerifyError::WrongUsage { .. })), "{usages:?}");
    }
}

#[test]
fn neighbour_with_an_ldevid_is_no_registrar_on_later_connections_either() {
    let world = World::new();
    let imprinted = world.imprint();
    assert!(check_registrar(imprinted.domain(), &world.tls_chain(), now()).is_ok());
    for usages in NO_REGISTRARS {
        let neighbour = world.domain.issue("Neighbour", SignatureAlgorithm::Es256, |t| t.usages(usages)).certificate;
        let outcome = check_registrar(imprinted.domain(), &[neighbour], now());
        assert!(matches!(outcome, Err(PledgeError::RegistrarUntrusted(VerifyError::WrongUsage { .. }))), "{usages:?}");
    }
}

#[test]
fn registrar_needs_no_usage_but_that_of_a_registrar() {
    let mut world = World::new();
    world.registrar = world.domain.issue("Registrar", SignatureAlgorithm::Es256, |t| t.usages(&[crate::chain::ID_KP_CMC_RA]));
    assert!(world.vouch(&world.voucher()).is_ok());
}

#[test]
fn registrar_itself_may_be_pinned_by_certificate_or_key() {
    let world = World::new();
    let own = &world.registrar.certificate;
    let bare = Voucher { pinned_domain_cert: None, ..world.voucher() };
    let pins = [
        Voucher { pinned_domain_cert: Some(own.clone()), ..bare.clone() },
        Voucher { pinned_domain_pubk: Some(own.public_key().spki().to_vec()), ..bare.clone() },
        Voucher { pinned_domain_pubk_sha256: Some(own.spki_digest().0), ..bare },
    ];
    for voucher in pins {
        let imprinted = done(world.vouch(&voucher).unwrap());
        assert_eq!(imprinted.domain().certificates(), core::slice::from_ref(own));
    }
}

#[test]
fn pinned_key_of_somebody_else_is_refused() {
    let world = World::new();
    let error = rejection(world.vouch(&Voucher { pinned_domain_cert: None, pinned_domain_pubk_sha256: Some([1; 32]), ..world.voucher() }));
    assert!(matches!(error, PledgeError::RegistrarKeyMismatch));
}

#[test]
fn voucher_that_pins_nothing_is_refused() {
    let world = World::new();
    let error = rejection(world.vouch(&Voucher { pinned_domain_cert: None, ..world.voucher() }));
    assert!(matches!(error, PledgeError::NothingPinned));
}

#[test]
fn voucher_expires_one_second_after_expires_on() {
    let world = World::new();
    let expiring = |secs| Voucher { expires_on: Some(at(secs)), ..world.voucher() };
    assert!(matches!(world.vouch(&expiring(now().as_secs())), Ok(Step::Done(_))));
    assert!(matches!(rejection(world.vouch(&expiring(now().as_secs() - 1))), PledgeError::VoucherExpired { .. }));
}

#[test]
fn demand_for_revocation_checks_is_not_ignored() {
    let world = World::new();
    let error = rejection(world.vouch(&Voucher { domain_cert_revocation_checks: Some(true), ..world.voucher() }));
    assert!(matches!(error, PledgeError::RevocationCheckDemanded));
}

#[test]
fn retry_after_is_clamped_and_the_same_octets_are_sent_again() {
    let world = World::new();
    for (retry_after, seconds) in [(Some("5"), 5), (Some("86400"), 60), (Some("0"), 1), (Some("Fri, 31 Dec 2027 23:59:59 GMT"), 60), (None, 60)] {
        let asked = world.ask();
        let octets = asked.ask().clone();
        let Ok(Step::Wait(wait, again)) = asked.answered(&later(retry_after), now()) else { panic!("{retry_after:?}") };
        assert_eq!((wait, again.ask()), (Duration::from_secs(seconds), &octets));
    }
}

#[test]
fn pledge_gives_up_after_four_days() {
    let asked = World::new().ask();
    let Ok(Step::Wait(_, asked)) = asked.answered(&later(None), at(now().as_secs() + 4 * 86_400)) else { panic!("too early") };
    let failed = asked.answered(&later(None), at(now().as_secs() + 4 * 86_400 + 1)).unwrap_err();
    assert!(matches!(*failed.error, PledgeError::WaitedTooLong { .. }));
}

#[test]
fn refusal_is_passed_on_as_one_harmless_line_and_not_reported_back() {
    let answer = Answer { status: 406, body: b"rule 'x'\nrefuses\x1b[2J".to_vec(), ..Answer::default() };
    let failed = World::new().ask().answered(&answer, now()).unwrap_err();
    assert_eq!(failed.report, None);
    let PledgeError::Refused { status, sentence, .. } = *failed.error else { panic!("no refusal") };
    assert_eq!((status, sentence.chars().any(char::is_control)), (406, false));
}

#[test]
fn redirect_is_not_followed() {
    let failed = World::new().ask().answered(&Answer { status: 307, ..Answer::default() }, now()).unwrap_err();
    assert!(matches!(*failed.error, PledgeError::Redirected { status: 307, .. }));
}

#[test]
fn answer_of_another_media_type_is_refused() {
    let world = World::new();
    let answer = Answer { content_type: Some("text/plain".to_owned()), ..vouched_by(&world.masa, &world.voucher()) };
    assert!(matches!(*world.ask().answered(&answer, now()).unwrap_err().error, PledgeError::MediaType { .. }));
}

#[test]
fn ca_certificates_of_another_domain_are_refused() {
    let other = Entity::root("Other domain").certificate;
    let failed = World::new().imprint().answered(&certificates(&[&other]), now()).unwrap_err();
    assert!(matches!(*failed.error, PledgeError::CaCertificatesForeign(_)));
    assert_eq!(failed.report.unwrap().path, "/.well-known/brski/enrollstatus");
}

#[test]
fn csr_attributes_are_kept_and_garbage_is_refused() {
    let world = World::new();
    let trusting = || world.imprint().answered(&certificates(&[&world.domain.certificate]), now()).unwrap();
    let answer = |body: Vec<u8>| Answer { status: 200, content_type: Some(est::CSR_ATTRS.to_owned()), body, ..Answer::default() };
    let prepared = trusting().answered(&answer(est::to_body(&est::csr_attributes()))).unwrap();
    assert_eq!(prepared.csr_attributes(), Some(est::csr_attributes().as_slice()));
    for body in [&b"AgEA"[..], b"MAA=MAA=", b"!"] {
        assert!(matches!(*trusting().answered(&answer(body.to_vec())).unwrap_err().error, PledgeError::Body { .. }));
    }
}

fn enrollment(world: &World) -> (EnrollmentAsked, SoftwareKey) {
    let key = new_key(SignatureAlgorithm::Es256);
    (block_on(world.prepare().enroll(Arc::new(key.clone()))).unwrap(), key)
}

#[test]
fn ldevid_for_the_requested_key_is_accepted_and_can_be_renewed() {
    let world = World::new();
    let (asked, _) = enrollment(&world);
    assert_eq!((asked.ask().path, asked.ask().content_type), ("/.well-known/est/simpleenroll", Some("application/pkcs10")));
    let csr = Csr::from_der(&est::from_body("request", &asked.ask().body).unwrap()).unwrap();
    assert_eq!(csr.subject_der(), world.pledge.idevid().certificate().subject_der());

    let ldevid = issue(&world.domain, asked.ask(), |t| t.usages(&[CLIENT_AUTH]));
    let enrolled = done(asked.answered(&certificates(&[&world.domain.certificate, &ldevid]), now()).unwrap());
    assert_eq!(enrolled.chain(), [ldevid.clone(), world.domain.certificate.clone()]);
    assert_eq!(enrolled.report().path, "/.well-known/brski/enrollstatus");
    enrolled.check_registrar(&world.tls_chain(), now()).unwrap();

    let again = block_on(enrolled.reenroll(enrolled.signer().clone())).unwrap();
    assert_eq!(again.ask().path, "/.well-known/est/simplereenroll");
    let csr = Csr::from_der(&est::from_body("request", &again.ask().body).unwrap()).unwrap();
    assert_eq!((csr.subject_der(), csr.public_key()), (ldevid.subject_der(), &ldevid.public_key()));
}

#[test]
fn certificate_for_another_key_is_refused() {
    let world = World::new();
    let (asked, _) = enrollment(&world);
    let failed = asked.answered(&certificates(&[&world.registrar.certificate]), now()).unwrap_err();
    assert!(matches!(*failed.error, PledgeError::NotOurKey(1)));
    assert!(!Telemetry::from_json(&failed.report.unwrap().body).unwrap().status);
}

#[test]
fn ldevid_of_another_domain_is_refused() {
    let world = World::new();
    let (asked, _) = enrollment(&world);
    let foreign = issue(&Entity::root("Other domain"), asked.ask(), |t| t);
    let failed = asked.answered(&certificates(&[&foreign]), now()).unwrap_err();
    assert!(matches!(*failed.error, PledgeError::LDevIdUntrusted(VerifyError::NoPath { .. })));
}

#[test]
fn enrolment_that_is_put_off_is_asked_for_again() {
    let (asked, _) = enrollment(&World::new());
    let octets = asked.ask().clone();
    let Ok(Step::Wait(wait, again)) = asked.answered(&later(Some("3600")), now()) else { panic!("no wait") };
    assert_eq!((wait, again.ask()), (LONGEST_WAIT, &octets));
}

#[test]
fn pledge_with_another_devices_key_cannot_be_made() {
    let world = World::new();
    let wrong: Arc<dyn Signer> = Arc::new(new_key(SignatureAlgorithm::Es256));
    let made = Pledge::new(world.pledge.chain().to_vec(), wrong, Anchors::default());
    assert!(matches!(made, Err(PledgeError::KeyMismatch { .. })));
}
