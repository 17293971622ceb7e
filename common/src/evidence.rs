//! What a device, a secure element, an HSM or its vendor says of a key on their own authority (RFC 9334, *evidence* and *endorsement*): one file a format.
//!
//! ```text
//! octets --appraise(expected key, authorities, now)--> Outcome: Claims --agree(origin)--> supports, contradicts, or says nothing
//! ```
//! A format's file parses, checks signature and path, and binds what was attested to the expected key; it never judges. Whether claims fit what a station reports is
//! [`agree`]'s to say, and what an owner makes of them the policy's. Evidence of a kind that is not known here is kept, and counts for nothing.

mod agreement;
mod authority;
mod bundle;
mod ceremony;
mod claims;
mod countersignature;
mod delivery_list;
mod eat;
mod finding;
mod manifest;
mod oid;
mod pkix;
mod seeds;
mod testimony;
pub mod tpm;

use crate::certificate::Certificate;
use crate::error::{DecodeError, VerifyError};
use crate::provenance::{Evidence, EvidenceType, ProvenanceStatement};
use crate::sign::PublicKey;
use crate::signed::Signed;
use crate::text::{LONGEST_WORDS, printable};
use crate::time::UnixTime;

pub use agreement::{Agreement, agree};
pub use authority::{Authorities, Authority, WithdrawnSigner};
pub use bundle::{AttestationBundle, AttestationStatement};
pub use ceremony::CeremonySignature;
pub use claims::{Claims, Delivered, Made, Nonced};
pub use countersignature::{Countersignature, Description};
pub use delivery_list::{DeliveredElement, DeliveryList};
pub use finding::{AppraisedItem, appraise_all, findings};
pub use manifest::{ElementKey, ManifestElement, SecureElement};
pub use pkix::{Claim, Element, ElementKind, KeyAttestation, Value};
pub use seeds::{SeedDestruction, SeedEvent, SeedNotice, SeedReceipt};
pub use testimony::{Testimony, Word};

pub use crate::provenance::{Finding, FindingResult};

// For looking at evidence without a key in mind.
pub(crate) use eat::{ID_PE_CMW, Token, Wrapped};
pub(crate) use pkix::{Block, attestation_key_fault};

/// What evidence must be about to count.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The key in question: the IDevID's at manufacture, the CSR's at enrolment.
    pub key: &'a PublicKey,
    /// What was handed out to prove that the evidence is fresh; none if nothing was.
    pub nonce: Option<&'a [u8]>,
}

/// One piece of evidence, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Appraised {
    /// What it is: the kind of the evidence itself, or within a bundle that of the statement.
    pub kind: EvidenceType,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of one piece of evidence.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is genuine and about the expected key.
    Holds(Box<Claims>),
    /// Its kind is known, and it does not count.
    Refused(EvidenceError),
    /// It is genuine and names no key, but tells of a platform alone: it says nothing of the expected key, neither for it nor against it.
    OfPlatform(Platform),
    /// Somebody whose word counts said it over a signature, of the expected key or of the batch of seeds that it may come from.
    Testified(Box<Testimony>),
    /// It is a manufacturer's provenance statement, which is an endorsement: not verified here but like any other, with [`Signed::verify`] under the manufacturer's anchors and
    /// [`ProvenanceStatement::check_binding`].
    Endorsement(Signed<ProvenanceStatement>),
    /// Its kind is not known here.
    Unknown,
}

/// What genuine evidence says of a platform, without naming a key in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// Which format, as in `entity attestation token`.
    pub format: &'static str,
    /// Who vouches, as in [`Claims`].
    pub attester: String,
    /// What was read, for people: name and value, in the format's own words.
    pub details: Vec<(String, String)>,
}

impl From<Result<Self, EvidenceError>> for Outcome {
    fn from(found: Result<Self, EvidenceError>) -> Self {
        found.unwrap_or_else(Self::Refused)
    }
}

impl From<Result<Testimony, EvidenceError>> for Outcome {
    fn from(found: Result<Testimony, EvidenceError>) -> Self {
        match found {
            Ok(testimony) => Self::Testified(Box::new(testimony)),
            Err(err) => Self::Refused(err),
        }
    }
}

impl From<Result<Claims, EvidenceError>> for Outcome {
    fn from(found: Result<Claims, EvidenceError>) -> Self {
        match found {
            Ok(claims) => Self::Holds(Box::new(claims)),
            Err(err) => Self::Refused(err),
        }
    }
}

