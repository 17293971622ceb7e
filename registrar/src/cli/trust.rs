//! `trust add` and `trust list`: the manufacturers that this owner accepts.

use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::PathBuf;

use brski_common::Certificate;
use brski_common::text::{LONGEST_WORDS, printable};
use clap::Args;
use serde::Serialize;

use super::Output;
use crate::config::{Configuration, Profile};

/// Accept a manufacturer's devices: show what its profile says, ask, and put it into the trust folder
///
/// Compare the fingerprint with what the manufacturer told you by another way. Without a terminal --fingerprint or --yes must answer.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AddArguments {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// The manufacturer's profile
    profile: PathBuf,
    /// Accept it whatever its fingerprint is
    #[arg(long)]
    yes: bool,
    /// Accept it if its SHA-256 is this, in hexadecimal digits
    #[arg(long, value_name = "SHA256", conflicts_with = "yes")]
    fingerprint: Option<String>,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// List the manufacturers whose devices are accepted
#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
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
    anchors: Vec<ShownAnchor>,
}

#[derive(Debug, Serialize)]
struct ShownAnchor {
    purpose: &'static str,
    subject: String,
    sha256: String,
}

pub(crate) fn add(arguments: &AddArguments) -> anyhow::Result<()> {
    let profiles = Configuration::read(&arguments.config)?.profiles();
    let profile = Profile::read(&arguments.profile)?;
    let known = profiles.read()?;
    // Before anything is said of acceptance: "accepted already" must not be read as "and the fingerprint is right".
    compare_fingerprint(arguments, &profile)?;
    if let Some(known) = known.iter().find(|known| known.manufacturer.name == profile.manufacturer.name) {
        let (name, path) = (&profile.manufacturer.name, known.path.display());
        anyhow::ensure!(
            known.text == profile.text,
            "{path}: another profile of '{name}' is accepted already; remove that file first if this one shall replace it"
        );
        arguments.output.print(&Shown::new(known))?;
        writeln!(std::io::stderr(), "This profile is accepted already; nothing was changed.")?;
        return Ok(());
    }
    if let Some(other) = known.iter().find(|known| known.manufacturer.shares_idevid_anchor(&profile.manufacturer)) {
        anyhow::bail!("{}; nothing was accepted", profile.conflict(other));
    }
    confirm(arguments, &profile)?;
    let path = profiles.add(&profile)?;
    arguments.output.print(&Shown { file: path, ..Shown::new(&profile) })?;
    // Not part of the result: programs know when they restart what.
    writeln!(std::io::stderr(), "A registrar that is running accepts it after a restart.")?;
    Ok(())
}

pub(crate) fn list(arguments: &ListArguments) -> anyhow::Result<()> {
    for profile in Configuration::read(&arguments.config)?.profiles().read()? {
        arguments.output.print(&Shown::new(&profile))?;
    }
    Ok(())
}

fn compare_fingerprint(arguments: &AddArguments, profile: &Profile) -> anyhow::Result<()> {
    let Some(expected) = &arguments.fingerprint else { return Ok(()) };
    let found = profile.fingerprint();
    let digits: String = expected.chars().filter(|c| !matches!(c, ':' | ' ')).collect();
    let (path, same) = (arguments.profile.display(), digits.eq_ignore_ascii_case(&found));
    anyhow::ensure!(same, "{path}: its SHA-256 is {found}, not {expected}; nothing was accepted");
    Ok(())
}

/// Asks, unless the command line has answered.
fn confirm(arguments: &AddArguments, profile: &Profile) -> anyhow::Result<()> {
    if arguments.yes || arguments.fingerprint.is_some() {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        let found = profile.fingerprint();
        anyhow::bail!("nobody can be asked here: repeat with --fingerprint {found} once you have compared it, or with --yes");
    }
    let mut question = std::io::stderr().lock();
    write!(question, "{}\nAccept devices of this manufacturer? [y/N] ", Shown::new(profile))?;
    question.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().take(LONGEST_ANSWER).read_line(&mut answer)?;
    anyhow::ensure!(matches!(answer.trim(), "y" | "Y" | "yes"), "nothing was accepted");
    Ok(())
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
        Self {
            name: printable(&manufacturer.name, LONGEST_WORDS),
            file: profile.path.clone(),
            sha256: profile.fingerprint(),
            masa_url: manufacturer.masa_url.as_ref().map(ToString::to_string),
            voucher_policy: manufacturer.voucher_anchors.policy().map(ToString::to_string),
            anchors,
        }
    }
}

impl core::fmt::Display for Shown {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        writeln!(f, "{}: {}\n  SHA-256 {}", self.name, self.file.display(), self.sha256)?;
        write!(f, "  MASA: {}", self.masa_url.as_deref().unwrap_or("as each IDevID says"))?;
        self.voucher_policy.iter().try_for_each(|policy| write!(f, "\n  vouchers: only by signers under certificate policy {policy}"))?;
        self.anchors.iter().try_for_each(|a| write!(f, "\n  {}: {}\n    SHA-256 {}", a.purpose, a.subject, a.sha256))
    }
}

const LONGEST_ANSWER: u64 = 16;

const EXAMPLES: &str = "\
Examples:
  brski-registrar trust add manufacturer-profile.toml
  brski-registrar trust add --config /etc/brski-registrar/registrar.toml \\
    --fingerprint 9f86d081... manufacturer-profile.toml";
