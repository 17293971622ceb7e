//! The foreign commands that these tests run.

use std::process::Command;

/// The command of this name. `None`, with a word about it, where it is missing; in CI (environment variable `CI`) that is a failure.
pub(crate) fn tool(name: &'static str) -> Option<Command> {
    if Command::new(name).arg("--version").output().is_ok() {
        return Some(Command::new(name));
    }
    assert!(std::env::var_os("CI").is_none(), "{name} is not installed");
    println!("skipped: {name} is not installed");
    None
}
