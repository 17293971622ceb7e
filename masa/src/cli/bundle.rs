//! `bundle`: what a domain without a way to the MASA needs in order to take devices in.

mod content;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use brski_common::serve::setup::{KeyFiles, NewFiles};
use brski_common::time::to_rfc3339;
use brski_common::{Clock, KeyIdentifier, SerialNumber, UnixTime};
use clap::Args;
use serde::Serialize;

use self::content::Content;
use super::by::By;
use super::sell::certificate;
use super::vouchers::VoucherFormat;
use super::{Output, block};
use crate::config::Configuration;

/// Vouch for devices without nonce, and put all that their domain needs on a USB stick
///
/// The bundle has for each device a voucher, the provenance statement with its receipt and the audit log; the log's checkpoint and key; SHA256SUMS, and manifest.json, which names every
/// file with its digest. `brski-registrar inspect` shows and verifies each of them. A voucher without nonce gives the device to that domain whenever it is in its factory state,
/// until the voucher expires: nonceless.lifetime, nonceless.lifetimes and [[customers]] in the configuration say when. The domain must be listed there, or have bought the device.
///
/// Vouchers without nonce are signed with a key of their own, which better stays off the server: bring it along with --signer-certificate and --signer-key. Each voucher is written
/// into the ledger, with who made it, before it is signed. A device that is refused is told of and left out; the exit status is then 1.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, default_value = "masa/masa.toml")]
    config: PathBuf,
    /// Serial numbers of the devices
    #[arg(required = true, value_name = "SERIAL", value_parser = |text: &str| SerialNumber::new(text))]
    serials: Vec<SerialNumber>,
    /// Key identifier of the CA that issued their IDevIDs, in hex; needed only where two CAs used a serial number
    #[arg(long, value_parser = |text: &str| KeyIdentifier::try_from(text.to_owned()))]
    idevid_issuer: Option<KeyIdentifier>,
    /// Certificate of the domain's CA, which the vouchers pin, PEM
    #[arg(long, value_name = "FILE")]
    domain_ca: PathBuf,
    /// Certificate of the registrar that will show them, PEM; the vouchers then expire with it
    #[arg(long, value_name = "FILE")]
    registrar: Option<PathBuf>,
    /// Certificate of the signer of vouchers without nonce, then the path above it, PEM; in the place of nonceless.signer in the configuration
    #[arg(long, value_name = "FILE", requires = "signer_key")]
    signer_certificate: Option<PathBuf>,
    /// Its private key: a file, or a URI as in the configuration
    #[arg(long, value_name = "KEY", requires = "signer_certificate")]
    signer_key: Option<String>,
    /// Folder to make the bundle in, or file that ends in .tar
    #[arg(long, value_name = "FOLDER|FILE.tar")]
    out: PathBuf,
    /// Format of the vouchers
    #[arg(long, value_enum, default_value_t)]
    format: VoucherFormat,
    #[command(flatten)]
    by: By,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// What was made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Told {
    out: PathBuf,
    vouchers: usize,
    files: usize,
    /// When the first of the vouchers expires, RFC 3339.
    expires_on: Option<String>,
    refused: Vec<content::Refused>,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(arguments.out.symlink_metadata().is_err(), "{}: exists already; nothing was made, choose another place", arguments.out.display());
    let configuration = Configuration::read(&arguments.config)?.with_nonceless_signer(arguments.signer()?);
    let domain = certificate(&arguments.domain_ca)?;
    let registrar = arguments.registrar.as_deref().map(certificate).transpose()?;
    let masa = configuration.masa()?;
    let now = Clock::system().now();
    let by = arguments.by.name()?.to_string();

    let mut content = Content::new(arguments.format.format(), by.clone());
    for serial in &arguments.serials {
        let device = block::find(&masa, serial, arguments.idevid_issuer.as_ref()).await;
        let added = match device {
            Ok(device) => content.add(&masa, &device, &domain, registrar.as_ref()).await,
            Err(err) => Err(err),
        };
        if let Err(err) = added {
            writeln!(crate::cli::err(), "{serial}: {err:#}")?;
            content.refuse(serial, &err);
        }
    }
    anyhow::ensure!(content.vouchers() > 0, "none of the devices gets a voucher, so that there is no bundle");
    content.add_log(&masa.checkpoint().await?.to_string(), &configuration.log_verifier()?.to_string());

    let about = content::About {
        masa: configuration.authority().to_owned(),
        made_at: to_rfc3339(now),
        by,
        domain_ca: content::Named::of(&domain),
        registrar: registrar.as_ref().map(content::Named::of),
    };
    let told = Told {
        out: arguments.out.clone(),
        vouchers: content.vouchers(),
        files: 0,
        expires_on: content.expires().map(to_rfc3339),
        refused: content.refused().to_vec(),
    };
    let files = content.complete(about)?;
    let told = Told { files: files.len(), ..told };
    write(&arguments.out, &files, now)?;
    arguments.output.print(&told)?;
    Ok(if told.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Arguments {
    /// The signer that was brought along, its files named from here and not from the configuration's folder.
    fn signer(&self) -> anyhow::Result<Option<KeyFiles>> {
        let (Some(certificate), Some(key)) = (&self.signer_certificate, &self.signer_key) else { return Ok(None) };
        let key = match key.split_once(':') {
            Some((scheme, _)) if scheme.len() > 1 && scheme.bytes().all(|octet| octet.is_ascii_alphanumeric()) => key.clone(),
            Some(_) | None => std::path::absolute(key)?.to_string_lossy().into_owned(),
        };
        let files = serde_json::json!({ "certificate": std::path::absolute(certificate)?, "key": key });
        Ok(Some(serde_json::from_value(files).context("--signer-key")?))
    }
}

/// Writes the files into a new folder or archive.
fn write(out: &Path, files: &[content::File], now: UnixTime) -> anyhow::Result<()> {
    if out.extension().is_none_or(|extension| extension != "tar") {
        let mut new = NewFiles::new();
        files.iter().for_each(|file| new.public(&file.path, file.octets.as_slice()));
        return Ok(new.write_into(out)?);
    }
    let cannot = || format!("{}: cannot be written", out.display());
    let mut archive = tar::Builder::new(std::fs::File::create_new(out).with_context(cannot)?);
    for file in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(file.octets.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(now.as_secs());
        archive.append_data(&mut header, &file.path, file.octets.as_slice()).with_context(cannot)?;
    }
    archive.into_inner().and_then(|file| file.sync_all()).with_context(cannot)
}

impl core::fmt::Display for Told {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { out, vouchers, files, expires_on, refused } = self;
        let of = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        write!(f, "{}: {}, {}", out.display(), of(*vouchers, "voucher"), of(*files, "file"))?;
        if let Some(at) = expires_on {
            write!(f, "; the first voucher expires at {at}")?;
        }
        if !refused.is_empty() {
            write!(f, "; refused: {}", of(refused.len(), "device"))?;
        }
        Ok(())
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-masa bundle JADA123456789 --domain-ca orchard-ca.pem --out stick \\
    --signer-certificate masa/certificates/nonceless-signer.pem --signer-key masa/keys/offline/nonceless-signer.pem
  brski-masa bundle JADA1 JADA2 --domain-ca orchard-ca.pem --registrar registrar.pem --out stick.tar";
