//! `brski-masa`: the MASA as a program of its own.

mod cli;
mod config;

use std::io::Write as _;
use std::process::ExitCode;

use brski_common::text::{LONGEST_LINE, printable};
use clap::Parser as _;
use tikv_jemallocator::Jemalloc;

// Rows of an import are made in one thread and dropped in another, which glibc's allocator makes costly.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match cli::run(cli::Arguments::parse()).await {
        Ok(code) => code,
        Err(err) => {
            // One line, whatever the libraries below put into it.
            let sentence = format!("{err:#}").lines().map(str::trim).collect::<Vec<_>>().join(" ");
            // Where even this cannot be written there is nobody left to tell.
            let _ = writeln!(std::io::stderr(), "error: {}", printable(&sentence, LONGEST_LINE));
            ExitCode::FAILURE
        }
    }
}
