//! What a ledger in a file takes and gives: `cargo bench -p brski-masa --bench ledger [-- ENTRIES]`.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a program that measures")]

use std::sync::Arc;
use std::time::Instant;

use brski_common::issuing::{Subject, Template, never};
use brski_common::provenance::{Basis, Locus, Protection, Source, Status};
use brski_common::time::at;
use brski_common::{
    Anchors, Assertion, Clock, DomainId, IDevIdCert, KeyOrigin, Leniencies, Method, Nonce, ProvenanceRecord, SerialNumber, SignatureAlgorithm, Signer as _,
    SigningParty, SoftwareKey, SpkiDigest,
};
use brski_masa::ledger::{Made, Vouched, verify};
use brski_masa::{Entry, Ledger, Masa, MasaParts, SqliteLedger};

fn main() {
    let entries = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(100_000_u64);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(measure(entries));
}

async fn measure(entries: u64) {
    let folder = std::env::temp_dir().join(format!("brski-ledger-bench-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("ledger.sqlite");
    let ledger = Arc::new(SqliteLedger::begin(&path, at(1_790_000_000), "masa.example.com").unwrap());
    let idevid = device("JADA123").await;
    let made = Entry::Made(Made { at: at(1_790_000_000), idevid: idevid.clone(), reported_by: "line 1".to_owned() });
    ledger.append(vec![made]).await.unwrap();
    // Another device, of which there is no more: the first has too long a history.
    let recorded = device("JADA124").await;
    let made = Entry::Made(Made { at: at(1_790_000_000), idevid: recorded.clone(), reported_by: "line 1".to_owned() });
    ledger.append(vec![made, record(&recorded)]).await.unwrap();

    let begun = Instant::now();
    for first in (0..entries).step_by(AT_ONCE) {
        let group: Vec<_> = (first..entries.min(first + AT_ONCE as u64))
            .map(|number| {
                let (ledger, entry) = (ledger.clone(), vouched(&idevid, number));
                tokio::spawn(async move { ledger.append(vec![entry]).await.unwrap() })
            })
            .collect();
        for appended in group {
            appended.await.unwrap();
        }
    }
    told("appended, 512 at once", entries, begun);

    let head = ledger.head().await.unwrap();
    let begun = Instant::now();
    for number in 0..PROOFS {
        ledger.inclusion(number * (head.size / PROOFS), head.size).await.unwrap();
    }
    told("paths of entries here and there", PROOFS, begun);
    let masa = masa(&idevid, ledger.clone());
    let begun = Instant::now();
    for _ in 0..PROOFS {
        masa.receipt(recorded.device()).await.unwrap().unwrap();
    }
    told("receipts", PROOFS, begun);
    drop((masa, ledger));

    let begun = Instant::now();
    let verified = verify(&path, "masa.example.com", Some(&head), &mut |_| ()).unwrap();
    told("verified", verified.size, begun);
    let begun = Instant::now();
    SqliteLedger::open(&path, "masa.example.com").unwrap();
    told("opened", 1, begun);
    std::fs::remove_dir_all(&folder).unwrap();
}

async fn device(serial: &str) -> IDevIdCert {
    let (key, _) = SoftwareKey::generate(brski_common::SignatureAlgorithm::Es256).unwrap();
    let subject = Subject::serial_number(&SerialNumber::new(serial).unwrap());
    let template = Template::new(subject, key.public_key(), [1; 16], at(1_780_000_000), never());
    IDevIdCert::new(template.ca(None).self_signed(&key).await.unwrap()).unwrap()
}

fn record(idevid: &IDevIdCert) -> Entry {
    let made = KeyOrigin::new(Method::Avocado, Source::GeneratedOnDevice, Protection::NonExtractable, Locus::Tee, Basis::StationSigned, at(1_790_000_000));
    Entry::Recorded(Box::new(ProvenanceRecord {
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
        origin: made,
    }))
}

/// A MASA of which nothing is used but its log.
fn masa(idevid: &IDevIdCert, ledger: Arc<SqliteLedger>) -> Masa {
    let key = |algorithm| Arc::new(SoftwareKey::generate(algorithm).unwrap().0);
    let party = || SigningParty::with_chain(vec![idevid.certificate().clone()], key(SignatureAlgorithm::Es256));
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

fn vouched(idevid: &IDevIdCert, number: u64) -> Entry {
    let mut nonce = [0; 16];
    nonce[8..].copy_from_slice(&number.to_be_bytes());
    Entry::Vouched(Vouched {
        device: idevid.device().clone(),
        at: at(1_790_000_000 + number),
        domain: DomainId::new([1; 20]).unwrap(),
        pin: SpkiDigest([4; 32]),
        registrar: SpkiDigest([5; 32]),
        nonce: Some(Nonce::from_bytes(&nonce).unwrap()),
        assertion: Assertion::Proximity,
        expires_on: None,
        content: None,
        by: None,
    })
}

fn told(what: &str, count: u64, begun: Instant) {
    let took = begun.elapsed();
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = count as f64 / took.as_secs_f64();
    println!("{what}: {count} in {took:.2?}, {rate:.0}/s");
}

/// How many proofs to make.
const PROOFS: u64 = 1000;

/// As many appends as may wait.
const AT_ONCE: usize = 512;
