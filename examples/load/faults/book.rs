//! What clients were given, and whether the servers know of it.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use brski_common::serve::onboard::Step;
use brski_masa::{Entry, Ledger as _, SqliteLedger};
use serde::Serialize;
use serde_json::Value;
use tokio::process::Command;

use crate::servers::program;
use crate::world::{LOG, Run};

/// Everything that was acknowledged since the beginning of the run.
#[derive(Default)]
pub(super) struct Book(Mutex<Given>);

#[derive(Clone, Default)]
struct Given {
    /// Serial number and nonce of each voucher that a pledge has verified.
    vouchers: Vec<(String, Vec<u8>)>,
    /// SHA-256 of each LDevID that a pledge has verified, in hex.
    ldevids: Vec<String>,
}

/// What became of it.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Found {
    pub(crate) vouchers: usize,
    pub(crate) ldevids: usize,
    /// Vouchers without an entry in the MASA's ledger.
    pub(crate) missing_vouchers: usize,
    /// Vouchers of pledges that are not admitted by the registrar's trail.
    pub(crate) missing_admissions: usize,
    /// LDevIDs without an entry in the registrar's trail.
    pub(crate) missing_ldevids: usize,
    /// What the programs said that do not hold their own log for whole.
    pub(crate) damage: Vec<String>,
}

impl Found {
    /// Whether nothing is lost.
    pub(crate) fn is_whole(&self) -> bool {
        (self.missing_vouchers, self.missing_admissions, self.missing_ldevids) == (0, 0, 0) && self.damage.is_empty()
    }
}

impl Book {
    /// Writes down what a pledge was given, once it has verified it.
    pub(super) fn note(&self, step: &Step) {
        match step {
            Step::VoucherAccepted { voucher } => {
                let nonce = voucher.get().nonce.as_ref().map(|nonce| nonce.octets()).unwrap_or_default();
                self.given().vouchers.push((voucher.get().serial_number.to_string(), nonce));
            }
            Step::Enrolled { chain } => self.given().ldevids.extend(chain.first().map(|ldevid| ldevid.fingerprint())),
            _ => {}
        }
    }

    /// Looks for all of it, in the servers' files while they run.
    pub(super) async fn look_up(&self, run: &Run) -> Result<Found> {
        let given = self.given().clone();
        let (masa, registrar) = (run.folder.join("masa/masa.toml"), run.folder.join("registrar/registrar.toml"));
        let mut damage = Vec::new();
        for (name, words, configuration) in [("brski-masa", ["log", "verify"], &masa), ("brski-registrar", ["audit", "verify"], &registrar)] {
            damage.extend(ask(name, words, configuration).await?.err());
        }
        let vouched = vouched(&run.folder.join("masa/ledger.sqlite")).await?;
        let trail = ask("brski-registrar", ["audit", "export"], &registrar).await?.map_err(anyhow::Error::msg)?;
        let (mut admitted, mut issued) = (HashSet::new(), HashSet::new());
        for line in trail.lines() {
            let line: Value = serde_json::from_str(line).context("a line of the audit trail")?;
            let text = |pointer| line.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
            match text("/event/what/event").as_deref() {
                Some("admitted") => admitted.extend(text("/event/pledge/serial")),
                Some("issued") => issued.extend(text("/event/what/certificate/sha256")),
                _ => {}
            }
        }
        let Given { vouchers, ldevids } = given;
        Ok(Found {
            missing_vouchers: vouchers.iter().filter(|voucher| !vouched.contains(*voucher)).count(),
            missing_admissions: vouchers.iter().filter(|(serial, _)| !admitted.contains(serial)).count(),
            missing_ldevids: ldevids.iter().filter(|ldevid| !issued.contains(*ldevid)).count(),
            vouchers: vouchers.len(),
            ldevids: ldevids.len(),
            damage,
        })
    }

    fn given(&self) -> MutexGuard<'_, Given> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serial numbers and nonces of all vouchers in the ledger.
async fn vouched(ledger: &Path) -> Result<HashSet<(String, Vec<u8>)>> {
    let ledger = SqliteLedger::open(ledger, LOG)?;
    let (mut found, mut from) = (HashSet::new(), 0);
    loop {
        let page = ledger.entries(from, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(found) };
        from = last + 1;
        found.extend(page.into_iter().filter_map(|(_, entry)| match entry {
            Entry::Vouched(vouched) => Some((vouched.device.serial.to_string(), vouched.nonce.map(|nonce| nonce.octets()).unwrap_or_default())),
            _ => None,
        }));
    }
}

/// What a program says, or how it complains.
async fn ask(name: &str, words: [&str; 2], configuration: &Path) -> Result<Result<String, String>> {
    let output = Command::new(program(name)?).args(words).arg("--config").arg(configuration).output().await.with_context(|| format!("{name} cannot be run"))?;
    Ok(match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).with_context(|| format!("what {name} says"))?),
        false => Err(format!("{name} {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim_end())),
    })
}

const PAGE: usize = 4096;
