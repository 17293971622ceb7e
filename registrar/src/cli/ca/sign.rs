//! `ca sign-request`: what the root's keeper does on a machine without network.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use brski_common::issuing::{Subject, Template};
use brski_common::serve::setup::{NewFiles, open_key, read_certificates, read_request};
use brski_common::sign::KeyUri;
use brski_common::text::{LONGEST_WORDS, printable};
use brski_common::time::{at, to_rfc3339};
use brski_common::{Certificate, Clock, Csr, UnixTime};
use clap::Args;
use serde::Serialize;

use crate::cli::Output;

/// Certify an issuing CA with the root's key: show what is signed, ask, and write its path
///
/// Needs no network and no configuration. The certificate's CA can issue to end entities alone (path length 0). Without a terminal --yes must answer.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SignRequestArguments {
    /// The root's key: a PEM file, or a pkcs11: URI
    #[arg(long, value_name = "URI")]
    root_key: KeyUri,
    /// The root's certificate
    #[arg(long, value_name = "FILE")]
    root_cert: PathBuf,
    /// How many days the certificate is valid; never longer than the root's
    #[arg(long, value_name = "DAYS", default_value_t = 3650, value_parser = clap::value_parser!(u32).range(1..=36500))]
    days: u32,
    /// Where to write the certificate, with the root's behind it
    #[arg(long, value_name = "FILE", default_value = "issuing-ca.pem")]
    out: PathBuf,
    /// Sign it without asking
    #[arg(long)]
    yes: bool,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    /// The request that `ca request` made
    request: PathBuf,
}

/// What is signed, and what was.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Signing {
    subject: String,
    key_sha256: String,
    issuer: String,
    path_length: u8,
    not_before: String,
    not_after: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

pub(crate) async fn sign_request(arguments: &SignRequestArguments) -> anyhow::Result<()> {
    let chain = read_certificates(&arguments.root_cert)?;
    let root = chain.first().context("the file of the root's certificate holds none")?;
    let csr = read_request(&arguments.request)?;
    let now = Clock::system().now();
    let (not_before, not_after) = validity(root, arguments.days, now)?;
    check(&csr, root)?;
    let mut signing = Signing {
        subject: printable(csr.subject(), LONGEST_WORDS),
        key_sha256: csr.public_key().digest().to_string(),
        issuer: printable(root.subject(), LONGEST_WORDS),
        path_length: 0,
        not_before: to_rfc3339(not_before),
        not_after: to_rfc3339(not_after),
        certificate: None,
        sha256: None,
    };
    confirm(arguments, &signing)?;

    let signer = open_key(&arguments.root_key)?;
    let mut serial = [0; 16];
    aws_lc_rs::rand::fill(&mut serial).map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
    let template = Template::new(Subject::from_der(csr.subject_der())?, csr.public_key(), serial, not_before, not_after).ca(Some(0));
    let issued = template.issued_by(root, &*signer).await?;
    let mut files = NewFiles::new();
    files.public(&arguments.out, issued.to_pem() + &chain.iter().map(Certificate::to_pem).collect::<String>());
    files.write_into(std::path::Path::new(""))?;
    (signing.certificate, signing.sha256) = (Some(arguments.out.clone()), Some(issued.fingerprint()));
    arguments.output.print(&signing)
}

/// From now on, for so many days, and no longer than the root.
fn validity(root: &Certificate, days: u32, now: UnixTime) -> anyhow::Result<(UnixTime, UnixTime)> {
    let until = at(now.as_secs().saturating_add(u64::from(days) * 86_400)).min(root.not_after());
    anyhow::ensure!(
        root.not_before() <= now && now < until,
        "the root's certificate is not valid now, but from {} to {}",
        to_rfc3339(root.not_before()),
        to_rfc3339(root.not_after())
    );
    Ok((now, until))
}

fn check(csr: &Csr, root: &Certificate) -> anyhow::Result<()> {
    anyhow::ensure!(
        root.is_ca() && root.is_self_issued(),
        "{} is no root: its certificate is no CA's, or another CA issued it",
        printable(root.subject(), LONGEST_WORDS)
    );
    anyhow::ensure!(*csr.public_key() != root.public_key(), "the request is for the root's own key; an issuing CA has one of its own");
    anyhow::ensure!(csr.subject_der() != root.subject_der(), "the request has the root's own name; an issuing CA has one of its own");
    // An empty SEQUENCE.
    anyhow::ensure!(csr.subject_der().len() > 2, "the request names nobody; a CA needs a name");
    Ok(())
}

/// Asks, unless the command line has answered.
fn confirm(arguments: &SignRequestArguments, signing: &Signing) -> anyhow::Result<()> {
    if arguments.yes {
        return Ok(());
    }
    anyhow::ensure!(std::io::stdin().is_terminal(), "nothing was signed: without a terminal, --yes has to say that {} shall be a CA", signing.subject);
    let mut terminal = std::io::stderr();
    write!(terminal, "{signing}\n\nSign this? Only 'yes' does it: ")?;
    terminal.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    anyhow::ensure!(answer.trim() == "yes", "nothing was signed");
    Ok(())
}

impl core::fmt::Display for Signing {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        writeln!(f, "CA: {}\n  SHA-256 of its key {}", self.subject, self.key_sha256)?;
        writeln!(f, "issued by: {}", self.issuer)?;
        write!(f, "path length: {} (it certifies end entities alone)\nvalid: from {} until {}", self.path_length, self.not_before, self.not_after)?;
        let (Some(certificate), Some(sha256)) = (&self.certificate, &self.sha256) else { return Ok(()) };
        let path = certificate.display();
        write!(
            f,
            "\ncertificate: {path}\n  SHA-256 {sha256}\n\nNext, where the registrar is: name {path} and its key in [domain-ca], then `brski-registrar config check`"
        )
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-registrar ca sign-request --root-key root-ca-key.pem --root-cert root-ca.pem issuing-ca.csr
  brski-registrar ca sign-request --root-cert root-ca.pem --days 1825 --yes issuing-ca.csr \\
    --root-key 'pkcs11:token=root;object=root?pin-source=file:pin.txt'";
