//! `spool forward`: what is in the spool goes to where it is recorded.

use core::ops::ControlFlow;
use std::io::{Cursor, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use brski_masa::import::Import;
use brski_masa::{Masa, Want};
use clap::{ArgGroup, Args};
use serde::Serialize;
use serde_json::Value;

use super::Place;
use super::file::{self, Spool};
use super::pieces::Piece;
use super::server::{Sent, Server};
use crate::cli::Output;
use crate::cli::errors::{Errors, ErrorsFile, RefusedRow};
use crate::cli::progress::Progress;
use crate::config::Configuration;

/// Forward what is in the spool to a MASA's admin API, or into a ledger on this machine
///
/// It goes on where the last piece was acknowledged; a piece of which the acknowledgement got lost is sent again, which changes nothing. Rows that the MASA refuses go to a
/// file of errors with file, line and cause, and the rest goes on; the exit status is 1 then. Where the MASA cannot be reached, or has trouble of its own such as a full
/// disk, nothing is taken for done and the exit status is 1: run it again later.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, group = ArgGroup::new("to").required(true).args(["url", "config"]))]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// The admin listener of a MASA, such as https://masa.example.com:9444
    #[arg(long, requires_all = ["token_file", "anchor"])]
    url: Option<String>,
    /// File with the bearer token of a station or an operator
    #[arg(long, value_name = "FILE", requires = "url")]
    token_file: Option<PathBuf>,
    /// PEM file with the CA of the admin listener's certificate
    #[arg(long, value_name = "FILE", requires = "url")]
    anchor: Option<PathBuf>,
    /// Configuration file of a MASA on this machine
    #[arg(long)]
    config: Option<PathBuf>,
    #[command(flatten)]
    errors: ErrorsFile,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// What became of the spool.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Forwarded {
    pieces: u64,
    recorded: u64,
    repeated: u64,
    refused: u64,
}

/// Where it goes.
enum Target {
    Server(Box<Server>),
    Ledger(Arc<Masa>),
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut target = match (&arguments.url, &arguments.token_file, &arguments.anchor, &arguments.config) {
        (Some(url), Some(token), Some(anchor), _) => Target::Server(Box::new(Server::new(url, token, anchor)?)),
        (_, _, _, Some(config)) => Target::Ledger(Arc::new(Configuration::read(config)?.masa()?)),
        _ => anyhow::bail!("either --url with --token-file and --anchor, or --config must be given"),
    };
    let spool = &arguments.place.spool;
    // Two that forward at once would do no harm but work twice.
    let mut reading = Spool::to_read(spool)?;
    let mut errors = arguments.errors.errors()?;
    let mut offset = file::position(spool, reading.id())?.max(reading.begin());
    let (mut done, mut progress) = (Forwarded::default(), Progress::new());
    while let Some((piece, next)) = reading.read_at(offset)? {
        let outcomes = match &mut target {
            Target::Server(server) => server.send(&piece).await?,
            Target::Ledger(masa) => record(Arc::clone(masa), &piece).await?,
        };
        let refused = done.count(outcomes)?;
        // What is refused is told before it is taken for done: a crash in between tells it twice.
        tell(&mut errors, &piece, &refused)?;
        file::set_position(spool, reading.id(), next)?;
        done.pieces += 1;
        offset = next;
        progress.octets("forwarded", offset, reading.octets());
    }
    progress.end();
    if let Some(path) = errors.path() {
        writeln!(crate::cli::err(), "{} rows were refused, see {}", done.refused, path.display())?;
    }
    arguments.output.print(&done)?;
    Ok(if done.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes refused rows down with the file and line that they came from. They survive a crash on `Ok`.
fn tell(errors: &mut Errors, piece: &Piece, refused: &[Value]) -> anyhow::Result<()> {
    for outcome in refused {
        let [line, row] = ["line", "row"].map(|name| outcome.get(name).and_then(Value::as_u64));
        let cause = outcome.get("error").and_then(Value::as_str).unwrap_or(NO_CAUSE);
        let [serial, field] = ["serial", "field"].map(|name| outcome.get(name).and_then(Value::as_str));
        errors.write(&RefusedRow { file: &piece.name, line: line.map(|line| piece.line(line)), row, serial, field, cause })?;
    }
    errors.sync()
}

async fn record(masa: Arc<Masa>, piece: &Piece) -> anyhow::Result<Sent> {
    let content = Cursor::new(piece.content.clone());
    // An import blocks.
    let imported = tokio::task::spawn_blocking(move || {
        let mut outcomes = Vec::new();
        let _to_its_end = Import::new(&masa, Want::Record).run("spool", content, &mut |outcome| {
            outcomes.push(serde_json::to_value(&outcome));
            ControlFlow::Continue(())
        });
        outcomes
    });
    Ok(Sent::Outcomes(imported.await?.into_iter().collect::<Result<_, _>>()?))
}

impl Forwarded {
    /// Counts, and returns what was refused.
    ///
    /// # Errors
    /// Trouble of the MASA's own: the piece is not done.
    fn count(&mut self, sent: Sent) -> anyhow::Result<Vec<Value>> {
        let outcomes = match sent {
            Sent::Outcomes(outcomes) => outcomes,
            Sent::Refused(problem) => vec![serde_json::json!({ "error": problem })],
        };
        let error = |outcome: &Value| outcome.get("error").map(|error| error.as_str().unwrap_or(NO_CAUSE).to_owned());
        if let Some(trouble) = outcomes.iter().find(|outcome| outcome.get("trouble") == Some(&Value::Bool(true))) {
            anyhow::bail!("the MASA has trouble, try again later: {}", error(trouble).unwrap_or_default());
        }
        let refused: Vec<Value> = outcomes.iter().filter(|outcome| error(outcome).is_some()).cloned().collect();
        let repeated = outcomes.iter().filter(|outcome| outcome.get("repeated") == Some(&Value::Bool(true))).count();
        self.refused += refused.len() as u64;
        self.repeated += repeated as u64;
        self.recorded += (outcomes.len() - repeated - refused.len()) as u64;
        Ok(refused)
    }
}

impl core::fmt::Display for Forwarded {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { pieces, recorded, repeated, refused } = self;
        write!(f, "{pieces} pieces forwarded: {recorded} recorded, {repeated} recorded already, {refused} refused")
    }
}

const NO_CAUSE: &str = "no cause was told";

const EXAMPLES: &str = "\
Examples:
  brski-masa spool forward --url https://masa.example.com:9444 --token-file line-7.token --anchor tls-ca.pem
  brski-masa spool forward --config masa/masa.toml";
