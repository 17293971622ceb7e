//! The command `inspect`, which both programs have.

use core::marker::PhantomData;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Serialize;
use zeroize::Zeroizing;

use super::{Inspection, LARGEST, Options, UNDERSTOOD, inspect, receipt};
use crate::certificate::Certificate;
use crate::chain::Anchors;
use crate::cli::{Output, Program, out};
use crate::codec::unhex;
use crate::error::DecodeError;
use crate::log::{Hash, SignedCheckpoint, VerifierKey};
use crate::serve::setup::SetupError;
use crate::sign::PublicKey;
use crate::text::{LONGEST_WORDS, printable};
use crate::time::{Clock, UnixTime, from_rfc3339};

/// Show what is in vouchers, requests, statements, certificates and other files, and where they deviate from the specifications
///
/// Any encoding is recognised: DER, BER, PEM, CBOR, JSON or TOML, perhaps in base64, base64url or hexadecimal digits. Private keys are named and never shown.
/// Deviations are told with the section they depart from and the leniency that would accept them; they do not change the exit status.
/// It is 0 if every file was recognised, and 2 if one was not or if, with --anchor, its signature could not be verified. With or without an anchor a signature
/// counts wherever it is if it is wrong, or if it is in COSE and none of the certificates that came along made it. Without an anchor no signature is trusted,
/// and one that cannot be checked does not count.
///
/// What a log signs, receipts and checkpoints, is verified with bare public keys alone, never with that of a certificate. A receipt of consistency is verified only
/// with --checkpoint, one that an entry is in only with --leaf or with the statement of that entry among the files. Of a receipt, the log signs the root alone: tree sizes and leaf indexes are as the sender says.
#[derive(Debug, Args)]
#[command(after_help = P::INSPECT_EXAMPLES)]
pub struct Arguments<P: Program> {
    /// Files to look at; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Verify signatures under the certificates and bare public keys in this file: PEM, DER or a log's key as text (log-verifier.txt). May be repeated
    #[arg(long = "anchor", value_name = "FILE")]
    anchors: Vec<PathBuf>,
    /// Verify receipts of consistency from this signed checkpoint, the older one; its log's key must be given with --anchor, bare or as text
    #[arg(long, value_name = "FILE", requires = "anchors")]
    checkpoint: Option<PathBuf>,
    /// Verify receipts of inclusion of the entry with this hash, in hex, as `brski-masa log prove` prints it. May be repeated
    #[arg(long = "leaf", value_name = "HEX", requires = "anchors", value_parser = leaf)]
    leaves: Vec<Hash>,
    /// Judge validity at this time, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<UnixTime>,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    #[arg(skip)]
    program: PhantomData<P>,
}

