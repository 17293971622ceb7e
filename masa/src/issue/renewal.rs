//! The renewal of an earlier voucher, which a registrar shows in the place of the pledge's request (RFC 8995, section 5.5.1; RFC 8366bis, section 10.1).
//!
//! Renewal "only updates the validity period", so that there is something to renew in a voucher without nonce alone. One with a nonce never expires and is worth nothing once the pledge
//! has another nonce: shown here with the very same nonce it is given again, and with any other, or with none, it would become a voucher that the pledge did not ask for.

use brski_common::voucher::Nonce;
use brski_common::{Refusal, SpkiDigest, Voucher};

use crate::history::History;
use crate::ledger::Vouched;
use crate::request::RegistrarRequest;

/// The entry of the voucher that the registrar shows, if its domain may have it anew.
pub(super) fn evaluate<'a>(earlier: &Voucher, registrar: &RegistrarRequest, is_buyer: bool, history: &'a History) -> Result<&'a Vouched, Refusal> {
    let device = history.device();
    if earlier.serial_number != device.serial {
        return Err(Refusal::SerialMismatch { found: device.serial.clone(), expected: earlier.serial_number.clone() });
    }
    let pin = pin(earlier).ok_or(Refusal::NotRenewed("it pins nothing"))?;
    let is_it = |vouched: &&Vouched| vouched.pin == pin && octets(&vouched.nonce) == octets(&earlier.nonce) && vouched.expires_on == earlier.expires_on;
    let entry = history.vouched().iter().rev().find(is_it);
    let entry = entry.ok_or(Refusal::NotRenewed("it is none of those that this MASA's ledger has of the device"))?;
    let own = core::iter::once(registrar.signer()).chain(registrar.authorities());
    if !own.into_iter().any(|certificate| certificate.spki_digest() == entry.pin) {
        let why = "it was given to another domain than the one that asks; a registrar of that domain can have it renewed, with the pinned CA's certificate in its request";
        return Err(Refusal::NotRenewed(why));
    }
    if !is_buyer && !history.vouched_since_change().contains(entry) {
        return Err(Refusal::NotRenewed("the device has changed hands since; its pledge has to ask anew"));
    }
    match (&entry.nonce, &registrar.leaves().nonce) {
        (None, None) => Ok(entry),
        (Some(then), Some(now)) if then.octets() == now.octets() => Ok(entry),
        (Some(_) | None, Some(_)) => {
            Err(Refusal::NotRenewed("the request has another nonce than it; with a new nonce the pledge's own request goes into prior-signed-voucher-request"))
        }
        (Some(_), None) => {
            Err(Refusal::NotRenewed("it has a nonce, and so never expires; a voucher without nonce is asked for without prior-signed-voucher-request"))
        }
    }
}

fn pin(voucher: &Voucher) -> Option<SpkiDigest> {
    let certificate = voucher.pinned_domain_cert.as_ref().map(|certificate| certificate.spki_digest());
    let key = || voucher.pinned_domain_pubk.as_deref().map(SpkiDigest::of);
    certificate.or_else(key).or_else(|| voucher.pinned_domain_pubk_sha256.map(SpkiDigest))
}

fn octets(nonce: &Option<Nonce>) -> Option<Vec<u8>> {
    nonce.as_ref().map(Nonce::octets)
}
