//! `trust add`: a manufacturer is accepted by its profile, by its certificates, or by what one of its pledges presented.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brski_common::serve::setup::read_certificates;
use brski_common::{Certificate, Clock, PeerCertificates, SerialSource};
use brski_registrar::Trust;
use brski_registrar::trust::{Founding, StrangerFolder, check_date};
use clap::Args;

use super::{Shown, answers_yes, is_fingerprint};
use crate::cli::Output;
use crate::config::{Configuration, Profile};

/// Accept a manufacturer's devices: show what its profile says, ask, and put it into the trust folder
///
/// Compare the fingerprint with what the manufacturer told you by another way. Without a terminal --fingerprint or --yes must answer. A profile may be signed (CMS): at first that
/// proves no more than that the profile is consistent, since it names itself who may sign it; `trust update` takes later ones without a fingerprint if a key signed them that this one names.
///
/// A manufacturer without profile is accepted by --certificate, or by --pending from what one of its pledges presented. The fingerprint is then that of the first IDevID CA's certificate.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AddArguments {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// The manufacturer's profile, signed or not
    #[arg(required_unless_present_any = ["certificate", "pending"], conflicts_with_all = ["certificate", "pending"])]
    profile: Option<PathBuf>,
    /// Certificates of the CAs that issue its IDevIDs, PEM
    #[arg(long, value_name = "FILE", requires = "name", conflicts_with = "pending")]
    certificate: Option<PathBuf>,
    /// Take the IDevID CA from what the pledge with this key presented, by `trust pending`: the topmost of its certificates. The first digits will do, at least 8
    #[arg(long, value_name = "SHA256", requires = "name", value_parser = beginning_of_a_key)]
    pending: Option<String>,
    /// Name for a manufacturer that is accepted without profile
    #[arg(long, conflicts_with = "profile")]
    name: Option<String>,
    /// Certificates under which its vouchers are verified, PEM [default: those of its IDevID CAs, below which no device may sign]
    #[arg(long, value_name = "FILE", requires = "name")]
    voucher_certificate: Option<PathBuf>,
    /// Certificates under which its provenance statements are verified, PEM
    #[arg(long, value_name = "FILE", requires = "name")]
    provenance_certificate: Option<PathBuf>,
    /// Certificates under which its MASA's TLS server is verified, PEM; without them its MASA cannot be asked
    #[arg(long, value_name = "FILE", requires = "name")]
    tls_certificate: Option<PathBuf>,
    /// Where its MASA answers [default: where its IDevIDs say]
    #[arg(long, value_name = "URL", requires = "name")]
    masa_url: Option<String>,
    /// Its serial numbers are what follows SN: in subjects such as PID:... SN:...
    #[arg(long, requires = "name")]
    sn_of_pid: bool,
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

/// What a person is asked about.
struct Offer {
    profile: Profile,
    /// What is compared: of the profile's octets or of a certificate.
    fingerprint: String,
}

pub(super) fn run(arguments: &AddArguments) -> anyhow::Result<()> {
    let configuration = Configuration::read(&arguments.config)?;
    let profiles = configuration.profiles();
    let offer = offer(arguments, &configuration)?;
    let profile = &offer.profile;
    let known = profiles.read()?;
    // Before anything is said of acceptance: "accepted already" must not be read as "and the fingerprint is right".
    compare_fingerprint(arguments, &offer)?;
    if let Some(known) = known.iter().find(|known| known.manufacturer.name == profile.manufacturer.name) {
        let (name, path) = (&profile.manufacturer.name, known.path.display());
        anyhow::ensure!(
            known.text == profile.text,
            "{path}: another profile of '{name}' is accepted already; `trust update` takes a signed one in its place, and `trust remove` makes room for any other"
        );
        arguments.output.print(&Shown::new(known))?;
        writeln!(crate::cli::err(), "This profile is accepted already; nothing was changed.")?;
        return Ok(());
    }
    if let Some(other) = known.iter().find(|known| known.manufacturer.shares_idevid_anchor(&profile.manufacturer)) {
        anyhow::bail!("{}; nothing was accepted", profile.conflict(other));
    }
    confirm(arguments, &offer)?;
    let path = profiles.add(profile)?;
    forget_strangers_of(profile, &configuration.strangers())?;
    arguments.output.print(&Shown { file: path, ..Shown::new(profile) })?;
    // Not part of the result: programs know when they restart what.
    writeln!(crate::cli::err(), "A registrar that is running takes it in with SIGHUP.")?;
    Ok(())
}

