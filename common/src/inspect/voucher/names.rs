//! What kind of value each leaf has, for showing it.

/// What a leaf holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text, a number or a boolean, shown as it is.
    Plain,
    /// An enumeration's name in JSON, its number in CBOR.
    Assertion,
    /// Octets: base64 in JSON.
    Binary,
    /// A certificate in DER.
    Certificate,
    /// A signed envelope.
    Envelope,
}

/// What the leaf of this name holds.
pub(super) fn kind(name: &str) -> Kind {
    let named = KINDS.iter().find(|(_, names)| names.contains(&name));
    named.map_or(Kind::Plain, |(kind, _)| *kind)
}

const KINDS: [(Kind, &[&str]); 4] = [
    (Kind::Assertion, &["assertion"]),
    (
        Kind::Binary,
        &[
            "idevid-issuer",
            "pinned-domain-pubk",
            "pinned-domain-pubk-sha256",
            "manufacturer-proprietary",
            "manufacturer-private",
            "proximity-registrar-pubk",
            "proximity-registrar-pubk-sha256",
            "agent-signed-data",
            "statement",
            "statement-hash",
            "evidence",
        ],
    ),
    (Kind::Certificate, &["pinned-domain-cert", "proximity-registrar-cert", "agent-provided-proximity-registrar-cert", "agent-sign-cert"]),
    (Kind::Envelope, &["prior-signed-voucher-request"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voucher::{EXTENSION_SID, extension_leaf_numbered, leaf_numbered, root};

    #[test]
    fn every_name_is_one_of_the_schema_or_an_older_one() {
        let of = |in_request: bool| (1..64).filter_map(move |delta| leaf_numbered(in_request, root(in_request).1 + delta));
        let extension = (1..64).filter_map(|delta| extension_leaf_numbered(EXTENSION_SID + delta));
        let known: Vec<&str> = of(false).chain(of(true)).chain(extension).chain(["manufacturer-private"]).collect();
        let strangers: Vec<_> = KINDS.iter().flat_map(|(_, names)| *names).filter(|name| !known.contains(name)).collect();
        assert_eq!(strangers, [&""; 0]);
    }
}
