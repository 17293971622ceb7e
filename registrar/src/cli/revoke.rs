//! `revoke`: takes the LDevIDs of one pledge back.

use std::path::PathBuf;

use brski_common::provenance::Text;
use brski_registrar::revocation::{Which, pledge_of, revoke};
use brski_registrar::trail::RevocationReason;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::Output;
use super::person::at_command_line;
use crate::config::Configuration;

/// Revoke the LDevIDs of one pledge
///
/// All that have neither expired nor been revoked, unless --certificate names one. They renew nothing any more, and are on the CRL from now on, also of a registrar that is
/// running. Where another CA issued them, such as an EST server, no CRL is made here: what that CA has to be told by hand is printed. The pledge may come again with its IDevID: whoever does not want that decides against it as well.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// The reason, which the CRL gives (RFC 5280, section 5.3.1)
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
    /// What somebody has to tell the CA of: no CRL of this registrar does, or nobody knows whether it is that CA's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to_tell: Vec<ToTell>,
    /// What became of each, in a sentence.
    #[serde(skip)]
    outcome: Vec<String>,
    reason: RevocationReason,
    by: String,
}

/// A certificate that its CA has to be told of, or may have to be if its issuer is not on record.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct ToTell {
    serial: String,
    issuer: String,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let configuration = Configuration::read(&arguments.config)?;
    // Before anything is revoked: whoever revokes shall hear what came of it.
    configuration.listers()?;
    let pledges = configuration.existing_pledges()?;
    let which = arguments.certificate.clone().map_or(Which::Current, Which::One);
    let pledge = pledge_of(&*pledges, &arguments.pledge, &which).await?.pledge;
    let by = at_command_line(arguments.by.as_ref().map(Text::to_string), arguments.why.to_string()).checked()?;
    let reason = arguments.reason.into();
    let revoked = revoke(&*pledges, pledge.key, &which, reason, &by).await?;
    let certificates = revoked.iter().map(|certificate| certificate.serial.clone()).collect();
    let told = revoked.into_iter().map(|certificate| configuration.told(certificate)).collect::<Result<Vec<_>, _>>()?;
    let to_tell = told.iter().filter(|told| told.is_to_be_told());
    let to_tell = to_tell.map(|told| ToTell { serial: told.certificate.serial.clone(), issuer: told.issuer().to_owned() }).collect();
    let outcome = told.iter().map(ToString::to_string).collect();
    arguments.output.print(&Revoked { serial: pledge.serial.to_string(), certificates, to_tell, outcome, reason, by: by.name })
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
        self.outcome.iter().try_for_each(|outcome| write!(f, "\n  {outcome}"))
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-registrar revoke --reason cessation-of-operation --why 'scrapped, ticket 4711' JADA123456789
  brski-registrar revoke --reason key-compromise --why 'flash was read out' --by jane \\
    --certificate 4d2f8a00c1b2d3e4f5061728394a5b6c JADA123456789";
