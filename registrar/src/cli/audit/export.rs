//! `audit export`: the trail, an event a line.

use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use brski_common::log::leaf_hash;
use brski_common::time::from_rfc3339;
use brski_common::{DecodeError, UnixTime};
use brski_registrar::PledgeStore as _;
use brski_registrar::trail::Event;
use clap::Args;

use crate::config::Configuration;

/// Write the audit trail to standard output, one JSON object a line: number, leaf hash, event
///
/// The event is written octet for octet as it is in the log: its leaf hash is SHA-256 over an octet 0 and those octets (RFC 9162, section 2.1.1), so that whoever
/// receives the export can compute the root and compare it with a checkpoint.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// Begin with the event of this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    from: u64,
    /// Only events at or after this time, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<UnixTime>,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let store = Configuration::read(&arguments.config)?.existing_pledges()?;
    let mut out = io::BufWriter::new(crate::cli::out());
    let mut next = arguments.from;
    loop {
        let events = store.events(next, AT_ONCE).await?;
        if events.is_empty() || out.get_ref().is_gone() {
            return Ok(out.flush()?);
        }
        for octets in events {
            let damaged = || format!("event {next} cannot be read; `brski-registrar audit verify` tells more");
            let event: Event = serde_json::from_slice(&octets).with_context(damaged)?;
            anyhow::ensure!(!octets.contains(&b'\n'), damaged());
            if arguments.since.is_none_or(|since| event.at >= since) {
                write!(out, "{{\"number\":{next},\"leaf-hash\":\"{}\",\"event\":", leaf_hash(&octets))?;
                out.write_all(&octets)?;
                out.write_all(b"}\n")?;
            }
            next += 1;
        }
    }
}

fn time(text: &str) -> Result<UnixTime, DecodeError> {
    from_rfc3339("--since", text)
}

/// How many are read at once.
const AT_ONCE: u32 = 500;

const EXAMPLES: &str = "\
Examples:
  brski-registrar audit export > trail.jsonl
  brski-registrar audit export --since 2026-08-01T00:00:00Z | jq 'select(.event.what.event == \"refused\")'";
