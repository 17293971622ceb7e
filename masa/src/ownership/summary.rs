//! What the ledger knows of one device, for the manufacturer's own people. It names customers: nobody else gets to see it.

use core::fmt;

use brski_common::time::to_rfc3339;
use brski_common::{ProvenanceRecord, SpkiDigest};
use serde::Serialize;

use super::{Claim, Ownership, Possession};
use crate::history::History;
use crate::ledger::Vouched;

/// One device, in words and as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeviceSummary {
    /// Its serial number.
    pub serial: String,
    /// Key identifier of the CA that issued its IDevID, in hex.
    pub idevid_issuer: String,
    /// SHA-256 of its IDevID's SubjectPublicKeyInfo, in hex.
    pub key: String,
    /// Its product line.
    pub product_line: String,
    /// How it stands, in one word.
    pub state: &'static str,
    /// What keeps it from getting vouchers, if anything.
    pub trouble: Option<String>,
    /// When it was made, RFC 3339.
    pub made_at: String,
    /// How its key came to be, if anybody wrote that down.
    pub record: Option<RecordSummary>,
    /// Whom it was sold to, if it was and was not given up since.
    pub sold_to: Option<SaleSummary>,
    /// When its owner gave it up, if that is the newest that is known; RFC 3339.
    pub released_at: Option<String>,
    /// The domains that were given vouchers since it last changed hands.
    pub claims: Vec<ClaimSummary>,
    /// Every voucher, oldest first.
    pub vouchers: Vec<VoucherSummary>,
}

/// A provenance record in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecordSummary {
    /// Its sequence number.
    pub seq: u32,
    /// The method's name.
    pub method: &'static str,
    /// On whose word.
    pub basis: &'static str,
    /// Who reported it.
    pub reported_by: String,
    /// Whether the manufacturer stands by the key.
    pub status: &'static str,
    /// Index of its entry in the log.
    pub index: u64,
    /// The batch, if it names one.
    pub batch: Option<String>,
    /// The assembly line, if it names one.
    pub line: Option<String>,
    /// The station, if it names one.
    pub station: Option<String>,
    /// The records that it and those before it took the place of, oldest first.
    pub supersedes: Vec<SupersededSummary>,
}

/// A record that counts no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SupersededSummary {
    /// Its sequence number.
    pub seq: u32,
    /// Index of its entry in the log, where it stays.
    pub index: u64,
    /// The batch that it named.
    pub batch: Option<String>,
    /// The assembly line that it named.
    pub line: Option<String>,
    /// Why another took its place.
    pub reason: Option<String>,
    /// On whose word.
    pub by: Option<String>,
}

/// A sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SaleSummary {
    /// The customer's name.
    pub customer: String,
    /// SHA-256 of the SubjectPublicKeyInfo of the customer's CAs, in hex: those of the sale.
    pub keys: Vec<SpkiDigest>,
    /// Since when the customer has had it, RFC 3339.
    pub since: String,
    /// On whose word.
    pub by: String,
}

/// A domain that has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ClaimSummary {
    /// domainID, base64.
    pub domain: String,
    /// SHA-256 of the pinned SubjectPublicKeyInfo, in hex.
    pub pin: SpkiDigest,
    /// Time of its first voucher, RFC 3339.
    pub since: String,
    /// What its newest voucher asserts.
    pub assertion: &'static str,
    /// Whether it has one without nonce.
    pub nonceless: bool,
}

/// A voucher in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct VoucherSummary {
    /// When, RFC 3339.
    pub at: String,
    /// domainID, base64.
    pub domain: String,
    /// SHA-256 of the pinned SubjectPublicKeyInfo, in hex.
    pub pin: SpkiDigest,
    /// The nonce as it came, if there is one.
    pub nonce: Option<String>,
    /// What it asserts.
    pub assertion: &'static str,
    /// When it expires, RFC 3339.
    pub expires_on: Option<String>,
    /// The operator who asked for it, if no registrar did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl DeviceSummary {
    /// Reads it out of a device's history.
    pub fn of(history: &History, product_line: &str) -> Self {
        let ownership = Ownership::of(history);
        let record = history.record().map(|record| RecordSummary {
            seq: record.seq,
            method: record.origin.method.name(),
            basis: record.origin.basis.name(),
            reported_by: record.reported_by.to_string(),
            status: history.status().name(),
            index: history.index(),
            batch: record.origin.batch.as_ref().map(ToString::to_string),
            line: record.origin.line.as_ref().map(ToString::to_string),
            station: record.origin.station.as_ref().map(ToString::to_string),
            supersedes: SupersededSummary::all(history),
        });
        let (sold_to, released_at) = match &ownership.possession {
            Possession::Manufactured => (None, None),
            Possession::Released { since, .. } => (None, Some(to_rfc3339(*since))),
            Possession::Sold { to, since, by } => {
                (Some(SaleSummary { customer: to.name.clone(), keys: to.keys.clone(), since: to_rfc3339(*since), by: by.clone() }), None)
            }
        };
        Self {
            serial: history.device().serial.to_string(),
            idevid_issuer: history.device().issuer.to_string(),
            key: history.idevid().spki_digest().to_string(),
            product_line: product_line.to_owned(),
            state: ownership.state().name(),
            trouble: history.blocked(),
            made_at: to_rfc3339(history.made_at()),
            record,
            sold_to,
            released_at,
            claims: ownership.claims.iter().map(ClaimSummary::of).collect(),
            vouchers: history.vouched().iter().map(VoucherSummary::of).collect(),
        }
    }
}

