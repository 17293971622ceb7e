mod profile;
mod requests;

use std::slice::from_ref;
use std::sync::Arc;

use brski_common::issuing::{Subject, Template};
use brski_common::{SignatureAlgorithm, Signer as _, SoftwareKey};

use super::*;
use crate::ca::{BuiltInCa, CertificateAuthority};
use crate::testing::{Ca, NOW, Pledge, World, block_on, key, now, undemanded};

fn csr(pledge: &Pledge) -> AppraisedCsr {
    undemanded(Csr::from_der(&pledge.csr(&key())).unwrap())
}

fn csr_named(subject: &Subject, key: &SoftwareKey) -> AppraisedCsr {
    undemanded(Csr::from_der(&block_on(brski_common::csr::request(&subject.to_der(), key)).unwrap()).unwrap())
}

/// What an admitted pledge gets for this request.
fn asked(world: &World, pledge: &Pledge, csr: &AppraisedCsr) -> Result<IssueOrder, Refusal> {
    let (verified, admission) = (world.verified(pledge), world.admission(pledge));
    evaluate(csr, Enrollee::Pledge(&verified), Some(&admission), None, &Settings::default(), now())
}

fn ca(world: &World) -> BuiltInCa {
    BuiltInCa::new(vec![world.domain.certificate.clone()], world.domain.key.clone()).unwrap()
}

fn ldevid(world: &World, pledge: &Pledge) -> Certificate {
    let order = asked(world, pledge, &csr(pledge)).unwrap();
    block_on(ca(world).issue(order)).unwrap().remove(0)
}

/// That the policy accepted again how this pledge's key came to be.
fn reappraised(world: &World, pledge: &Pledge) -> Reappraised {
    let statement = world.verified_statement(pledge, brski_common::Method::Avocado, 0);
    let receipt = brski_common::appraise::ReceiptFinding::Missing;
    let case = brski_common::appraise::Case { idevid: &pledge.idevid, manufacturer: "Maker", statement: Some(&statement), receipt, word: None };
    let appraisal = brski_common::appraise(&crate::testing::policy(), &case, now()).unwrap();
    Reappraised::of(&appraisal.permit(core::time::Duration::ZERO).unwrap(), &case, &crate::testing::policy())
}

fn is_unacceptable(outcome: Result<IssueOrder, Refusal>) -> bool {
    matches!(outcome, Err(Refusal::CsrUnacceptable(_)))
}

#[test]
fn order_names_the_idevids_subject_and_the_requests_key() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let csr = csr(&pledge);
    let order = asked(&world, &pledge, &csr).unwrap();
    assert_eq!(order.subject_der(), pledge.idevid.certificate().subject_der());
    assert_eq!(order.public_key(), csr.csr().public_key());
    assert_eq!(order.device(), pledge.idevid.device());
    assert_eq!(order.not_after(), at(NOW + 365 * 86_400));
}

#[test]
fn pledge_without_admission_cannot_enroll() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let verified = world.verified(&pledge);
    let outcome = evaluate(&csr(&pledge), Enrollee::Pledge(&verified), None, None, &Settings::default(), now());
    assert_eq!(outcome.unwrap_err(), Refusal::NotAdmitted);
}

#[test]
fn stranger_cannot_enroll_as_admitted_pledge() {
    let world = World::new();
    let (admitted, stranger) = (world.pledge("JADA1"), world.pledge("JADA1"));
    let (verified, admission) = (world.verified(&stranger), world.admission(&admitted));
    let outcome = evaluate(&csr(&stranger), Enrollee::Pledge(&verified), Some(&admission), None, &Settings::default(), now());
    assert_eq!(outcome.unwrap_err(), Refusal::NotAdmitted);
}

#[test]
fn device_cannot_send_the_request_of_another() {
    let world = World::new();
    let (a, b) = (world.pledge("A"), world.pledge("B"));
    assert!(is_unacceptable(asked(&world, &a, &csr(&b))));
}

