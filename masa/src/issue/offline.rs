//! Vouchers without nonce that an operator hands out for places without a network (RFC 8995, section 7.4.1).

use brski_common::chain::ID_KP_CMC_RA;
use brski_common::{Anchors, Assertion, Certificate, Refusal, UnixTime, Voucher};

use super::policy::IssuePolicy;
use super::{check_owner, is_buyers, nonceless, sales};
use crate::history::History;
use crate::ledger::{Pinned, Vouched, VoucherContent};

/// A voucher for this domain, and for this registrar if one is named, with its entry.
pub(super) fn evaluate(
    domain: &Certificate,
    registrar: Option<&Certificate>,
    by: &str,
    history: &History,
    policy: &IssuePolicy,
    now: UnixTime,
) -> Result<(Voucher, Vouched), Refusal> {
    let path: Vec<&Certificate> = registrar.into_iter().chain([domain]).collect();
    for certificate in &path {
        check_current(certificate, now)?;
    }
    if let Some(registrar) = registrar {
        check_registrar(registrar, domain, now)?;
    }
    nonceless::pinned(&[domain], history, policy).ok_or_else(|| Refusal::NoncelessNotAuthorized { ca_key: domain.spki_digest() })?;
    let pin = domain.spki_digest();
    check_owner(&sales::keys(&path), pin, history, policy)?;
    // A voucher for the buyer's registrar that pins somebody else's CA would give the device to that.
    let buyer = sales::buyer_in(&[pin], None, history, &policy.sales);
    let lifetime = nonceless::lifetime(domain, buyer.is_some(), history, policy);
    let content = VoucherContent { pinned: Pinned::Certificate(domain.clone()), names_issuer: history.serial_is_shared() };
    let vouched = Vouched {
        device: history.device().clone(),
        at: now,
        domain: domain.domain_id(),
        pin,
        registrar: registrar.unwrap_or(domain).spki_digest(),
        nonce: None,
        assertion: if is_buyers(buyer, &[pin], pin) { Assertion::Verified } else { Assertion::Logged },
        expires_on: Some(nonceless::expiry(path, lifetime, now)),
        content: Some(content.clone()),
        by: Some(by.to_owned()),
    };
    Ok((vouched.saying(&content), vouched))
}

fn check_current(certificate: &Certificate, now: UnixTime) -> Result<(), Refusal> {
    match certificate.not_before() <= now && now <= certificate.not_after() {
        true => Ok(()),
        false => Err(Refusal::OfflineUnfit { subject: certificate.subject().to_owned(), why: "is expired or not yet valid" }),
    }
}

/// Whether the registrar is one of the domain that is pinned: its pledges would find out otherwise, where nobody can help them.
fn check_registrar(registrar: &Certificate, domain: &Certificate, now: UnixTime) -> Result<(), Refusal> {
    let unfit = |why| Refusal::OfflineUnfit { subject: registrar.subject().to_owned(), why };
    if !registrar.usages().iter().any(|usage| usage == ID_KP_CMC_RA) {
        return Err(unfit("does not have the extended key usage id-kp-cmcRA of a registrar (RFC 8995, section 5.5.4)"));
    }
    let anchors = Anchors::new([domain.clone()]).map_err(|_| unfit("cannot be checked under the domain's CA"))?;
    let path = anchors.verify_path(registrar, &[], brski_common::chain::Usage::CmcRa, now);
    path.map(drop).map_err(|_| unfit("was not issued by the domain's CA that is to be pinned"))
}
