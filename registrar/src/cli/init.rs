//! `init`: a complete network owner in one folder.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context as _;
use brski_common::access::Token;
use brski_common::chain::ID_KP_CMC_RA;
use brski_common::issuing::{Subject, Template};
use brski_common::log::{LogName, VerifierKey};
use brski_common::serve::setup::NewFiles;
use brski_common::time::at;
use brski_common::{Certificate, Clock, SignatureAlgorithm, Signer as _, SoftwareKey};
use clap::Args;
use serde::Serialize;

use super::Output;
use crate::config::TRAIL_VERIFIER;

/// Make a complete network owner: root and domain CA, registrar certificate, provenance policy and configuration
///
/// Nothing is asked and nothing is overwritten. Private keys are made readable by their owner alone.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Folder to make everything in
    #[arg(long, value_name = "FOLDER", default_value = "registrar")]
    dir: PathBuf,
    /// The domain's name, in certificates
    #[arg(long, default_value = "Example Domain")]
    name: String,
    /// DNS name or IP address of the registrar. May be repeated [default: localhost, 127.0.0.1]
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
    /// TCP port
    #[arg(long, default_value_t = 8443, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// TCP port of the admin interface, which listens on this machine alone [default: the one after --port]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    admin_port: Option<u16>,
    /// IP address to listen on [default: 0.0.0.0 if --host is given, else 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<IpAddr>,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// What was made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Made {
    config: PathBuf,
    policy: PathBuf,
    domain_ca: PathBuf,
    domain_ca_sha256: String,
    domain_key_sha256: String,
    root_ca: PathBuf,
    root_ca_sha256: String,
    root_key: PathBuf,
    registrar: PathBuf,
    registrar_sha256: String,
    admin_token: PathBuf,
    trail_verifier: String,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let hosts = match arguments.hosts.as_slice() {
        [] => vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        named => named.to_vec(),
    };
    let listen = arguments.listen.unwrap_or(if arguments.hosts.is_empty() { [127, 0, 0, 1].into() } else { [0, 0, 0, 0].into() });
    let listen = SocketAddr::new(listen, arguments.port);
    let length = arguments.name.chars().count();
    // X.520 allows 64 characters for a common name, and each certificate adds its purpose.
    anyhow::ensure!((1..=40).contains(&length) && !arguments.name.chars().any(char::is_control), "--name must be 1 to 40 printable characters");

    // Next to the other one, so that a second registrar on this machine has both to itself.
    let admin_port = arguments.admin_port.unwrap_or(arguments.port.checked_add(1).unwrap_or(arguments.port - 1));
    anyhow::ensure!(admin_port != arguments.port, "--admin-port must be another port than --port, {}", arguments.port);

    let mut files = NewFiles::new();
    let (root, ca, registrar) = make_certificates(&arguments.name, &hosts, &mut files).await?;
    let token = Token::generate().context("the system gives no random numbers")?;
    let admin = SocketAddr::new([127, 0, 0, 1].into(), admin_port);
    let trail = format!("{}:{}/trail", hosts.first().map_or("localhost", String::as_str), arguments.port);
    let trail_verifier = make_trail_key(&trail, &mut files).context("--host")?;
    let config = include_str!("init/registrar.toml").replace("{listen}", &listen.to_string()).replace("{trail}", &trail);
    files.public(CONFIG, config.replace("{admin-listen}", &admin.to_string()).replace("{admin-token-sha256}", &token.digest().to_string()));
    files.secret(ADMIN_TOKEN, format!("{}\n", token.reveal()));
    files.public(POLICY, include_str!("init/policy.toml"));
    files.write_into_empty(&arguments.dir)?;

    arguments.output.print(&Made {
        config: arguments.dir.join(CONFIG),
        policy: arguments.dir.join(POLICY),
        domain_ca: arguments.dir.join(DOMAIN_CA),
        domain_ca_sha256: ca.fingerprint(),
        domain_key_sha256: ca.spki_digest().to_string(),
        root_ca: arguments.dir.join(ROOT_CA),
        root_ca_sha256: root.fingerprint(),
        root_key: arguments.dir.join(ROOT_KEY),
        registrar: arguments.dir.join(REGISTRAR),
        registrar_sha256: registrar.fingerprint(),
        admin_token: arguments.dir.join(ADMIN_TOKEN),
        trail_verifier,
    })
}

