//! `trust pending`: the pledges of unknown manufacturers that wait.

use std::io::Write as _;

use brski_common::text::{LONGEST_LINE, LONGEST_WORDS, in_full, printable};
use brski_common::time::to_rfc3339;
use brski_common::{Certificate, Clock, SpkiDigest};
use brski_registrar::trust::Stranger;
use clap::Args;
use serde::Serialize;

use crate::config::Configuration;

/// Show the pledges of unknown manufacturers that wait, and what they presented
///
/// They are held where the configuration says unknown-manufacturers = "hold". Nothing that is shown here was verified, but that the pledge has the key. The fingerprint of its
/// topmost certificate is what to ask the manufacturer about, by another way; `trust add --pending` then accepts the manufacturer.
#[derive(Debug, Args)]
pub(crate) struct PendingArguments {
    #[command(flatten)]
    common: super::ListArguments,
}

/// A pledge as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    key: SpkiDigest,
    serial: String,
    since: String,
    /// As it presented them, its own first.
    certificates: Vec<ShownCertificate>,
    /// SHA-256 of the certificate that `trust add --pending` would take; none if it presented no issuer.
    issuer_sha256: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct ShownCertificate {
    subject: String,
    issuer: String,
    sha256: String,
}

pub(super) fn run(PendingArguments { common }: &PendingArguments) -> anyhow::Result<()> {
    let configuration = Configuration::read(&common.config)?;
    let strangers = configuration.strangers();
    for stranger in strangers.waiting(Clock::system().now())? {
        common.output.print(&Shown::new(&stranger)?)?;
    }
    for err in strangers.unreadable()? {
        writeln!(crate::cli::err(), "warning: a file was passed over: {}; remove it", printable(&in_full(&err), LONGEST_LINE))?;
    }
    if !configuration.holds_strangers() {
        writeln!(crate::cli::err(), "Pledges of unknown manufacturers are refused: the configuration does not say unknown-manufacturers = \"hold\".")?;
    }
    Ok(())
}

impl Shown {
    fn new(stranger: &Stranger) -> anyhow::Result<Self> {
        let shown = |certificate: &Certificate| ShownCertificate {
            subject: printable(certificate.subject(), LONGEST_WORDS),
            issuer: printable(&certificate.issuer(), LONGEST_WORDS),
            sha256: certificate.fingerprint(),
        };
        Ok(Self {
            key: stranger.key,
            serial: printable(stranger.serial.as_str(), LONGEST_WORDS),
            since: to_rfc3339(stranger.since),
            certificates: stranger.chain()?.0.iter().map(shown).collect(),
            issuer_sha256: stranger.issuer()?.as_ref().map(Certificate::fingerprint),
        })
    }
}

impl core::fmt::Display for Shown {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: waits since {}\n  key {}", self.serial, self.since, self.key)?;
        self.certificates.iter().try_for_each(|c| write!(f, "\n  {}\n    issued by {}\n    SHA-256 {}", c.subject, c.issuer, c.sha256))?;
        match &self.issuer_sha256 {
            Some(sha256) => write!(f, "\n  `trust add --pending` would accept the CA with SHA-256 {sha256}"),
            None => write!(f, "\n  it presented no CA's certificate: get that from its manufacturer"),
        }
    }
}
