//! What a TPM certifies of a key, and the public areas of its keys, which credentials are encrypted to.
#![no_main]

use core::time::Duration;

use brski_common::UnixTime;
use brski_common::evidence::tpm::credential::make_credential;
use brski_common::evidence::tpm::{PublicArea, appraise};
use brski_common::evidence::{Authorities, Expected};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let Ok(attestation) = PublicArea::from_octets(&attestation_key()) else { unreachable!("a restricted signing key") };
    let expected = Expected { key: attestation.key(), nonce: None };
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
    // All of it is read before anybody asks who signed it.
    assert!(appraise(octets, &[], &expected, &Authorities::default(), now).is_err());

    let Ok(area) = PublicArea::from_octets(octets) else { return };
    assert_eq!(area.name().get(..2), octets.get(2..4));
    if let Ok(credential) = make_credential(&area, &attestation, &[7; 16]) {
        assert!(!credential.encrypted_secret.is_empty());
    }
});

/// TPMT_PUBLIC of an attestation key, whose point nobody has to be able to use.
fn attestation_key() -> Vec<u8> {
    let head = [0, 0x23, 0, 0x0b, 0, 5, 0, 0x72, 0, 0, 0, 0x10, 0, 0x10, 0, 3, 0, 0x10];
    let coordinate = [&[0, 32][..], &[7; 32]].concat();
    [&head[..], &coordinate, &coordinate].concat()
}
