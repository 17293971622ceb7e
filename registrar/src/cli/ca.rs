//! `ca`: the CA that issues LDevIDs, and its root on a machine without network.

mod request;
mod sign;

use std::path::PathBuf;

use brski_common::serve::setup::Finding;
use brski_common::{Certificate, Clock};
use clap::Args;
use serde::Serialize;

pub(crate) use self::request::{RequestArguments, request};
pub(crate) use self::sign::{SignRequestArguments, sign_request};
use super::Output;
use crate::config::Configuration;

/// Show the path of the CA that issues LDevIDs, and until when each certificate is valid
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
    let (field, chain) = Configuration::read(&arguments.config)?.ca_chain()?;
    show(field, &chain, arguments.output)
}

pub(crate) async fn fetch(arguments: &FetchArguments) -> anyhow::Result<()> {
    let (server, path) = Configuration::read(&arguments.config)?.est_server()?;
    let chain = server.ca_certificates().await?;
    let first = chain.first().filter(|first| first.is_ca());
    anyhow::ensure!(first.is_some(), "the EST server hands out no CA certificate; nothing was changed");
    let pem: String = chain.iter().map(Certificate::to_pem).collect();
    brski_common::files::replace(&path, pem.as_bytes()).map_err(|err| anyhow::anyhow!("{}: cannot be written: {err}", path.display()))?;
    show("ca.certificates", &chain, arguments.output)
}

fn show(field: &str, chain: &[Certificate], output: Output) -> anyhow::Result<()> {
    let now = Clock::system().now();
    chain.iter().enumerate().try_for_each(|(place, certificate)| output.print(&Shown::new(field, place, chain.len(), certificate, now)))
}

/// One certificate of the path.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    /// `issuing`, `intermediate` or `root`.
    role: &'static str,
    domain_id: String,
    #[serde(flatten)]
    finding: Finding,
}

impl Shown {
    fn new(field: &str, place: usize, count: usize, certificate: &Certificate, now: brski_common::UnixTime) -> Self {
        let role = match (place, certificate.is_self_issued()) {
            (0, false) => "issuing",
            (0, true) if count == 1 => "issuing root",
            (_, true) => "root",
            (_, false) => "intermediate",
        };
        Self { role, domain_id: certificate.domain_id().to_string(), finding: Finding::new(field, certificate, now) }
    }
}

impl core::fmt::Display for Shown {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} CA, {}\n  domainID {}", self.role, self.finding, self.domain_id)
    }
}
