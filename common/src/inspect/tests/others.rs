//! What others write: configurations, key origins and manifests.

use serde_json::json;

use super::*;
use crate::codec::base64url;
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
