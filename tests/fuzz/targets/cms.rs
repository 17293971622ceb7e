//! CMS, BER included, as a server meets it: strictly, and with every leniency.
#![no_main]

use brski_common::{Format, Leniencies, Signed, Voucher, VoucherRequest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let request = Signed::<VoucherRequest>::from_wire(Format::Cms, octets);
    let voucher = Signed::<Voucher>::from_wire(Format::Cms, octets);
    let lenient = (request.peek_unverified(Leniencies::ALL), voucher.peek_unverified(Leniencies::ALL));
    // Leniencies let more in. They never change what is read.
    if let Ok(strict) = request.peek_unverified(Leniencies::NONE) {
        assert_eq!(lenient.0.unwrap(), strict);
    }
    if let Ok(strict) = voucher.peek_unverified(Leniencies::NONE) {
        assert_eq!(lenient.1.unwrap(), strict);
        assert!(request.peek_unverified(Leniencies::NONE).is_err(), "both a voucher and a voucher-request");
    }
});
