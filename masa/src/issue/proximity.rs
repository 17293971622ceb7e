//! What a voucher may assert: whether the pledge itself said, under its signature, that it speaks to this registrar (RFC 8995, section 5.5.5).

use brski_common::{Assertion, Refusal, SpkiDigest, VoucherRequest};

use super::policy::{IssuePolicy, ProximityKey, WithoutProximity};
use crate::request::{Claim, PledgeRequest, RegistrarRequest};

/// `proximity` where it is proven, else what the policy says.
pub(super) fn assertion(claim: &Claim, policy: &IssuePolicy) -> Result<Assertion, Refusal> {
    let unproven = match claim.pledge() {
        Some(pledge) => match proof(pledge, claim.registrar(), policy.proximity_key)? {
            Ok(()) => return Ok(Assertion::Proximity),
            Err(unproven) => unproven,
        },
        // Without nonce no pledge takes part; that the domain may ask so is decided on its own.
        None if claim.registrar().leaves().nonce.is_none() => return Ok(Assertion::Logged),
        None => return Err(Refusal::LeafMissing { leaf: "prior-signed-voucher-request", section: "RFC 8995, section 5.5.5" }),
    };
    match policy.without_proximity {
        WithoutProximity::Logged => Ok(Assertion::Logged),
        WithoutProximity::Refuse => Err(unproven),
    }
}

/// The inner error is the absence of a proof, the outer one a proof of the contrary.
fn proof(pledge: &PledgeRequest, registrar: &RegistrarRequest, key: ProximityKey) -> Result<Result<(), Refusal>, Refusal> {
    let named = named_registrar(pledge.leaves());
    if named.is_some_and(|named| !holds(registrar, named, key)) {
        return Err(Refusal::ProximityMismatch);
    }
    let assertion = pledge.leaves().assertion;
    if assertion != Some(Assertion::Proximity) {
        let found = assertion.map_or("absent", Assertion::name).to_owned();
        return Ok(Err(Refusal::AssertionUnacceptable { found }));
    }
    let missing = Refusal::LeafMissing { leaf: "proximity-registrar-cert", section: "RFC 8995, section 5.2" };
    Ok(named.map(drop).ok_or(missing))
}

/// The key that the pledge names as its registrar's. Of several leaves the first understood counts, in the order of RFC 8366bis, section 9.
fn named_registrar(leaves: &VoucherRequest) -> Option<SpkiDigest> {
    let by_digest = leaves.proximity_registrar_pubk_sha256.map(SpkiDigest);
    let by_key = || leaves.proximity_registrar_pubk.as_deref().map(SpkiDigest::of);
    let by_certificate = || leaves.proximity_registrar_cert.as_ref().map(|certificate| certificate.spki_digest());
    by_digest.or_else(by_key).or_else(by_certificate)
}

fn holds(registrar: &RegistrarRequest, named: SpkiDigest, key: ProximityKey) -> bool {
    match key {
        ProximityKey::InChain => registrar.chain().iter().any(|certificate| certificate.spki_digest() == named),
        ProximityKey::Signer => registrar.signer().spki_digest() == named,
    }
}
