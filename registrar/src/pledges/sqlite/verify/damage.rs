//! What a verification finds.

use brski_common::log::Hash;
use brski_common::{SerialNumber, SpkiDigest};

use crate::approval::Person;
use crate::pledges::StoreError;

/// A trail that is as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many events it has.
    pub events: u64,
    /// The root over them.
    pub root: Hash,
    /// How many checkpoints the store has.
    pub checkpoints: usize,
    /// Up to how many events it was signed; none if it never was.
    pub last_signed: Option<u64>,
    /// Whether the signatures were checked.
    pub trusted: bool,
    /// How many pledges have a file.
    pub pledges: u64,
}

/// What was touched, the first of it in the order of the trail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The file is of a version without a trail.
    #[error("the store is of a version that kept no trail; the registrar upgrades it when it starts")]
    NoTrail,
    /// An event is gone.
    #[error("event {number} is missing")]
    Missing {
        /// Its number.
        number: u64,
    },
    /// An event is not what its leaf hash says.
    #[error("event {number} was changed: its octets do not have the leaf hash that was written with it")]
    Changed {
        /// Its number.
        number: u64,
    },
    /// An event cannot be read.
    #[error("event {number} cannot be read: {why}")]
    Unreadable {
        /// Its number.
        number: u64,
        /// Why.
        why: String,
    },
    /// An event is filed under another pledge.
    #[error("event {number} is filed under another pledge than it speaks of")]
    Pledge {
        /// Its number.
        number: u64,
    },
    /// Events are not those that were signed.
    #[error("an event from {first} to {} was changed, leaf hash and all, after the checkpoint over {size} events was signed", size.saturating_sub(1))]
    Signed {
        /// The first that may be it: those before are as they were signed.
        first: u64,
        /// The size of the first checkpoint that does not fit.
        size: u64,
    },
    /// There were more events when they were signed.
    #[error("the trail ends with {events} events, but a checkpoint over {size} was signed: what came after event {} is lost", events.saturating_sub(1))]
    Lost {
        /// How many there are.
        events: u64,
        /// How many were signed.
        size: u64,
    },
    /// A checkpoint is not what its log signed.
    #[error("checkpoint {number} in the store cannot be trusted: {why}")]
    Checkpoint {
        /// Its number.
        number: i64,
        /// Why.
        why: String,
    },
    /// The tree's edge does not follow from the events.
    #[error("the edge of the tree is of {found} events and not of the {events} that are there, so that the last of them were changed or removed")]
    Edge {
        /// Of how many it is.
        found: u64,
        /// How many there are.
        events: u64,
    },
    /// A pledge's file does not follow from its events.
    #[error("the file of {key} is not what its events amount to: it was changed, or removed")]
    File {
        /// Whose.
        key: SpkiDigest,
    },
    /// A pledge's admission does not follow from its events.
    #[error("the admission of {serial} ({key}) is not the one that the trail tells of")]
    Admission {
        /// Whose; what the row says if the trail tells of none.
        serial: String,
        /// Its key.
        key: SpkiDigest,
    },
    /// An LDevID's key does not stand for the pledge that it was taken for.
    #[error("the LDevID key {key} does not stand for {serial}, to which the trail says that it belongs")]
    LDevId {
        /// The key.
        key: SpkiDigest,
        /// The pledge.
        serial: SerialNumber,
    },
    /// An LDevID's key stands for a pledge that never had it.
    #[error("the LDevID key {key} stands for the pledge with key {pledge}, of which the trail does not tell: it was added")]
    NobodysLDevId {
        /// The key.
        key: SpkiDigest,
        /// The pledge's IDevID key.
        pledge: SpkiDigest,
    },
    /// A row is under a key that this program never wrote.
    #[error("a row is under the key '{key}', which is no SHA-256 in 32 octets: it was added")]
    NoDigest {
        /// The key in hex, the first 32 octets of it.
        key: String,
    },
    /// The list of LDevIDs that were revoked does not follow from the events.
    #[error("the list of LDevIDs that were revoked is not what the trail tells, at certificate {certificate}")]
    Revoked {
        /// The certificate's serial number.
        certificate: String,
    },
    /// A table or a trigger is not this program's.
    #[error("'{name}' in the file is missing, or is not what this version makes: what it protects may have been changed")]
    Schema {
        /// Which.
        name: String,
    },
}

/// Why a trail is not verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyTrailError {
    /// All is as it was written, but a checkpoint from elsewhere is of a trail that broke off.
    #[error(
        "the checkpoint over {size} events is of a former trail, of which this one has the first {events}: event {event} tells that it was restored out of a backup, to go on \
         under a new key, by {by}; the other {} are lost, and nothing else was touched", size - events
    )]
    Former {
        /// How many events were signed.
        size: u64,
        /// How many of them are in this trail.
        events: u64,
        /// The number of the event that tells of it.
        event: u64,
        /// Who restored it and why.
        by: Person,
    },
    /// Something was touched.
    #[error("the audit trail is damaged: {0}")]
    Damaged(#[from] Damage),
    /// It could not be looked at.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for VerifyTrailError {
    fn from(err: rusqlite::Error) -> Self {
        Self::Store(err.into())
    }
}
