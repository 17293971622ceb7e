//! Vouchers that work without the pledge taking part: who may have them, whom they pin, and how long they last (RFC 8995, sections 5.5.4, 5.6 and 7.4.1).

use core::time::Duration;

use brski_common::chain::Usage;
use brski_common::time::at;
use brski_common::{Anchors, Certificate, PeerCertificates, Refusal, UnixTime};

use super::policy::{IssuePolicy, NoncelessPolicy};
use super::sales;
use crate::history::History;
use crate::ledger::Vouched;
use crate::request::RegistrarRequest;

/// The certificate that a voucher without nonce pins, if its domain may have such vouchers and the registrar itself is the one who asks.
///
/// A domain may have them that is listed, or that the device is sold to. `renewed` is an earlier voucher that is shown: its renewal is authorised without further ado
/// (RFC 8995, section 5.5.1), and its pin stays. Who had one and does not show it asks for a new one.
pub(super) fn authorised<'a>(
    registrar: &'a RegistrarRequest,
    peer: &PeerCertificates,
    history: &History,
    renewed: Option<&Vouched>,
    policy: &IssuePolicy,
    now: UnixTime,
) -> Result<&'a Certificate, Refusal> {
    let path = sales::path(registrar);
    let pinned = match renewed {
        Some(earlier) => path.iter().copied().find(|certificate| certificate.spki_digest() == earlier.pin),
        None => pinned(&path, history, policy),
    };
    let pinned = pinned.ok_or_else(|| Refusal::NoncelessNotAuthorized { ca_key: registrar.domain().spki_digest() })?;
    authenticated(registrar, peer, &policy.nonceless, now)?;
    Ok(pinned)
}

/// Whether it is known who asks (RFC 8995, section 5.5.4): the registrar itself over TLS, or one under a configured anchor.
pub(super) fn authenticated(registrar: &RegistrarRequest, peer: &PeerCertificates, policy: &NoncelessPolicy, now: UnixTime) -> Result<(), Refusal> {
    // Nothing in a request without nonce is new, so that whoever once saw it could send it again.
    match peer.own() == Some(registrar.signer()) || is_under_anchors(registrar, policy, now) {
        true => Ok(()),
        false => Err(Refusal::ClientCertificateRequired("a voucher-request without nonce is answered only to the registrar that signed it")),
    }
}

/// The certificate of a path that a voucher without nonce for this device pins: the highest that is listed, else the lowest that sales data makes the buyer's.
///
/// The higher the pin, the longer a voucher on a stick works, as registrars and issuing CAs come and go (cBRSKI, section 8.2); and the more can take the device with it. How high is for
/// the manufacturer to say, by the list: a key that sales data has may be that of a root which others share.
pub(super) fn pinned<'a>(path: &[&'a Certificate], history: &History, policy: &IssuePolicy) -> Option<&'a Certificate> {
    let listed = path.iter().copied().rev().find(|certificate| policy.nonceless.domains.contains(&certificate.spki_digest()));
    listed.or_else(|| sales::lowest(path, history, &policy.sales))
}

/// Whether the registrar's certificate leads to one that somebody configured for this purpose.
fn is_under_anchors(registrar: &RegistrarRequest, policy: &NoncelessPolicy, now: UnixTime) -> bool {
    let anchors = Anchors::new(policy.registrar_anchors.iter().cloned());
    !policy.registrar_anchors.is_empty() && anchors.is_ok_and(|anchors| anchors.verify_path(registrar.signer(), registrar.chain(), Usage::CmcRa, now).is_ok())
}

/// How long a voucher without nonce is valid that pins this certificate: as agreed with the customer if that `is_buyers`, else with the domain, else with anybody.
pub(super) fn lifetime(pinned: &Certificate, is_buyers: bool, history: &History, policy: &IssuePolicy) -> Duration {
    let key = pinned.spki_digest();
    let ownership = crate::ownership::Ownership::of(history);
    let sold_to = ownership.customer().filter(|_| is_buyers);
    let agreed = sold_to.and_then(|customer| policy.sales.customers.iter().find(|known| known.name == customer.name)?.lifetime);
    agreed.or_else(|| policy.nonceless.lifetimes.get(&key).copied()).unwrap_or(policy.nonceless.lifetime)
}

/// No later than any certificate that the voucher relies on (RFC 8366bis, `expires-on`).
pub(super) fn expiry<'a>(relied_on: impl IntoIterator<Item = &'a Certificate>, lifetime: Duration, now: UnixTime) -> UnixTime {
    let latest = at(now.as_secs().saturating_add(lifetime.as_secs()));
    relied_on.into_iter().map(Certificate::not_after).fold(latest, UnixTime::min)
}
