//! A world to onboard in; the tests stand in the modules.

mod enroll;
mod formats;
mod proximity;
mod registrar;
mod request;
mod voucher;

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
use crate::signed::{Payload, SignedBy, SigningParty, Verifier};
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

    /// The same world with another pledge.
    fn with(self, shape: impl FnOnce(Pledge) -> Pledge) -> Self {
        Self { pledge: shape(self.pledge.clone()), ..self }
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
        self.ask().answered(&sealed(self.pledge.format, &self.masa.party(&[]), voucher), now())
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
    sealed(Format::Cms, &masa.party(above), voucher)
}

/// A signed voucher, as a registrar passes it on.
fn sealed(format: Format, signer: &SigningParty, content: &impl Payload) -> Answer {
    let signed = block_on(signer.seal(content, format)).unwrap().without_unprotected_certificates().unwrap();
    answered(format.voucher_media_type(), signed.wire())
}

fn answered(media_type: &str, body: &[u8]) -> Answer {
    Answer { status: 200, content_type: Some(media_type.to_owned()), body: body.to_vec(), ..Answer::default() }
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
fn pledge_with_another_devices_key_cannot_be_made() {
    let world = World::new();
    let wrong: Arc<dyn Signer> = Arc::new(new_key(SignatureAlgorithm::Es256));
    let made = Pledge::new(world.pledge.chain().to_vec(), wrong, Anchors::default());
    assert!(matches!(made, Err(PledgeError::KeyMismatch { .. })));
}
