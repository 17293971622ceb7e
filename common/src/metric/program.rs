//! What every program here counts alike, whatever it does: its build, its answers, its keys and its configurations.

use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;

use super::{Metric, MetricKind};
use crate::BoxFuture;
use crate::error::SignError;
use crate::sign::{PublicKey, Signature, SignatureAlgorithm, Signer};

/// Which build of the program runs.
pub const BUILD: Metric = Metric { name: "brski_build_info", kind: MetricKind::Gauge, labels: &["version"], help: "1, with the version of the program" };

/// Answers.
pub const REQUESTS: Metric = Metric {
    name: "brski_requests_total",
    kind: MetricKind::Counter,
    labels: &["resource", "outcome", "status"],
    help: "requests that were answered, by resource, outcome and HTTP status",
};

/// How long they took.
pub const REQUEST_SECONDS: Metric =
    Metric { name: "brski_request_seconds", kind: MetricKind::Seconds, labels: &["resource"], help: "time from the end of a request's head to its answer" };

/// How long keys take.
pub const SIGN_SECONDS: Metric =
    Metric { name: "brski_sign_seconds", kind: MetricKind::Seconds, labels: &["key"], help: "time that a key took to sign or to fail" };

/// Keys that do not answer.
pub const SIGN_FAILURES: Metric =
    Metric { name: "brski_sign_failures_total", kind: MetricKind::Counter, labels: &["key"], help: "signatures that a key did not make" };

/// Configurations.
pub const RELOADS: Metric =
    Metric { name: "brski_reloads_total", kind: MetricKind::Counter, labels: &["outcome"], help: "configurations that were read anew, applied or refused" };

/// Says which version of the program this is.
pub fn tell_build(version: &'static str) {
    metrics::gauge!(BUILD.name, "version" => version).set(1.0);
}

/// Counts a configuration that was read anew.
pub fn count_reload(applied: bool) {
    metrics::counter!(RELOADS.name, "outcome" => if applied { "applied" } else { "refused" }).increment(1);
}

/// Counts an answer. `resource` is one of a fixed few.
pub fn count_answer(resource: &'static str, status: StatusCode, took: Duration) {
    metrics::counter!(REQUESTS.name, "resource" => resource, "outcome" => outcome(status), "status" => status.as_str().to_owned()).increment(1);
    metrics::histogram!(REQUEST_SECONDS.name, "resource" => resource).record(took.as_secs_f64());
}

/// What a status means, in one word.
pub fn outcome(status: StatusCode) -> &'static str {
    match status {
        StatusCode::ACCEPTED => "pending",
        status if status.is_success() => "done",
        status if status.is_server_error() => "failed",
        _ => "refused",
    }
}

/// The same key, measured under this name, which is one of a fixed few.
pub fn measured_signer(signer: Arc<dyn Signer>, name: &'static str) -> Arc<dyn Signer> {
    Arc::new(MeasuredSigner { signer, name })
}

struct MeasuredSigner {
    signer: Arc<dyn Signer>,
    name: &'static str,
}

impl Signer for MeasuredSigner {
    fn public_key(&self) -> &PublicKey {
        self.signer.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.signer.algorithm()
    }

    fn sign<'a>(&'a self, tbs: &'a [u8]) -> BoxFuture<'a, Result<Signature, SignError>> {
        Box::pin(async move {
            let began = Instant::now();
            let signed = self.signer.sign(tbs).await;
            metrics::histogram!(SIGN_SECONDS.name, "key" => self.name).record(began.elapsed().as_secs_f64());
            if signed.is_err() {
                metrics::counter!(SIGN_FAILURES.name, "key" => self.name).increment(1);
            }
            signed
        })
    }
}
