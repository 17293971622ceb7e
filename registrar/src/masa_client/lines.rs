//! What outlives a client for MASAs: open connections, and which MASAs are left alone.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use brski_common::time::to_rfc3339;
use brski_common::{MasaUrl, UnixTime};

use super::MasaClientError;
use super::breaker::{Breaker, Change, LeftAlone};
use super::pool::Pool;
use crate::metrics;

/// What clients share that ask one after the other or beside each other, such as those of an old and of a new configuration. Clones share it.
///
/// A connection is used by nobody but who shows the same certificates, and trusts the same anchors for the same server.
#[derive(Clone, Debug, Default)]
pub struct Lines(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    pool: Pool,
    watched: Mutex<Watched>,
}

#[derive(Debug, Default)]
struct Watched {
    // By authority: two manufacturers may share one server.
    breakers: HashMap<String, Breaker>,
    /// Those that metrics name, because they were left alone once.
    named: BTreeSet<String>,
    /// How many of the others are left alone.
    others: u32,
}

impl Lines {
    pub(super) fn pool(&self) -> &Pool {
        &self.0.pool
    }

    /// Whether this MASA may be asked now.
    pub(super) fn may_ask(&self, url: &MasaUrl, now: UnixTime) -> Result<(), MasaClientError> {
        let asked = match self.watched().breakers.get_mut(&authority(url)) {
            Some(breaker) => breaker.ask(now),
            None => Ok(()),
        };
        asked.map_err(|left_alone| MasaClientError::Unreachable { url: url.clone(), source: Box::new(left_alone) })
    }

    /// Notes how a question to this MASA ended.
    pub(super) fn note(&self, url: &MasaUrl, trouble: Option<&MasaClientError>, now: UnixTime) {
        let change = self.watched().note(authority(url), trouble.is_some_and(MasaClientError::is_passing), now);
        match change {
            Some(Change::Opened(LeftAlone { until, .. })) => {
                tracing::error!(masa = %url, until = to_rfc3339(until), "the MASA does not answer, and is left alone for a while");
            }
            Some(Change::Closed { since }) => tracing::info!(masa = %url, since = to_rfc3339(since), "the MASA answers again"),
            None => {}
        }
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.0.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn note(&mut self, authority: String, failed: bool, now: UnixTime) -> Option<Change> {
        // Devices say where their MASA is: those of a manufacturer with one beside the other do not fill the memory.
        if !self.breakers.contains_key(&authority) && (!failed || self.breakers.len() >= MOST_WATCHED) {
            return None;
        }
        let breaker = self.breakers.entry(authority.clone()).or_default();
        // Who answers nonsense, or under a false name, is there: waiting changes nothing.
        let change = if failed { breaker.failed(now) } else { breaker.answered() };
        if breaker.is_at_rest() {
            self.breakers.remove(&authority);
        }
        match change {
            Some(Change::Opened(_)) => self.tell(authority, true),
            Some(Change::Closed { .. }) => self.tell(authority, false),
            None => {}
        }
        change
    }

    /// Tells the metrics, which never forget a name, so that they get no more than a few.
    fn tell(&mut self, authority: String, left_alone: bool) {
        if self.named.contains(&authority) || self.named.len() < MOST_NAMED {
            metrics::tell_left_alone(&authority, u32::from(left_alone));
            self.named.insert(authority);
        } else {
            self.others = if left_alone { self.others.saturating_add(1) } else { self.others.saturating_sub(1) };
            metrics::tell_left_alone(OTHERS, self.others);
        }
    }
}

fn authority(url: &MasaUrl) -> String {
    url.authority().to_ascii_lowercase()
}

/// More MASAs than an owner has manufacturers.
const MOST_WATCHED: usize = 1024;

/// How many MASAs metrics name.
const MOST_NAMED: usize = 64;

/// What metrics call all others together; no host has such a name.
const OTHERS: &str = "(others)";

#[cfg(test)]
mod tests {
    use brski_common::time::at;
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;
    use crate::masa_client::breaker::MOST_FAILURES;
    use crate::testing::NOW;

    fn url(number: usize) -> MasaUrl {
        MasaUrl::new(&format!("masa-{number}.example.com")).unwrap()
    }

    /// Metrics after `hosts` MASAs did not answer, and of those the ones `again` answered again.
    fn told(hosts: usize, again: core::ops::Range<usize>) -> String {
        let recorder = PrometheusBuilder::new().build_recorder();
        let numbers = recorder.handle();
        ::metrics::with_local_recorder(&recorder, || {
            let lines = Lines::default();
            for host in 0..hosts {
                let gone = MasaClientError::Unreachable { url: url(host), source: "nobody is there".into() };
                (0..MOST_FAILURES).for_each(|_| lines.note(&url(host), Some(&gone), at(NOW)));
            }
            again.for_each(|host| lines.note(&url(host), None, at(NOW + 1)));
        });
        numbers.render()
    }

    fn value(text: &str, masa: &str) -> Option<f64> {
        text.lines().find_map(|line| line.strip_prefix(&format!("brski_masa_left_alone{{masa=\"{masa}\"}} "))?.parse().ok())
    }

    #[test]
    fn masa_that_is_left_alone_is_named_in_metrics_and_so_is_its_return() {
        let text = told(2, 1..2);
        assert_eq!(["masa-0.example.com", "masa-1.example.com", OTHERS].map(|masa| value(&text, masa)), [Some(1.0), Some(0.0), None]);
    }

    #[test]
    fn metrics_name_no_more_than_a_few_masas_and_count_the_others() {
        let text = told(MOST_NAMED + 3, MOST_NAMED..MOST_NAMED + 1);
        assert_eq!(text.matches("brski_masa_left_alone{").count(), MOST_NAMED + 1);
        assert_eq!(value(&text, OTHERS), Some(2.0));
    }

    #[test]
    fn masa_that_failed_once_and_answers_is_in_no_memory() {
        let lines = Lines::default();
        let gone = MasaClientError::Unreachable { url: url(1), source: "nobody is there".into() };
        lines.note(&url(1), Some(&gone), at(NOW));
        lines.note(&url(1), None, at(NOW));
        assert!(lines.watched().breakers.is_empty());
    }

    #[test]
    fn masas_beyond_all_measure_are_not_watched() {
        let mut watched = Watched::default();
        for host in 0..=MOST_WATCHED {
            watched.note(host.to_string(), true, at(NOW));
        }
        assert_eq!(watched.breakers.len(), MOST_WATCHED);
    }
}
