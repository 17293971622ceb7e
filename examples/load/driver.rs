//! Asks over and over, and writes down how long each answer took.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use brski_common::text::{LONGEST_LINE, printable};
use hdrhistogram::Histogram;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::journeys::Asker;
use crate::plan::Pace;

/// What one load came to.
pub(crate) struct Measured {
    /// Microseconds from the intended start of each request that succeeded to its verified answer.
    pub(crate) latencies: Histogram<u64>,
    /// The same by when they were answered, for pictures.
    pub(crate) answered: Vec<(Duration, Duration)>,
    /// From the common start to the last answer.
    pub(crate) spent: Duration,
    /// How often each kind of failure came, and its first sentence.
    pub(crate) failures: BTreeMap<String, (u64, String)>,
    /// Whether the pledges were used up before the time was over.
    pub(crate) used_up: bool,
}

/// One request.
struct Outcome {
    at: Duration,
    latency: Duration,
    failure: Option<String>,
}

impl Measured {
    /// How many requests succeeded.
    pub(crate) fn succeeded(&self) -> u64 {
        self.latencies.len()
    }

    /// How many did not.
    pub(crate) fn failed(&self) -> u64 {
        self.failures.values().map(|(count, _)| count).sum()
    }
}

/// Runs one load from `start` for so long.
pub(crate) async fn drive(asker: Arc<Asker>, start: Instant, duration: Duration) -> Result<Measured> {
    let (tell, told) = unbounded_channel();
    let collected = tokio::spawn(collect(told));
    match asker.load.pace {
        Pace::Clients(clients) => closed(&asker, clients, start, duration, tell).await,
        Pace::Rate(rate) => {
            let (handle, asker) = (Handle::current(), asker.clone());
            // A thread's sleep is more exact than a runtime's.
            tokio::task::spawn_blocking(move || open(&handle, &asker, rate, start, duration, &tell)).await?;
        }
    }
    let mut measured = collected.await??;
    measured.used_up = asker.waiting() == 0;
    if let Pace::Rate(_) = asker.load.pace {
        // The last request begins a little before the time is over.
        measured.spent = measured.spent.max(duration);
    }
    Ok(measured)
}

/// So many clients, each of which asks again as soon as it is answered.
async fn closed(asker: &Arc<Asker>, clients: usize, start: Instant, duration: Duration, tell: UnboundedSender<Outcome>) {
    let mut asking = JoinSet::new();
    for _ in 0..clients {
        let (asker, tell) = (asker.clone(), tell.clone());
        asking.spawn(async move {
            while start.elapsed() < duration {
                let Some(mut device) = asker.take() else { break };
                let intended = Instant::now();
                let asked = asker.ask(&mut device).await;
                asker.give_back(device);
                report(&tell, start, intended, asked);
            }
        });
    }
    asking.join_all().await;
}

/// So many requests a second, whether or not the earlier ones are answered: how long one takes is counted from when it should have begun, so that a server that
/// stalls is charged with everybody who waited.
fn open(handle: &Handle, asker: &Arc<Asker>, rate: f64, start: Instant, duration: Duration, tell: &UnboundedSender<Outcome>) {
    let in_flight = Arc::new(AtomicUsize::new(0));
    for number in 0_u32.. {
        let after = Duration::from_secs_f64(f64::from(number) / rate);
        if after >= duration {
            break;
        }
        let intended = start + after;
        std::thread::sleep(intended.saturating_duration_since(Instant::now()));
        if in_flight.load(Ordering::Relaxed) >= MOST_IN_FLIGHT {
            report(tell, start, intended, Err(anyhow::anyhow!("not sent, as {MOST_IN_FLIGHT} requests are unanswered")));
            continue;
        }
        let Some(mut device) = asker.take() else {
            report(tell, start, intended, Err(anyhow::anyhow!("not sent, as every pledge is in use or used up; --pledges makes more")));
            continue;
        };
        in_flight.fetch_add(1, Ordering::Relaxed);
        let (asker, tell, in_flight) = (asker.clone(), tell.clone(), in_flight.clone());
        handle.spawn(async move {
            let asked = asker.ask(&mut device).await;
            asker.give_back(device);
            in_flight.fetch_sub(1, Ordering::Relaxed);
            report(&tell, start, intended, asked);
        });
    }
}

fn report(tell: &UnboundedSender<Outcome>, start: Instant, intended: Instant, asked: Result<()>) {
    let failure = asked.err().map(|err| printable(&format!("{err:#}"), LONGEST_LINE));
    // Nobody listens any more only if collecting failed, which is told.
    let _ = tell.send(Outcome { at: start.elapsed(), latency: intended.elapsed(), failure });
}

async fn collect(mut told: UnboundedReceiver<Outcome>) -> Result<Measured> {
    let latencies = Histogram::new_with_bounds(1, LONGEST_MICROS, 3).context("the histogram")?;
    let mut measured = Measured { latencies, answered: Vec::new(), spent: Duration::ZERO, failures: BTreeMap::new(), used_up: false };
    while let Some(Outcome { at, latency, failure }) = told.recv().await {
        measured.spent = measured.spent.max(at);
        match failure {
            None => {
                let micros = u64::try_from(latency.as_micros()).unwrap_or(LONGEST_MICROS);
                measured.latencies.saturating_record(micros.max(1));
                measured.answered.push((at, latency));
            }
            Some(sentence) => {
                // Serial numbers and ports do not make another kind.
                let kind: String = sentence.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
                let full = measured.failures.len() >= MOST_KINDS && !measured.failures.contains_key(&kind);
                let kind = if full { "others".to_owned() } else { kind };
                measured.failures.entry(kind).or_insert((0, sentence)).0 += 1;
            }
        }
    }
    Ok(measured)
}

const MOST_IN_FLIGHT: usize = 1_000;
const MOST_KINDS: usize = 20;
const LONGEST_MICROS: u64 = 600_000_000;
