#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::sync::Arc;

use brski_common::Signer as _;
use brski_common::provenance::Basis;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use http_body_util::Full;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};

use super::*;
use crate::masa::{Masa, MasaParts};
use crate::testing::{Maker, NOW, Owner, block_on, memory, new_key, nonce, origin};
use crate::{MasaService, ProductLine, ProductLines, VoucherSigners};

/// What is collected while `scene` runs on this thread.
fn collected(scene: impl FnOnce()) -> String {
    let recorder: PrometheusRecorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, scene);
    recorder.handle().run_upkeep();
    recorder.handle().render()
}

/// The value of the line that begins so.
fn value(text: &str, line: &str) -> f64 {
    let rest = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' ')).unwrap_or_else(|| panic!("no {line} in {text}"));
    rest.parse().unwrap()
}

/// One pledge recorded, vouched for twice with one nonce, refused to a stranger, and asked for in another way.
fn day_at_the_masa() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let parts = maker.parts(measured_ledger(memory()));
    let key = |party: brski_common::SigningParty, key| brski_common::SigningParty { signer: measured_signer(party.signer, key), ..party };
    let line = parts.lines.rest();
    let line = ProductLine {
        vouchers: VoucherSigners::one(key(maker.voucher.party(&[]), KeyUse::Voucher)),
        provenance: key(maker.provenance.party(&[]), KeyUse::Provenance),
        ..line.clone()
    };
    let log_key = measured_signer(Arc::new(maker.log.clone()), KeyUse::Log);
    let masa = Arc::new(Masa::new(MasaParts { lines: ProductLines::one(line), log_key, ..parts }));
    let pledge = maker.pledge("JADA123");
    block_on(masa.record(&maker.report(&pledge, Some(origin())))).unwrap();
    let service = MasaService::new(Arc::clone(&masa), 64 * 1024);
    let ask = |resource: &str, body: Vec<u8>| {
        let request = Request::post(format!("/.well-known/brski/{resource}")).header(CONTENT_TYPE, "application/voucher-cms+json");
        block_on(service.respond(request.body(Full::<Bytes>::from(body)).unwrap())).status()
    };
    let request = || owner.request(&pledge, nonce(1)).wire().to_vec();
    assert_eq!(ask("requestvoucher", request()), StatusCode::OK);
    assert_eq!(ask("requestvoucher", request()), StatusCode::OK);
    assert_eq!(ask("requestvoucher", owner.request(&maker.pledge("JADA999"), nonce(2)).wire().to_vec()), StatusCode::NOT_FOUND);
    assert_eq!(ask("JADA123/../../etc", request()), StatusCode::NOT_FOUND);
    tell_log_size(block_on(masa.head()).unwrap().size);
    tell_build();
    count_reload(true);
}

#[test]
fn values_are_those_of_what_happened() {
    let text = collected(day_at_the_masa);
    let basis = Basis::StationSigned.name();
    for (line, expected) in [
        ("brski_requests_total{resource=\"voucher\",outcome=\"done\",status=\"200\"}", 2.0),
        ("brski_requests_total{resource=\"voucher\",outcome=\"refused\",status=\"404\"}", 1.0),
        ("brski_requests_total{resource=\"other\",outcome=\"refused\",status=\"404\"}", 1.0),
        ("brski_vouchers_total{assertion=\"proximity\"}", 1.0),
        (&format!("brski_records_total{{method=\"avocado\",basis=\"{basis}\"}}"), 1.0),
        ("brski_sign_seconds_count{key=\"voucher\"}", 2.0),
        ("brski_sign_seconds_count{key=\"provenance\"}", 1.0),
        // Genesis, made, recorded, stated, vouched.
        ("brski_log_entries", 5.0),
        ("brski_ledger_commit_seconds_count", 3.0),
        ("brski_request_seconds_count{resource=\"voucher\"}", 3.0),
        ("brski_reloads_total{outcome=\"applied\"}", 1.0),
    ] {
        assert_eq!(value(&text, line), expected, "{line}");
    }
}

