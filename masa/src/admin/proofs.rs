//! Receipts from the log, as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::log::{Hash, Proof, Receipt};
use brski_common::{DeviceId, SerialNumber};
use serde::Serialize;

use super::refusal::NotDone;
use crate::ledger::TreeHead;
use crate::masa::Masa;

/// What a receipt says, and the receipt itself (RFC 9942) in base64.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Told {
    #[serde(flatten)]
    from: From,
    tree_size: u64,
    path: Vec<String>,
    receipt: String,
}

#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "kebab-case")]
enum From {
    Entry { serial: SerialNumber, leaf_index: u64, leaf: String },
    Tree { old_size: u64, old_root: String },
}

/// That a device's newest record is in the log.
pub(super) async fn inclusion(masa: &Masa, device: &DeviceId) -> Result<Told, NotDone> {
    let (leaf, receipt) = masa.receipt(device).await?.ok_or_else(|| NotDone::NoRecord(device.serial.clone()))?;
    let index = match receipt.proof() {
        Proof::Inclusion(proof) => proof.leaf_index,
        _ => return Err(NotDone::NoSuchResource),
    };
    Ok(Told::new(From::Entry { serial: device.serial.clone(), leaf_index: index, leaf: leaf.to_string() }, &receipt))
}

/// That the log continues an earlier state.
pub(super) async fn consistency(masa: &Masa, old: &TreeHead) -> Result<Told, NotDone> {
    let receipt = masa.consistency(old).await?.ok_or(NotDone::SameLog)?;
    Ok(Told::new(From::Tree { old_size: old.size, old_root: old.root.to_string() }, &receipt))
}

impl Told {
    fn new(from: From, receipt: &Receipt) -> Self {
        let (tree_size, path) = match receipt.proof() {
            Proof::Inclusion(proof) => (proof.tree_size, proof.path.as_slice()),
            Proof::Consistency(proof) => (proof.new_size, proof.path.as_slice()),
            _ => (0, &[][..]),
        };
        Self { from, tree_size, path: path.iter().map(Hash::to_string).collect(), receipt: STANDARD.encode(receipt.wire()) }
    }
}
