//! How long it takes to count whom something concerns: `cargo bench -p brski-masa --bench affected [-- DEVICES]`.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a program that measures")]

use std::sync::Arc;
use std::time::Instant;

use brski_common::issuing::{Subject, Template, never};
use brski_common::provenance::{Basis, Locus, Protection, Source, Status, Text};
use brski_common::time::at;
use brski_common::{
    Anchors, Clock, IDevIdCert, KeyOrigin, Leniencies, Method, ProvenanceRecord, SerialNumber, SignatureAlgorithm, Signer as _, SigningParty, SoftwareKey,
};
use brski_masa::ledger::{Customer, Made, Owned, OwnerChange, Scope};
use brski_masa::{Entry, Ledger, Masa, MasaParts, SqliteLedger};

fn main() {
    let devices = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(100_000_u64);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(measure(devices));
}

async fn measure(devices: u64) {
    let folder = std::env::temp_dir().join(format!("brski-affected-bench-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let ledger = Arc::new(SqliteLedger::begin(folder.join("ledger.sqlite"), at(1_790_000_000), "masa.example.com").unwrap());
    let issuer = SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().0;
    let root = Template::new(Subject::common_name("IDevID issuer"), issuer.public_key(), [1; 16], at(1_780_000_000), never());
    let root = root.ca(None).self_signed(&issuer).await.unwrap();

    let begun = Instant::now();
    for first in (0..devices).step_by(GROUP) {
        let mut entries = Vec::new();
        for number in first..devices.min(first + GROUP as u64) {
            let key = SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().0;
            let subject = Subject::serial_number(&SerialNumber::new(format!("JADA-{number:09}")).unwrap());
            let template = Template::new(subject, key.public_key(), number_as_serial(number), at(1_780_000_000), never());
            let idevid = IDevIdCert::new(template.issued_by(&root, &issuer).await.unwrap()).unwrap();
            entries.extend(device(idevid, number));
        }
        ledger.append(entries).await.unwrap();
    }
    told("devices made, recorded, and each second one sold", devices, begun);

    let masa = masa(&root, ledger);
    for station in ["station 1", "station 2"] {
        let begun = Instant::now();
        let affected = masa.affected(&Scope::Station(station.to_owned())).await.unwrap();
        told(&format!("{} devices of {station} found among", affected.units), devices, begun);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Nine of ten are of station 1.
fn device(idevid: IDevIdCert, number: u64) -> Vec<Entry> {
    let station = if number.is_multiple_of(10) { "station 2" } else { "station 1" };
    let mut origin =
        KeyOrigin::new(Method::Avocado, Source::GeneratedOnDevice, Protection::NonExtractable, Locus::Tee, Basis::StationSigned, at(1_790_000_000));
    origin.station = Some(Text::new(station).unwrap());
    origin.batch = Some(Text::new(format!("batch {}", number / 1000)).unwrap());
    let record = ProvenanceRecord {
        device: idevid.device().clone(),
        spki: idevid.spki_digest(),
        seq: 0,
        salt: [9; 16],
        status: Status::Valid,
        report: None,
        supersedes: None,
        reported_by: "line 1".to_owned(),
        recorded_at: at(1_790_000_000),
        findings: Vec::new(),
        origin,
    };
    let sold = Owned {
        device: idevid.device().clone(),
        at: at(1_790_000_000),
        by: "bench".to_owned(),
        change: OwnerChange::SoldTo(Customer { name: format!("customer {}", number % 100), keys: Vec::new() }),
    };
    let made = Made { at: at(1_790_000_000), idevid, reported_by: "line 1".to_owned() };
    let sold = number.is_multiple_of(2).then_some(Entry::Owned(sold));
    [Entry::Made(made), Entry::Recorded(Box::new(record))].into_iter().chain(sold).collect()
}

fn number_as_serial(number: u64) -> [u8; 16] {
    let mut serial = [1; 16];
    serial[8..].copy_from_slice(&number.to_be_bytes());
    serial
}

/// A MASA of which nothing is used but its ledger.
fn masa(root: &brski_common::Certificate, ledger: Arc<SqliteLedger>) -> Masa {
    let key = |algorithm| Arc::new(SoftwareKey::generate(algorithm).unwrap().0);
    let party = || SigningParty::with_chain(vec![root.clone()], key(SignatureAlgorithm::Es256));
    Masa::new(MasaParts {
        authority: "masa.example.com".to_owned(),
        ledger,
        log_key: key(SignatureAlgorithm::EdDsa),
        last_signed: Arc::new(brski_masa::LastSigned::in_memory()),
        stations: Vec::new(),
        idevid_anchors: Anchors::default(),
        lenient: Leniencies::default(),
        lines: brski_masa::ProductLines::one(brski_masa::ProductLine::new("everything", brski_masa::VoucherSigners::one(party()), party())),
        clock: Clock::system(),
    })
}

fn told(what: &str, count: u64, begun: Instant) {
    let took = begun.elapsed();
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = count as f64 / took.as_secs_f64();
    println!("{what}: {count} in {took:.2?}, {rate:.0}/s");
}

/// Devices that share one append.
const GROUP: usize = 500;
