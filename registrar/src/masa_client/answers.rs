//! What MASAs answered a short while ago, so that a pledge that repeats itself costs them nothing.
//!
//! The [`Registrar`](crate::Registrar) keeps an answer after it was verified, and verifies and appraises it again at each retry: what persons or a changed policy say in
//! the meantime counts at once, and what the MASA says anew within [`REMEMBERED_FOR`].

mod memory;
#[cfg(test)]
pub(super) mod tests;

use core::time::Duration;

use brski_common::{BoxFuture, Format, MasaUrl, UnixTime};

pub use self::memory::MemoryAnswers;
use super::MasaAnswer;
use super::digest::{identified, of_anchors};
use crate::trust::Manufacturer;

/// Which question an answer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AnswerKey {
    /// SHA-256 over the pledge's voucher-request.
    pub pledge_request: [u8; 32],
    /// SHA-256 over who was asked: the MASA's URL and by which anchors it was authenticated. What another one said does not count.
    pub masa: [u8; 32],
    /// In which format the voucher was wanted.
    pub format: Format,
}

impl AnswerKey {
    /// Of a question about the pledge's request with this SHA-256 to the MASA of this manufacturer at this URL.
    pub fn new(pledge_request: [u8; 32], manufacturer: &Manufacturer, url: &MasaUrl, format: Format) -> Self {
        let masa = identified(&[url.to_string().as_bytes(), &of_anchors(&manufacturer.masa_tls_anchors)]);
        Self { pledge_request, masa, format }
    }
}

/// A store of answers. It is a convenience: where it fails, the MASA is asked.
pub trait AnswerStore: Send + Sync {
    /// Keeps an answer that came at `now`, in place of an earlier one; or does not, if there is no room for it.
    fn remember(&self, key: AnswerKey, answer: MasaAnswer, now: UnixTime) -> BoxFuture<'_, Result<(), AnswerStoreError>>;

    /// The answer as it came, unless it is older than [`REMEMBERED_FOR`].
    fn recall(&self, key: AnswerKey, now: UnixTime) -> BoxFuture<'_, Result<Option<MasaAnswer>, AnswerStoreError>>;

    /// Keeps it no longer. Nothing happens if there is none.
    fn forget(&self, key: AnswerKey) -> BoxFuture<'_, Result<(), AnswerStoreError>>;
}

/// Why a store of answers did not do its part.
pub type AnswerStoreError = Box<dyn std::error::Error + Send + Sync>;

/// For how long an answer is good: afterwards the MASA may have a newer statement.
pub const REMEMBERED_FOR: Duration = Duration::from_secs(3600);

/// Whether an answer of this time is still good. One from the future is not: a clock was set back, and nobody knows by how much.
pub(super) fn is_fresh(answered: UnixTime, now: UnixTime) -> bool {
    now.as_secs().checked_sub(answered.as_secs()).is_some_and(|age| age < REMEMBERED_FOR.as_secs())
}

/// Octets that an answer takes up, about.
pub(super) fn octets(answer: &MasaAnswer) -> usize {
    match answer {
        MasaAnswer::Vouched { voucher, statement, audit_log } => {
            let log = audit_log.as_ref().map_or(0, |log| log.to_json().len());
            voucher.wire().len() + statement.as_ref().map_or(0, |statement| statement.wire().len()) + log
        }
        MasaAnswer::Later(_) => 0,
        MasaAnswer::Refused { sentence, .. } => sentence.len(),
    }
}
