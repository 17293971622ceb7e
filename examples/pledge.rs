//! A pledge for everybody: takes one device through any registrar, ours or not, and prints each step.
//!
//! `cargo run --example pledge -- --help` tells more. The protocol is decided by `brski_common::pledge`; `brski_common::serve::onboard` carries it over TLS.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it tells what it does")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use brski_common::pledge::{Pledge, PledgeError, ProximityLeaf};
use brski_common::serve::TlsIdentity;
use brski_common::serve::onboard::{Cause, OnboardError, Onboarded, Options, Step, onboard};
use brski_common::serve::setup::{NewFiles, read_certificates, read_key};
use brski_common::text::{LONGEST_LINE, printable};
use brski_common::{Anchors, Certificate, Format, Leniencies, Leniency, Signed, VerifyError};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser as _};
use clap::{Parser, ValueEnum};

/// Takes one device through any registrar (RFC 8995): voucher, LDevID, and the reports on both.
///
/// The voucher must be signed under --masa-anchor, or else under the topmost certificate of the --idevid file: a pledge that believes any voucher belongs to anybody.
#[derive(Parser)]
#[command(name = "pledge", after_help = EXAMPLES)]
struct Arguments {
    /// The registrar.
    #[arg(long, value_name = "HOST:PORT")]
    registrar: String,
    /// The device's IDevID in PEM, then the certificates above it.
    #[arg(long, value_name = "FILE")]
    idevid: PathBuf,
    /// The IDevID's private key in PEM (PKCS #8 or SEC 1, unencrypted).
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The provenance statement to show, as its manufacturer signed it (COSE_Sign1).
    #[arg(long, value_name = "FILE")]
    statement: Option<PathBuf>,
    /// Certificates in PEM under which a voucher must be signed. A COSE voucher comes without certificates, so that with --format cose its signer's own must be
    /// among them. May be repeated.
    #[arg(long = "masa-anchor", value_name = "FILE")]
    masa_anchors: Vec<PathBuf>,
    /// Format of voucher-request and voucher.
    #[arg(long, value_enum, value_name = "NAME", default_value_t = Encoding::Cms)]
    format: Encoding,
    /// By what the voucher-request names the registrar, and what the voucher should pin.
    #[arg(long, value_enum, value_name = "NAME", default_value_t = Proximity::Certificate)]
    proximity: Proximity,
    /// Folder for the files voucher.vcj (.vjj for JWS, .vch for COSE), ldevid.pem, ldevid.key (mode 0600), domain.pem, and statement.cbor if --statement or the
    /// voucher gave one; nothing in it is overwritten.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Renew the LDevID at once (simplereenroll) and keep the new one.
    #[arg(long)]
    renew: bool,
    /// Seconds for which "later" is taken for an answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    patience: u64,
    /// Deviations to tolerate in the voucher and its media type; idevid-issuer-forms always is.
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = leniency_names().try_map(|name| Leniency::from_name(&name).ok_or("no leniency has this name")))]
    leniency: Vec<Leniency>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Encoding {
    /// JSON in CMS.
    Cms,
    /// JSON in JWS.
    Jws,
    /// CBOR in COSE.
    Cose,
}