#[test]
fn table_names_every_metric_and_every_label() {
    let failing = || {
        let key = measured_signer(Arc::new(Failing(new_key())), KeyUse::Tls);
        block_on(key.sign(b"")).unwrap_err();
    };
    let text = collected(|| {
        day_at_the_masa();
        failing();
    });
    let mut found = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap());
        let base = name.trim_end_matches("_sum").trim_end_matches("_count").trim_end_matches("_bucket");
        let metric = METRICS.iter().find(|metric| metric.name == name || metric.name == base).unwrap_or_else(|| panic!("{name} is not in the table"));
        let labels = rest.split('}').next().unwrap().trim_start_matches('{').split(',').filter_map(|label| label.split_once('=').map(|(name, _)| name));
        let labels: BTreeSet<_> = labels.filter(|label| !["quantile", "le"].contains(label)).collect();
        assert_eq!(labels, metric.labels.iter().copied().collect(), "{line}");
        found.insert(metric.name);
    }
    assert_eq!(found, METRICS.iter().map(|metric| metric.name).collect());
}

#[test]
fn nothing_that_a_peer_chose_is_told() {
    let text = collected(day_at_the_masa);
    assert!(!text.contains("JADA") && !text.contains("owner") && !text.contains("etc"), "{text}");
}

struct Failing(brski_common::SoftwareKey);

impl brski_common::Signer for Failing {
    fn public_key(&self) -> &brski_common::PublicKey {
        self.0.public_key()
    }

    fn algorithm(&self) -> brski_common::SignatureAlgorithm {
        self.0.algorithm()
    }

    fn sign<'a>(&'a self, _: &'a [u8]) -> brski_common::BoxFuture<'a, Result<brski_common::Signature, brski_common::SignError>> {
        Box::pin(async { Err(brski_common::SignError::Key(format!("gone since {}", NOW.as_secs()).into())) })
    }
}

/// A ledger of which only what has a default answers.
struct Fast;

impl crate::Ledger for Fast {
    fn append(&self, _: Vec<crate::Entry>) -> brski_common::BoxFuture<'_, Result<core::ops::Range<u64>, crate::LedgerError>> {
        Box::pin(async { Err(crate::LedgerError::Busy) })
    }

    fn append_all(&self, groups: Vec<Vec<crate::Entry>>) -> brski_common::BoxFuture<'_, Vec<Result<core::ops::Range<u64>, crate::LedgerError>>> {
        Box::pin(async move { groups.iter().map(|_| Ok(7..8)).collect() })
    }

    fn history<'a>(&'a self, _: &'a brski_common::DeviceId) -> brski_common::BoxFuture<'a, Result<Option<crate::History>, crate::LedgerError>> {
        Box::pin(async { Err(crate::LedgerError::Busy) })
    }

    fn histories<'a>(&'a self, devices: &'a [brski_common::DeviceId]) -> brski_common::BoxFuture<'a, Result<Vec<Option<crate::History>>, crate::LedgerError>> {
        Box::pin(async move { Ok(devices.iter().map(|_| None).collect()) })
    }

    fn devices<'a>(&'a self, _: &'a brski_common::SerialNumber) -> brski_common::BoxFuture<'a, Result<Vec<brski_common::DeviceId>, crate::LedgerError>> {
        Box::pin(async { Err(crate::LedgerError::Busy) })
    }

    fn entries(&self, _: u64, _: usize) -> brski_common::BoxFuture<'_, Result<Vec<(u64, crate::Entry)>, crate::LedgerError>> {
        Box::pin(async { Err(crate::LedgerError::Busy) })
    }

    fn head(&self) -> brski_common::BoxFuture<'_, Result<crate::TreeHead, crate::LedgerError>> {
        Box::pin(async { Err(crate::LedgerError::Busy) })
    }

    fn inclusion(&self, _: u64, _: u64) -> brski_common::BoxFuture<'_, Result<Vec<brski_common::log::Hash>, crate::LedgerError>> {
        Box::pin(async { Err(crate::LedgerError::Busy) })
    }

    fn consistency(&self, _: u64, _: u64) -> brski_common::BoxFuture<'_, Result<Vec<brski_common::log::Hash>, crate::LedgerError>> {
        Box::pin(async { Err(crate::LedgerError::Busy) })
    }
}

#[test]
fn measured_ledger_is_as_fast_at_many_things_at_once_as_the_one_inside() {
    let ledger = measured_ledger(Arc::new(Fast));
    let appended = block_on(ledger.append_all(vec![vec![]]));
    assert!(matches!(appended.as_slice(), [Ok(range)] if *range == (7..8)));
    let device = Maker::new().pledge("JADA1").device();
    assert_eq!(block_on(ledger.histories(&[device])).unwrap(), [None]);
}
