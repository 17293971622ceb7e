//! What else a peer sends: audit logs, status reports, certificates of a CA, stored records, receipts and checkpoints of a log.
#![no_main]

use brski_common::log::{Receipt, SignedCheckpoint, receipts_of};
use brski_common::{AuditLog, ProvenanceRecord, Telemetry, est};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    if let Ok(log) = AuditLog::from_json(octets) {
        assert_eq!(AuditLog::from_json(&log.to_json()).unwrap(), log);
    }
    let _ = Telemetry::from_json(octets);
    let _ = est::read_certs_only(octets);
    if let Ok(record) = ProvenanceRecord::from_cbor(octets) {
        assert_eq!(ProvenanceRecord::from_cbor(&record.to_cbor().unwrap()).unwrap(), record);
    }
    if let Ok(receipt) = Receipt::from_wire(octets) {
        assert_eq!(receipt.wire(), octets);
    }
    let _ = receipts_of(octets);
    if let Some(note) = core::str::from_utf8(octets).ok()
        && let Ok(checkpoint) = SignedCheckpoint::parse(note)
    {
        assert_eq!(checkpoint.to_string(), note);
    }
});