impl SupersededSummary {
    fn all(history: &History) -> Vec<Self> {
        let successors = history.superseded().map(|(_, record)| record).skip(1).chain(history.record());
        let summary = |((index, record), successor): ((u64, &ProvenanceRecord), &ProvenanceRecord)| Self {
            seq: record.seq,
            index,
            batch: record.origin.batch.as_ref().map(ToString::to_string),
            line: record.origin.line.as_ref().map(ToString::to_string),
            reason: successor.supersedes.as_ref().map(|by| by.reason.to_string()),
            by: successor.supersedes.as_ref().map(|by| by.by.clone()),
        };
        history.superseded().zip(successors).map(summary).collect()
    }
}

impl ClaimSummary {
    fn of(claim: &Claim) -> Self {
        Self { domain: claim.domain.to_string(), pin: claim.pin, since: to_rfc3339(claim.since), assertion: claim.assertion.name(), nonceless: claim.nonceless }
    }
}

impl VoucherSummary {
    /// Reads it out of the ledger's entry.
    pub fn of(vouched: &Vouched) -> Self {
        Self {
            at: to_rfc3339(vouched.at),
            domain: vouched.domain.to_string(),
            pin: vouched.pin,
            nonce: vouched.nonce.as_ref().map(|nonce| nonce.as_text().to_owned()),
            assertion: vouched.assertion.name(),
            expires_on: vouched.expires_on.map(to_rfc3339),
            by: vouched.by.clone(),
        }
    }
}

impl fmt::Display for DeviceSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.serial, self.state)?;
        if let Some(trouble) = &self.trouble {
            writeln!(f, "no vouchers: {trouble}")?;
        }
        writeln!(f, "IDevID: issued by {}, SHA-256 of its key {}", self.idevid_issuer, self.key)?;
        writeln!(f, "product line: {}", self.product_line)?;
        writeln!(f, "made: {}", self.made_at)?;
        match &self.record {
            Some(RecordSummary { seq, method, basis, reported_by, status, index, batch, line, station, supersedes }) => {
                writeln!(f, "key: {method}, {basis}, reported by {reported_by}, {status} (record {seq}, entry {index} of the log)")?;
                batch.iter().try_for_each(|batch| writeln!(f, "batch: {batch}"))?;
                line.iter().try_for_each(|line| writeln!(f, "assembly line: {line}"))?;
                station.iter().try_for_each(|station| writeln!(f, "station: {station}"))?;
                supersedes.iter().try_for_each(|superseded| writeln!(f, "superseded: {superseded}"))?;
            }
            None => writeln!(f, "key: nobody wrote down how it came to be")?,
        }
        match (&self.sold_to, &self.released_at) {
            (Some(SaleSummary { customer, keys, since, by }), _) => {
                writeln!(f, "sold: to {customer} since {since}, on the word of {by}")?;
                keys.iter().try_for_each(|key| writeln!(f, "  key of its CA: {key}"))?;
            }
            (None, Some(since)) => writeln!(f, "released: {since}")?,
            (None, None) => writeln!(f, "sold: not as far as is known")?,
        }
        for ClaimSummary { domain, pin, since, assertion, nonceless } in &self.claims {
            let lasting = if *nonceless { ", also without nonce" } else { "" };
            writeln!(f, "claimed: by domain {domain} since {since}, {assertion}{lasting}\n  pinned key: {pin}")?;
        }
        write!(f, "vouchers: {}", self.vouchers.len())
    }
}

impl fmt::Display for SupersededSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seq, index, batch, line, reason, by } = self;
        write!(f, "record {seq} (entry {index})")?;
        batch.iter().try_for_each(|batch| write!(f, ", batch {batch}"))?;
        line.iter().try_for_each(|line| write!(f, ", assembly line {line}"))?;
        reason.iter().try_for_each(|reason| write!(f, ": {reason}"))?;
        by.iter().try_for_each(|by| write!(f, ", on the word of {by}"))
    }
}

impl fmt::Display for VoucherSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, domain, pin, nonce, assertion, expires_on, by } = self;
        let nonce = nonce.as_ref().map_or("without nonce".to_owned(), |nonce| format!("nonce {nonce}"));
        let expiry = expires_on.as_ref().map_or(String::new(), |at| format!(", expires {at}"));
        let by = by.as_ref().map_or(String::new(), |by| format!(", on the word of {by}"));
        write!(f, "{at}: {assertion}, domain {domain}, {nonce}{expiry}{by}\n  pinned key: {pin}")
    }
}
