//! `policy check`: a policy in words.

use core::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use brski_common::SpkiDigest;
use clap::Args;
use serde::Serialize;

use super::super::Output;
use super::read;
use crate::config::Configuration;

/// Read a policy and tell how it is understood
///
/// The first mistake is told with its line, its rule and what would be right. Which manufacturers it may name is only known of the policy in a configuration.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Policy file [default: the one that the configuration names]
    policy: Option<PathBuf>,
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml", conflicts_with = "policy")]
    config: PathBuf,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// What was understood.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Understood {
    policy: PathBuf,
    sha256: String,
    mode: &'static str,
    accepted: String,
    rules: Vec<String>,
    /// What it demands of the key that a certificate is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    ldevid_key: Option<String>,
    warnings: Vec<String>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (path, known) = match &arguments.policy {
        Some(path) => (path.clone(), None),
        None => {
            let configuration = Configuration::read(&arguments.config)?;
            let known: Vec<String> = configuration.profiles().read()?.into_iter().map(|profile| profile.manufacturer.name).collect();
            (configuration.policy_path(), Some(known))
        }
    };
    let policy = read(&path)?;
    let accepted = policy.accepted_in_words();
    let nothing = accepted.is_empty().then(|| "it accepts nothing, so that no device gets an LDevID unless its mode is warn".to_owned());
    let strangers = known.iter().flat_map(|known| {
        let unknown = policy.manufacturers().into_iter().filter(|name| !known.iter().any(|known| known == name));
        unknown.map(|name| format!("it names the manufacturer '{name}', which has no profile in the trust folder; `trust list` tells their names"))
    });
    arguments.output.print(&Understood {
        sha256: SpkiDigest(*policy.digest()).to_string(),
        mode: policy.mode().name(),
        rules: policy.rules_in_words(),
        ldevid_key: policy.ldevid_key().in_words(),
        warnings: nothing.into_iter().chain(strangers).chain(policy.unreachable_in_words()).collect(),
        accepted,
        policy: path,
    })?;
    Ok(ExitCode::SUCCESS)
}

impl fmt::Display for Understood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: usable", self.policy.display())?;
        writeln!(f, "mode: {}", self.mode)?;
        self.rules.iter().try_for_each(|rule| writeln!(f, "  {rule}"))?;
        writeln!(f, "  refuse otherwise")?;
        self.ldevid_key.iter().try_for_each(|demands| writeln!(f, "LDevID keys: {demands}"))?;
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))?;
        write!(f, "SHA-256 {}", self.sha256)
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-registrar policy check
  brski-registrar policy check hardware-only.toml";
