//! `policy test`: what a policy makes of statements.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use brski_common::appraise::{MasaFindings, ReceiptFinding, Supposition, Verdict};
use brski_common::serve::setup::{read_certificates, read_text};
use brski_common::text::{LONGEST_WORDS, printable};
use brski_common::time::from_rfc3339;
use brski_common::{Assertion, AuditLog, Certificate, Clock, Format, IDevIdCert, Signed, UnixTime};
use brski_registrar::relay::findings_of;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::super::{Output, trace};
use super::{Said, read};

/// Tell what a policy would make of statements, rule by rule
///
/// A rehearsal: no signature is verified and nobody is admitted. What the policy demands of an LDevID's key is no matter of statements: `appraise` judges that. Without --assertion and --audit-log the policy judges as long as the MASA has said nothing. The
/// exit status is 0 if it accepts every statement, and 2 if it holds or refuses one.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Policy file
    policy: PathBuf,
    /// Provenance statements, COSE
    #[arg(required = true, value_name = "STATEMENT")]
    statements: Vec<PathBuf>,
    /// The manufacturer, by the owner's name for it
    #[arg(long, value_name = "NAME", default_value = "unnamed")]
    manufacturer: String,
    /// The device's IDevID, PEM [default: the statement's word for which device it is about, whose model is then unknown]
    #[arg(long, value_name = "FILE")]
    idevid: Option<PathBuf>,
    /// What receipt to suppose [default: present if the statement has one, else absent]
    #[arg(long, value_name = "STATE", value_enum)]
    receipt: Option<Receipt>,
    /// What the voucher asserts: verified, logged, proximity or agent-proximity
    #[arg(long, value_name = "ASSERTION", value_parser = assertion)]
    assertion: Option<Assertion>,
    /// The device's audit log, JSON as the MASA discloses it
    #[arg(long, value_name = "FILE")]
    audit_log: Option<PathBuf>,
    /// The registrar's certificate and those above it, PEM: the domain that is no foreign one in the audit log
    #[arg(long, value_name = "FILE", requires = "audit_log")]
    domain: Option<PathBuf>,
    /// Judge at this time, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<UnixTime>,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Receipt {
    Absent,
    Present,
    Checked,
}

impl From<Receipt> for ReceiptFinding {
    fn from(receipt: Receipt) -> Self {
        match receipt {
            Receipt::Absent => Self::Missing,
            Receipt::Present => Self::Unchecked,
            Receipt::Checked => Self::Checked,
        }
    }
}

/// One statement and what became of it.
#[derive(Debug, Serialize)]
struct Tried {
    statement: String,
    #[serde(flatten)]
    said: Said,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let policy = read(&arguments.policy)?;
    let idevid = arguments.idevid.as_deref().map(idevid).transpose()?;
    let word = word(arguments)?;
    let now = arguments.at.unwrap_or_else(|| Clock::system().now());
    let mut accepted = true;
    for path in &arguments.statements {
        let supposition = Supposition {
            statement: Signed::from_wire(Format::Cose, octets(path)?),
            idevid: idevid.clone(),
            manufacturer: arguments.manufacturer.clone(),
            receipt: arguments.receipt.map(ReceiptFinding::from),
            word: word.clone(),
        };
        let said = Said::new(supposition.rehearse(&policy, now)).with_context(|| format!("{} cannot be read as a statement", path.display()))?;
        accepted &= said.verdict == Verdict::Accept;
        write(arguments.output, Tried { statement: printable(&path.display().to_string(), LONGEST_WORDS), said })?;
    }
    Ok(if accepted { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

fn write(output: Output, tried: Tried) -> anyhow::Result<()> {
    let mut out = crate::cli::out();
    match output {
        Output::Text => {
            writeln!(out, "{}: {}", tried.statement, printable(&tried.said.in_words(), LONGEST_WORDS))?;
            trace::write(&mut out, &tried.said.trace)?;
        }
        Output::Json => writeln!(out, "{}", serde_json::to_string(&tried)?)?,
    }
    Ok(())
}

/// What the MASA is supposed to have said; none if that was not given.
fn word(arguments: &Arguments) -> anyhow::Result<Option<MasaFindings>> {
    let own: Vec<Certificate> = arguments.domain.as_deref().map(read_certificates).transpose()?.unwrap_or_default();
    let log = |path: &PathBuf| {
        let text = read_text(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let log = AuditLog::from_json(text.as_bytes()).with_context(|| format!("{} is no audit log", path.display()))?;
        anyhow::Ok(findings_of(&log, &own, &[]))
    };
    let history = arguments.audit_log.as_ref().map(log).transpose()?;
    let said = arguments.assertion.is_some() || history.is_some();
    Ok(said.then_some(MasaFindings { assertion: arguments.assertion, history }))
}

fn idevid(path: &Path) -> anyhow::Result<IDevIdCert> {
    let certificate = read_certificates(path)?.into_iter().next().with_context(|| format!("{} holds no certificate", path.display()))?;
    IDevIdCert::new(certificate).with_context(|| format!("{} is no IDevID", path.display()))
}

fn octets(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut octets = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST_STATEMENT + 1).read_to_end(&mut octets));
    read.with_context(|| format!("{} cannot be read", path.display()))?;
    anyhow::ensure!(octets.len() as u64 <= LONGEST_STATEMENT, "{} is longer than 1 MiB, which no statement is", path.display());
    Ok(octets)
}

fn assertion(word: &str) -> Result<Assertion, String> {
    Assertion::from_name(word).ok_or_else(|| "it must be verified, logged, proximity or agent-proximity".to_owned())
}

fn time(text: &str) -> Result<UnixTime, brski_common::DecodeError> {
    from_rfc3339("--at", text)
}

const LONGEST_STATEMENT: u64 = 1024 * 1024;

const EXAMPLES: &str = "\
Examples:
  brski-registrar policy test registrar/policy.toml statement.cose
  brski-registrar policy test --assertion verified --audit-log log.json hardware-only.toml *.cose
  brski-registrar policy test -o json registrar/policy.toml statement.cose | jq .trace";
