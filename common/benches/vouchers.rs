//! What a voucher costs in each format, against the bare signature operations inside: `cargo bench -p brski-common`.
//!
//! First divan's table of absolute times, then ratios: library and bare operation take turns within one run, so that a noisy machine slows both.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a program that measures and prints")]

use std::hint::black_box;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey};
use brski_common::issuing::{Subject, Template, never};
use brski_common::time::at;
use brski_common::{
    Anchors, Assertion, Certificate, Format, Nonce, SerialNumber, SignatureAlgorithm, Signed, SignedBy, SigningParty, SoftwareKey, Usage, Verifier, Voucher,
};

const FORMATS: [Format; 3] = [Format::Cms, Format::Jws, Format::Cose];

fn main() {
    divan::main();
    // divan lists and filters by the same arguments; a partial run has no use for the table.
    if std::env::args().skip(1).all(|argument| argument == "--bench") {
        ratios();
    }
}

#[divan::bench(args = FORMATS.map(Format::name))]
fn sign(bencher: divan::Bencher<'_, '_>, format: &str) {
    let (world, format) = (&*WORLD, named(format));
    bencher.bench(|| world.seal(format));
}

#[divan::bench(args = FORMATS.map(Format::name))]
fn parse_and_verify_by_anchor(bencher: divan::Bencher<'_, '_>, format: &str) {
    let world = &*WORLD;
    let voucher = world.seal(named(format));
    bencher.bench(|| world.verify(&voucher, world.by_anchor()));
}

#[divan::bench(args = FORMATS.map(Format::name))]
fn parse_and_verify_by_holder(bencher: divan::Bencher<'_, '_>, format: &str) {
    let world = &*WORLD;
    let voucher = world.seal(named(format));
    bencher.bench(|| world.verify(&voucher, SignedBy::Holder(&world.signer)));
}

#[divan::bench]
fn bare_p256_sign(bencher: divan::Bencher<'_, '_>) {
    bencher.bench(|| WORLD.bare.sign());
}

#[divan::bench]
fn bare_p256_verify(bencher: divan::Bencher<'_, '_>) {
    bencher.bench(|| WORLD.bare.verify());
}

/// The same things as ratios to what they contain at least.
fn ratios() {
    let world = &*WORLD;
    println!("\n{:<8}{:<34}{:>14}{:>14}{:>8}", "format", "operation", "library", "bare", "ratio");
    for format in FORMATS {
        let voucher = world.seal(format);
        let line = |operation: &str, measured: Measured| {
            let Measured { library, bare, ratio } = measured;
            println!("{:<8}{operation:<34}{:>11.1} us{:>11.1} us{ratio:>8.2}", format.name(), micros(library), micros(bare));
        };
        line("sign (1 signature)", compare(|| drop(black_box(world.seal(format))), || world.bare.sign()));
        line("parse, verify by holder (1)", compare(|| world.verify(&voucher, SignedBy::Holder(&world.signer)), || world.bare.verify()));
        let twice = || {
            world.bare.verify();
            world.bare.verify();
        };
        line("parse, verify by anchor (2)", compare(|| world.verify(&voucher, world.by_anchor()), twice));
    }
}

/// Times of one operation, and their ratio.
struct Measured {
    library: Duration,
    bare: Duration,
    ratio: f64,
}

/// Lets both take turns, and takes the median of the rounds' ratios. A turn is short against the time slices of a busy machine, so that few are interrupted.
fn compare(library: impl Fn(), bare: impl Fn()) -> Measured {
    const ROUNDS: usize = 601;
    const EACH: u32 = 5;
    let time = |operation: &dyn Fn()| {
        let start = Instant::now();
        (0..EACH).for_each(|_| operation());
        start.elapsed() / EACH
    };
    let mut rounds: Vec<Measured> = (0..ROUNDS)
        .map(|_| {
            let (library, bare) = (time(&library), time(&bare));
            Measured { library, bare, ratio: library.as_secs_f64() / bare.as_secs_f64() }
        })
        .collect();
    rounds.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
    rounds.swap_remove(ROUNDS / 2)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn named(format: &str) -> Format {
    FORMATS.into_iter().find(|f| f.name() == format).unwrap()
}

/// A voucher's signer under its root, and the same algorithm without any library of ours.
struct World {
    party: SigningParty,
    signer: Certificate,
    anchors: Anchors,
    voucher: Voucher,
    bare: Bare,
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

impl World {
    fn new() -> Self {
        let new_key = || SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().0;
        let (root_key, key, domain_key) = (new_key(), new_key(), new_key());
        let template = |name: &str, key: &SoftwareKey, serial| {
            Template::new(Subject::common_name(name), brski_common::Signer::public_key(key), [serial; 16], at(NOW - 60), never())
        };
        let root = block_on(template("Root", &root_key, 1).ca(None).self_signed(&root_key)).unwrap();
        let signer = block_on(template("Voucher signer", &key, 2).issued_by(&root, &root_key)).unwrap();
        let domain = block_on(template("Domain", &domain_key, 3).ca(None).self_signed(&domain_key)).unwrap();
        let voucher = Voucher {
            assertion: Some(Assertion::Proximity),
            created_on: Some(at(NOW)),
            nonce: Nonce::from_bytes(&[7; 16]).ok(),
            pinned_domain_cert: Some(domain),
            ..Voucher::new(SerialNumber::new("JADA123456789").unwrap())
        };
        let party = SigningParty::with_chain(vec![signer.clone(), root.clone()], Arc::new(key));
        Self { party, signer, anchors: Anchors::new([root]).unwrap(), voucher, bare: Bare::new() }
    }

    fn seal(&self, format: Format) -> Signed<Voucher> {
        block_on(self.party.seal(&self.voucher, format)).unwrap()
    }

    fn by_anchor(&self) -> SignedBy<'_> {
        SignedBy::Anchored { anchors: &self.anchors, usage: Usage::Any, known: &[] }
    }

    fn verify(&self, voucher: &Signed<Voucher>, by: SignedBy<'_>) {
        black_box(voucher.verify(&Verifier::strict(by), at(NOW)).unwrap());
    }
}

/// The signature operations alone, over a message as long as a small voucher.
struct Bare {
    key: EcdsaKeyPair,
    random: SystemRandom,
    signature: Vec<u8>,
}

impl Bare {
    const MESSAGE: [u8; 700] = [0x5a; 700];

    fn new() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
        let signature = key.sign(&random, &Self::MESSAGE).unwrap().as_ref().to_vec();
        Self { key, random, signature }
    }

    fn sign(&self) {
        black_box(self.key.sign(&self.random, black_box(&Self::MESSAGE)).unwrap());
    }

    fn verify(&self) {
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key.public_key().as_ref());
        public.verify(black_box(&Self::MESSAGE), &self.signature).unwrap();
    }
}

/// Ends a future of software keys, which answer at once.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    match core::pin::pin!(future).poll(&mut core::task::Context::from_waker(core::task::Waker::noop())) {
        core::task::Poll::Ready(value) => value,
        core::task::Poll::Pending => unreachable!("a software key answers at once"),
    }
}

/// Some time in 2026.
const NOW: u64 = 1_790_000_000;
