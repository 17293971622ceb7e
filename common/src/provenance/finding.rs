//! What became of the evidence that a report brought, as its record keeps it.

use serde::{Deserialize, Serialize};

use super::attributes::EvidenceType;
use super::basis::Basis;
use super::word::vocabulary;

vocabulary! {
    /// What evidence says of a key's origin, as far as it does not contradict it: then there would be no record.
    ///
    /// Numbered from the least, so that of several the highest counts. What was not appraised at all has no result.
    pub enum FindingResult {
        /// Its kind is not known here, or nobody is configured whose word could count. It is kept, and counts for nothing.
        NotUnderstood = 1, "not-understood", "with evidence that its manufacturer keeps without understanding it";
        /// It is genuine, and says nothing of how the key came to be.
        Silent = 2, "silent", "with evidence that is genuine but does not tell how the key came to be";
        /// It is genuine, and says of the key's origin what the report says.
        Supports = 3, "supports", "supported by evidence that its manufacturer checked";
    }
}

/// One piece of evidence, and what it says of a key's origin: what [`findings`](crate::evidence::findings) makes and a [`ProvenanceRecord`](super::ProvenanceRecord) keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Finding {
    /// What it is: the kind of the evidence itself, or within a bundle that of the statement.
    #[serde(rename = "type")]
    pub kind: EvidenceType,
    /// What it says.
    pub result: FindingResult,
    /// Who vouches: the configured authority's name, and the subject of the certificate below it that signed. Absent if nobody is known to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attester: Option<String>,
    /// The basis that the authority's evidence is; absent if it is about no key, or not understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
}

impl Finding {
    /// Whether a record may rest on this basis because of it.
    pub fn grounds(&self, basis: Basis) -> bool {
        self.result == FindingResult::Supports && self.basis == Some(basis)
    }

    /// What evidence comes to altogether: the best of it, since what contradicts is not here. `None` if there is none.
    pub fn best(findings: &[Self]) -> Option<FindingResult> {
        findings.iter().map(|finding| finding.result).max_by_key(|result| result.number())
    }
}
