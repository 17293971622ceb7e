//! What is wrong with the signatures that people, stations and auditors gave for a key.

use super::Refusal;
use crate::evidence::EvidenceError;
use crate::provenance::RecordDigest;

/// Why testimonies do not show what is claimed. Parties are counted and not named: who they are stays with the manufacturer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TestimonyFault {
    /// Not every party of a co-generation signed, or others did.
    #[error(
        "co-generation names {parties} parties, each of which has to sign once for the key, but {signed} of them did, {again} signatures are second ones, and {foreign} are of nobody of them"
    )]
    Parties {
        /// How many it names.
        parties: usize,
        /// How many of them signed.
        signed: usize,
        /// How many signatures there are beyond the first of a party.
        again: usize,
        /// How many there are of others, or of nobody who is known.
        foreign: usize,
    },
    /// The parties did not sign for the same ceremony.
    #[error("the parties sign for {0} ceremonies, expected all of them to name the same one")]
    Ceremonies(usize),
    /// Somebody signed for a ceremony that the report does not tell of.
    #[error(
        "{0} signatures are for ceremonies that the report does not tell of: it names no co-generation, whose parties would sign, nor a seed batch of such a name"
    )]
    Stray(usize),
    /// Something is signed that has not happened yet.
    #[error("the {kind} says that it is of {at}, which is yet to come")]
    YetToCome {
        /// What is signed.
        kind: &'static str,
        /// When.
        at: String,
    },
    /// A batch of seeds is named whose receipt is not there.
    #[error("seed batch '{0}' is unknown: the evidence holds no receipt of it by whoever received it")]
    SeedsUnknown(String),
    /// A batch of seeds has another receipt on record.
    #[error("seed batch '{0}' is on record with another receipt, and a batch is received once")]
    SeedsDiffer(String),
    /// A batch of seeds is used up.
    #[error("seed batch '{batch}' has {count} seeds by its receipt, and as many other devices are on record with one of them")]
    SeedsSpent {
        /// The batch.
        batch: String,
        /// How many seeds came in it.
        count: u32,
    },
    /// A key was not derived twice.
    #[error(
        "a key from seed batch '{batch}' is derived twice and compared, so that two parties have to sign for it in the name of the batch, but {parties} did"
    )]
    DerivedOnce {
        /// The batch.
        batch: String,
        /// How many parties signed.
        parties: usize,
    },
    /// Two derivations gave two keys.
    #[error("the derivations from seed batch '{batch}' differ: one gave the key with digest {found}, and the device has {expected}")]
    DerivationsDiffer {
        /// The batch.
        batch: String,
        /// What one gave.
        found: String,
        /// The IDevID's.
        expected: String,
    },
    /// A key was derived at a time when there were no seeds.
    #[error("made-at is {made_at}, but seed batch '{batch}' was {event} at {at}")]
    DerivedWithoutSeeds {
        /// The batch.
        batch: String,
        /// When the key is said to be made.
        made_at: String,
        /// `received` or `destroyed`.
        event: &'static str,
        /// When that was.
        at: String,
    },
    /// What is said of the copies of a seed is not what their notices say.
    #[error("seed batch '{batch}': copies-destroyed is {said}, but the evidence holds {found} notice of their destruction")]
    Destruction {
        /// The batch.
        batch: String,
        /// What the report says.
        said: bool,
        /// `a` or `no`.
        found: &'static str,
    },
    /// Whoever received or destroyed seeds derived keys from them as well.
    #[error("that seed batch '{batch}' was {event} is signed by one who derived the key from it as well, expected a station that derives no keys")]
    SeedRoles {
        /// The batch.
        batch: String,
        /// `received` or `destroyed`.
        event: &'static str,
    },
    /// Seeds were destroyed by the word of somebody who never had them.
    #[error("that seed batch '{0}' was destroyed is not signed by the station that received it, expected one station for both")]
    DestroyedByOther(String),
    /// A station brings an auditor's countersignature.
    #[error("an auditor's countersignature is in a report, but auditors sign what is on record already; `brski-masa audit` adds it there")]
    AuditReported,
    /// An auditor's countersignature does not count.
    #[error("the countersignature does not count")]
    AuditUnfit(#[source] EvidenceError),
    /// It is no countersignature of a known kind.
    #[error("this is no auditor's countersignature that a configured auditor made")]
    NoAudit,
    /// An auditor signed something else than what is on record.
    #[error("the countersignature is of record {found}, but what is on record of the device is record {expected}")]
    OtherAudited {
        /// What it is of.
        found: RecordDigest,
        /// The newest record.
        expected: RecordDigest,
    },
    /// There is no record that could have been audited.
    #[error("nothing is on record of how the device's key came to be, so that nobody can have audited it")]
    NothingToAudit,
}

impl From<TestimonyFault> for Refusal {
    fn from(fault: TestimonyFault) -> Self {
        Self::Testimony(Box::new(fault))
    }
}
