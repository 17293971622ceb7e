//! What a MASA counts, by the `metrics` facade: a recorder that the binary installs collects it, and without one nothing happens.
//!
//! [`METRICS`] is the table of all of them. Values of labels come from closed sets, never from peers: no serial number, no name, no path.

mod measured;
#[cfg(test)]
mod tests;

use core::time::Duration;

use brski_common::Assertion;
use brski_common::metric::{Metric, MetricKind};
use brski_common::provenance::{Basis, Method};
use http::StatusCode;

pub use self::measured::{KeyUse, measured_ledger, measured_signer};

/// Every metric of a MASA, beside those of its listeners.
pub const METRICS: &[Metric] = &[
    Metric { name: BUILD, kind: MetricKind::Gauge, labels: &["version"], help: "1, with the version of the program" },
    Metric {
        name: REQUESTS,
        kind: MetricKind::Counter,
        labels: &["resource", "outcome", "status"],
        help: "requests that were answered, by resource, outcome and HTTP status",
    },
    Metric { name: REQUEST_SECONDS, kind: MetricKind::Seconds, labels: &["resource"], help: "time from the end of a request's head to its answer" },
    Metric {
        name: VOUCHERS,
        kind: MetricKind::Counter,
        labels: &["assertion"],
        help: "vouchers that this server decided on, by what they assert; the same again is not counted, nor those that the command line makes",
    },
    Metric {
        name: RECORDS,
        kind: MetricKind::Counter,
        labels: &["method", "basis"],
        help: "provenance records that this server wrote, corrections included, by method and basis; what `record` and `spool forward` write into the same ledger is in brski_log_entries alone",
    },
    Metric { name: SIGN_SECONDS, kind: MetricKind::Seconds, labels: &["key"], help: "time that a key took to sign or to fail" },
    Metric { name: SIGN_FAILURES, kind: MetricKind::Counter, labels: &["key"], help: "signatures that a key did not make" },
    Metric {
        name: COMMIT_SECONDS,
        kind: MetricKind::Seconds,
        labels: &[],
        help: "time from an append to the ledger to its answer, which comes once it is durable",
    },
    Metric { name: LOG_ENTRIES, kind: MetricKind::Gauge, labels: &[], help: "entries of the log, as of the last time that metrics were asked for" },
    Metric { name: RELOADS, kind: MetricKind::Counter, labels: &["outcome"], help: "configurations that were read anew, applied or refused" },
];

/// Says which program this is.
pub fn tell_build() {
    metrics::gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// Counts a configuration that was read anew.
pub fn count_reload(applied: bool) {
    metrics::counter!(RELOADS, "outcome" => if applied { "applied" } else { "refused" }).increment(1);
}

/// Counts an answer. `resource` is one of a fixed few.
pub(crate) fn count_answer(resource: &'static str, status: StatusCode, took: Duration) {
    metrics::counter!(REQUESTS, "resource" => resource, "outcome" => outcome(status), "status" => status.as_str().to_owned()).increment(1);
    metrics::histogram!(REQUEST_SECONDS, "resource" => resource).record(took.as_secs_f64());
}

/// What a status means, in one word.
pub(crate) fn outcome(status: StatusCode) -> &'static str {
    match status {
        StatusCode::ACCEPTED => "pending",
        status if status.is_success() => "done",
        status if status.is_server_error() => "failed",
        _ => "refused",
    }
}

pub(crate) fn tell_log_size(entries: u64) {
    // Exact up to 2^53.
    #[expect(clippy::cast_precision_loss, reason = "gauges are floating-point numbers")]
    metrics::gauge!(LOG_ENTRIES).set(entries as f64);
}

fn count_voucher(assertion: Assertion) {
    metrics::counter!(VOUCHERS, "assertion" => assertion.name()).increment(1);
}

fn count_record(method: Method, basis: Basis) {
    metrics::counter!(RECORDS, "method" => method.name(), "basis" => basis.name()).increment(1);
}

const BUILD: &str = "brski_build_info";
const REQUESTS: &str = "brski_requests_total";
const REQUEST_SECONDS: &str = "brski_request_seconds";
const VOUCHERS: &str = "brski_vouchers_total";
const RECORDS: &str = "brski_records_total";
const SIGN_SECONDS: &str = "brski_sign_seconds";
const SIGN_FAILURES: &str = "brski_sign_failures_total";
const COMMIT_SECONDS: &str = "brski_ledger_commit_seconds";
const LOG_ENTRIES: &str = "brski_log_entries";
const RELOADS: &str = "brski_reloads_total";
