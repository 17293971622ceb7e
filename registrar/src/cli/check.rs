//! `config check`: reads everything that `serve` would read.

use std::path::PathBuf;

use brski_common::Clock;
use clap::Args;

use super::Output;
use crate::config::Configuration;

/// Read a configuration and every file it names, and tell what was found
///
/// The first mistake is told with its file, its field and what would be right.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let report = Configuration::read(&arguments.config)?.check(Clock::system().now())?;
    arguments.output.print(&report)
}

const EXAMPLES: &str = "\
Example:
  brski-registrar config check --config registrar/registrar.toml";
