//! What must hold whatever happens to the process and to its disk: what was acknowledged is there, the log verifies, work goes on.
//!
//! Run in short with all tests. `tests/faults/run` runs it at length, in release, and prints figures.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bits;
mod kill_record;
mod kill_serve;
mod long_line;
mod random;
mod room;

#[allow(dead_code, reason = "shared with the tests of command lines")]
#[path = "../command_line/support.rs"]
mod support;
mod world;

/// How many kills each of the two tests that kill makes.
fn kills() -> usize {
    std::env::var("FAULTS_KILLS").ok().map_or(5, |kills| kills.parse::<usize>().expect("FAULTS_KILLS is a number").div_ceil(2))
}
