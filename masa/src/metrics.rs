//! What a MASA counts, by the `metrics` facade: a recorder that the binary installs collects it, and without one nothing happens.
//!
//! [`METRICS`] is the table of all of them. Values of labels come from closed sets, never from peers: no serial number, no name, no path.

mod measured;
#[cfg(test)]
mod tests;

use brski_common::Assertion;
pub use brski_common::metric::program::count_reload;
pub(crate) use brski_common::metric::program::{count_answer, outcome};
use brski_common::metric::{Metric, MetricKind, program};
use brski_common::provenance::{Basis, Method};

pub use self::measured::{KeyUse, measured_ledger, measured_signer};

/// Every metric of a MASA, beside those of its listeners.
pub const METRICS: &[Metric] = &[
    program::BUILD,
    program::REQUESTS,
    program::REQUEST_SECONDS,
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
    program::SIGN_SECONDS,
    program::SIGN_FAILURES,
    Metric {
        name: COMMIT_SECONDS,
        kind: MetricKind::Seconds,
        labels: &[],
        help: "time from an append to the ledger to its answer, which comes once it is durable",
    },
    Metric { name: LOG_ENTRIES, kind: MetricKind::Gauge, labels: &[], help: "entries of the log, as of the last time that metrics were asked for" },
    program::RELOADS,
];

/// Says which program this is.
pub fn tell_build() {
    program::tell_build(env!("CARGO_PKG_VERSION"));
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

const VOUCHERS: &str = "brski_vouchers_total";
const RECORDS: &str = "brski_records_total";
const COMMIT_SECONDS: &str = "brski_ledger_commit_seconds";
const LOG_ENTRIES: &str = "brski_log_entries";
