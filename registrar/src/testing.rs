//! A manufacturer with its MASA, an owner with a domain, and pledges: all in memory, at a fixed time.

#[cfg(feature = "http")]
mod masa;

use core::time::Duration;
use std::sync::Arc;

use brski_common::appraise::{TraceStep, Verdict};
use brski_common::evidence::Authorities;
use brski_common::issuing::{Subject, Template, never};
use brski_common::provenance::{Basis, Disclosure, KeyOrigin, Locus, Protection, Source, Status};
use brski_common::time::at;
use brski_common::{
    Anchors, Assertion, Certificate, Csr, Format, IDevIdCert, Leniencies, Method, Nonce, PeerCertificates, Policy, ProvenanceRecord, ProvenanceStatement,
    SerialNumber, SignatureAlgorithm, Signed, SignedBy, Signer as _, SigningParty, SoftwareKey, UnixTime, Verified, Verifier, Voucher, VoucherRequest,
};

#[cfg(feature = "http")]
pub(crate) use self::masa::FakeMasa;
use crate::Admission;
use crate::enroll::{AppraisedCsr, KeyGround};
use crate::relay::Ground;
use crate::trust::{Manufacturer, Trust, VerifiedIDevId};

pub(crate) const NOW: u64 = 1_790_000_000;
const YEAR: u64 = 365 * 86_400;

pub(crate) fn now() -> UnixTime {
    at(NOW)
}

/// Drives a future to its end, also one that another thread wakes.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = core::task::Context::from_waker(&waker);
    let mut future = core::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            core::task::Poll::Ready(value) => return value,
            core::task::Poll::Pending => std::thread::park(),
        }
    }
}

pub(crate) fn key() -> Arc<SoftwareKey> {
    Arc::new(SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().0)
}

pub(crate) struct Ca {
    pub(crate) certificate: Certificate,
    pub(crate) key: Arc<SoftwareKey>,
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let key = key();
        let template = Template::new(Subject::common_name(name), key.public_key(), [1; 16], at(NOW - YEAR), at(NOW + 10 * YEAR)).ca(None);
        Self { certificate: block_on(template.self_signed(&*key)).unwrap(), key }
    }

    pub(crate) fn subordinate(&self, name: &str) -> Self {
        let key = key();
        let template = Template::new(Subject::common_name(name), key.public_key(), [6; 16], at(NOW - YEAR), at(NOW + 10 * YEAR)).ca(None);
        Self { certificate: self.issue(template), key }
    }

    pub(crate) fn issue(&self, template: Template) -> Certificate {
        block_on(template.issued_by(&self.certificate, &*self.key)).unwrap()
    }

    fn party(&self, name: &str, usages: &[&str]) -> SigningParty {
        let key = key();
        let template = Template::new(Subject::common_name(name), key.public_key(), [2; 16], at(NOW - YEAR), at(NOW + YEAR)).usages(usages);
        SigningParty::with_chain(vec![self.issue(template), self.certificate.clone()], key)
    }
}

/// One manufacturer and one owner.
pub(crate) struct World {
    pub(crate) idevid_ca: Ca,
    pub(crate) voucher: SigningParty,
    pub(crate) provenance: SigningParty,
    pub(crate) domain: Ca,
    pub(crate) registrar: SigningParty,
}

pub(crate) struct Pledge {
    pub(crate) key: Arc<SoftwareKey>,
    pub(crate) idevid: IDevIdCert,
}

