//! What a registrar counts, by the `metrics` facade: a recorder that the binary installs collects it, and without one nothing happens.
//!
//! [`METRICS`] is the table of all of them. Values of labels come from closed sets or from the owner's own policy and trust, never from peers: no serial number, no path. The
//! one exception are the hosts of MASAs, which IDevIDs name: no more than 64 of them.

mod measured;
#[cfg(test)]
mod tests;

use core::time::Duration;

use brski_common::metric::{Metric, MetricKind};
use http::StatusCode;

pub use self::measured::{KeyUse, measured_ca, measured_masa, measured_pledges, measured_signer};

/// Every metric of a registrar, beside those of its listeners.
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
        name: DECISIONS,
        kind: MetricKind::Counter,
        labels: &["verdict", "rule", "method", "manufacturer"],
        help: "what the policy decided, by rule, method and manufacturer; a held pledge that asks again counts at most once an hour",
    },
    Metric { name: EVENTS, kind: MetricKind::Counter, labels: &["event"], help: "entries that this process wrote into the trail, by what happened" },
    Metric { name: MASA_QUESTIONS, kind: MetricKind::Counter, labels: &["what", "outcome"], help: "questions to MASAs, by what was asked and how it ended" },
    Metric { name: MASA_SECONDS, kind: MetricKind::Seconds, labels: &["what"], help: "time that a question to a MASA took" },
    Metric { name: MASA_CONNECTIONS, kind: MetricKind::Counter, labels: &[], help: "connections to MASAs that were made or tried to be made" },
    Metric { name: MASA_RETRIES, kind: MetricKind::Counter, labels: &[], help: "requests that were sent to a MASA again because it could not be reached" },
    Metric {
        name: MASA_LEFT_ALONE,
        kind: MetricKind::Gauge,
        labels: &["masa"],
        help: "1 while a MASA that does not answer is left alone, 0 once it answers again; beyond 64 hosts, how many of the others are",
    },
    Metric { name: LDEVIDS, kind: MetricKind::Counter, labels: &["event"], help: "LDevIDs that were issued, renewed and revoked by this process" },
    Metric { name: CA_SECONDS, kind: MetricKind::Seconds, labels: &["outcome"], help: "time that the certification authority took to issue or to fail" },
    Metric {
        name: COMMIT_SECONDS,
        kind: MetricKind::Seconds,
        labels: &[],
        help: "time from a change of the store of pledges to its answer, which comes once it is durable",
    },
    Metric { name: SIGN_SECONDS, kind: MetricKind::Seconds, labels: &["key"], help: "time that a key took to sign or to fail" },
    Metric { name: SIGN_FAILURES, kind: MetricKind::Counter, labels: &["key"], help: "signatures that a key did not make" },
    Metric { name: OPINIONS, kind: MetricKind::Counter, labels: &["allow"], help: "opinions that others asked for, by whether the device was acceptable" },
    Metric {
        name: HELD,
        kind: MetricKind::Gauge,
        labels: &[],
        help: "pledges that wait for a person, as of the last time that metrics were asked for; no more than 1000 are counted",
    },
    Metric { name: TRAIL_EVENTS, kind: MetricKind::Gauge, labels: &[], help: "events of the trail, as of the last time that metrics were asked for" },
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

pub(crate) fn count_opinion(allow: bool) {
    metrics::counter!(OPINIONS, "allow" => if allow { "true" } else { "false" }).increment(1);
}

/// `held` pledges wait for a person, and the trail has so many events.
pub(crate) fn tell_figures(held: usize, events: u64) {
    // Exact up to 2^53.
    #[expect(clippy::cast_precision_loss, reason = "gauges are floating-point numbers")]
    let (held, events) = (held as f64, events as f64);
    metrics::gauge!(HELD).set(held);
    metrics::gauge!(TRAIL_EVENTS).set(events);
}

#[cfg(feature = "masa-client")]
pub(crate) fn count_masa_connection() {
    metrics::counter!(MASA_CONNECTIONS).increment(1);
}

#[cfg(feature = "masa-client")]
pub(crate) fn count_masa_retry() {
    metrics::counter!(MASA_RETRIES).increment(1);
}

/// How many of those that `masa` names are left alone.
#[cfg(feature = "masa-client")]
pub(crate) fn tell_left_alone(masa: &str, many: u32) {
    metrics::gauge!(MASA_LEFT_ALONE, "masa" => masa.to_owned()).set(f64::from(many));
}

/// Up to so many held pledges are counted.
pub(crate) const MOST_HELD: u32 = 1000;

const BUILD: &str = "brski_build_info";
const REQUESTS: &str = "brski_requests_total";
const REQUEST_SECONDS: &str = "brski_request_seconds";
const DECISIONS: &str = "brski_decisions_total";
const EVENTS: &str = "brski_trail_events_total";
const MASA_QUESTIONS: &str = "brski_masa_questions_total";
const MASA_CONNECTIONS: &str = "brski_masa_connections_total";
const MASA_RETRIES: &str = "brski_masa_retries_total";
const MASA_LEFT_ALONE: &str = "brski_masa_left_alone";
const MASA_SECONDS: &str = "brski_masa_seconds";
const LDEVIDS: &str = "brski_ldevids_total";
const CA_SECONDS: &str = "brski_ca_seconds";
const COMMIT_SECONDS: &str = "brski_store_commit_seconds";
const SIGN_SECONDS: &str = "brski_sign_seconds";
const SIGN_FAILURES: &str = "brski_sign_failures_total";
const OPINIONS: &str = "brski_opinions_total";
const HELD: &str = "brski_held_pledges";
const TRAIL_EVENTS: &str = "brski_trail_events";
const RELOADS: &str = "brski_reloads_total";
