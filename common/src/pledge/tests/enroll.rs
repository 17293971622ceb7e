//! From CA certificates to the LDevID and its renewal.

use super::*;

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
    let prepared = trusting().answered(&answer(est::to_body(&est::CsrAttributes::default().to_der().unwrap()))).unwrap();
    assert_eq!(prepared.csr_attributes(), Some(est::CsrAttributes::default().to_der().unwrap().as_slice()));
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
