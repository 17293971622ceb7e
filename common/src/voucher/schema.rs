//! Names and SIDs of the containers and their leaves: RFC 8366bis, sections 8.5 and 9.3, and our own YANG module.
//!
//! Every table lists deltas to the container's own SID, which is how CBOR writes them (RFC 9254, section 3.2).

use super::{EXTENSION_NAME, EXTENSION_SID};

/// A YANG container: what it is called, and the leaves that we know in it.
#[derive(Debug)]
pub(super) struct Container {
    /// What errors call the artefact.
    pub(super) artefact: &'static str,
    /// Its name in JSON, and in CBOR where names stand for SIDs.
    pub(super) name: &'static str,
    /// Its SID.
    pub(super) sid: u64,
    /// Name and delta of each leaf.
    pub(super) leaves: &'static [(&'static str, u64)],
}

impl Container {
    /// The leaf with this name, or with an older name of it.
    pub(super) fn leaf_named(&self, name: &str) -> Option<&'static str> {
        let name = FORMER_NAMES.iter().find(|(former, _)| *former == name).map_or(name, |(_, present)| present);
        self.leaves.iter().map(|(leaf, _)| *leaf).find(|leaf| *leaf == name)
    }

    /// The leaf with this absolute SID.
    pub(super) fn leaf_numbered(&self, sid: u64) -> Option<&'static str> {
        let delta = sid.checked_sub(self.sid)?;
        self.leaves.iter().find(|(_, known)| *known == delta).map(|(leaf, _)| *leaf)
    }

    /// The leaf's SID less that of the container.
    pub(super) fn delta_of(&self, leaf: &str) -> Option<u64> {
        self.leaves.iter().find(|(known, _)| *known == leaf).map(|(_, delta)| *delta)
    }
}

/// RFC 8366bis, section 8.5.
pub(super) const VOUCHER: Container = Container {
    artefact: "voucher",
    name: "ietf-voucher:voucher",
    sid: VOUCHER_SID,
    leaves: &[
        ("assertion", 1),
        ("created-on", 2),
        ("domain-cert-revocation-checks", 3),
        ("expires-on", 4),
        ("idevid-issuer", 5),
        ("last-renewal-date", 6),
        ("nonce", 7),
        ("pinned-domain-cert", 8),
        ("pinned-domain-pubk", 9),
        ("pinned-domain-pubk-sha256", 10),
        ("serial-number", 11),
        ("additional-configuration-url", 12),
        ("est-domain", 13),
        ("manufacturer-proprietary", 14),
        ("extensions", 15),
        (EXTENSION_CONTENT, EXTENSION_SID - VOUCHER_SID),
    ],
};

/// RFC 8366bis, section 9.3. Not the voucher's numbers: the last leaves change places, and the raw keys come late.
pub(super) const REQUEST: Container = Container {
    artefact: "voucher-request",
    name: "ietf-voucher-request:voucher",
    sid: REQUEST_SID,
    leaves: &[
        ("assertion", 1),
        ("created-on", 2),
        ("domain-cert-revocation-checks", 3),
        ("expires-on", 4),
        ("idevid-issuer", 5),
        ("last-renewal-date", 6),
        ("nonce", 7),
        ("pinned-domain-cert", 8),
        ("prior-signed-voucher-request", 9),
        ("proximity-registrar-cert", 10),
        ("proximity-registrar-pubk-sha256", 11),
        ("proximity-registrar-pubk", 12),
        ("serial-number", 13),
        ("agent-provided-proximity-registrar-cert", 14),
        ("agent-sign-cert", 15),
        ("agent-signed-data", 16),
        ("pinned-domain-pubk", 17),
        ("pinned-domain-pubk-sha256", 18),
        ("additional-configuration-url", 19),
        ("est-domain", 20),
        ("extensions", 21),
        ("manufacturer-proprietary", 22),
        (EXTENSION_CONTENT, EXTENSION_SID - REQUEST_SID),
    ],
};

/// Name and SID of the root of a voucher or, if `in_request`, a voucher-request.
pub(crate) const fn root(in_request: bool) -> (&'static str, u64) {
    match in_request {
        true => (REQUEST.name, REQUEST.sid),
        false => (VOUCHER.name, VOUCHER.sid),
    }
}

/// The module brski-key-provenance, whose files stand in `common/yang`.
pub(super) const PROVENANCE: Container = Container {
    artefact: "extension brski-key-provenance",
    name: EXTENSION_CONTENT,
    sid: EXTENSION_SID,
    leaves: &[
        ("request", 1),
        ("statement", 2),
        ("statement-type", 3),
        ("statement-hash", 4),
        ("statement-uri", 5),
        ("method", 6),
        ("transfer", 7),
        ("source", 8),
        ("protection", 9),
        ("evidence", 10),
    ],
};

/// The member of a voucher or request that holds our extension's content (RFC 8366bis, section 8.6).
pub(super) const EXTENSION_CONTENT: &str = "extension:brski-key-provenance";

/// The root of requests in early BRSKI-PRM.
pub(crate) const PRM_ROOT: &str = "ietf-voucher-request-prm:voucher";

const VOUCHER_SID: u64 = 2451;
const REQUEST_SID: u64 = 2501;

// Older drafts' name, which the prose of RFC 8366bis, section 8.7 still has.
const FORMER_NAMES: [(&str, &str); 1] = [("manufacturer-private", "manufacturer-proprietary")];

// The content is named after its extension.
const _: () = assert!(EXTENSION_CONTENT.len() == "extension:".len() + EXTENSION_NAME.len());

#[cfg(test)]
mod tests;