fn offer(arguments: &AddArguments, configuration: &Configuration) -> anyhow::Result<Offer> {
    let idevid = match (&arguments.profile, &arguments.certificate, &arguments.pending) {
        (Some(path), _, _) => {
            let now = Clock::system().now();
            let (profile, _signed) = Profile::read_offered(path, now)?;
            check_date(&profile.text, now, configuration.clock_skew()).with_context(|| path.display().to_string())?;
            return Ok(Offer { fingerprint: profile.fingerprint(), profile });
        }
        (None, Some(path), _) => read_certificates(path)?,
        (None, None, Some(key)) => vec![presented(key, &configuration.strangers())?],
        (None, None, None) => anyhow::bail!("a profile, --certificate or --pending is needed"),
    };
    let certificates = |path: &Option<PathBuf>| path.as_deref().map_or(Ok(Vec::new()), read_certificates);
    let fingerprint = idevid.first().map(Certificate::fingerprint).unwrap_or_default();
    let founding = Founding {
        name: arguments.name.clone().context("--name is needed")?,
        masa_url: arguments.masa_url.clone(),
        serial_source: if arguments.sn_of_pid { SerialSource::SnOfPid } else { SerialSource::SerialNumber },
        idevid,
        voucher: certificates(&arguments.voucher_certificate)?,
        provenance: certificates(&arguments.provenance_certificate)?,
        tls: certificates(&arguments.tls_certificate)?,
    };
    let path = configuration.profiles().path_of(&founding.name);
    Ok(Offer { profile: Profile::parse(&path, &founding.profile())?, fingerprint })
}

/// The first digits of a key's SHA-256, in lower case. Fewer could be hit by chance.
fn beginning_of_a_key(text: &str) -> Result<String, String> {
    match (8..=64).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_hexdigit()) {
        true => Ok(text.to_ascii_lowercase()),
        false => Err("expected 8 to 64 hexadecimal digits".to_owned()),
    }
}

/// The IDevID CA that a waiting pledge of an unknown manufacturer presented.
fn presented(key: &str, strangers: &StrangerFolder) -> anyhow::Result<Certificate> {
    let mut waiting = strangers.waiting(Clock::system().now())?;
    waiting.retain(|stranger| stranger.key.to_string().starts_with(key));
    anyhow::ensure!(
        waiting.len() < 2,
        "{} pledges of unknown manufacturers wait whose key begins with {key}; give more of the digits that `trust pending` lists",
        waiting.len()
    );
    let stranger = waiting.pop();
    let stranger = stranger.with_context(|| format!("no pledge of an unknown manufacturer waits whose key is {key}; `trust pending` lists those that do"))?;
    stranger.issuer()?.with_context(|| {
        format!(
            "the pledge {} presented its own certificate and none of a CA above it: get that from its manufacturer, and give it with --certificate",
            stranger.serial
        )
    })
}

/// Those who waited for this manufacturer wait no longer.
fn forget_strangers_of(profile: &Profile, strangers: &StrangerFolder) -> anyhow::Result<()> {
    let (now, trust) = (Clock::system().now(), Trust::new([profile.manufacturer.clone()]));
    for stranger in strangers.waiting(now)? {
        let peer: PeerCertificates = stranger.chain()?;
        if trust.admit(&peer, now).is_ok() {
            strangers.forget(stranger.key)?;
        }
    }
    Ok(())
}

fn compare_fingerprint(arguments: &AddArguments, Offer { profile, fingerprint: found }: &Offer) -> anyhow::Result<()> {
    let Some(expected) = &arguments.fingerprint else { return Ok(()) };
    let path: &Path = arguments.profile.as_deref().or(arguments.certificate.as_deref()).unwrap_or(&profile.path);
    let (path, same) = (path.display(), is_fingerprint(expected, found));
    anyhow::ensure!(same, "{path}: its SHA-256 is {found}, not {expected}; nothing was accepted");
    Ok(())
}

/// Asks, unless the command line has answered.
fn confirm(arguments: &AddArguments, Offer { profile, fingerprint }: &Offer) -> anyhow::Result<()> {
    let answered = arguments.yes || arguments.fingerprint.is_some();
    if !answered && !std::io::stdin().is_terminal() {
        anyhow::bail!("nobody can be asked here: repeat with --fingerprint {fingerprint} once you have compared it, or with --yes");
    }
    if profile.manufacturer.masa_tls_anchors.certificates().is_empty() {
        writeln!(crate::cli::err(), "{}", if arguments.profile.is_some() { NO_TLS_ANCHOR_IN_PROFILE } else { NO_TLS_ANCHOR })?;
    }
    if answered {
        return Ok(());
    }
    let question = format!("{}\nIts SHA-256 is {fingerprint}. Accept devices of this manufacturer? [y/N] ", Shown::new(profile));
    anyhow::ensure!(answers_yes(&question)?, "nothing was accepted");
    Ok(())
}

const NO_TLS_ANCHOR: &str = "\
warning: no certificate is given under which the TLS server of its MASA is verified, and the web's public CAs are not asked: the MASA cannot be asked, and its
pledges get no vouchers (502). Give the CA of the MASA's TLS certificate with --tls-certificate.";

const NO_TLS_ANCHOR_IN_PROFILE: &str = "\
warning: its profile has no masa-tls-anchors, and the web's public CAs are not asked: its MASA cannot be asked, and its pledges get no vouchers (502). Ask the
manufacturer for a profile that has them.";

const EXAMPLES: &str = "\
Examples:
  brski-registrar trust add manufacturer-profile.toml
  brski-registrar trust add --config /etc/brski-registrar/registrar.toml \\
    --fingerprint 9f86d081... manufacturer-profile.toml
  brski-registrar trust add --name 'Example Switches' --certificate idevid-ca.pem \\
    --tls-certificate masa-tls-ca.pem --masa-url https://masa.example.com";
