//! What a voucher may assert: whether the pledge itself said, under its signature, that it speaks to this registrar (RFC 8995, section 5.5.5).
//!
//! The RFC is content with the key of the certificate that the pledge names. We ask for that very certificate: which certificates come with a request is not signed in CMS and COSE,
//! so that anybody through whose hands it goes could put another CA's certificate of the same key in their place, and have that CA pinned.

use brski_common::voucher::Proximity;
use brski_common::{Assertion, Refusal};

use super::policy::{IssuePolicy, ProximityKey, WithoutProximity};
use crate::request::{Claim, PledgeRequest, RegistrarRequest};

/// What the pledge's word is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Proven<'a> {
    /// What the voucher asserts.
    pub(super) assertion: Assertion,
    /// How the pledge names its registrar: by a certificate out of the registrar's path, or by the registrar's own key.
    pub(super) named: Option<Proximity<'a>>,
}

/// `proximity` where it is proven, else what the policy says.
pub(super) fn evaluate<'a>(claim: &'a Claim, policy: &IssuePolicy) -> Result<Proven<'a>, Refusal> {
    let (unproven, named) = match claim.pledge() {
        Some(pledge) => {
            let named = named_registrar(pledge, claim.registrar(), policy.proximity_key)?;
            match doubt(pledge, named) {
                None => return Ok(Proven { assertion: Assertion::Proximity, named }),
                Some(doubt) => (doubt, named),
            }
        }
        // Without nonce no pledge takes part; that the domain may ask so is decided on its own.
        None if claim.registrar().leaves().nonce.is_none() => return Ok(Proven { assertion: Assertion::Logged, named: None }),
        None => return Err(Refusal::LeafMissing { leaf: "prior-signed-voucher-request", section: "RFC 8995, section 5.5.5" }),
    };
    match policy.without_proximity {
        WithoutProximity::Logged => Ok(Proven { assertion: Assertion::Logged, named }),
        WithoutProximity::Refuse => Err(unproven),
    }
}

/// The registrar as the pledge names it, if it does. Another one than asks is a proof of the contrary, whatever the pledge asserts.
fn named_registrar<'a>(pledge: &'a PledgeRequest, registrar: &RegistrarRequest, key: ProximityKey) -> Result<Option<Proximity<'a>>, Refusal> {
    match pledge.leaves().proximity() {
        Some(named) if !holds(registrar, named, key) => Err(Refusal::ProximityMismatch),
        named => Ok(named),
    }
}

/// What the pledge's request lacks to be a proof of proximity.
fn doubt(pledge: &PledgeRequest, named: Option<Proximity<'_>>) -> Option<Refusal> {
    let assertion = pledge.leaves().assertion;
    if assertion != Some(Assertion::Proximity) {
        let found = assertion.map_or("absent", Assertion::name).to_owned();
        return Some(Refusal::AssertionUnacceptable { found });
    }
    named.is_none().then_some(Refusal::LeafMissing { leaf: "proximity-registrar-cert", section: "RFC 8995, section 5.2" })
}

/// Whether the registrar is the one that is named. A raw key is always that of the registrar's own certificate: it is pinned, and a CA's is pinned by certificate alone (RFC 8366bis, section 9).
/// What is pinned for a certificate is found through the path above it, what is pinned for a raw key is that key, so that for the latter no certificate matters.
fn holds(registrar: &RegistrarRequest, named: Proximity<'_>, key: ProximityKey) -> bool {
    match (named, key) {
        (Proximity::Certificate(certificate), ProximityKey::InChain) => registrar.chain().contains(certificate),
        (Proximity::Certificate(certificate), ProximityKey::Signer) => registrar.signer() == certificate,
        (Proximity::Key(_) | Proximity::KeyHash(_), ProximityKey::InChain | ProximityKey::Signer) => registrar.signer().spki_digest() == named.spki_digest(),
    }
}
