//! What a run came to, for people and for programs.

use core::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::ceiling::Needs;
use crate::driver::Measured;
use crate::journeys::Asker;
use crate::plan::{Connections, Journey, Load, Pace};
use crate::primitives::Primitives;
use crate::process::Memory;

/// Everything that was measured in one run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Report {
    /// `release`, or `debug` for figures that say nothing of a released program.
    pub(crate) build: &'static str,
    /// From the common start to the last answer.
    pub(crate) seconds: f64,
    /// Processors, which client and servers share.
    pub(crate) processors: usize,
    pub(crate) loads: Vec<LoadReport>,
    /// None for servers that were not started here.
    pub(crate) servers: Option<Vec<ServerReport>>,
    /// Share of all processors' time that this program had.
    pub(crate) client_share: f64,
    pub(crate) primitives: Primitives,
    pub(crate) ceiling: Ceiling,
}

/// One load.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct LoadReport {
    #[serde(flatten)]
    pub(crate) load: Load,
    /// Requests that succeeded.
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    /// Those that succeeded, by the clock.
    pub(crate) rate_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    #[serde(rename = "p99.9-ms")]
    pub(crate) p999_ms: f64,
    pub(crate) longest_ms: f64,
    pub(crate) failures: Vec<Failure>,
    /// Pledges that take turns.
    pub(crate) pledges: usize,
    /// How often the one asked that asked most often: what a MASA knows of a device grows with each voucher.
    pub(crate) most_by_one_pledge: usize,
    /// Whether it ended early because every pledge has as many LDevIDs as one may have.
    pub(crate) pledges_used_up: bool,
    /// What one request cannot do without.
    pub(crate) needs: Needs,
    pub(crate) ceiling_cpu_ms: f64,
}

/// One kind of failure.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Failure {
    pub(crate) count: u64,
    /// What the first of them said.
    pub(crate) first: String,
}

/// One server.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct ServerReport {
    pub(crate) name: &'static str,
    pub(crate) cpu_ms: f64,
    /// For each request that succeeded, of whatever kind; none if none did.
    pub(crate) cpu_ms_per_request: Option<f64>,
    /// Share of all processors' time.
    pub(crate) share: f64,
    #[serde(flatten)]
    pub(crate) memory: Memory,
}

/// What would be possible, and how much of it came about.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Ceiling {
    /// Of all requests that succeeded, on average.
    pub(crate) cpu_ms_per_request: Option<f64>,
    pub(crate) requests_per_server_cpu_second: Option<f64>,
    /// CPU time of the ceiling over the servers' measured CPU time, 1 being all of it.
    pub(crate) reached: Option<f64>,
}

impl LoadReport {
    pub(crate) fn new(asker: &Asker, measured: &Measured, primitives: &Primitives) -> Self {
        let at = |quantile| measured.latencies.value_at_quantile(quantile) as f64 / 1e3;
        let needs = Needs::of(&asker.load);
        Self {
            load: asker.load,
            succeeded: measured.succeeded(),
            failed: measured.failed(),
            rate_per_second: ratio(measured.succeeded() as f64, measured.spent.as_secs_f64()).unwrap_or_default(),
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            longest_ms: measured.latencies.max() as f64 / 1e3,
            failures: measured.failures.values().map(|(count, first)| Failure { count: *count, first: first.clone() }).collect(),
            pledges: asker.pledges,
            most_by_one_pledge: asker.most_by_one(),
            pledges_used_up: measured.used_up,
            ceiling_cpu_ms: needs.cpu_ms(primitives),
            needs,
        }
    }
}

