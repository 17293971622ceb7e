//! COSE receipts (RFC 9942): what a log says of an entry or of its own growth.

use super::envelope::Cose;
use super::signatures::EXHAUSTED;
use super::{Check, Context, Finding, Inspection, Kind, Older, SignatureFound};
use crate::codec::hex;
use crate::log::{Consistency, Hash, Inclusion, Proof, Receipt, VerifierKey};
use crate::sign::PublicKey;

/// One receipt, which is this message, as it stands there; `leaf` is the hash of its entry, if it came with what names that.
pub(super) fn inspect(message: &Cose, octets: &[u8], leaf: Option<&Hash>, context: &Context<'_>) -> Inspection {
    let receipt = match Receipt::from_wire(octets) {
        Ok(receipt) => receipt,
        Err(err) => return unreadable(message, Finding::of_decoder("RFC 9942, section 5", &err)),
    };
    let mut inspection = match receipt.proof() {
        Proof::Inclusion(proof) => inclusion(proof, receipt.root()),
        Proof::Consistency(proof) => consistency(proof),
    };
    inspection.encodings.push("COSE");
    inspection.leaf_if("key-id", receipt.key_id().map(hex));
    inspection.leaf_if("root", receipt.root().map(|root| hex(root.as_bytes())));
    let check = match (receipt.proof(), leaf) {
        _ if !context.may_verify(1) => unchecked(EXHAUSTED),
        (Proof::Inclusion(_), Some(leaf)) => check_inclusion(&receipt, leaf, context),
        (Proof::Inclusion(proof), None) => check_alone(&receipt, proof, context, &mut inspection),
        (Proof::Consistency(proof), _) => check_consistency(&receipt, proof, context),
    };
    inspection.signatures.push(SignatureFound { by: "the log".to_owned(), algorithm: Some(receipt.algorithm().jose_name().to_owned()), check });
    inspection
}

/// What the decoder refuses. Receipts of consistency have the root attached, the others have not.
fn unreadable(message: &Cose, finding: Finding) -> Inspection {
    let mut inspection = Inspection::new(if message.payload.is_some() { Kind::ReceiptOfConsistency } else { Kind::ReceiptOfInclusion });
    inspection.encodings.push("COSE");
    inspection.deviations.push(finding);
    let check = unchecked("the receipt cannot be read");
    inspection.signatures.push(SignatureFound { by: "the log".to_owned(), algorithm: None, check });
    inspection
}

fn inclusion(proof: &Inclusion, root: Option<&Hash>) -> Inspection {
    let mut inspection = Inspection::new(Kind::ReceiptOfInclusion);
    inspection.leaf("tree-size", proof.tree_size);
    inspection.leaf("leaf-index", proof.leaf_index);
    inspection.leaf("path", hashes(&proof.path));
    inspection.note("tree-size and leaf-index are as the sender says: the log signs the root alone (RFC 9942, section 5.2)");
    if proof.leaf_index >= proof.tree_size {
        inspection.deviates("RFC 9162, section 2.1.3", "the leaf's index lies beyond the tree");
    }
    if root.is_some() {
        inspection.deviates("RFC 9942, section 5.2", "the root is attached, but must be computed from the entry");
    }
    inspection
}

fn consistency(proof: &Consistency) -> Inspection {
    let mut inspection = Inspection::new(Kind::ReceiptOfConsistency);
    inspection.leaf("tree-size-1", proof.old_size);
    inspection.leaf("tree-size-2", proof.new_size);
    inspection.leaf("path", hashes(&proof.path));
    inspection.note("tree-size-1 and tree-size-2 are as the sender says: the log signs the newer root alone (RFC 9942, section 5.3)");
    if proof.old_size > proof.new_size {
        inspection.deviates("RFC 9162, section 2.1.4", "the older tree is larger than the newer one");
    }
    inspection
}

