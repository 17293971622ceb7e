//! What an import takes, and what the ledger gives afterwards: `cargo bench -p brski-masa --bench import -- [ROWS] [cose|single] [in=FOLDER]`.
//!
//! Each row is a device with an IDevID of its own (P-256), issued by an issuing CA, in batches that a station signed: as JWS, or with `cose` as COSE_Sign1;
//! with `single` every row bears a signature of its own.
//! The rows are made in advance, and those of the first million are kept in the target folder. They go through what `brski-masa record` goes through.
//! With `in=` the ledger is begun or continued in that folder, and stays there: ten million rows may be imported a few millions at a time.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a program that measures")]

#[path = "import/ceiling.rs"]
mod ceiling;
#[path = "import/factory.rs"]
mod factory;

use core::ops::{ControlFlow, Range};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use brski_common::time::at;
use brski_common::{Anchors, Clock, DeviceId, EnrolledKey, Format, Leniencies, SignatureAlgorithm, Signer as _, SigningParty, SoftwareKey};
use brski_masa::ledger::verify;
use brski_masa::{Import, LastSigned, Ledger, Masa, MasaParts, ProductLine, ProductLines, SqliteLedger, Station, VoucherSigners, Want};

use factory::{Factory, Form};
use tikv_jemallocator::Jemalloc;

// That of the binary.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let rows = arguments.iter().filter_map(|argument| argument.replace('_', "").parse().ok()).next().unwrap_or(100_000_u64);
    let named = |name: &str| arguments.iter().any(|argument| argument == name);
    let form = if named("single") { Form::Single } else { Form::Batch(if named("cose") { Format::Cose } else { Format::Jws }) };
    let factory = Factory::new(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("import"));
    let kept = arguments.iter().find_map(|argument| argument.strip_prefix("in=")).map(PathBuf::from);
    let folder = kept.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("brski-import-bench-{}", std::process::id())));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("ledger.sqlite");
    if !path.exists() {
        drop(SqliteLedger::begin(&path, at(factory::NOW), LOG).unwrap());
    }
    // Whole millions that are there already; of one that was interrupted the rows are reported again.
    let there = wait(SqliteLedger::open(&path, LOG).unwrap().head()).unwrap().size / 2 / factory::SEGMENT * factory::SEGMENT;

    let (took, worked) = import(&factory, &path, there..rows, form);
    // What a row took, in microseconds; nothing if all of them were there.
    let row = (there < rows).then(|| took.as_secs_f64() * 1e6 / (rows - there) as f64);
    if let Some(row) = row {
        println!("imported: {} rows in {took:.2?}, {:.0} rows/s; most memory resident while it ran: {} MB", rows - there, 1e6 / row, peak_mb());
        let worked = worked / (rows - there) as f64;
        println!("processor time: {worked:.1} us a row, which on two cores is {:.0} rows/s at best", 2e6 / worked);
    }
    let size: u64 = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    println!("on disk: {} MB, {} octets a row", size / 1_000_000, size / rows.max(1));
    look_up(&factory, &path, rows);
    let bare = std::env::temp_dir().join(format!("brski-import-bare-{}", std::process::id()));
    std::fs::create_dir(&bare).unwrap();
    ceiling::measure(&factory, &bare, rows.min(200_000), row);
    std::fs::remove_dir_all(&bare).unwrap();
    if kept.is_none() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

