//! Journey 2, the rule: whether a registrar's request earns a voucher, and which (RFC 8995, section 5.5).

pub mod cloud;
mod extension;
mod issued;
mod nonceless;
mod offline;
mod pin;
mod policy;
mod proximity;
mod renewal;
mod sales;
#[cfg(test)]
mod tests;

use core::ops::Range;
use core::time::Duration;

use brski_common::pledge::LONGEST_DEFERRAL;
use brski_common::time::to_rfc3339;
use brski_common::{Assertion, Certificate, Nonce, PeerCertificates, Refusal, SpkiDigest, UnixTime, Voucher};

pub use extension::Told;
pub use issued::{evaluate_again, evaluate_issued};
pub use policy::{IssuePolicy, KnownCustomer, NoncelessPolicy, ProximityKey, Resale, Sales, SalesPolicy, UncheckedRevocation, WithoutProximity};

use self::pin::Pin;
use self::proximity::Proven;
use crate::history::History;
use crate::ledger::{Entry, Pinned, Vouched, VoucherContent};
use crate::request::{Claim, PledgeRequest, Prior, RegistrarRequest};

/// What [`evaluate`] allows.
#[derive(Debug, PartialEq)]
pub enum Decision {
    /// A new voucher: its entry comes first.
    Record(Box<VoucherOrder>),
    /// The voucher that the ledger has had since an earlier answer to the same request.
    Repeat(Box<RecordedVoucher>),
}

impl Decision {
    /// What the voucher will say.
    pub fn voucher(&self) -> &Voucher {
        match self {
            Self::Record(order) => order.voucher(),
            Self::Repeat(recorded) => recorded.voucher(),
        }
    }
}

/// Permission to write one voucher into the ledger, and to sign it after that. Made by [`evaluate`] alone, spent by value.
///
/// ```
/// use brski_masa::{History, IssuePolicy, issue::VoucherOrder};
/// fn made(order: VoucherOrder) -> VoucherOrder { order }
/// fn signed(order: VoucherOrder, read: &History, policy: &IssuePolicy) { order.recorded(1..2, read, policy).unwrap().into_voucher(); }
/// ```
/// It cannot be put together, nor yield a voucher before it is recorded, nor be spent twice:
/// ```compile_fail,E0451
/// use brski_masa::{History, IssuePolicy, issue::VoucherOrder};
/// fn made(order: VoucherOrder) -> VoucherOrder { VoucherOrder { ..order } }
/// fn signed(order: VoucherOrder, read: &History, policy: &IssuePolicy) { order.recorded(1..2, read, policy).unwrap().into_voucher(); }
/// ```
/// ```compile_fail,E0599
/// use brski_masa::{History, IssuePolicy, issue::VoucherOrder};
/// fn made(order: VoucherOrder) -> VoucherOrder { order }
/// fn signed(order: VoucherOrder, read: &History, policy: &IssuePolicy) { order.into_voucher(); }
/// ```
/// ```compile_fail,E0599
/// use brski_masa::{History, IssuePolicy, issue::VoucherOrder};
/// fn made(order: VoucherOrder) -> VoucherOrder { order }
/// fn signed(order: VoucherOrder, read: &History, policy: &IssuePolicy) { order.clone().recorded(1..2, read, policy).unwrap().into_voucher(); }
/// ```
#[derive(Debug, PartialEq)]
pub struct VoucherOrder {
    voucher: Voucher,
    entry: Entry,
    /// The keys of whoever asked, the lowest first.
    path: Vec<SpkiDigest>,
    pin: SpkiDigest,
    /// How often the device had changed hands.
    changes: usize,
}

impl VoucherOrder {
    /// What the voucher will say.
    pub fn voucher(&self) -> &Voucher {
        &self.voucher
    }

    /// What has to be in the ledger first.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The voucher, now that [`Ledger::append`](crate::Ledger::append) said that its entry is durable at these indexes. `history` is what was read after that: a mark, a block or a sale
    /// may have come before the entry, and after the order.
    ///
    /// # Errors
    /// [`Refusal`] if the device is not to be had any more; [`Refusal::Pending`] if it was sold or released, so that who asks has to be judged anew. The entry stands all the same.
    pub fn recorded(self, appended: Range<u64>, history: &History, policy: &IssuePolicy) -> Result<RecordedVoucher, Refusal> {
        check_owner(&self.path, self.pin, history, policy)?;
        match history.owned().len() == self.changes {
            true => Ok(RecordedVoucher { voucher: self.voucher, index: Some(appended.start) }),
            false => Err(Refusal::Pending { reason: "the device was sold or released just now".to_owned(), wait: Duration::from_secs(1) }),
        }
    }
}

