//! The program as its users meet it: processes, files, exit codes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod block;
mod configuration;
mod init;
mod inspect;
mod log;
mod manufacture;
mod serve;
mod support;

use std::path::Path;

use support::{Finished, Folder};

const MASA: &str = env!("CARGO_BIN_EXE_brski-masa");

/// A folder in which `init` has made a manufacturer, in the subfolder `masa`.
fn manufacturer() -> Folder {
    let folder = Folder::new();
    masa(&folder, &["init"]).ok();
    folder
}

fn masa(folder: &Folder, arguments: &[&str]) -> Finished {
    folder.run(MASA, arguments)
}

#[test]
fn help_is_what_it_was() {
    let pinned = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command_line/help");
    support::compare_help(
        MASA,
        &pinned,
        &[
            "",
            "init",
            "serve",
            "record",
            "report",
            "issue-idevid",
            "inspect",
            "block",
            "unblock",
            "config",
            "config check",
            "log",
            "log verify",
            "log checkpoint",
            "log prove",
            "log consistency",
        ],
    );
}

#[test]
fn version_is_the_crate_s() {
    assert_eq!(masa(&Folder::new(), &["--version"]).ok(), concat!("brski-masa ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn wrong_command_line_ends_with_status_2() {
    assert_eq!(masa(&Folder::new(), &["vouch"]).code, Some(2));
}
