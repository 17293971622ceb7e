//! Proofs of any entry, and checkpoints for programs.

use brski_common::log::{Receipt, VerifierKey};

use super::log::{ledger, recorded};
use super::masa;

#[test]
fn every_entry_is_proved_with_its_kind_and_device() {
    let folder = recorded(&["JADA1"]);
    masa(&folder, &["block", "JADA1", "--reason", "stolen"]).ok();
    masa(&folder, &["sell", "JADA1", "--to", "Orchard"]).ok();
    masa(&folder, &["mark", "--station", "station-1", "--status", "disputed", "--reason", "key copied"]).ok();
    let log: VerifierKey = folder.read("masa/log-verifier.txt").trim().parse().unwrap();
    for (index, kind) in (1..).zip(["made", "recorded", "stated", "standing", "owned", "marked"]) {
        let arguments = ["log", "prove", "--entry", &index.to_string(), "--out", "receipt.cbor", "-o", "json"];
        let told: serde_json::Value = serde_json::from_str(&masa(&folder, &arguments).ok()).unwrap();
        let serial = if kind == "marked" { serde_json::Value::Null } else { "JADA1".into() };
        assert_eq!((&told["kind"], &told["device"]["serial"], &told["leaf-index"]), (&kind.into(), &serial, &index.into()));
        let octets: Vec<u8> =
            ledger(&folder).query_row("SELECT octets FROM entry WHERE leaf_index = ?1", [i64::try_from(index).unwrap()], |row| row.get(0)).unwrap();
        let receipt = Receipt::from_wire(&std::fs::read(folder.path("receipt.cbor")).unwrap()).unwrap();
        let proof = receipt.verify_inclusion(&brski_common::log::leaf_hash(&octets), log.key()).unwrap();
        assert_eq!(proof.leaf_index, index);
    }
    assert!(masa(&folder, &["log", "prove", "--entry", "7"]).error().ends_with("the log has no entry 7"));
}

#[test]
fn checkpoint_is_told_to_programs_with_its_text() {
    let folder = recorded(&["JADA1"]);
    let told: serde_json::Value = serde_json::from_str(&masa(&folder, &["log", "checkpoint", "-o", "json"]).ok()).unwrap();
    assert_eq!((&told["size"], told["checkpoint"].as_str()), (&4.into(), Some(&*masa(&folder, &["log", "checkpoint"]).ok())));
    assert_eq!(told["root"], serde_json::from_str::<serde_json::Value>(&masa(&folder, &["log", "verify", "-o", "json"]).ok()).unwrap()["root"]);
}
