//! What auditors are told, and links to audit logs.

use core::fmt;
use core::time::Duration;

use brski_common::audit_log::AUDIT_LINKS;
use brski_common::provenance::{Disclosure, Text};
use brski_common::time::{at, to_rfc3339};
use brski_common::{AuditLog, DeviceId, ProvenanceStatement, Refusal, Signed, SpkiDigest, UnixTime, VoucherRequest};
use zeroize::Zeroizing;

use super::transparency::ReceiptFrom;
use super::{Masa, note, random, told};
use crate::audit_links::{AuditLinksError, Capability, Link};
use crate::disclose::DisclosureOrder;
use crate::error::Error;
use crate::ledger::LedgerError;

/// A link to one device's audit log: whoever has it may read.
pub struct AuditLink {
    url: Zeroizing<String>,
    expires_at: UnixTime,
}

impl AuditLink {
    /// The URL; it is shown nowhere else, and cannot be found out again.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Until when it works.
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }
}

impl fmt::Debug for AuditLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditLink(until {})", to_rfc3339(self.expires_at))
    }
}

impl Masa {
    /// The statement about a device's key for readers of this level, with a receipt from the log as it is now; `None` if nobody wrote anything down.
    /// Whoever calls has checked that its reader may see what is disclosed at that level.
    ///
    /// # Errors
    /// [`Refusal::StaysWithManufacturer`] for [`Disclosure::Internal`];
    /// [`Refusal::UnknownDevice`] if the device was never made here; [`Error::Ledger`], [`Error::Sign`].
    #[tracing::instrument(skip_all, fields(serial = %device.serial, level = %level))]
    pub async fn statement_for(&self, device: &DeviceId, level: Disclosure) -> Result<Option<Signed<ProvenanceStatement>>, Error> {
        let found = async {
            let mut history = self.known(device).await?;
            match self.statement(&mut history, level, self.0.clock.now()).await? {
                Some(statement) => Ok(Some(self.with_receipt(statement, &history, ReceiptFrom::Now).await.0)),
                None => Ok(None),
            }
        };
        told("statement told", found.await)
    }

    /// The audit log of a device (RFC 8995, section 5.8), for whoever has shown by other means that it may read it, such as an auditor's credential.
    ///
    /// # Errors
    /// [`Refusal::UnknownDevice`] if the device was never made here; [`Error::Ledger`].
    pub async fn audit_log_of(&self, device: &DeviceId) -> Result<AuditLog, Error> {
        Ok(DisclosureOrder::by_credential(self.known(device).await?).into_audit_log())
    }

    /// A link to the audit log of a device: it works for `lifetime`, without further credential. `by` is on whose word.
    ///
    /// # Errors
    /// [`Refusal::LinkLifetime`] if it is less than a second or more than [`LONGEST_LINK`]; [`Refusal::UnknownDevice`] if the device was never made here;
    /// [`Error::Ledger`] if the link cannot be kept.
    pub async fn audit_link(&self, device: &DeviceId, lifetime: Duration, by: &Text) -> Result<AuditLink, Error> {
        self.new_link(self.known(device).await?.device(), None, lifetime, by.to_string()).await
    }

    /// The same for a domain that was given a voucher, by the request that got it.
    ///
    /// # Errors
    /// As for [`audit_log`](Self::audit_log); [`Refusal::LinkLifetime`] as for [`audit_link`](Self::audit_link); [`LedgerError::Busy`] if too many links are in force.
    #[tracing::instrument(skip_all, fields(serial, domain))]
    pub async fn audit_link_for_owner(&self, request: &Signed<VoucherRequest>, lifetime: Duration) -> Result<AuditLink, Error> {
        let made = async {
            let order = self.disclose(request, self.0.clock.now()).await?;
            let domain = order.domain();
            self.new_link(order.into_history().device(), domain, lifetime, "its owner".to_owned()).await
        };
        told("link to the audit log told", made.await)
    }

    async fn new_link(&self, device: &DeviceId, owner: Option<SpkiDigest>, lifetime: Duration, by: String) -> Result<AuditLink, Error> {
        if !(1..=LONGEST_LINK.as_secs()).contains(&lifetime.as_secs()) {
            return Err(Refusal::LinkLifetime { longest: LONGEST_LINK }.into());
        }
        let now = self.0.clock.now();
        let expires_at = at(now.as_secs().saturating_add(lifetime.as_secs()));
        let capability = Capability::new(random()?);
        self.1.enter(Link { digest: capability.digest(), device: device.clone(), owner, by, made_at: now, expires_at }).await.map_err(unavailable)?;
        tracing::info!(outcome = "link to an audit log made", serial = %device.serial, link = capability.hint(), until = to_rfc3339(expires_at));
        let url = Zeroizing::new(format!("https://{}{AUDIT_LINKS}{}", self.0.authority, *capability.text()));
        Ok(AuditLink { url, expires_at })
    }

    /// The audit log that a link leads to, by the last segment of its path; `None` if there is no such link, or not any more.
    ///
    /// # Errors
    /// [`Error::Ledger`].
    #[tracing::instrument(skip_all, fields(serial, link))]
    pub async fn audit_log_by_link(&self, segment: &str) -> Result<Option<AuditLog>, Error> {
        let Some(capability) = Capability::parse(segment) else { return Ok(None) };
        note("link", &capability.hint());
        let Some(device) = self.1.find(&capability, self.0.clock.now()).await.map_err(unavailable)? else { return Ok(None) };
        note("serial", &device.serial);
        told("audit log told to the holder of a link", self.audit_log_of(&device).await.map(Some))
    }

    /// Ends a link, by its URL or the last segment of it, and says whether there was one.
    ///
    /// # Errors
    /// [`Error::Ledger`].
    pub async fn revoke_audit_link(&self, url: &str) -> Result<bool, Error> {
        let segment = url.rsplit('/').next().unwrap_or(url);
        let Some(capability) = Capability::parse(segment) else { return Ok(false) };
        let revoked = self.1.revoke(&capability).await.map_err(unavailable)?;
        tracing::info!(outcome = if revoked { "link to an audit log revoked" } else { "no such link to an audit log" }, link = capability.hint());
        Ok(revoked)
    }
}

fn unavailable(err: AuditLinksError) -> LedgerError {
    match err {
        AuditLinksError::TooMany => LedgerError::Busy,
        AuditLinksError::Thread(err) => err,
        err @ AuditLinksError::File { .. } => LedgerError::Unavailable(Box::new(err)),
    }
}

/// Longest time for which a link works: a year.
pub const LONGEST_LINK: Duration = Duration::from_secs(366 * 86_400);