#[test]
fn request_with_two_serial_numbers_is_refused() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    // Name ::= SEQUENCE OF SET OF SEQUENCE { 2.5.4.5, PrintableString }, the same serial number twice.
    let part = [b"\x31\x0e\x30\x0c\x06\x03\x55\x04\x05\x13\x05".as_slice(), b"JADA1"].concat();
    let subject = [&[0x30, 32], part.as_slice(), part.as_slice()].concat();
    let key = key();
    let csr = Csr::from_der(&block_on(brski_common::csr::request(&subject, &*key)).unwrap()).unwrap();
    assert!(is_unacceptable(asked(&world, &pledge, &undemanded(csr))));
}

#[test]
fn request_without_serial_number_is_refused() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    assert!(is_unacceptable(asked(&world, &pledge, &csr_named(&Subject::common_name("JADA1"), &key()))));
}

#[test]
fn request_with_the_key_of_another_pledge_is_refused() {
    let world = World::new();
    let (pledge, other) = (world.pledge("A"), world.pledge("B"));
    let (verified, admission, holder) = (world.verified(&pledge), world.admission(&pledge), world.admission(&other));
    let outcome = evaluate(&csr(&pledge), Enrollee::Pledge(&verified), Some(&admission), Some(&holder), &Settings::default(), now());
    assert!(is_unacceptable(outcome));
}

/// The words with which a request is refused that an admitted JADA1 sends.
fn refused_words(request: &str) -> String {
    let world = World::new();
    let csr = Csr::from_der(&brski_common::est::from_body("request", request.as_bytes()).unwrap()).unwrap();
    match asked(&world, &world.pledge("JADA1"), &undemanded(csr)) {
        Err(Refusal::CsrUnacceptable(words)) => words,
        other => panic!("{other:?}"),
    }
}

#[test]
fn request_for_a_ca_certificate_is_refused() {
    for request in [requests::CA_TRUE, requests::KEY_CERT_SIGN] {
        assert!(refused_words(request).contains("CA:TRUE"));
    }
}

#[test]
fn request_with_an_rsa_or_p521_key_is_refused_by_its_kind() {
    assert!(refused_words(requests::RSA).contains("RSA"));
    assert!(refused_words(requests::P521).contains("P-521"));
}

#[test]
fn ed25519_and_p384_keys_are_accepted() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    for algorithm in [SignatureAlgorithm::EdDsa, SignatureAlgorithm::Es384] {
        let key = SoftwareKey::generate(algorithm).unwrap().0;
        assert!(asked(&world, &pledge, &undemanded(Csr::from_der(&pledge.csr(&key)).unwrap())).is_ok());
    }
}

#[test]
fn issued_ldevid_is_a_client_certificate_of_the_domain() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let ldevid = ldevid(&world, &pledge);
    let anchors = Anchors::new([world.domain.certificate.clone()]).unwrap();
    assert!(anchors.verify_path(&ldevid, &[], Usage::TlsClient, now()).is_ok());
    assert!(!ldevid.is_ca());
    assert_eq!(ldevid.usages(), ["1.3.6.1.5.5.7.3.2"]);
    assert_eq!(ldevid.subject_der(), pledge.idevid.certificate().subject_der());
}

#[test]
fn ldevid_does_not_outlive_its_ca() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let (verified, admission) = (world.verified(&pledge), world.admission(&pledge));
    let ldevid = CertificateProfile { lifetime: core::time::Duration::from_secs(100 * 365 * 86_400), ..CertificateProfile::default() };
    let settings = Settings { ldevid, ..Settings::default() };
    let order = evaluate(&csr(&pledge), Enrollee::Pledge(&verified), Some(&admission), None, &settings, now()).unwrap();
    let ldevid = block_on(ca(&world).issue(order)).unwrap().remove(0);
    assert_eq!(ldevid.not_after(), world.domain.certificate.not_after());
}

