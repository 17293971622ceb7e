//! Elements that a test vendor signed, and what is made of them.

use serde_json::{Value, json};

use super::*;
use crate::codec::{base64, base64url, unbase64url};
use crate::evidence::{Agreement, Appraised, WithdrawnSigner, agree};
use crate::provenance::{Basis, CaArrangement, KeyOrigin, Locus, Method, SecureElementGeneration, Source};
use crate::sign::Signer as _;
use crate::test_pki::{Entity, NOW, block_on, new_key, now};
use crate::time::at;

struct Scene {
    logistics: Entity,
    devices: Entity,
    element: Entity,
    authorities: Authorities,
}

fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

fn held(slot: &str, entity: &Entity, above: &[&Entity]) -> ElementKey {
    let certificates = core::iter::once(entity).chain(above.iter().copied()).map(|entity| entity.certificate.clone()).collect();
    ElementKey { slot: text(slot), key: Some(entity.certificate.public_key()), certificates }
}

fn authority(anchor: &Entity) -> Authority {
    let anchors = crate::chain::Anchors::new([anchor.certificate.clone()]).unwrap();
    Authority { name: "silicon vendor".to_owned(), anchors, basis: Basis::SeVendorAttested, locus: None, unmarked_attestation_keys: false }
}

impl Scene {
    fn new() -> Self {
        let vendor = Entity::root("Silicon vendor CA");
        let logistics = vendor.issue("Logistics 1", SignatureAlgorithm::Es256, |template| template);
        let devices = Entity::root("Element CA");
        let element = devices.issue("0123f1822c38dd7a01", SignatureAlgorithm::Es256, |template| template);
        Self { authorities: Authorities::new([authority(&logistics)]), logistics, devices, element }
    }

    fn content(&self) -> SecureElement {
        SecureElement {
            unique_id: text("0123f1822c38dd7a01"),
            model: text("SE-1"),
            part_number: Some(text("SE-1-TLS")),
            manufacturer: Some(text("Silicon vendor")),
            provisioner: None,
            group: Some(text("reel 7")),
            provisioned_at: Some(at(NOW - 1000)),
            keys: vec![held("0", &self.element, &[&self.devices])],
        }
    }

    fn made(&self, content: &SecureElement) -> ManifestElement {
        block_on(ManifestElement::make(content, &self.logistics.certificate, &self.logistics.key)).unwrap()
    }

    /// The element after a change to its JSON, signed anew over payload and header where those were changed.
    fn edited(&self, header: impl FnOnce(&mut Value), payload: impl FnOnce(&mut Value)) -> Vec<u8> {
        let mut jws: Value = serde_json::from_slice(self.made(&self.content()).octets()).unwrap();
        let part = |name: &str| serde_json::from_slice::<Value>(&unbase64url("part", jws[name].as_str().unwrap()).unwrap()).unwrap();
        let (mut protected, mut said) = (part("protected"), part("payload"));
        header(&mut protected);
        payload(&mut said);
        let (protected, said) = (base64url(protected.to_string().as_bytes()), base64url(said.to_string().as_bytes()));
        let signature = block_on(self.logistics.key.sign(format!("{protected}.{said}").as_bytes())).unwrap();
        (jws["protected"], jws["payload"], jws["signature"]) = (protected.into(), said.into(), base64url(signature.fixed()).into());
        jws.to_string().into_bytes()
    }

    fn appraised(&self, octets: &[u8]) -> Outcome {
        self.appraised_by(octets, &self.authorities)
    }

    fn appraised_by(&self, octets: &[u8], authorities: &Authorities) -> Outcome {
        let evidence = Evidence { kind: EvidenceType::new(ManifestElement::KIND).unwrap(), data: octets.to_vec() };
        let expected = Expected { key: &self.element.certificate.public_key(), nonce: None };
        let mut found = super::super::appraise(&evidence, &expected, authorities, now());
        let Some(Appraised { outcome, .. }) = found.pop() else { panic!("nothing was said") };
        assert_eq!(found, []);
        outcome
    }

    /// What is refused, in a sentence.
    fn refused(&self, octets: &[u8]) -> String {
        refused(self.appraised(octets))
    }

    fn claims(&self) -> Claims {
        let Outcome::Holds(claims) = self.appraised(self.made(&self.content()).octets()) else { panic!("it should hold") };
        *claims
    }
}

fn refused(outcome: Outcome) -> String {
    let Outcome::Refused(err) = outcome else { panic!("{outcome:?}") };
    crate::text::in_full(&err)
}

