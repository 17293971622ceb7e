//! Evidence in a report: what becomes of it, and of the basis that it should ground. The evidence is what a module with an attestation key of its own signs.

use brski_common::evidence::{Authorities, Authority, Claim, Element, ElementKind, KeyAttestation, Value};
use brski_common::issuing::Subject;
use brski_common::provenance::{Evidence, EvidenceType, Finding, FindingResult, Locus, Method, Protection};
use brski_common::{Anchors, PublicKey, VerifyError};

use super::*;
use crate::testing::{Entity, block_on};

/// A maker of modules, and one of them.
struct Vendor {
    root: Entity,
    module: Entity,
}

impl Vendor {
    fn new() -> Self {
        let root = Entity::root("Silicon Ltd");
        let module = root.issue(Subject::common_name("module 7"), |template| template.usages(&[KeyAttestation::ATTESTATION_KEY_USAGE]));
        Self { root, module }
    }

    fn authorities(&self, basis: Basis) -> Authorities {
        let anchors = Anchors::new([self.root.certificate.clone()]).unwrap();
        Authorities::new([Authority { name: "Silicon Ltd".to_owned(), anchors, basis, locus: None, unmarked_attestation_keys: false }])
    }

    /// What the module says of this key: whether it made it, and that it never leaves.
    fn says(&self, key: &PublicKey, local: Option<bool>) -> Evidence {
        let claim = |name: &str, value| Claim { name: name.to_owned(), value };
        let flag = |name, value| claim(name, Value::Boolean(value));
        let mut claims = vec![claim("identifier", Value::Text("idevid".to_owned())), claim("spki", Value::Octets(key.spki().to_vec()))];
        claims.extend([flag("extractable", false), flag("sensitive", true), flag("never-extractable", true)]);
        claims.extend(local.map(|local| flag("local", local)));
        let element = Element { kind: ElementKind::Key, claims };
        let chain = [self.module.certificate.clone()];
        block_on(KeyAttestation::make(&[element], &chain, &self.module.key)).unwrap().to_evidence().unwrap()
    }
}

fn salak(basis: Basis, evidence: Vec<Evidence>) -> KeyOrigin {
    let known = KeyOrigin::new(Method::Salak, Source::GeneratedOnDevice, Protection::NonExtractable, Locus::SecureElement, basis, NOW);
    KeyOrigin { private_transfer: Transfer::None, evidence, ..known }
}

/// A manufacturer with a station that may claim any basis, and a device.
struct Scene {
    maker: Maker,
    pledge: Pledge,
    vendor: Vendor,
    authorities: Authorities,
    without_evidence: bool,
}

impl Scene {
    fn new() -> Self {
        let (maker, vendor) = (Maker::new(), Vendor::new());
        let authorities = vendor.authorities(Basis::KeyAttestation);
        Self { pledge: maker.pledge("JADA123"), maker, vendor, authorities, without_evidence: false }
    }

    fn key(&self) -> PublicKey {
        self.pledge.idevid().certificate().public_key()
    }

    fn genuine(&self, origin: KeyOrigin) -> GenuineReport {
        let report = self.maker.report(&self.pledge, Some(origin));
        GenuineReport::verify(&report, &self.stations(), &self.maker.anchors(), &self.authorities, NOW).unwrap()
    }

    fn stations(&self) -> [Station; 1] {
        [Station { bases: Basis::ALL.to_vec(), without_evidence: self.without_evidence, ..self.maker.stations().remove(0) }]
    }

    /// The findings that the record keeps.
    fn found(&self, origin: KeyOrigin) -> Result<Vec<Finding>, Refusal> {
        let entries = decide(&self.genuine(origin), None)?.into_entries();
        let records: Vec<ProvenanceRecord> =
            entries.into_iter().filter_map(|entry| if let Entry::Recorded(record) = entry { Some(*record) } else { None }).collect();
        Ok(records.into_iter().next().unwrap().findings)
    }

    fn not_grounded(&self, basis: Basis) -> Result<Vec<Finding>, Refusal> {
        Err(Refusal::BasisNotGrounded { station: "line 1".to_owned(), basis })
    }
}

#[test]
fn supporting_evidence_grounds_the_basis_and_its_finding_is_on_record() {
    let scene = Scene::new();
    let found = scene.found(salak(Basis::KeyAttestation, vec![scene.vendor.says(&scene.key(), Some(true))])).unwrap();
    let finding = Finding {
        kind: EvidenceType::new(KeyAttestation::KIND).unwrap(),
        result: FindingResult::Supports,
        attester: Some("Silicon Ltd (CN=module 7)".to_owned()),
        basis: Some(Basis::KeyAttestation),
    };
    assert_eq!(found, [finding]);
}

#[test]
fn attested_basis_without_evidence_is_refused_and_any_other_needs_none() {
    let scene = Scene::new();
    for &basis in Basis::ALL {
        let expected = if basis.is_attested() { scene.not_grounded(basis) } else { Ok(Vec::new()) };
        assert_eq!(scene.found(salak(basis, Vec::new())), expected, "{basis}");
    }
}

