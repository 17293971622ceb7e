//! The joint to the owner's memory: pledges, the trail of what happened to them, and the LDevIDs they got. Two implementations of it.

mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(test)]
mod tests;
#[cfg(all(test, feature = "sqlite"))]
pub(crate) use tests::Scratch;

use brski_common::log::Hash;
use brski_common::{BoxFuture, SpkiDigest, UnixTime};

pub use memory::MemoryPledges;
#[cfg(feature = "sqlite")]
pub use sqlite::{BackupError, Damage, SqlitePledges, Verified, VerifyTrailError, copy, is_in_use, verify};

use crate::relay::Admission;
use crate::trail::{CertificateId, Event, PledgeFile, RevocationReason, State};

/// Which pledges were admitted, and which keys their LDevIDs have.
pub trait PledgeStore: Send + Sync {
    /// Keeps an admission under its IDevID's key, replacing an earlier one of the same key, along with the event that tells of it: both or neither.
    ///
    /// Resolves to `Ok` only once it survives a crash: the pledge is given its voucher afterwards.
    fn admit(&self, admission: Admission, event: Event) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Takes an admission back, along with the event that tells of it: [`find`](Self::find) returns it no longer, under no key, until the pledge is admitted anew. Nothing happens if there is none.
    ///
    /// Resolves to `Ok` only once it survives a crash. LDevID keys stay bound, so that no other pledge can take them over.
    fn withdraw(&self, admitted: SpkiDigest, event: Event) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The admission under this key, be it the IDevID's or that of an LDevID recorded with [`enrolled`](Self::enrolled).
    fn find(&self, key: SpkiDigest) -> BoxFuture<'_, Result<Option<Admission>, StoreError>>;

    /// Binds an LDevID's key to the admission of the IDevID key `admitted`, along with the event that tells of it: both or neither. Nothing happens if it is bound to it already.
    ///
    /// Resolves to `Ok` only once it survives a crash. A key that is bound to another admission stays there: [`StoreError::KeyTaken`].
    fn enrolled(&self, ldevid: SpkiDigest, admitted: SpkiDigest, event: Event) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Appends an event to the trail, and to the file of the pledge that it is about.
    ///
    /// Resolves to `Ok` only once it survives a crash.
    fn note(&self, event: Event) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The file of the pledge with this IDevID key.
    fn file(&self, pledge: SpkiDigest) -> BoxFuture<'_, Result<Option<PledgeFile>, StoreError>>;

    /// Files of pledges, those that were seen last first, and those of the same second by their keys.
    fn files(&self, query: Query) -> BoxFuture<'_, Result<Vec<PledgeFile>, StoreError>>;

    /// Whether this LDevID was revoked, or one [that it may be](CertificateId::may_be).
    fn is_revoked(&self, certificate: CertificateId) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// The LDevIDs that were revoked and had not expired at `now`.
    fn revocations(&self, now: UnixTime) -> BoxFuture<'_, Result<Vec<Revocation>, StoreError>>;

    /// How many events the trail has, and the root of the tree over them (RFC 9162, section 2.1).
    fn head(&self) -> BoxFuture<'_, Result<TrailHead, StoreError>>;

    /// The last events about this pledge, oldest first, with their numbers; at most `limit` of them.
    fn history(&self, pledge: SpkiDigest, limit: u32) -> BoxFuture<'_, Result<Vec<(u64, Event)>, StoreError>>;

    /// Events of the trail from number `from` on, at most `limit` of them, as the octets that the tree is over: each an [`Event`] in JSON.
    fn events(&self, from: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>>;
}

/// Which files are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Only those that stand here.
    pub state: Option<State>,
    /// Only of devices with this serial number, of whatever manufacturer.
    pub serial: Option<String>,
    /// Only that whose IDevID key's digest begins with these hexadecimal digits, of either case.
    pub key: Option<String>,
    /// Only those that come after this place in the list.
    pub before: Option<Mark>,
    /// At most so many; 0 stands for 100.
    pub limit: u32,
}

impl Query {
    /// How many files are wanted at most.
    pub fn most(&self) -> usize {
        match self.limit {
            0 => 100,
            limit => limit as usize,
        }
    }

    fn wants(&self, file: &PledgeFile) -> bool {
        self.state.is_none_or(|state| file.state == state)
            && self.serial.as_ref().is_none_or(|serial| file.pledge.serial.as_str() == serial)
            && self.key.as_ref().is_none_or(|key| file.pledge.key.to_string().starts_with(&key.to_ascii_lowercase()))
            && self.before.is_none_or(|mark| mark.comes_before(file))
    }
}

/// A place in a list of files, those that were seen last first, and those of the same second by their keys: the next page begins after the last file of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    last_seen: UnixTime,
    key: Option<SpkiDigest>,
}

impl Mark {
    /// The place of this file.
    pub fn of(file: &PledgeFile) -> Self {
        Self::at(file.last_seen, Some(file.pledge.key))
    }

    /// The place of a file with this key that was seen last at this time; without a key, that after all which were seen then.
    pub fn at(last_seen: UnixTime, key: Option<SpkiDigest>) -> Self {
        Self { last_seen, key }
    }

    fn comes_before(&self, file: &PledgeFile) -> bool {
        file.last_seen < self.last_seen || file.last_seen == self.last_seen && self.key.is_some_and(|key| file.pledge.key > key)
    }
}

/// An LDevID on the list of those that were revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Which.
    pub certificate: CertificateId,
    /// When.
    pub at: UnixTime,
    /// Why.
    pub reason: RevocationReason,
}

/// The state of a trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrailHead {
    /// How many events.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
}

/// A store that did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It did not answer.
    #[error("the store of pledges did not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It holds what it should not.
    #[error("the store of pledges is damaged: {what}")]
    Damaged {
        /// What is wrong, and where.
        what: String,
        /// What its reader said, if one said something.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The LDevID's key already belongs to another pledge.
    #[error("key {0} already belongs to another pledge")]
    KeyTaken(SpkiDigest),
    /// There is no admission to bind to.
    #[error("no admission is on record for key {0}")]
    NotAdmitted(SpkiDigest),
}
