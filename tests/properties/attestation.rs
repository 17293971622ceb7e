//! Evidence, whatever it says and whatever is done to it.

use std::sync::LazyLock;

use brski_common::evidence::{
    AttestationBundle, AttestationStatement, Authorities, Authority, Claim, Claims, Element, ElementKind, Expected, KeyAttestation, Outcome, Value, appraise,
};
use brski_common::issuing::{Subject, Template, never};
use brski_common::provenance::{Basis, Evidence, EvidenceType};
use brski_common::sign::{Signer as _, SoftwareKey};
use brski_common::time::at;
use brski_common::{Anchors, Certificate, SignatureAlgorithm};
use proptest::prelude::*;

use crate::config;
use crate::edits::{apply, edit};
use crate::support::{NOW, block_on};

/// A module and its vendor, and a key in it.
struct Scene {
    vendor: Certificate,
    module: Certificate,
    attestation_key: SoftwareKey,
    key: SoftwareKey,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let [ca, attestation_key, key] = [(); 3].map(|()| SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().0);
    let template = |name: &str, key: &SoftwareKey| Template::new(Subject::common_name(name), key.public_key(), [7; 16], at(NOW - 1), never());
    let vendor = block_on(template("vendor", &ca).ca(None).self_signed(&ca)).unwrap();
    let module = template("module", &attestation_key).usages(&[KeyAttestation::ATTESTATION_KEY_USAGE]);
    let module = block_on(module.issued_by(&vendor, &ca)).unwrap();
    Scene { vendor, module, attestation_key, key }
});

impl Scene {
    fn attest(&self, elements: &[Element]) -> KeyAttestation {
        block_on(KeyAttestation::make(elements, core::slice::from_ref(&self.module), &self.attestation_key)).unwrap()
    }

    /// What holds of this evidence for the key.
    fn held(&self, kind: &str, der: &[u8]) -> Vec<Claims> {
        let anchors = Anchors::new([self.vendor.clone()]).unwrap();
        let authorities =
            Authorities::new([Authority { name: "vendor".to_owned(), anchors, basis: Basis::HsmAttested, locus: None, unmarked_attestation_keys: false }]);
        let evidence = Evidence { kind: EvidenceType::new(kind).unwrap(), data: der.to_vec() };
        let found = appraise(&evidence, &Expected { key: self.key.public_key(), nonce: None }, &authorities, at(NOW));
        found.into_iter().filter_map(|one| if let Outcome::Holds(claims) = one.outcome { Some(*claims) } else { None }).collect()
    }

    fn key_element(&self, claims: Vec<Claim>) -> Element {
        let spki = Claim::new("spki", Value::Octets(self.key.public_key().spki().to_vec()));
        Element { kind: ElementKind::Key, claims: [vec![Claim::new("identifier", Value::Text("k".to_owned())), spki], claims].concat() }
    }
}

fn flags() -> impl Strategy<Value = Vec<Claim>> {
    let flag = |name: &'static str| prop::option::of(any::<bool>().prop_map(move |flag| Claim::new(name, Value::Boolean(flag))));
    (flag("extractable"), flag("sensitive"), flag("never-extractable"), flag("local")).prop_map(|(e, s, n, l)| [e, s, n, l].into_iter().flatten().collect())
}

fn platform() -> impl Strategy<Value = Element> {
    let octets = || prop::collection::vec(any::<u8>(), 0..40);
    let claims = (octets(), "\\PC{0,20}", any::<i64>(), 0..253_402_300_800_u64, prop::option::of(octets()));
    claims.prop_map(|(hwmodel, vendor, uptime, time, other)| {
        let unknown = other.map(|octets| [&[0x04, octets.len() as u8][..], &octets].concat());
        let claims = vec![
            Claim::new("hwmodel", Value::Octets(hwmodel)),
            Claim::new("vendor", Value::Text(vendor)),
            Claim::new("uptime", Value::Integer(uptime)),
            Claim::new(&format!("2.25.{time}"), Value::Other(unknown)),
        ];
        Element { kind: ElementKind::Platform, claims }
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn evidence_comes_back_as_it_was_made_and_holds(platform in platform(), flags in flags(), time in 0..253_402_300_800_u64) {
        let transaction = Element { kind: ElementKind::Transaction, claims: vec![Claim::new("timestamp", Value::Time(at(time)))] };
        let elements = [transaction, platform, SCENE.key_element(flags)];
        let made = SCENE.attest(&elements);
        let read = KeyAttestation::from_der(made.der()).unwrap();
        prop_assert_eq!(read.elements(), &elements[..]);
        prop_assert_eq!(SCENE.held(KeyAttestation::KIND, made.der()).len(), 1);
    }

    #[test]
    fn bundle_comes_back_as_it_was_made(arcs in prop::collection::vec(any::<u128>(), 1..3), octets in prop::collection::vec(any::<u8>(), 0..100), count in 1..16_usize) {
        let arcs = arcs.iter().map(|arc| (arc >> 1).to_string()).collect::<Vec<_>>().join(".");
        let statement = AttestationStatement { kind: EvidenceType::new(format!("1.3.{arcs}")).unwrap(), der: [&[0x04, octets.len() as u8][..], &octets].concat() };
        let statements = vec![statement; count];
        let made = AttestationBundle::new(&statements, core::slice::from_ref(&SCENE.module)).unwrap();
        let read = AttestationBundle::from_der(made.der()).unwrap();
        prop_assert_eq!((read.statements(), read.certificates()), (&statements[..], core::slice::from_ref(&SCENE.module)));
    }

    #[test]
    fn evidence_with_mistakes_says_the_same_or_nothing(edits in prop::collection::vec(edit(), 1..4)) {
        let said = vec![Claim::new("local", Value::Boolean(true)), Claim::new("extractable", Value::Boolean(false))];
        let evidence = SCENE.attest(&[SCENE.key_element(said)]);
        let statement = AttestationStatement { kind: EvidenceType::new(KeyAttestation::KIND).unwrap(), der: evidence.der().to_vec() };
        let bundle = AttestationBundle::new(&[statement], core::slice::from_ref(&SCENE.module)).unwrap();
        let good = SCENE.held(AttestationBundle::KIND, bundle.der());
        prop_assert_eq!(good.len(), 1);
        let mut octets = bundle.der().to_vec();
        edits.iter().for_each(|edit| apply(&mut octets, edit));
        for held in SCENE.held(AttestationBundle::KIND, &octets) {
            prop_assert_eq!(&held, &good[0]);
        }
    }
}
