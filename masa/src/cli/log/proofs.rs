//! `log prove` and `log consistency`: receipts for others.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brski_common::log::Receipt;
use brski_common::{KeyIdentifier, SerialNumber};
use brski_masa::TreeHead;
use clap::Args;

use crate::cli::verifiers::{LogVerifiers, read_checkpoint};
use crate::cli::{Output, block};
use crate::config::Configuration;

/// Prove that a device's newest record, or any other entry, is in the log: a COSE receipt (RFC 9942)
///
/// With it and the device's provenance statement anybody who has the log's public key can check offline that the log has signed a tree with the statement's record in it.
/// The log holds the record's hash: what the record says is proved once the manufacturer discloses it, and no other record can be shown in its place.
///
/// So it is with every entry (--entry): vouchers, sales, marks, blocks, records that were superseded, and what `restore` wrote. `record -o json`, `mark -o json` and the server's log
/// tell the entries' numbers.
#[derive(Debug, Args)]
#[command(after_help = PROVE_EXAMPLES)]
pub(crate) struct Prove {
    /// Configuration file
    #[arg(long, default_value = "masa/masa.toml")]
    config: PathBuf,
    /// The device's serial number
    #[arg(value_parser = |text: &str| SerialNumber::new(text), required_unless_present = "entry", conflicts_with = "entry")]
    serial: Option<SerialNumber>,
    /// Key identifier of the CA that issued its IDevID, in hex; needed only where two CAs used the serial number
    #[arg(long, value_parser = |text: &str| KeyIdentifier::try_from(text.to_owned()), requires = "serial")]
    idevid_issuer: Option<KeyIdentifier>,
    /// Number of the entry, whatever it is, instead of a device's newest record; entry 0 begins the log, and speaks of nothing
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    entry: Option<u64>,
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
    #[command(flatten)]
    verifiers: LogVerifiers,
    /// File to write the receipt into
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// For whom to write what it says
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

pub(super) async fn prove(arguments: &Prove) -> anyhow::Result<()> {
    let masa = Configuration::read(&arguments.config)?.masa()?;
    let proved = match (&arguments.serial, arguments.entry) {
        (None, Some(index)) => masa.prove_entry(index).await?.with_context(|| format!("the log has no entry {index}"))?,
        (Some(serial), _) => {
            let device = block::find(&masa, serial, arguments.idevid_issuer.as_ref()).await?;
            let nothing = || format!("nobody wrote down how the key of {serial} came to be, so that there is no record to prove");
            masa.prove(&device).await?.with_context(nothing)?
        }
        (None, None) => anyhow::bail!("a serial number or --entry must be given"),
    };
    write(arguments.out.as_deref(), proved.receipt())?;
    arguments.output.print(&proved)
}

pub(super) async fn consistency(arguments: &Consistency) -> anyhow::Result<()> {
    let configuration = Configuration::read(&arguments.config)?;
    let (logs, masa) = (arguments.verifiers.with_own(configuration.log_verifier())?, configuration.masa()?);
    let old = read_checkpoint(&arguments.checkpoint, &logs)?;
    let old = TreeHead { size: old.size, root: old.root };
    let grown = masa.prove_growth(&old).await.with_context(|| format!("the log does not continue {}", arguments.checkpoint.display()))?;
    let proved = grown.with_context(|| {
        format!("the log has the {} entries of {} still, and no other: there is nothing to prove", old.size, arguments.checkpoint.display())
    })?;
    write(arguments.out.as_deref(), proved.receipt())?;
    arguments.output.print(&proved)
}

fn write(out: Option<&Path>, receipt: &Receipt) -> anyhow::Result<()> {
    out.map_or(Ok(()), |path| std::fs::write(path, receipt.wire()).with_context(|| format!("{}: cannot be written", path.display())))
}

const PROVE_EXAMPLES: &str = "\
Examples:
  brski-masa log prove JADA123456789 --out receipt.cbor
  brski-masa log prove JADA123456789 -o json | jq .path
  brski-masa log prove --entry 4711 --out receipt.cbor";

const CONSISTENCY_EXAMPLES: &str = "\
Examples:
  brski-masa log consistency checkpoint-2026-08-01.txt --out receipt.cbor
  brski-masa log consistency checkpoint-2025-08-01.txt --log-verifier former-log-verifier.txt";
