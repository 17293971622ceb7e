//! `profile`: what registrars must know of a product line.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brski_common::log::VerifierKey;
use brski_common::serve::setup::read_certificates;
use brski_common::time::to_rfc3339;
use brski_common::{Certificate, Clock, Format, ProfileText};
use clap::Args;
use serde::Serialize;

use super::Output;
use crate::config::{Configuration, LineAnchors, anchor_in};

/// Write the profile of a product line for registrars, from the configuration
///
/// Each product line with CAs or voucher keys of its own needs one, so that no line's key speaks for another line's devices. Anchors are the topmost certificates
/// above the configured ones, as far as they stand in the same file or beside it. Registrars accept it with `brski-registrar trust add`. Tell customers its SHA-256
/// by another way than the file itself.
///
/// Each profile names the key of the line's provenance statements (profile-signers): it signs the next one. With --signed the profile also says when it was written, and is signed (CMS)
/// with that key. A registrar whose accepted profile names the key takes it by `brski-registrar trust update`, without anybody comparing fingerprints; any other compares as before. Before
/// the key is replaced, a profile has to name the new one (--next-signer). `openssl cms -verify -inform DER -purpose any` reads it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, default_value = "masa/masa.toml")]
    config: PathBuf,
    /// The product line [default: that of all devices that are in none]
    #[arg(long, value_name = "NAME")]
    line: Option<String>,
    /// The manufacturer's name for registrars, of which each profile needs another [default: the organization in the subject of the first IDevID anchor]
    #[arg(long)]
    name: Option<String>,
    /// Certificate of the CA of the MASA's TLS certificate [default: the topmost above it]
    #[arg(long, value_name = "FILE")]
    tls_anchor: Option<PathBuf>,
    /// Further certificate under which vouchers are verified, such as that of the signer without nonce where the configuration does not name it. May be repeated
    #[arg(long = "voucher-anchor", value_name = "FILE")]
    voucher_anchors: Vec<PathBuf>,
    /// Certificate of the key that will sign profiles after the present one: registrars accept either from this profile on
    #[arg(long, value_name = "FILE")]
    next_signer: Option<PathBuf>,
    /// File to write the profile into, a new one [default: standard output, and its SHA-256 to standard error]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// File to write the signed profile into, a new one
    #[arg(long, value_name = "FILE")]
    signed: Option<PathBuf>,
    /// For whom to write what was made
    #[arg(short, long, value_enum, default_value_t, requires = "out")]
    output: Output,
}

/// What was made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Made {
    profile: PathBuf,
    profile_sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed: Option<PathBuf>,
    /// What it trusts, and for what.
    anchors: Vec<Anchor>,
    warnings: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Anchor {
    purpose: &'static str,
    subject: String,
    sha256: String,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let configuration = Configuration::read(&arguments.config)?;
    let mut anchors = configuration.line_anchors(arguments.line.as_deref())?;
    for path in &arguments.voucher_anchors {
        let further = anchor_in(path)?;
        anchors.knows_nonceless = true;
        if !anchors.voucher.contains(&further) {
            anchors.voucher.push(further);
        }
    }
    if let Some(path) = &arguments.next_signer {
        let next = read_certificates(path)?.first().map(Certificate::spki_digest).context("a file without certificates")?;
        if !anchors.profile_signers.contains(&next) {
            anchors.profile_signers.push(next);
        }
    }
    let tls = match &arguments.tls_anchor {
        Some(path) => anchor_in(path)?,
        None => configuration.tls_anchor()?,
    };
    let organization = anchors.idevid.first().and_then(|anchor| organization(anchor.subject()));
    let name = arguments.name.clone().or(organization).context("--name is needed: the subject of the IDevID anchor names no organization")?;
    let printable = (1..=128).contains(&name.len()) && !name.trim().is_empty() && !name.chars().any(char::is_control);
    anyhow::ensure!(printable, "--name must be 1 to 128 octets of printable text");

    let log = configuration.log_verifier()?;
    let mut profile = text(&name, configuration.authority(), &anchors, core::slice::from_ref(&tls), &log);
    if let Some(path) = &arguments.signed {
        profile += &format!("\n# When this profile was written: none takes the place of a newer one.\nissued-at = \"{}\"\n", to_rfc3339(Clock::system().now()));
        let signed = configuration.profile_signer(arguments.line.as_deref())?.seal(&ProfileText::new(profile.as_str())?, Format::Cms).await?;
        write_new(path, signed.wire())?;
    }
    let sha256 = super::sha256_hex(profile.as_bytes());
    let warnings = warnings(&anchors);
    let Some(path) = &arguments.out else {
        crate::cli::out().write_all(profile.as_bytes())?;
        warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        return Ok(writeln!(crate::cli::err(), "SHA-256 {sha256}")?);
    };
    write_new(path, profile.as_bytes())?;
    arguments.output.print(&Made { profile: path.clone(), profile_sha256: sha256, signed: arguments.signed.clone(), anchors: told(&anchors, &tls), warnings })
}

