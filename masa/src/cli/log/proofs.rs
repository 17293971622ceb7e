//! `log prove` and `log consistency`: receipts for others.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::log::{Hash, Proof, Receipt};
use brski_common::text::{LONGEST_WORDS, printable};
use brski_common::{DeviceId, KeyIdentifier, SerialNumber};
use brski_masa::{Masa, TreeHead};
use clap::Args;
use serde::Serialize;

use super::read_checkpoint;
use crate::cli::{Output, block};
use crate::config::Configuration;

/// Prove that a device's newest record is in the log: a COSE receipt (RFC 9942)
///
/// With it and the device's provenance statement anybody who has the log's public key can check offline that the log has signed a tree with the statement's record in it.
/// The log holds the record's hash: what the record says is proved once the manufacturer discloses it, and no other record can be shown in its place.
#[derive(Debug, Args)]
#[command(after_help = PROVE_EXAMPLES)]
pub(crate) struct Prove {
    /// Configuration file
    #[arg(long, default_value = "masa/masa.toml")]
    config: PathBuf,
    /// The device's serial number
    #[arg(value_parser = |text: &str| SerialNumber::new(text))]
    serial: SerialNumber,
    /// Key identifier of the CA that issued its IDevID, in hex; needed only where two CAs used the serial number
    #[arg(long, value_parser = |text: &str| KeyIdentifier::try_from(text.to_owned()))]
    idevid_issuer: Option<KeyIdentifier>,
    /// File to write the receipt into
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// For whom to write what it says
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Prove that the log continues what it was at an earlier checkpoint: a COSE receipt (RFC 9942)
///
/// It is verified before it is told.
#[derive(Debug, Args)]
#[command(after_help = CONSISTENCY_EXAMPLES)]
pub(crate) struct Consistency {
    /// Configuration file
    #[arg(long, default_value = "masa/masa.toml")]
    config: PathBuf,
    /// The earlier checkpoint of this log
    #[arg(value_name = "OLD-CHECKPOINT-FILE")]
    checkpoint: PathBuf,
    /// File to write the receipt into
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// For whom to write what it says
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// What a receipt says, and the receipt itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Told {
    /// Which entry, or how many the older tree had.
    #[serde(flatten)]
    from: From,
    tree_size: u64,
    root: String,
    path: Vec<String>,
    receipt: String,
}

#[derive(Debug, Serialize)]
#[serde(untagged, rename_all_fields = "kebab-case")]
enum From {
    Entry { serial: SerialNumber, leaf_index: u64, leaf: String, supersedes: Vec<Superseded> },
    Tree { old_size: u64, old_root: String },
}

/// A record that this one took the place of.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Superseded {
    leaf_index: u64,
    seq: u32,
    leaf: String,
    reason: String,
    by: String,
}

pub(super) async fn prove(arguments: &Prove) -> anyhow::Result<()> {
    let configuration = Configuration::read(&arguments.config)?;
    let (log, masa) = (configuration.log_verifier()?, configuration.masa()?);
    let device = block::find(&masa, &arguments.serial, arguments.idevid_issuer.as_ref()).await?;
    let nothing = || format!("nobody wrote down how the key of {} came to be, so that there is no record to prove", arguments.serial);
    let (leaf, receipt) = masa.receipt(&device).await?.with_context(nothing)?;
    let proof = receipt.verify_inclusion(&leaf, log.key())?;
    write(arguments.out.as_deref(), &receipt)?;
    let from =
        From::Entry { serial: arguments.serial.clone(), leaf_index: proof.leaf_index, leaf: leaf.to_string(), supersedes: superseded(&masa, &device).await? };
    arguments.output.print(&Told::new(from, proof.tree_size, &proof.root, &receipt))
}

pub(super) async fn consistency(arguments: &Consistency) -> anyhow::Result<()> {
    let configuration = Configuration::read(&arguments.config)?;
    let (log, masa) = (configuration.log_verifier()?, configuration.masa()?);
    let old = read_checkpoint(&arguments.checkpoint, &log)?;
    let old = TreeHead { size: old.size, root: old.root };
    let grown = masa.consistency(&old).await.with_context(|| format!("the log does not continue {}", arguments.checkpoint.display()))?;
    let receipt = grown.with_context(|| {
        format!("the log has the {} entries of {} still, and no other: there is nothing to prove", old.size, arguments.checkpoint.display())
    })?;
    let proof = receipt.verify_consistency(old.size, &old.root, log.key())?;
    write(arguments.out.as_deref(), &receipt)?;
    let from = From::Tree { old_size: old.size, old_root: old.root.to_string() };
    arguments.output.print(&Told::new(from, proof.tree_size, &proof.root, &receipt))
}

/// Every record of the device that counts no longer, oldest first.
async fn superseded(masa: &Masa, device: &DeviceId) -> anyhow::Result<Vec<Superseded>> {
    let told = |old: brski_masa::masa::Superseded| {
        let (leaf, reason) = (old.by.record.to_string(), old.by.reason.to_string());
        Superseded { leaf_index: old.index, seq: old.seq, leaf, reason, by: old.by.by }
    };
    Ok(masa.superseded(device).await?.into_iter().map(told).collect())
}

fn write(out: Option<&Path>, receipt: &Receipt) -> anyhow::Result<()> {
    out.map_or(Ok(()), |path| std::fs::write(path, receipt.wire()).with_context(|| format!("{}: cannot be written", path.display())))
}

impl Told {
    fn new(from: From, tree_size: u64, root: &Hash, receipt: &Receipt) -> Self {
        let path = match receipt.proof() {
            Proof::Inclusion(proof) => proof.path.as_slice(),
            Proof::Consistency(proof) => proof.path.as_slice(),
            _ => &[],
        };
        let path = path.iter().map(Hash::to_string).collect();
        Self { from, tree_size, root: root.to_string(), path, receipt: STANDARD.encode(receipt.wire()) }
    }
}

impl core::fmt::Display for Told {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match &self.from {
            From::Entry { serial, leaf_index, supersedes, .. } => {
                write!(f, "the record of {serial} is entry {leaf_index} of {}", self.tree_size)?;
                for old in supersedes {
                    write!(
                        f,
                        "\nentry {} no longer counts: {} ({})",
                        old.leaf_index,
                        printable(&old.reason, LONGEST_WORDS),
                        printable(&old.by, LONGEST_WORDS)
                    )?;
                }
            }
            From::Tree { old_size, .. } => write!(f, "the log of {} entries continues that of {old_size}", self.tree_size)?,
        }
        write!(f, "\nroot: {}", self.root)
    }
}

const PROVE_EXAMPLES: &str = "\
Examples:
  brski-masa log prove JADA123456789 --out receipt.cbor
  brski-masa log prove JADA123456789 -o json | jq .path";

const CONSISTENCY_EXAMPLES: &str = "\
Example:
  brski-masa log consistency checkpoint-2026-08-01.txt --out receipt.cbor";
