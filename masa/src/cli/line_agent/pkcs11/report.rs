//! `line-agent pkcs11 report`: what the token says of a key, in a manufacture report that the station signs.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use brski_common::provenance::{Basis, KeyOrigin, ManufactureReport, Pkcs11Attributes};
use brski_common::serve::setup::{open_key, read_certificates, read_text};
use brski_common::sign::{KeyUri, Pkcs11Uri};
use brski_common::time::to_rfc3339;
use brski_common::{Clock, Format, IDevIdCert, Signer as _, SigningParty};
use clap::Args;
use serde_json::Value;

use super::{examine, token_uri};
use crate::cli::report::check;

/// Sign the manufacture report of a device whose key is in the token: one line for `record`, on standard output
///
/// The token is asked for the key's attributes now, and the key signs something, so that the report is about the key that the IDevID certifies and no other. What the origin says is
/// held against the attributes before anything is signed. The basis is station-signed: a token does not sign its attributes, whoever read them vouches for them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The device's private key in the token: a pkcs11: URI (RFC 7512) with object, id or both
    #[arg(long, value_name = "URI", value_parser = token_uri)]
    key: Pkcs11Uri,
    /// The IDevID that was issued, PEM
    #[arg(long, value_name = "FILE")]
    idevid: PathBuf,
    /// How keys of this line come to be, JSON as `report --help` shows it, without pkcs11; basis may be left out, and so may made-at, which then is now
    #[arg(long, value_name = "FILE")]
    origin: PathBuf,
    /// The station's private key: a PEM file, or a pkcs11: URI as in the MASA's configuration
    #[arg(long, value_name = "KEY", value_parser = |text: &str| text.parse::<KeyUri>())]
    station_key: KeyUri,
    /// Name under which the station's key is enrolled in the MASA's configuration
    #[arg(long, default_value = "station-1")]
    station: String,
    /// Let the report publish n-k although n = 2k-1, from which everybody learns n and k; `record` wants the same word
    #[arg(long)]
    reveal_split: bool,
}

pub(in crate::cli::line_agent) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { key: uri, idevid: file, .. } = arguments;
    let certificates = read_certificates(file)?;
    let own = certificates.into_iter().next().with_context(|| format!("{}: no certificate", file.display()))?;
    let idevid = IDevIdCert::new(own).with_context(|| file.display().to_string())?;
    let certified = idevid.certificate().public_key();

    let (key, attributes) = examine(uri, Some(&certified))?;
    ensure!(*key.public_key() == certified, "{}: the IDevID certifies another key than {uri}", file.display());
    let origin = origin(&arguments.origin, attributes)?;
    check(&origin, arguments.reveal_split).with_context(|| format!("{} and {uri}", arguments.origin.display()))?;

    let station = SigningParty::with_name(arguments.station.clone(), open_key(&arguments.station_key)?);
    let signed = station.seal(&ManufactureReport { idevid, origin: Some(origin) }, Format::Jws).await?;
    let mut out = crate::cli::out();
    out.write_all(signed.wire())?;
    out.write_all(b"\n")?;
    Ok(())
}

/// The origin in a file, with what the token says.
fn origin(file: &Path, attributes: Pkcs11Attributes) -> anyhow::Result<KeyOrigin> {
    let shown = file.display();
    let text = read_text(file).with_context(|| format!("{shown}: cannot be read"))?;
    let Value::Object(mut said) = serde_json::from_str(&text).with_context(|| format!("{shown}: not an origin"))? else {
        bail!("{shown}: not an origin, which is a JSON object");
    };
    ensure!(!said.contains_key("pkcs11"), "{shown}: pkcs11 is read from the token and must be left out here");
    said.entry("basis").or_insert_with(|| Basis::StationSigned.name().into());
    said.entry("made-at").or_insert_with(|| to_rfc3339(Clock::system().now()).into());
    let origin: KeyOrigin = serde_json::from_value(Value::Object(said)).with_context(|| format!("{shown}: not an origin"))?;
    let basis = origin.basis;
    ensure!(basis == Basis::StationSigned, "{shown}: basis is {basis}, but the station itself read the attributes, so it must be station-signed or left out");
    Ok(KeyOrigin { pkcs11: Some(attributes), ..origin })
}

const EXAMPLES: &str = "\
Example, after `line-agent pkcs11 request`, whose help shows both steps:
  KEY='pkcs11:token=line-7;object=JADA1?module-path=/usr/lib/pkcs11/hsm.so&pin-source=file:pin.txt'
  brski-masa line-agent pkcs11 report --key \"$KEY\" --idevid JADA1.pem --origin line-7.json \\
    --station-key masa/keys/station-1.pem > JADA1.jsonl
  brski-masa record JADA1.jsonl

line-7.json, for devices whose secure element speaks PKCS #11:
  {
    \"method\": \"salak\", \"source\": \"generated-on-device\", \"protection\": \"non-extractable\",
    \"locus\": \"secure-element\", \"se-generation\": \"internal\",
    \"certificate-transfer\": \"mechanically-transferred\", \"private-transfer\": \"none\"
  }

The same for keys that the factory's token makes with --extractable, wraps and lets go:
  {
    \"method\": \"bamboo\", \"source\": \"loaded\", \"protection\": \"extractable-for-storage\",
    \"locus\": \"factory\", \"key-retained\": false,
    \"certificate-transfer\": \"mechanically-installed\",
    \"private-transfer\": \"mechanically-installed\", \"transfer-encrypted\": true
  }";
