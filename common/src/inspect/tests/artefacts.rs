//! Artefacts of our own making, and that they are known for what they are.

use std::sync::Arc;

use ciborium::Value as Cbor;

use super::*;
use crate::IDevIdCert;
use crate::csr;
use crate::envelope::Format;
use crate::evidence::{CeremonySignature, Countersignature, DeliveredElement, DeliveryList, Description};
use crate::identity::SerialNumber;
use crate::issuing::Subject;
use crate::provenance::testing::{origin, statement};
use crate::provenance::{CaArrangement, ContentDigest, Disclosure, ManufactureReport, Method, RecordDigest, SecureElementGeneration};
use crate::sign::{SignatureAlgorithm, Signer as _};
use crate::signed::{Payload, Signed, SigningParty};
use crate::test_pki::{Entity, NOW, block_on, new_key, template};
use crate::time::at;
use crate::voucher::{Assertion, Nonce, ProvenanceExtension, Voucher, VoucherRequest};

/// A manufacturer, an owner and a device.
pub(super) struct World {
    pub(super) manufacturer: Entity,
    pub(super) device: Entity,
    pub(super) domain: Entity,
    pub(super) registrar: Entity,
    pub(super) masa: Entity,
    pub(super) voucher_signer: Entity,
}

impl World {
    pub(super) fn new() -> Self {
        let (manufacturer, domain, masa) = (Entity::root("IDevID CA"), Entity::root("domain CA"), Entity::root("voucher CA"));
        let key = new_key(SignatureAlgorithm::Es256);
        let idevid = template(Subject::serial_number(&SerialNumber::new("JADA123456789").unwrap()), &key).masa_url("masa.example.com");
        let certificate = block_on(idevid.issued_by(&manufacturer.certificate, &manufacturer.key)).unwrap();
        let registrar = domain.issue("registrar", SignatureAlgorithm::Es256, |t| t.usages(&[SERVER_AUTH, "1.3.6.1.5.5.7.3.2", crate::chain::ID_KP_CMC_RA]));
        let voucher_signer = masa.issue("voucher signer", SignatureAlgorithm::Es256, |t| t);
        Self { manufacturer, device: Entity { certificate, key }, domain, registrar, masa, voucher_signer }
    }

    pub(super) fn pledge(&self) -> SigningParty {
        self.device.party(&[&self.manufacturer])
    }

    pub(super) fn registrar(&self) -> SigningParty {
        self.registrar.party(&[&self.domain]).enclosing(vec![self.device.certificate.clone(), self.manufacturer.certificate.clone()])
    }

    pub(super) fn statement(&self) -> Signed<crate::ProvenanceStatement> {
        let idevid = IDevIdCert::new(self.device.certificate.clone()).unwrap();
        let statement = statement(&idevid, origin(Method::Avocado), Disclosure::Public);
        sealed(&self.voucher_signer.party(&[&self.masa]), &statement, Format::Cose)
    }

    pub(super) fn pvr(&self) -> VoucherRequest {
        VoucherRequest {
            assertion: Some(Assertion::Proximity),
            created_on: Some(at(NOW)),
            nonce: Some(Nonce::from_bytes(&[7; 16]).unwrap()),
            proximity_registrar_cert: Some(self.registrar.certificate.clone()),
            provenance: Some(ProvenanceExtension::with_statement(self.statement().wire().to_vec())),
            ..VoucherRequest::new(SerialNumber::new("JADA123456789").unwrap())
        }
    }

    pub(super) fn signed_pvr(&self, format: Format) -> Signed<VoucherRequest> {
        let party = if format == Format::Cose { self.pledge().nameless() } else { self.pledge() };
        sealed(&party, &self.pvr(), format)
    }

    pub(super) fn rvr(&self, format: Format) -> VoucherRequest {
        let idevid = IDevIdCert::new(self.device.certificate.clone()).unwrap();
        VoucherRequest {
            proximity_registrar_cert: None,
            provenance: None,
            idevid_issuer: Some(idevid.device().issuer.clone()),
            prior_signed_voucher_request: Some(self.signed_pvr(format).wire().to_vec()),
            ..self.pvr()
        }
    }

