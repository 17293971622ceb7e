//! What an import takes, and what the ledger gives afterwards: `cargo bench -p brski-masa --bench import -- [ROWS] [single]`.
//!
//! Each row is a device with an IDevID of its own (P-256), issued by an issuing CA, in batches that a station signed; with `single` every row bears a signature of its own.
//! The rows are made in advance, and those of the first million are kept in the target folder. They go through what `brski-masa record` goes through.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a program that measures")]

#[path = "import/ceiling.rs"]
mod ceiling;
#[path = "import/factory.rs"]
mod factory;

use core::ops::ControlFlow;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use brski_common::time::at;
use brski_common::{Anchors, Clock, DeviceId, EnrolledKey, Leniencies, SignatureAlgorithm, Signer as _, SigningParty, SoftwareKey};
use brski_masa::ledger::verify;
use brski_masa::{Import, LastSigned, Ledger, Masa, MasaParts, ProductLine, ProductLines, SqliteLedger, Station, VoucherSigners, Want};

use factory::{Factory, Form};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let rows = arguments.iter().filter_map(|argument| argument.replace('_', "").parse().ok()).next().unwrap_or(100_000_u64);
    let form = if arguments.iter().any(|argument| argument == "single") { Form::Single } else { Form::Batch };
    let factory = Factory::new(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("import"));
    let folder = std::env::temp_dir().join(format!("brski-import-bench-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("ledger.sqlite");
    drop(SqliteLedger::begin(&path, at(factory::NOW), LOG).unwrap());

    let took = import(&factory, &path, rows, form);
    let told = u64::try_from(took.as_micros()).unwrap();
    println!("imported: {rows} rows in {took:.2?}, {} rows/s; most memory resident while it ran: {} MB", rows * 1_000_000 / told.max(1), peak_mb());
    let size: u64 = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    println!("on disk: {} MB, {} octets a row", size / 1_000_000, size / rows.max(1));
    look_up(&factory, &path, rows);
    ceiling::measure(&factory, &folder, rows.min(200_000), told as f64 / rows as f64);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Imports all rows, a million at a time, and says how long that took without their making.
fn import(factory: &Factory, path: &Path, rows: u64, form: Form) -> Duration {
    let mut took = Duration::ZERO;
    for first in (0..rows).step_by(factory::SEGMENT as usize) {
        let last = rows.min(first + factory::SEGMENT);
        let input = factory.rows(first..last, form);
        // Whatever was made is on disk before the clock runs.
        File::open(&input).unwrap().sync_all().unwrap();
        let begun = Instant::now();
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
        assert_eq!(recorded, last - first);
        println!("  rows {first} to {last}: {:.0} rows/s", (last - first) as f64 / segment.as_secs_f64());
        took += segment;
        if first > 0 {
            std::fs::remove_file(&input).unwrap();
        }
    }
    took
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
