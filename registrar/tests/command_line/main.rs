//! The program as its users meet it: processes, files, exit codes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admin;
mod appraise;
mod audit;
mod backup;
mod ca;
#[path = "../../../masa/tests/command_line/client.rs"]
mod client;
mod configuration;
mod evidence;
mod init;
mod inspect;
mod limits;
mod masas;
mod pipe;
mod pledges;
mod policy;
mod reload;
mod revoke;
mod serve;
#[allow(dead_code, reason = "only the tests of the other binary use all of it")]
#[path = "../../../masa/tests/command_line/support.rs"]
mod support;
mod systemd;
mod token;
mod trust;
mod trust_certificates;
#[path = "../../../masa/tests/command_line/units.rs"]
mod units;
mod worker;

use std::path::Path;

use brski_common::time::at;
use brski_common::{SerialNumber, SpkiDigest, UnixTime};
use brski_registrar::approval::HeldBy;
use brski_registrar::trail::{Event, Subject, What};
use brski_registrar::{PledgeStore as _, SqlitePledges};
use support::{Finished, Folder};

const REGISTRAR: &str = env!("CARGO_BIN_EXE_brski-registrar");

/// A folder in which `init` has made a network owner, in the subfolder `registrar`.
fn owner() -> Folder {
    let folder = Folder::new();
    registrar(&folder, &["init"]).ok();
    folder
}

/// A network owner whose trail has these events, as a server would have written them.
fn with_events(events: impl IntoIterator<Item = Event>) -> Folder {
    let folder = owner();
    append(&folder, events);
    folder
}

fn append(folder: &Folder, events: impl IntoIterator<Item = Event>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = SqlitePledges::open(folder.path("registrar/pledges.sqlite")).unwrap();
    events.into_iter().for_each(|event| runtime.block_on(store.note(event)).unwrap());
}

/// That a pledge with this serial number is held, since so many seconds.
fn held(serial: &str, octet: u8, manufacturer: &str, ago: u64) -> Event {
    let key = SpkiDigest([octet; 32]);
    let held = HeldBy { pledge: key, rule: "ask-about-carrots".to_owned(), record: None, policy: None, findings: None };
    let sentence = "rule 'ask-about-carrots' holds carrot for a person to decide".to_owned();
    let what = What::Held { request: SpkiDigest([9; 32]), held: Some(held), sentence, decision: None };
    let pledge = Subject { key, serial: SerialNumber::new(serial).unwrap(), manufacturer: manufacturer.to_owned() };
    Event { at: at(UnixTime::now().as_secs() - ago), pledge: Some(pledge), what }
}

fn strangers(count: u64) -> Event {
    Event { at: UnixTime::now(), pledge: None, what: What::Strangers { sentence: "no accepted manufacturer made it".to_owned(), count } }
}

fn registrar(folder: &Folder, arguments: &[&str]) -> Finished {
    folder.run(REGISTRAR, arguments)
}

#[test]
fn help_is_what_it_was() {
    let pinned = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command_line/help");
    support::compare_help(
        REGISTRAR,
        &pinned,
        &[
            "",
            "init",
            "serve",
            "token",
            "appraise",
            "inspect",
            "trust",
            "trust add",
            "trust list",
            "ca",
            "ca list",
            "ca request",
            "ca sign-request",
            "ca issue-registrar",
            "ca fetch",
            "revoke",
            "recheck",
            "trust update",
            "trust show",
            "trust remove",
            "trust pending",
            "config",
            "config check",
            "pledges",
            "pledges list",
            "pledges show",
            "pledges approve",
            "pledges refuse",
            "audit",
            "audit verify",
            "audit export",
            "audit checkpoint",
            "backup",
            "restore",
            "masa-worker",
            "policy",
            "policy check",
            "policy test",
            "policy replay",
        ],
    );
}

#[test]
fn version_is_the_crate_s() {
    assert_eq!(registrar(&Folder::new(), &["--version"]).ok(), concat!("brski-registrar ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn wrong_command_line_ends_with_status_2() {
    assert_eq!(registrar(&Folder::new(), &["enroll"]).code, Some(2));
}
