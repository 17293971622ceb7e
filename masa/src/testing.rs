//! A small world for unit tests: a manufacturer with its IDevID PKI, pledges, network owners with their registrars, and a clock that stands still.

use std::sync::Arc;

use brski_common::issuing::{Subject, Template, never};
use brski_common::provenance::{Basis, Disclosure, Locus, Protection, Source, Transfer};
use brski_common::time::at;
use brski_common::{
    Anchors, Assertion, Certificate, Clock, DeviceId, EnrolledKey, Format, IDevIdCert, KeyOrigin, Leniencies, ManufactureReport, Method, Nonce, Payload,
    PeerCertificates, SerialNumber, SignatureAlgorithm, Signed, Signer, SigningParty, SoftwareKey, UnixTime, Voucher, VoucherRequest,
};

use crate::ledger::{Ledger, MemoryLedger};
use crate::manufacture::Station;
use crate::masa::{Masa, MasaParts};
use crate::product_line::{Levels, ProductLine, ProductLines, VoucherSigners};

/// Some time in 2026.
pub(crate) const NOW: UnixTime = UnixTime::since_unix_epoch(core::time::Duration::from_secs(1_790_000_000));

/// `secs` seconds after [`NOW`].
pub(crate) fn later(secs: u64) -> UnixTime {
    at(NOW.as_secs() + secs)
}

/// Runs a future to its end on this thread.
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

/// A certificate and its key.
#[derive(Clone)]
pub(crate) struct Entity {
    pub(crate) certificate: Certificate,
    pub(crate) key: SoftwareKey,
}

impl Entity {
    pub(crate) fn root(name: &str) -> Self {
        let key = new_key();
        Self { certificate: block_on(template(Subject::common_name(name), &key).ca(None).self_signed(&key)).unwrap(), key }
    }

    pub(crate) fn issue(&self, subject: Subject, shape: impl FnOnce(Template) -> Template) -> Self {
        let key = new_key();
        let certificate = self.certify(subject, &key, shape);
        Self { certificate, key }
    }

    pub(crate) fn certify(&self, subject: Subject, key: &SoftwareKey, shape: impl FnOnce(Template) -> Template) -> Certificate {
        block_on(shape(template(subject, key)).issued_by(&self.certificate, &self.key)).unwrap()
    }

    pub(crate) fn party(&self, above: &[&Entity]) -> SigningParty {
        let chain = core::iter::once(self).chain(above.iter().copied()).map(|entity| entity.certificate.clone()).collect();
        SigningParty::with_chain(chain, Arc::new(self.key.clone()))
    }
}

pub(crate) fn new_key() -> SoftwareKey {
    SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().0
}

fn template(subject: Subject, key: &SoftwareKey) -> Template {
    let mut serial = [0; 16];
    serial.copy_from_slice(&key.public_key().digest().0[..16]);
    Template::new(subject, key.public_key(), serial, at(NOW.as_secs() - 86_400), never())
}

pub(crate) fn serial(text: &str) -> SerialNumber {
    SerialNumber::new(text).unwrap()
}

pub(crate) fn nonce(octet: u8) -> Nonce {
    Nonce::from_bytes(&[octet; 16]).unwrap()
}

pub(crate) fn seal<T: Payload>(party: &SigningParty, value: &T, format: Format) -> Signed<T> {
    block_on(party.seal(value, format)).unwrap()
}

/// A pledge's IDevID and key.
#[derive(Clone)]
pub(crate) struct Pledge(pub(crate) Entity);

impl Pledge {
    pub(crate) fn idevid(&self) -> IDevIdCert {
        IDevIdCert::new(self.0.certificate.clone()).unwrap()
    }

    pub(crate) fn device(&self) -> DeviceId {
        self.idevid().device().clone()
    }

    /// What it asks of this registrar.
    pub(crate) fn leaves(&self, registrar: &Owner, nonce: Nonce) -> VoucherRequest {
        VoucherRequest {
            assertion: Some(Assertion::Proximity),
            created_on: Some(NOW),
            nonce: Some(nonce),
            proximity_registrar_cert: Some(registrar.registrar.certificate.clone()),
            ..VoucherRequest::new(self.device().serial)
        }
    }

