//! A record that is corrected: what the line, the log and others are told then.

use brski_common::provenance::{ManufactureReport, Supersession};
use brski_common::{KeyOrigin, ProvenanceStatement};

use super::*;
use crate::manufacture::Correction;
use crate::masa::Want;
use crate::masa::corrections::Superseded;
use crate::testing::Pledge;

fn in_batch(name: &str) -> KeyOrigin {
    KeyOrigin { batch: Some(name.parse().unwrap()), ..origin() }
}

fn supersede() -> Correction {
    Correction::Supersede { reason: "wrong batch".parse().unwrap(), by: "Ada".to_owned() }
}

/// What becomes of these reports one after the other.
fn corrected(maker: &Maker, masa: &Masa, pledge: &Pledge, batches: &[&str]) -> Vec<crate::masa::Recorded> {
    let record = |batch: &&str| {
        let report: Signed<ManufactureReport> = maker.report(pledge, Some(in_batch(batch)));
        let genuine = masa.genuine(&report).unwrap();
        block_on(masa.record_all(&[genuine], Want::Statement, &supersede())).pop().unwrap().unwrap()
    };
    batches.iter().map(record).collect()
}

fn statement(maker: &Maker, recorded: &crate::masa::Recorded) -> ProvenanceStatement {
    let by = brski_common::SignedBy::Holder(&maker.provenance.certificate);
    recorded.statement.as_ref().unwrap().verify(&brski_common::Verifier::strict(by), NOW).unwrap().get().clone()
}

#[test]
fn statement_of_a_correction_is_signed_anew_and_counts() {
    let maker = Maker::new();
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    let recorded = corrected(&maker, &masa, &pledge, &["1", "2"]);
    let [first, second] = [&recorded[0], &recorded[1]].map(|recorded| statement(&maker, recorded));
    assert_eq!((first.seq, second.seq), (0, 1));
    assert_ne!(first.record, second.record);
}

#[test]
fn receipt_of_a_correction_is_for_the_record_that_counts() {
    let maker = Maker::new();
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    let recorded = corrected(&maker, &masa, &pledge, &["1", "2"]).pop().unwrap();
    let (leaf, _) = block_on(masa.receipt(&pledge.device())).unwrap().unwrap();
    assert_eq!(*leaf.as_bytes(), statement(&maker, &recorded).record.0);
}

#[test]
fn correction_that_comes_again_is_repeated() {
    let maker = Maker::new();
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    let repeated: Vec<bool> = corrected(&maker, &masa, &pledge, &["1", "2", "2"]).iter().map(|recorded| recorded.repeated).collect();
    assert_eq!(repeated, [false, false, true]);
}

#[test]
fn plain_report_that_contradicts_a_correction_is_refused() {
    let maker = Maker::new();
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    corrected(&maker, &masa, &pledge, &["1", "2"]);
    let refused = block_on(masa.record(&maker.report(&pledge, Some(in_batch("3")))));
    assert!(matches!(refused, Err(Error::Refused(brski_common::Refusal::OtherOrigin(..)))));
}

#[test]
fn every_superseded_record_is_told_with_why() {
    let maker = Maker::new();
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    let recorded = corrected(&maker, &masa, &pledge, &["1", "2", "3"]);
    let told = block_on(masa.superseded(&pledge.device())).unwrap();
    let expected: Vec<Superseded> = recorded[..2]
        .iter()
        .map(|recorded| {
            let statement = statement(&maker, recorded);
            let by = Supersession { record: statement.record, reason: "wrong batch".parse().unwrap(), by: "Ada".to_owned() };
            Superseded { index: recorded.index.unwrap(), seq: statement.seq, by }
        })
        .collect();
    assert_eq!(told, expected);
}
