//! What people sign of a key: what is read is written in the same words again, and it counts nowhere that no authority is configured.
#![no_main]

use brski_common::evidence::{Authorities, CeremonySignature, Countersignature, Expected, Outcome, SeedNotice, appraise};
use brski_common::provenance::{Evidence, EvidenceType};
use brski_common::sign::PublicKey;
use brski_common::time::at;
use brski_common::{Format, Payload, Reading};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let key = PublicKey::from_spki(&[ED25519, &[7; 32]].concat()).unwrap();
    for kind in [CeremonySignature::KIND, SeedNotice::KIND, Countersignature::KIND] {
        let evidence = Evidence { kind: EvidenceType::new(kind).unwrap(), data: octets.to_vec() };
        let found = appraise(&evidence, &Expected { key: &key, nonce: None }, &Authorities::default(), at(1_790_000_000));
        assert!(matches!(found.as_slice(), [one] if matches!(one.outcome, Outcome::Refused(_))));
    }
    comes_back::<CeremonySignature>(octets);
    comes_back::<SeedNotice>(octets);
    comes_back::<Countersignature>(octets);
});

fn comes_back<T: Payload + PartialEq + core::fmt::Debug>(octets: &[u8]) {
    let Ok(read) = T::decode(octets, Format::Cose, &Reading::default()) else { return };
    let written = read.encode(Format::Cose).unwrap();
    assert_eq!(T::decode(&written, Format::Cose, &Reading::default()).unwrap(), read);
}

/// All of a SubjectPublicKeyInfo of Ed25519 but the key.
const ED25519: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
