//! Manifests of a test vendor, imported whole and broken.

mod lists;

use core::ops::ControlFlow;
use std::io::{Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use brski_common::evidence::{Authorities, Authority, WithdrawnSigner};
use brski_common::issuing::Subject;
use brski_common::provenance::{Finding, FindingResult};
use brski_common::{Anchors, DeviceId};

use super::super::{Import, Outcome};
use super::*;
use crate::ledger::{Ledger, MemoryLedger};
use crate::manufacture::Station;
use crate::masa::{Masa, Want};
use crate::testing::{Entity, Maker, NOW, Pledge, block_on, memory};

/// A manufacturer that buys elements, and their vendor.
struct World {
    maker: Maker,
    logistics: Entity,
    ledger: Arc<MemoryLedger>,
}

const FULL: Delivery = Delivery { se_generation: None, ca_arrangement: Some(CaArrangement::SiliconGeneric), slot: None };

impl World {
    fn new() -> Self {
        let logistics = Entity::root("Silicon vendor CA").issue(Subject::common_name("Logistics 1"), |template| template);
        Self { maker: Maker::new(), logistics, ledger: memory() }
    }

    fn authorities(&self) -> Authorities {
        let anchors = Anchors::new([self.logistics.certificate.clone()]).unwrap();
        Authorities::new([Authority {
            name: "silicon vendor".to_owned(),
            anchors,
            basis: Basis::SeVendorAttested,
            locus: None,
            unmarked_attestation_keys: false,
        }])
    }

    /// Its station may claim the vendor's word.
    fn masa(&self, authorities: Authorities) -> Masa {
        self.masa_that(false, authorities)
    }

    /// Its station may claim it without the vendor's having said so, or may not.
    fn masa_that(&self, without_evidence: bool, authorities: Authorities) -> Masa {
        let mut parts = self.maker.parts(Arc::clone(&self.ledger) as Arc<dyn Ledger>);
        let stations = self.maker.stations().into_iter();
        parts.stations = stations.map(|station| Station { bases: vec![Basis::SeVendorAttested], without_evidence, ..station }).collect();
        Masa::new(parts).with_authorities(authorities)
    }

    fn content(&self, id: &str, keys: Vec<ElementKey>) -> SecureElement {
        SecureElement {
            unique_id: text(id),
            model: text("SE-1"),
            part_number: None,
            manufacturer: Some(text("Silicon vendor")),
            provisioner: None,
            group: Some(text("reel 7")),
            provisioned_at: Some(NOW),
            keys,
        }
    }

    fn signed(&self, content: &SecureElement) -> Vec<u8> {
        block_on(ManifestElement::make(content, &self.logistics.certificate, &self.logistics.key)).unwrap().octets().to_vec()
    }

    /// An element in which this device's key is.
    fn element(&self, id: &str, pledge: &Pledge) -> Vec<u8> {
        self.signed(&self.content(id, vec![held("0", pledge)]))
    }

    fn told(&self, masa: &Masa, delivery: &Delivery, manifest: impl Into<Vec<u8>>) -> Vec<String> {
        let (station, mut told) = (self.maker.station_party(), Vec::new());
        let import = Import::new(masa, Want::Record).signing_as(&station).of_delivery(delivery);
        let flow = import.run("reel", Cursor::new(manifest.into()), &mut |outcome| {
            told.push(shown(outcome));
            ControlFlow::Continue(())
        });
        assert_eq!(flow, ControlFlow::Continue(()));
        told
    }

    fn origin_of(&self, device: &DeviceId) -> (KeyOrigin, Vec<Finding>) {
        let history = block_on(self.ledger.history(device)).unwrap().unwrap();
        let record = history.record().unwrap();
        (record.origin.clone(), record.findings.clone())
    }

    /// What is said of one element.
    fn refused(&self, delivery: &Delivery, element: &[u8]) -> String {
        self.told(&self.masa(self.authorities()), delivery, array(&[element])).join("; ")
    }
}

fn shown(Outcome { place, result }: Outcome) -> String {
    match result {
        Ok(recorded) => format!("{place}: {}{}", recorded.device.serial, if recorded.repeated { " again" } else { "" }),
        Err(failure) => format!("{place}: {failure}"),
    }
}

fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

fn held(slot: &str, pledge: &Pledge) -> ElementKey {
    let certificate = &pledge.0.certificate;
    ElementKey { slot: text(slot), key: Some(certificate.public_key()), certificates: vec![certificate.clone()] }
}

fn array(elements: &[&[u8]]) -> Vec<u8> {
    [&b"[\n  "[..], &elements.join(&b",\n  "[..]), b"\n]\n"].concat()
}

#[test]
fn elements_are_recorded_as_sapodilla_on_the_vendor_s_word_each_with_its_own_octets() {
    let world = World::new();
    let (one, two) = (world.maker.pledge("A"), world.maker.pledge("B"));
    let (first, second) = (world.element("01", &one), world.element("02", &two));
    let masa = world.masa(world.authorities());
    assert_eq!(world.told(&masa, &FULL, array(&[&first, &second])), ["reel, line 1: A", "reel, line 2: B"]);
    let (origin, findings) = world.origin_of(&two.device());
    let expected = KeyOrigin {
        ca_arrangement: Some(CaArrangement::SiliconGeneric),
        silicon_vendor: Some(text("Silicon vendor")),
        batch: Some(text("reel 7")),
        evidence: vec![ManifestElement::from_json(&second).unwrap().to_evidence().unwrap()],
        ..KeyOrigin::new(Method::Sapodilla, Source::Unknown, Protection::Unknown, Locus::Unknown, Basis::SeVendorAttested, NOW)
    };
    assert_eq!(origin, expected);
    let finding = Finding {
        kind: expected.evidence[0].kind.clone(),
        result: FindingResult::Supports,
        attester: Some("silicon vendor (CN=Logistics 1)".to_owned()),
        basis: Some(Basis::SeVendorAttested),
    };
    assert_eq!(findings, [finding]);
    assert_eq!(world.told(&masa, &FULL, array(&[&first, &second])), ["reel, line 1: A again", "reel, line 2: B again"]);
}

#[test]
fn injected_keys_are_loaded_ones_that_came_into_being_in_the_vendor_s_factory() {
    let world = World::new();
    let pledge = world.maker.pledge("A");
    let masa = world.masa_that(true, world.authorities());
    let delivery = Delivery { se_generation: Some(SecureElementGeneration::Injected), ..FULL };
    assert_eq!(world.told(&masa, &delivery, array(&[&world.element("01", &pledge)])), ["reel, line 1: A"]);
    let (origin, _) = world.origin_of(&pledge.device());
    assert_eq!((origin.source, origin.locus), (Source::Loaded, Locus::SiliconFactory));
}

#[test]
fn generation_that_an_operator_typed_is_not_the_vendor_s_word() {
    let world = World::new();
    let pledge = world.maker.pledge("A");
    let manifest = array(&[&world.element("01", &pledge)]);
    for generation in [SecureElementGeneration::Internal, SecureElementGeneration::Injected] {
        let typed = Delivery { se_generation: Some(generation), ..FULL };
        let told = world.told(&world.masa(world.authorities()), &typed, manifest.clone());
        assert!(told[0].contains("basis se-vendor-attested is claimed, but no evidence of the report grounds it"), "{told:?}");
    }
    let typed = Delivery { se_generation: Some(SecureElementGeneration::Internal), ..FULL };
    assert_eq!(world.told(&world.masa_that(true, world.authorities()), &typed, manifest), ["reel, line 1: A"]);
    let (origin, findings) = world.origin_of(&pledge.device());
    assert_eq!((origin.source, origin.locus, findings[0].result), (Source::GeneratedOnDevice, Locus::SecureElement, FindingResult::Silent));
}

#[test]
fn what_nobody_says_is_not_guessed() {
    let world = World::new();
    let pledge = world.maker.pledge("A");
    let said = world.refused(&Delivery::default(), &world.element("01", &pledge));
    assert!(said.ends_with("method is sapodilla, so ca-arrangement must say whose CA certified the element"), "{said}");
    let masa = world.masa(world.authorities());
    let delivery = Delivery { se_generation: None, ..FULL };
    assert_eq!(world.told(&masa, &delivery, array(&[&world.element("01", &pledge)])), ["reel, line 1: A"]);
    let (origin, _) = world.origin_of(&pledge.device());
    assert_eq!((origin.source, origin.se_generation), (Source::Unknown, None));
}

#[test]
fn one_bad_element_does_not_keep_the_others_out() {
    let world = World::new();
    let (one, two) = (world.maker.pledge("A"), world.maker.pledge("B"));
    let (good, also_good) = (world.element("01", &one), world.element("03", &two));
    let changed = String::from_utf8(world.element("02", &two)).unwrap().replace("\"uniqueId\":\"02\"", "\"uniqueId\":\"99\"");
    let stranger = World::new();
    let forged = stranger.element("04", &two);
    let long = format!("{{\"payload\":\"{}\"}}", "A".repeat(ManifestElement::LARGEST));
    let told = world.told(&world.masa(world.authorities()), &FULL, array(&[&good, changed.as_bytes(), &forged, long.as_bytes(), b"{}", &also_good]));
    let thumbprint = stranger.logistics.certificate.fingerprint();
    let expected = [
        "reel, line 1: A".to_owned(),
        "reel, line 2: the element cannot be read: uniqueId in the unprotected header of the manifest element is '99', expected that which is signed, or absent".to_owned(),
        format!(
            "reel, line 3: element 04: the signer of the secure-element manifest cannot be identified: it needs the certificate with the SHA-256 thumbprint {thumbprint} \
             among the anchors of an authority for evidence, and none of them has it"
        ),
        "reel, line 4: the element is longer than 16384 octets".to_owned(),
        "reel, line 5: the element cannot be read: manifest element is not valid JSON of a JWS in flattened serialization: missing field `payload` at line 1 column 2"
            .to_owned(),
        "reel, line 6: B".to_owned(),
    ];
    assert_eq!(told, expected);
}

#[test]
fn manifest_that_breaks_off_leaves_the_elements_before_it() {
    let world = World::new();
    let pledge = world.maker.pledge("A");
    let mut manifest = array(&[&world.element("01", &pledge), &world.element("02", &pledge)]);
    manifest.truncate(manifest.len() - 100);
    let told = world.told(&world.masa(world.authorities()), &FULL, manifest);
    assert_eq!(told, ["reel, line 1: A", "reel, line 2: the manifest breaks off before its array ends; it and what follows it were not read"]);
}

#[test]
fn slot_must_be_named_where_several_certificates_could_be_the_idevid() {
    let world = World::new();
    let (one, two) = (world.maker.pledge("A"), world.maker.pledge("B"));
    let element = world.signed(&world.content("01", vec![held("0", &one), held("2", &two)]));
    let in_slot = |slot: Option<&str>| world.refused(&Delivery { slot: slot.map(text), ..FULL }, &element);
    let several = "reel, line 1: element 01: there are certificates in the slots 0, 2, and --slot has to say which of them is the IDevID";
    assert_eq!(in_slot(None), several);
    assert_eq!(in_slot(Some("2")), "reel, line 1: B");
    assert_eq!(in_slot(Some("3")), "reel, line 1: element 01: there is no certificate in slot 3, only in 0, 2");
}

#[test]
fn element_that_lacks_what_a_report_needs_is_refused_with_its_name() {
    let world = World::new();
    let pledge = world.maker.pledge("A");
    let (bare, content) = (ElementKey { certificates: vec![], ..held("0", &pledge) }, world.content("01", vec![held("0", &pledge)]));
    let no_idevid = Pledge(world.maker.issuing.issue(Subject::common_name("0123"), |template| template));
    let said = |content: SecureElement| world.refused(&FULL, &world.signed(&content));
    assert_eq!(said(world.content("01", vec![bare])), format!("reel, line 1: element 01: {NO_CERTIFICATE}"));
    assert_eq!(said(world.content("01", vec![])), format!("reel, line 1: element 01: {NO_CERTIFICATE}"));
    let undated = "reel, line 1: element 01: provisioningTimestamp is missing, so that nobody says when its keys were made";
    assert_eq!(said(SecureElement { provisioned_at: None, ..content }), undated);
    let nameless = said(world.content("01", vec![held("0", &no_idevid)]));
    assert!(nameless.starts_with("reel, line 1: idevid: element 01: ") && nameless.contains("serialNumber"), "{nameless}");
}

#[test]
fn withdrawn_logistics_key_is_refused_by_name() {
    let world = World::new();
    let withdrawn = WithdrawnSigner { certificate: world.logistics.certificate.clone(), since: NOW, reason: Some(text("stolen")) };
    let masa = world.masa(world.authorities().withdrawing([withdrawn]));
    let told = world.told(&masa, &FULL, array(&[&world.element("01", &world.maker.pledge("A"))]));
    let expected = "reel, line 1: element 01: the secure-element manifest is signed with the key of 'CN=Logistics 1', which was withdrawn on 2026-09-21T14:13:20Z (stolen)";
    assert_eq!(told, [expected]);
}

#[test]
fn authority_for_another_basis_does_not_ground_the_vendor_s_word() {
    let world = World::new();
    let other = world.authorities().iter().map(|authority| Authority { basis: Basis::KeyAttestation, ..authority.clone() }).collect::<Vec<_>>();
    let told = world.told(&world.masa(Authorities::new(other)), &FULL, array(&[&world.element("01", &world.maker.pledge("A"))]));
    assert!(told[0].contains("se-vendor-attested"), "{told:?}");
}

#[test]
fn manifest_without_a_station_s_key_at_hand_is_told_what_it_lacks() {
    let world = World::new();
    let (masa, mut told) = (world.masa(world.authorities()), Vec::new());
    let manifest = array(&[&world.element("01", &world.maker.pledge("A"))]);
    let flow = Import::new(&masa, Want::Record).run("reel", Cursor::new(manifest), &mut |outcome| {
        told.push(shown(outcome));
        ControlFlow::Continue(())
    });
    assert!(flow.is_continue() && told.len() == 1 && told[0].contains("it bears no signature of a station"), "{told:?}");
}

/// A manifest that is made while it is read, of elements that say nothing.
struct Endless {
    count: usize,
    made: Arc<AtomicUsize>,
    at_hand: Vec<u8>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let made = self.made.load(Ordering::Relaxed);
        if self.at_hand.is_empty() && made < self.count {
            self.made.store(made + 1, Ordering::Relaxed);
            let end = if made + 1 == self.count { "]" } else { "," };
            // Padded, so that no buffer holds many of them.
            self.at_hand = format!("{{{}}}{end}", " ".repeat(8000)).into_bytes();
        }
        let taken = self.at_hand.len().min(buffer.len());
        buffer[..taken].copy_from_slice(&self.at_hand[..taken]);
        self.at_hand.drain(..taken);
        Ok(taken)
    }
}

#[test]
fn manifest_is_told_while_it_is_read_so_that_memory_does_not_grow_with_it() {
    let world = World::new();
    let (masa, station, count) = (world.masa(world.authorities()), world.maker.station_party(), 30_000);
    let made = Arc::<AtomicUsize>::default();
    let input = Endless { count, at_hand: b"[".to_vec(), made: Arc::clone(&made) };
    let (mut told, mut furthest) = (0, 0);
    let flow = Import::new(&masa, Want::Record).signing_as(&station).of_delivery(&FULL).run("reel", input, &mut |outcome| {
        assert_eq!((outcome.place.line, outcome.result.is_err()), (Some(told as u64 + 1), true));
        furthest = furthest.max(made.load(Ordering::Relaxed) - told);
        told += 1;
        ControlFlow::Continue(())
    });
    assert_eq!((flow, told), (ControlFlow::Continue(()), count));
    // One group that is being recorded, the next that is verified, and what the queues between hold.
    assert!(furthest < count / 2, "{furthest} elements were read and not yet told of");
}
