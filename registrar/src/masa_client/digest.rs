//! Lists of octets as one SHA-256.

use brski_common::Anchors;
use brski_common::sign::Hash;

/// Over these parts, in this order.
pub(super) fn identified(parts: &[&[u8]]) -> [u8; 32] {
    // Lengths first, so that no two lists of parts are the same octets.
    let octets: Vec<u8> = parts.iter().flat_map(|part| (part.len() as u64).to_be_bytes().into_iter().chain(part.iter().copied())).collect();
    Hash::Sha256.of(&octets).try_into().unwrap_or([0; 32])
}

/// Of the anchors alone: a certificate policy is not looked at in servers' certificates, but would make other anchors of them nevertheless.
pub(super) fn of_anchors(anchors: &Anchors) -> [u8; 32] {
    let policy = anchors.policy().map(ToString::to_string).unwrap_or_default();
    let ders = anchors.certificates().iter().map(brski_common::Certificate::der);
    identified(&core::iter::once(policy.as_bytes()).chain(ders).collect::<Vec<_>>())
}
