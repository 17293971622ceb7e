//! A third party audited what is on record of a device: the same record again, which rests on that.

use brski_common::evidence::{Countersignature, Outcome, Testimony, Word};
use brski_common::provenance::{Basis, Evidence, EvidenceType, Finding, FindingResult, Supersession, Text};
use brski_common::refusal::TestimonyFault;
use brski_common::time::to_rfc3339;
use brski_common::{DecodeError, KeyOrigin, ProvenanceRecord, Refusal, UnixTime};

use super::RecordOrder;
use crate::history::History;
use crate::ledger::Entry;

/// A countersignature as records keep it.
///
/// # Errors
/// None in fact: its kind is a constant.
pub fn evidence(message: Vec<u8>) -> Result<Evidence, DecodeError> {
    Ok(Evidence { kind: EvidenceType::new(Countersignature::KIND)?, data: message })
}

/// Decides whether an auditor's countersignature of what is on record is recorded: with it the record is written again, and its basis is third-party-audit from then on. The one that
/// was audited stays in the log. The same countersignature again orders nothing.
///
/// # Errors
/// [`Refusal::Testimony`] if nothing is on record, if the countersignature does not count, or or if it is of something else than the newest record.
pub fn evaluate(known: &History, countersignature: &Evidence, outcome: &Outcome, by: &Text, salt: [u8; 16], now: UnixTime) -> Result<RecordOrder, Refusal> {
    let newest = known.record().ok_or(TestimonyFault::NothingToAudit)?;
    let (auditor, audit) = audit(outcome)?;
    // By what it says: what is not signed of its octets, and one form of signature for another, make no second audit.
    if Countersignature::all_in(newest).any(|(by, known)| by == auditor && known == *audit) {
        return Ok(RecordOrder { entries: Vec::new() });
    }
    let inconsistent = |err: DecodeError| Refusal::Inconsistent(err.to_string());
    let digest = newest.digest().map_err(inconsistent)?;
    if audit.record != digest {
        return Err(TestimonyFault::OtherAudited { found: audit.record, expected: digest }.into());
    }
    if audit.at > super::latest(now) {
        return Err(TestimonyFault::YetToCome { kind: "countersignature", at: to_rfc3339(audit.at) }.into());
    }
    let kind = countersignature.kind.clone();
    let finding = Finding { kind, result: FindingResult::Supports, attester: Some(auditor.to_owned()), basis: Some(Basis::ThirdPartyAudit) };
    let origin = KeyOrigin {
        basis: Basis::ThirdPartyAudit,
        evidence: [newest.origin.evidence.as_slice(), core::slice::from_ref(countersignature)].concat(),
        ..newest.origin.clone()
    };
    origin.check()?;
    let reason = Text::new(format!("countersigned by {auditor}")).map_err(inconsistent)?;
    let record = ProvenanceRecord {
        seq: newest.seq.checked_add(1).ok_or_else(|| Refusal::Inconsistent("it was corrected too often".to_owned()))?,
        salt,
        // What marks say comes on top of it, as for any correction.
        status: known.recorded_as(),
        supersedes: Some(Supersession { record: digest, reason, by: by.to_string() }),
        recorded_at: now,
        findings: [newest.findings.as_slice(), &[finding]].concat(),
        origin,
        ..newest.clone()
    };
    Ok(RecordOrder { entries: vec![Entry::Recorded(Box::new(record))] })
}

/// The auditor's name, and what the auditor says.
fn audit(outcome: &Outcome) -> Result<(&str, &Countersignature), TestimonyFault> {
    match outcome {
        Outcome::Testified(testimony) => match &**testimony {
            Testimony { by, word: Word::Audit(audit), .. } => Ok((by, audit)),
            Testimony { word: Word::Ceremony(_) | Word::Seeds(_), .. } => Err(TestimonyFault::NoAudit),
        },
        Outcome::Refused(err) => Err(TestimonyFault::AuditUnfit(err.clone())),
        Outcome::Holds(_) | Outcome::OfPlatform(_) | Outcome::Endorsement(_) | Outcome::Unknown => Err(TestimonyFault::NoAudit),
    }
}