    pub(crate) fn sign(&self, leaves: &VoucherRequest) -> Vec<u8> {
        self.sign_in(Format::Cms, leaves)
    }

    /// In COSE without a word on who signed, as on a constrained link.
    pub(crate) fn sign_in(&self, format: Format, leaves: &VoucherRequest) -> Vec<u8> {
        let party = self.0.party(&[]);
        let party = if format == Format::Cose { party.nameless() } else { party };
        seal(&party, leaves, format).wire().to_vec()
    }
}

/// The same request, naming the registrar by its key.
pub(crate) fn by_key(leaves: VoucherRequest) -> VoucherRequest {
    let key = leaves.proximity_registrar_cert.as_ref().map(|certificate| certificate.public_key().spki().to_vec());
    VoucherRequest { proximity_registrar_cert: None, proximity_registrar_pubk: key, ..leaves }
}

/// The same request, naming the registrar by the hash of its key.
pub(crate) fn by_key_hash(leaves: VoucherRequest) -> VoucherRequest {
    let hash = leaves.proximity_registrar_cert.as_ref().map(|certificate| certificate.spki_digest().0);
    VoucherRequest { proximity_registrar_cert: None, proximity_registrar_pubk_sha256: hash, ..leaves }
}

/// A network owner: domain CA and registrar.
#[derive(Clone)]
pub(crate) struct Owner {
    pub(crate) root: Entity,
    pub(crate) authority: Entity,
    pub(crate) registrar: Entity,
}

impl Owner {
    pub(crate) fn new(name: &str) -> Self {
        Self::shaped(name, |template| template.usages(&[CMC_RA, "1.3.6.1.5.5.7.3.1"]))
    }

    pub(crate) fn shaped(name: &str, shape: impl FnOnce(Template) -> Template) -> Self {
        let root = Entity::root(name);
        let authority = root.issue(Subject::common_name(&format!("{name} issuing")), |template| template.ca(None));
        let registrar = authority.issue(Subject::common_name(&format!("{name} registrar")), shape);
        Self { root, authority, registrar }
    }

    pub(crate) fn party(&self) -> SigningParty {
        self.registrar.party(&[&self.authority, &self.root])
    }

    /// What it presents as TLS client.
    pub(crate) fn peer(&self) -> PeerCertificates {
        PeerCertificates(vec![self.registrar.certificate.clone()])
    }

    /// Its request around a pledge's.
    pub(crate) fn leaves(&self, pledge: &Pledge, inner: &VoucherRequest) -> VoucherRequest {
        self.leaves_in(Format::Cms, pledge, inner)
    }

    /// Its request around a pledge's in this format.
    pub(crate) fn leaves_in(&self, format: Format, pledge: &Pledge, inner: &VoucherRequest) -> VoucherRequest {
        VoucherRequest {
            created_on: Some(NOW),
            nonce: inner.nonce.clone(),
            idevid_issuer: Some(pledge.device().issuer),
            prior_signed_voucher_request: Some(pledge.sign_in(format, inner)),
            ..VoucherRequest::new(pledge.device().serial)
        }
    }

    /// Its request without a pledge's and without nonce.
    pub(crate) fn nonceless(&self, pledge: &Pledge) -> VoucherRequest {
        VoucherRequest { created_on: Some(NOW), idevid_issuer: Some(pledge.device().issuer), ..VoucherRequest::new(pledge.device().serial) }
    }

    pub(crate) fn sign(&self, leaves: &VoucherRequest) -> Signed<VoucherRequest> {
        seal(&self.party(), leaves, Format::Cms)
    }

    /// The usual request: signed by all, proximity proven.
    pub(crate) fn request(&self, pledge: &Pledge, nonce: Nonce) -> Signed<VoucherRequest> {
        self.request_in(Format::Cms, pledge, &pledge.leaves(self, nonce))
    }

    /// A request around this one of the pledge, all of it in this format.
    pub(crate) fn request_in(&self, format: Format, pledge: &Pledge, inner: &VoucherRequest) -> Signed<VoucherRequest> {
        let party = self.party().enclosing(vec![pledge.0.certificate.clone()]);
        seal(&party, &self.leaves_in(format, pledge, inner), format)
    }
}

