//! The joint to the owner's memory of pledges, and two implementations of it.

mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(test)]
mod tests;
#[cfg(all(test, feature = "sqlite"))]
pub(crate) use tests::Scratch;

use brski_common::{BoxFuture, SpkiDigest};

pub use memory::MemoryPledges;
#[cfg(feature = "sqlite")]
pub use sqlite::SqlitePledges;

use crate::relay::Admission;

/// Which pledges were admitted, and which keys their LDevIDs have.
pub trait PledgeStore: Send + Sync {
    /// Keeps an admission under its IDevID's key, replacing an earlier one of the same key.
    ///
    /// Resolves to `Ok` only once it survives a crash: the pledge is given its voucher afterwards.
    fn admit(&self, admission: Admission) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Takes an admission back: [`find`](Self::find) returns it no longer, under no key, until the pledge is admitted anew. Nothing happens if there is none.
    ///
    /// Resolves to `Ok` only once it survives a crash. LDevID keys stay bound, so that no other pledge can take them over.
    fn withdraw(&self, admitted: SpkiDigest) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The admission under this key, be it the IDevID's or that of an LDevID recorded with [`enrolled`](Self::enrolled).
    fn find(&self, key: SpkiDigest) -> BoxFuture<'_, Result<Option<Admission>, StoreError>>;

    /// Binds an LDevID's key to the admission of the IDevID key `admitted`.
    ///
    /// Resolves to `Ok` only once it survives a crash. A key that is bound to another admission stays there: [`StoreError::KeyTaken`].
    fn enrolled(&self, ldevid: SpkiDigest, admitted: SpkiDigest) -> BoxFuture<'_, Result<(), StoreError>>;
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
