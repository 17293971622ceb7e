//! The CBOR of vouchers and voucher-requests: what is read is written and read again the same, and its JSON has the same leaves.
#![no_main]

use brski_common::{Format, Leniencies, Payload, Reading, Voucher, VoucherRequest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    survives::<Voucher>(octets);
    survives::<VoucherRequest>(octets);
});

fn survives<T: Payload + PartialEq>(octets: &[u8]) {
    let Ok(read) = T::decode(octets, Format::Cose, &Reading::new(Leniencies::ALL)) else { return };
    for &format in Format::ALL {
        let written = read.encode(format).unwrap();
        assert!(T::decode(&written, format, &Reading::new(Leniencies::NONE)).unwrap() == read, "in {}", format.name());
    }
}