#[test]
fn member_renews_with_its_ldevid() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let peer = PeerCertificates(vec![ldevid(&world, &pledge)]);
    let member = VerifiedLDevId::verify(&peer, from_ref(&world.domain.certificate), now()).unwrap();
    let (admission, reappraised) = (world.admission(&pledge), reappraised(&world, &pledge));
    let order = evaluate(&csr(&pledge), Enrollee::Member(&member, &reappraised), Some(&admission), None, &Settings::default(), now()).unwrap();
    assert_eq!(order.device(), pledge.idevid.device());
}

#[test]
fn member_cannot_renew_on_the_admission_of_another() {
    let world = World::new();
    let (a, b) = (world.pledge("A"), world.pledge("B"));
    let peer = PeerCertificates(vec![ldevid(&world, &a)]);
    let member = VerifiedLDevId::verify(&peer, from_ref(&world.domain.certificate), now()).unwrap();
    let reappraised = reappraised(&world, &b);
    let outcome = evaluate(&csr(&b), Enrollee::Member(&member, &reappraised), Some(&world.admission(&b)), None, &Settings::default(), now());
    assert_eq!(outcome.unwrap_err(), Refusal::NotAdmitted);
}

#[test]
fn member_cannot_renew_on_the_appraisal_of_another() {
    let world = World::new();
    let (a, b) = (world.pledge("A"), world.pledge("B"));
    let peer = PeerCertificates(vec![ldevid(&world, &a)]);
    let member = VerifiedLDevId::verify(&peer, from_ref(&world.domain.certificate), now()).unwrap();
    let reappraised = reappraised(&world, &b);
    let outcome = evaluate(&csr(&a), Enrollee::Member(&member, &reappraised), Some(&world.admission(&a)), None, &Settings::default(), now());
    assert_eq!(outcome.unwrap_err(), Refusal::NotAdmitted);
}

#[test]
fn ldevid_of_another_domain_is_none_here() {
    let (world, elsewhere) = (World::new(), World::new());
    let foreign = ldevid(&elsewhere, &elsewhere.pledge("JADA1"));
    let outcome = VerifiedLDevId::verify(&PeerCertificates(vec![foreign]), from_ref(&world.domain.certificate), now());
    assert!(matches!(outcome, Err(Error::Verify(_))));
}

#[test]
fn expired_ldevid_cannot_be_renewed() {
    let world = World::new();
    let ldevid = ldevid(&world, &world.pledge("JADA1"));
    let later = at(ldevid.not_after().as_secs() + 1);
    let outcome = VerifiedLDevId::verify(&PeerCertificates(vec![ldevid]), from_ref(&world.domain.certificate), later);
    assert!(matches!(outcome, Err(Error::Verify(VerifyError::NotCurrent { .. }))));
}

#[test]
fn domain_ca_itself_is_no_member() {
    let ca = Ca::new("Owner CA").certificate;
    assert!(VerifiedLDevId::verify(&PeerCertificates(vec![ca.clone()]), &[ca], now()).is_err());
}

#[test]
fn ca_with_a_foreign_key_is_refused() {
    assert!(matches!(BuiltInCa::new(vec![Ca::new("Owner CA").certificate], key()), Err(crate::IssueError::Misconfigured(_))));
}

#[test]
fn ca_that_expires_before_an_ldevid_could_be_valid_says_when() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let (verified, admission) = (world.verified(&pledge), world.admission(&pledge));
    let not_after = world.domain.certificate.not_after();
    let late = at(not_after.as_secs() + 86_400);
    let order = evaluate(&csr(&pledge), Enrollee::Pledge(&verified), Some(&admission), None, &Settings::default(), late).unwrap();
    let refused = block_on(ca(&world).issue(order)).unwrap_err();
    assert!(matches!(refused, crate::IssueError::Expired { not_after: said } if said == brski_common::time::to_rfc3339(not_after)));
}

#[test]
fn ca_must_be_a_ca() {
    let key: Arc<SoftwareKey> = key();
    let template = Template::new(Subject::common_name("no CA"), key.public_key(), [1; 16], at(NOW), at(NOW + 9));
    let certificate = block_on(template.self_signed(&*key)).unwrap();
    assert!(matches!(BuiltInCa::new(vec![certificate], key), Err(crate::IssueError::Misconfigured(_))));
}