/// The same of a receipt that came without its entry, which must be one of those that are named otherwise. If there is a checkpoint of as many entries, it must be of that tree.
fn check_alone(receipt: &Receipt, proof: &Inclusion, context: &Context<'_>, inspection: &mut Inspection) -> Check {
    let mut check =
        unchecked("the root it signs must be computed from the entry, which is not in the receipt: give the entry's hash, or the statement of it alongside");
    for leaf in &context.options.leaves {
        check = match context.may_verify(1) {
            true => check_inclusion(receipt, leaf, context),
            false => return unchecked(EXHAUSTED),
        };
        if matches!(check, Check::Anchored { .. }) {
            inspection.leaf("leaf", leaf.to_string());
            let Some(Older { checkpoint, key }) = &context.options.older else { return check };
            return match receipt.verify_inclusion(leaf, key) {
                Ok(found) if proof.tree_size == checkpoint.size && found.root != checkpoint.root => {
                    Check::Wrong { why: format!("its root is not the checkpoint's, although both are said to be of {} entries", checkpoint.size) }
                }
                Ok(_) if proof.tree_size == checkpoint.size => {
                    inspection.note("its tree is that of the checkpoint");
                    check
                }
                Ok(_) => {
                    inspection.note(format!("the checkpoint is of {} entries: that the log continues it, a receipt of consistency shows", checkpoint.size));
                    check
                }
                Err(_) => Check::Untrusted { why: "the key that signed the checkpoint did not make it".to_owned() },
            };
        }
    }
    check
}

/// The entries that statements name here, theirs or those of what is nested.
#[cfg(feature = "cli")]
pub(super) fn leaves_named(inspection: &Inspection) -> Vec<Hash> {
    let record = (inspection.kind == Kind::ProvenanceStatement).then(|| inspection.value("record")).flatten().and_then(serde_json::Value::as_str);
    let own = record.and_then(|record| crate::codec::unhex("record", record).ok()).and_then(|octets| Hash::try_from(octets.as_slice()).ok());
    let nested = inspection.nested.iter().flat_map(|nested| leaves_named(&nested.inspection));
    own.into_iter().chain(nested).collect()
}

/// Whether a log whose key is given has signed the root to which the path leads.
fn check_inclusion(receipt: &Receipt, leaf: &Hash, context: &Context<'_>) -> Check {
    let named = keys(context).any(|key| receipt.key_id() == Some(&key.digest().0));
    match made_by_one_of(context, |key| receipt.verify_inclusion(leaf, key).is_ok()) {
        Check::Untrusted { .. } if named => Check::Wrong { why: "the log whose key it names has not signed a tree in which this record is".to_owned() },
        other => other,
    }
}

/// Whether the log continues the checkpoint that is given. That it signed the newer root says nothing of the way there: only from the older root can it be gone.
fn check_consistency(receipt: &Receipt, proof: &Consistency, context: &Context<'_>) -> Check {
    let Some(Older { checkpoint, key }) = &context.options.older else {
        return unchecked("it needs the older checkpoint, which it is said to continue");
    };
    if proof.old_size != checkpoint.size {
        return unchecked(&format!("it needs the older checkpoint that it is said to continue: the one given has size {}", checkpoint.size));
    }
    match receipt.verify_consistency(checkpoint.size, &checkpoint.root, key) {
        Ok(_) => Check::Anchored { anchor: format!("public key {}", key.digest()) },
        Err(_) if receipt.key_id() == Some(&key.digest().0) || receipt.root_is_signed_by(key) => {
            Check::Wrong { why: "its path does not lead from the checkpoint to a root that the log has signed".to_owned() }
        }
        Err(_) => Check::Untrusted { why: "the key that signed the checkpoint did not make it".to_owned() },
    }
}

fn made_by_one_of(context: &Context<'_>, is_made_by: impl Fn(&PublicKey) -> bool) -> Check {
    match keys(context).find(|key| is_made_by(key)) {
        Some(key) => Check::Anchored { anchor: format!("public key {}", key.digest()) },
        None if keys(context).next().is_some() => Check::Untrusted { why: "none of the keys given made it".to_owned() },
        None => unchecked("the log's key is not given; it must be a bare public key"),
    }
}

/// The keys that may be a log's: those that are given bare. A certificate says of its key that it is another's, such as a CA's.
fn keys<'a>(context: &Context<'a>) -> impl Iterator<Item = &'a PublicKey> {
    context.options.keys.iter().chain(context.options.logs.iter().map(VerifierKey::key))
}

fn unchecked(why: &str) -> Check {
    Check::Unchecked { why: why.to_owned() }
}

fn hashes(path: &[Hash]) -> Vec<String> {
    path.iter().map(|hash| hex(hash.as_bytes())).collect()
}
