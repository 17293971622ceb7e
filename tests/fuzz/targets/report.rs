//! Manufacture reports and delivery lists, in their envelopes and without.
#![no_main]

use brski_common::evidence::DeliveryList;
use brski_common::{Format, Leniencies, ManufactureReport, Payload, Reading, Signed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let _ = Signed::<ManufactureReport>::from_wire(Format::Jws, octets).peek_unverified(Leniencies::NONE);
    let _ = Signed::<DeliveryList>::from_wire(Format::Jws, octets).peek_unverified(Leniencies::NONE);
    let _ = DeliveryList::decode(octets, Format::Jws, &Reading::default());
    let Ok(read) = ManufactureReport::decode(octets, Format::Jws, &Reading::default()) else { return };
    let written = read.encode(Format::Jws).unwrap();
    assert_eq!(ManufactureReport::decode(&written, Format::Jws, &Reading::default()).unwrap(), read);
});
