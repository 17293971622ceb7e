//! `audit-log`: which domains a device was given to, and links under which others may read that.

use core::time::Duration;
use std::io::Write as _;
use std::path::PathBuf;

use brski_common::time::to_rfc3339;
use brski_common::{DeviceId, KeyIdentifier, SerialNumber};
use clap::Args;
use serde::Serialize;

use super::by::By;
use super::{Output, block};
use crate::config::{Configuration, LINK_LIFETIME};

/// Show the audit log of a device (RFC 8995, section 5.8), make a link to it, or end one
///
/// The log is that which owners get: every domain that got a voucher, the newest with and without nonce. Whoever has a link may read without further credential until it ends; it is
/// shown once, and only its SHA-256 is kept.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, default_value = "masa/masa.toml")]
    config: PathBuf,
    /// The device's serial number
    #[arg(required_unless_present = "revoke_link", value_parser = |text: &str| SerialNumber::new(text))]
    serial: Option<SerialNumber>,
    /// Key identifier of the CA that issued its IDevID, in hex; needed only where two CAs used the serial number
    #[arg(long, value_parser = |text: &str| KeyIdentifier::try_from(text.to_owned()))]
    idevid_issuer: Option<KeyIdentifier>,
    /// Make a link to the log
    #[arg(long, conflicts_with = "revoke_link")]
    link: bool,
    /// How long the link works, such as 12h, 30d or 8w; 30 days unless it is given
    #[arg(long, value_name = "TIME", requires = "link", value_parser = lifetime)]
    valid: Option<Duration>,
    /// End this link
    #[arg(long, value_name = "URL", conflicts_with = "serial")]
    revoke_link: Option<String>,
    #[command(flatten)]
    by: By,
    /// For whom to write the result; the log itself is JSON either way
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Link {
    device: DeviceId,
    url: String,
    expires_at: String,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let masa = Configuration::read(&arguments.config)?.masa()?;
    if let Some(url) = &arguments.revoke_link {
        // Not told again: whoever reads along could use it if it stood.
        anyhow::ensure!(masa.revoke_audit_link(url).await?, "there is no such link to an audit log, or not any more");
        return arguments.output.print(&Revoked { revoked: true });
    }
    let Some(serial) = &arguments.serial else { anyhow::bail!("the device's serial number is needed") };
    let device = block::find(&masa, serial, arguments.idevid_issuer.as_ref()).await?;
    if arguments.link {
        let link = masa.audit_link(&device, arguments.valid.unwrap_or(LINK_LIFETIME), &arguments.by.name()?).await?;
        return arguments.output.print(&Link { device, url: link.url().to_owned(), expires_at: to_rfc3339(link.expires_at()) });
    }
    let mut out = crate::cli::out();
    out.write_all(&masa.audit_log_of(&device).await?.to_json())?;
    Ok(writeln!(out)?)
}

#[derive(Debug, Serialize)]
struct Revoked {
    revoked: bool,
}

impl core::fmt::Display for Link {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}\nuntil {}: whoever has it may read the audit log of {}", self.url, self.expires_at, self.device.serial)
    }
}

impl core::fmt::Display for Revoked {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the link has ended")
    }
}

/// A number and a unit.
fn lifetime(text: &str) -> Result<Duration, &'static str> {
    let expected = "must be a number of hours, days or weeks, such as 12h, 30d or 8w; a year at most";
    let unit = match text.chars().last() {
        Some('h') => 3600,
        Some('d') => 86_400,
        Some('w') => 7 * 86_400,
        Some(_) | None => return Err(expected),
    };
    let count: u64 = text.get(..text.len() - 1).and_then(|digits| digits.parse().ok()).ok_or(expected)?;
    let lifetime = Duration::from_secs(count.saturating_mul(unit));
    match (1..=brski_masa::masa::LONGEST_LINK.as_secs()).contains(&lifetime.as_secs()) {
        true => Ok(lifetime),
        false => Err(expected),
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-masa audit-log JADA123456789
  brski-masa audit-log JADA123456789 --link --valid 30d
  brski-masa audit-log --revoke-link https://masa.example.com/.well-known/brski-audit/AbCdEfGhIjKlMnOpQrStUv";
