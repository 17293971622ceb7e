//! A manufacturer: its PKI, its station at the line, its MASA.

use std::sync::{Arc, RwLock};

use brski_common::issuing::{Subject, Template};
use brski_common::pledge::ProximityLeaf;
use brski_common::provenance::{Basis, CaArrangement, Disclosure, KeyOrigin, Locus, Protection, SecureElementGeneration, Seed, Source, Transfer};
use brski_common::time::at;
use brski_common::{
    Anchors, EnrolledKey, Format, IDevIdCert, Leniencies, ManufactureReport, Method, PeerCertificates, SerialNumber, SignatureAlgorithm, Signed, Signer as _,
    SigningParty, SoftwareKey, VoucherRequest,
};
use brski_masa::{IssuePolicy, Masa, MasaParts, MasaService, MemoryLedger, Recorded, Station};
use brski_registrar::Manufacturer as Profile;

use super::exchange::{Reply, request, to_masa};
use super::{Authority, Device, Hand, NOW, new_key, template};

/// A manufacturer with everything it runs.
pub(crate) struct Manufacturer {
    pub(crate) name: String,
    /// Issues IDevIDs, two CAs below the root.
    pub(crate) plant: Authority,
    /// The root of the IDevIDs.
    pub(crate) root: Authority,
    /// Reports what was made.
    pub(crate) station: SigningParty,
    pub(crate) ledger: Arc<MemoryLedger>,
    /// What the MASA is made of. Change it, then [`restart`](Self::restart).
    pub(crate) parts: MasaParts,
    service: Arc<RwLock<MasaService>>,
}

impl Manufacturer {
    /// Founds it: a three-level IDevID PKI, a voucher key and a provenance key each under a root of its own, an enrolled station, an empty ledger.
    pub(crate) async fn found(name: &str, hand: &Hand) -> Self {
        let root = Authority::root(&format!("{name} IDevID root")).await;
        let plant = root.subordinate(&format!("{name} IDevID devices")).await.subordinate(&format!("{name} IDevID plant 3")).await;
        let voucher_root = Authority::root(&format!("{name} voucher root")).await;
        let voucher = voucher_root.party(&format!("{name} voucher signer"), &[]).await;
        let nonceless = voucher_root.party(&format!("{name} nonceless voucher signer"), &[]).await;
        let provenance = Authority::root(&format!("{name} provenance root")).await.party(&format!("{name} provenance signer"), &[]).await;
        let station = SigningParty::with_name("station-7", Arc::new(new_key()));
        let ledger = Arc::new(MemoryLedger::new(hand.now(), name).unwrap());
        let parts = MasaParts {
            authority: AUTHORITY.to_owned(),
            ledger: ledger.clone(),
            log_key: Arc::new(SoftwareKey::generate(SignatureAlgorithm::EdDsa).unwrap().0),
            last_signed: Arc::new(brski_masa::LastSigned::in_memory()),
            stations: vec![Station::new(EnrolledKey { name: "station-7".to_owned(), key: station.signer.public_key().clone() })],
            idevid_anchors: Anchors::new(plant.chain.iter().rev().cloned()).unwrap(),
            lenient: Leniencies::default(),
            lines: brski_masa::ProductLines::one(brski_masa::ProductLine {
                disclosure: brski_masa::Levels { line: Disclosure::Customer, owner: Disclosure::Customer },
                ..brski_masa::ProductLine::new("everything", brski_masa::VoucherSigners::one(voucher).and_nonceless(nonceless), provenance)
            }),
            clock: hand.clock(),
        };
        let service = Arc::new(RwLock::new(served(&parts)));
        Self { name: name.to_owned(), plant, root, station, ledger, parts, service }
    }

    /// Lets another signer make its vouchers' signatures.
    pub(crate) fn set_voucher_signer(&mut self, signer: Arc<dyn brski_common::Signer>) {
        let party = SigningParty { signer, ..self.voucher_party().clone() };
        self.parts.lines.rest_mut().vouchers = brski_masa::VoucherSigners::one(party);
    }

    /// Who signs its vouchers.
    pub(crate) fn voucher_party(&self) -> &SigningParty {
        self.parts.lines.rest().vouchers.parties().next().unwrap()
    }

    /// The MASA's process ends, and a new one begins with the present `parts`.
    pub(crate) fn restart(&self) {
        *self.service.write().unwrap() = served(&self.parts);
    }

    /// The MASA, through all its restarts.
    pub(crate) fn service(&self) -> Arc<RwLock<MasaService>> {
        self.service.clone()
    }

    /// What it tells the registrars of its customers.
    pub(crate) fn profile(&self) -> Profile {
        let anchor = |party: &SigningParty| Anchors::new(party.identity.chain.last().cloned()).unwrap();
        Profile {
            name: self.name.clone(),
            idevid_anchors: Anchors::new([self.plant.anchor()]).unwrap(),
            voucher_anchors: anchor(self.voucher_party()),
            provenance_anchors: anchor(&self.parts.lines.rest().provenance),
            masa_tls_anchors: Anchors::default(),
            masa_url: None,
            ignore_idevid_expiry: false,
            serial_source: Default::default(),
            log_keys: vec![self.parts.log_key.public_key().clone()],
            lenient: Leniencies::default(),
        }
    }

