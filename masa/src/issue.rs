//! Journey 2, the rule: whether a registrar's request earns a voucher, and which (RFC 8995, section 5.5).

mod extension;
mod pin;
mod policy;
mod proximity;
#[cfg(test)]
mod tests;

use core::ops::Range;
use core::time::Duration;

use brski_common::time::{at, to_rfc3339};
use brski_common::{Certificate, Nonce, PeerCertificates, Refusal, UnixTime, Voucher};

pub use extension::Told;
pub use policy::{IssuePolicy, NoncelessPolicy, ProximityKey, UncheckedRevocation, WithoutProximity};

use self::pin::Pin;
use self::proximity::Proven;
use crate::history::History;
use crate::ledger::{Entry, Vouched};
use crate::request::{Claim, PledgeRequest, RegistrarRequest};

/// What [`evaluate`] allows.
#[derive(Debug, PartialEq)]
pub enum Decision {
    /// A new voucher: its entry comes first.
    Record(VoucherOrder),
    /// The voucher that the ledger has had since an earlier answer to the same request.
    Repeat(RecordedVoucher),
}

impl Decision {
    /// What the voucher will say.
    pub fn voucher(&self) -> &Voucher {
        match self {
            Self::Record(order) => &order.voucher,
            Self::Repeat(recorded) => &recorded.voucher,
        }
    }
}

/// Permission to write one voucher into the ledger, and to sign it after that. Made by [`evaluate`] alone, spent by value.
///
/// ```
/// use brski_masa::issue::VoucherOrder;
/// fn made(order: VoucherOrder) -> VoucherOrder { order }
/// fn signed(order: VoucherOrder) { order.recorded(1..2).into_voucher(); }
/// ```
/// It cannot be put together, nor yield a voucher before it is recorded, nor be spent twice:
/// ```compile_fail,E0451
/// use brski_masa::issue::VoucherOrder;
/// fn made(order: VoucherOrder) -> VoucherOrder { VoucherOrder { ..order } }
/// fn signed(order: VoucherOrder) { order.recorded(1..2).into_voucher(); }
/// ```
/// ```compile_fail,E0599
/// use brski_masa::issue::VoucherOrder;
/// fn made(order: VoucherOrder) -> VoucherOrder { order }
/// fn signed(order: VoucherOrder) { order.into_voucher(); }
/// ```
/// ```compile_fail,E0599
/// use brski_masa::issue::VoucherOrder;
/// fn made(order: VoucherOrder) -> VoucherOrder { order }
/// fn signed(order: VoucherOrder) { order.clone().recorded(1..2).into_voucher(); }
/// ```
#[derive(Debug, PartialEq)]
pub struct VoucherOrder {
    voucher: Voucher,
    entry: Entry,
}

impl VoucherOrder {
    /// What has to be in the ledger first.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The voucher, now that [`Ledger::append`](crate::Ledger::append) said that its entry is durable at these indexes.
    pub fn recorded(self, appended: Range<u64>) -> RecordedVoucher {
        RecordedVoucher { voucher: self.voucher, index: Some(appended.start) }
    }
}

/// Permission to sign one voucher whose entry is in the ledger. Comes from [`VoucherOrder::recorded`] or, for a repeated request, from [`evaluate`].
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
    if let Some(pledge) = claim.pledge() {
        check_pledge(pledge, registrar, history, now)?;
    }
    let Proven { assertion, named } = proximity::evaluate(claim, policy)?;

    let (pin, nonce, expires_on) = match &registrar.leaves().nonce {
        Some(nonce) => (Pin::choose(named, domain(registrar, history.vouched_for(nonce))), Some(echo(nonce, claim.pledge())), None),
        None => {
            let domain = authorised_without_nonce(registrar, peer, &policy.nonceless)?;
            (Pin::Certificate(domain), None, Some(expiry(registrar.signer(), domain, policy.nonceless.lifetime, now)))
        }
    };
    // Only now: why a device is blocked is nobody's business who cannot show that he has it.
    if let Some(reason) = history.blocked() {
        return Err(Refusal::DeviceBlocked(history.device().serial.clone(), reason.to_owned()));
    }
    let voucher = pin.put_into(Voucher {
        assertion: Some(assertion),
        created_on: Some(now),
        domain_cert_revocation_checks: Some(false),
        expires_on,
        // Only where the serial number alone would name two devices (RFC 8366bis, section 6.2).
        idevid_issuer: history.serial_is_shared().then(|| history.device().issuer.clone()),
        nonce: nonce.clone(),
        ..Voucher::new(history.device().serial.clone())
    });
    let vouched = Vouched {
        device: history.device().clone(),
        at: now,
        domain: pin.domain_id(),
        pin: pin.digest(),
        registrar: registrar.signer().spki_digest(),
        nonce,
        assertion,
        expires_on,
    };
    match is_repeated(&vouched, history, now)? {
        true => Ok(Decision::Repeat(RecordedVoucher { voucher, index: None })),
        false if vouched_lately(history, now) >= policy.daily_vouchers => {
            Err(Refusal::TooManyVouchers { serial: history.device().serial.clone(), limit: policy.daily_vouchers })
        }
        false => Ok(Decision::Record(VoucherOrder { voucher, entry: Entry::Vouched(vouched) })),
    }
}

