//! What others write: configurations, key origins, evidence and manifests.

use serde_json::json;

use super::artefacts::World;
use super::*;
use crate::asn1::element;
use crate::codec::{base64, base64url};
use crate::provenance::testing::origin;
use crate::provenance::{KeyOrigin, Method, Source};

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

/// Evidence of one platform with two attributes under this number, signed by a key of an identifier.
fn evidence(arc: &[u8]) -> Vec<u8> {
    let oid = |last: u8| element(6, &[arc, &[0, last]].concat());
    let entity = element(0x30, &[oid(1), element(0x30, &[element(0x30, &oid(8)), element(0x30, &oid(9))].concat())].concat());
    let tbs = element(0x30, &[element(2, &[1]), element(0x30, &entity)].concat());
    let signer = element(0x30, &element(0xa0, &element(4, &[7; 20])));
    let algorithm = element(0x30, &element(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]));
    let signatures = element(0x30, &element(0x30, &[signer, algorithm, element(4, &[0])].concat()));
    element(0x30, &[tbs, signatures].concat())
}

const ARC: [u8; 7] = [0x2b, 6, 1, 5, 5, 0x87, 0x67];

#[test]
fn key_attestation_evidence_is_counted_and_said_not_to_be_appraised() {
    let der = evidence(&ARC);
    let pem = format!("-----BEGIN EVIDENCE-----\n{}\n-----END EVIDENCE-----\n", base64(&der));
    for octets in [der.as_slice(), pem.as_bytes()] {
        let shown = inspect(octets, &anchored([World::new().masa.certificate]));
        assert_eq!((shown.kind, told(&shown)), (Kind::KeyAttestation, vec![]));
        assert_eq!((shown.value("entities"), shown.value("entity 1")), (Some(&1.into()), Some(&"platform (1.3.6.1.5.5.999.0.1), 2 attributes".into())));
        assert!(shown.notes.iter().any(|note| note.contains("not appraised")), "{shown}");
        assert!(matches!(&shown.signatures[0].check, Check::Unchecked { .. }) && shown.signatures[0].by.contains("0707"), "{shown}");
        assert!(!shown.is_verified(&anchored([World::new().masa.certificate])));
    }
}

#[test]
fn evidence_under_another_number_is_known_by_its_label_alone() {
    let der = evidence(&[0x2b, 6, 1]);
    assert!(!inspect(&der, &plain()).is_recognised());
    let pem = |octets: &[u8]| format!("-----BEGIN EVIDENCE-----\n{}\n-----END EVIDENCE-----\n", base64(octets));
    assert_eq!(inspect(pem(&der).as_bytes(), &plain()).kind, Kind::KeyAttestation);
    assert_told(&inspect(pem(&element(0x30, &[])).as_bytes(), &plain()), &["cannot be read"]);
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
