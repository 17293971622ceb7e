//! What all evidence of a report comes to: the findings that its record keeps, or why there can be no record.

use super::{Agreement, Appraised, Authorities, EvidenceError, Expected, Outcome, Word, agree, appraise};
use crate::error::VerifyError;
use crate::provenance::{Evidence, Finding, FindingResult, KeyOrigin};
use crate::refusal::Refusal;
use crate::text::{LONGEST_WORDS, printable};
use crate::time::UnixTime;

/// One item of a report's evidence, or a statement in it, with what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct AppraisedItem {
    /// Which item of `origin.evidence`, from 1.
    pub item: usize,
    /// What became of it.
    pub appraised: Appraised,
}

/// Appraises every item of a report's evidence, in their order; a bundle has one answer for each statement in it.
///
/// Where no authority is configured at all, evidence that nobody vouches for is left at [`Outcome::Unknown`], since nobody has said yet whose word counts. What cannot be read, or
/// is about another key, is refused even then.
pub fn appraise_all(evidence: &[Evidence], expected: &Expected<'_>, authorities: &Authorities, now: UnixTime) -> Vec<AppraisedItem> {
    let of_item = |(item, evidence)| appraise(evidence, expected, authorities, now).into_iter().map(move |appraised| AppraisedItem { item, appraised });
    let mut all: Vec<AppraisedItem> = (1..).zip(evidence).flat_map(of_item).collect();
    if authorities.is_empty() {
        all.iter_mut().filter(|item| is_nobodys(&item.appraised.outcome)).for_each(|item| item.appraised.outcome = Outcome::Unknown);
    }
    all
}

/// Whether no more is wrong with it than that no authority vouches.
fn is_nobodys(outcome: &Outcome) -> bool {
    let Outcome::Refused(EvidenceError::Untrusted { source, .. }) = outcome else { return false };
    matches!(source, VerifyError::NoPath { .. } | VerifyError::UnknownSigner { .. })
}

/// Holds each item against what was reported: what it says of the key's origin, in the items' order.
///
/// # Errors
/// [`Refusal::EvidenceUnfit`] for the first item of a known kind that does not count; [`Refusal::EvidenceContradicts`] for the first that says something else than `origin`.
pub fn findings(origin: &KeyOrigin, appraised: &[AppraisedItem]) -> Result<Vec<Finding>, Refusal> {
    appraised.iter().map(|item| finding(origin, item)).collect()
}

fn finding(origin: &KeyOrigin, AppraisedItem { item, appraised: Appraised { kind, outcome } }: &AppraisedItem) -> Result<Finding, Refusal> {
    let (item, kind) = (*item, kind.clone());
    let result = match outcome {
        Outcome::Refused(source) => return Err(Refusal::EvidenceUnfit { item, kind, source: Box::new(source.clone()) }),
        Outcome::Holds(claims) => {
            let result = match agree(origin, claims) {
                Agreement::Contradicts(how) => return Err(Refusal::EvidenceContradicts { item, how }),
                Agreement::Supports => FindingResult::Supports,
                Agreement::Silent => FindingResult::Silent,
            };
            return Ok(Finding { kind, result, attester: Some(printable(&claims.attester, LONGEST_WORDS)), basis: Some(claims.basis) });
        }
        Outcome::OfPlatform(platform) => {
            let attester = Some(printable(&platform.attester, LONGEST_WORDS));
            return Ok(Finding { kind, result: FindingResult::Silent, attester, basis: None });
        }
        // How many have to say so is for the rule to judge that knows what was reported.
        Outcome::Testified(testimony) => {
            let result = if is_of_making(origin, &testimony.word) { FindingResult::Supports } else { FindingResult::Silent };
            return Ok(Finding { kind, result, attester: Some(printable(&testimony.by, LONGEST_WORDS)), basis: Some(testimony.basis()) });
        }
        // Another manufacturer's word on the key, whose anchors are not among those for evidence.
        Outcome::Endorsement(_) | Outcome::Unknown => FindingResult::NotUnderstood,
    };
    Ok(Finding { kind, result, attester: None, basis: None })
}

/// Whether somebody says something of how this very origin has it that the key was made: that several made it together, or derived it from that batch.
fn is_of_making(origin: &KeyOrigin, word: &Word) -> bool {
    match word {
        Word::Ceremony(signature) => origin.co_generation.is_some() || origin.batch_of_seeds() == Some(&signature.ceremony),
        // One is about a batch, the other about a record, which no report knows.
        Word::Seeds(_) | Word::Audit(_) => false,
    }
}
