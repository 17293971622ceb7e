//! What a MASA and a registrar can take: requests a second, how long each waits, what it costs the servers, and what share that is of what the machine's own signatures allow.
//!
//! `cargo build --release --bins --example load`, then `cargo run --release --example load -- --help` tells more. Everything it prints is measured in the same run.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it tells what it measures")]

mod ceiling;
mod driver;
mod faults;
mod idle;
mod journeys;
mod plan;
mod primitives;
mod process;
mod report;
mod servers;
mod svg;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use brski_common::text::{LONGEST_LINE, printable};
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;

use driver::Measured;
use idle::Idle;
use journeys::Asker;
use plan::{Connections, Encoding, Journey, Load, Plan, Wish};
use primitives::Primitives;
use report::{Ceiling, LoadReport, Report, ServerReport, ratio};
use servers::Servers;
use world::{Cache, Run};

/// Asks a MASA and a registrar over and over, and prints rate, latency, CPU time and memory, and what share of the machine's ceiling that is.
///
/// It starts the programs that lie beside it, on a copy of a manufacturer, an owner and pledges that it makes once. Client and servers share the processors of one machine: what a
/// server can do is told by its CPU time, not by the rate alone.
#[derive(Parser)]
#[command(name = "load", after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArguments,
}

#[derive(Subcommand)]
enum Command {
    /// Measure servers that nobody asks: time to the first answer, memory, and memory of each idle connection.
    Idle(IdleArguments),
    /// Kill, halt and cut off servers while pledges are onboarded, and look up everything that was acknowledged: exit status 1 if any of it is missing, or service does not come back.
    Faults(FaultsArguments),
}

