//! Who may read what the MASA knows of a device: whoever it ever gave a voucher to (RFC 8995, section 5.8), and whoever the manufacturer let in.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use brski_common::audit_log::Event;
use brski_common::pledge::LONGEST_DEFERRAL;
use brski_common::{AuditLog, Refusal, SpkiDigest, UnixTime};

use crate::history::History;
use crate::issue::{IssuePolicy, check_fresh, check_revocation};
use crate::ledger::Vouched;
use crate::request::RegistrarRequest;

/// Permission to tell one owner of one device. Made by [`evaluate`] or, once a credential is checked, by [`by_credential`](Self::by_credential); spent by value.
///
/// ```
/// use brski_masa::disclose::DisclosureOrder;
/// fn made(order: DisclosureOrder) -> DisclosureOrder { order }
/// fn told(order: DisclosureOrder) { order.into_audit_log(); }
/// ```
/// It cannot be put together, nor be spent twice:
/// ```compile_fail,E0451
/// use brski_masa::disclose::DisclosureOrder;
/// fn made(order: DisclosureOrder) -> DisclosureOrder { DisclosureOrder { ..order } }
/// fn told(order: DisclosureOrder) { order.into_audit_log(); }
/// ```
/// ```compile_fail,E0599
/// use brski_masa::disclose::DisclosureOrder;
/// fn made(order: DisclosureOrder) -> DisclosureOrder { order }
/// fn told(order: DisclosureOrder) { order.clone().into_audit_log(); }
/// ```
#[derive(Debug)]
pub struct DisclosureOrder {
    history: History,
    domain: Option<SpkiDigest>,
}

impl DisclosureOrder {
    /// For whoever has shown by other means that it may read, such as an auditor's credential or a link: whoever calls has checked that.
    pub fn by_credential(history: History) -> Self {
        Self { history, domain: None }
    }

    /// The key of the domain that is told, if it is told as a domain that got a voucher.
    pub fn domain(&self) -> Option<SpkiDigest> {
        self.domain
    }

    /// All that may be told.
    pub fn into_history(self) -> History {
        self.history
    }

    /// The device's vouchers: of each domain the newest with and the newest without nonce, oldest first (RFC 8995, section 5.8.1).
    pub fn into_audit_log(self) -> AuditLog {
        let mut log = AuditLog::default();
        let mut newest = HashMap::new();
        for vouched in self.history.vouched().iter().rev() {
            // By the pinned key: two domains may call themselves the same, and then both are shown.
            let place = *newest.entry((vouched.pin, vouched.nonce.is_some())).or_insert(log.events.len());
            let is_full = log.events.len() == MOST_DOMAINS;
            match log.events.get_mut(place) {
                Some(newer) => {
                    newer.truncated += 1;
                    log.truncation.nonced_duplicates += u32::from(vouched.nonce.is_some());
                    log.truncation.nonceless_duplicates += u32::from(vouched.nonce.is_none());
                }
                None if is_full => log.truncation.arbitrary += 1,
                None => log.events.push(event(vouched)),
            }
        }
        log.events.reverse();
        log
    }
}

fn event(vouched: &Vouched) -> Event {
    Event { date: vouched.at, domain_id: vouched.domain.clone(), nonce: vouched.nonce.clone(), assertion: vouched.assertion, truncated: 0 }
}

/// Longest log that is told: whoever holds a device can found domains for it without end, and its next owner has to be able to read the log.
const MOST_DOMAINS: usize = 1000;

/// Decides whether the domain that `request` speaks for may read what is on record.
///
/// Any path of the signer's key to a key that was pinned will do: whoever adds certificates cannot make one up, and cannot take the owner's access with a longer one.
///
/// # Errors
/// [`Refusal::UnknownDevice`] or [`Refusal::NeverOwner`]; [`Refusal::NotFresh`] or [`Refusal::RevocationUnchecked`] as for a voucher.
pub fn evaluate(request: &RegistrarRequest, history: Option<History>, policy: &IssuePolicy, now: UnixTime) -> Result<DisclosureOrder, Refusal> {
    let chain = history.as_ref().and_then(|history| request.chains().find(|chain| history.was_pinned(chain))).unwrap_or(request.chain());
    check_revocation(chain, policy)?;
    // The very request that got the voucher is sent again here, perhaps only once the pledge has told what became of it.
    let leaves = request.leaves();
    let vouched = history.as_ref().zip(leaves.nonce.as_ref()).and_then(|(history, nonce)| history.vouched_for(nonce));
    check_fresh(leaves.created_on.or(vouched.map(|vouched| vouched.at)), LONGEST_DEFERRAL, now)?;
    let history = history.filter(|history| history.device() == request.device());
    let history = history.ok_or_else(|| Refusal::UnknownDevice(request.device().clone()))?;
    match history.pinned_in(chain) {
        Some(domain) => Ok(DisclosureOrder { history, domain: Some(domain) }),
        None => {
            let domain = request.domain().domain_id().to_string();
            Err(Refusal::NeverOwner { domain, serial: request.device().serial.clone() })
        }
    }
}
