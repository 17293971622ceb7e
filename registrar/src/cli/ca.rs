//! `ca`: the CA that issues LDevIDs, and its root on a machine without network.

mod registrar;
mod request;
mod sign;

use std::path::PathBuf;

use brski_common::serve::setup::Finding;
use brski_common::{Certificate, Clock, UnixTime};
use brski_registrar::http::crl_path_of;
use clap::Args;
use serde::Serialize;

pub(crate) use self::registrar::{IssueRegistrarArguments, issue_registrar};
pub(crate) use self::request::{RequestArguments, request};
pub(crate) use self::sign::{SignRequestArguments, sign_request};
use super::Output;
use crate::config::Configuration;

/// Show the path of the CA that issues LDevIDs and those that did, until when each certificate is valid, and where its CRL is
#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Fetch the CA certificates of the EST server that [ca] names, and put them where it says
///
/// Serving never does this by itself: what pledges are told to trust changes only when somebody looks at it.
#[derive(Debug, Args)]
pub(crate) struct FetchArguments {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

pub(crate) fn list(arguments: &ListArguments) -> anyhow::Result<()> {
    let configuration = Configuration::read(&arguments.config)?;
    let listers = configuration.listers()?;
    let (field, chain) = configuration.ca_chain()?;
    show(field, &chain, &listers, arguments.output)?;
    let now = Clock::system().now();
    let former = configuration.former_cas()?;
    former.iter().try_for_each(|former| arguments.output.print(&Shown::new("ldevid.former-cas", "former", former, &listers, now)))
}

pub(crate) async fn fetch(arguments: &FetchArguments) -> anyhow::Result<()> {
    let (server, path) = Configuration::read(&arguments.config)?.est_server()?;
    let chain = server.ca_certificates().await?;
    let first = chain.first().filter(|first| first.is_ca());
    anyhow::ensure!(first.is_some(), "the EST server hands out no CA certificate; nothing was changed");
    let pem: String = chain.iter().map(Certificate::to_pem).collect();
    brski_common::files::replace(&path, pem.as_bytes()).map_err(|err| anyhow::anyhow!("{}: cannot be written: {err}", path.display()))?;
    show("ca.certificates", &chain, &[], arguments.output)
}

/// Shows the path of the CA that issues. `listers` are the CAs whose CRLs are made here.
fn show(field: &str, chain: &[Certificate], listers: &[Certificate], output: Output) -> anyhow::Result<()> {
    let now = Clock::system().now();
    chain.iter().enumerate().try_for_each(|(place, certificate)| {
        let role = match (place, certificate.is_self_issued()) {
            (0, false) => "issuing",
            (0, true) if chain.len() == 1 => "issuing root",
            (_, true) => "root",
            (_, false) => "intermediate",
        };
        output.print(&Shown::new(field, role, certificate, listers, now))
    })
}

/// One certificate of the path.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    /// `issuing`, `intermediate`, `root` or `former`.
    role: &'static str,
    domain_id: String,
    /// Where this registrar serves its CRL, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    crl: Option<String>,
    #[serde(flatten)]
    finding: Finding,
}

impl Shown {
    fn new(field: &str, role: &'static str, certificate: &Certificate, listers: &[Certificate], now: UnixTime) -> Self {
        let crl = listers.contains(certificate).then(|| crl_path_of(certificate));
        Self { role, domain_id: certificate.domain_id().to_string(), crl, finding: Finding::new(field, certificate, now) }
    }
}

impl core::fmt::Display for Shown {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} CA, {}\n  domainID {}", self.role, self.finding, self.domain_id)?;
        self.crl.iter().try_for_each(|path| write!(f, "\n  CRL at {path}"))
    }
}