impl From<Encoding> for Format {
    fn from(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Cms => Self::Cms,
            Encoding::Jws => Self::Jws,
            Encoding::Cose => Self::Cose,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Proximity {
    /// Its TLS certificate (proximity-registrar-cert).
    Certificate,
    /// The key in that (proximity-registrar-pubk).
    Key,
    /// SHA-256 of that key (proximity-registrar-pubk-sha256).
    KeyHash,
}

impl From<Proximity> for ProximityLeaf {
    fn from(proximity: Proximity) -> Self {
        match proximity {
            Proximity::Certificate => Self::Certificate,
            Proximity::Key => Self::Key,
            Proximity::KeyHash => Self::KeyHash,
        }
    }
}

fn leniency_names() -> PossibleValuesParser {
    PossibleValuesParser::new(Leniency::ALL.iter().map(|leniency| PossibleValue::new(leniency.name()).help(leniency.description())))
}

const EXAMPLES: &str = "\
Examples:
  pledge --registrar registrar.example.com:443 --idevid idevid.pem --key idevid.key
                              ask for a voucher, which the topmost certificate of idevid.pem must stand behind
  pledge --registrar 127.0.0.1:8443 --idevid idevid.pem --key idevid.key --masa-anchor masa.pem --statement statement.cbor --out enrolled
                              show a provenance statement, and keep what comes back
  pledge --registrar 127.0.0.1:8443 --idevid idevid.pem --key idevid.key --masa-anchor voucher-signer.pem --format cose --proximity key-hash
                              speak COSE, and have the registrar's key pinned instead of a certificate
  pledge --registrar 127.0.0.1:8443 --idevid idevid.pem --key idevid.key --format jws --leniency base64-body,cms-id-data
                              speak JWS, and tolerate two deviations";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            // One sentence, from the step to its cause.
            eprintln!("pledge: {}", printable(&format!("{err:#}"), LONGEST_LINE));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<()> {
    let Some(folder) = &arguments.out else { return take_through(arguments).await };
    let existed = folder.exists();
    make_sure_of_room(&files(arguments), folder)?;
    let done = take_through(arguments).await;
    if done.is_err() && !existed {
        // A folder with anything in it stays.
        let _ = std::fs::remove_dir(folder);
    }
    done
}

async fn take_through(arguments: &Arguments) -> Result<()> {
    let chain = read_certificates(&arguments.idevid)?;
    let key = Arc::new(read_key(&arguments.key)?);
    let tls = TlsIdentity::with_signer(&chain, key.clone()).with_context(|| format!("{} and {}", arguments.idevid.display(), arguments.key.display()))?;
    let anchors = voucher_anchors(arguments, &chain)?;
    for anchor in anchors.certificates() {
        tell(&format!("a voucher must be signed under {}", anchor.subject()));
    }

    let lenient = Leniencies::with(arguments.leniency.iter().copied());
    let pledge = Pledge::new(chain, key, anchors)?.with_leniencies(lenient);
    let mut pledge = pledge.with_format(arguments.format.into()).with_proximity(arguments.proximity.into());
    if let Some(file) = &arguments.statement {
        pledge = pledge.with_statement(Signed::from_wire(Format::Cose, read_statement(file)?));
    }
    let options = Options { patience: Duration::from_secs(arguments.patience), ..Options::default() };
    let print = |step: &Step| tell(&step.to_string());
    let onboarded = onboard(&pledge, &tls, &arguments.registrar, &options, print).await;
    let mut onboarded = onboarded.map_err(|err| with_hint(err, arguments))?;
    // Kept whether the renewal succeeds or not.
    let renewed = if arguments.renew { onboarded.renew(print).await } else { Ok(()) };
    match &arguments.out {
        Some(folder) => keep(&onboarded, arguments, folder)?,
        None => tell("nothing was kept; --out DIR keeps voucher, LDevID and key"),
    }
    Ok(renewed?)
}

/// Manufacturers often have another root for vouchers than for IDevIDs, and COSE vouchers need more than a root.
fn with_hint(err: OnboardError, arguments: &Arguments) -> anyhow::Error {
    let untrusted = match &err.cause {
        Cause::Pledge(cause) => match &**cause {
            PledgeError::VoucherUntrusted(why) => Some(why),
            _ => None,
        },
        _ => None,
    };
    let hint = match (untrusted, arguments.masa_anchors.is_empty(), arguments.format) {
        (Some(VerifyError::UnknownSigner { .. } | VerifyError::BadSignature { .. }), _, Encoding::Cose) => {
            "a COSE voucher comes without certificates: --masa-anchor must name its signer's own, which manufacturers publish and brski-masa keeps in \
             certificates/voucher-signer.pem"
        }
        (Some(_), true, _) => {
            "the manufacturer may sign vouchers under a certificate of its own, which --masa-anchor names; that of brski-masa is certificates/voucher-ca.pem"
        }
        (Some(_), false, _) | (None, ..) => return err.into(),
    };
    anyhow::Error::new(err).context(hint)
}

/// Under which certificates the voucher must be signed.
fn voucher_anchors(arguments: &Arguments, chain: &[Certificate]) -> Result<Anchors> {
    if arguments.masa_anchors.is_empty() {
        let top = topmost(chain).with_context(|| {
            let file = arguments.idevid.display();
            format!("{file} holds no certificate above the IDevID, so that no voucher could be verified; name the manufacturer's with --masa-anchor")
        })?;
        return Ok(Anchors::new([top])?);
    }
    let mut certificates = Vec::new();
    for file in &arguments.masa_anchors {
        certificates.extend(read_certificates(file)?);
    }
    Ok(Anchors::new(certificates)?)
}

/// The last certificate on the way up from the first, if that is a CA's and another one.
fn topmost(chain: &[Certificate]) -> Option<Certificate> {
    let mut top = chain.first()?;
    // A way is no longer than its certificates, so that a loop ends.
    for _ in chain {
        match chain.iter().find(|above| *above != top && above.subject_der() == top.issuer_der()) {
            Some(above) if !top.is_self_issued() => top = above,
            Some(_) | None => break,
        }
    }
    (Some(top) != chain.first() && top.is_ca()).then(|| top.clone())
}

fn read_statement(file: &Path) -> Result<Vec<u8>> {
    let size = std::fs::metadata(file).with_context(|| format!("{} cannot be read", file.display()))?.len();
    ensure!((1..=LARGEST_STATEMENT).contains(&size), "{} has {size} octets, expected a statement of at most {LARGEST_STATEMENT}", file.display());
    std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))
}