/// The manufacturer.
#[derive(Clone)]
pub(crate) struct Maker {
    pub(crate) root: Entity,
    pub(crate) issuing: Entity,
    pub(crate) station: SoftwareKey,
    pub(crate) voucher: Entity,
    pub(crate) nonceless: Entity,
    pub(crate) provenance: Entity,
    pub(crate) log: SoftwareKey,
}

impl Maker {
    pub(crate) fn new() -> Self {
        let root = Entity::root("IDevID root");
        let issuing = root.issue(Subject::common_name("IDevID issuing"), |template| template.ca(None));
        let log = SoftwareKey::generate(SignatureAlgorithm::EdDsa).unwrap().0;
        let (voucher, nonceless) = (Entity::root("voucher signer"), Entity::root("signer of vouchers without nonce"));
        Self { root, issuing, station: new_key(), voucher, nonceless, provenance: Entity::root("provenance signer"), log }
    }

    pub(crate) fn anchors(&self) -> Anchors {
        Anchors::new([self.root.certificate.clone(), self.issuing.certificate.clone()]).unwrap()
    }

    pub(crate) fn stations(&self) -> Vec<Station> {
        vec![Station::new(EnrolledKey { name: "line 1".to_owned(), key: self.station.public_key().clone() })]
    }

    pub(crate) fn pledge(&self, name: &str) -> Pledge {
        Pledge(self.issuing.issue(Subject::serial_number(&serial(name)), |template| template))
    }

    pub(crate) fn station_party(&self) -> SigningParty {
        SigningParty::with_name("line 1", Arc::new(self.station.clone()))
    }

    pub(crate) fn report(&self, pledge: &Pledge, origin: Option<KeyOrigin>) -> Signed<ManufactureReport> {
        seal(&self.station_party(), &ManufactureReport { idevid: pledge.idevid(), origin }, Format::Jws)
    }

    pub(crate) fn lines(&self) -> ProductLines {
        let vouchers = VoucherSigners::one(self.voucher.party(&[])).and_nonceless(self.nonceless.party(&[]));
        ProductLines::one(ProductLine {
            disclosure: Levels { line: Disclosure::Customer, owner: Disclosure::Customer },
            ..ProductLine::new("everything", vouchers, self.provenance.party(&[]))
        })
    }

    pub(crate) fn parts(&self, ledger: Arc<dyn Ledger>) -> MasaParts {
        MasaParts {
            authority: "masa.example.com".to_owned(),
            ledger,
            lines: self.lines(),
            log_key: Arc::new(self.log.clone()),
            last_signed: Arc::new(crate::masa::LastSigned::in_memory()),
            stations: self.stations(),
            idevid_anchors: self.anchors(),
            lenient: Leniencies::default(),
            clock: Clock::from_fn(|| NOW),
        }
    }

    pub(crate) fn masa(&self) -> Masa {
        Masa::new(self.parts(memory()))
    }
}

pub(crate) fn memory() -> Arc<MemoryLedger> {
    Arc::new(MemoryLedger::new(NOW, "masa.example.com").unwrap())
}

/// An avocado's origin: the device made its key itself.
pub(crate) fn origin() -> KeyOrigin {
    let origin = KeyOrigin::new(Method::Avocado, Source::GeneratedOnDevice, Protection::NonExtractable, Locus::Tee, Basis::StationSigned, NOW);
    KeyOrigin { private_transfer: Transfer::None, ..origin }
}

/// A voucher's content, checked against the maker's key for vouchers with nonce, or for those without.
pub(crate) fn read_voucher(maker: &Maker, voucher: &Signed<Voucher>) -> Voucher {
    let nonce = voucher.peek_unverified(Leniencies::default()).unwrap().nonce;
    let signer = if nonce.is_some() { &maker.voucher } else { &maker.nonceless };
    let by = brski_common::SignedBy::Holder(&signer.certificate);
    voucher.verify(&brski_common::Verifier::strict(by), NOW).unwrap().get().clone()
}

pub(crate) const CMC_RA: &str = brski_common::chain::ID_KP_CMC_RA;
