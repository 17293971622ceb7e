//! Vouchers without nonce that an operator hands out for places without a network (RFC 8995, section 7.4.1).

use brski_common::chain::ID_KP_CMC_RA;
use brski_common::{Anchors, Assertion, Certificate, Refusal, UnixTime};

use super::policy::IssuePolicy;
use super::{asserted, check_owner, nonceless, sales};
use crate::history::History;
use crate::ledger::Vouched;

/// The entry of a voucher for this domain, and for this registrar if one is named.
pub(super) fn evaluate(
    domain: &Certificate,
    registrar: Option<&Certificate>,
    history: &History,
    policy: &IssuePolicy,
    now: UnixTime,
) -> Result<Vouched, Refusal> {
    let path: Vec<&Certificate> = registrar.into_iter().chain([domain]).collect();
    for certificate in &path {
        check_current(certificate, now)?;
    }
    if let Some(registrar) = registrar {
        check_registrar(registrar, domain, now)?;
    }
    nonceless::pinned(&[domain], history, policy).ok_or_else(|| Refusal::NoncelessNotAuthorized { ca_key: domain.spki_digest() })?;
    check_owner(&path, history, policy)?;
    // A voucher for the buyer's registrar that pins somebody else's CA would give the device to that.
    let buyer = sales::buyer_in(&[domain], history, &policy.sales);
    Ok(Vouched {
        device: history.device().clone(),
        at: now,
        domain: domain.domain_id(),
        pin: domain.spki_digest(),
        registrar: registrar.unwrap_or(domain).spki_digest(),
        nonce: None,
        assertion: asserted(Assertion::Logged, buyer, &[domain], domain.spki_digest()),
        expires_on: Some(nonceless::expiry(path, nonceless::lifetime(domain, history, policy), now)),
        content: None,
    })
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
