//! Batches of manufacture reports, in their envelopes and bare, and rows of JSON and CSV.
#![no_main]

use brski_common::provenance::{ManufactureBatch, RowReader, to_csv};
use brski_common::{Format, Leniencies, Payload, Reading, Signed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    for format in [Format::Jws, Format::Cose] {
        let _ = Signed::<ManufactureBatch>::from_wire(format, octets).peek_unverified(Leniencies::NONE);
    }
    if let Ok(read) = ManufactureBatch::decode(octets, Format::Jws, &Reading::default()) {
        let written = read.encode(Format::Cose).unwrap();
        assert_eq!(ManufactureBatch::decode(&written, Format::Cose, &Reading::default()).unwrap(), read);
        for (_, row) in read.rows() {
            let Ok(report) = read.reader().read(&read.text()[row]) else { continue };
            let again = ManufactureBatch::of_reports([&report]).unwrap();
            let rows: Vec<_> = again.rows().map(|(_, row)| again.reader().read(&again.text()[row]).unwrap()).collect();
            assert_eq!(rows, [report.clone()]);
            if let Ok(csv) = to_csv(&[report.clone()]) {
                let (header, row) = csv.trim_end().split_once('\n').unwrap();
                assert_eq!(RowReader::csv(header).unwrap().read(row).unwrap(), report);
            }
        }
    }
});
