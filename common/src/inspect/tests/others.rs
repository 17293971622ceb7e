//! What others write: configurations, key origins and manifests.

use serde_json::json;

use super::*;
use crate::codec::base64url;
use crate::evidence::{CeremonySignature, ElementKey, ManifestElement, SecureElement};
use crate::provenance::testing::origin;
use crate::provenance::{Evidence, EvidenceType, KeyOrigin, Method, Source, Text};
use crate::test_pki::{Entity, block_on, new_key};
use crate::{Format, SignatureAlgorithm, Signer as _};

const MASA: &str = "version = 1\nlisten = \"[::]:9443\"\nauthority = \"masa.example.com\"\nledger = \"ledger.sqlite\"\nidevid-anchors = [\"root.pem\"]\n\
voucher-signer = { certificate = \"signer.pem\", key = \"signer-key.pem\" }\n";
const REGISTRAR: &str =
    "version = 1\nlisten = \"[::]:8443\"\npolicy = \"policy.toml\"\ntrust = \"trust\"\npledges = \"pledges\"\n[domain-ca]\nkey = \"ca-key.pem\"\n";

#[test]
fn configurations_are_known_hint_at_their_check_and_show_nothing_that_may_be_secret() {
    for (text, kind, program) in [(MASA, Kind::MasaConfiguration, "brski-masa"), (REGISTRAR, Kind::RegistrarConfiguration, "brski-registrar")] {
        let shown = inspect(format!("password = \"hush\"\n{text}").as_bytes(), &plain());
        assert_eq!((shown.kind, told(&shown)), (kind, vec![]));
        assert!(shown.notes.iter().any(|note| note.contains(&format!("`{program} config check`"))), "{shown}");
        let all = shown.to_string() + &serde_json::to_string(&shown).unwrap();
        assert!(all.contains("[::]:") && !all.contains("hush") && !all.contains("key.pem"), "{all}");
    }
}