#[test]
fn evidence_that_is_silent_or_not_understood_grounds_nothing() {
    let scene = Scene::new();
    let unknown = Evidence { kind: EvidenceType::new("application/x-unheard-of").unwrap(), data: vec![1, 2, 3] };
    for evidence in [scene.vendor.says(&scene.key(), None), unknown] {
        assert_eq!(scene.found(salak(Basis::KeyAttestation, vec![evidence.clone()])), scene.not_grounded(Basis::KeyAttestation));
        assert_eq!(scene.found(salak(Basis::StationSigned, vec![evidence])).unwrap().len(), 1);
    }
}

#[test]
fn evidence_of_an_authority_for_another_basis_does_not_ground_this_one() {
    let scene = Scene::new();
    let evidence = vec![scene.vendor.says(&scene.key(), Some(true))];
    assert_eq!(scene.found(salak(Basis::SeVendorAttested, evidence.clone())), scene.not_grounded(Basis::SeVendorAttested));
    let scene = Scene { authorities: scene.vendor.authorities(Basis::SeVendorAttested), ..scene };
    assert_eq!(scene.found(salak(Basis::SeVendorAttested, evidence)).unwrap()[0].result, FindingResult::Supports);
}

#[test]
fn station_that_may_do_without_evidence_grounds_the_basis_itself_but_contradicting_evidence_still_refuses() {
    let scene = Scene { without_evidence: true, ..Scene::new() };
    assert_eq!(scene.found(salak(Basis::KeyAttestation, Vec::new())), Ok(Vec::new()));
    let put_in = vec![scene.vendor.says(&scene.key(), Some(false))];
    assert!(matches!(scene.found(salak(Basis::KeyAttestation, put_in)), Err(Refusal::EvidenceContradicts { item: 1, .. })));
}

#[test]
fn one_contradicting_item_refuses_the_report_and_names_both_sides() {
    let scene = Scene::new();
    let evidence = [Some(true), Some(false)].map(|local| scene.vendor.says(&scene.key(), local)).to_vec();
    let refused = scene.found(salak(Basis::KeyAttestation, evidence));
    let how = "the PKIX key attestation of Silicon Ltd (CN=module 7) says that the key was put in, but source is generated-on-device".to_owned();
    assert_eq!(refused, Err(Refusal::EvidenceContradicts { item: 2, how }));
}

#[test]
fn evidence_of_another_key_a_stranger_or_no_sense_refuses_the_report() {
    let scene = Scene::new();
    let flipped = |mut evidence: Evidence| {
        *evidence.data.last_mut().unwrap() ^= 1;
        evidence
    };
    let refused = |evidence| match scene.found(salak(Basis::StationSigned, vec![evidence])) {
        Err(Refusal::EvidenceUnfit { item: 1, source, .. }) => *source,
        other => panic!("{other:?}"),
    };
    let genuine = scene.vendor.says(&scene.key(), Some(true));
    use brski_common::evidence::EvidenceError::{OtherKey, Unreadable, Untrusted};
    assert!(matches!(refused(scene.vendor.says(&scene.maker.pledge("JADA124").idevid().certificate().public_key(), Some(true))), OtherKey { .. }));
    assert!(matches!(refused(Vendor::new().says(&scene.key(), Some(true))), Untrusted { source: VerifyError::NoPath { .. }, .. }));
    assert!(matches!(refused(flipped(genuine.clone())), Untrusted { .. } | Unreadable { .. }));
    assert!(matches!(refused(Evidence { data: genuine.data[..40].to_vec(), ..genuine }), Unreadable { .. }));
}

#[test]
fn without_any_authority_evidence_is_kept_and_counts_for_nothing() {
    let scene = Scene { authorities: Authorities::default(), ..Scene::new() };
    let evidence = vec![scene.vendor.says(&scene.key(), Some(true))];
    assert_eq!(scene.found(salak(Basis::StationSigned, evidence.clone())).unwrap()[0].result, FindingResult::NotUnderstood);
    assert_eq!(scene.found(salak(Basis::KeyAttestation, evidence)), scene.not_grounded(Basis::KeyAttestation));
}

#[test]
fn report_verified_again_is_appraised_under_the_authorities_of_now() {
    let scene = Scene::new();
    let report = scene.genuine(salak(Basis::KeyAttestation, vec![scene.vendor.says(&scene.key(), Some(true))]));
    assert!(decide(&report, None).is_ok());
    let again = report.verified_again(&scene.stations(), &scene.maker.anchors(), &Vendor::new().authorities(Basis::KeyAttestation), NOW).unwrap();
    assert!(matches!(decide(&again, None), Err(Refusal::EvidenceUnfit { .. })));
}

#[test]
fn report_verified_again_is_refused_once_the_ca_of_its_idevid_is_no_anchor() {
    let scene = Scene::new();
    let verified_again =
        |anchors: &Anchors| scene.genuine(salak(Basis::StationSigned, Vec::new())).verified_again(&scene.stations(), anchors, &scene.authorities, NOW);
    assert!(verified_again(&scene.maker.anchors()).is_ok());
    assert!(matches!(verified_again(&Maker::new().anchors()), Err(VerifyError::NoPath { .. })));
}

#[test]
fn report_on_record_stands_when_its_authority_is_gone() {
    let scene = Scene::new();
    let origin = salak(Basis::KeyAttestation, vec![scene.vendor.says(&scene.key(), Some(true))]);
    let known = after(&scene.genuine(origin.clone()));
    let scene = Scene { authorities: Vendor::new().authorities(Basis::KeyAttestation), ..scene };
    assert!(decide(&scene.genuine(origin), Some(&known)).unwrap().is_repeated());
}
