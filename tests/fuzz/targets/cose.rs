//! COSE_Sign1 around a voucher, a voucher-request or a statement, and what a registrar cuts off before it passes a voucher on.
#![no_main]

use brski_common::{Format, Leniencies, ProvenanceStatement, Signed, Voucher, VoucherRequest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let voucher = Signed::<Voucher>::from_wire(Format::Cose, octets);
    let read = voucher.peek_unverified(Leniencies::NONE);
    let request = Signed::<VoucherRequest>::from_wire(Format::Cose, octets).peek_unverified(Leniencies::NONE);
    let statement = Signed::<ProvenanceStatement>::from_wire(Format::Cose, octets).peek_unverified(Leniencies::NONE);
    let understood = [read.is_ok(), request.is_ok(), statement.is_ok()];
    assert!(understood.into_iter().filter(|ok| *ok).count() <= 1, "several things at once");

    // The cut takes away certificates and nothing else, and there is nothing left for a second one.
    if let (Ok(read), Ok(cut)) = (read, voucher.without_unprotected_certificates()) {
        assert_eq!(cut.peek_unverified(Leniencies::NONE).unwrap(), read);
        assert_eq!(cut.without_unprotected_certificates().unwrap(), cut);
    }
});