    pub(super) fn voucher(&self) -> Voucher {
        Voucher {
            assertion: Some(Assertion::Proximity),
            created_on: Some(at(NOW)),
            nonce: Some(Nonce::from_bytes(&[7; 16]).unwrap()),
            pinned_domain_cert: Some(self.domain.certificate.clone()),
            ..Voucher::new(SerialNumber::new("JADA123456789").unwrap())
        }
    }

    pub(super) fn report(&self) -> (Signed<ManufactureReport>, crate::PublicKey) {
        let (idevid, key) = (IDevIdCert::new(self.device.certificate.clone()).unwrap(), new_key(SignatureAlgorithm::Es256));
        let public = key.public_key().clone();
        let report = ManufactureReport { idevid, origin: Some(origin(Method::Avocado)) };
        (sealed(&SigningParty::with_name("station-1", Arc::new(key)), &report, Format::Jws), public)
    }
}

pub(super) fn sealed<T: Payload>(party: &SigningParty, value: &T, format: Format) -> Signed<T> {
    block_on(party.seal(value, format)).unwrap()
}

/// A COSE_Sign1 message after `change`.
pub(super) fn changed(wire: &[u8], change: impl FnOnce(&mut Vec<Cbor>)) -> Vec<u8> {
    let mut message: Cbor = ciborium::from_reader(wire).unwrap();
    let Cbor::Tag(18, inner) = &mut message else { panic!("no tag") };
    change(inner.as_array_mut().unwrap());
    octets(&message)
}

/// A receipt with this proof, and the key of the log that signed it.
pub(super) fn receipt(kind: i64, proof: &[Cbor], root: Option<Vec<u8>>) -> (Vec<u8>, crate::PublicKey) {
    let key = new_key(SignatureAlgorithm::Es256);
    let protected = octets(&Cbor::Map(vec![(1.into(), Cbor::from(-7)), (395.into(), 1.into())]));
    let covered = Cbor::Array(vec!["Signature1".into(), protected.clone().into(), Vec::<u8>::new().into(), root.clone().unwrap_or_else(|| vec![1; 32]).into()]);
    let signature = block_on(key.sign(&octets(&covered))).unwrap();
    let proofs = Cbor::Map(vec![(kind.into(), Cbor::Array(vec![octets(&Cbor::Array(proof.to_vec())).into()]))]);
    let parts = vec![protected.into(), Cbor::Map(vec![(396.into(), proofs)]), root.map_or(Cbor::Null, Cbor::from), signature.fixed().to_vec().into()];
    (octets(&Cbor::Tag(18, Box::new(Cbor::Array(parts)))), key.public_key().clone())
}

pub(super) fn octets(value: &Cbor) -> Vec<u8> {
    let mut octets = Vec::new();
    ciborium::into_writer(value, &mut octets).unwrap();
    octets
}

pub(super) fn path() -> Cbor {
    Cbor::Array(vec![vec![9; 32].into()])
}

/// Each is recognised and deviates in nothing; what stands inside deviates in nothing either.
fn assert_flawless(octets: &[u8], kind: Kind) -> Inspection {
    let inspection = inspect(octets, &plain());
    assert_eq!((inspection.kind, told(&inspection)), (kind, vec![]), "{inspection}");
    inspection
}

#[test]
fn our_own_requests_and_vouchers_deviate_in_nothing_whatever_the_format() {
    let world = World::new();
    for &format in Format::ALL {
        let pvr = assert_flawless(world.signed_pvr(format).wire(), Kind::PledgeVoucherRequest);
        assert_eq!(pvr.value("serial-number"), Some(&"JADA123456789".into()));
        let rvr = assert_flawless(sealed(&world.registrar(), &world.rvr(format), format).wire(), Kind::RegistrarVoucherRequest);
        let prior = rvr.nested.iter().find(|nested| nested.name == "prior-signed-voucher-request").unwrap();
        assert_eq!(prior.inspection.kind, Kind::PledgeVoucherRequest);
        assert!(prior.inspection.nested.iter().any(|nested| nested.inspection.kind == Kind::ProvenanceStatement));
        let signer = world.voucher_signer.party(&[&world.masa]);
        let voucher = assert_flawless(sealed(&signer, &world.voucher(), format).wire(), Kind::Voucher);
        assert_eq!(voucher.value("assertion"), Some(&"proximity".into()));
    }
}

