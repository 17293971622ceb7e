//! Attestation bundles and all that is read in them: what is read makes the same bundle again, and nobody's evidence holds where no authority is configured.
#![no_main]

use brski_common::evidence::{AttestationBundle, Authorities, Expected, Outcome, appraise};
use brski_common::provenance::{Evidence, EvidenceType};
use brski_common::sign::PublicKey;
use brski_common::time::at;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let key = PublicKey::from_spki(&[ED25519, &[7; 32]].concat()).unwrap();
    // As a bundle, and as the one statement of a kind that a bundle has.
    for kind in [AttestationBundle::KIND, "1.3.6.1.5.5.7.1.35", "application/eat+cwt"] {
        let evidence = Evidence { kind: EvidenceType::new(kind).unwrap(), data: octets.to_vec() };
        let found = appraise(&evidence, &Expected { key: &key, nonce: Some(&[7; 8]) }, &Authorities::default(), at(1_790_000_000));
        assert!(!found.is_empty() && found.iter().all(|one| !matches!(one.outcome, Outcome::Holds(_))));
    }
    let Ok(read) = AttestationBundle::from_der(octets) else { return };
    let again = AttestationBundle::new(read.statements(), read.certificates()).unwrap();
    assert_eq!((again.statements(), again.certificates()), (read.statements(), read.certificates()));
    if read.unread_certificates() == 0 {
        assert_eq!(again.der(), octets);
    }
});

/// All of a SubjectPublicKeyInfo of Ed25519 but the key.
const ED25519: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
