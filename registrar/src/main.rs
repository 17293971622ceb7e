//! `brski-registrar`: the registrar as a program of its own.

mod cli;
mod config;

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    brski_common::cli::end(cli::run(cli::Arguments::parse()).await)
}
