//! What a voucher tells of its device's key: only what was asked for, and nothing that the statement keeps back.

use brski_common::provenance::{Disclosure, Fact, KeyOrigin, Overrides};
use brski_common::voucher::{ProvenanceExtension, Wanted};
use brski_common::{Format, Method, ProvenanceRecord, ProvenanceStatement, Signed, VerifyError};

use super::*;
use crate::testing::{origin, seal};

const FULL: Wanted = Wanted { full: true, summary: false };
const SUMMARY: Wanted = Wanted { full: false, summary: true };

/// What this scene's registrar is told if it asks for so much.
fn told(scene: &Scene, wanted: Option<Wanted>) -> Option<Told> {
    let asked = wanted.map_or_else(ProvenanceExtension::default, ProvenanceExtension::asking_for);
    let claim = scene.claim(&VoucherRequest { provenance: Some(asked), ..scene.outer() });
    Told::evaluate(claim.registrar(), &scene.policy)
}

/// What is signed about the scene's pledge for readers at this level; how its private key travelled is for customers alone.
fn statement(scene: &Scene, level: Disclosure) -> Signed<ProvenanceStatement> {
    let record = ProvenanceRecord {
        device: scene.pledge.device(),
        spki: scene.pledge.idevid().spki_digest(),
        seq: 1,
        salt: [0; 16],
        status: brski_common::provenance::Status::Valid,
        report: None,
        supersedes: None,
        reported_by: "line 1".to_owned(),
        recorded_at: NOW,
        findings: Vec::new(),
        origin: KeyOrigin { disclosure: Overrides([(Fact::PrivateTransfer.into(), Disclosure::Customer)].into()), ..origin() },
    };
    let key = scene.pledge.0.certificate.public_key();
    let statement = ProvenanceStatement::view(&record, &key, "masa.example.com", level, [7; 16], NOW).unwrap();
    seal(&scene.maker.provenance.party(&[]), &statement, Format::Cose)
}

#[test]
fn nothing_is_told_that_was_not_asked_for() {
    let scene = Scene::new();
    let claim = scene.claim(&scene.outer());
    assert_eq!(Told::evaluate(claim.registrar(), &scene.policy), None);
    for wanted in [None, Some(Wanted::default())] {
        assert_eq!(told(&scene, wanted), None);
    }
}

#[test]
fn registrar_is_told_as_much_as_it_asks_for() {
    let scene = Scene::new();
    let both = Wanted { full: true, summary: true };
    let found = [FULL, SUMMARY, both].map(|wanted| told(&scene, Some(wanted)));
    assert_eq!(found, [Some(Told::Statement), Some(Told::Summary), Some(Told::Statement)]);
}

#[test]
fn policy_can_keep_every_voucher_silent() {
    let mut scene = Scene::new();
    scene.policy.statement_in_voucher = false;
    assert_eq!([FULL, SUMMARY].map(|wanted| told(&scene, Some(wanted))), [None, None]);
}

#[test]
fn pledge_cannot_ask_on_its_registrars_behalf() {
    let scene = Scene::new();
    let asked = ProvenanceExtension::asking_for(FULL);
    let inner = VoucherRequest { provenance: Some(asked), ..scene.inner() };
    let claim = scene.claim(&scene.owner.leaves(&scene.pledge, &inner));
    assert_eq!(Told::evaluate(claim.registrar(), &scene.policy), None);
}

#[test]
fn whole_statement_is_told_octet_for_octet_and_alone() {
    let statement = statement(&Scene::new(), Disclosure::Public);
    let expected = ProvenanceExtension::with_statement(statement.wire().to_vec());
    assert_eq!(Told::Statement.extension(&statement), Ok(expected));
}

#[test]
fn summary_repeats_the_statement_and_not_the_record() {
    let scene = Scene::new();
    for (level, transfer) in [(Disclosure::Public, None), (Disclosure::Customer, Some(origin().private_transfer))] {
        let statement = statement(&scene, level);
        let mut expected = ProvenanceExtension::default();
        expected.statement_hash = Some(statement.digest());
        (expected.method, expected.source, expected.protection) = (Some(Method::Avocado), Some(origin().source), Some(origin().protection));
        expected.transfer = transfer;
        assert_eq!(Told::Summary.extension(&statement), Ok(expected));
    }
}

#[test]
fn statement_that_cannot_be_read_has_no_summary() {
    let garbage = Signed::from_wire(Format::Cose, [0]);
    assert!(matches!(Told::Summary.extension(&garbage), Err(VerifyError::Decode { .. })));
}
