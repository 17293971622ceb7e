//! What an owner demands of the key that a certificate is asked for, and whether the evidence that came with the request meets it.

mod finding;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use self::finding::{KeyFinding, KeyResult};
use super::Mode;
use crate::error::VerifyError;
use crate::evidence::{Appraised, AttestationBundle, Authorities, Claims, EvidenceError, Expected, Made, Nonced, Outcome, appraise};
use crate::provenance::{Evidence, EvidenceType, Protection};
use crate::refusal::Refusal;
use crate::text::{LONGEST_WORDS, in_full, printable};
use crate::time::UnixTime;

/// A policy's table `[ldevid-key]`: what has to be attested of the key in a certification request. The default demands nothing.
///
/// Evidence that is there has to hold, whatever is demanded: a request with a forged attestation is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyDemands {
    /// Whether a request without evidence is refused. If not, what is demanded beside counts for requests with evidence alone.
    pub required: bool,
    /// Whether the key must have come into being where it is held.
    pub made_inside: bool,
    /// How well it must be held at least.
    pub protection_at_least: Option<Protection>,
    /// Whose word alone counts, by the names that the owner gave the authorities; anybody's who is configured if empty.
    pub authorities: Vec<String>,
    /// Whether the evidence must answer a nonce that was handed out.
    pub nonce: bool,
}

impl KeyDemands {
    /// Judges an [`AttestationBundle`] in DER, or that there is none.
    ///
    /// One statement has to meet all that is demanded, and none may say the contrary. The word of those who are no configured authority counts for nothing.
    pub fn appraise(&self, attestation: Option<&[u8]>, expected: &Expected<'_>, authorities: &Authorities, now: UnixTime) -> KeyAppraisal {
        let Some(bundle) = attestation.and_then(evidence) else { return self.without_evidence() };
        let statements: Vec<Appraised> = appraise(&bundle, expected, authorities, now).into_iter().map(among_strangers).collect();
        let objection = self.objection(&statements);
        KeyAppraisal { findings: statements.iter().map(KeyFinding::of).collect(), objection }
    }

    /// Judges that there is none.
    pub fn without_evidence(&self) -> KeyAppraisal {
        let lacks = || format!("it holds no attestation of its key (attribute {}), which this owner requires", AttestationBundle::KIND);
        KeyAppraisal { findings: Vec::new(), objection: self.required.then(|| Objection::Unmet(lacks())) }
    }

    fn objection(&self, statements: &[Appraised]) -> Option<Objection> {
        let faults = statements.iter().filter_map(|found| match &found.outcome {
            Outcome::Refused(err) => Some(err),
            Outcome::Holds(_) | Outcome::Testified(_) | Outcome::OfPlatform(_) | Outcome::Endorsement(_) | Outcome::Unknown => None,
        });
        if let Some(fault) = faults.into_iter().next() {
            return Some(Objection::Unsound(format!("its attestation does not hold: {}", printable(&in_full(fault), LONGEST_WORDS))));
        }
        let held = statements.iter().filter_map(|found| match &found.outcome {
            Outcome::Holds(claims) => Some(claims.as_ref()),
            Outcome::Refused(_) | Outcome::Testified(_) | Outcome::OfPlatform(_) | Outcome::Endorsement(_) | Outcome::Unknown => None,
        });
        let held: Vec<&Claims> = held.collect();
        if let Some(contrary) = held.iter().find_map(|claims| self.contrary(claims)) {
            return Some(Objection::Unmet(contrary));
        }
        let mut lacks = held.iter().map(|claims| self.lack(claims)).collect::<Vec<_>>().into_iter();
        match lacks.next() {
            None if self.required => {
                let kinds: Vec<&str> = statements.iter().map(|found| found.kind.as_str()).collect();
                let kinds = printable(&kinds.join(", "), LONGEST_WORDS);
                Some(Objection::Unmet(format!(
                    "no attestation in it tells anything of its key that can be verified here (found: {kinds}), which this owner requires"
                )))
            }
            None | Some(None) => None,
            // Another statement may meet it all.
            Some(Some(first)) => (!lacks.any(|lack| lack.is_none())).then_some(Objection::Unmet(first)),
        }
    }

    /// How what evidence says goes against what is demanded.
    fn contrary(&self, claims: &Claims) -> Option<String> {
        let said = |what: String, demanded: String| {
            Some(format!("the {} of {} says that the key {what}, and this owner demands one that {demanded}", claims.format, claims.attester))
        };
        if self.made_inside && claims.made == Made::Outside {
            return said("was put in".to_owned(), "was made inside".to_owned());
        }
        let demanded = self.protection_at_least.filter(|least| claims.protection != Protection::Unknown && claims.protection < *least)?;
        said(format!("is {}", claims.protection), format!("is {demanded} or better"))
    }

