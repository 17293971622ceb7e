//! Origins, records and devices for unit tests.

use super::*;
use crate::certificate::IDevIdCert;
use crate::identity::SerialNumber;
use crate::issuing::Subject;
use crate::sign::{SignatureAlgorithm, Signer as _, SoftwareKey};
use crate::test_pki::{Entity, NOW, block_on, new_key, template};
use crate::time::at;

/// An origin as each method would have it, with no more than it needs.
pub(crate) fn origin(method: Method) -> KeyOrigin {
    let (source, locus, private_transfer) = match method {
        Method::Unknown => (Source::Unknown, Locus::Unknown, Transfer::Unknown),
        Method::Avocado => (Source::GeneratedOnDevice, Locus::Tee, Transfer::None),
        Method::Bamboo => (Source::Loaded, Locus::Factory, Transfer::MechanicallyInstalled),
        Method::Carrot => (Source::Kdf, Locus::Unknown, Transfer::NetworkTransferred),
        Method::Salak => (Source::GeneratedOnDevice, Locus::SecureElement, Transfer::None),
        Method::Sapodilla => (Source::GeneratedOnDevice, Locus::SecureElement, Transfer::None),
    };
    let known = KeyOrigin::new(method, source, Protection::NonExtractable, locus, Basis::StationSigned, at(NOW - 1000));
    KeyOrigin {
        private_transfer,
        seed: (method == Method::Carrot).then_some(Seed { bits: 256, storage: None, copies_destroyed: Some(true), batch: None }),
        se_generation: (method == Method::Sapodilla).then_some(SecureElementGeneration::Internal),
        ca_arrangement: (method == Method::Sapodilla).then_some(CaArrangement::SiliconGeneric),
        ..known
    }
}

/// An origin that says all it can, every question answered.
pub(crate) fn full_origin() -> KeyOrigin {
    KeyOrigin {
        lock: Lock::Fuse,
        certificate_transfer: Transfer::NetworkTransferred,
        transfer_encrypted: Some(true),
        silicon_vendor: Some(text("Silicon Ltd")),
        co_generation: Some(CoGeneration { parties: vec![text("device"), text("factory"), text("owner")], threshold: 2 }),
        rng: Some(Rng { kind: text("ring oscillator"), certification: Some(text("ESV E1")) }),
        key_retained: Some(false),
        site: Some(text("Basel")),
        line: Some(text("3")),
        station: Some(text("3-b")),
        batch: Some(text("2026-30")),
        pkcs11: Some(Pkcs11Attributes { local: Some(false), key_gen_mechanism: Some(u64::MAX), ..Pkcs11Attributes::default() }),
        tpma_object: Some(TpmaObject(0b11_0010)),
        fips: Some(Fips { version: text("FIPS 140-3"), level: 3, module: None }),
        evidence: vec![Evidence { kind: EvidenceType::new("application/eat+cwt").unwrap(), data: vec![0xd2, 0x84] }],
        answers: all_answers(),
        split: SplitReveal::Harmless,
        trust_anchors: vec![TrustAnchorRecord {
            kind: TrustAnchorKind::SoftwareUpdate,
            name: Some(text("Release root")),
            replaceable: Some(true),
            addable: Some(false),
            removable: Some(false),
            private_key_kept: Some(text("in a vault")),
            answers: Answers { pki_breadth: Some(3), ..Answers::default() },
        }],
        disclosure: Overrides([(Fact::Batch.into(), Disclosure::Customer), (Question::PkiBreadth.into(), Disclosure::Internal)].into()),
        ..origin(Method::Carrot)
    }
}

pub(crate) fn all_answers() -> Answers {
    Answers {
        initial_enclave_location: Some(EnclaveLocation { place: EnclavePlace::InPackage, note: None }),
        initial_enclave_integrity_key: Some(IntegrityKey { kept: IntegrityKeyPlace::NotApplicable, note: None }),
        initial_enclave_privacy_key: Some(PrivacyKey { encrypted: true, note: Some(text("AES-XTS")) }),
        first_stage_exposure: Some(2),
        first_second_stage_gap: Some(StageGap { same_site: Some(true), duration: Some("PT8H".parse().unwrap()), ..StageGap::default() }),
        identity_pki_level: 3.try_into().ok(),
        identity_time_limits_per_subordinate: Some(Quantity::Limited("P2Y".parse().unwrap())),
        identity_number_per_subordinate: Some(Quantity::UNLIMITED),
        identity_anchor_storage: Some(text("offline HSM")),
        identity_shared_split_extra: Some(2),
        identity_shared_split_continents: Some(3),
        pki_level: 2.try_into().ok(),
        pki_algorithms: Some(vec![KeyAlgorithm { algorithm: text("ECDSA P-384"), bits: 384.try_into().unwrap() }]),
        pki_lifespan: Some(Lifespan { duration: Quantity::Limited("P20Y".parse().unwrap()), replacement: None }),
        pki_level_locked: Some(true),
        pki_breadth: Some(12),
        pki_lock_policy: Some(LockPolicy { obeys: Obeyed::PolicyOid, note: Some(text("2.999.1")) }),
        pki_anchor_storage: Some(text("vault")),
    }
}

pub(crate) fn text(words: &str) -> Text {
    Text::new(words).unwrap()
}

/// A device's certificate and key.
pub(crate) fn device(serial: &str, algorithm: SignatureAlgorithm) -> (IDevIdCert, SoftwareKey) {
    let ca = Entity::root("IDevID CA");
    let key = new_key(algorithm);
    let subject = Subject::serial_number(&SerialNumber::new(serial).unwrap());
    let certificate = block_on(template(subject, &key).issued_by(&ca.certificate, &ca.key)).unwrap();
    (IDevIdCert::new(certificate).unwrap(), key)
}

/// A record of this device's key.
pub(crate) fn record(idevid: &IDevIdCert, origin: KeyOrigin) -> ProvenanceRecord {
    ProvenanceRecord {
        device: idevid.device().clone(),
        spki: idevid.spki_digest(),
        seq: 0,
        salt: [5; 16],
        status: Status::Valid,
        report: None,
        supersedes: None,
        reported_by: "station-7".to_owned(),
        recorded_at: at(NOW - 900),
        findings: Vec::new(),
        origin,
    }
}

/// What a reader at `level` is told of a device with this origin.
pub(crate) fn statement(idevid: &IDevIdCert, origin: KeyOrigin, level: Disclosure) -> ProvenanceStatement {
    let record = record(idevid, origin);
    ProvenanceStatement::view(&record, &idevid.certificate().public_key(), "masa.example.com", level, [9; 16], at(NOW - 800)).unwrap()
}

/// A device that nobody looks at twice.
pub(crate) fn any_device() -> IDevIdCert {
    let (idevid, key) = device("JADA123456789", SignatureAlgorithm::Es256);
    assert_eq!(key.public_key().digest(), idevid.spki_digest());
    idevid
}
