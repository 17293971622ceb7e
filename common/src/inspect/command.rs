//! The command `inspect`, which both programs have.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Serialize;
use zeroize::Zeroizing;

use super::{Inspection, LARGEST, Options, UNDERSTOOD, inspect, receipt};
use crate::certificate::Certificate;
use crate::chain::Anchors;
use crate::codec::unhex;
use crate::error::DecodeError;
use crate::log::{Hash, SignedCheckpoint, VerifierKey};
use crate::serve::setup::SetupError;
use crate::sign::PublicKey;
use crate::text::{LONGEST_WORDS, printable};
use crate::time::UnixTime;

/// For whom the result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// People: text.
    People,
    /// Programs: one JSON object a line.
    Programs,
}

/// What to inspect a file by: the certificates and bare public keys in these files are trusted, in PEM, DER or the text form of a log's key. What a receipt of
/// consistency is verified from is the signed checkpoint in another, if there is one.
///
/// # Errors
/// [`SetupError`] if a file cannot be read or holds neither certificate nor key, or if the checkpoint's log has none of these keys.
pub fn options(anchors: &[PathBuf], checkpoint: Option<&Path>, now: UnixTime) -> Result<Options, SetupError> {
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
///
/// A reader that goes away before the end, as `head` does, is no error.
///
/// # Errors
/// Whatever else `out` says.
pub fn run(files: &[PathBuf], options: &Options, audience: Audience, input: &mut dyn Read, out: &mut dyn Write) -> std::io::Result<bool> {
    let mut good = true;
    match write_all(files, options, audience, input, out, &mut good) {
        Err(err) if err.kind() != std::io::ErrorKind::BrokenPipe => Err(err),
        Ok(()) | Err(_) => Ok(good),
    }
}

fn write_all(files: &[PathBuf], options: &Options, audience: Audience, input: &mut dyn Read, out: &mut dyn Write, good: &mut bool) -> std::io::Result<()> {
    let mut all_recognised = true;
    let options = &with_leaves(options, files);
    for (index, path) in files.iter().enumerate() {
        let inspection = match octets_of(path, input) {
            Ok(octets) => inspect(&octets, options),
            Err(err) => Inspection::unknown(&format!("a file that cannot be read: {err}")),
        };
        all_recognised &= inspection.is_recognised();
        *good &= inspection.is_recognised() && inspection.is_verified(options);
        let file = printable(&path.display().to_string(), LONGEST_WORDS);
        match audience {
            Audience::People => {
                let gap = if index == 0 { "" } else { "\n" };
                writeln!(out, "{gap}{file}: {inspection}")?;
            }
            Audience::Programs => {
                let recognised = inspection.is_recognised();
                let verified = options.verifies().then(|| inspection.is_verified(options));
                serde_json::to_writer(&mut *out, &Shown { file, recognised, verified, inspection })?;
                out.write_all(b"\n")?;
            }
        }
    }
    if !all_recognised && audience == Audience::People {
        writeln!(out, "\nunderstood are {UNDERSTOOD}")?;
    }
    out.flush()
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

/// The hash of an entry of a log, in hexadecimal digits, as `log prove` prints it.
///
/// # Errors
/// [`DecodeError`] unless it is 32 octets.
pub fn leaf(hex: &str) -> Result<Hash, DecodeError> {
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
