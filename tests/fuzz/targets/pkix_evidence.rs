//! PKIX key attestation: its octets are kept, its claims can be shown, and it does not hold where no authority is configured.
#![no_main]

use brski_common::evidence::{Authorities, Expected, KeyAttestation, Outcome, appraise};
use brski_common::sign::PublicKey;
use brski_common::time::at;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let Ok(read) = KeyAttestation::from_der(octets) else { return };
    assert_eq!(read.der(), octets);
    let claims = || read.elements().iter().flat_map(|element| &element.claims);
    assert!(claims().all(|claim| !claim.shown().chars().any(char::is_control)), "a control character");
    let key = PublicKey::from_spki(&[ED25519, &[7; 32]].concat()).unwrap();
    let found = appraise(&read.to_evidence().unwrap(), &Expected { key: &key, nonce: None }, &Authorities::default(), at(1_790_000_000));
    assert!(found.iter().all(|one| matches!(one.outcome, Outcome::Refused(_))));
});

/// All of a SubjectPublicKeyInfo of Ed25519 but the key.
const ED25519: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
