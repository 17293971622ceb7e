//! `ca issue-registrar`: the registrar's own certificate, below the CA that issues.

use std::path::PathBuf;

use anyhow::Context as _;
use brski_common::issuing::{Subject, Template, hosts_in};
use brski_common::serve::setup::{NewFiles, read_request};
use brski_common::text::{LONGEST_WORDS, printable};
use brski_common::time::{at, to_rfc3339};
use brski_common::{Certificate, Clock, PublicKey, UnixTime};
use clap::Args;
use serde::Serialize;

use crate::cli::Output;
use crate::cli::init::REGISTRAR_USAGES;
use crate::config::Configuration;

/// Issue a registrar's certificate below the CA that issues LDevIDs, such as after that CA was replaced
///
/// For the key and with the name of the certificate that [identity] names, unless --request brings others: a certification request, such as of a second registrar. It may serve
/// pledges, ask MASAs and sign voucher-requests (serverAuth, clientAuth, cmcRA). Whoever has its key can admit devices in the name of this domain.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct IssueRegistrarArguments {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// Certification request (PKCS #10, PEM) with key and name of the registrar
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// DNS name or IP address of the registrar. May be repeated [default: those of the present certificate]
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
    /// How many days the certificate is valid; never longer than the CA's
    #[arg(long, value_name = "DAYS", default_value_t = 1825, value_parser = clap::value_parser!(u32).range(1..=36500))]
    days: u32,
    /// Where to write the certificate, with the CA's path behind it
    #[arg(long, value_name = "FILE", default_value = "registrar.pem")]
    out: PathBuf,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// What was issued.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Issued {
    subject: String,
    key_sha256: String,
    hosts: Vec<String>,
    issuer: String,
    not_before: String,
    not_after: String,
    certificate: PathBuf,
    sha256: String,
}

pub(crate) async fn issue_registrar(arguments: &IssueRegistrarArguments) -> anyhow::Result<()> {
    let configuration = Configuration::read(&arguments.config)?;
    let ca = configuration.domain_ca()?;
    let own = ca.chain.first().context("the file of the CA's certificate holds none")?;
    anyhow::ensure!(own.is_ca(), "{} is no CA's certificate", printable(own.subject(), LONGEST_WORDS));
    let present = configuration.identity()?;
    let (subject, key) = wanted(arguments, &present)?;
    anyhow::ensure!(key != own.public_key(), "the certificate would be for the CA's own key; a registrar has one of its own");
    let hosts = match arguments.hosts.as_slice() {
        [] => hosts_in(&present)?,
        named => named.to_vec(),
    };
    anyhow::ensure!(!hosts.is_empty(), "the present certificate has no DNS name or IP address; --host has to name those of the registrar");
    let (not_before, not_after) = validity(own, arguments.days, Clock::system().now())?;

    let mut serial = [0; 16];
    aws_lc_rs::rand::fill(&mut serial).map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
    let template = Template::new(subject, &key, serial, not_before, not_after).usages(&REGISTRAR_USAGES).alternative_names(&hosts);
    let issued = template.issued_by(own, &*ca.key).await?;
    let mut files = NewFiles::new();
    files.public(&arguments.out, issued.to_pem() + &ca.chain.iter().map(Certificate::to_pem).collect::<String>());
    files.write_into(std::path::Path::new(""))?;
    arguments.output.print(&Issued {
        subject: printable(issued.subject(), LONGEST_WORDS),
        key_sha256: issued.spki_digest().to_string(),
        hosts,
        issuer: printable(own.subject(), LONGEST_WORDS),
        not_before: to_rfc3339(not_before),
        not_after: to_rfc3339(not_after),
        certificate: arguments.out.clone(),
        sha256: issued.fingerprint(),
    })
}

/// Whom it is for: name and key.
fn wanted(arguments: &IssueRegistrarArguments, present: &Certificate) -> anyhow::Result<(Subject, PublicKey)> {
    let Some(path) = &arguments.request else { return Ok((Subject::from_der(present.subject_der())?, present.public_key())) };
    let csr = read_request(path)?;
    // An empty SEQUENCE.
    anyhow::ensure!(csr.subject_der().len() > 2, "{}: names nobody; a registrar needs a name", path.display());
    Ok((Subject::from_der(csr.subject_der())?, csr.public_key().clone()))
}

/// From now on, for so many days, and no longer than the CA.
fn validity(ca: &Certificate, days: u32, now: UnixTime) -> anyhow::Result<(UnixTime, UnixTime)> {
    let until = at(now.as_secs().saturating_add(u64::from(days) * 86_400)).min(ca.not_after());
    let (from, to) = (to_rfc3339(ca.not_before()), to_rfc3339(ca.not_after()));
    anyhow::ensure!(ca.not_before() <= now && now < until, "the CA's certificate is not valid now, but from {from} to {to}");
    Ok((now, until))
}

impl core::fmt::Display for Issued {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        writeln!(f, "registrar: {}\n  SHA-256 of its key {}\n  hosts: {}", self.subject, self.key_sha256, self.hosts.join(", "))?;
        writeln!(f, "issued by: {}\nvalid: from {} until {}", self.issuer, self.not_before, self.not_after)?;
        let path = self.certificate.display();
        write!(f, "certificate: {path}\n  SHA-256 {}\n\nNext: name {path} in [identity], then `brski-registrar config check`", self.sha256)
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-registrar ca issue-registrar --out registrar/certificates/registrar-2.pem
  brski-registrar ca issue-registrar --request second.csr --host second.example.net --out second.pem";
