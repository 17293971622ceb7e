//! `inspect`: what an artefact is, what is in it, and where it deviates.

use std::path::PathBuf;
use std::process::ExitCode;

use brski_common::inspect::command::{self, Audience};
use brski_common::log::Hash;
use brski_common::time::from_rfc3339;
use brski_common::{Clock, UnixTime};
use clap::Args;

use super::Output;

/// Show what is in vouchers, requests, statements, certificates and other files, and where they deviate from the specifications
///
/// Any encoding is recognised: DER, BER, PEM, CBOR, JSON or TOML, perhaps in base64, base64url or hexadecimal digits. Private keys are named and never shown.
/// Deviations are told with the section they depart from and the leniency that would accept them; they do not change the exit status.
/// It is 0 if every file was recognised, and 2 if one was not or if, with --anchor, its signature could not be verified. With or without an anchor a signature
/// counts wherever it is if it is wrong, or if it is in COSE and none of the certificates that came along made it. Without an anchor no signature is trusted,
/// and one that cannot be checked does not count.
///
/// What a log signs, receipts and checkpoints, is verified with bare public keys alone, never with that of a certificate. A receipt of consistency is verified only
/// with --checkpoint, one that an entry is in only with --leaf or with the statement of that entry among the files. Of a receipt, the log signs the root alone: tree sizes and leaf indexes are as the sender says.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Files to look at; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Verify signatures under the certificates and bare public keys in this file: PEM, DER or a log's key as text (log-verifier.txt). May be repeated
    #[arg(long = "anchor", value_name = "FILE")]
    anchors: Vec<PathBuf>,
    /// Verify receipts of consistency from this signed checkpoint, the older one; its log's key must be given with --anchor, bare or as text
    #[arg(long, value_name = "FILE", requires = "anchors")]
    checkpoint: Option<PathBuf>,
    /// Verify receipts of inclusion of the entry with this hash, in hex, as `brski-masa log prove` prints it. May be repeated
    #[arg(long = "leaf", value_name = "HEX", requires = "anchors", value_parser = command::leaf)]
    leaves: Vec<Hash>,
    /// Judge validity at this time, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<UnixTime>,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut options = command::options(&arguments.anchors, arguments.checkpoint.as_deref(), arguments.at.unwrap_or_else(|| Clock::system().now()))?;
    options.leaves.clone_from(&arguments.leaves);
    let audience = match arguments.output {
        Output::Text => Audience::People,
        Output::Json => Audience::Programs,
    };
    let good = command::run(&arguments.files, &options, audience, &mut std::io::stdin().lock(), &mut std::io::stdout().lock())?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

fn time(text: &str) -> Result<UnixTime, brski_common::DecodeError> {
    from_rfc3339("--at", text)
}

const EXAMPLES: &str = "\
Examples:
  brski-registrar inspect --anchor registrar/certificates/domain-ca.pem request.vch
  brski-registrar inspect registrar/policy.toml registrar/trust/*.toml
  brski-registrar inspect -o json voucher.hex | jq .deviations";