fn write_new(path: &Path, octets: &[u8]) -> anyhow::Result<()> {
    let write = || std::io::Write::write_all(&mut std::fs::File::create_new(path)?, octets);
    write().with_context(|| format!("{}: cannot be made", path.display()))
}

/// The profile itself.
pub(super) fn text(name: &str, authority: &str, anchors: &LineAnchors, tls: &[Certificate], log: &VerifierKey) -> String {
    let pem = |certificates: &[Certificate]| certificates.iter().map(Certificate::to_pem).collect::<String>();
    let policy = anchors.policy.as_ref().map(|policy| {
        format!("\n# Without this certificate policy nobody signs vouchers: under the same root stands every device. Pledges have to demand it, too.\nvoucher-policy = \"{policy}\"\n")
    });
    include_str!("init/manufacturer-profile.toml")
        .replace("{authority}", authority)
        .replace("{idevid-anchors}", &pem(&anchors.idevid))
        .replace("{voucher-anchors}", &pem(&anchors.voucher))
        .replace("{voucher-policy}", &policy.unwrap_or_default())
        .replace("{provenance-anchors}", &pem(&anchors.provenance))
        .replace("{masa-tls-anchors}", &pem(tls))
        .replace("{log-keys}", &format!("\"{log}\""))
        .replace("{profile-signers}", &anchors.profile_signers.iter().map(|key| format!("\"{key}\"")).collect::<Vec<_>>().join(", "))
        // Last, since it may look like any of the others.
        .replacen("{name}", &toml::Value::String(name.to_owned()).to_string(), 1)
}

fn told(anchors: &LineAnchors, tls: &Certificate) -> Vec<Anchor> {
    let all = |purpose, certificates: &[Certificate]| {
        let anchor = |certificate: &Certificate| Anchor { purpose, subject: certificate.subject().to_owned(), sha256: certificate.fingerprint() };
        certificates.iter().map(anchor).collect::<Vec<_>>()
    };
    let LineAnchors { idevid, voucher, policy: _, provenance, profile_signers: _, knows_nonceless: _ } = anchors;
    [all("IDevIDs", idevid), all("vouchers", voucher), all("statements", provenance), all("TLS", core::slice::from_ref(tls))].concat()
}

fn warnings(anchors: &LineAnchors) -> Vec<String> {
    let unknown =
        "vouchers without nonce are signed by a key that stands under none of the others: if it signs any, name its certificate with --voucher-anchor";
    if anchors.knows_nonceless { Vec::new() } else { vec![unknown.to_owned()] }
}

/// The organization in a subject as RFC 4514 writes it, unless it has characters that are escaped there.
fn organization(subject: &str) -> Option<String> {
    let mut parts = subject.split([',', '+']).map(str::trim_start);
    let name = parts.find_map(|part| part.strip_prefix("O="))?;
    (!subject.contains('\\')).then(|| name.to_owned())
}

impl core::fmt::Display for Made {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for Anchor { purpose, subject, sha256 } in &self.anchors {
            writeln!(f, "{purpose}: {subject}\n  SHA-256 {sha256}")?;
        }
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))?;
        write!(f, "profile for registrars: {}\n  SHA-256 {}", self.profile.display(), self.profile_sha256)?;
        self.signed.iter().try_for_each(|signed| write!(f, "\nthe same, signed: {}", signed.display()))
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-masa profile --out manufacturer-profile.toml
  brski-masa profile --line pumps --name 'Example Pumps' --out pumps-profile.toml
  brski-masa profile --out profile.toml --signed profile.p7m
  brski-masa profile --line pumps --tls-anchor masa/certificates/tls-ca.pem | brski-masa inspect -";
