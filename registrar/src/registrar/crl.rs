//! The list of revoked LDevIDs: made when it is asked for, and kept until something changes or it grows old.

use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use brski_common::UnixTime;
use brski_common::time::at;

use super::Registrar;
use crate::ca::RevocationList;
use crate::error::Error;
use crate::pledges::Revocation;

/// The newest list.
#[derive(Debug, Default)]
pub(super) struct Newest(Mutex<Option<Kept>>);

#[derive(Clone, Debug)]
struct Kept {
    list: RevocationList,
    revoked: Vec<Revocation>,
    /// How many events the trail had.
    events: u64,
    made_at: UnixTime,
}

impl Kept {
    /// Half of its time is left, which is for those who keep a copy.
    fn is_fresh(&self, now: UnixTime) -> bool {
        let (from, until) = (self.made_at.as_secs(), self.list.next_update.as_secs());
        (from..from.midpoint(until)).contains(&now.as_secs())
    }
}

impl Newest {
    fn locked(&self) -> MutexGuard<'_, Option<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registrar {
    /// The CRL of this domain's LDevIDs in DER; none if its CA makes none here. It tells of a revocation from the moment that is on record.
    ///
    /// # Errors
    /// [`Error::Store`] or [`Error::Issue`].
    pub async fn revocation_list(&self) -> Result<Option<Vec<u8>>, Error> {
        let now = self.parts.clock.now();
        let events = self.parts.pledges.head().await?.size;
        let kept = self.crl.locked().clone().filter(|kept| kept.is_fresh(now));
        if let Some(kept) = kept.as_ref().filter(|kept| kept.events == events) {
            return Ok(Some(kept.list.der.clone()));
        }

        // One that expired stays on a list beyond its end (RFC 5280, section 3.3).
        let mut revoked = self.parts.pledges.revocations(at(now.as_secs().saturating_sub(BEYOND_ITS_END.as_secs()))).await?;
        revoked.sort_by(|a, b| a.certificate.cmp(&b.certificate));
        let list = match kept.filter(|kept| kept.revoked == revoked) {
            Some(kept) => kept,
            None => {
                // Time first, so that it grows with every list, also where the store was set back; then the events, of which a second may see several.
                let number = u128::from(now.as_secs()) << 64 | u128::from(events);
                let Some(list) = self.parts.ca.revocation_list(&revoked, number, now).await? else { return Ok(None) };
                tracing::info!(revoked = revoked.len(), %number, "CRL made");
                Kept { list, revoked, events, made_at: now }
            }
        };
        let der = list.list.der.clone();
        *self.crl.locked() = Some(Kept { events, ..list });
        Ok(Some(der))
    }
}

const BEYOND_ITS_END: Duration = Duration::from_secs(30 * 86_400);
