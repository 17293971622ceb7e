//! `pledges`: where each pledge stands and why, and what persons decide about those that are held.

mod decide;
mod facts;
mod list;
mod next;
mod question;
mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Output;
use crate::config::Configuration;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Arguments),
    Show(show::Arguments),
    Approve(decide::Approve),
    Refuse(decide::Refuse),
}

/// What every one of them needs.
#[derive(Debug, Args)]
struct Common {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "registrar/registrar.toml")]
    config: PathBuf,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

impl Common {
    fn configuration(&self) -> anyhow::Result<Configuration> {
        Configuration::read(&self.config)
    }
}

pub(crate) async fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::List(arguments) => list::run(arguments).await,
        Command::Show(arguments) => show::run(arguments).await,
        Command::Approve(arguments) => decide::approve(arguments).await,
        Command::Refuse(arguments) => decide::refuse(arguments).await,
    }
}
