//! Trouble with bytes, with trust and with keys. A policy's "no" is a [`Refusal`](crate::Refusal), not an error.

use crate::leniency::Deviation;
use crate::log::ProofError;

/// Bytes that are not what they should be. The peer sees 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes do not follow the syntax at all.
    #[error("{what} is not valid {syntax}: {}", shown(.detail))]
    Syntax {
        /// Which artefact or field.
        what: &'static str,
        /// `JSON`, `DER`, `CBOR`, `base64`, `PEM`, ...
        syntax: &'static str,
        /// What the parser said, without the input.
        detail: String,
    },
    /// The artefact holds a value where another kind of value belongs.
    #[error("{field} must be {expected}")]
    InvalidField {
        /// The leaf's or field's own name.
        field: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// A mandatory leaf is absent.
    #[error("{field} is missing from the {artefact}")]
    MissingField {
        /// The leaf's name.
        field: &'static str,
        /// Where it belongs.
        artefact: &'static str,
    },
    /// A member of a JSON object is not what it should be.
    #[error("{} of the {artefact}: {}", shown(.field), shown(.cause))]
    Member {
        /// Which artefact.
        artefact: &'static str,
        /// The member, with those around it, as in `origin.made-at`.
        field: String,
        /// What is wrong, and what would be right.
        cause: String,
    },
    /// A leaf occurs more than once.
    #[error("{} occurs twice in the {artefact}", shown(.field))]
    DuplicateField {
        /// The leaf's name, as the peer wrote it.
        field: String,
        /// Where it was found.
        artefact: &'static str,
    },
    /// The artefact is of another type or version than the one asked for.
    #[error("{what} is {}, expected {expected}", shown(.found))]
    Unexpected {
        /// Which field or artefact.
        what: &'static str,
        /// What it is.
        found: String,
        /// What would be right.
        expected: &'static str,
    },
    /// Larger, deeper or more numerous than the limit.
    #[error("{what} exceeds the limit of {limit}")]
    TooLarge {
        /// What was counted, with its unit.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A departure from the specification that could be tolerated, but is not here.
    #[error("{}", shown(&.0.to_string()))]
    Deviation(Deviation),
}

impl DecodeError {
    /// A syntax error with the parser's own words.
    pub fn syntax(what: &'static str, syntax: &'static str, detail: impl core::fmt::Display) -> Self {
        // Some parsers end their words like a sentence; ours are clauses, and others follow them.
        let detail = detail.to_string().trim_end_matches('.').to_owned();
        Self::Syntax { what, syntax, detail }
    }
}

/// A signature, or the chain behind it, that cannot be trusted. The peer sees 403.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The bytes cannot be parsed in the first place.
    #[error("the {artefact} cannot be decoded")]
    Decode {
        /// Which artefact.
        artefact: &'static str,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
    /// The signature does not match the content and the key.
    #[error("the signature of the {artefact} does not verify with the key of {}", shown(.signer))]
    BadSignature {
        /// Which artefact.
        artefact: &'static str,
        /// Subject or key identifier of the supposed signer.
        signer: String,
    },
    /// The CMS envelope has no SignedAttributes (RFC 8366bis, section 7.1 demands them).
    #[error("the {artefact} has no SignedAttributes, which RFC 8366bis section 7.1 demands")]
    NoSignedAttributes {
        /// Which artefact.
        artefact: &'static str,
    },
    /// The envelope does not tell who signed it, or its signer's certificate is not at hand.
    #[error("the signer of the {artefact} cannot be identified: {}", shown(.detail))]
    UnknownSigner {
        /// Which artefact.
        artefact: &'static str,
        /// What was looked for.
        detail: String,
    },
    /// Signed by another key than the one expected.
    #[error("the {artefact} is signed by {}, expected {}", shown(.found), shown(.expected))]
    WrongSigner {
        /// Which artefact.
        artefact: &'static str,
        /// Who signed it.
        found: String,
        /// Who should have.
        expected: String,
    },
    /// No path leads from the certificate to a configured anchor.
    #[error("the certificate of {subject} does not lead to a configured trust anchor: {detail}")]
    NoPath {
        /// Subject of the end-entity certificate.
        subject: String,
        /// Why path building stopped.
        detail: String,
    },
    /// A certificate of the path is outside its validity.
    #[error("a certificate in the path of {subject} is {state} (at {now})")]
    NotCurrent {
        /// Subject of the end-entity certificate.
        subject: String,
        /// `expired` or `not yet valid`.
        state: &'static str,
        /// The time of the check, RFC 3339.
        now: String,
    },
    /// The certificate may not be used for this.
    #[error("the certificate of {subject} lacks the extended key usage {usage}")]
    WrongUsage {
        /// Subject of the end-entity certificate.
        subject: String,
        /// The usage that is missing.
        usage: &'static str,
    },
    /// The certificate was not issued for signing what it signed: whoever else its CA certified could sign the like.
    #[error("the certificate of {subject} lacks the certificate policy {policy}, without which nobody signs here")]
    WrongPolicy {
        /// Subject of the certificate: the signer's, or that of a CA above it.
        subject: String,
        /// The policy that is missing.
        policy: crate::certificate::PolicyOid,
    },
    /// The certificate's keyUsage does not let its key sign messages.
    #[error("the certificate of {subject} may not sign messages: its keyUsage has neither digitalSignature nor nonRepudiation")]
    MayNotSign {
        /// Subject of the end-entity certificate.
        subject: String,
    },
    /// An enrolled key that has been withdrawn, or whose time is over.
    #[error("the {artefact} is signed with the key of '{}', which {}", shown(.name), shown(.detail))]
    KeyRetired {
        /// Which artefact.
        artefact: &'static str,
        /// The key's name.
        name: String,
        /// Since when, and why.
        detail: String,
    },
    /// What a transparency log says of its tree does not follow.
    #[error("the {artefact} proves nothing")]
    BadProof {
        /// Which artefact.
        artefact: &'static str,
        /// What is wrong with it.
        #[source]
        source: ProofError,
    },
    /// The algorithm is not one we verify.
    #[error("the {artefact} uses {}, which is not supported", shown(.found))]
    UnsupportedAlgorithm {
        /// Which artefact.
        artefact: &'static str,
        /// OID or name.
        found: String,
    },
}

/// A key that would not sign.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key store did not answer or said no.
    #[error("the signing key did not sign")]
    Key(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What should be signed cannot be encoded.
    #[error("the {artefact} cannot be encoded")]
    Encode {
        /// Which artefact.
        artefact: &'static str,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What a peer wrote, or a parser quoted of it, as it may stand in a sentence for a log or another peer.
fn shown(text: &str) -> String {
    crate::text::printable(text, 300)
}
