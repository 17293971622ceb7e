//! The program as its users meet it: processes, files, exit codes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod configuration;
mod init;
mod inspect;
mod serve;
#[allow(dead_code, reason = "only the tests of the other binary use all of it")]
#[path = "../../../masa/tests/command_line/support.rs"]
mod support;
mod trust;

use std::path::Path;

use support::{Finished, Folder};

const REGISTRAR: &str = env!("CARGO_BIN_EXE_brski-registrar");

/// A folder in which `init` has made a network owner, in the subfolder `registrar`.
fn owner() -> Folder {
    let folder = Folder::new();
    registrar(&folder, &["init"]).ok();
    folder
}

fn registrar(folder: &Folder, arguments: &[&str]) -> Finished {
    folder.run(REGISTRAR, arguments)
}

#[test]
fn help_is_what_it_was() {
    let pinned = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command_line/help");
    support::compare_help(REGISTRAR, &pinned, &["", "init", "serve", "inspect", "trust", "trust add", "trust list", "config", "config check"]);
}

#[test]
fn version_is_the_crate_s() {
    assert_eq!(registrar(&Folder::new(), &["--version"]).ok(), concat!("brski-registrar ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn wrong_command_line_ends_with_status_2() {
    assert_eq!(registrar(&Folder::new(), &["enroll"]).code, Some(2));
}
