//! Who a proxy's client is: the fields Client-Cert and Client-Cert-Chain, parted by a line feed, which no field has.
#![no_main]

use brski_common::http::{CLIENT_CERT, CLIENT_CERT_CHAIN, client_certificates};
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let mut fields = HeaderMap::new();
    for (index, line) in octets.split(|octet| *octet == b'\n').enumerate() {
        let Ok(value) = HeaderValue::from_bytes(line) else { return };
        fields.append(if index == 0 { CLIENT_CERT } else { CLIENT_CERT_CHAIN }, value);
    }
    if let Ok(client) = client_certificates(&fields) {
        assert!((1..=9).contains(&client.0.len()));
    }
});
