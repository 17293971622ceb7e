//! From a module's word to the owner's door: the MASA appraises evidence, its statement tells what it came to, and the owner's policy asks for that.

use brski_common::evidence::{Authorities, Authority as Vouching, Claim, Element, ElementKind, KeyAttestation, Value};
use brski_common::issuing::Subject;
use brski_common::provenance::{Basis, Evidence, FindingResult};
use brski_common::{Anchors, Format, KeyOrigin, Leniencies, ManufactureReport, Method, Policy, Signer as _};
use brski_masa::{Error, Masa, Recorded};

use crate::support::{Authority, Device, World, new_key, onboard, origin, template};

/// Admits keys for which the MASA checked supporting evidence, and no others.
const ON_EVIDENCE: &str =
    "version = 1\nmode = \"enforce\"\n[[rule]]\nname = \"on-evidence\"\nbasis = [\"key-attestation\"]\nevidence = [\"supports\"]\nthen = \"accept\"\n";

/// What a module of this vendor says of the device's key: whether it made it.
async fn said(vendor: &Authority, device: &Device, local: bool) -> Evidence {
    let key = new_key();
    let chain = vendor.issue(template(Subject::common_name("module 7"), &key).usages(&[KeyAttestation::ATTESTATION_KEY_USAGE])).await;
    let claim = |name: &str, value| Claim { name: name.to_owned(), value };
    let claims = vec![
        claim("identifier", Value::Text("idevid".to_owned())),
        claim("spki", Value::Octets(device.key.public_key().spki().to_vec())),
        claim("extractable", Value::Boolean(false)),
        claim("sensitive", Value::Boolean(true)),
        claim("never-extractable", Value::Boolean(true)),
        claim("local", Value::Boolean(local)),
    ];
    KeyAttestation::make(&[Element { kind: ElementKind::Key, claims }], &chain, &key).await.unwrap().to_evidence().unwrap()
}

fn attested(evidence: Vec<Evidence>) -> KeyOrigin {
    KeyOrigin { basis: Basis::KeyAttestation, evidence, ..origin(Method::Salak) }
}

/// The station, which may claim the basis, reports the device to a MASA to which this vendor's word counts.
async fn report(world: &World, vendor: &Authority, device: &Device, origin: KeyOrigin, without_evidence: bool) -> Result<Recorded, Error> {
    let mut parts = world.maker.parts.clone();
    parts.stations[0].bases.push(Basis::KeyAttestation);
    parts.stations[0].without_evidence = without_evidence;
    let anchors = Anchors::new([vendor.anchor()]).unwrap();
    let vendor = Vouching { name: "Silicon Ltd".to_owned(), anchors, basis: Basis::KeyAttestation, locus: None, unmarked_attestation_keys: false };
    let report = ManufactureReport { idevid: device.idevid(), origin: Some(origin) };
    let report = world.maker.station.seal(&report, Format::Jws).await.unwrap();
    Masa::new(parts).with_authorities(Authorities::new([vendor])).record(&report).await
}

fn told(recorded: &Recorded) -> Option<FindingResult> {
    recorded.statement.as_ref().unwrap().peek_unverified(Leniencies::default()).unwrap().evidence
}

#[tokio::test]
async fn supporting_evidence_opens_the_door_of_an_owner_who_asks_for_it() {
    let (mut world, vendor) = (World::new().await, Authority::root("Silicon Ltd").await);
    world.owner.parts.policy = Policy::from_toml(ON_EVIDENCE).unwrap();
    world.owner.restart();
    let device = world.maker.certify("S-1").await;
    let evidence = said(&vendor, &device, true).await;
    let recorded = report(&world, &vendor, &device, attested(vec![evidence]), false).await.unwrap();
    assert_eq!(told(&recorded), Some(FindingResult::Supports));
    onboard(&device, &world.owner, &world.hand).await.succeeded();
}

#[tokio::test]
async fn the_same_basis_on_the_stations_word_does_not() {
    let (mut world, vendor) = (World::new().await, Authority::root("Silicon Ltd").await);
    world.owner.parts.policy = Policy::from_toml(ON_EVIDENCE).unwrap();
    world.owner.restart();
    let device = world.maker.certify("S-1").await;
    let recorded = report(&world, &vendor, &device, attested(Vec::new()), true).await.unwrap();
    assert_eq!(told(&recorded), None);
    let (status, sentence) = onboard(&device, &world.owner, &world.hand).await.refusal();
    assert_eq!(status, 406, "{sentence}");
    assert!(sentence.contains("supported by evidence that its manufacturer checked"), "{sentence}");
}

#[tokio::test]
async fn contradicting_evidence_leaves_nothing_on_record() {
    let (world, vendor) = (World::new().await, Authority::root("Silicon Ltd").await);
    let device = world.maker.certify("S-1").await;
    let before = world.recorded();
    let evidence = said(&vendor, &device, false).await;
    let refused = report(&world, &vendor, &device, attested(vec![evidence]), true).await.unwrap_err();
    let sentence = refused.to_string();
    assert!(sentence.contains("says that the key was put in, but source is generated-on-device"), "{sentence}");
    assert_eq!(world.recorded(), before);
}
