//! Entity attestation tokens that are no provenance statements.

use ciborium::Value as Cbor;

use super::envelope::{Envelope, nest_certificates};
use super::signatures::{self, Sections};
use super::{Context, Inspection, Kind, statement};
use crate::codec::hex;
use crate::evidence::Token;
use crate::provenance::PROFILE;
use crate::text::{LONGEST_WORDS, printable};
use crate::time::to_rfc3339;

/// Whether these claims are a platform's: of EAT, and not of our profile.
pub(super) fn is_token(claims: &Cbor) -> bool {
    let Some(entries) = claims.as_map() else { return false };
    let numbered = || entries.iter().filter_map(|(key, value)| Some((i128::from(key.as_integer()?), value)));
    let is_ours = numbered().any(|(label, value)| label == EAT_PROFILE && value.as_text() == Some(PROFILE));
    !is_ours && !statement::is_statement(claims) && numbered().any(|(label, _)| EAT_CLAIMS.contains(&label) || label == EAT_NONCE)
}

/// A token in COSE.
pub(super) fn inspect(envelope: &Envelope, context: &Context<'_>) -> Inspection {
    let mut inspection = Inspection::new(Kind::EntityAttestationToken);
    inspection.encodings.push("COSE");
    inspection.deviations = envelope.findings.clone();
    let mut decoded = None;
    let read = signatures::read(envelope, SECTIONS, context, |token: &Token| decoded = Some(token.clone()));
    inspection.signatures = read.signatures;
    inspection.deviations.extend(read.findings);
    if let Some(token) = decoded {
        show(&mut inspection, &token, context);
    }
    nest_certificates(&mut inspection, &envelope.certificates, context);
    inspection
}

fn show(inspection: &mut Inspection, token: &Token, context: &Context<'_>) {
    inspection.leaf_if("eat_profile", token.profile.as_deref().map(|profile| printable(profile, LONGEST_WORDS)));
    for nonce in &token.nonces {
        inspection.leaf("eat_nonce", hex(nonce));
    }
    inspection.leaf_if("cnf", token.key.as_ref().map(|key| key.digest().to_string()));
    for (name, value) in &token.details {
        inspection.leaf(name, value.as_str());
    }
    let now = context.options.now;
    inspection.leaf_if("exp", token.expires_at.map(to_rfc3339));
    inspection.leaf_if("nbf", token.not_before.map(to_rfc3339));
    if let Some(expiry) = token.expires_at.filter(|expiry| *expiry <= now) {
        inspection.deviates("RFC 8392, section 3.1.4", format!("the token expired at {}", to_rfc3339(expiry)));
    }
    if token.key.is_none() {
        inspection.note("it is bound to no key (cnf), so that it says nothing of one");
    }
}

const EAT_NONCE: i128 = 10;
const EAT_PROFILE: i128 = 265;
/// Registered for EAT (RFC 9711, section 10.2).
const EAT_CLAIMS: core::ops::RangeInclusive<i128> = 256..=275;

const SECTIONS: Sections = Sections { envelope: "RFC 9052, section 4.2", content: "RFC 9711, section 4" };
