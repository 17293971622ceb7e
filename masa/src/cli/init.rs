//! `init`: a complete manufacturer in one folder.

mod pki;
mod vouching;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brski_common::access::Token;
use brski_common::log::VerifierKey;
use brski_common::serve::setup::NewFiles;
use brski_common::{Certificate, Clock, MasaUrl, PolicyOid};
use brski_masa::SqliteLedger;
use clap::Args;
use serde::Serialize;

use super::Output;
use crate::config::{LOG_VERIFIER, LineAnchors};
use pki::Pki;
use vouching::{Mode, Vouching};

/// Make a complete manufacturer: IDevID PKI, signing keys, ledger, configuration and the profile for registrars
///
/// Nothing is asked and nothing is overwritten. Private keys are made readable by their owner alone.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Folder to make everything in
    #[arg(long, default_value = "masa")]
    dir: PathBuf,
    /// The manufacturer's name, in certificates and in the profile
    #[arg(long, default_value = "Example Manufacturer")]
    name: String,
    /// DNS name or IP address of the MASA; the first one goes into IDevIDs. May be repeated [default: localhost, 127.0.0.1]
    #[arg(long = "host")]
    hosts: Vec<String>,
    /// TCP port
    #[arg(long, default_value_t = 9443, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// TCP port of the admin interface, which listens on this machine alone
    #[arg(long, default_value_t = 9444, value_parser = clap::value_parser!(u16).range(1..))]
    admin_port: u16,
    /// IP address to listen on [default: 0.0.0.0 if --host is given, else 127.0.0.1]
    #[arg(long)]
    listen: Option<IpAddr>,
    /// How the keys that sign vouchers are certified; [voucher-signing] in the configuration tells what each means
    #[arg(long, value_enum, default_value_t)]
    profile: Mode,
    /// Certificate policy by which voucher signers are known, a dotted OID of your own; for --profile idevid-intertwined
    #[arg(long, required_if_eq("profile", "idevid-intertwined"))]
    voucher_policy: Option<PolicyOid>,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// What was made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Made {
    config: PathBuf,
    profile: PathBuf,
    profile_sha256: String,
    certificates: Vec<MadeCertificate>,
    log_verifier: String,
    station_key: PathBuf,
    offline_keys: PathBuf,
    admin_token: PathBuf,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct MadeCertificate {
    name: &'static str,
    file: PathBuf,
    sha256: String,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let hosts = match arguments.hosts.as_slice() {
        [] => vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        named => named.to_vec(),
    };
    let listen = arguments.listen.unwrap_or(if arguments.hosts.is_empty() { [127, 0, 0, 1].into() } else { [0, 0, 0, 0].into() });
    let authority = authority(&hosts, arguments.port)?;
    let length = arguments.name.chars().count();
    // X.520 allows 64 characters for a common name, and each certificate adds its purpose.
    anyhow::ensure!((1..=40).contains(&length) && !arguments.name.chars().any(char::is_control), "--name must be 1 to 40 printable characters");

    let now = Clock::system().now();
    let policy = arguments.voucher_policy.as_ref();
    anyhow::ensure!(policy.is_none() || arguments.profile == Mode::IdevidIntertwined, "--voucher-policy belongs to --profile idevid-intertwined alone");
    let pki = Pki::make(&arguments.name, &hosts, now, arguments.profile, policy).await?;
    let log_verifier = VerifierKey::new(brski_masa::masa::log_name(&authority).context("--host")?, pki.log_key().clone())?;
    let profile = profile(&arguments.name, &authority, &pki, &log_verifier);
    let log_verifier = log_verifier.to_string();
    let mut files = NewFiles::new();
    pki.add_to(&mut files);
    let token = Token::generate().context("the system gives no random numbers")?;
    let admin = SocketAddr::new([127, 0, 0, 1].into(), arguments.admin_port);
    files.public(CONFIG, config(SocketAddr::new(listen, arguments.port), &authority, admin, &token, &pki.vouching)?);
    files.secret(ADMIN_TOKEN, format!("{}\n", token.reveal()));
    files.public(PROFILE, profile.as_str());
    files.public(LOG_VERIFIER, format!("{log_verifier}\n"));
    files.write_into_empty(&arguments.dir)?;
    // The one place where a ledger begins: wherever else it is missing, it got lost.
    let begun = SqliteLedger::begin(arguments.dir.join(LEDGER), now, &authority);
    begun.with_context(|| format!("{}: is not complete, remove it and begin again", arguments.dir.display()))?;

    arguments.output.print(&Made {
        config: arguments.dir.join(CONFIG),
        profile: arguments.dir.join(PROFILE),
        profile_sha256: super::sha256_hex(profile.as_bytes()),
        certificates: pki.certificates().map(|(name, certificate)| MadeCertificate::new(&arguments.dir, name, certificate)).collect(),
        log_verifier,
        station_key: arguments.dir.join(pki::STATION_KEY),
        offline_keys: arguments.dir.join(pki::OFFLINE_KEYS),
        admin_token: arguments.dir.join(ADMIN_TOKEN),
    })
}

