//! `issue-idevid`: the issuing CA certifies a device's key.

use std::path::PathBuf;

use anyhow::Context as _;
use brski_common::issuing::{Subject, Template, never};
use brski_common::serve::setup::{NewFiles, read_request};
use brski_common::{Certificate, Clock, IDevIdCert};
use clap::Args;
use serde::Serialize;

use super::Output;
use crate::config::Configuration;

/// Certify a device's key: make its IDevID from a certification request whose subject holds its serialNumber
///
/// The IDevID names this MASA and never expires. Nothing is recorded: that is what a manufacture report is for.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, default_value = "masa/masa.toml")]
    config: PathBuf,
    /// PKCS #10 certification request, PEM
    #[arg(long)]
    csr: PathBuf,
    /// Product line whose CA issues it, where the serial number does not tell ("everything else" for none of them)
    #[arg(long)]
    line: Option<String>,
    /// Where to write the IDevID and the path above it, PEM; must not exist
    #[arg(long)]
    out: PathBuf,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// What was issued.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Issued {
    file: PathBuf,
    serial_number: String,
    sha256: String,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let configuration = Configuration::read(&arguments.config)?;
    let csr = read_request(&arguments.csr)?;
    let file = arguments.csr.display();
    anyhow::ensure!(!csr.requests_ca(), "{file}: the request asks for a CA certificate, an IDevID is none");
    let serial = csr.serial_number();
    let serial = serial.with_context(|| format!("{file}: the request's subject must hold exactly one serialNumber, of 1 to 64 printable ASCII characters"))?;
    let issuer = configuration.idevid_issuer(arguments.line.as_deref(), &serial)?;
    let Some(ca) = issuer.chain.first() else { anyhow::bail!("{}: idevid-issuer.certificate holds none", arguments.config.display()) };

    let subject = Subject::from_der(csr.subject_der()).with_context(|| file.to_string())?;
    let now = Clock::system().now();
    let template = Template::new(subject, csr.public_key(), super::random_serial()?, now, never()).masa_url(configuration.authority());
    let idevid = IDevIdCert::new(template.issued_by(ca, &issuer.key).await?)?;

    // The root is what others already hold.
    let above: String = issuer.chain.iter().filter(|c| !c.is_self_issued()).map(Certificate::to_pem).collect();
    let mut files = NewFiles::new();
    files.public(&arguments.out, idevid.certificate().to_pem() + &above);
    files.write_into("".as_ref())?;

    arguments.output.print(&Issued {
        file: arguments.out.clone(),
        serial_number: idevid.device().serial.to_string(),
        sha256: idevid.certificate().fingerprint(),
    })
}

impl core::fmt::Display for Issued {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "IDevID of {}: {}\n  SHA-256 {}", self.serial_number, self.file.display(), self.sha256)
    }
}

const EXAMPLES: &str = "\
Example, with a key made by OpenSSL:
  openssl ecparam -name prime256v1 -genkey -noout -out device.key
  openssl req -new -key device.key -subj /serialNumber=JADA123456789 -out device.csr
  brski-masa issue-idevid --config masa/masa.toml --csr device.csr --out device.pem";