    /// Makes a device by this method and reports it; the device does not carry its statement.
    pub(crate) async fn make(&self, serial: &str, method: Method) -> Device {
        self.make_as(serial, Some(origin(method))).await
    }

    /// Makes a device of this origin, or one of which only the serial number is known.
    pub(crate) async fn make_as(&self, serial: &str, origin: Option<KeyOrigin>) -> Device {
        let device = self.certify(serial).await;
        let statement = self.report(&device, origin).await.statement;
        Device { statement, ..device }
    }

    /// A device with an IDevID that nobody reported.
    pub(crate) async fn certify(&self, serial: &str) -> Device {
        let key = new_key();
        self.certify_as(self.idevid(serial, &key), key).await
    }

    /// What an IDevID for this key would be.
    pub(crate) fn idevid(&self, serial: &str, key: &SoftwareKey) -> Template {
        template(Subject::serial_number(&SerialNumber::new(serial).unwrap()), key).masa_url(AUTHORITY)
    }

    pub(crate) async fn certify_as(&self, template: Template, key: SoftwareKey) -> Device {
        let voucher_anchors = Anchors::new(self.voucher_party().identity.chain.last().cloned()).unwrap();
        let (format, proximity) = (Format::Cms, ProximityLeaf::Certificate);
        let voucher_signer = self.voucher_party().identity.chain[0].clone();
        Device { chain: self.plant.issue(template).await, key, voucher_anchors, statement: None, carries: false, format, proximity, voucher_signer }
    }

    /// Has the station report the device to the MASA.
    pub(crate) async fn report(&self, device: &Device, origin: Option<KeyOrigin>) -> Recorded {
        let report = ManufactureReport { idevid: IDevIdCert::new(device.chain[0].clone()).unwrap(), origin };
        let report = self.station.seal(&report, Format::Jws).await.unwrap();
        Masa::new(self.parts.clone()).record(&report).await.unwrap()
    }

    /// Sends a registrar's request to one of the MASA's resources, such as `requestvoucher`.
    pub(crate) async fn ask(&self, resource: &str, rvr: &[u8], peer: &PeerCertificates) -> Reply {
        self.ask_in(Format::Cms, resource, rvr, peer).await
    }

    /// As [`ask`](Self::ask), with a request in this format.
    pub(crate) async fn ask_in(&self, format: Format, resource: &str, rvr: &[u8], peer: &PeerCertificates) -> Reply {
        let (path, headers) = (format!("/.well-known/brski/{resource}"), [("content-type", format.voucher_media_type())]);
        let service = self.service.read().unwrap().clone();
        to_masa(&service, request("POST", &path, &headers, rvr.to_vec(), peer)).await
    }

    /// Asks for a voucher.
    pub(crate) async fn vouch(&self, rvr: &Signed<VoucherRequest>) -> Reply {
        self.ask_in(rvr.format(), "requestvoucher", rvr.wire(), &PeerCertificates::default()).await
    }
}

fn served(parts: &MasaParts) -> MasaService {
    MasaService::new(Arc::new(Masa::new(parts.clone())), 64 * 1024)
}

/// An origin of this method that does not contradict itself.
pub(crate) fn origin(method: Method) -> KeyOrigin {
    let of = |source, protection, locus, transfer| {
        let mut origin = KeyOrigin::new(method, source, protection, locus, Basis::StationSigned, at(NOW - 1000));
        origin.private_transfer = transfer;
        origin
    };
    match method {
        Method::Unknown => of(Source::Unknown, Protection::Unknown, Locus::Unknown, Transfer::Unknown),
        Method::Avocado => of(Source::GeneratedOnDevice, Protection::ExtractableForStorage, Locus::Tee, Transfer::None),
        Method::Bamboo => of(Source::Loaded, Protection::NoneSoftware, Locus::Factory, Transfer::MechanicallyInstalled),
        Method::Carrot => {
            let carrot = of(Source::CoGenerated, Protection::ExtractableForStorage, Locus::MainCpu, Transfer::MechanicallyTransferred);
            KeyOrigin { seed: Some(Seed { bits: 256, storage: None, copies_destroyed: Some(true), batch: None }), ..carrot }
        }
        Method::Salak => {
            let salak = of(Source::GeneratedOnDevice, Protection::NonExtractable, Locus::SecureElement, Transfer::None);
            KeyOrigin { se_generation: Some(SecureElementGeneration::Internal), ..salak }
        }
        Method::Sapodilla => {
            let sapodilla = of(Source::GeneratedOnDevice, Protection::NonExtractable, Locus::SecureElement, Transfer::None);
            let (se_generation, ca_arrangement) = (Some(SecureElementGeneration::Internal), Some(CaArrangement::SiliconOperatesForOem));
            KeyOrigin { se_generation, ca_arrangement, ..sapodilla }
        }
        other => panic!("no origin is known for {other}"),
    }
}

/// The MASA's, as IDevIDs name it.
const AUTHORITY: &str = "masa.fruitmaker.example";
