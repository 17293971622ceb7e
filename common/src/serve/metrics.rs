//! Metrics in the text format of Prometheus: the recorder that a binary installs, and what a listener counts.
//!
//! Values of labels come from closed sets: whatever a peer may choose (a serial number, a path, a name) would let it fill the memory.

use core::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::http::TOO_OFTEN;
use crate::metric::{Metric, MetricKind};

/// What every listener counts.
pub const LISTENER_METRICS: &[Metric] = &[
    Metric { name: CONNECTIONS, kind: MetricKind::Gauge, labels: &["listener"], help: "connections that stand, those in a TLS handshake included" },
    Metric { name: FAILED_HANDSHAKES, kind: MetricKind::Counter, labels: &["listener"], help: "TLS handshakes that failed or did not end in time" },
    Metric { name: TOO_OFTEN, kind: MetricKind::Counter, labels: &["by"], help: "requests refused because their certificate or address asks too often" },
];

/// Makes a recorder for these metrics: `metrics::set_global_recorder` takes it, or `metrics::with_local_recorder` in a test.
///
/// # Errors
/// [`BuildError`] if the library does not take the bounds of the histograms.
pub fn recorder(tables: &[&[Metric]]) -> Result<PrometheusRecorder, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in tables.iter().copied().flatten().filter(|metric| metric.kind == MetricKind::Seconds) {
        builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), SECONDS)?;
    }
    let recorder = builder.build_recorder();
    metrics::with_local_recorder(&recorder, || tables.iter().copied().flatten().for_each(describe));
    Ok(recorder)
}

/// The metrics as they are now. What histograms have taken in since is put into their buckets first: ask now and then, so that nothing heaps up.
pub fn render(handle: &PrometheusHandle) -> String {
    handle.run_upkeep();
    handle.render()
}

fn describe(metric: &Metric) {
    match metric.kind {
        MetricKind::Counter => metrics::describe_counter!(metric.name, metric.help),
        MetricKind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
        MetricKind::Seconds => metrics::describe_histogram!(metric.name, metric.help),
    }
}

/// Counts as a connection that stands, until it is dropped.
pub(super) struct OpenConnection(metrics::Gauge);

impl OpenConnection {
    pub(super) fn count(listener: &'static str) -> Self {
        let gauge = metrics::gauge!(CONNECTIONS, "listener" => listener);
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

pub(super) fn count_failed_handshake(listener: &'static str) {
    metrics::counter!(FAILED_HANDSHAKES, "listener" => listener).increment(1);
}

/// How often [`render`] should be called at least, if nobody asks for metrics.
pub const UPKEEP: Duration = Duration::from_secs(10);

const CONNECTIONS: &str = "brski_connections";
const FAILED_HANDSHAKES: &str = "brski_tls_handshake_failures_total";

// From a software key's signature to a disk that is about to fail.
const SECONDS: &[f64] = &[0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