/// Permission to sign one voucher whose entry is in the ledger. Comes from [`VoucherOrder::recorded`] or, for one that is on record already, from [`evaluate`],
/// [`evaluate_issued`] or [`evaluate_again`].
#[derive(Debug, PartialEq)]
pub struct RecordedVoucher {
    voucher: Voucher,
    index: Option<u64>,
}

impl RecordedVoucher {
    /// Where its entry is, if it was appended just now.
    pub fn index(&self) -> Option<u64> {
        self.index
    }

    /// What the voucher says.
    pub fn voucher(&self) -> &Voucher {
        &self.voucher
    }

    /// The voucher to sign.
    pub fn into_voucher(self) -> Voucher {
        self.voucher
    }
}

/// Decides whether the domain that `claim` speaks for gets a voucher, and what it says.
///
/// `peer` is who asked over TLS; `history` is what the ledger has of the device that the claim names.
///
/// # Errors
/// [`Refusal`] naming the rule that says no and what would be accepted.
pub fn evaluate(claim: &Claim, peer: &PeerCertificates, history: &History, policy: &IssuePolicy, now: UnixTime) -> Result<Decision, Refusal> {
    let registrar = claim.registrar();
    if history.device() != registrar.device() {
        return Err(Refusal::UnknownDevice(registrar.device().clone()));
    }
    check_revocation(registrar.chain(), policy)?;
    let created_on = registrar.leaves().created_on;
    // With a nonce it may be absent, as RFC 8995, section 5.5 has it: the ledger knows which nonces were used.
    if created_on.is_some() || registrar.leaves().nonce.is_none() {
        check_fresh(created_on, policy.freshness, now)?;
    }
    let path = sales::path(registrar);
    let keys = sales::keys(&path);
    let buyer = sales::buyer_in(&keys, None, history, &policy.sales);
    let renewed = match claim.prior() {
        Prior::Nothing => None,
        Prior::Pledge(pledge) => {
            check_pledge(pledge, registrar, history, now)?;
            None
        }
        Prior::Voucher(earlier) => Some(renewal::evaluate(earlier.get(), registrar, buyer.is_some(), history)?),
    };
    if let Some(earlier) = renewed.filter(|earlier| earlier.nonce.is_some()) {
        // The same nonce again, and the domain that was given it: nothing new is asked for, however long ago it was.
        check_owner(&keys, earlier.pin, history, policy)?;
        return again(earlier).map(|recorded| Decision::Repeat(Box::new(recorded)));
    }
    let Proven { assertion, named } = proximity::evaluate(claim, policy)?;

    let (pin, nonce, expires_on) = match &registrar.leaves().nonce {
        Some(nonce) => {
            let domain = domain(registrar, buyer, history.vouched_for(nonce));
            (Pin::choose(named, domain), Some(echo(nonce, claim.pledge())), None)
        }
        None => {
            let domain = nonceless::authorised(registrar, peer, history, renewed, policy, now)?;
            let pin = domain.spki_digest();
            let is_buyers = is_buyers(sales::buyer_in(&keys, Some(pin), history, &policy.sales), &keys, pin);
            let lifetime = nonceless::lifetime(domain, is_buyers, history, policy);
            (Pin::Certificate(domain), None, Some(nonceless::expiry([registrar.signer(), domain], lifetime, now)))
        }
    };
    check_owner(&keys, pin.digest(), history, policy)?;
    let buyer = sales::buyer_in(&keys, Some(pin.digest()), history, &policy.sales);
    // Only where the serial number alone would name two devices (RFC 8366bis, section 6.2).
    let content = VoucherContent { pinned: pin.to_pinned(), names_issuer: history.serial_is_shared() };
    let vouched = Vouched {
        device: history.device().clone(),
        at: now,
        domain: pin.domain_id(),
        pin: pin.digest(),
        registrar: registrar.signer().spki_digest(),
        nonce,
        assertion: if is_buyers(buyer, &keys, pin.digest()) { Assertion::Verified } else { assertion },
        expires_on,
        content: Some(content.clone()),
        by: None,
    };
    match repeated(&vouched, history, now)? {
        Some(earlier) => {
            // A pledge that named a key by its hash before may name the key now, and then looks for that.
            let same = earlier.content.as_ref().filter(|content| matches!(content.pinned, Pinned::Certificate(_)));
            let voucher = earlier.saying(same.unwrap_or(&content));
            Ok(Decision::Repeat(Box::new(RecordedVoucher { voucher, index: None })))
        }
        None => Ok(Decision::Record(Box::new(order(vouched.saying(&content), vouched, keys, history, policy, now)?))),
    }
}

