//! `trust`: the manufacturers that this owner accepts.

mod add;
mod pending;
mod update;

use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use brski_common::Certificate;
use brski_common::text::{LONGEST_WORDS, printable};
use brski_registrar::Manufacturer;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::Output;
use crate::config::{Configuration, Profile, Profiles};

/// Choose the manufacturers whose devices are accepted
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Add(add::AddArguments),
    Update(update::UpdateArguments),
    List(ListArguments),
    Show(NamedArguments),
    Remove(RemoveArguments),
    Pending(pending::PendingArguments),
}

/// List the manufacturers whose devices are accepted
#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Show what is accepted of one manufacturer
#[derive(Debug, Args)]
pub(super) struct NamedArguments {
    /// The manufacturer's name, as `trust list` tells it
    name: String,
    #[command(flatten)]
    common: ListArguments,
}

/// Accept a manufacturer's devices no longer
///
/// From the registrar's next start or SIGHUP on its devices are refused: those that come for a voucher, and those that come for their first LDevID. LDevIDs that they have stay
/// valid until they expire, and are not renewed.
#[derive(Debug, Args)]
pub(super) struct RemoveArguments {
    #[command(flatten)]
    named: NamedArguments,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// A manufacturer as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    name: String,
    file: PathBuf,
    sha256: String,
    masa_url: Option<String>,
    /// Without which certificate policy nobody signs vouchers.
    #[serde(skip_serializing_if = "Option::is_none")]
    voucher_policy: Option<String>,
    /// Where its serial numbers stand, if not where RFC 8995 has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_source: Option<&'static str>,
    anchors: Vec<ShownAnchor>,
    /// SHA-256 over the SubjectPublicKeyInfo of its log's keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    log_keys: Vec<String>,
    /// The same of the keys that may sign the next profile.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    profile_signers: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ShownAnchor {
    purpose: &'static str,
    subject: String,
    sha256: String,
}

pub(super) fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Add(arguments) => add::run(arguments),
        Command::Update(arguments) => update::run(arguments),
        Command::List(arguments) => list(arguments),
        Command::Show(arguments) => show(arguments),
        Command::Remove(arguments) => remove(arguments),
        Command::Pending(arguments) => pending::run(arguments),
    }
}

fn list(arguments: &ListArguments) -> anyhow::Result<()> {
    for profile in Configuration::read(&arguments.config)?.profiles().read()? {
        arguments.output.print(&Shown::new(&profile))?;
    }
    Ok(())
}

fn show(NamedArguments { name, common }: &NamedArguments) -> anyhow::Result<()> {
    let profile = find(&Configuration::read(&common.config)?.profiles(), name)?;
    common.output.print(&Shown::new(&profile))
}

fn remove(RemoveArguments { named: NamedArguments { name, common }, yes }: &RemoveArguments) -> anyhow::Result<()> {
    let profiles = Configuration::read(&common.config)?.profiles();
    let profile = find(&profiles, name)?;
    if !yes {
        anyhow::ensure!(std::io::stdin().is_terminal(), "nobody can be asked here: repeat with --yes; nothing was removed");
        anyhow::ensure!(answers_yes(&format!("{}\nAccept devices of this manufacturer no longer? [y/N] ", Shown::new(&profile)))?, "nothing was removed");
    }
    profiles.remove(&profile)?;
    common.output.print(&Shown::new(&profile))?;
    writeln!(crate::cli::err(), "{REMOVED}")?;
    Ok(())
}

/// The accepted manufacturer of this name.
fn find(profiles: &Profiles, name: &str) -> anyhow::Result<Profile> {
    let found = profiles.read()?.into_iter().find(|profile| profile.manufacturer.name == name);
    found.with_context(|| format!("no manufacturer called '{}' is accepted; `trust list` tells those that are", printable(name, LONGEST_WORDS)))
}

/// Whether this is the fingerprint that was found, in whatever way a person writes it.
fn is_fingerprint(given: &str, found: &str) -> bool {
    given.chars().filter(|c| !matches!(c, ':' | ' ')).collect::<String>().eq_ignore_ascii_case(found)
}

/// Asks the person at the terminal.
fn answers_yes(text: &str) -> anyhow::Result<bool> {
    let mut question = std::io::stderr().lock();
    write!(question, "{text}")?;
    question.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().take(LONGEST_ANSWER).read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

impl Shown {
    fn new(profile: &Profile) -> Self {
        let manufacturer = &profile.manufacturer;
        let mut anchors = Vec::new();
        for (purpose, trusted) in [
            ("IDevIDs", &manufacturer.idevid_anchors),
            ("vouchers", &manufacturer.voucher_anchors),
            ("provenance statements", &manufacturer.provenance_anchors),
            ("MASA's TLS server", &manufacturer.masa_tls_anchors),
        ] {
            let shown = |certificate: &Certificate| ShownAnchor {
                purpose,
                subject: printable(certificate.subject(), LONGEST_WORDS),
                sha256: certificate.fingerprint(),
            };
            anchors.extend(trusted.certificates().iter().map(shown));
        }
        let source = manufacturer.serial_source;
        Self {
            name: printable(&manufacturer.name, LONGEST_WORDS),
            file: profile.path.clone(),
            sha256: profile.fingerprint(),
            masa_url: manufacturer.masa_url.as_ref().map(ToString::to_string),
            voucher_policy: manufacturer.voucher_anchors.policy().map(ToString::to_string),
            serial_source: (!source.is_default()).then_some(source.name()),
            anchors,
            log_keys: manufacturer.log_keys.iter().map(|key| key.digest().to_string()).collect(),
            profile_signers: Manufacturer::profile_signers(&profile.text).unwrap_or_default().iter().map(ToString::to_string).collect(),
        }
    }
}

impl core::fmt::Display for Shown {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        writeln!(f, "{}: {}\n  SHA-256 {}", self.name, self.file.display(), self.sha256)?;
        write!(f, "  MASA: {}", self.masa_url.as_deref().unwrap_or("as each IDevID says"))?;
        self.serial_source.iter().try_for_each(|source| write!(f, "\n  serial numbers: {source}"))?;
        self.voucher_policy.iter().try_for_each(|policy| write!(f, "\n  vouchers: only by signers under certificate policy {policy}"))?;
        self.anchors.iter().try_for_each(|a| write!(f, "\n  {}: {}\n    SHA-256 {}", a.purpose, a.subject, a.sha256))?;
        self.log_keys.iter().try_for_each(|key| write!(f, "\n  key of its log\n    SHA-256 {key}"))?;
        self.profile_signers.iter().try_for_each(|key| write!(f, "\n  key that may sign its next profile\n    SHA-256 {key}"))
    }
}

const LONGEST_ANSWER: u64 = 16;

const REMOVED: &str = "\
From the registrar's next start or SIGHUP on its devices are refused. LDevIDs that they have stay valid until they expire, and are not renewed; a profile that is
added again accepts them again.";