/// Before anything is asked for: an LDevID that cannot be kept is worth nothing.
fn make_sure_of_room(files: &[String], folder: &Path) -> Result<()> {
    match files.iter().map(|name| folder.join(name)).find(|path| path.symlink_metadata().is_ok()) {
        Some(path) => bail!("{} exists already; choose another folder for --out, or remove it", path.display()),
        None => std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display())),
    }
}

fn keep(onboarded: &Onboarded, arguments: &Arguments, folder: &Path) -> Result<()> {
    let pem = |certificates: &[Certificate]| certificates.iter().map(Certificate::to_pem).collect::<String>();
    let enclosed = onboarded.voucher.get().provenance.as_ref().and_then(|provenance| provenance.statement.clone());
    let statement = match &arguments.statement {
        Some(file) => Some(read_statement(file)?),
        None => enclosed,
    };
    let [voucher_file, statement_file, ldevid_file, key_file, anchors_file] = files(arguments);
    let mut files = NewFiles::new();
    files.public(voucher_file, onboarded.voucher.signed().wire());
    if let Some(statement) = statement {
        files.public(statement_file, statement);
    }
    files.public(ldevid_file, pem(&onboarded.ldevid.chain));
    files.private_key(key_file, &onboarded.ldevid.key);
    files.public(anchors_file, pem(onboarded.anchors.certificates()));
    files.write_into(folder)?;
    tell(&format!("kept in {}", folder.display()));
    Ok(())
}

/// One line. Names in it are of other people's making.
fn tell(line: &str) {
    println!("{}", printable(line, LONGEST_LINE));
}

/// Voucher, statement, LDevID with the path above it, its key, and the domain's anchors.
fn files(arguments: &Arguments) -> [String; 5] {
    let voucher = format!("voucher.{}", Format::from(arguments.format).voucher_file_extension());
    [voucher, "statement.cbor".to_owned(), "ldevid.pem".to_owned(), "ldevid.key".to_owned(), "domain.pem".to_owned()]
}

const LARGEST_STATEMENT: u64 = 64 * 1024;
