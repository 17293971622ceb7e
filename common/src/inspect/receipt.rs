//! COSE receipts (RFC 9942): what a log says of an entry or of its own growth.

use ciborium::Value as Cbor;
use coset::CborSerializable as _;

use super::envelope::{Cose, label};
use super::{Check, Context, Inspection, Kind, SignatureFound, layers};
use crate::codec::hex;
use crate::sign::{SignatureAlgorithm, SignatureScheme};

/// One receipt.
pub(super) fn inspect(message: &Cose, context: &Context<'_>) -> Inspection {
    let vdp = message.unprotected(label::VDP);
    let consistency = proofs(vdp, CONSISTENCY);
    let kind = if consistency.is_empty() { Kind::ReceiptOfInclusion } else { Kind::ReceiptOfConsistency };
    let mut inspection = Inspection::new(kind);
    inspection.encodings.push("COSE");
    inspection.deviations = message.findings();
    match message.protected(label::VDS).and_then(Cbor::as_integer).map(i128::from) {
        Some(1) => inspection.leaf("vds", "RFC9162_SHA256 (1)"),
        other => {
            inspection.leaf("vds", other.map_or_else(|| "no number".to_owned(), |number| number.to_string()));
            inspection.deviates("RFC 9942, section 4", "the verifiable data structure is not RFC9162_SHA256 (1)");
        }
    }
    let proofs = if kind == Kind::ReceiptOfConsistency { consistency } else { proofs(vdp, INCLUSION) };
    if proofs.is_empty() {
        inspection.deviates("RFC 9942, section 4", "the unprotected header holds no proof (396)");
    }
    for proof in proofs.iter().take(16) {
        show_proof(&mut inspection, kind, proof);
    }
    inspection.leaf_if("root", message.payload.as_deref().map(hex));
    if kind == Kind::ReceiptOfInclusion && message.payload.is_some() {
        inspection.deviates("RFC 9942, section 5.2", "the root is attached, but must be computed from the entry");
    }
    inspection.signatures.push(signature(message, kind, context));
    inspection
}

fn show_proof(inspection: &mut Inspection, kind: Kind, octets: &[u8]) {
    let parsed = layers::cbor(octets);
    let parts = parsed.as_ref().and_then(Cbor::as_array).map(Vec::as_slice);
    let number = |value: &Cbor| value.as_integer().and_then(|number| u64::try_from(number).ok());
    let Some([first, second, Cbor::Array(path)]) = parts else {
        inspection.deviates("RFC 9942, section 5", "a proof is not an array of two numbers and a path");
        return;
    };
    let names = if kind == Kind::ReceiptOfConsistency { ["tree-size-1", "tree-size-2"] } else { ["tree-size", "leaf-index"] };
    let (Some(first), Some(second)) = (number(first), number(second)) else {
        inspection.deviates("RFC 9942, section 5", "a proof's sizes and index are not numbers");
        return;
    };
    inspection.leaf(names[0], first);
    inspection.leaf(names[1], second);
    let hashes: Vec<String> = path.iter().filter_map(Cbor::as_bytes).map(|hash| hex(hash)).collect();
    if hashes.len() != path.len() || hashes.is_empty() || hashes.iter().any(|hash| hash.len() != 64) {
        inspection.deviates("RFC 9942, section 5", "the path must have at least one hash, each of 32 octets");
    }
    inspection.leaf("path", hashes);
    match kind {
        Kind::ReceiptOfConsistency if first > second => inspection.deviates("RFC 9162, section 2.1.4", "the older tree is larger than the newer one"),
        Kind::ReceiptOfInclusion if second >= first => inspection.deviates("RFC 9162, section 2.1.3", "the leaf's index lies beyond the tree"),
        _ => (),
    }
}

/// A receipt of consistency carries what is signed; one of inclusion needs the entry.
fn signature(message: &Cose, kind: Kind, context: &Context<'_>) -> SignatureFound {
    let algorithm = message.algorithm();
    let by = "the log".to_owned();
    let Some(root) = message.payload.as_ref().filter(|_| kind == Kind::ReceiptOfConsistency) else {
        let why = "the root it signs must be computed from the entry, which is not in the receipt".to_owned();
        return SignatureFound { by, algorithm, check: Check::Unchecked { why } };
    };
    let scheme = algorithm.as_deref().and_then(SignatureAlgorithm::from_jose).map(SignatureScheme::Fixed);
    let structure = Cbor::Array(vec!["Signature1".into(), message.protected_octets.clone().into(), Vec::<u8>::new().into(), root.clone().into()]);
    let octets = structure.to_vec().unwrap_or_default();
    let anchors = context.options.anchors.certificates().iter().map(crate::Certificate::public_key);
    let made_by =
        anchors.chain(context.options.keys.iter().cloned()).find(|key| scheme.is_some_and(|scheme| key.verifies(scheme, &octets, &message.signature)));
    let check = match made_by {
        Some(key) => Check::Anchored { anchor: format!("public key {}", key.digest()) },
        None if context.options.verifies() => Check::Untrusted { why: "none of the keys given made it".to_owned() },
        None => Check::Unchecked { why: "the log's key is not given".to_owned() },
    };
    SignatureFound { by, algorithm, check }
}

fn proofs(vdp: Option<&Cbor>, kind: i128) -> Vec<Vec<u8>> {
    let entries = vdp.and_then(Cbor::as_map).map(Vec::as_slice).unwrap_or_default();
    let of_kind = entries.iter().find(|(key, _)| key.as_integer().is_some_and(|key| i128::from(key) == kind));
    of_kind.and_then(|(_, value)| value.as_array()).into_iter().flatten().filter_map(Cbor::as_bytes).cloned().collect()
}

const INCLUSION: i128 = -1;
const CONSISTENCY: i128 = -2;
