//! Evidence: key attestation, tokens, bundles of both, and requests that carry them.

use ciborium::Value as Cbor;

use super::*;
use crate::asn1::element;
use crate::codec::base64;
use crate::csr::{Wish, request_wishing};
use crate::envelope::Format;
use crate::evidence::{AttestationBundle, AttestationStatement, Claim, Element, ElementKind, ID_PE_CMW, KeyAttestation, Token, Value as Said};
use crate::issuing::Subject;
use crate::leniency::Reading;
use crate::provenance::{EvidenceType, PROFILE};
use crate::sign::{SignatureAlgorithm, Signer as _, SoftwareKey};
use crate::signed::Payload as _;
use crate::test_pki::{Entity, block_on, new_key};

/// A vendor, one of its modules, and a key in it.
struct Scene {
    vendor: Entity,
    module: Entity,
    key: SoftwareKey,
}

impl Scene {
    fn new() -> Self {
        let vendor = Entity::root("HSM vendor");
        let module = vendor.issue("HSM 7", SignatureAlgorithm::Es256, |t| t.usages(&[KeyAttestation::ATTESTATION_KEY_USAGE]));
        Self { vendor, module, key: new_key(SignatureAlgorithm::Es256) }
    }

    fn evidence(&self) -> Vec<u8> {
        self.evidence_by(&self.module)
    }

    fn evidence_by(&self, by: &Entity) -> Vec<u8> {
        let spki = self.key.public_key().spki().to_vec();
        let claims = [("identifier", Said::Text("k\u{202e}1".to_owned())), ("spki", Said::Octets(spki)), ("local", Said::Boolean(true))];
        let key = Element { kind: ElementKind::Key, claims: claims.map(|(name, value)| Claim::new(name, value)).to_vec() };
        let platform = Element { kind: ElementKind::Platform, claims: vec![Claim::new("dbgstat", Said::Integer(3))] };
        block_on(KeyAttestation::make(&[platform, key], core::slice::from_ref(&by.certificate), &by.key)).unwrap().der().to_vec()
    }

    /// A token of the module that says how far it can be debugged, in a wrapper.
    fn wrapped(&self, profile: Option<&str>) -> Vec<u8> {
        let mut claims = vec![(Cbor::from(263), Cbor::from(1))];
        claims.extend(profile.map(|profile| (Cbor::from(265), Cbor::Text(profile.to_owned()))));
        let token = Token::decode(&cbor(&Cbor::Map(claims)), Format::Cose, &Reading::default()).unwrap();
        let message = block_on(self.module.party(&[]).seal(&token, Format::Cose)).unwrap();
        element(0x04, &cbor(&Cbor::Array(vec![263.into(), Cbor::Bytes(message.wire().to_vec())])))
    }

    fn bundle(&self, statements: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let statements: Vec<AttestationStatement> =
            statements.iter().map(|(kind, der)| AttestationStatement { kind: EvidenceType::new(*kind).unwrap(), der: der.clone() }).collect();
        AttestationBundle::new(&statements, core::slice::from_ref(&self.module.certificate)).unwrap().der().to_vec()
    }

    fn under_vendor(&self) -> Options {
        anchored([self.vendor.certificate.clone()])
    }
}

fn cbor(value: &Cbor) -> Vec<u8> {
    let mut octets = Vec::new();
    ciborium::into_writer(value, &mut octets).unwrap();
    octets
}

fn pem(octets: &[u8]) -> String {
    format!("-----BEGIN EVIDENCE-----\n{}\n-----END EVIDENCE-----\n", base64(octets))
}

#[test]
fn key_attestation_is_shown_claim_for_claim_and_verified_under_its_vendor() {
    let scene = Scene::new();
    let der = scene.evidence();
    for octets in [der.as_slice(), pem(&der).as_bytes()] {
        let shown = inspect(octets, &scene.under_vendor());
        assert_eq!((shown.kind, told(&shown)), (Kind::KeyAttestation, vec![]));
        assert_eq!((shown.value("1 platform/dbgstat"), shown.value("2 key/local")), (Some(&"3 (disabled permanently)".into()), Some(&true.into())));
        assert_eq!(shown.value("2 key/spki-sha256"), Some(&scene.key.public_key().digest().to_string().into()));
        assert_eq!(shown.value("2 key/identifier"), Some(&"k\u{fffd}1".into()));
        assert!(shown.is_verified(&scene.under_vendor()), "{shown}");
        assert_eq!(shown.signatures[0].by, "CN=HSM 7");
        let stranger = anchored([Entity::root("stranger").certificate]);
        assert!(!inspect(octets, &stranger).is_verified(&stranger));
    }
}

#[test]
fn changed_evidence_is_verified_under_no_anchor_and_without_any() {
    let scene = Scene::new();
    let mut der = scene.evidence();
    let local = der.windows(3).position(|octets| octets == [1, 1, 0xff]).unwrap();
    der[local + 2] = 0;
    for options in [plain(), scene.under_vendor()] {
        let shown = inspect(&der, &options);
        assert!(matches!(shown.signatures[0].check, Check::Wrong { .. }) && !shown.is_verified(&options), "{shown}");
    }
}

