//! Entity attestation tokens (RFC 9711) as CWT in COSE_Sign1, and the wrapper that they come in (CMW, draft-ietf-rats-msg-wrap).
//!
//! A token tells of the platform: how far it can be debugged, which model it is. That a key came into being there, or cannot leave, no registered claim says.
//! Nothing marks the certificates of those who sign tokens, so that whoever is certified below an authority's anchors can: these should stand above attesters alone. Keys that are
//! certified to attest other keys sign none.

mod token;
mod wrapper;

pub(crate) use self::token::Token;
pub(super) use self::wrapper::EAT_CWT;
pub(crate) use self::wrapper::{ID_PE_CMW, Wrapped};
use super::{Authorities, Authority, Claims, EvidenceError, Expected, Made, Nonced, Outcome, Platform, demand_signer_of_messages};
use crate::certificate::Certificate;
use crate::chain::Usage;
use crate::envelope::Format;
use crate::error::VerifyError;
use crate::leniency::Leniencies;
use crate::provenance::{PROFILE, Protection};
use crate::signed::{Payload as _, Signed, SignedBy, Verified, Verifier};
use crate::text::{LONGEST_WORDS, printable};
use crate::time::{UnixTime, to_rfc3339};

/// What is in a CMW (id-pe-cmw). Of a kind of message that is not known here, or a collection of several, nothing is said.
pub(super) fn appraise_wrapped(statement: &[u8], certificates: &[Certificate], expected: &Expected<'_>, authorities: &Authorities, now: UnixTime) -> Outcome {
    match Wrapped::from_der(statement) {
        Ok(Wrapped::Token(message)) => appraise(&message, certificates, expected, authorities, now),
        Ok(Wrapped::Other(_)) => Outcome::Unknown,
        Err(source) => Outcome::Refused(EvidenceError::Unreadable { format: wrapper::NAME, source }),
    }
}

/// A token by itself.
pub(super) fn appraise(message: &[u8], certificates: &[Certificate], expected: &Expected<'_>, authorities: &Authorities, now: UnixTime) -> Outcome {
    let signed = Signed::<Token>::from_wire(Format::Cose, message);
    match signed.peek_unverified(Leniencies::NONE) {
        // Who signs those is for the manufacturer's profile to say, and not for those whose evidence counts.
        Ok(token) if token.profile.as_deref() == Some(PROFILE) => Outcome::Endorsement(Signed::from_wire(Format::Cose, message)),
        Ok(_) => verified(&signed, certificates, expected, authorities, now).into(),
        Err(VerifyError::Decode { source, .. }) => Outcome::Refused(EvidenceError::Unreadable { format: Token::NAME, source }),
        Err(source) => Outcome::Refused(untrusted(source)),
    }
}

fn verified(
    signed: &Signed<Token>,
    certificates: &[Certificate],
    expected: &Expected<'_>,
    authorities: &Authorities,
    now: UnixTime,
) -> Result<Outcome, EvidenceError> {
    let (authority, found) = vouched(signed, certificates, authorities, now)?;
    let wrong = |what: String| EvidenceError::Wrong { format: Token::NAME, what };
    let token = found.get();
    if let Some(expiry) = token.expires_at.filter(|expiry| *expiry <= now) {
        return Err(wrong(format!("expired at {}", to_rfc3339(expiry))));
    }
    if let Some(begin) = token.not_before.filter(|begin| *begin > now) {
        return Err(wrong(format!("is not valid before {}", to_rfc3339(begin))));
    }
    let certificate = found.signer().chain.first();
    let signer = certificate.map(|certificate| printable(certificate.subject(), LONGEST_WORDS)).unwrap_or_default();
    certificate.map_or(Ok(()), |certificate| demand_signer_of_messages(Token::NAME, certificate))?;
    let nonced = match expected.nonce {
        None => Nonced::Unasked,
        Some(_) if token.nonces.is_empty() => Nonced::Unanswered,
        Some(nonce) if token.nonces.iter().any(|given| given == nonce) => Nonced::Fresh,
        Some(_) => return Err(EvidenceError::Stale { format: Token::NAME }),
    };
    let attester = format!("{} ({signer})", authority.name);
    match &token.key {
        Some(key) if key == expected.key => {}
        Some(key) => {
            let (found, expected) = (key.digest().to_string(), expected.key.digest().to_string());
            return Err(EvidenceError::OtherKey { format: Token::NAME, found, expected });
        }
        None => return Ok(Outcome::OfPlatform(Platform { format: Token::NAME, attester, details: token.details.clone() })),
    }
    if found.signer().key == *expected.key {
        return Err(wrong("is signed with the very key that it is about, which proves nothing of it".to_owned()));
    }
    Ok(Outcome::Holds(Box::new(Claims {
        format: Token::NAME,
        authority: authority.name.clone(),
        attester,
        basis: authority.basis,
        locus: authority.locus,
        made: Made::Unsaid,
        protection: Protection::Unknown,
        nonced,
        details: token.details.clone(),
    })))
}

/// The authority to which the signature leads by the shortest path, or why the last one does not know it.
fn vouched<'a>(
    signed: &Signed<Token>,
    certificates: &[Certificate],
    authorities: &'a Authorities,
    now: UnixTime,
) -> Result<(&'a Authority, Verified<Token>), EvidenceError> {
    let mut refused = VerifyError::UnknownSigner { artefact: Token::NAME, detail: "no authority for such evidence is configured".to_owned() };
    let mut nearest = None::<(&Authority, Verified<Token>)>;
    for authority in authorities.of_modules() {
        // An authority may be the very attester, whose token then needs no certificate.
        let known = [certificates, authority.anchors.certificates()].concat();
        let by = SignedBy::Anchored { anchors: &authority.anchors, usage: Usage::Any, known: &known };
        match signed.verify(&Verifier { by, lenient: Leniencies::NONE }, now) {
            Ok(found) if nearest.as_ref().is_none_or(|(_, known)| found.signer().chain.len() < known.signer().chain.len()) => {
                nearest = Some((authority, found))
            }
            Ok(_) => {}
            Err(err) => refused = err,
        }
    }
    let (authority, found) = nearest.ok_or(untrusted(refused))?;
    authorities.demand_standing(Token::NAME, &found.signer().chain, now).map_err(untrusted)?;
    Ok((authority, found))
}

fn untrusted(source: VerifyError) -> EvidenceError {
    EvidenceError::Untrusted { format: Token::NAME, source }
}

#[cfg(test)]
mod tests;
