//! The program as its users meet it: processes, files, exit codes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admin;
mod audit;
mod backup;
mod backup_keys;
mod block;
mod client;
mod cloud;
mod configuration;
mod delivered;
mod https;
mod init;
mod inspect;
mod limits;
#[allow(clippy::print_stdout, reason = "a skipped test says so")]
mod line_agent;
mod lines;
mod log;
mod manufacture;
mod migrate;
mod mistakes;
mod owner;
mod pipe;
#[allow(clippy::print_stdout, reason = "a skipped test says so")]
mod pkcs11;
mod profile;
mod proofs;
mod proxy;
mod record;
mod reload;
mod revocation;
mod sales;
mod serve;
mod softhsm;
mod spool;
mod support;
mod systemd;
mod token;
mod units;

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
            "profile",
            "token",
            "record",
            "report",
            "issue-idevid",
            "attest",
            "line-agent",
            "line-agent pkcs11",
            "line-agent pkcs11 request",
            "line-agent pkcs11 report",
            "inspect",
            "block",
            "unblock",
            "mark",
            "audit",
            "affected",
            "statement",
            "audit-log",
            "sell",
            "release",
            "device",
            "vouchers",
            "bundle",
            "config",
            "config check",
            "log",
            "log verify",
            "log checkpoint",
            "log prove",
            "log consistency",
            "backup",
            "restore",
            "spool",
            "spool add",
            "spool status",
            "spool forward",
            "migrate",
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