fn sapodilla() -> KeyOrigin {
    let origin = KeyOrigin::new(Method::Sapodilla, Source::Unknown, Protection::Unknown, Locus::Unknown, Basis::SeVendorAttested, at(NOW));
    KeyOrigin { ca_arrangement: Some(CaArrangement::SiliconGeneric), ..origin }
}

#[test]
fn element_is_read_back_as_it_was_made_and_its_octets_are_kept() {
    let scene = Scene::new();
    let made = scene.made(&scene.content());
    let read = ManifestElement::from_json(made.octets()).unwrap();
    assert_eq!((read.content(), read.octets(), read.signer()), (&scene.content(), made.octets(), scene.logistics.certificate.fingerprint()));
}

#[test]
fn element_of_the_signer_that_is_an_anchor_holds_and_says_what_was_delivered() {
    let claims = Scene::new().claims();
    let delivered = Made::Delivered(Delivered { se_generation: None, ca_arrangement: None });
    assert_eq!((claims.attester.as_str(), claims.basis, claims.made), ("silicon vendor (CN=Logistics 1)", Basis::SeVendorAttested, delivered));
    assert!(claims.details.contains(&("slot".to_owned(), "0".to_owned())), "{:?}", claims.details);
}

#[test]
fn element_supports_sapodilla_and_contradicts_every_other_method_that_is_said() {
    let (claims, origin) = (Scene::new().claims(), sapodilla());
    assert_eq!(agree(&origin, &claims), Agreement::Supports);
    assert_eq!(agree(&KeyOrigin { method: Method::Unknown, ..origin.clone() }, &claims), Agreement::Silent);
    for method in [Method::Avocado, Method::Bamboo, Method::Carrot, Method::Salak] {
        let sentence = format!(
            "the secure-element manifest of silicon vendor (CN=Logistics 1) says that the secure element was delivered with the key in it, as sapodilla has it, but method is {method}"
        );
        assert_eq!(agree(&KeyOrigin { method, ..origin.clone() }, &claims), Agreement::Contradicts(sentence));
    }
}

#[test]
fn what_a_vendor_says_of_generation_and_arrangement_contradicts_another_report() {
    let delivered = Delivered { se_generation: Some(SecureElementGeneration::Internal), ca_arrangement: Some(CaArrangement::OemOverNetwork) };
    let claims = Claims { made: Made::Delivered(delivered), ..Scene::new().claims() };
    let with = |se_generation, ca_arrangement| agree(&KeyOrigin { se_generation, ca_arrangement, ..sapodilla() }, &claims);
    let says = "the secure-element manifest of silicon vendor (CN=Logistics 1) says that";
    assert_eq!(with(Some(SecureElementGeneration::Internal), Some(CaArrangement::OemOverNetwork)), Agreement::Supports);
    let silent = Claims { made: Made::Delivered(Delivered { se_generation: None, ca_arrangement: None }), ..claims.clone() };
    for (source, se_generation) in [
        (Source::Unknown, Some(SecureElementGeneration::Internal)),
        (Source::Unknown, Some(SecureElementGeneration::Injected)),
        (Source::GeneratedOnDevice, None),
        (Source::Loaded, None),
    ] {
        let typed = KeyOrigin { source, se_generation, ..sapodilla() };
        assert_eq!(agree(&typed, &silent), Agreement::Silent, "what the vendor did not say of {source} and {se_generation:?} it does not support");
    }
    assert_eq!(with(Some(SecureElementGeneration::Unknown), Some(CaArrangement::OemOverNetwork)), Agreement::Supports);
    let injected = with(Some(SecureElementGeneration::Injected), Some(CaArrangement::OemOverNetwork));
    assert_eq!(injected, Agreement::Contradicts(format!("{says} the key was made inside the element, but se-generation is injected")));
    let generic = with(None, Some(CaArrangement::SiliconGeneric));
    assert_eq!(generic, Agreement::Contradicts(format!("{says} ca-arrangement is oem-over-network, but it was reported as silicon-generic")));
}

#[test]
fn element_whose_signer_is_no_anchor_is_refused_and_the_thumbprint_that_is_needed_is_told() {
    let (scene, other) = (Scene::new(), Scene::new());
    let said = scene.refused(other.made(&scene.content()).octets());
    let thumbprint = other.logistics.certificate.fingerprint();
    assert_eq!(
        said,
        format!(
            "the secure-element manifest is not to be trusted: the signer of the secure-element manifest cannot be identified: it needs the certificate with the \
             SHA-256 thumbprint {thumbprint} among the anchors of an authority for evidence, and none of them has it"
        )
    );
}

