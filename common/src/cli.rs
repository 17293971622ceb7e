//! What the command lines of both programs share: for whom results are written, how a program ends, and where `restore` puts files,
//! and `token`; `inspect` is [beside what it shows](crate::inspect::command).

mod pipe;
pub mod place;
pub mod token;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::ValueEnum;

pub use self::pipe::{Pipe, err, out};
use crate::access::Role;
use crate::text::{LONGEST_LINE, printable};

/// In what one program differs from the other where they share a command.
pub trait Program: Clone + core::fmt::Debug + Send + Sync + 'static {
    /// Where `init` puts its configuration.
    const CONFIGURATION: &'static str;
    /// Roles that its admin interface knows.
    const ROLES: &'static [Role];
    /// The last lines of `token --help`.
    const TOKEN_EXAMPLES: &'static str;
    /// The last lines of `inspect --help`.
    const INSPECT_EXAMPLES: &'static str;

    /// Whether this could stand in the configuration at `path`, credentials included.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    fn check_configuration(path: &std::path::Path, text: &str) -> anyhow::Result<()>;
}

/// For whom results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object a line.
    Json,
}

impl Output {
    /// Writes one result to standard output, as text or as one line of JSON.
    ///
    /// # Errors
    /// If standard output cannot be written to; that nobody reads it any more is no error.
    pub fn print(self, result: &(impl core::fmt::Display + serde::Serialize)) -> anyhow::Result<()> {
        let text = match self {
            Self::Text => result.to_string(),
            Self::Json => serde_json::to_string(result)?,
        };
        writeln!(out(), "{text}").context("standard output cannot be written to")
    }
}

/// How a program ends: with the exit status of its command, or with one line on standard error and the status 1.
pub fn end(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        // One line, whatever the libraries below put into it.
        let sentence = format!("{error:#}").lines().map(str::trim).collect::<Vec<_>>().join(" ");
        // Where even this cannot be written there is nobody left to tell.
        let _ = writeln!(err(), "error: {}", printable(&sentence, LONGEST_LINE));
        ExitCode::FAILURE
    })
}