/// Inspects what the command line names, and tells it on standard output.
///
/// The exit status is 0, or 2 if a file was not recognised or, with anchors, not verified.
///
/// # Errors
/// A sentence, if an anchor or the checkpoint cannot be used, or if standard output cannot be written to.
pub fn run<P: Program>(arguments: &Arguments<P>) -> anyhow::Result<ExitCode> {
    let mut options = options(&arguments.anchors, arguments.checkpoint.as_deref(), arguments.at.unwrap_or_else(|| Clock::system().now()))?;
    options.leaves.clone_from(&arguments.leaves);
    let good = write_all(&arguments.files, &options, arguments.output, &mut std::io::stdin().lock(), &mut out())?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// What to inspect a file by: the certificates and bare public keys in these files are trusted, in PEM, DER or the text form of a log's key. What a receipt of
/// consistency is verified from is the signed checkpoint in another, if there is one.
///
/// # Errors
/// [`SetupError`] if a file cannot be read or holds neither certificate nor key, or if the checkpoint's log has none of these keys.
fn options(anchors: &[PathBuf], checkpoint: Option<&Path>, now: UnixTime) -> Result<Options, SetupError> {
    let (mut certificates, mut keys, mut logs) = (Vec::new(), Vec::new(), Vec::new());
    for path in anchors {
        let unusable = |err: Box<dyn std::error::Error + Send + Sync>| SetupError::new(path, "cannot be used as anchor").because(err);
        let octets = octets_of(path, &mut std::io::empty()).map_err(|err| SetupError::new(path, "cannot be read").because(err))?;
        if octets.first() == Some(&SEQUENCE) {
            match (Certificate::from_der(&octets), PublicKey::from_spki(&octets)) {
                (Ok(certificate), _) => certificates.push(certificate),
                (Err(_), Ok(key)) => keys.push(key),
                (Err(err), Err(_)) => return Err(unusable(err.into())),
            }
            continue;
        }
        let text = core::str::from_utf8(&octets).map_err(|_| unusable("it is neither PEM nor DER".into()))?;
        if !text.contains("-----BEGIN ") && text.trim().lines().count() == 1 {
            logs.push(text.trim().parse::<VerifierKey>().map_err(|err| unusable(err.into()))?);
            continue;
        }
        let spkis = SubjectPublicKeyInfoDer::pem_slice_iter(text.as_bytes()).filter_map(Result::ok);
        let here: Vec<PublicKey> = spkis.map(|spki| PublicKey::from_spki(&spki)).collect::<Result<_, _>>().map_err(|err| unusable(err.into()))?;
        match (here.is_empty(), Certificate::all_from_pem(text)) {
            (_, Ok(found)) => certificates.extend(found),
            (false, Err(_)) => (),
            (true, Err(err)) => return Err(unusable(err.into())),
        }
        keys.extend(here);
    }
    let anchors = Anchors::new(certificates).map_err(|err| SetupError::new(Path::new("--anchor"), "cannot serve as anchor").because(err))?;
    let options = Options { anchors, keys, logs, ..Options::at(now) };
    match checkpoint {
        Some(path) => with_checkpoint(options, path),
        None => Ok(options),
    }
}

fn with_checkpoint(options: Options, path: &Path) -> Result<Options, SetupError> {
    let octets = octets_of(path, &mut std::io::empty()).map_err(|err| SetupError::new(path, "cannot be read").because(err))?;
    let text = core::str::from_utf8(&octets).map_err(|err| SetupError::new(path, "is no checkpoint").because(err))?;
    let note = SignedCheckpoint::parse(text).map_err(|err| SetupError::new(path, "is no checkpoint").because(err))?;
    options.with_checkpoint(&note).map_err(|err| SetupError::new(path, "not to be trusted").because(err))
}

/// Inspects each file and writes what was found. `-` is `input`. Receipts of inclusion are verified with the records that statements among the files name, too.
///
/// Returns whether each was recognised and, if there are anchors, verified. A file that cannot be read counts as not recognised, and the others are inspected nevertheless.
fn write_all(files: &[PathBuf], options: &Options, output: Output, input: &mut dyn Read, out: &mut dyn Write) -> std::io::Result<bool> {
    let mut good = true;
    let mut all_recognised = true;
    let options = &with_leaves(options, files);
    for (index, path) in files.iter().enumerate() {
        let inspection = match octets_of(path, input) {
            Ok(octets) => inspect(&octets, options),
            Err(err) => Inspection::unknown(&format!("a file that cannot be read: {err}")),
        };
        all_recognised &= inspection.is_recognised();
        good &= inspection.is_recognised() && inspection.is_verified(options);
        let file = printable(&path.display().to_string(), LONGEST_WORDS);
        match output {
            Output::Text => {
                let gap = if index == 0 { "" } else { "\n" };
                writeln!(out, "{gap}{file}: {inspection}")?;
            }
            Output::Json => {
                let recognised = inspection.is_recognised();
                let verified = options.verifies().then(|| inspection.is_verified(options));
                serde_json::to_writer(&mut *out, &Shown { file, recognised, verified, inspection })?;
                out.write_all(b"\n")?;
            }
        }
    }
    if !all_recognised && output == Output::Text {
        writeln!(out, "\nunderstood are {UNDERSTOOD}")?;
    }
    out.flush()?;
    Ok(good)
}

/// The same with what statements among these files name. What is said of them here is said when it is their turn.
fn with_leaves(options: &Options, files: &[PathBuf]) -> Options {
    let mut options = options.clone();
    if files.len() > 1 {
        // Nothing is verified yet.
        let plain = Options::at(options.now);
        let read = |path: &PathBuf| octets_of(path, &mut std::io::empty()).map(|octets| inspect(&octets, &plain));
        let found = files.iter().filter(|path| path.as_path() != Path::new("-")).filter_map(|path| read(path).ok());
        options.leaves.extend(found.flat_map(|inspection| receipt::leaves_named(&inspection)));
    }
    options
}

fn time(text: &str) -> Result<UnixTime, DecodeError> {
    from_rfc3339("--at", text)
}

/// The hash of an entry of a log, in hexadecimal digits, as `log prove` prints it.
///
/// # Errors
/// [`DecodeError`] unless it is 32 octets.
fn leaf(hex: &str) -> Result<Hash, DecodeError> {
    Hash::try_from(unhex("leaf", &hex.to_ascii_lowercase())?.as_slice())
}

/// An inspection as programs get it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    file: String,
    recognised: bool,
    /// None if there was no anchor.
    verified: Option<bool>,
    #[serde(flatten)]
    inspection: Inspection,
}

/// At most one octet more than is inspected. Wiped afterwards, because it may be a key.
fn octets_of(path: &Path, input: &mut dyn Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut octets = Zeroizing::new(Vec::with_capacity(64 * 1024));
    let most = LARGEST as u64 + 1;
    match path == Path::new("-") {
        true => input.take(most).read_to_end(&mut octets)?,
        false => File::open(path)?.take(most).read_to_end(&mut octets)?,
    };
    Ok(octets)
}

/// Where DER begins, and no text.
const SEQUENCE: u8 = 0x30;