impl Ceiling {
    /// Over everything that succeeded. `spent` is the servers' CPU time, if it is known.
    pub(crate) fn new(loads: &[LoadReport], spent: Option<Duration>) -> Self {
        let succeeded: u64 = loads.iter().map(|load| load.succeeded).sum();
        let least: f64 = loads.iter().map(|load| load.succeeded as f64 * load.ceiling_cpu_ms).sum();
        let each = ratio(least, succeeded as f64);
        Self {
            cpu_ms_per_request: each,
            requests_per_server_cpu_second: each.and_then(|each| ratio(1e3, each)),
            reached: spent.and_then(|spent| ratio(least, spent.as_secs_f64() * 1e3)),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.build == "debug" {
            writeln!(f, "a debug build: these figures say nothing of released programs")?;
        }
        for load in &self.loads {
            writeln!(f, "{load}")?;
        }
        for server in self.servers.iter().flatten() {
            let each = server.cpu_ms_per_request.map_or_else(|| "no".to_owned(), |each| format!("{each:.2}"));
            let [peak, resident] = [server.memory.peak_kib, server.memory.resident_kib].map(|kib| kib as f64 / 1024.0);
            writeln!(f, "{:<11}{each} CPU ms a request; memory at most {peak:.1} MiB, now {resident:.1} MiB", server.name)?;
        }
        if self.servers.is_none() {
            writeln!(f, "servers    were not started here, so that their CPU time and memory are not known")?;
        }
        let servers = self.servers.iter().flatten().map(|server| format!("{} {:.0} %, ", server.name, server.share * 100.0));
        let (servers, own) = (servers.collect::<String>(), self.client_share * 100.0);
        let verdict = match own > MUCH {
            true => " (the client has much of them: the rate by the clock is its own as much as the servers')",
            false => "",
        };
        writeln!(f, "processors {} for client and servers together: {servers}client {own:.0} %{verdict}", self.processors)?;
        let Primitives { verify_cpu_ms, sign_cpu_ms, handshake_cpu_ms, resumed_handshake_cpu_ms, append_cpu_ms, append_wall_ms } = self.primitives;
        writeln!(
            f,
            "primitives in CPU ms: P-256 verification {verify_cpu_ms:.3}, signature {sign_cpu_ms:.3}, server's part of a TLS handshake {handshake_cpu_ms:.3} \
             (resumed {resumed_handshake_cpu_ms:.3}), durable append {append_cpu_ms:.3} ({append_wall_ms:.2} ms by the clock)"
        )?;
        for load in &self.loads {
            let LoadReport { needs, ceiling_cpu_ms, .. } = load;
            writeln!(f, "ceiling    of {}: {needs} = {ceiling_cpu_ms:.3} CPU ms", load.load.journey.name())?;
            needs.which.iter().try_for_each(|which| writeln!(f, "             {which}"))?;
        }
        writeln!(
            f,
            "           not counted: appends, which requests share, and what can be remembered from one request to the next, such as links between certificates that recur"
        )?;
        if let Some(possible) = self.ceiling.requests_per_server_cpu_second {
            writeln!(f, "           {possible:.0} requests for each second of CPU time that the servers have")?;
        }
        match self.ceiling.reached {
            Some(reached) => write!(f, "reached    {:.1} % of the ceiling, by the servers' CPU time", reached * 100.0),
            None => write!(f, "reached    not known: the servers' CPU time is not, or was less than a clock tick"),
        }
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Load { journey, pace, connections, format } = self.load;
        let pace = match pace {
            Pace::Clients(clients) => format!("closed loop of {clients} clients"),
            Pace::Rate(rate) => format!("open loop of {rate} requests a second"),
        };
        let connections = match connections {
            Connections::KeepAlive => "kept connections",
            Connections::Fresh => "fresh connections",
        };
        writeln!(f, "{}: {}, {pace}, {connections}", journey.name(), brski_common::Format::from(format).name())?;
        writeln!(f, "rate       {:.1} a second, {} succeeded, {} failed", self.rate_per_second, self.succeeded, self.failed)?;
        let Self { p50_ms, p99_ms, p999_ms, longest_ms, .. } = self;
        write!(f, "latency    p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms, p99.9 {p999_ms:.1} ms, longest {longest_ms:.1} ms")?;
        for failure in &self.failures {
            write!(f, "\nfailed     {} times: {}", failure.count, failure.first)?;
        }
        write!(f, "\npledges    {}; most requests by one of them: {}", self.pledges, self.most_by_one_pledge)?;
        if self.pledges_used_up {
            write!(f, "; all are used up, as each has as many LDevIDs as one may have: --pledges makes more")?;
        }
        Ok(())
    }
}

impl Journey {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Voucher => "voucher",
            Self::Enrol => "enrol",
            Self::Onboard => "onboard",
        }
    }
}

/// `part` over `whole`, if there is a whole.
pub(crate) fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// Percent of all processors from which on a client is in its servers' way.
const MUCH: f64 = 40.0;