#[test]
fn another_key_than_the_named_certificate_s_does_not_verify() {
    let (scene, stranger) = (Scene::new(), new_key(SignatureAlgorithm::Es256));
    let forged = block_on(ManifestElement::make(&scene.content(), &scene.logistics.certificate, &stranger)).unwrap();
    let expected =
        "the secure-element manifest is not to be trusted: the signature of the secure-element manifest does not verify with the key of CN=Logistics 1";
    assert_eq!(scene.refused(forged.octets()), expected);
}

#[test]
fn withdrawn_key_is_refused_by_name_from_its_withdrawal_on_whatever_certificate_it_has() {
    let scene = Scene::new();
    let octets = scene.made(&scene.content()).octets().to_vec();
    let again = scene.devices.issue("Logistics 1 again", SignatureAlgorithm::Es256, |template| template);
    let withdrawn = |certificate: &Certificate, since| {
        let withdrawn = WithdrawnSigner { certificate: certificate.clone(), since: at(since), reason: Some(text("stolen")) };
        scene.appraised_by(&octets, &scene.authorities.clone().withdrawing([withdrawn]))
    };
    let expected = "the secure-element manifest is not to be trusted: the secure-element manifest is signed with the key of 'CN=Logistics 1', which was withdrawn on \
                    2026-09-21T14:13:20Z (stolen)";
    assert_eq!(refused(withdrawn(&scene.logistics.certificate, NOW)), expected);
    assert!(matches!(withdrawn(&scene.logistics.certificate, NOW + 1), Outcome::Holds(_)));
    assert!(matches!(withdrawn(&again.certificate, NOW), Outcome::Holds(_)));
    let gone = Authorities::default().withdrawing([WithdrawnSigner { certificate: scene.logistics.certificate.clone(), since: at(NOW), reason: None }]);
    assert!(refused(scene.appraised_by(&octets, &gone)).ends_with("is signed with the key of 'CN=Logistics 1', which was withdrawn on 2026-09-21T14:13:20Z"));
}

#[test]
fn evidence_below_a_withdrawn_ca_is_nobody_s_word() {
    let (vendor, withdrawn_at) = (Entity::root("Silicon vendor CA"), at(NOW));
    let signer = vendor.issue("AK", SignatureAlgorithm::Es256, |template| template);
    let withdrawn = WithdrawnSigner { certificate: vendor.certificate.clone(), since: withdrawn_at, reason: None };
    let authorities = Authorities::new([authority(&vendor)]);
    assert!(authorities.vouching("x", &signer.certificate, &[], now()).is_ok());
    let err = authorities.withdrawing([withdrawn]).vouching("x", &signer.certificate, &[], now()).map(drop).unwrap_err();
    let expected = "the x is signed with the key of 'CN=Silicon vendor CA', which was withdrawn on 2026-09-21T14:13:20Z";
    assert_eq!(err.to_string(), expected);
}

#[test]
fn element_about_other_keys_is_about_another_key() {
    let (scene, other) = (Scene::new(), Scene::new());
    let (one, two) = (held("0", &other.element, &[]), held("2", &other.devices, &[]));
    let said = |keys: Vec<ElementKey>| scene.refused(scene.made(&SecureElement { keys, ..scene.content() }).octets());
    let (found, expected) = (one.key.as_ref().unwrap().digest(), scene.element.certificate.spki_digest());
    assert_eq!(said(vec![one.clone()]), format!("the secure-element manifest is about another key: {found}, not {expected}"));
    assert_eq!(said(vec![one, two]), format!("the secure-element manifest is about another key: {found} and 1 more, not {expected}"));
}

#[test]
fn key_without_certificate_is_found_by_its_coordinates() {
    let scene = Scene::new();
    let mut key = held("0", &scene.element, &[]);
    key.certificates.clear();
    let made = scene.made(&SecureElement { keys: vec![key], ..scene.content() });
    assert!(matches!(scene.appraised(made.octets()), Outcome::Holds(_)));
}

#[test]
fn element_that_names_no_key_tells_of_the_element_alone() {
    let scene = Scene::new();
    let short = scene.made(&SecureElement { keys: vec![], ..scene.content() });
    assert!(matches!(scene.appraised(short.octets()), Outcome::OfPlatform(_)));
}

#[test]
fn element_answers_no_nonce() {
    let scene = Scene::new();
    let expected = Expected { key: &scene.element.certificate.public_key(), nonce: Some(&[7; 8]) };
    let outcome = appraise(scene.made(&scene.content()).octets(), &expected, &scene.authorities, now());
    assert!(matches!(outcome, Ok(Outcome::Holds(claims)) if claims.nonced == Nonced::Unanswered));
}

