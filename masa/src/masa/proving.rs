//! Receipts from the log with what they say, for those who keep or check them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::log::{Hash, Proof, Receipt};
use brski_common::text::{LONGEST_WORDS, printable};
use brski_common::{DeviceId, SerialNumber};
use serde::Serialize;

use super::{Masa, Superseded};
use crate::error::Error;
use crate::ledger::{LedgerError, TreeHead};

/// What a receipt says, once it was verified, and the receipt itself (RFC 9942). JSON has the receipt in base64.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Proved {
    #[serde(flatten)]
    what: What,
    tree_size: u64,
    root: String,
    path: Vec<String>,
    #[serde(rename = "receipt")]
    base64: String,
    #[serde(skip)]
    receipt: Receipt,
}

/// Which entry, or how many the older tree had.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged, rename_all_fields = "kebab-case")]
enum What {
    Record { serial: SerialNumber, leaf_index: u64, leaf: String, supersedes: Vec<Old> },
    Entry { kind: &'static str, device: Option<DeviceId>, leaf_index: u64, leaf: String },
    Tree { old_size: u64, old_root: String },
}

/// A record that this one took the place of.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Old {
    leaf_index: u64,
    seq: u32,
    leaf: String,
    reason: String,
    by: String,
}

impl Masa {
    /// That a device's newest record is in the log as it is now, and every record of it that counts no longer; `None` if nobody wrote down how its key came to be.
    ///
    /// # Errors
    /// As for [`receipt`](Self::receipt); a receipt that does not verify is an error of the ledger.
    pub async fn prove(&self, device: &DeviceId) -> Result<Option<Proved>, Error> {
        let Some((leaf, receipt)) = self.receipt(device).await? else { return Ok(None) };
        let proof = receipt.verify_inclusion(&leaf, self.log_verifier()?.key()).map_err(unproved)?;
        let supersedes = self.superseded(device).await?.into_iter().map(Old::from).collect();
        let what = What::Record { serial: device.serial.clone(), leaf_index: proof.leaf_index, leaf: leaf.to_string(), supersedes };
        Ok(Some(Proved::new(what, proof.tree_size, &proof.root, receipt)))
    }

    /// That the entry `index` is in the log as it is now, whatever it is of; `None` if there is none. Of the genesis there is no receipt: every other one rests on it.
    ///
    /// # Errors
    /// As for [`receipt`](Self::receipt); a receipt that does not verify is an error of the ledger.
    pub async fn prove_entry(&self, index: u64) -> Result<Option<Proved>, Error> {
        let Some((entry, leaf, receipt)) = self.receipt_of_entry(index).await? else { return Ok(None) };
        let proof = receipt.verify_inclusion(&leaf, self.log_verifier()?.key()).map_err(unproved)?;
        let what = What::Entry { kind: entry.kind(), device: entry.device().cloned(), leaf_index: index, leaf: leaf.to_string() };
        Ok(Some(Proved::new(what, proof.tree_size, &proof.root, receipt)))
    }

    /// That the log as it is now continues what it was at `old`; `None` if it is the same.
    ///
    /// # Errors
    /// As for [`consistency`](Self::consistency); a receipt that does not verify is an error of the ledger.
    pub async fn prove_growth(&self, old: &TreeHead) -> Result<Option<Proved>, Error> {
        let Some(receipt) = self.consistency(old).await? else { return Ok(None) };
        let proof = receipt.verify_consistency(old.size, &old.root, self.log_verifier()?.key()).map_err(unproved)?;
        let what = What::Tree { old_size: old.size, old_root: old.root.to_string() };
        Ok(Some(Proved::new(what, proof.tree_size, &proof.root, receipt)))
    }
}

impl Proved {
    fn new(what: What, tree_size: u64, root: &Hash, receipt: Receipt) -> Self {
        let path = match receipt.proof() {
            Proof::Inclusion(proof) => proof.path.as_slice(),
            Proof::Consistency(proof) => proof.path.as_slice(),
            _ => &[],
        };
        let path = path.iter().map(Hash::to_string).collect();
        Self { what, tree_size, root: root.to_string(), path, base64: STANDARD.encode(receipt.wire()), receipt }
    }

    /// The receipt itself.
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }
}

impl From<Superseded> for Old {
    fn from(old: Superseded) -> Self {
        let (leaf, reason) = (old.by.record.to_string(), old.by.reason.to_string());
        Self { leaf_index: old.index, seq: old.seq, leaf, reason, by: old.by.by }
    }
}

impl core::fmt::Display for Proved {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match &self.what {
            What::Record { serial, leaf_index, leaf, supersedes } => {
                write!(f, "the record of {serial} is entry {leaf_index} of {}\nleaf: {leaf}", self.tree_size)?;
                for old in supersedes {
                    let (reason, by) = (printable(&old.reason, LONGEST_WORDS), printable(&old.by, LONGEST_WORDS));
                    write!(f, "\nentry {} no longer counts: {reason} ({by})", old.leaf_index)?;
                }
            }
            What::Entry { kind, device, leaf_index, leaf } => {
                write!(f, "entry {leaf_index} of {} ({kind}", self.tree_size)?;
                device.as_ref().map_or(Ok(()), |device| write!(f, ", {}", device.serial))?;
                write!(f, ") is in the log\nleaf: {leaf}")?;
            }
            What::Tree { old_size, .. } => write!(f, "the log of {} entries continues that of {old_size}", self.tree_size)?,
        }
        write!(f, "\nroot: {}", self.root)
    }
}

fn unproved(err: brski_common::VerifyError) -> LedgerError {
    LedgerError::Tree(format!("a receipt of the log's own does not verify: {err}"))
}
