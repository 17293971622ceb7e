//! What becomes of onboardings while servers are killed, halted, cut off or out of room, and whether everything that was acknowledged is still there afterwards.

mod book;
mod disk;
mod fault;
mod report;
mod silent;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use brski_common::text::{LONGEST_LINE, printable};
use tokio::task::JoinSet;

use self::book::Book;
use self::fault::{FAULTS, Fault, Scene, Struck};
pub(crate) use self::report::FaultsReport;
use self::report::{FaultReport, Outcome};
use crate::journeys::Asker;
use crate::plan::{Journey, Wish};
use crate::servers::Servers;
use crate::world::{Run, World};

/// One fault after another, each for `each`, while so many clients onboard pledges without a pause. After each of them all that was ever acknowledged is looked up.
pub(crate) async fn measure(run: &Run, servers: Servers, world: Arc<World>, clients: usize, each: Duration) -> Result<FaultsReport> {
    for server in servers.all() {
        // Whoever comes back comes back where it was.
        run.pin(server.name, &server.address)?;
    }
    let load = Wish { journey: Journey::Onboard, clients: Some(clients), rate: None, connections: None, format: None }.load()?;
    let places = 0..world.pledges.len();
    let asker = Arc::new(Asker::new(load, world, places, &servers.masa.address, &servers.registrar.address));
    let book = Arc::new(Book::default());
    let mut scene = Scene { run, servers, disk: None };
    let mut faults = Vec::new();
    for fault in FAULTS {
        faults.push(strike(fault, &mut scene, &asker, &book, clients, each).await.with_context(|| format!("in the fault '{}'", fault.name()))?);
    }
    scene.servers.stop().await?;
    drop(scene);
    Ok(FaultsReport { build: if cfg!(debug_assertions) { "debug" } else { "release" }, clients, seconds_each: each.as_secs_f64(), faults })
}

/// One fault under load, and what it leaves behind.
async fn strike(fault: Fault, scene: &mut Scene<'_>, asker: &Arc<Asker>, book: &Arc<Book>, clients: usize, each: Duration) -> Result<FaultReport> {
    if let Some(why) = scene.prepare(fault).await? {
        return Ok(FaultReport { fault: fault.name(), outcome: Outcome::Skipped(why) });
    }
    let crowd = Crowd::begin(asker, book, clients);
    let struck = scene.strike(fault, each).await;
    let recovery = match &struck {
        Ok(Struck { over, .. }) => first_success(asker, book, *over).await,
        Err(_) => None,
    };
    let tried = crowd.end().await?;
    let Struck { note, .. } = struck?;
    scene.calm(fault).await?;
    let found = book.look_up(scene.run).await?;
    let recovery_ms = recovery.map(|took| took.as_secs_f64() * 1e3);
    Ok(FaultReport { fault: fault.name(), outcome: Outcome::Struck { tried, recovery_ms, found, note } })
}

/// From the end of a fault to the first onboarding that began after it and succeeded; none if none did in time.
async fn first_success(asker: &Asker, book: &Book, over: Instant) -> Option<Duration> {
    while over.elapsed() < LONGEST_RECOVERY {
        if onboard_once(asker, book).await.is_ok_and(|done| done) {
            return Some(over.elapsed());
        }
        tokio::time::sleep(PAUSE).await;
    }
    None
}

/// One onboarding; false if no pledge is left.
async fn onboard_once(asker: &Asker, book: &Book) -> Result<bool> {
    let Some(mut device) = asker.take() else { return Ok(false) };
    let done = tokio::time::timeout(PATIENCE, asker.onboard_telling(&mut device, |step| book.note(step))).await;
    asker.give_back(device);
    done.context("not done in time").and_then(|done| done).map(|()| true)
}

/// Clients that onboard pledges until they are told to end.
struct Crowd {
    over: Arc<AtomicBool>,
    clients: JoinSet<Result<Tried>>,
}

/// What clients came to.
#[derive(Debug, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Tried {
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    /// What the first that failed said.
    pub(crate) first_failure: Option<String>,
}

impl Crowd {
    fn begin(asker: &Arc<Asker>, book: &Arc<Book>, clients: usize) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let mut crowd = JoinSet::new();
        for _ in 0..clients {
            let (asker, book, over) = (asker.clone(), book.clone(), over.clone());
            crowd.spawn(async move {
                let mut tried = Tried::default();
                while !over.load(Ordering::Relaxed) {
                    match onboard_once(&asker, &book).await {
                        Ok(true) => tried.succeeded += 1,
                        Ok(false) => bail!("every pledge has as many LDevIDs as one may have: --pledges makes more"),
                        Err(err) => {
                            tried.failed += 1;
                            tried.first_failure.get_or_insert_with(|| printable(&format!("{err:#}"), LONGEST_LINE));
                            tokio::time::sleep(PAUSE).await;
                        }
                    }
                }
                Ok(tried)
            });
        }
        Self { over, clients: crowd }
    }

    async fn end(self) -> Result<Tried> {
        self.over.store(true, Ordering::Relaxed);
        let mut all = Tried::default();
        for tried in self.clients.join_all().await {
            let Tried { succeeded, failed, first_failure } = tried?;
            all.succeeded += succeeded;
            all.failed += failed;
            all.first_failure = all.first_failure.or(first_failure);
        }
        Ok(all)
    }
}

/// Between a failure and the next attempt.
const PAUSE: Duration = Duration::from_millis(50);
/// For one onboarding.
const PATIENCE: Duration = Duration::from_secs(10);
const LONGEST_RECOVERY: Duration = Duration::from_secs(60);
