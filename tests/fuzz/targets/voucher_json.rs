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
    // What has no CBOR form, such as a nonce of plain words, is refused when it is written.
    if let Ok(cbor) = read.encode(Format::Cose) {
        assert!(again(&cbor, Format::Cose) == read);
    }
}
