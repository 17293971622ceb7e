//! `attest`: what parties, stations and auditors sign of a key.

use std::path::PathBuf;

use anyhow::Context as _;
use brski_common::evidence::{CeremonySignature, Countersignature, SeedNotice};
use brski_common::serve::setup::{open_key, read_certificates, read_text};
use brski_common::sign::KeyUri;
use brski_common::{Format, Payload, Signer, SigningParty};
use clap::{Args, ValueEnum};
use serde::de::DeserializeOwned;

/// Sign what people know of a key: a party's part in its making, a notice of a batch of seeds, or an audit
///
/// What is said is JSON; the result is a COSE_Sign1, which goes as evidence into a manufacture report, or by `audit` into the record. It needs no MASA, only the signer's own key.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// What is signed
    #[arg(value_enum)]
    kind: Kind,
    /// File with what is said, as JSON
    content: PathBuf,
    /// The signer's private key: a PEM file, or a pkcs11: URI as in the configuration
    #[arg(long, value_name = "KEY", value_parser = |text: &str| text.parse::<KeyUri>())]
    key: KeyUri,
    /// PEM file with the signer's certificate, then those above it
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// File to write the COSE_Sign1 into
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// {"key", "ceremony", "at"}: the signer took part in making the key, or derived it from the batch of seeds of that name
    Ceremony,
    /// {"batch", "at", "event": {"received": {"courier", "received-by", "count", "list"}}} or {"destroyed": {"destroyed-by"}}
    Seeds,
    /// {"key", "record", "description": {"title", "digest"}, "at"}
    Audit,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let chain = read_certificates(&arguments.certificate)?;
    let key = open_key(&arguments.key)?;
    let own = chain.first().with_context(|| format!("{}: holds no certificate", arguments.certificate.display()))?;
    anyhow::ensure!(own.public_key() == *key.public_key(), "{}: begins with a certificate of another key than --key", arguments.certificate.display());
    let party = SigningParty::with_chain(chain, key);
    let signed = match arguments.kind {
        Kind::Ceremony => sign::<CeremonySignature>(&party, arguments).await?,
        Kind::Seeds => sign::<SeedNotice>(&party, arguments).await?,
        Kind::Audit => sign::<Countersignature>(&party, arguments).await?,
    };
    std::fs::write(&arguments.out, signed).with_context(|| format!("{}: cannot be written", arguments.out.display()))
}

async fn sign<T: Payload + DeserializeOwned>(party: &SigningParty, arguments: &Arguments) -> anyhow::Result<Vec<u8>> {
    let path = arguments.content.display();
    let text = read_text(&arguments.content).with_context(|| format!("{path}: cannot be read"))?;
    let content: T = serde_json::from_str(&text).with_context(|| format!("{path}: is no {} in JSON", T::NAME))?;
    Ok(party.seal(&content, Format::Cose).await?.wire().to_vec())
}

const EXAMPLES: &str = "\
Examples:
  brski-masa attest ceremony ceremony.json --key alice.key --certificate alice.pem --out alice.cose
  brski-masa attest audit audit.json --key auditor.key --certificate auditor.pem --out audit.cose";
