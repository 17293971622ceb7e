//! The JSON of vouchers and voucher-requests: what is read is written and read again the same, in CBOR as well.
#![no_main]

use brski_common::{Format, Leniencies, Payload, Reading, Voucher, VoucherRequest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    survives::<Voucher>(octets);
    survives::<VoucherRequest>(octets);
});

fn survives<T: Payload + PartialEq>(octets: &[u8]) {
    let Ok(read) = T::decode(octets, Format::Jws, &Reading::new(Leniencies::ALL)) else { return };
    let again = |octets: &[u8], format| T::decode(octets, format, &Reading::new(Leniencies::NONE)).unwrap();
    let json = read.encode(Format::Jws).unwrap();
    assert!(again(&json, Format::Jws) == read);
    // A nonce of plain words, and odd URIs, need not have a CBOR form. What has one keeps it: words become their octets, and stay them.
    if let Ok(cbor) = read.encode(Format::Cose) {
        assert_eq!(again(&cbor, Format::Cose).encode(Format::Cose).unwrap(), cbor);
    }
}