#[test]
fn key_origin_is_shown_and_its_contradictions_are_told() {
    let good = origin(Method::Avocado);
    let shown = inspect(&serde_json::to_vec(&good).unwrap(), &plain());
    assert_eq!((shown.kind, told(&shown), shown.value("method")), (Kind::KeyOrigin, vec![], Some(&"avocado".into())));
    let bad = KeyOrigin { source: Source::Loaded, ..good };
    assert!(!inspect(&serde_json::to_vec(&bad).unwrap(), &plain()).deviations.is_empty());
    assert_told(&inspect(br#"{"method":"potato","source":"loaded","protection":"none"}"#, &plain()), &["potato"]);
}

#[test]
fn manifest_of_secure_elements_tells_each_element_and_that_nobody_is_there_to_verify_it_with() {
    let element = |unsigned: &str| {
        let header = json!({ "alg": "ES256", "kid": "vendor", "x5t#S256": "digest", "typ": "JWT" });
        let said = json!({ "version": 2, "model": "SE", "uniqueId": "0123" });
        let part = |value: Value| base64url(value.to_string().as_bytes());
        json!({ "payload": part(said), "protected": part(header), "header": { "uniqueId": unsigned }, "signature": base64url(&[1; 64]) })
    };
    let shown = inspect(json!([element("0123"), element("0123")]).to_string().as_bytes(), &plain());
    assert_eq!((shown.kind, told(&shown), shown.value("elements")), (Kind::SecureElementManifest, vec![], Some(&2.into())));
    assert_eq!(shown.value("element 2"), Some(&json!({ "uniqueId": "0123", "model": "SE", "kid": "vendor", "x5t#S256": "digest" })));
    assert!(shown.signatures.len() == 2 && shown.signatures.iter().all(|signature| matches!(signature.check, Check::Unchecked { .. })), "{shown}");
    assert_told(&inspect(json!([element("4567")]).to_string().as_bytes(), &plain()), &["called otherwise"]);
    assert_told(&inspect(json!([element("0123"), 7]).to_string().as_bytes(), &plain()), &["element 2 is no JWS"]);
}

/// An element that this vendor delivered.
fn delivered(vendor: &Entity, id: &str) -> ManifestElement {
    let text = |text: &str| Text::new(text).unwrap();
    let key = new_key(SignatureAlgorithm::Es256).public_key().clone();
    let content = SecureElement {
        unique_id: text(id),
        model: text("SE-1"),
        part_number: None,
        manufacturer: None,
        provisioner: None,
        group: None,
        provisioned_at: None,
        keys: vec![ElementKey { slot: text("0"), key: Some(key), certificates: Vec::new() }],
    };
    block_on(ManifestElement::make(&content, &vendor.certificate, &vendor.key)).unwrap()
}

#[test]
fn manifest_is_verified_under_the_anchors_that_are_given() {
    let (vendor, other) = (Entity::root("Logistics 1"), Entity::root("Logistics 2"));
    let elements = ["01", "02"].map(|id| serde_json::from_slice::<Value>(delivered(&vendor, id).octets()).unwrap());
    let manifest = json!(elements).to_string();
    let shown = |options: &Options, manifest: &str| {
        let shown = inspect(manifest.as_bytes(), options);
        let checks = shown.signatures.iter().map(|signature| signature.check.clone()).collect::<Vec<_>>();
        (checks, shown.is_verified(options))
    };
    let (under_vendor, under_other) = (anchored([vendor.certificate.clone()]), anchored([other.certificate]));
    let by_vendor = Check::Anchored { anchor: "CN=Logistics 1".to_owned() };
    assert_eq!(shown(&under_vendor, &manifest), (vec![by_vendor.clone(), by_vendor], true));
    let why = format!("the certificate with the SHA-256 thumbprint {} is needed as anchor, and is not among those given", vendor.certificate.fingerprint());
    assert_eq!(shown(&under_other, &manifest), (vec![Check::Untrusted { why: why.clone() }, Check::Untrusted { why }], false));
    let mut changed = elements;
    changed[1]["signature"] = changed[0]["signature"].clone();
    let (checks, verified) = shown(&under_vendor, &json!(changed).to_string());
    assert!(matches!(checks.as_slice(), [Check::Anchored { .. }, Check::Wrong { .. }]) && !verified, "{checks:?}");
}

#[test]
fn evidence_of_an_origin_is_unfolded_whatever_it_is_and_a_wrong_signature_in_it_is_found() {
    let (vendor, party) = (Entity::root("Logistics 1"), Entity::root("Party"));
    let element = delivered(&vendor, "01");
    let signature = CeremonySignature { key: vendor.certificate.spki_digest(), ceremony: Text::new("minutes 7").unwrap(), at: now() };
    let testimony = block_on(party.party(&[]).seal(&signature, Format::Cose)).unwrap().wire().to_vec();
    let of_kind = |kind: &str, data: Vec<u8>| Evidence { kind: EvidenceType::new(kind).unwrap(), data };
    let mut good = origin(Method::Sapodilla);
    good.evidence = vec![element.to_evidence().unwrap(), of_kind("application/brski-ceremony-signature+cose", testimony), of_kind("1.2.3", vec![0x05, 0x00])];
    let shown = |origin: &KeyOrigin| inspect(&serde_json::to_vec(origin).unwrap(), &anchored([vendor.certificate.clone()]));
    let unfolded = shown(&good);
    let inside: Vec<(&str, Kind)> = unfolded.nested.iter().map(|nested| (nested.name.as_str(), nested.inspection.kind)).collect();
    assert_eq!(inside, [("evidence 1", Kind::SecureElementManifest), ("evidence 2", Kind::Testimony), ("evidence 3", Kind::Unknown)]);
    assert_eq!(unfolded.value("evidence 3"), Some(&"1.2.3, 2 octets".into()));
    assert!(matches!(unfolded.nested[0].inspection.signatures[0].check, Check::Anchored { .. }), "{unfolded}");
    let mut forged: Value = serde_json::from_slice(element.octets()).unwrap();
    forged["signature"] = base64url(&[1; 64]).into();
    good.evidence = vec![of_kind(ManifestElement::KIND, forged.to_string().into_bytes())];
    assert!(matches!(shown(&good).nested[0].inspection.signatures[0].check, Check::Wrong { .. }));
}
