//! The rule of the cloud registrar: where a device that comes to its manufacturer itself, for want of a registrar nearby, finds its owner.
//!
//! Whose it is the sales data says, and where that customer wants its devices the manufacturer's configuration, since that changes without a sale. A device of which nobody knows whose it is
//! has to come again: it may have been unpacked before the sale was reported.

use core::time::Duration;

use brski_common::{Assertion, Certificate, MasaUrl, Refusal, SpkiDigest, UnixTime};

use super::pin::Pin;
use super::{Decision, IssuePolicy, LONGEST_DEFERRAL, RecordedVoucher, age, check_not_blocked, check_owner, is_buyers, not_fresh, order, repeated, sales};
use crate::history::History;
use crate::ledger::{Vouched, VoucherContent};
use crate::ownership::Ownership;
use crate::request::PledgeRequest;

/// Where customers want their devices.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudPolicy {
    /// One for each customer that wants devices to come this way.
    pub owners: Vec<CloudOwner>,
    /// After how long a device should ask again whose owner nobody knows.
    pub retry_after: Duration,
}

/// Where one customer wants its devices.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudOwner {
    /// The customer, by the name under which devices are sold to it.
    pub customer: String,
    /// Where to.
    pub destination: Destination,
}

/// Where a device goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Destination {
    /// To the owner's registrar, which asks for the voucher itself.
    Registrar(MasaUrl),
    /// To the owner's EST server, with a voucher that it gets here.
    EstServer(Box<EstServer>),
}

/// An EST server, as a voucher tells of it.
#[derive(Clone, Debug, PartialEq)]
pub struct EstServer {
    /// The voucher's est-domain.
    pub est_domain: String,
    /// The voucher's pinned-domain-cert, which the EST server has to stand under.
    pub pinned: Certificate,
    /// The voucher's additional-configuration-url.
    pub additional_configuration_url: Option<String>,
}

/// What [`evaluate`] finds.
#[derive(Debug, PartialEq)]
pub enum CloudDecision<'a> {
    /// The owner's registrar will do it.
    Redirect(&'a MasaUrl),
    /// A voucher, in which the rest is to be told as well.
    Vouch(Decision, &'a EstServer),
    /// Nobody knows yet whose it is, or where its owner wants it.
    OwnerUnknown,
}

impl CloudPolicy {
    fn destination(&self, customer: &str) -> Option<&Destination> {
        self.owners.iter().find(|owner| owner.customer == customer).map(|owner| &owner.destination)
    }
}

/// Decides where the device that signed this request goes. It need not assert proximity: its manufacturer's server, which it authenticated, is not its domain.
///
/// # Errors
/// [`Refusal`] naming the rule that says no.
pub fn evaluate<'a>(
    pledge: &PledgeRequest,
    history: &History,
    policy: &IssuePolicy,
    cloud: &'a CloudPolicy,
    now: UnixTime,
) -> Result<CloudDecision<'a>, Refusal> {
    check_request(pledge, history, now)?;
    // To whoever has it in hand, as its key shows.
    check_not_blocked(history)?;
    let destination = Ownership::of(history).customer().and_then(|customer| cloud.destination(&customer.name));
    match destination {
        None => Ok(CloudDecision::OwnerUnknown),
        Some(Destination::Registrar(url)) => Ok(CloudDecision::Redirect(url)),
        Some(Destination::EstServer(server)) => Ok(CloudDecision::Vouch(vouch(pledge, &server.pinned, history, policy, now)?, server)),
    }
}

/// The voucher for the owner that sales data names; the same again for the same nonce.
fn vouch(pledge: &PledgeRequest, domain: &Certificate, history: &History, policy: &IssuePolicy, now: UnixTime) -> Result<Decision, Refusal> {
    let pin = Pin::Certificate(domain);
    let path: Vec<SpkiDigest> = vec![pin.digest()];
    check_owner(&path, pin.digest(), history, policy)?;
    let buyer = sales::buyer_in(&path, Some(pin.digest()), history, &policy.sales);
    let content = VoucherContent { pinned: pin.to_pinned(), names_issuer: history.serial_is_shared() };
    let vouched = Vouched {
        device: history.device().clone(),
        at: now,
        domain: pin.domain_id(),
        pin: pin.digest(),
        // No registrar asked: the domain itself stands in its place.
        registrar: pin.digest(),
        nonce: pledge.leaves().nonce.clone(),
        assertion: if is_buyers(buyer, &path, pin.digest()) { Assertion::Verified } else { Assertion::Logged },
        expires_on: None,
        content: Some(content.clone()),
        by: None,
    };
    match repeated(&vouched, history, now)? {
        Some(earlier) => Ok(Decision::Repeat(Box::new(RecordedVoucher { voucher: earlier.saying(&content), index: None }))),
        None => Ok(Decision::Record(Box::new(order(vouched.saying(&content), vouched, path, history, policy, now)?))),
    }
}

/// Whether the request is the device's own, new, and answerable.
fn check_request(pledge: &PledgeRequest, history: &History, now: UnixTime) -> Result<(), Refusal> {
    let (leaves, device) = (pledge.leaves(), pledge.idevid().device());
    if history.device() != device {
        return Err(Refusal::UnknownDevice(device.clone()));
    }
    // The certificate's path says that we issued it; only the record says that it was for this key.
    if pledge.idevid().spki_digest() != history.idevid().spki_digest() {
        return Err(Refusal::KeyMismatch(device.serial.clone()));
    }
    if leaves.serial_number != device.serial {
        return Err(Refusal::SerialMismatch { found: leaves.serial_number.clone(), expected: device.serial.clone() });
    }
    if let Some(issuer) = leaves.idevid_issuer.as_ref().filter(|issuer| **issuer != device.issuer) {
        return Err(Refusal::IssuerMismatch { found: issuer.to_string(), expected: device.issuer.to_string() });
    }
    if leaves.prior_signed_voucher_request.is_some() {
        return Err(Refusal::LeafForbidden { leaf: "prior-signed-voucher-request", section: SECTION });
    }
    if leaves.nonce.is_none() {
        return Err(Refusal::LeafMissing { leaf: "nonce", section: SECTION });
    }
    // A pledge's clock may be wrong and may be absent, so that only what is surely stale is refused.
    match leaves.created_on.filter(|created| age(*created, now) > LONGEST_DEFERRAL) {
        Some(created_on) => Err(not_fresh(created_on, LONGEST_DEFERRAL, now)),
        None => Ok(()),
    }
}

const SECTION: &str = "RFC 8995, section 5.2";
