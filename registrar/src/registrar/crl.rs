//! The lists of revoked LDevIDs, one a CA: made when one is asked for, and kept until something changes or it grows old.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use brski_common::time::at;
use brski_common::{Certificate, UnixTime};

use super::Registrar;
use crate::ca::{FormerCa, RevocationList, list_name};
use crate::error::Error;
use crate::pledges::Revocation;
use crate::revocation::RevokedLDevId;
use crate::trail::{IssuedCertificate, Issuer, NameDigest};

/// The newest list of each CA, by its name in URLs.
#[derive(Debug, Default)]
pub(super) struct Newest(Mutex<BTreeMap<String, Kept>>);

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
    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which CA's list.
enum Lister<'a> {
    Present(&'a Certificate),
    Former(&'a FormerCa),
}

impl Lister<'_> {
    fn certificate(&self) -> &Certificate {
        match self {
            Self::Present(certificate) => certificate,
            Self::Former(former) => former.certificate(),
        }
    }
}

impl Registrar {
    /// The same with these CAs, which issue no more and tell here what of their LDevIDs was revoked.
    #[must_use]
    pub fn listing_for(self, former: Vec<FormerCa>) -> Self {
        Self { former, ..self }
    }

    /// The CRL in DER of what the CA that issues revoked or, by a [name](list_name), of what that CA did; none if there is no such list here. It tells of a revocation from the
    /// moment that is on record, and of no other CA's LDevIDs: a serial number means something within one issuer alone (RFC 5280, section 4.1.2.2).
    ///
    /// # Errors
    /// [`Error::Store`] or [`Error::Issue`].
    pub async fn revocation_list(&self, name: Option<&str>) -> Result<Option<Vec<u8>>, Error> {
        let Some(lister) = self.lister(name) else { return Ok(None) };
        let name = list_name(lister.certificate());
        let now = self.parts.clock.now();
        let events = self.parts.pledges.head().await?.size;
        let kept = self.crl.locked().get(&name).cloned().filter(|kept| kept.is_fresh(now));
        if let Some(kept) = kept.as_ref().filter(|kept| kept.events == events) {
            return Ok(Some(kept.list.der.clone()));
        }

        let revoked = self.revoked_by(&Issuer::digest_of_ca(lister.certificate()), now).await?;
        let list = match kept.filter(|kept| kept.revoked == revoked) {
            Some(kept) => kept,
            None => {
                // Time first, so that it grows with every list, also where the store was set back; then the events, of which a second may see several.
                let number = u128::from(now.as_secs()) << 64 | u128::from(events);
                let list = match &lister {
                    Lister::Present(_) => self.parts.ca.revocation_list(&revoked, number, now).await?,
                    Lister::Former(former) => Some(former.revocation_list(&revoked, number, now).await?),
                };
                let Some(list) = list else { return Ok(None) };
                tracing::info!(ca = lister.certificate().subject(), revoked = revoked.len(), %number, "CRL made");
                Kept { list, revoked, events, made_at: now }
            }
        };
        let der = list.list.der.clone();
        self.crl.locked().insert(name, Kept { events, ..list });
        Ok(Some(der))
    }

    /// Whether a list that is made here tells of LDevIDs of this issuer; of an issuer that is not on record, whether there is a list at all, which may still not be its own.
    pub fn lists_for(&self, issuer: Option<&NameDigest>) -> bool {
        let present = self.ca_certificates().first().filter(|_| self.parts.ca.makes_revocation_lists());
        let mut listers = present.into_iter().chain(self.former.iter().map(FormerCa::certificate));
        listers.any(|ca| issuer.is_none_or(|issuer| *issuer == Issuer::digest_of_ca(ca)))
    }

    /// What became of an LDevID that was just revoked, for whoever did it.
    pub fn told(&self, certificate: IssuedCertificate) -> RevokedLDevId {
        RevokedLDevId { listed: self.lists_for(certificate.id().issuer.as_ref()), certificate }
    }

    fn lister(&self, name: Option<&str>) -> Option<Lister<'_>> {
        let is_meant = |ca: &Certificate| name.is_none_or(|name| name == list_name(ca));
        let present = self.ca_certificates().first().filter(|ca| self.parts.ca.makes_revocation_lists() && is_meant(ca)).map(Lister::Present);
        let former = || self.former.iter().find(|former| name.is_some() && is_meant(former.certificate())).map(Lister::Former);
        present.or_else(former)
    }

    /// What is on this issuer's list, by serial number, each once.
    async fn revoked_by(&self, issuer: &NameDigest, now: UnixTime) -> Result<Vec<Revocation>, Error> {
        // One that expired stays on a list beyond its end (RFC 5280, section 3.3).
        let mut revoked = self.parts.pledges.revocations(at(now.as_secs().saturating_sub(BEYOND_ITS_END.as_secs()))).await?;
        revoked.retain(|revocation| revocation.certificate.is_listed_by(issuer));
        revoked.sort_by(|a, b| a.certificate.cmp(&b.certificate));
        revoked.dedup_by(|next, kept| next.certificate.serial == kept.certificate.serial);
        Ok(revoked)
    }
}

const BEYOND_ITS_END: Duration = Duration::from_secs(30 * 86_400);
