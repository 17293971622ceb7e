//! Every "no" of the manufacture rule, and the "yes" beside it.

mod correction;
mod evidence;
mod testimony;

use brski_common::evidence::Authorities;
use brski_common::provenance::{Basis, Source, SplitReveal, Transfer};
use brski_common::{EnrolledKey, Signer as _};

use super::*;
use crate::testing::{Maker, NOW, Pledge, later, origin};

fn genuine(maker: &Maker, pledge: &Pledge, origin: Option<KeyOrigin>) -> GenuineReport {
    GenuineReport::verify(&maker.report(pledge, origin), &maker.stations(), &maker.anchors(), &Authorities::default(), NOW).unwrap()
}

fn decide(report: &GenuineReport, existing: Option<&History>) -> Result<RecordOrder, Refusal> {
    evaluate(report, existing, &OriginDefaults::default(), &[], &Correction::Refuse, [3; 16], NOW)
}

/// The ledger after this report.
fn after(report: &GenuineReport) -> History {
    History::build((1..).zip(decide(report, None).unwrap().into_entries()), [], false).unwrap()
}

#[test]
fn first_report_orders_the_making_and_the_record() {
    let maker = Maker::new();
    let pledge = maker.pledge("JADA123");
    let report = genuine(&maker, &pledge, Some(origin()));
    let entries = decide(&report, None).unwrap().into_entries();
    let record = ProvenanceRecord {
        device: pledge.device(),
        spki: pledge.idevid().spki_digest(),
        seq: 0,
        salt: [3; 16],
        status: Status::Valid,
        report: Some(ReportDigest::of(report.content()).unwrap()),
        supersedes: None,
        reported_by: "line 1".to_owned(),
        recorded_at: NOW,
        findings: Vec::new(),
        origin: origin(),
    };
    let made = Made { at: NOW, idevid: pledge.idevid(), reported_by: "line 1".to_owned() };
    assert_eq!(entries, [Entry::Made(made), Entry::Recorded(Box::new(record))]);
}

#[test]
fn origin_may_follow_a_report_without_one() {
    let maker = Maker::new();
    let pledge = maker.pledge("JADA123");
    let known = after(&genuine(&maker, &pledge, None));
    let entries = decide(&genuine(&maker, &pledge, Some(origin())), Some(&known)).unwrap().into_entries();
    assert!(matches!(entries.as_slice(), [Entry::Recorded(_)]));
}

#[test]
fn report_that_tells_nothing_new_orders_nothing() {
    let maker = Maker::new();
    let pledge = maker.pledge("JADA123");
    let known = after(&genuine(&maker, &pledge, Some(origin())));
    for again in [Some(origin()), None] {
        assert!(decide(&genuine(&maker, &pledge, again), Some(&known)).unwrap().is_repeated());
    }
}

#[test]
fn other_origin_of_the_same_key_is_a_contradiction() {
    let maker = Maker::new();
    let pledge = maker.pledge("JADA123");
    let known = after(&genuine(&maker, &pledge, Some(origin())));
    let other = KeyOrigin { source: Source::DeviceDerived, batch: Some("7".parse().unwrap()), ..origin() };
    let refused = decide(&genuine(&maker, &pledge, Some(other)), Some(&known));
    assert_eq!(refused, Err(Refusal::OtherOrigin(pledge.device(), "batch, source".to_owned())));
}

#[test]
fn same_serial_number_with_another_key_is_a_contradiction() {
    let maker = Maker::new();
    let (pledge, impostor) = (maker.pledge("JADA123"), maker.pledge("JADA123"));
    let known = after(&genuine(&maker, &pledge, None));
    let refused = decide(&genuine(&maker, &impostor, None), Some(&known));
    assert_eq!(refused, Err(Refusal::Contradiction { what: "the serial number", device: pledge.device() }));
}

#[test]
fn other_certificate_for_the_same_key_is_a_contradiction() {
    let maker = Maker::new();
    let pledge = maker.pledge("JADA123");
    let known = after(&genuine(&maker, &pledge, None));
    let subject = brski_common::issuing::Subject::serial_number(&pledge.device().serial).and_common_name("again");
    let certificate = maker.issuing.certify(subject, &pledge.0.key, |template| template);
    let again = Pledge(crate::testing::Entity { certificate, ..pledge.0.clone() });
    let refused = decide(&genuine(&maker, &again, None), Some(&known));
    assert_eq!(refused, Err(Refusal::Contradiction { what: "the IDevID certificate", device: pledge.device() }));
}

