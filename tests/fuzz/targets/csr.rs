//! Certification requests (PKCS #10), in DER and as EST carries them.
#![no_main]

use brski_common::{Csr, est};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let _ = Csr::from_der(octets);
    if let Ok(der) = est::from_body("request", octets) {
        let _ = Csr::from_der(&der);
    }
});
