//! What a vendor of secure elements does: signs for a reel of them, as a manifest or as a delivery list.
//!
//! `cargo run --example reel -- --help` tells more. `brski-masa record` imports both.

#![allow(clippy::print_stdout, reason = "it writes what it signs")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use brski_common::evidence::{DeliveredElement, DeliveryList, ElementKey, ManifestElement, SecureElement};
use brski_common::provenance::{CaArrangement, SecureElementGeneration, Text};
use brski_common::serve::setup::{read_certificates, read_key};
use brski_common::{Certificate, Format, SigningParty, UnixTime};
use clap::Parser;

/// Signs for secure elements that made their keys themselves, and writes that to standard output: a manifest, or with --list a delivery list.
#[derive(Parser)]
#[command(name = "reel", after_help = EXAMPLES)]
struct Arguments {
    /// The vendor's certificate for such signatures, in PEM.
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// Its private key in PEM.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The reel's name.
    #[arg(long, value_name = "NAME", value_parser = |text: &str| Text::new(text))]
    name: Text,
    /// All elements under one signature, which also says that the vendor operates the CA of the devices' manufacturer.
    #[arg(long)]
    list: bool,
    /// The certificates that the elements hold, in PEM, one a file.
    #[arg(required = true, value_name = "FILE")]
    elements: Vec<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let vendor = first(&arguments.certificate)?;
    let elements = arguments.elements.iter().map(|file| first(file)).collect::<Result<Vec<Certificate>>>()?;
    let signed = if arguments.list { list(&arguments, vendor, elements).await? } else { manifest(&arguments, &vendor, elements).await? };
    println!("{signed}");
    Ok(())
}

/// Each element is signed for by itself, so that a report can carry what was said of its own.
async fn manifest(arguments: &Arguments, vendor: &Certificate, elements: Vec<Certificate>) -> Result<String> {
    let key = read_key(&arguments.key)?;
    let mut signed = Vec::with_capacity(elements.len());
    for (number, certificate) in (1..).zip(elements) {
        let content = SecureElement {
            unique_id: Text::new(format!("{number:018X}"))?,
            model: Text::new("SE-1")?,
            part_number: None,
            manufacturer: Some(Text::new("Silicon Ltd")?),
            provisioner: None,
            group: Some(arguments.name.clone()),
            provisioned_at: Some(UnixTime::now()),
            keys: vec![ElementKey { slot: Text::new("0")?, key: Some(certificate.public_key()), certificates: vec![certificate] }],
        };
        let element = ManifestElement::make(&content, vendor, &key).await?;
        signed.push(String::from_utf8(element.octets().to_vec())?);
    }
    Ok(format!("[\n{}\n]", signed.join(",\n")))
}

/// The list has its signer's certificate with it, which whoever reads it must know already.
async fn list(arguments: &Arguments, vendor: Certificate, elements: Vec<Certificate>) -> Result<String> {
    let list = DeliveryList {
        delivery: arguments.name.to_string(),
        se_generation: SecureElementGeneration::Internal,
        ca_arrangement: CaArrangement::SiliconOperatesForOem,
        made_at: UnixTime::now(),
        elements: elements.into_iter().map(|certificate| DeliveredElement { certificate }).collect(),
    };
    let signed = SigningParty::with_chain(vec![vendor], Arc::new(read_key(&arguments.key)?)).seal(&list, Format::Jws).await?;
    Ok(String::from_utf8(signed.wire().to_vec())?)
}

fn first(file: &Path) -> Result<Certificate> {
    read_certificates(file)?.into_iter().next().with_context(|| format!("{} holds no certificate", file.display()))
}

const EXAMPLES: &str = "\
Examples:
  reel --certificate logistics.pem --key logistics.key --name reel-7 SE1.pem SE2.pem > manifest.json
  reel --certificate logistics.pem --key logistics.key --name reel-8 --list SE3.pem > list.jws";