#[test]
fn our_own_certificates_and_requests_deviate_in_nothing() {
    let world = World::new();
    for entity in [&world.manufacturer, &world.device, &world.domain, &world.registrar, &world.masa, &world.voucher_signer] {
        assert_flawless(entity.certificate.der(), Kind::Certificate);
        assert_flawless(entity.certificate.to_pem().as_bytes(), Kind::Certificate);
    }
    let request = block_on(csr::request(world.device.certificate.subject_der(), &world.device.key)).unwrap();
    let shown = assert_flawless(&request, Kind::CertificationRequest);
    assert_eq!(shown.value("serialNumber"), Some(&"JADA123456789".into()));
    assert_flawless(world.device.key.public_key().spki(), Kind::PublicKey);
}

#[test]
fn our_own_statement_deviates_in_nothing_and_tells_its_method() {
    let shown = assert_flawless(World::new().statement().wire(), Kind::ProvenanceStatement);
    assert_eq!(shown.value("method"), Some(&"avocado".into()));
}

#[test]
fn our_own_reports_and_lists_deviate_in_nothing_alone_and_as_lines() {
    let world = World::new();
    let (report, _) = world.report();
    assert_flawless(report.wire(), Kind::ManufactureReport);
    let lines = [report.wire(), b"\n", report.wire(), b"\n"].concat();
    let bundle = assert_flawless(&lines, Kind::Bundle);
    assert_eq!((bundle.nested.len(), bundle.is_recognised()), (2, true));

    let element = DeliveredElement { certificate: world.registrar.certificate.clone() };
    let (se_generation, ca_arrangement) = (SecureElementGeneration::Internal, CaArrangement::SiliconGeneric);
    let list = DeliveryList { delivery: "reel 7".to_owned(), se_generation, ca_arrangement, made_at: now(), elements: vec![element] };
    let vendor = SigningParty::with_name("logistics", Arc::new(new_key(SignatureAlgorithm::Es256)));
    assert_flawless(sealed(&vendor, &list, Format::Jws).wire(), Kind::DeliveryList);
}

#[test]
fn testimonies_deviate_in_nothing_and_tell_what_was_signed() {
    let world = World::new();
    let signer = SigningParty::with_chain(vec![world.registrar.certificate.clone()], Arc::new(world.registrar.key.clone()));
    let (key, at) = (world.registrar.certificate.spki_digest(), crate::test_pki::now());
    let ceremony = CeremonySignature { key, ceremony: "minutes 7".parse().unwrap(), at };
    let shown = assert_flawless(sealed(&signer, &ceremony, Format::Cose).wire(), Kind::Testimony);
    assert_eq!((shown.value("key"), shown.value("ceremony")), (Some(&key.to_string().into()), Some(&"minutes 7".into())));

    let description = Description { title: "How keys are made".parse().unwrap(), digest: ContentDigest::of(b"description") };
    let audit = Countersignature { key, record: RecordDigest([9; 32]), description, at };
    let shown = assert_flawless(sealed(&signer, &audit, Format::Cose).wire(), Kind::Testimony);
    assert_eq!(shown.value("record"), Some(&RecordDigest([9; 32]).to_string().into()));
    assert_eq!(shown.value("description/title"), Some(&"How keys are made".into()));
}

#[test]
fn receipts_tell_their_tree_and_say_that_inclusion_needs_the_entry() {
    let (inclusion, _) = receipt(-1, &[8.into(), 3.into(), path()], None);
    let shown = assert_flawless(&inclusion, Kind::ReceiptOfInclusion);
    assert_eq!((shown.value("tree-size"), shown.value("leaf-index")), (Some(&8.into()), Some(&3.into())));
    assert!(matches!(&shown.signatures[0].check, Check::Unchecked { why } if why.contains("the entry")));

    let (consistency, _) = receipt(-2, &[8.into(), 13.into(), path()], Some(vec![4; 32]));
    let shown = assert_flawless(&consistency, Kind::ReceiptOfConsistency);
    assert_eq!((shown.value("tree-size-1"), shown.value("tree-size-2")), (Some(&8.into()), Some(&13.into())));
}

const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
