#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::sync::Arc;

use brski_common::{AuditLog, Format, Leniencies, Method};
use metrics_exporter_prometheus::PrometheusBuilder;

use super::*;
use crate::masa_client::MasaAnswer;
use crate::pledges::MemoryPledges;
use crate::registrar::Registrar;
use crate::testing::{FakeMasa, World, block_on};

/// What a registrar counts that is asked by one pledge with an avocado key and by one with a carrot key, and the first of which enrolls.
fn counted() -> String {
    let world = Arc::new(World::new());
    let (good, held) = (world.pledge("JADA1"), world.pledge("JADA2"));
    let statements = [world.statement(&good, Method::Avocado, 0), world.statement(&held, Method::Carrot, 0)];
    let masa = {
        let world = world.clone();
        FakeMasa::speaking(move |request, answer| {
            let request = request.peek_unverified(Leniencies::default()).unwrap();
            let statement = statements[usize::from(request.serial_number.as_str() == "JADA2")].clone();
            let voucher = world.sign_voucher_as(&world.voucher_for(&request), answer);
            Ok(MasaAnswer::Vouched { voucher, statement: Some(statement), audit_log: Some(AuditLog::default()) })
        })
    };
    let mut parts = world.parts(world.trust(), masa, Arc::new(MemoryPledges::new()));
    parts.pledges = measured_pledges(parts.pledges);
    parts.masa = measured_masa(parts.masa);
    parts.ca = measured_ca(parts.ca);
    parts.identity.signer = measured_signer(parts.identity.signer, KeyUse::Registrar);

    let recorder = PrometheusBuilder::new().build_recorder();
    let numbers = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        let registrar = Registrar::new(parts);
        block_on(registrar.request_voucher(&good.sign(&world.request(&good)), Format::Cms, &good.peer())).unwrap();
        block_on(registrar.request_voucher(&held.sign(&world.request(&held)), Format::Cms, &held.peer())).unwrap_err();
        let key = crate::testing::key();
        block_on(registrar.enroll(&good.csr(&key), &good.peer(), false)).unwrap();
        assert_eq!(block_on(registrar.pledges().head()).unwrap().size, 4);
    });
    numbers.render()
}

#[test]
fn decisions_are_counted_by_verdict_rule_method_and_manufacturer() {
    let text = counted();
    for line in [
        "brski_decisions_total{verdict=\"accept\",rule=\"made-inside\",method=\"avocado\",manufacturer=\"Maker\"} 1",
        "brski_decisions_total{verdict=\"hold\",rule=\"ask-about-carrots\",method=\"carrot\",manufacturer=\"Maker\"} 1",
        "brski_trail_events_total{event=\"admitted\"} 1",
        "brski_trail_events_total{event=\"held\"} 1",
        "brski_masa_questions_total{what=\"voucher\",outcome=\"vouched\"} 2",
        "brski_ldevids_total{event=\"issued\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
}

#[test]
fn what_is_counted_is_in_the_table_with_the_labels_it_names() {
    let text = counted();
    let mut found = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let name = line.split(['{', ' ']).next().unwrap();
        let base = ["_sum", "_count", "_bucket"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let metric = METRICS.iter().find(|metric| metric.name == base).unwrap_or_else(|| panic!("{line}"));
        let labels = line.split_once('{').map(|(_, rest)| rest.matches("=\"").count()).unwrap_or_default();
        assert!(labels.abs_diff(metric.labels.len()) <= usize::from(line.contains("quantile=") || line.contains("le=")), "{line}");
        found.insert(metric.name);
    }
    assert!(found.len() >= 8, "{found:?}");
}

#[test]
fn each_metric_has_one_name() {
    let names: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), METRICS.len());
}

#[test]
fn question_that_was_not_sent_is_counted_as_such() {
    let left_alone = crate::masa_client::breaker::LeftAlone { since: crate::testing::now(), until: crate::testing::now() };
    let error = |source| crate::MasaClientError::Unreachable { url: brski_common::MasaUrl::new("masa.example.com").unwrap(), source };
    assert_eq!([error(left_alone.into()), error("refused".into())].map(|err| measured::trouble(&err)), ["left-alone", "unreachable"]);
}
