//! `appraise`: what the policy says of a device, without anybody being admitted.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use brski_common::serve::setup::read_text;
use brski_common::text::{LONGEST_LINE, printable};
use brski_common::{Certificate, Csr, Format, Leniencies, ProvenanceStatement, Signed, SpkiDigest, VoucherRequest, est};
use brski_registrar::admin::applicant;
use brski_registrar::{Exhibit, Hint, Opinion};
use clap::Args;
use serde::Serialize;

use super::{Output, trace};
use crate::config::{Configuration, MasaMemory};

/// Say what the policy makes of a device today, by its provenance statement, voucher-request or certification request
///
/// Nobody is admitted by it, and no MASA is asked. Which of them a file holds shows from its content: a statement or a voucher-request as it was signed, a PKCS #10 request
/// in DER, PEM or base64, or the JSON body of a step-ca webhook, whose signature is not looked at here. It ends with status 0 if all are acceptable, else with 3.
///
/// A server does the same for others at POST /appraise of its admin interface.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// What is to be appraised
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The device's IDevID in PEM with the path above it, where neither the file nor the store has it
    #[arg(long, value_name = "FILE")]
    idevid: Option<PathBuf>,
    /// SHA-256 over the public key of the device's IDevID, to find it in the store
    #[arg(long, value_name = "HEX", value_parser = |text: &str| SpkiDigest::try_from(text.to_owned()))]
    key: Option<SpkiDigest>,
    /// What the evidence in a certification request has to answer, in base64url without padding
    #[arg(long, value_name = "BASE64URL", value_parser = nonce)]
    nonce: Option<Nonce>,
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// One file and what the policy says.
#[derive(Serialize)]
struct Appraised<'a> {
    file: &'a Path,
    #[serde(flatten)]
    opinion: Opinion,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let configuration = Configuration::read(&arguments.config)?;
    let registrar = configuration.registrar_on(configuration.open()?, &MasaMemory::default())?;
    let idevid = arguments.idevid.as_deref().map(|path| {
        let text = read_text(path).with_context(|| format!("{}: cannot be read", path.display()))?;
        Certificate::all_from_pem(&text).with_context(|| format!("{}: holds no certificate", path.display()))
    });
    let hint = Hint { idevid: idevid.transpose()?.unwrap_or_default(), key: arguments.key, nonce: arguments.nonce.clone().map(|nonce| nonce.0) };
    let mut all = true;
    for file in &arguments.files {
        let octets = std::fs::read(file).with_context(|| format!("{}: cannot be read", file.display()))?;
        let exhibit = exhibit(&octets).with_context(|| format!("{}: cannot be appraised", file.display()))?;
        let opinion = registrar.opinion(&exhibit, &hint).await.with_context(|| format!("{}: cannot be appraised", file.display()))?;
        all &= opinion.allow;
        arguments.output.print(&Appraised { file, opinion })?;
    }
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::from(NOT_ACCEPTABLE) })
}

/// As a type of its own: clap takes a `Vec` for several values.
#[derive(Clone, Debug)]
struct Nonce(Vec<u8>);

fn nonce(text: &str) -> Result<Nonce, base64::DecodeError> {
    URL_SAFE_NO_PAD.decode(text).map(Nonce)
}

/// What a file holds.
fn exhibit(octets: &[u8]) -> anyhow::Result<Exhibit> {
    let text = core::str::from_utf8(octets).ok().map(str::trim);
    if let Some(json) = text.filter(|text| text.starts_with('{')) {
        // A signed request in JSON has a payload; a webhook's body has none.
        return match serde_json::from_str::<serde_json::Value>(json)?.get("payload") {
            Some(_) => Ok(Exhibit::Request(Signed::from_wire(Format::Jws, octets))),
            None => applicant(octets, None).map(Exhibit::Applicant).map_err(anyhow::Error::msg),
        };
    }
    let der = match text {
        Some(base64) => {
            let body: String = base64.lines().filter(|line| !line.starts_with("-----")).collect();
            est::from_body("certification request", body.as_bytes())?
        }
        None => octets.to_vec(),
    };
    if Csr::from_der(&der).is_ok() {
        return Ok(Exhibit::Csr(der));
    }
    let statement: Signed<ProvenanceStatement> = Signed::from_wire(Format::Cose, der.as_slice());
    if statement.peek_unverified(Leniencies::default()).is_ok() {
        return Ok(Exhibit::Statement(statement));
    }
    let format = if der.first() == Some(&SEQUENCE) { Format::Cms } else { Format::Cose };
    let request: Signed<VoucherRequest> = Signed::from_wire(format, der.as_slice());
    match request.peek_unverified(Leniencies::default()) {
        Ok(_) => Ok(Exhibit::Request(request)),
        Err(_) => anyhow::bail!(
            "it is neither a provenance statement, nor a voucher-request, nor a certification request; `brski-registrar inspect` tells what it is"
        ),
    }
}

impl core::fmt::Display for Appraised<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { file, opinion } = self;
        let shown = |text: &str| printable(text, LONGEST_LINE);
        let word = if opinion.allow { "acceptable" } else { "not acceptable" };
        write!(f, "{}: {word}: {}", file.display(), shown(&opinion.sentence))?;
        if let Some(pledge) = &opinion.pledge {
            write!(f, "\n  pledge {} of {}, key {}", pledge.serial, shown(&pledge.manufacturer), pledge.key)?;
        }
        for finding in &opinion.evidence {
            write!(f, "\n  evidence {}", shown(&finding.to_string()))?;
        }
        for note in &opinion.notes {
            write!(f, "\n  note: {}", shown(note))?;
        }
        let mut steps = Vec::new();
        trace::write(&mut steps, &opinion.trace).map_err(|_| core::fmt::Error)?;
        match String::from_utf8_lossy(&steps).trim_end() {
            "" => Ok(()),
            steps => write!(f, "\n{steps}"),
        }
    }
}

/// DER's SEQUENCE, with which CMS begins and COSE does not.
const SEQUENCE: u8 = 0x30;

/// 1 is for trouble, 2 for the command line.
const NOT_ACCEPTABLE: u8 = 3;

const EXAMPLES: &str = "\
Examples:
  brski-registrar appraise JADA1.statement
  brski-registrar appraise --idevid JADA1-idevid.pem JADA1.statement
  brski-registrar appraise device.csr webhook-body.json -o json";
