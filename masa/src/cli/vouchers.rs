//! `vouchers`: those that were issued for a device, signed again if wanted.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use brski_common::provenance::Text;
use brski_common::{Format, SerialNumber};
use brski_masa::ownership::VoucherSummary;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::block;
use super::by::name_or_login;
use super::serve::logging;
use crate::config::Configuration;

/// List the vouchers that were issued for a device, and sign them again
///
/// Each says what it said when it was issued, its time included; nothing is recorded, and each that is signed again is logged on standard error. Whoever gets them is not authenticated here. Signed again are those since the device last changed
/// hands, unless it is blocked or sold to somebody else by now.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    device: block::Device,
    /// Folder to write the vouchers into, one a file
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Format of the files
    #[arg(long, value_enum, default_value_t)]
    format: VoucherFormat,
    /// Who gets them, for the log on standard error; the login name unless it is given
    #[arg(long, value_name = "NAME", value_parser = |text: &str| Text::new(text), requires = "out")]
    by: Option<Text>,
}

/// A voucher's format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum VoucherFormat {
    /// JSON in CMS.
    #[default]
    Cms,
    /// JSON in JWS.
    Jws,
    /// CBOR in COSE, for constrained devices.
    Cose,
}

impl VoucherFormat {
    pub(super) fn format(self) -> Format {
        match self {
            Self::Cms => Format::Cms,
            Self::Jws => Format::Jws,
            Self::Cose => Format::Cose,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Told {
    serial: SerialNumber,
    #[serde(flatten)]
    voucher: VoucherSummary,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
}

pub(crate) async fn run(Arguments { device, out, format, by }: &Arguments) -> anyhow::Result<()> {
    let masa = Configuration::read(&device.config)?.masa()?;
    let found = block::find(&masa, &device.serial, device.idevid_issuer.as_ref()).await?;
    if let Some(folder) = out {
        logging::start(logging::LogFormat::default());
        std::fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    }
    let format = format.format();
    let by = name_or_login(by.as_ref())?.to_string();
    for (number, (index, vouched)) in (1..).zip(masa.vouchers(&found).await?) {
        let mut file = None;
        if let Some(folder) = out {
            match masa.sign_again(&found, index, &by, format).await {
                Ok(voucher) => {
                    let path = folder.join(format!("{}-{number}.{}", file_name(&device.serial), format.voucher_file_extension()));
                    std::fs::write(&path, voucher.wire()).with_context(|| format!("{}: cannot be written", path.display()))?;
                    file = Some(path);
                }
                Err(brski_masa::Error::Refused(why)) => writeln!(crate::cli::err(), "voucher {number} is not signed again: {why}")?,
                Err(err) => return Err(err.into()),
            }
        }
        device.output.print(&Told { serial: device.serial.clone(), voucher: VoucherSummary::of(&vouched), file })?;
    }
    Ok(())
}

/// The serial number, with every character percent-encoded that a file name could be misread for. Distinct serial numbers have distinct names.
pub(super) fn file_name(serial: &SerialNumber) -> String {
    let encode = |(i, b): (usize, u8)| match b {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' => char::from(b).to_string(),
        b'.' if i > 0 => ".".to_owned(),
        other => format!("%{other:02X}"),
    };
    serial.as_str().bytes().enumerate().map(encode).collect()
}

impl core::fmt::Display for Told {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}", self.voucher)?;
        self.file.as_ref().map_or(Ok(()), |file| write!(f, "\n  {}", file.display()))
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-masa vouchers JADA123456789
  brski-masa vouchers JADA123456789 --out vouchers --format cose";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_number_cannot_leave_the_folder() {
        let name = |serial: &str| file_name(&SerialNumber::new(serial).unwrap());
        assert_eq!(name("../../etc/passwd"), "%2E.%2F..%2Fetc%2Fpasswd");
        assert_eq!(name("PID:X SN:1"), "PID%3AX%20SN%3A1");
    }
}
