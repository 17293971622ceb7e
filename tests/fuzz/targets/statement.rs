//! The claims of a provenance statement, without its envelope: what is read is written and read again the same.
#![no_main]

use brski_common::{Format, Payload, ProvenanceStatement, Reading};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let Ok(read) = ProvenanceStatement::decode(octets, Format::Cose, &Reading::default()) else { return };
    let written = read.encode(Format::Cose).unwrap();
    assert_eq!(ProvenanceStatement::decode(&written, Format::Cose, &Reading::default()).unwrap(), read);
});
