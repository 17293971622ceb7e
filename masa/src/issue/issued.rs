//! A voucher that was issued before, for the domain that it was issued to: lost vouchers can be had again, and say what they said.

use brski_common::{PeerCertificates, Refusal, UnixTime};

use super::policy::IssuePolicy;
use super::{RecordedVoucher, again, check_fresh, check_not_blocked, check_owner, check_revocation, nonceless, sales};
use crate::history::History;
use crate::ledger::Vouched;
use crate::request::RegistrarRequest;

/// Decides which voucher the domain that `registrar` speaks for gets again: the newest that pins one of its keys, among those since the device last changed hands.
///
/// Nothing is recorded: the voucher is on record. Who had a device once and no longer has it gets nothing, and neither does anybody while the device is blocked.
///
/// # Errors
/// [`Refusal::UnknownDevice`], [`Refusal::NeverOwner`]; [`Refusal::ClientCertificateRequired`] for a voucher without nonce, as when it was issued; else as for a new voucher.
pub fn evaluate_issued(
    registrar: &RegistrarRequest,
    peer: &PeerCertificates,
    history: Option<&History>,
    policy: &IssuePolicy,
    now: UnixTime,
) -> Result<RecordedVoucher, Refusal> {
    check_revocation(registrar.chain(), policy)?;
    check_fresh(registrar.leaves().created_on, policy.freshness, now)?;
    let history = history.filter(|history| history.device() == registrar.device());
    let history = history.ok_or_else(|| Refusal::UnknownDevice(registrar.device().clone()))?;

    let path = sales::path(registrar);
    let is_ours = |vouched: &&Vouched| path.iter().any(|certificate| certificate.spki_digest() == vouched.pin);
    let never = || Refusal::NeverOwner { domain: registrar.domain().domain_id().to_string(), serial: history.device().serial.clone() };
    history.vouched().iter().find(is_ours).ok_or_else(never)?;
    let newest = history.vouched_since_change().iter().rev().find(is_ours).ok_or(GONE)?;
    check_owner(&sales::keys(&path), newest.pin, history, policy)?;
    if newest.nonce.is_none() {
        nonceless::authenticated(registrar, peer, &policy.nonceless, now)?;
    }
    again(newest)
}

/// Decides whether the voucher whose entry has this index is given again to the manufacturer's own people, who answer for whom they give it to.
///
/// What the rule for its domain says goes for them too: whoever brings it to the device has it vouched for, whatever the voucher's date.
///
/// # Errors
/// [`Refusal::NotRenewed`] if there is no such voucher, or the device has changed hands since; [`Refusal::SoldElsewhere`] and the like if its domain may not have the device by today's
/// sales data; [`Refusal::DeviceBlocked`].
pub fn evaluate_again(index: u64, history: &History, policy: &IssuePolicy) -> Result<RecordedVoucher, Refusal> {
    let none = Refusal::NotRenewed("it is none of those that this MASA's ledger has of the device");
    let (place, vouched) = history.vouchers().enumerate().find_map(|(place, (at, vouched))| (at == index).then_some((place, vouched))).ok_or(none)?;
    if place + history.vouched_since_change().len() < history.vouched().len() {
        return Err(GONE);
    }
    sales::check_recorded(vouched, history, &policy.sales)?;
    check_not_blocked(history)?;
    again(vouched)
}

const GONE: Refusal = Refusal::NotRenewed("the device has changed hands since it was issued; its pledge has to ask anew");
