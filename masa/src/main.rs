//! `brski-masa`: the MASA as a program of its own.

mod cli;
mod config;

use std::process::ExitCode;

use clap::Parser as _;
use tikv_jemallocator::Jemalloc;

// Rows of an import are made in one thread and dropped in another, which glibc's allocator makes costly.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    brski_common::cli::end(cli::run(cli::Arguments::parse()).await)
}