    /// What evidence that does not say the contrary leaves open of what is demanded.
    fn lack(&self, claims: &Claims) -> Option<String> {
        let of = |lack: String| Some(format!("the {} of {} {lack}", claims.format, claims.attester));
        if !self.authorities.is_empty() && !self.authorities.contains(&claims.authority) {
            return of(format!("is not the word of {}, whose alone counts here", self.authorities.join(" or ")));
        }
        if self.made_inside && claims.made != Made::Inside {
            return of("does not say that the key was made inside, as this owner demands".to_owned());
        }
        if let Some(least) = self.protection_at_least.filter(|least| claims.protection < *least) {
            return of(format!("does not say how well the key is held, and this owner demands {least} or better"));
        }
        match (self.nonce, claims.nonced) {
            (true, Nonced::Unasked | Nonced::Unanswered) => {
                of("answers no nonce that was handed out to whoever asks, as this owner demands; /.well-known/est/nonce hands out one".to_owned())
            }
            (true, Nonced::Fresh) | (false, Nonced::Fresh | Nonced::Unanswered | Nonced::Unasked) => None,
        }
    }

    /// What it demands, for people: "evidence required, made inside, non-extractable or better". None if nothing.
    pub fn in_words(&self) -> Option<String> {
        let inside = self.made_inside.then(|| "made inside".to_owned());
        let protection = self.protection_at_least.map(|least| format!("{least} or better"));
        let whose = (!self.authorities.is_empty()).then(|| format!("by the word of {}", self.authorities.join(" or ")));
        let fresh = self.nonce.then(|| "in answer to a nonce".to_owned());
        let beside: Vec<String> = inside.into_iter().chain(protection).chain(whose).chain(fresh).collect();
        match (self.required, beside.is_empty()) {
            (false, true) => None,
            (true, true) => Some("evidence required".to_owned()),
            (true, false) => Some(format!("evidence required: {}", beside.join(", "))),
            (false, false) => Some(format!("where there is evidence: {}", beside.join(", "))),
        }
    }
}

fn evidence(bundle: &[u8]) -> Option<Evidence> {
    Some(Evidence { kind: EvidenceType::new(AttestationBundle::KIND).ok()?, data: bundle.to_vec() })
}

/// Nobody here can tell a stranger's word from a made-up one, so that it counts for nothing; what bears a trusted name has to hold.
fn among_strangers(found: Appraised) -> Appraised {
    match found.outcome {
        Outcome::Refused(EvidenceError::Untrusted { source: VerifyError::NoPath { .. } | VerifyError::UnknownSigner { .. }, .. }) => {
            Appraised { outcome: Outcome::Unknown, ..found }
        }
        _ => found,
    }
}

/// What became of the evidence about one key. It permits nothing by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct KeyAppraisal {
    findings: Vec<KeyFinding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    objection: Option<Objection>,
}

/// Why a request is refused because of its key. Each with its sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Objection {
    /// There is evidence that does not hold: no policy can accept that.
    Unsound(String),
    /// It is not what the owner demands.
    Unmet(String),
}

impl KeyAppraisal {
    /// What became of each statement, in their order.
    pub fn findings(&self) -> &[KeyFinding] {
        &self.findings
    }

    /// What is not as the owner demands although the policy only warns of it.
    pub fn warned(&self, mode: Mode) -> Option<&str> {
        match (&self.objection, mode) {
            (Some(Objection::Unmet(sentence)), Mode::Warn) => Some(sentence),
            (Some(Objection::Unmet(_)), Mode::Enforce) | (Some(Objection::Unsound(_)) | None, _) => None,
        }
    }

    /// # Errors
    /// [`Refusal::CsrUnacceptable`] if evidence does not hold, or, unless the policy only warns, is not what the owner demands.
    pub fn permit(&self, mode: Mode) -> Result<(), Refusal> {
        match (&self.objection, mode) {
            (Some(Objection::Unsound(sentence)), _) | (Some(Objection::Unmet(sentence)), Mode::Enforce) => Err(Refusal::CsrUnacceptable(sentence.clone())),
            (Some(Objection::Unmet(_)), Mode::Warn) | (None, _) => Ok(()),
        }
    }
}