/// The domain that a voucher with a nonce pins; for a nonce that was used already the one that it was used for, if that is among the registrar's own.
///
/// Whoever passes a request on may leave certificates out, and so have the registrar pinned in its issuer's place: the registrar itself then still gets that voucher.
fn domain<'a>(registrar: &'a RegistrarRequest, earlier: Option<&Vouched>) -> &'a Certificate {
    let mut own = core::iter::once(registrar.signer()).chain(registrar.authorities());
    let was_pinned = |earlier: &Vouched| own.find(|certificate| certificate.spki_digest() == earlier.pin && certificate.domain_id() == earlier.domain);
    earlier.and_then(was_pinned).unwrap_or(registrar.domain())
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

/// Whether the ledger has this voucher already, because its answer was lost and the registrar asks again.
fn is_repeated(vouched: &Vouched, history: &History, now: UnixTime) -> Result<bool, Refusal> {
    let earlier = vouched.nonce.as_ref().and_then(|nonce| history.vouched_for(nonce));
    match earlier {
        None => Ok(false),
        // By the key, since the domainID is whatever a certificate says it is.
        Some(earlier) if earlier.pin != vouched.pin => Err(Refusal::Replayed { how: "to another domain" }),
        Some(earlier) if age(earlier.at, now) > LONGEST_DEFERRAL => Err(Refusal::Replayed { how: "more than four days ago" }),
        Some(_) => Ok(true),
    }
}

/// The highest certificate of the domain that may have vouchers without nonce, if the registrar itself is the one who asks (RFC 8995, section 5.5.2).
fn authorised_without_nonce<'a>(registrar: &'a RegistrarRequest, peer: &PeerCertificates, policy: &NoncelessPolicy) -> Result<&'a Certificate, Refusal> {
    let candidates = match registrar.authorities() {
        [] => core::slice::from_ref(registrar.signer()),
        authorities => authorities,
    };
    let listed = candidates.iter().rev().find(|certificate| policy.domains.contains(&certificate.spki_digest()));
    let pinned = listed.ok_or_else(|| Refusal::NoncelessNotAuthorized { ca_key: registrar.domain().spki_digest() })?;
    // Nothing in a request without nonce is new, so that whoever once saw it could send it again.
    match peer.own() == Some(registrar.signer()) {
        true => Ok(pinned),
        false => Err(Refusal::ClientCertificateRequired("a voucher-request without nonce is answered only to the registrar that signed it")),
    }
}

/// No later than any certificate that the voucher relies on (RFC 8366bis, `expires-on`).
fn expiry(signer: &Certificate, pinned: &Certificate, lifetime: Duration, now: UnixTime) -> UnixTime {
    let latest = at(now.as_secs().saturating_add(lifetime.as_secs()));
    latest.min(signer.not_after()).min(pinned.not_after())
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

/// Longest time for which a pledge asks with the same request (RFC 8995, section 5.6): a repeated question is the same question that long.
pub(crate) const LONGEST_DEFERRAL: Duration = Duration::from_secs(4 * 86_400);

const DAY: Duration = Duration::from_secs(86_400);
