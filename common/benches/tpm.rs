//! What appraising a TPM's certification of a key costs, against the bare signature verifications inside: `cargo bench -p brski-common --bench tpm`.
//!
//! First divan's table of absolute times, then the ratio: library and bare operations take turns within one run, so that a noisy machine slows both.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a program that measures and prints")]

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Instant;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use brski_common::evidence::tpm::{PublicArea, appraise};
use brski_common::evidence::{Authorities, Authority, Expected};
use brski_common::issuing::{Subject, Template, never};
use brski_common::provenance::Basis;
use brski_common::time::at;
use brski_common::{Anchors, Certificate, SignatureAlgorithm, Signer as _, SoftwareKey};

fn main() {
    divan::main();
    // A partial run has no use for the ratio.
    if std::env::args().skip(1).all(|argument| argument == "--bench") {
        ratio();
    }
}

#[divan::bench]
fn appraise_a_certification(bencher: divan::Bencher<'_, '_>) {
    bencher.bench(|| WORLD.appraise());
}

#[divan::bench]
fn bare_verifications_of_both_signatures(bencher: divan::Bencher<'_, '_>) {
    bencher.bench(|| WORLD.verify());
}

#[divan::bench]
fn read_a_public_area(bencher: divan::Bencher<'_, '_>) {
    bencher.bench(|| PublicArea::from_octets(black_box(&WORLD.public)).unwrap());
}

/// The median of many rounds' ratios. A turn is short against the time slices of a busy machine, so that few are interrupted.
fn ratio() {
    const ROUNDS: usize = 601;
    let time = |operation: &dyn Fn()| {
        let start = Instant::now();
        (0..5).for_each(|_| operation());
        start.elapsed().as_secs_f64() / 5.0
    };
    let mut rounds: Vec<(f64, f64)> = (0..ROUNDS).map(|_| (time(&|| WORLD.appraise()), time(&|| WORLD.verify()))).collect();
    rounds.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
    let (library, bare) = rounds[ROUNDS / 2];
    println!("\nappraise a certification {:.1} us, the 2 verifications in it {:.1} us, ratio {:.2} (at most 1.3)", library * 1e6, bare * 1e6, library / bare);
}

/// A vendor, its CA, the attestation key and a key that it certified.
struct World {
    stmt: Vec<u8>,
    public: Vec<u8>,
    certs: [Certificate; 2],
    authorities: Authorities,
    key: SoftwareKey,
    /// Message, key and signature, as often as there are signatures to be verified: the CA's own was verified with the first statement, and is remembered.
    bare: [(Vec<u8>, Vec<u8>, Vec<u8>); 2],
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

impl World {
    fn new() -> Self {
        let [vendor_key, ca_key, ak, key] = [(); 4].map(|()| SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().0);
        let template = |name, key: &SoftwareKey, serial| Template::new(Subject::common_name(name), key.public_key(), [serial; 16], at(NOW - 60), never());
        let vendor = block_on(template("TPM vendor", &vendor_key, 1).ca(None).self_signed(&vendor_key)).unwrap();
        let ca = block_on(template("AK CA", &ca_key, 2).ca(Some(0)).issued_by(&vendor, &vendor_key)).unwrap();
        let certificate = block_on(template("AK", &ak, 3).usages(&["2.23.133.8.3"]).issued_by(&ca, &ca_key)).unwrap();

        let public = public(&key);
        let name = PublicArea::from_octets(&public).unwrap().name().to_vec();
        let attest = [&[0xff, 0x54, 0x43, 0x47, 0x80, 0x17][..], &sized(&name), &sized(&[7; 32]), &[0; 25], &sized(&name), &sized(&name)].concat();
        let (raw, signature) = (|key: &SoftwareKey| key.public_key().raw().to_vec(), block_on(ak.sign(&attest)).unwrap().fixed().to_vec());
        let (r, s) = signature.split_at(32);
        let tpm_signature = [&[0, 0x18, 0, 0x0b][..], &sized(r), &sized(s)].concat();
        let content = [octets(&attest), octets(&tpm_signature), octets(&public)].concat();
        let stmt = [&[0x30, 0x82][..], &(content.len() as u16).to_be_bytes(), &content].concat();

        let authority = Authority {
            name: "vendor".to_owned(),
            anchors: Anchors::new([vendor]).unwrap(),
            basis: Basis::KeyAttestation,
            locus: None,
            unmarked_attestation_keys: false,
        };
        let of_certificate = block_on(ca_key.sign(certificate.der())).unwrap().fixed().to_vec();
        let bare = [(attest, raw(&ak), signature), (certificate.der().to_vec(), raw(&ca_key), of_certificate)];
        Self { stmt, public, certs: [certificate, ca], authorities: Authorities::new([authority]), key, bare }
    }

    fn appraise(&self) {
        let expected = Expected { key: self.key.public_key(), nonce: Some(&[7; 32]) };
        black_box(appraise(black_box(&self.stmt), &self.certs, &expected, &self.authorities, at(NOW)).unwrap());
    }

    fn verify(&self) {
        for (message, key, signature) in &self.bare {
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(black_box(message), signature).unwrap();
        }
    }
}

/// TPMT_PUBLIC of a key on P-256 that a TPM made for signing.
fn public(key: &SoftwareKey) -> Vec<u8> {
    let (x, y) = key.public_key().raw()[1..].split_at(32);
    let head = [0, 0x23, 0, 0x0b, 0, 4, 0, 0x72, 0, 0, 0, 0x10, 0, 0x10, 0, 3, 0, 0x10];
    [&head[..], &sized(x), &sized(y)].concat()
}

fn sized(octets: &[u8]) -> Vec<u8> {
    [&(octets.len() as u16).to_be_bytes()[..], octets].concat()
}

/// An OCTET STRING of fewer than 256 octets.
fn octets(content: &[u8]) -> Vec<u8> {
    let length = content.len() as u8;
    let head = if length < 128 { vec![0x04, length] } else { vec![0x04, 0x81, length] };
    [&head[..], content].concat()
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