/// Decides on a voucher without nonce for a domain that an operator names, to be carried where no MASA can be reached. `registrar` is the one that will show it, if that is known;
/// `by` is the operator.
///
/// The operator answers for who it is; whether that domain may have such vouchers is decided as for any other.
///
/// # Errors
/// [`Refusal`] as for [`evaluate`].
pub fn evaluate_offline(
    domain: &Certificate,
    registrar: Option<&Certificate>,
    by: &str,
    history: &History,
    policy: &IssuePolicy,
    now: UnixTime,
) -> Result<VoucherOrder, Refusal> {
    let (voucher, vouched) = offline::evaluate(domain, registrar, by, history, policy, now)?;
    let path = registrar.into_iter().chain([domain]).map(Certificate::spki_digest).collect();
    order(voucher, vouched, path, history, policy, now)
}

/// The order for a voucher that is new, unless there were too many.
fn order(voucher: Voucher, vouched: Vouched, path: Vec<SpkiDigest>, history: &History, policy: &IssuePolicy, now: UnixTime) -> Result<VoucherOrder, Refusal> {
    match vouched_lately(history, now) >= policy.daily_vouchers {
        true => Err(Refusal::TooManyVouchers { serial: history.device().serial.clone(), limit: policy.daily_vouchers }),
        false => Ok(VoucherOrder { voucher, path, pin: vouched.pin, changes: history.owned().len(), entry: Entry::Vouched(vouched) }),
    }
}

/// Whether the domain may have the device, and the device may be had.
fn check_owner(path: &[SpkiDigest], pin: SpkiDigest, history: &History, policy: &IssuePolicy) -> Result<(), Refusal> {
    sales::check(path, pin, history, &policy.sales)?;
    // Only now: why a device is blocked is nobody's business who cannot show that he has it, or to whom it does not belong.
    check_not_blocked(history)
}

fn check_not_blocked(history: &History) -> Result<(), Refusal> {
    match history.blocked() {
        Some(reason) => Err(Refusal::DeviceBlocked(history.device().serial.clone(), reason)),
        None => Ok(()),
    }
}

/// Whether what a voucher pins is a key by which the device's buyer is known, or lies below one: the voucher then asserts `verified`.
///
/// `verified` also where proximity is proven. It says that ownership was positively verified, and `proximity` that the pledge and the domain met (RFC 8366bis, section 8.4): a pledge asks
/// its manufacturer whose it is, and RFC 8366bis has `verified` satisfy all pledges (section 8.3). Who reads the log may take it for no proof that the device was with that domain (RFC 8995,
/// section 5.8.3), which errs on the safe side. The checks of its section 5.5.5 are made all the same, and no wrong proof of proximity gets a voucher.
fn is_buyers(buyer: Option<usize>, path: &[SpkiDigest], pin: SpkiDigest) -> bool {
    let pinned = path.iter().position(|key| *key == pin);
    buyer.zip(pinned).is_some_and(|(buyer, pinned)| buyer >= pinned)
}

/// A voucher that is on record, to be signed again.
fn again(earlier: &Vouched) -> Result<RecordedVoucher, Refusal> {
    let incomplete = Refusal::NotRenewed("the ledger of its time did not keep what it pinned; the pledge has to ask anew");
    Ok(RecordedVoucher { voucher: earlier.voucher().ok_or(incomplete)?, index: None })
}

/// The domain that a voucher with a nonce pins; for a nonce that was used already the one that it was used for, if that is among the registrar's own.
///
/// Whoever passes a request on may leave certificates out, and so have the registrar pinned in its issuer's place: the registrar itself then still gets that voucher.
/// Where the buyer is known by the registrar's own key alone, that is what is pinned: not everybody to whom its issuer gave a certificate bought the device.
fn domain<'a>(registrar: &'a RegistrarRequest, buyer: Option<usize>, earlier: Option<&Vouched>) -> &'a Certificate {
    let mut own = core::iter::once(registrar.signer()).chain(registrar.authorities());
    let was_pinned = |earlier: &Vouched| own.find(|certificate| certificate.spki_digest() == earlier.pin && certificate.domain_id() == earlier.domain);
    let usual = || if buyer == Some(0) { registrar.signer() } else { registrar.domain() };
    earlier.and_then(was_pinned).unwrap_or_else(usual)
}