impl World {
    pub(crate) fn new() -> Self {
        let (idevid_ca, domain) = (Ca::new("Maker IDevID CA"), Ca::new("Owner CA"));
        let voucher = Ca::new("Maker Voucher CA").party("Maker MASA", &[]);
        let provenance = Ca::new("Maker Provenance CA").party("Maker Provenance", &[]);
        let registrar = domain.party("registrar", &[brski_common::chain::ID_KP_CMC_RA, "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
        Self { idevid_ca, voucher, provenance, domain, registrar }
    }

    pub(crate) fn pledge(&self, serial: &str) -> Pledge {
        self.pledge_of(&self.idevid_ca, serial, never())
    }

    pub(crate) fn pledge_of(&self, ca: &Ca, serial: &str, not_after: UnixTime) -> Pledge {
        let key = key();
        let subject = Subject::serial_number(&SerialNumber::new(serial).unwrap());
        let template = Template::new(subject, key.public_key(), [3; 16], at(NOW - YEAR), not_after).masa_url("masa.example.com");
        Pledge { idevid: IDevIdCert::new(ca.issue(template)).unwrap(), key }
    }

    pub(crate) fn manufacturer(&self) -> Manufacturer {
        let root = |party: &SigningParty| Anchors::new([party.identity.chain[1].clone()]).unwrap();
        Manufacturer {
            name: "Maker".to_owned(),
            idevid_anchors: Anchors::new([self.idevid_ca.certificate.clone()]).unwrap(),
            voucher_anchors: root(&self.voucher),
            provenance_anchors: root(&self.provenance),
            masa_tls_anchors: Anchors::default(),
            masa_url: None,
            ignore_idevid_expiry: false,
            serial_source: Default::default(),
            log_keys: Vec::new(),
            lenient: Leniencies::default(),
        }
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::new([self.manufacturer()])
    }

    pub(crate) fn verified(&self, pledge: &Pledge) -> VerifiedIDevId {
        self.trust().admit(&pledge.peer(), now()).unwrap().0
    }

    /// The request of a pledge that does everything right.
    pub(crate) fn request(&self, pledge: &Pledge) -> VoucherRequest {
        VoucherRequest {
            assertion: Some(Assertion::Proximity),
            created_on: Some(now()),
            nonce: Some(Nonce::from_bytes(&[7; 16]).unwrap()),
            proximity_registrar_cert: Some(self.registrar.identity.chain[0].clone()),
            ..VoucherRequest::new(pledge.idevid.device().serial.clone())
        }
    }

    /// The voucher that belongs to a registrar's request.
    pub(crate) fn voucher_for(&self, request: &VoucherRequest) -> Voucher {
        Voucher {
            assertion: Some(Assertion::Proximity),
            created_on: Some(now()),
            nonce: request.nonce.clone(),
            pinned_domain_cert: Some(self.domain.certificate.clone()),
            ..Voucher::new(request.serial_number.clone())
        }
    }

    pub(crate) fn sign_voucher(&self, voucher: &Voucher) -> Signed<Voucher> {
        self.sign_voucher_as(voucher, Format::Cms)
    }

    pub(crate) fn sign_voucher_as(&self, voucher: &Voucher, format: Format) -> Signed<Voucher> {
        block_on(self.voucher.seal(voucher, format)).unwrap()
    }

    pub(crate) fn verified_voucher(&self, voucher: &Voucher) -> Verified<Voucher> {
        self.manufacturer().verify_voucher(&self.sign_voucher(voucher), now()).unwrap()
    }

    /// What the manufacturer says of this pledge's key.
    pub(crate) fn statement(&self, pledge: &Pledge, method: Method, seq: u32) -> Signed<ProvenanceStatement> {
        self.statement_by(&self.provenance, pledge, method, seq)
    }

    pub(crate) fn statement_by(&self, signer: &SigningParty, pledge: &Pledge, method: Method, seq: u32) -> Signed<ProvenanceStatement> {
        let origin = KeyOrigin::new(method, Source::GeneratedOnDevice, Protection::NonExtractable, Locus::MainCpu, Basis::StationSigned, at(NOW - 1000));
        let record = ProvenanceRecord {
            device: pledge.idevid.device().clone(),
            spki: pledge.idevid.spki_digest(),
            seq,
            salt: [5; 16],
            status: Status::Valid,
            report: None,
            supersedes: None,
            reported_by: "line-1".to_owned(),
            recorded_at: at(NOW - 900),
            findings: Vec::new(),
            origin,
        };
        let key = pledge.key.public_key();
        let statement = ProvenanceStatement::view(&record, key, "masa.example.com", Disclosure::Customer, [9; 16], at(NOW - 800)).unwrap();
        block_on(signer.seal(&statement, Format::Cose)).unwrap()
    }

    pub(crate) fn verified_statement(&self, pledge: &Pledge, method: Method, seq: u32) -> Verified<ProvenanceStatement> {
        self.manufacturer().verify_statement(&self.statement(pledge, method, seq), now()).unwrap()
    }

    /// An admission as a store would read it back.
    pub(crate) fn admission(&self, pledge: &Pledge) -> Admission {
        let voucher = Signed::from_wire(Format::Cms, *b"a voucher");
        let trace = vec![TraceStep { rule: "made-inside".to_owned(), matched: true, because: "method is avocado".to_owned() }];
        let ground = Ground {
            policy: *policy().digest(),
            rule: "made-inside".to_owned(),
            found: Some(Method::Avocado),
            trace,
            verdict: Verdict::Accept,
            warned: None,
            facts: None,
            approved_by: Vec::new(),
        };
        Admission::assertion(pledge.idevid.clone(), vec![self.domain.certificate.clone()], [4; 32], voucher, ground, now())
    }
}

impl Pledge {
    pub(crate) fn peer(&self) -> PeerCertificates {
        PeerCertificates(vec![self.idevid.certificate().clone()])
    }

    pub(crate) fn sign(&self, request: &VoucherRequest) -> Signed<VoucherRequest> {
        self.sign_as(request, Format::Cms)
    }

    pub(crate) fn sign_as(&self, request: &VoucherRequest, format: Format) -> Signed<VoucherRequest> {
        let party = SigningParty::with_chain(vec![self.idevid.certificate().clone()], self.key.clone());
        block_on(party.seal(request, format)).unwrap()
    }

    pub(crate) fn verified(&self, request: &VoucherRequest) -> Verified<VoucherRequest> {
        self.sign(request).verify(&Verifier::strict(SignedBy::Holder(self.idevid.certificate())), now()).unwrap()
    }

    pub(crate) fn csr(&self, key: &SoftwareKey) -> Vec<u8> {
        block_on(brski_common::csr::request(self.idevid.certificate().subject_der(), key)).unwrap()
    }
}

/// This request before an owner who demands nothing of its key.
pub(crate) fn undemanded(csr: Csr) -> AppraisedCsr {
    let authorities = Authorities::default();
    AppraisedCsr::accept(csr, &KeyGround { policy: &policy(), manufacturer: None, authorities: &authorities, nonce: None }, now()).unwrap()
}

/// Accepts avocado, holds carrot, refuses the rest.
pub(crate) fn policy() -> Policy {
    Policy::from_toml(POLICY).unwrap()
}

const POLICY: &str = r#"
version = 1

[[rule]]
name = "made-inside"
method = ["avocado"]
then = "accept"

[[rule]]
name = "ask-about-carrots"
method = ["carrot"]
then = "hold"
"#;

pub(crate) const HOLD: Duration = Duration::from_secs(60);
