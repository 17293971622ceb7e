//! An auditor's word on what is on record of a key.

use serde::{Deserialize, Serialize};

use super::testimony::{Content, content};
use crate::envelope::Format;
use crate::identity::SpkiDigest;
use crate::leniency::Leniencies;
use crate::provenance::{Basis, ContentDigest, ProvenanceRecord, RecordDigest, Text};
use crate::signed::Signed;
use crate::time::{UnixTime, rfc3339};

/// A third party says that it audited how this key came to be, as a record tells it, by this description.
///
/// Only digests and a title are in it, so that whoever may not see the record or the description can verify it nevertheless.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Countersignature {
    /// Which key it is.
    pub key: SpkiDigest,
    /// Which record was audited: the digest that every statement about it carries.
    pub record: RecordDigest,
    /// By which description.
    pub description: Description,
    /// When the auditor signed.
    #[serde(with = "rfc3339")]
    pub at: UnixTime,
}

/// The document that says what was audited, and against what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Description {
    /// Its title.
    pub title: Text,
    /// SHA-256 over its octets.
    pub digest: ContentDigest,
}

content!(Countersignature, "auditor's countersignature", "application/brski-countersignature+cose", Basis::ThirdPartyAudit);

impl Countersignature {
    /// The audits that a record rests on, each with its auditor's name, the newest first. They were verified when they were recorded, as their findings tell.
    pub fn all_in(record: &ProvenanceRecord) -> impl Iterator<Item = (&str, Self)> {
        // Each came last with its finding, whatever the report had brought before.
        record.origin.evidence.iter().rev().zip(record.findings.iter().rev()).map_while(|(evidence, finding)| {
            let ours = evidence.kind.as_str() == Self::KIND && finding.kind.as_str() == Self::KIND && finding.grounds(Self::BASIS);
            let auditor = finding.attester.as_deref().filter(|_| ours)?;
            let signed = Signed::<Self>::from_wire(Format::Cose, evidence.data.as_slice());
            Some((auditor, signed.peek_unverified(Leniencies::NONE).ok()?))
        })
    }
}

impl Content for Countersignature {
    const BASIS: Basis = Self::BASIS;

    fn key(&self) -> Option<SpkiDigest> {
        Some(self.key)
    }
}
