//! What sales data says of the domain that asks, and what follows from it.
//!
//! Neither RFC 8995 (sections 5.5.1 and 7.4) nor RFC 8366bis says how; both speak of "sales channel integration". Names of customers never reach a refusal: whoever holds a
//! device in his hands may ask, and learns only what he needs in order to ask right.

use brski_common::{Assertion, Certificate, Refusal, SpkiDigest};

use super::policy::{Resale, Sales, SalesPolicy};
use crate::history::History;
use crate::ledger::Vouched;
use crate::ownership::{Ownership, Possession};
use crate::request::RegistrarRequest;

/// Whoever the device is sold to, and by what its domain is known.
struct Buyer {
    /// Those of the sale, and those that the configuration has under the customer's name now.
    keys: Vec<SpkiDigest>,
    any_below: bool,
}

impl Buyer {
    /// `None` if the device is not sold.
    fn of(history: &History, policy: &SalesPolicy) -> Option<Self> {
        let ownership = Ownership::of(history);
        let customer = ownership.customer()?;
        Some(Self { keys: customer.keys.iter().copied().chain(policy.keys_of(&customer.name)).collect(), any_below: policy.any_below(&customer.name) })
    }

    /// Whether its key at this height of a path tells who the signer at its foot is: the signer's own key does, and that of the CA which certified the signer. One further up
    /// may stand above others as well, as the root of a public CA does.
    fn is_known_at(&self, height: usize) -> bool {
        height <= 1 || self.any_below
    }
}

/// A registrar's certificate and the CAs above it, of which a voucher may pin any.
pub(super) fn path(registrar: &RegistrarRequest) -> Vec<&Certificate> {
    core::iter::once(registrar.signer()).chain(registrar.authorities()).collect()
}

/// The keys of a path.
pub(super) fn keys(path: &[&Certificate]) -> Vec<SpkiDigest> {
    path.iter().map(|certificate| certificate.spki_digest()).collect()
}

/// How high among the keys of a path the highest is by which the device's buyer is known, if there is one. `pin` is the key that the voucher pins, once that is chosen: where it is the
/// buyer's own, the device goes to nobody else's, however high it is.
pub(super) fn buyer_in(path: &[SpkiDigest], pin: Option<SpkiDigest>, history: &History, policy: &SalesPolicy) -> Option<usize> {
    let buyer = Buyer::of(history, policy)?;
    let is_buyers = |(height, key): (usize, &SpkiDigest)| (buyer.keys.contains(key) && (buyer.is_known_at(height) || pin == Some(*key))).then_some(height);
    path.iter().enumerate().rev().find_map(is_buyers)
}

/// The lowest certificate of a path that sales data makes the buyer's domain.
pub(super) fn lowest<'a>(path: &[&'a Certificate], history: &History, policy: &SalesPolicy) -> Option<&'a Certificate> {
    let buyer = Buyer::of(history, policy)?;
    let lowest = path.iter().position(|certificate| buyer.keys.contains(&certificate.spki_digest()))?;
    match lowest {
        0 | 1 => path.get(lowest).copied(),
        // All below that key are the customer's, of whom this is the one that asks.
        _ if buyer.any_below => path.get(1).copied(),
        _ => None,
    }
}

/// Whether the domain whose path has these keys may have the device at all, by a voucher that pins this one.
pub(super) fn check(path: &[SpkiDigest], pin: SpkiDigest, history: &History, policy: &SalesPolicy) -> Result<(), Refusal> {
    let serial = || history.device().serial.clone();
    let ca_key = || path.get(1).or(path.first()).copied().unwrap_or(pin);
    if buyer_in(path, Some(pin), history, policy).is_some() {
        return Ok(());
    }
    let buyer = Buyer::of(history, policy);
    match (policy.sales, buyer.as_ref().map(|buyer| buyer.keys.as_slice())) {
        (Sales::IfSold | Sales::Required, Some([_, ..])) => return Err(Refusal::SoldElsewhere { serial: serial(), ca_key: ca_key() }),
        (Sales::Required, Some([])) => return Err(Refusal::BuyerUnknown { serial: serial(), ca_key: ca_key() }),
        (Sales::Required, None) => {
            let released = matches!(Possession::of(history), Possession::Released { .. });
            return Err(Refusal::NotSold { serial: serial(), state: if released { "given up by its last owner and not sold since" } else { "not sold yet" } });
        }
        (Sales::Ignored, _) | (Sales::IfSold, Some([]) | None) => {}
    }
    let others = || history.vouched_since_change();
    let is_known = || others().iter().any(|vouched| path.contains(&vouched.pin));
    match policy.resale {
        Resale::AfterRelease if !others().is_empty() && !is_known() => Err(Refusal::NotReleased(serial())),
        Resale::AfterRelease | Resale::Anyone => Ok(()),
    }
}

/// The same for the domain that was given this voucher, of whose path the ledger has what signed the request and what was pinned.
pub(super) fn check_recorded(vouched: &Vouched, history: &History, policy: &SalesPolicy) -> Result<(), Refusal> {
    // Then the buyer's key may stand above those two, and the entry says that it did.
    let is_below = vouched.assertion == Assertion::Verified && Buyer::of(history, policy).is_some_and(|buyer| buyer.any_below && !buyer.keys.is_empty());
    match is_below {
        true => Ok(()),
        false => check(&[vouched.registrar, vouched.pin], vouched.pin, history, policy),
    }
}