#[test]
fn evidence_of_a_key_that_may_not_attest_is_told() {
    let scene = Scene::new();
    let server = scene.vendor.issue("a server", SignatureAlgorithm::Es256, |t| t);
    assert_told(&inspect(&scene.evidence_by(&server), &scene.under_vendor()), &["whose certificate lacks the extended key usage id-kp-attestationKey"]);
}

#[test]
fn evidence_without_signature_or_in_disorder_is_told() {
    let der = Scene::new().evidence();
    let (content, _) = super::der::value(&der).unwrap();
    let tbs = &content[..content.len() - super::der::value(content).unwrap().1.len()];
    let unsigned = element(0x30, &[tbs, &element(0x30, &[])].concat());
    let shown = inspect(&unsigned, &plain());
    assert_told(&shown, &["it bears no signature"]);
    assert!(!shown.is_verified(&anchored([Entity::root("CA").certificate])));
    let cut = element(0x30, &[tbs, &element(0x30, &element(0x30, &[]))].concat());
    assert_eq!(inspect(&cut, &plain()).kind, Kind::KeyAttestation);
    assert_told(&inspect(&cut, &plain()), &["PKIX key attestation is not valid DER"]);
    assert_told(&inspect(pem(&element(0x30, &[])).as_bytes(), &plain()), &["PKIX key attestation is not valid DER"]);
}

#[test]
fn bundle_is_shown_statement_for_statement_and_each_is_verified() {
    let scene = Scene::new();
    let der = scene.bundle(&[(KeyAttestation::KIND, scene.evidence()), (ID_PE_CMW, scene.wrapped(None))]);
    let shown = inspect(&der, &scene.under_vendor());
    assert_eq!((shown.kind, told(&shown), shown.value("statements")), (Kind::AttestationBundle, vec![], Some(&2.into())));
    let inside: Vec<(&str, Kind)> = shown.nested.iter().map(|nested| (nested.name.as_str(), nested.inspection.kind)).collect();
    let expected = [("statement 1", Kind::KeyAttestation), ("statement 2", Kind::EntityAttestationToken), ("certificate 1", Kind::Certificate)];
    assert_eq!(inside, expected);
    assert_eq!(shown.nested[1].inspection.value("dbgstat"), Some(&"1 (disabled)".into()));
    assert!(shown.is_verified(&scene.under_vendor()), "{shown}");
}

#[test]
fn statement_that_nobody_here_can_read_leaves_a_bundle_unverified() {
    let scene = Scene::new();
    let certificate = scene.vendor.certificate.der().to_vec();
    let der = scene.bundle(&[
        (KeyAttestation::KIND, scene.evidence()),
        ("1.2.3.4", element(0x04, &[7])),
        (ID_PE_CMW, element(0x04, &[0xa0])),
        ("1.2.3.5", certificate),
        ("1.2.3.6", scene.evidence()),
    ]);
    let shown = inspect(&der, &scene.under_vendor());
    assert!(!shown.is_verified(&scene.under_vendor()), "{shown}");
    let looks = |index: usize| shown.nested[index].inspection.value("looks-like").cloned();
    assert_eq!(looks(1), Some("a statement of type 1.2.3.4, 3 octets".into()));
    assert!(looks(3).is_some_and(|looks| looks.to_string().contains("a statement of type 1.2.3.5")));
    assert_eq!(shown.nested[4].inspection.kind, Kind::KeyAttestation);
    assert_eq!(looks(2), Some("a conceptual message wrapper around a collection of several messages".into()));
}

#[test]
fn provenance_statement_in_a_wrapper_stays_one() {
    let scene = Scene::new();
    let shown = inspect(&scene.bundle(&[(ID_PE_CMW, scene.wrapped(Some(PROFILE)))]), &plain());
    assert_ne!(shown.nested[0].inspection.kind, Kind::EntityAttestationToken);
}

#[test]
fn request_shows_its_attestation_and_the_old_layout_is_told() {
    let scene = Scene::new();
    let request = |attestation: Vec<u8>| {
        let wish = Wish { attestation: Some(attestation), ..Wish::default() };
        inspect(&block_on(request_wishing(&Subject::common_name("p").to_der(), &wish, &scene.key)).unwrap(), &scene.under_vendor())
    };
    let shown = request(scene.bundle(&[(KeyAttestation::KIND, scene.evidence())]));
    assert_eq!((shown.kind, shown.nested[0].name.as_str()), (Kind::CertificationRequest, "attestation"));
    assert_eq!(shown.nested[0].inspection.nested[0].inspection.value("2 key/local"), Some(&true.into()));
    assert!(shown.is_verified(&scene.under_vendor()));
    let old = element(0x30, &[element(0x06, &[0x2a, 3, 4]), element(0x30, &[]), element(0x16, b"verifier")].concat());
    assert_told(&request(element(0x30, &element(0x30, &old))), &["with a hint after it (IA5String), as in the draft's earlier EvidenceBundle"]);
}
