//! Journey 1, the rule: what a station reports of one device becomes what the ledger keeps, once and without contradiction.

#[cfg(test)]
mod tests;

use core::time::Duration;

use brski_common::provenance::{Basis, KeyOrigin, ManufactureReport, Status};
use brski_common::time::to_rfc3339;
use brski_common::{Anchors, DeviceId, EnrolledKey, ProvenanceRecord, Refusal, Signed, SignedBy, UnixTime, Usage, Verified, Verifier, VerifyError};

use crate::history::History;
use crate::ledger::{Entry, Made};

/// Who may report a manufacture, and on whose word it may let a report stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Station {
    /// The key that signs its reports.
    pub key: EnrolledKey,
    /// Every basis that it may claim. No evidence is appraised here: a basis that goes beyond the station's own word is the manufacturer's trust in that station,
    /// which has to have seen the attestation, the witnesses or the audit itself.
    pub bases: Vec<Basis>,
}

impl Station {
    /// A station that may claim no more than its own signature proves: `self-declared` and `station-signed`.
    pub fn new(key: EnrolledKey) -> Self {
        Self { key, bases: vec![Basis::SelfDeclared, Basis::StationSigned] }
    }
}

/// An enrolled station's report of a device whose IDevID leads to the manufacturer's own anchors. Made by [`verify`](Self::verify) alone.
#[derive(Clone, Debug)]
pub struct GenuineReport {
    report: Verified<ManufactureReport>,
    station: Station,
}

impl GenuineReport {
    /// Verifies the signature and the path of the reported IDevID.
    ///
    /// # Errors
    /// [`VerifyError`] if none of `stations` signed it, or if the IDevID does not lead to `anchors` or is not current.
    pub fn verify(report: &Signed<ManufactureReport>, stations: &[Station], anchors: &Anchors, now: UnixTime) -> Result<Self, VerifyError> {
        let keys: Vec<EnrolledKey> = stations.iter().map(|station| station.key.clone()).collect();
        let report = report.verify(&Verifier::strict(SignedBy::Enrolled(&keys)), now)?;
        let station = stations.iter().find(|station| report.signer().key_name.as_ref() == Some(&station.key.name));
        let unnamed = || VerifyError::UnknownSigner { artefact: "manufacture report", detail: "no station has the name of its key".to_owned() };
        let station = station.ok_or_else(unnamed)?.clone();
        // Reports enclose no CA certificates: an issuing CA is an anchor itself, or stands beside its root among them.
        anchors.verify_path(report.get().idevid.certificate(), anchors.certificates(), Usage::Any, now)?;
        Ok(Self { report, station })
    }

    /// Of which device it speaks.
    pub fn device(&self) -> &DeviceId {
        self.report.get().idevid.device()
    }

    /// Whether it says how the key came to be.
    pub fn tells_origin(&self) -> bool {
        self.report.get().origin.is_some()
    }
}

/// Permission to write a device into the ledger. Made by [`evaluate`] alone, spent by value.
///
/// ```
/// use brski_masa::manufacture::RecordOrder;
/// fn made(order: RecordOrder) -> RecordOrder { order }
/// fn spent(order: RecordOrder) { order.into_entries(); }
/// ```
/// It cannot be put together, nor be spent twice:
/// ```compile_fail,E0451
/// use brski_masa::manufacture::RecordOrder;
/// fn made(order: RecordOrder) -> RecordOrder { RecordOrder { ..order } }
/// fn spent(order: RecordOrder) { order.into_entries(); }
/// ```
/// ```compile_fail,E0599
/// use brski_masa::manufacture::RecordOrder;
/// fn made(order: RecordOrder) -> RecordOrder { order }
/// fn spent(order: RecordOrder) { order.clone().into_entries(); }
/// ```
#[derive(Debug, PartialEq)]
pub struct RecordOrder {
    entries: Vec<Entry>,
}

impl RecordOrder {
    /// Whether the ledger has all of it already.
    pub fn is_repeated(&self) -> bool {
        self.entries.is_empty()
    }

    /// What to append, side by side.
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}

/// Decides what of a report to write down, next to what is on record already.
///
/// A report without origin makes the device known and nothing more; its origin may follow later. The same report again orders nothing, and neither does
/// one without origin once there is one: what is on record stands, so that all reports of a run can be sent again.
/// That no other device has the same key is for [`Ledger::append`](crate::Ledger::append) to say.
///
/// # Errors
/// [`Refusal::BasisNotAllowed`] if the station may not claim the origin's basis; [`Refusal::Inconsistent`] if the origin contradicts itself or lies in the future;
/// [`Refusal::Contradiction`] if the record says otherwise.
pub fn evaluate(report: &GenuineReport, existing: Option<&History>, salt: [u8; 16], now: UnixTime) -> Result<RecordOrder, Refusal> {
    let ManufactureReport { idevid, origin } = report.report.get();
    if let Some(origin) = origin {
        check_basis(origin, &report.station)?;
        origin.check()?;
        check_made_at(origin, now)?;
    }

    let mut entries = Vec::new();
    let reported_by = report.station.key.name.clone();
    let contradiction = |what| Refusal::Contradiction { what, device: idevid.device().clone() };
    match existing {
        None => entries.push(Entry::Made(Made { at: now, idevid: idevid.clone(), reported_by: reported_by.clone() })),
        Some(known) if known.idevid().spki_digest() != idevid.spki_digest() => return Err(contradiction("the serial number")),
        Some(known) if known.idevid() != idevid => return Err(contradiction("the IDevID certificate")),
        Some(_) => {}
    }
    match (origin, existing.and_then(History::record)) {
        (None, _) => {}
        (Some(origin), Some(record)) if record.origin == *origin => {}
        (Some(_), Some(_)) => return Err(contradiction("the origin of the key")),
        (Some(origin), None) => entries.push(Entry::Recorded(Box::new(ProvenanceRecord {
            device: idevid.device().clone(),
            spki: idevid.spki_digest(),
            seq: FIRST,
            salt,
            status: Status::Valid,
            reported_by,
            recorded_at: now,
            origin: origin.clone(),
        }))),
    }
    Ok(RecordOrder { entries })
}

fn check_basis(origin: &KeyOrigin, station: &Station) -> Result<(), Refusal> {
    match station.bases.contains(&origin.basis) {
        true => Ok(()),
        false => Err(Refusal::BasisNotAllowed { station: station.key.name.clone(), basis: origin.basis }),
    }
}

fn check_made_at(origin: &KeyOrigin, now: UnixTime) -> Result<(), Refusal> {
    let latest = now.as_secs().saturating_add(CLOCK_SKEW.as_secs());
    match origin.made_at.as_secs() <= latest {
        true => Ok(()),
        false => Err(Refusal::Inconsistent(format!("made-at is {}, which is yet to come", to_rfc3339(origin.made_at)))),
    }
}

/// Sequence number of a device's first record.
const FIRST: u32 = 0;

/// How far a station's clock may run ahead of ours.
const CLOCK_SKEW: Duration = Duration::from_secs(600);
