//! What a policy can look at, each part of it verified.

use serde::{Deserialize, Serialize};

use crate::certificate::IDevIdCert;
use crate::identity::DomainId;
use crate::provenance::ProvenanceStatement;
use crate::signed::Verified;
use crate::time::{self, UnixTime};
use crate::voucher::Assertion;

/// One pledge before its owner's policy.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The pledge's identity, its path verified.
    pub idevid: &'a IDevIdCert,
    /// The manufacturer whose anchors verified it, by the name that the owner gave it.
    pub manufacturer: &'a str,
    /// What that manufacturer says of the key; none if it says nothing.
    pub statement: Option<&'a Verified<ProvenanceStatement>>,
    /// Whether the statement is known to be in the manufacturer's log.
    pub receipt: ReceiptFinding,
    /// What the MASA said beside; none as long as it has not been asked.
    pub word: Option<&'a MasaFindings>,
}

/// Whether a statement came with a receipt (RFC 9942) of the manufacturer's log, and what it is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReceiptFinding {
    /// It has none, or there is no statement.
    #[default]
    Missing,
    /// It has one that could not be checked, because the owner knows no key of the log.
    Unchecked,
    /// It has one that a key of the manufacturer's log signed.
    Checked,
}

/// What a MASA said of a pledge beside its statement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MasaFindings {
    /// What the voucher asserts.
    pub assertion: Option<Assertion>,
    /// What stands out in the audit log; none if the MASA disclosed none.
    pub history: Option<HistoryFindings>,
}

/// What stands out in an audit log (RFC 8995, section 5.8). Domains that the owner expects there are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HistoryFindings {
    /// Foreign domains that had the device, each once; the first [`MOST_NAMED`](Self::MOST_NAMED) of them.
    pub foreign: Vec<DomainId>,
    /// Those of them with a voucher without nonce: such a voucher has no end, its holder could take the device back. Likewise the first ones.
    pub foreign_nonceless: Vec<DomainId>,
    /// How many entries were removed for no stated reason, so that former owners cannot be told.
    pub arbitrarily_truncated: u32,
    /// When a foreign domain first had the device.
    #[serde(default, with = "time::rfc3339_or_none", skip_serializing_if = "Option::is_none")]
    pub earliest_foreign: Option<UnixTime>,
    /// Whether the log names the owner's own domain.
    pub names_us: bool,
}

impl HistoryFindings {
    /// How many domains are named, so that what is written down of a pledge is as short as what a person reads: a log may have ten thousand entries.
    pub const MOST_NAMED: usize = 16;
}