#[test]
fn element_that_the_key_itself_signed_proves_nothing() {
    let scene = Scene::new();
    let made = block_on(ManifestElement::make(&scene.content(), &scene.element.certificate, &scene.element.key)).unwrap();
    let outcome = scene.appraised_by(made.octets(), &Authorities::new([authority(&scene.element)]));
    assert_eq!(refused(outcome), "the secure-element manifest is signed with the very key that it is about, which proves nothing of it");
}

#[test]
fn every_fault_is_named() {
    let scene = Scene::new();
    let other = scene.devices.issue("other", SignatureAlgorithm::Es256, |template| template);
    type Edit = fn(&mut Value);
    let nothing: Edit = |_| {};
    let key = |edit: fn(&mut Value, &Entity)| scene.edited(nothing, |said| edit(&mut said["publicKeySet"]["keys"][0], &other));
    let twice = |said: &mut Value| said["publicKeySet"]["keys"] = json!([said["publicKeySet"]["keys"][0], said["publicKeySet"]["keys"][0]]);
    let many = |said: &mut Value| said["publicKeySet"]["keys"] = vec![json!({ "kid": "0", "kty": "EC" }); ManifestElement::MOST_KEYS + 1].into();
    let cases = [
        (scene.edited(|header| header["alg"] = "none".into(), nothing), "alg of the manifest element is 'none', expected one of ES256, ES384 and EdDSA"),
        (scene.edited(|header| header["crit"] = json!(["b64"]), nothing), "crit must be absent: no critical extension is understood"),
        (scene.edited(|header| header["typ"] = "voucher-jws+json".into(), nothing), "typ of the manifest element is voucher-jws+json, expected JWT, or absent"),
        (scene.edited(|header| header["x5t#S256"] = "AAAA".into(), nothing), "x5t#S256 must be the 32 octets of a SHA-256 digest in base64url"),
        (scene.edited(nothing, |said| said["version"] = 4.into()), "version of the manifest element is 4, expected 1, 2 or 3"),
        (scene.edited(nothing, |said| said["uniqueId"] = "a b".into()), "uniqueId must be 1 to 64 printable ASCII characters without spaces"),
        (
            scene.edited(nothing, |said| said["uniqueId"] = "other".into()),
            "uniqueId in the unprotected header of the manifest element is '0123f1822c38dd7a01', expected that which is signed, or absent",
        ),
        (
            scene.edited(nothing, |said| said["provisioningTimestamp"] = "yesterday".into()),
            "provisioningTimestamp must be an RFC 3339 date-and-time such as 2026-01-31T12:00:00Z",
        ),
        (scene.edited(nothing, twice), "slot 0 occurs twice in the secure-element manifest"),
        (scene.edited(nothing, many), "number of keys in the manifest element exceeds the limit of 64"),
        (key(|key, _| key["x"] = "AAAA".into()), "slot 0, x of the secure-element manifest: must be the 32 octets of a coordinate on its curve in base64url"),
        (
            key(|key, other| key["x5c"] = json!([base64(other.certificate.der())])),
            "slot 0, x5c of the secure-element manifest: the first certificate must be of the key that x and y give, and is of another",
        ),
        (
            key(|key, other| key["x5c"] = vec![base64(other.certificate.der()); 9].into()),
            "number of certificates of one key in the manifest element exceeds the limit of 8",
        ),
        (vec![b' '; ManifestElement::LARGEST + 1], "the manifest element's size in octets exceeds the limit of 16384"),
    ];
    for (octets, expected) in cases {
        assert_eq!(scene.refused(&octets), format!("the secure-element manifest cannot be read: {expected}"));
    }
}

#[test]
fn jws_with_members_that_are_not_signed_is_refused() {
    let scene = Scene::new();
    let made: Value = serde_json::from_slice(scene.made(&scene.content()).octets()).unwrap();
    for (name, value) in [("signatures", json!([])), ("header", json!({ "uniqueId": "0123f1822c38dd7a01", "alg": "none" })), ("header", json!({}))] {
        let mut changed = made.clone();
        changed[name] = value;
        assert!(ManifestElement::from_json(changed.to_string().as_bytes()).is_err(), "{changed}");
    }
}

#[test]
fn key_on_a_curve_that_is_not_known_is_passed_over() {
    let scene = Scene::new();
    let foreign = json!({ "kid": "1", "kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA", "x5c": ["AAAA"] });
    let octets = scene.edited(|_| {}, |said| said["publicKeySet"]["keys"].as_array_mut().unwrap().push(foreign));
    assert!(matches!(scene.appraised(&octets), Outcome::Holds(_)));
}
