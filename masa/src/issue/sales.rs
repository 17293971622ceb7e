//! What sales data says of the domain that asks, and what follows from it.
//!
//! Neither RFC 8995 (sections 5.5.1 and 7.4) nor RFC 8366bis says how; both speak of "sales channel integration". Names of customers never reach a refusal: whoever holds a
//! device in his hands may ask, and learns only what he needs in order to ask right.

use brski_common::{Certificate, Refusal, SpkiDigest};

use super::policy::{Resale, Sales, SalesPolicy};
use crate::history::History;
use crate::ownership::{Ownership, Possession};
use crate::request::RegistrarRequest;

/// The keys of whoever the device is sold to: those of the sale, and those that became known since. `None` if it is not sold.
pub(super) fn buyer_keys(history: &History, policy: &SalesPolicy) -> Option<Vec<SpkiDigest>> {
    let ownership = Ownership::of(history);
    let customer = ownership.customer()?;
    Some(customer.keys.iter().copied().chain(policy.keys_of(&customer.name)).collect())
}

/// A registrar's certificate and the CAs above it, of which a voucher may pin any.
pub(super) fn path(registrar: &RegistrarRequest) -> Vec<&Certificate> {
    core::iter::once(registrar.signer()).chain(registrar.authorities()).collect()
}

/// How high in `path` a key of the device's buyer is, if one is there at all.
pub(super) fn buyer_in(path: &[&Certificate], history: &History, policy: &SalesPolicy) -> Option<usize> {
    let keys = buyer_keys(history, policy)?;
    path.iter().rposition(|certificate| keys.contains(&certificate.spki_digest()))
}

/// Whether the domain with this path may have the device at all.
pub(super) fn check(path: &[&Certificate], history: &History, policy: &SalesPolicy) -> Result<(), Refusal> {
    let serial = || history.device().serial.clone();
    let ca_key = || path.get(1).or(path.first()).map(|certificate| certificate.spki_digest()).unwrap_or(SpkiDigest([0; 32]));
    if buyer_in(path, history, policy).is_some() {
        return Ok(());
    }
    let keys = buyer_keys(history, policy);
    match (policy.sales, keys.as_deref()) {
        (Sales::IfSold | Sales::Required, Some([_, ..])) => return Err(Refusal::SoldElsewhere { serial: serial(), ca_key: ca_key() }),
        (Sales::Required, Some([])) => return Err(Refusal::BuyerUnknown { serial: serial(), ca_key: ca_key() }),
        (Sales::Required, None) => {
            let released = matches!(Possession::of(history), Possession::Released { .. });
            return Err(Refusal::NotSold { serial: serial(), state: if released { "given up by its last owner and not sold since" } else { "not sold yet" } });
        }
        (Sales::Ignored, _) | (Sales::IfSold, Some([]) | None) => {}
    }
    let others = || history.vouched_since_change();
    let is_known = || others().iter().any(|vouched| path.iter().any(|certificate| certificate.spki_digest() == vouched.pin));
    match policy.resale {
        Resale::AfterRelease if !others().is_empty() && !is_known() => Err(Refusal::NotReleased(serial())),
        Resale::AfterRelease | Resale::Anyone => Ok(()),
    }
}