/// Imports these rows, a million at a time, and says how long that took without their making, and how many microseconds of processor time.
fn import(factory: &Factory, path: &Path, rows: Range<u64>, form: Form) -> (Duration, f64) {
    let (mut took, mut worked) = (Duration::ZERO, 0.0);
    for first in rows.clone().step_by(factory::SEGMENT as usize) {
        let last = rows.end.min(first + factory::SEGMENT);
        let input = factory.rows(first..last, form);
        // Whatever was made is on disk before the clock runs.
        File::open(&input).unwrap().sync_all().unwrap();
        let (begun, worked_before) = (Instant::now(), processor_time());
        let masa = masa(factory, path);
        let mut recorded = 0;
        let mut tell = |outcome: brski_masa::import::Outcome| {
            outcome.result.unwrap();
            recorded += 1;
            ControlFlow::Continue(())
        };
        let _ended = Import::new(&masa, Want::Record).run("rows", File::open(&input).unwrap(), &mut tell);
        drop(masa);
        let segment = begun.elapsed();
        worked += processor_time() - worked_before;
        assert_eq!(recorded, last - first);
        println!("  rows {first} to {last}: {:.0} rows/s", (last - first) as f64 / segment.as_secs_f64());
        took += segment;
        if first > 0 {
            std::fs::remove_file(&input).unwrap();
        }
    }
    (took, worked)
}

/// What those ask who read: histories, receipts, and the whole of it.
fn look_up(factory: &Factory, path: &Path, rows: u64) {
    let begun = Instant::now();
    let ledger = Arc::new(SqliteLedger::open(path, LOG).unwrap());
    println!("opened: in {:.2?}", begun.elapsed());
    let some: Vec<DeviceId> = (0..SAMPLES).map(|number| factory.device(number * 7_919_993 % rows)).collect();
    told("history", &some, |device| assert!(wait(ledger.history(device)).unwrap().unwrap().record().is_some()));
    let masa = Masa::new(parts(factory, ledger.clone()));
    told("receipt", &some, |device| assert!(wait(masa.receipt(device)).unwrap().is_some()));
    let head = wait(ledger.head()).unwrap();
    drop((masa, ledger));
    let begun = Instant::now();
    let verified = verify(path, LOG, Some(&head), &mut |_| ()).unwrap();
    println!("verified: {} entries in {:.2?}, {:.0} a second", verified.size, begun.elapsed(), verified.size as f64 / begun.elapsed().as_secs_f64());
}

fn told(what: &str, devices: &[DeviceId], act: impl Fn(&DeviceId)) {
    let mut times: Vec<Duration> = devices
        .iter()
        .map(|device| {
            let begun = Instant::now();
            act(device);
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!("{what}: median {:.1?}, 99 of 100 within {:.1?}", times[times.len() / 2], times[times.len() * 99 / 100]);
}

fn masa(factory: &Factory, path: &Path) -> Masa {
    Masa::new(parts(factory, Arc::new(SqliteLedger::open(path, LOG).unwrap())))
}

/// A MASA that records and proves.
fn parts(factory: &Factory, ledger: Arc<dyn Ledger>) -> MasaParts {
    let key = |algorithm| Arc::new(SoftwareKey::generate(algorithm).unwrap().0);
    let party = || SigningParty::with_chain(vec![factory.root.clone()], key(SignatureAlgorithm::Es256));
    MasaParts {
        authority: "masa.example.com".to_owned(),
        ledger,
        log_key: key(SignatureAlgorithm::EdDsa),
        last_signed: Arc::new(LastSigned::in_memory()),
        stations: vec![Station::new(EnrolledKey { name: factory::STATION.to_owned(), key: factory.station.public_key().clone() })],
        idevid_anchors: Anchors::new([factory.root.clone(), factory.issuing.clone()]).unwrap(),
        lenient: Leniencies::default(),
        lines: ProductLines::one(ProductLine::new("everything", VoucherSigners::one(party()), party())),
        clock: Clock::from_fn(|| at(factory::NOW)),
    }
}

/// Most memory that was resident, by the system's own account.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() / 1000
}

/// Microseconds that all threads of this process have run, by the system's own account, in hundredths of a second.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program may have spaces; behind it, user and system time are the 12th and 13th.
    let numbers = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().skip(11).take(2);
    numbers.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * 10_000.0
}

/// Runs a future to its end on this thread.
fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = core::task::Context::from_waker(&waker);
    let mut future = core::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            core::task::Poll::Ready(value) => return value,
            core::task::Poll::Pending => std::thread::park(),
        }
    }
}

const LOG: &str = "masa.example.com";

/// How many devices are asked for, all over the ledger.
const SAMPLES: u64 = 5000;