/// How many vouchers the device got within the last day.
fn vouched_lately(history: &History, now: UnixTime) -> usize {
    history.vouched().iter().filter(|vouched| age(vouched.at, now) < DAY).count()
}

/// Whether the certificates' own word on revocation may go unheard (RFC 8995, section 5.5.3).
pub(crate) fn check_revocation(chain: &[Certificate], policy: &IssuePolicy) -> Result<(), Refusal> {
    let source = chain.iter().find(|certificate| certificate.names_revocation_source());
    match (source, policy.unchecked_revocation) {
        (Some(certificate), UncheckedRevocation::Refuse) => Err(Refusal::RevocationUnchecked { subject: certificate.subject().to_owned() }),
        (Some(_), UncheckedRevocation::Accept) | (None, UncheckedRevocation::Refuse | UncheckedRevocation::Accept) => Ok(()),
    }
}

/// Whether a request was made within `limit` of now, before or after.
pub(crate) fn check_fresh(created_on: Option<UnixTime>, limit: Duration, now: UnixTime) -> Result<(), Refusal> {
    let section = "RFC 8995, section 5.5; without it an old request that somebody sends again looks like a new one";
    let created_on = created_on.ok_or(Refusal::LeafMissing { leaf: "created-on", section })?;
    match created_on.as_secs().abs_diff(now.as_secs()) <= limit.as_secs() {
        true => Ok(()),
        false => Err(not_fresh(created_on, limit, now)),
    }
}

/// Whether the pledge's request comes from the device that the registrar names, and answers to the same nonce (RFC 8995, sections 5.5.5 and 5.5.6).
fn check_pledge(pledge: &PledgeRequest, registrar: &RegistrarRequest, history: &History, now: UnixTime) -> Result<(), Refusal> {
    let (claimed, signed) = (registrar.device(), pledge.idevid().device());
    if claimed.serial != signed.serial {
        return Err(Refusal::SerialMismatch { found: claimed.serial.clone(), expected: signed.serial.clone() });
    }
    if claimed.issuer != signed.issuer {
        return Err(Refusal::IssuerMismatch { found: claimed.issuer.to_string(), expected: signed.issuer.to_string() });
    }
    // The certificate's path says that we issued it; only the record says that it was for this key.
    if pledge.idevid().spki_digest() != history.idevid().spki_digest() {
        return Err(Refusal::KeyMismatch(signed.serial.clone()));
    }

    let leaves = pledge.leaves();
    if leaves.serial_number != signed.serial {
        return Err(Refusal::SerialMismatch { found: leaves.serial_number.clone(), expected: signed.serial.clone() });
    }
    // A pledge's clock may be wrong and may be absent, so that only what is surely stale is refused.
    if let Some(created_on) = leaves.created_on.filter(|created| age(*created, now) > LONGEST_DEFERRAL) {
        return Err(not_fresh(created_on, LONGEST_DEFERRAL, now));
    }
    match leaves.nonce == registrar.leaves().nonce {
        true => Ok(()),
        false => Err(Refusal::NonceMismatch),
    }
}

/// The entry that the ledger has of this voucher already, because its answer was lost and the registrar asks again.
fn repeated<'a>(vouched: &Vouched, history: &'a History, now: UnixTime) -> Result<Option<&'a Vouched>, Refusal> {
    let earlier = vouched.nonce.as_ref().and_then(|nonce| history.vouched_for(nonce));
    match earlier {
        None => Ok(None),
        // By the key, since the domainID is whatever a certificate says it is.
        Some(earlier) if earlier.pin != vouched.pin => Err(Refusal::Replayed { how: "to another domain" }),
        Some(earlier) if age(earlier.at, now) > LONGEST_DEFERRAL => Err(Refusal::Replayed { how: "more than four days ago" }),
        Some(earlier) => Ok(Some(earlier)),
    }
}

/// The nonce as the pledge itself wrote it, where we have that: it compares with its own.
fn echo(nonce: &Nonce, pledge: Option<&PledgeRequest>) -> Nonce {
    pledge.and_then(|pledge| pledge.leaves().nonce.clone()).unwrap_or_else(|| nonce.clone())
}

fn age(then: UnixTime, now: UnixTime) -> Duration {
    Duration::from_secs(now.as_secs().saturating_sub(then.as_secs()))
}

fn not_fresh(created_on: UnixTime, limit: Duration, now: UnixTime) -> Refusal {
    Refusal::NotFresh { created_on: to_rfc3339(created_on), now: to_rfc3339(now), limit: limit.as_secs() }
}

const DAY: Duration = Duration::from_secs(86_400);
