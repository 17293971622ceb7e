//! Elements of secure-element manifests, as they are and around what they say: their octets are kept, and they do not hold where no authority is configured.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use brski_common::evidence::{Authorities, Expected, ManifestElement, Outcome, appraise};
use brski_common::sign::PublicKey;
use brski_common::time::at;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    hold(octets);
    let part = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
    let (header, said, signature) = (part(HEADER), part(octets), part(&[7; 64]));
    hold(format!(r#"{{"payload":"{said}","protected":"{header}","signature":"{signature}"}}"#).as_bytes());
});

fn hold(octets: &[u8]) {
    let Ok(read) = ManifestElement::from_json(octets) else { return };
    assert_eq!(read.octets(), octets);
    assert!(read.content().keys.len() <= ManifestElement::MOST_KEYS);
    let key = PublicKey::from_spki(&[ED25519, &[7; 32]].concat()).unwrap();
    let found = appraise(&read.to_evidence().unwrap(), &Expected { key: &key, nonce: None }, &Authorities::default(), at(1_790_000_000));
    assert!(found.iter().all(|one| matches!(one.outcome, Outcome::Refused(_))));
}

const HEADER: &[u8] = br#"{"alg":"ES256","x5t#S256":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;

/// All of a SubjectPublicKeyInfo of Ed25519 but the key.
const ED25519: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
