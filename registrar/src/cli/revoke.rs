//! `revoke`: takes the LDevIDs of one pledge back.

use std::path::PathBuf;

use brski_common::Clock;
use brski_common::provenance::Text;
use brski_registrar::approval::Person;
use brski_registrar::revocation::{Which, pledge_of, revoke};
use brski_registrar::trail::RevocationReason;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::Output;
use crate::config::Configuration;

/// Revoke the LDevIDs of one pledge
///
/// All that have neither expired nor been revoked, unless --certificate names one. They renew nothing any more, and are on the CRL from now on, also of a registrar that is
/// running. The pledge may come again with its IDevID: whoever does not want that decides against it as well.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// The reason that the CRL gives (RFC 5280, section 5.3.1)
    #[arg(long, value_enum)]
    reason: Reason,
    /// Why, in your words
    #[arg(long, value_name = "TEXT", value_parser = |text: &str| Text::new(text))]
    why: Text,
    /// Who says so; the login name unless it is given
    #[arg(long, value_name = "NAME", value_parser = |text: &str| Text::new(text))]
    by: Option<Text>,
    /// Serial number of the one certificate to revoke, in hexadecimal digits
    #[arg(long, value_name = "HEX")]
    certificate: Option<String>,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    /// Its serial number, or the first eight or more digits of its key's SHA-256
    #[arg(value_name = "SERIAL|KEY")]
    pledge: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Reason {
    /// None is given.
    Unspecified,
    /// The LDevID's key is known to others.
    KeyCompromise,
    /// The device belongs to somebody else or does something else.
    AffiliationChanged,
    /// Another certificate took its place.
    Superseded,
    /// The device is no longer in use.
    CessationOfOperation,
    /// The owner no longer accepts the device.
    PrivilegeWithdrawn,
}

/// What was revoked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Revoked {
    serial: String,
    certificates: Vec<String>,
    reason: RevocationReason,
    by: String,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let pledges = Configuration::read(&arguments.config)?.existing_pledges()?;
    let which = arguments.certificate.clone().map_or(Which::Current, Which::One);
    let pledge = pledge_of(&*pledges, &arguments.pledge, &which).await?.pledge;
    let by = Person { name: name_or_login(arguments.by.as_ref())?, why: arguments.why.to_string(), at: Clock::system().now() };
    let reason = arguments.reason.into();
    let certificates = revoke(&*pledges, pledge.key, &which, reason, &by).await?;
    arguments.output.print(&Revoked { serial: pledge.serial.to_string(), certificates, reason, by: by.name })
}

/// The name that was given, else the one that the system knows.
fn name_or_login(given: Option<&Text>) -> anyhow::Result<String> {
    let known = || ["USER", "LOGNAME"].into_iter().filter_map(|variable| std::env::var(variable).ok()).find_map(|name| Text::new(name).ok());
    match given.cloned().or_else(known) {
        Some(name) => Ok(name.to_string()),
        None => anyhow::bail!("nobody says who revokes: --by has to name a person"),
    }
}

impl From<Reason> for RevocationReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Unspecified => Self::Unspecified,
            Reason::KeyCompromise => Self::KeyCompromise,
            Reason::AffiliationChanged => Self::AffiliationChanged,
            Reason::Superseded => Self::Superseded,
            Reason::CessationOfOperation => Self::CessationOfOperation,
            Reason::PrivilegeWithdrawn => Self::PrivilegeWithdrawn,
        }
    }
}

impl core::fmt::Display for Revoked {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: revoked by {}", self.serial, self.by)?;
        self.certificates.iter().try_for_each(|certificate| write!(f, "\n  LDevID {certificate}"))
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-registrar revoke --reason cessation-of-operation --why 'scrapped, ticket 4711' JADA123456789
  brski-registrar revoke --reason key-compromise --why 'flash was read out' --by jane \\
    --certificate 4d2f8a00c1b2d3e4f5061728394a5b6c JADA123456789";