#[test]
fn station_claims_no_basis_beyond_those_it_was_enrolled_with() {
    let maker = Maker::new();
    let pledge = maker.pledge("JADA123");
    let decide_with = |bases: Option<Vec<Basis>>, basis| {
        let station = maker.stations().remove(0);
        let station = Station { bases: bases.unwrap_or_else(|| station.bases.clone()), without_evidence: true, ..station };
        let report = maker.report(&pledge, Some(KeyOrigin { basis, ..origin() }));
        decide(&GenuineReport::verify(&report, &[station], &maker.anchors(), &Authorities::default(), NOW).unwrap(), None).map(drop)
    };
    for &basis in Basis::ALL {
        let refused = Err(Refusal::BasisNotAllowed { station: "line 1".to_owned(), basis });
        let by_default = matches!(basis, Basis::SelfDeclared | Basis::StationSigned);
        assert_eq!(decide_with(None, basis), if by_default { Ok(()) } else { refused.clone() });
        assert_eq!(decide_with(Some(vec![basis]), basis), Ok(()));
        assert_eq!(decide_with(Some(Vec::new()), basis), refused);
    }
}

#[test]
fn origin_that_contradicts_itself_is_refused() {
    let maker = Maker::new();
    let moved = KeyOrigin { private_transfer: Transfer::NetworkTransferred, ..origin() };
    let refused = decide(&genuine(&maker, &maker.pledge("JADA123"), Some(moved)), None);
    assert!(matches!(refused, Err(Refusal::Inconsistent(_))));
}

#[test]
fn key_from_the_future_is_refused() {
    let maker = Maker::new();
    let pledge = maker.pledge("JADA123");
    let made = |made_at| decide(&genuine(&maker, &pledge, Some(KeyOrigin { made_at, ..origin() })), None);
    assert!(made(later(600)).is_ok());
    assert!(matches!(made(later(601)), Err(Refusal::Inconsistent(_))));
}

#[test]
fn station_reports_under_no_other_stations_name() {
    let maker = Maker::new();
    let pledge = maker.pledge("JADA123");
    let other = Station::new(EnrolledKey { name: "line 2".to_owned(), key: maker.log.public_key().clone() });
    let enrolled = [maker.stations(), vec![other]].concat();
    let named = |name: &str| {
        let report = genuine(&maker, &pledge, Some(KeyOrigin { station: Some(name.parse().unwrap()), ..origin() }));
        evaluate(&report, None, &OriginDefaults::default(), &enrolled, &Correction::Refuse, [3; 16], NOW).map(drop)
    };
    let refused = "station 'line 1' signed it, and its origin names 'line 2', which is another enrolled station".to_owned();
    assert_eq!(named("line 2"), Err(Refusal::Inconsistent(refused)));
    assert_eq!((named("line 1"), named("bench 7")), (Ok(()), Ok(())));
}

#[test]
fn station_does_not_overrule_its_line_on_what_the_split_tells() {
    let maker = Maker::new();
    let pledge = maker.pledge("JADA123");
    let said = |split, line, reveal_split| {
        let defaults = OriginDefaults { split: line, reveal_split, ..OriginDefaults::default() };
        let report = genuine(&maker, &pledge, Some(KeyOrigin { split, ..origin() }));
        evaluate(&report, None, &defaults, &[], &Correction::Refuse, [3; 16], NOW).map(drop)
    };
    use SplitReveal::{Harmless, MinimalMajority, MinimalMajorityPublished, Unstated};
    for (split, line) in [(Harmless, MinimalMajority), (MinimalMajorityPublished, MinimalMajority), (Harmless, MinimalMajorityPublished)] {
        assert_eq!(said(split, line, false), Err(Refusal::SplitRevealed));
        assert_eq!(said(split, line, true), Ok(()));
    }
    for (split, line) in [(Unstated, MinimalMajority), (MinimalMajority, MinimalMajority), (MinimalMajority, Harmless), (Harmless, Unstated)] {
        assert_eq!(said(split, line, false), Ok(()));
    }
}
