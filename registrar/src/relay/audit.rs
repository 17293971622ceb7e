//! What a device's history with others tells its new owner (RFC 8995, section 5.8).

use brski_common::appraise::HistoryFindings;
use brski_common::{AuditLog, Certificate, DomainId};

/// What stands out in an audit log, read on behalf of the domain with this certificate path, for its policy to judge. Domains in `accepted` are expected there.
pub fn findings_of(log: &AuditLog, own: &[Certificate], accepted: &[DomainId]) -> HistoryFindings {
    let ours = ours(own);
    let mut findings = HistoryFindings { arbitrarily_truncated: log.truncation.arbitrary, ..HistoryFindings::default() };
    for event in &log.events {
        if ours.contains(&event.domain_id) {
            findings.names_us = true;
            continue;
        }
        if accepted.contains(&event.domain_id) {
            continue;
        }
        let note = |domains: &mut Vec<DomainId>| {
            if domains.len() < HistoryFindings::MOST_NAMED && !domains.contains(&event.domain_id) {
                domains.push(event.domain_id.clone());
            }
        };
        note(&mut findings.foreign);
        if event.nonce.is_none() {
            note(&mut findings.foreign_nonceless);
        }
        findings.earliest_foreign = Some(findings.earliest_foreign.map_or(event.date, |earliest| earliest.min(event.date)));
    }
    findings
}

/// A voucher that pins the registrar's raw key is on record under the digest of that key, and of no key above it: a CA's is pinned by certificate alone.
fn ours(own: &[Certificate]) -> Vec<DomainId> {
    let own_key = own.first().map(|registrar| DomainId::from(registrar.spki_digest()));
    own.iter().map(Certificate::domain_id).chain(own_key).collect()
}
