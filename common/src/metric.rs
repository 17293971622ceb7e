//! How a table of metrics is written down, so that what is told of them and what is counted cannot drift apart.

#[cfg(feature = "http")]
pub mod program;

/// One metric: its name, which labels it has, and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: MetricKind,
    /// The labels that each of its lines has.
    pub labels: &'static [&'static str],
    /// What it says, in one sentence.
    pub help: &'static str,
}

/// How a metric moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Up, from 0 at the start of the process.
    Counter,
    /// Up and down.
    Gauge,
    /// A histogram of seconds.
    Seconds,
}