async fn make_certificates(name: &str, hosts: &[String], files: &mut NewFiles) -> anyhow::Result<(Certificate, Certificate, Certificate)> {
    let now = Clock::system().now();
    let until = |years: u64| at(now.as_secs() + years * YEAR);
    let subject = |what: &str| Subject::common_name(&format!("{name} {what}")).and_organization(name);

    let (root_key, root_pkcs8) = SoftwareKey::generate(SignatureAlgorithm::Es256)?;
    let root = Template::new(subject("root CA"), root_key.public_key(), random_serial()?, now, until(30)).ca(Some(1));
    let root = root.self_signed(&root_key).await?;

    let (ca_key, ca_pkcs8) = SoftwareKey::generate(SignatureAlgorithm::Es256)?;
    let ca = Template::new(subject("domain CA"), ca_key.public_key(), random_serial()?, now, until(20)).ca(Some(0));
    let ca = ca.issued_by(&root, &root_key).await?;

    let (key, pkcs8) = SoftwareKey::generate(SignatureAlgorithm::Es256)?;
    let registrar = Template::new(subject("registrar"), key.public_key(), random_serial()?, now, until(5));
    // The same certificate serves pledges, asks MASAs and signs voucher-requests (RFC 8995, sections 5.4 and 5.5.4).
    let registrar = registrar.usages(&REGISTRAR_USAGES).alternative_names(hosts).issued_by(&ca, &ca_key).await?;

    let path = ca.to_pem() + &root.to_pem();
    files.public(ROOT_CA, root.to_pem());
    files.public(REGISTRAR, registrar.to_pem() + &path);
    files.public(DOMAIN_CA, path);
    files.private_key(ROOT_KEY, &root_pkcs8);
    files.private_key("keys/domain-ca.pem", &ca_pkcs8);
    files.private_key("keys/registrar.pem", &pkcs8);
    Ok((root, ca, registrar))
}

/// The key that signs the audit trail, of the one kind that signs checkpoints.
fn make_trail_key(name: &str, files: &mut NewFiles) -> anyhow::Result<String> {
    let (key, pkcs8) = SoftwareKey::generate(SignatureAlgorithm::EdDsa)?;
    let verifier = VerifierKey::new(LogName::new(name)?, key.public_key().clone())?.to_string();
    files.private_key("keys/trail.pem", &pkcs8);
    files.public(TRAIL_VERIFIER, format!("{verifier}\n"));
    Ok(verifier)
}

fn random_serial() -> anyhow::Result<[u8; 16]> {
    let mut serial = [0; 16];
    aws_lc_rs::rand::fill(&mut serial).map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
    Ok(serial)
}

impl core::fmt::Display for Made {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        writeln!(f, "configuration: {}", self.config.display())?;
        writeln!(f, "policy: {} (look at it before you serve)", self.policy.display())?;
        writeln!(f, "domain CA: {}\n  SHA-256 {}\n  SHA-256 of its key {}", self.domain_ca.display(), self.domain_ca_sha256, self.domain_key_sha256)?;
        writeln!(f, "root CA: {}\n  SHA-256 {}", self.root_ca.display(), self.root_ca_sha256)?;
        writeln!(f, "root key: {} (take it off this machine: only `ca sign-request` needs it)", self.root_key.display())?;
        writeln!(f, "registrar: {}\n  SHA-256 {}", self.registrar.display(), self.registrar_sha256)?;
        writeln!(f, "operator's token for the admin interface: {}", self.admin_token.display())?;
        writeln!(f, "audit trail, for auditors: {}", self.trail_verifier)?;
        let config = self.config.display();
        write!(f, "\nNext: brski-registrar trust add --config {config} manufacturer-profile.toml\nThen: brski-registrar serve --config {config}")
    }
}

const CONFIG: &str = "registrar.toml";
const ADMIN_TOKEN: &str = "keys/admin-token";
const POLICY: &str = "policy.toml";
const DOMAIN_CA: &str = "certificates/domain-ca.pem";
const ROOT_CA: &str = "certificates/root-ca.pem";
const ROOT_KEY: &str = "offline/root-ca-key.pem";
const REGISTRAR: &str = "certificates/registrar.pem";
/// cmcRA, serverAuth, clientAuth.
pub(super) const REGISTRAR_USAGES: [&str; 3] = [ID_KP_CMC_RA, "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];
const YEAR: u64 = 365 * 86_400;

const EXAMPLES: &str = "\
Examples:
  brski-registrar init
  brski-registrar init --dir /etc/brski-registrar --name 'Example Network' \\
    --host registrar.example.net --port 443";
