//! What a registrar counts, by the `metrics` facade: a recorder that the binary installs collects it, and without one nothing happens.
//!
//! [`METRICS`] is the table of all of them. Values of labels come from closed sets or from the owner's own policy and trust, never from peers: no serial number, no path. The
//! one exception are the hosts of MASAs, which IDevIDs name: no more than 64 of them.

mod measured;
#[cfg(test)]
mod tests;

pub use brski_common::metric::program::count_reload;
pub(crate) use brski_common::metric::program::{count_answer, outcome};
use brski_common::metric::{Metric, MetricKind, program};

pub use self::measured::{KeyUse, measured_ca, measured_masa, measured_pledges, measured_signer};

/// Every metric of a registrar, beside those of its listeners.
pub const METRICS: &[Metric] = &[
    program::BUILD,
    program::REQUESTS,
    program::REQUEST_SECONDS,
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
    program::SIGN_SECONDS,
    program::SIGN_FAILURES,
    Metric { name: OPINIONS, kind: MetricKind::Counter, labels: &["allow"], help: "opinions that others asked for, by whether the device was acceptable" },
    Metric {
        name: HELD,
        kind: MetricKind::Gauge,
        labels: &[],
        help: "pledges that wait for a person, as of the last time that metrics were asked for; no more than 1000 are counted",
    },
    Metric { name: TRAIL_EVENTS, kind: MetricKind::Gauge, labels: &[], help: "events of the trail, as of the last time that metrics were asked for" },
    program::RELOADS,
];

/// Says which program this is.
pub fn tell_build() {
    program::tell_build(env!("CARGO_PKG_VERSION"));
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
const OPINIONS: &str = "brski_opinions_total";
const HELD: &str = "brski_held_pledges";
const TRAIL_EVENTS: &str = "brski_trail_events";