/// Reads evidence, verifies who produced it and that it is about the expected key.
///
/// There is one answer for each statement of a bundle, in their order, and one for anything else, a bundle that cannot be read included. Each statement is judged by itself: whoever
/// decides looks at all of them, for a forged one does not become better by a good one beside it.
pub fn appraise(evidence: &Evidence, expected: &Expected<'_>, authorities: &Authorities, now: UnixTime) -> Vec<Appraised> {
    let alone = |outcome| vec![Appraised { kind: evidence.kind.clone(), outcome }];
    match evidence.kind.as_str() {
        AttestationBundle::KIND => match AttestationBundle::from_der(&evidence.data) {
            Ok(bundle) => bundle.appraise(expected, authorities, now),
            Err(source) => alone(Outcome::Refused(EvidenceError::Unreadable { format: AttestationBundle::NAME, source })),
        },
        kind => alone(appraise_statement(kind, &evidence.data, &[], expected, authorities, now)),
    }
}

/// The same for one statement, beside which these certificates came.
fn appraise_statement(
    kind: &str,
    statement: &[u8],
    certificates: &[Certificate],
    expected: &Expected<'_>,
    authorities: &Authorities,
    now: UnixTime,
) -> Outcome {
    match kind {
        tpm::TCG_ATTEST_TPM_CERTIFY => tpm::appraise(statement, certificates, expected, authorities, now).into(),
        KeyAttestation::KIND => pkix::appraise(statement, certificates, expected, authorities, now).into(),
        CeremonySignature::KIND => testimony::appraise(statement, Word::Ceremony, expected, authorities, now).into(),
        SeedNotice::KIND => testimony::appraise(statement, Word::Seeds, expected, authorities, now).into(),
        Countersignature::KIND => testimony::appraise(statement, Word::Audit, expected, authorities, now).into(),
        eat::ID_PE_CMW => eat::appraise_wrapped(statement, certificates, expected, authorities, now),
        eat::EAT_CWT => eat::appraise(statement, certificates, expected, authorities, now),
        DeliveryList::KIND => delivery_list::appraise(statement, expected, authorities, now).into(),
        ManifestElement::KIND => manifest::appraise(statement, expected, authorities, now).into(),
        _ => Outcome::Unknown,
    }
}

/// By what a certificate says that its key attests keys, if it does: a TPM's, or another module's. What such a key signs in its own format must not pass for a message of another.
fn attests_keys(certificate: &Certificate) -> Option<&'static str> {
    let of_keys = certificate.usages().iter().any(|usage| usage == KeyAttestation::ATTESTATION_KEY_USAGE);
    tpm::attestation_key_mark(certificate).or(of_keys.then_some("id-kp-attestationKey"))
}

/// That a certificate's key signs messages, and no attestations of keys alone.
fn demand_signer_of_messages(format: &'static str, signer: &Certificate) -> Result<(), EvidenceError> {
    let of = printable(signer.subject(), LONGEST_WORDS);
    let wrong = |mark| EvidenceError::Wrong {
        format,
        what: format!("is signed with the key of {of}, which is certified to attest keys ({mark}) and to sign nothing else"),
    };
    attests_keys(signer).map_or(Ok(()), |mark| Err(wrong(mark)))
}

/// Why evidence of a known kind does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// It cannot be read.
    #[error("the {format} cannot be read")]
    Unreadable {
        /// Which format, as in `TPM certification`.
        format: &'static str,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
    /// Nobody who is trusted produced it.
    #[error("the {format} is not to be trusted")]
    Untrusted {
        /// Which format.
        format: &'static str,
        /// Why.
        #[source]
        source: VerifyError,
    },
    /// It says itself that it is not what was asked for: another kind of attestation, or a structure that no genuine module produces.
    #[error("the {format} {what}")]
    Wrong {
        /// Which format.
        format: &'static str,
        /// What is wrong, and what would be right, as a clause that begins with a verb.
        what: String,
    },
    /// It is about another key.
    #[error("the {format} is about another key: {found}, not {expected}")]
    OtherKey {
        /// Which format.
        format: &'static str,
        /// What it is about: a digest, or a TPM Name.
        found: String,
        /// The key in question, in the same form.
        expected: String,
    },
    /// It answers another challenge than ours.
    #[error("the {format} does not answer the nonce that was handed out, so that it may be an old one")]
    Stale {
        /// Which format.
        format: &'static str,
    },
}