/// The MASA's authority, as IDevIDs name it: the first host, and the port unless it is HTTPS's own.
fn authority(hosts: &[String], port: u16) -> anyhow::Result<String> {
    let host = hosts.first().map(String::as_str).unwrap_or_default();
    let host = match host.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        Ok(IpAddr::V4(_)) | Err(_) => host.to_owned(),
    };
    let authority = if port == 443 { host } else { format!("{host}:{port}") };
    let url = MasaUrl::new(&authority).context("--host")?;
    anyhow::ensure!(url.authority() == authority, "--host must be a bare name or address, without scheme and path");
    Ok(authority)
}

fn config(listen: SocketAddr, authority: &str, admin: SocketAddr, token: &Token, vouching: &Vouching) -> anyhow::Result<String> {
    let text = vouching.configure(include_str!("init/masa.toml"))?;
    Ok(text
        .replace("{listen}", &listen.to_string())
        .replace("{authority}", authority)
        .replace("{admin-listen}", &admin.to_string())
        .replace("{admin-token-sha256}", &token.digest().to_string()))
}

/// What a registrar must know to accept this manufacturer's devices.
fn profile(name: &str, authority: &str, pki: &Pki, log: &VerifierKey) -> String {
    let party = |party: &pki::Party| vec![party.certificate.clone()];
    let anchors = LineAnchors {
        idevid: party(&pki.idevid_root),
        voucher: pki.voucher_anchors().into_iter().cloned().collect(),
        policy: pki.vouching.policy().cloned(),
        provenance: party(&pki.provenance_ca),
        profile_signers: vec![pki.provenance_signer.certificate.spki_digest()],
        knows_nonceless: true,
    };
    super::profile::text(name, authority, &anchors, &party(&pki.tls_ca), log)
}

impl MadeCertificate {
    fn new(dir: &Path, name: &'static str, certificate: &Certificate) -> Self {
        Self { name, file: dir.join(pki::certificate_file(name)), sha256: certificate.fingerprint() }
    }
}

impl core::fmt::Display for Made {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        writeln!(f, "configuration: {}", self.config.display())?;
        writeln!(f, "profile for registrars: {}\n  SHA-256 {}", self.profile.display(), self.profile_sha256)?;
        for certificate in &self.certificates {
            writeln!(f, "{}: {}\n  SHA-256 {}", certificate.name, certificate.file.display(), certificate.sha256)?;
        }
        writeln!(f, "transparency log, for witnesses: {}", self.log_verifier)?;
        writeln!(f, "\nMove {} to a safe place: serving does not need the keys in it.", self.offline_keys.display())?;
        writeln!(f, "Operator's token for the admin interface: {}", self.admin_token.display())?;
        write!(f, "Next: brski-masa serve --config {}", self.config.display())
    }
}

const CONFIG: &str = "masa.toml";
const ADMIN_TOKEN: &str = "keys/admin-token";
const LEDGER: &str = "ledger.sqlite";
const PROFILE: &str = "manufacturer-profile.toml";

const EXAMPLES: &str = "\
Examples:
  brski-masa init
  brski-masa init --dir /etc/brski-masa --name 'Example Devices' --host masa.example.com --port 443
  brski-masa init --profile idevid-intertwined --voucher-policy 1.3.6.1.4.1.32473.1";