#[derive(Args)]
struct RunArguments {
    /// What one request is.
    #[arg(long, value_enum, value_name = "NAME", default_value = "onboard")]
    journey: Journey,
    /// Closed loop: so many clients, each of which asks again as soon as it is answered [default: 8]
    #[arg(long, value_name = "N", conflicts_with = "rate")]
    clients: Option<usize>,
    /// Open loop: so many requests a second, whether or not the earlier ones are answered. Latency counts from when a request should have begun.
    #[arg(long, value_name = "R")]
    rate: Option<f64>,
    /// Whether requests share TLS connections [default: keep-alive for voucher, fresh for enrol; onboard opens its own]
    #[arg(long, value_enum, value_name = "NAME")]
    connections: Option<Connections>,
    /// Format of vouchers and voucher-requests.
    #[arg(long, value_enum, value_name = "NAME", default_value = "cms")]
    format: Encoding,
    /// For how long requests begin, such as 500ms, 30s, 2m or 1h.
    #[arg(long = "for", value_name = "TIME", value_parser = plan::duration, default_value = "30s")]
    duration: Duration,
    /// Several loads side by side, from a TOML file: for = "30s", and a table [[load]] for each, with journey, clients or rate, connections, format.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["journey", "clients", "rate", "connections", "format", "duration"])]
    plan: Option<PathBuf>,
    /// How many pledges to have; each load gets its share of them. No pledge may have more than 100 LDevIDs.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pledges: usize,
    /// Host and port of a MASA that serves the folder made/masa of the cache already.
    #[arg(long, value_name = "HOST:PORT", requires = "registrar")]
    masa: Option<String>,
    /// Host and port of a registrar that serves the folder made/registrar of the cache already.
    #[arg(long, value_name = "HOST:PORT", requires = "masa")]
    registrar: Option<String>,
    /// New file for a picture of latency over time.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
struct IdleArguments {
    /// So many idle TLS connections to each server, and then a new pledge.
    #[arg(long, value_name = "N")]
    connections: Option<usize>,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
struct FaultsArguments {
    /// How long each fault lasts, such as 500ms, 2s or 1m.
    #[arg(long, value_name = "TIME", value_parser = plan::duration, default_value = "5s")]
    each: Duration,
    /// So many clients, each of which onboards the next pledge as soon as it is answered.
    #[arg(long, value_name = "N", default_value_t = 8)]
    clients: usize,
    /// How many pledges to have. No pledge may have more than 100 LDevIDs.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pledges: usize,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
struct Common {
    /// Folder in which manufacturer, owner and pledges are kept, so that a second run begins at once.
    #[arg(long, value_name = "DIR", default_value = "target/load")]
    cache: PathBuf,
    /// For whom to write the result.
    #[arg(short, long, value_enum, value_name = "NAME", default_value = "text")]
    output: Output,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// For programs: one JSON object.
    Json,
}

const EXAMPLES: &str = "\
Examples:
  load                                            8 pledges at a time, onboarded for 30 s
  load --journey voucher --format cose            vouchers alone, over kept connections
  load --rate 50 --for 2m --svg latency.svg       50 pledges a second, whatever becomes of the earlier ones
  load --plan mixed.toml -o json                  several loads side by side
  load idle --connections 1000                    what idle servers and idle connections cost
  load faults --each 10s                          what faults cost, and whether anything is lost";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Some(Command::Idle(idle)) => measure_idle(idle).await,
        Some(Command::Faults(faults)) => measure_faults(faults).await,
        None => measure(arguments.run).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("load: {}", printable(&format!("{err:#}"), LONGEST_LINE));
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: RunArguments) -> Result<()> {
    process::raise_open_files();
    let plan = arguments.plan()?;
    let (least, present) = (plan.least_pledges(), arguments.pledges);
    ensure!(
        (least..=MOST_PLEDGES).contains(&present),
        "--pledges {present} cannot be, expected {least}, so that each client has one at a time, to {MOST_PLEDGES}"
    );
    if let Some(svg) = &arguments.svg {
        ensure!(!svg.exists(), "{} exists already; name a new file for --svg", svg.display());
    }

    let cache = Cache::prepare(&absolute(&arguments.common.cache)?, present, |line| eprintln!("{line}")).await?;
    let world = Arc::new(cache.world(present)?);
    let (run, mut servers) = match arguments.masa.zip(arguments.registrar) {
        Some((masa, registrar)) => (cache.itself(), Servers::elsewhere(masa, registrar)),
        None => {
            let run = cache.copy()?;
            let servers = Servers::start(&run).await?;
            (run, servers)
        }
    };
    let share = present / plan.loads.len();
    let asker = |(number, load): (usize, &Load)| {
        let places = number * share..(number + 1) * share;
        Arc::new(Asker::new(*load, world.clone(), places, &servers.masa.address, &servers.registrar.address))
    };
    let askers: Vec<Arc<Asker>> = plan.loads.iter().enumerate().map(asker).collect();
    for asker in &askers {
        asker.admit_all().await.context("before anything is measured")?;
    }

    let primitives = time_primitives(&run, &world, plan.duration).await?;
    let (report, measured) = drive_all(&plan, askers, &servers, primitives).await?;
    servers.stop().await?;
    if let Some(file) = arguments.svg {
        std::fs::write(&file, svg::draw(&measured)).with_context(|| format!("cannot write {}", file.display()))?;
    }
    print(arguments.common.output, &report)?;
    match report.loads.iter().all(|load| load.succeeded == 0) {
        true => bail!("no request succeeded"),
        false => Ok(()),
    }
}

/// Every load at once, with the servers' CPU time from the common start to the last answer.
async fn drive_all(plan: &Plan, askers: Vec<Arc<Asker>>, servers: &Servers, primitives: Primitives) -> Result<(Report, Vec<(Load, Measured)>)> {
    let before: Vec<Option<Duration>> = servers.all().into_iter().map(servers::Server::cpu).collect::<Result<_>>()?;
    let (own, start) = (process::own_cpu(), Instant::now());
    let driven: Vec<_> = askers.iter().map(|asker| tokio::spawn(driver::drive(asker.clone(), start, plan.duration))).collect();
    let mut measured = Vec::new();
    for (driven, asker) in driven.into_iter().zip(&askers) {
        measured.push((asker.load, driven.await??));
    }
    let own = process::own_cpu().saturating_sub(own);
    let seconds = measured.iter().map(|(_, measured)| measured.spent).max().unwrap_or_default().as_secs_f64();

    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let processors = process::cores();
    let share = |cpu: Duration| ratio(cpu.as_secs_f64(), seconds * processors as f64).unwrap_or_default();
    let loads: Vec<LoadReport> = askers.iter().zip(&measured).map(|(asker, (_, measured))| LoadReport::new(asker, measured, &primitives)).collect();
    let succeeded: u64 = loads.iter().map(|load| load.succeeded).sum();
    let (mut figures, mut spent) = (Vec::new(), Duration::ZERO);
    for (server, before) in servers.all().into_iter().zip(before) {
        let Some(((cpu, before), memory)) = server.cpu()?.zip(before).zip(server.memory()?) else { continue };
        let cpu = cpu.saturating_sub(before);
        spent += cpu;
        let cpu_ms = cpu.as_secs_f64() * 1e3;
        figures.push(ServerReport { name: server.name, cpu_ms, cpu_ms_per_request: ratio(cpu_ms, succeeded as f64), share: share(cpu), memory });
    }
    let servers = (!figures.is_empty()).then_some(figures);
    let ceiling = Ceiling::new(&loads, servers.is_some().then_some(spent));
    Ok((Report { build, seconds, processors, loads, servers, client_share: share(own), primitives, ceiling }, measured))
}

/// On an idle machine, before the run; for a tenth of a short one.
async fn time_primitives(run: &Run, world: &Arc<world::World>, duration: Duration) -> Result<Primitives> {
    let (folder, world, each) = (run.folder.clone(), world.clone(), (duration / 10).min(LONGEST_TIMING));
    tokio::task::spawn_blocking(move || Primitives::time(&folder, &world, each)).await?
}

async fn measure_idle(arguments: IdleArguments) -> Result<()> {
    let open_files = process::raise_open_files();
    if let Some(connections) = arguments.connections {
        ensure!((1..=MOST_CONNECTIONS).contains(&connections), "--connections {connections} cannot be, expected 1 to {MOST_CONNECTIONS}");
    }
    let cache = Cache::prepare(&absolute(&arguments.common.cache)?, 1, |line| eprintln!("{line}")).await?;
    let (world, run) = (Arc::new(cache.world(1)?), cache.copy()?);
    let mut servers = Servers::start(&run).await?;
    let idle = Idle::measure(&servers, world, arguments.connections, open_files).await?;
    servers.stop().await?;
    print(arguments.common.output, &idle)
}

async fn measure_faults(arguments: FaultsArguments) -> Result<()> {
    process::raise_open_files();
    let FaultsArguments { each, clients, pledges, common } = arguments;
    // One more is onboarded to see when service is back.
    let least = clients.saturating_add(1);
    ensure!((least..=MOST_PLEDGES).contains(&pledges), "--pledges {pledges} cannot be, expected {least}, one more than there are clients, to {MOST_PLEDGES}");
    let cache = Cache::prepare(&absolute(&common.cache)?, pledges, |line| eprintln!("{line}")).await?;
    let (world, run) = (Arc::new(cache.world(pledges)?), cache.copy()?);
    let servers = Servers::start(&run).await?;
    let report = faults::measure(&run, servers, world, clients, each).await?;
    print(common.output, &report)?;
    ensure!(report.is_well(), "something that was acknowledged is missing, or service did not come back");
    Ok(())
}

impl RunArguments {
    fn plan(&self) -> Result<Plan> {
        if let Some(file) = &self.plan {
            return Plan::read(file);
        }
        let wish = Wish { journey: self.journey, clients: self.clients, rate: self.rate, connections: self.connections, format: Some(self.format) };
        Ok(Plan { duration: self.duration, loads: vec![wish.load()?] })
    }
}

fn print(output: Output, result: &(impl Serialize + core::fmt::Display)) -> Result<()> {
    match output {
        Output::Text => println!("{result}"),
        Output::Json => println!("{}", serde_json::to_string(result)?),
    }
    Ok(())
}

/// Programs are started in folders of their own.
fn absolute(folder: &std::path::Path) -> Result<PathBuf> {
    std::path::absolute(folder).with_context(|| format!("{} is no folder", folder.display()))
}

const MOST_PLEDGES: usize = 1_000_000;
const MOST_CONNECTIONS: usize = 100_000;
const LONGEST_TIMING: Duration = Duration::from_millis(300);
