//! Certificates, their extensions, and the paths that are built from them.
#![no_main]

use brski_common::{Anchors, Certificate, IDevIdCert, UnixTime, Usage};
use core::time::Duration;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    if let Ok(text) = core::str::from_utf8(octets) {
        let _ = Certificate::all_from_pem(text);
    }
    let Ok(certificate) = Certificate::from_der(octets) else { return };
    assert_eq!(certificate.der(), octets);
    let _ = (certificate.domain_id(), certificate.usages(), certificate.is_ca(), certificate.names_revocation_source());
    if let Ok(idevid) = IDevIdCert::new(certificate.clone()) {
        let _ = idevid.masa_url();
    }
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
    if let Ok(anchors) = Anchors::new([certificate.clone()]) {
        let _ = anchors.verify_path(&certificate, core::slice::from_ref(&certificate), Usage::Any, now);
    }
    let _ = Anchors::default().verify_path(&certificate, core::slice::from_ref(&certificate), Usage::TlsServer, now);
});
