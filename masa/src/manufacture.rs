//! Journey 1, the rule: what a station reports of one device becomes what the ledger keeps, once and without contradiction.

pub mod audit;
mod contradiction;
mod genuine;
mod grounding;
pub(crate) mod seed_register;
mod station;
mod testimony;
#[cfg(test)]
mod tests;

use core::time::Duration;

use brski_common::evidence::findings;
use brski_common::provenance::{KeyOrigin, ManufactureReport, Question, ReportDigest, Status, Supersession, Text};
use brski_common::time::to_rfc3339;
use brski_common::{ProvenanceRecord, Refusal, UnixTime};

pub use genuine::{GenuineBatch, GenuineReport, RowFault};
pub use grounding::check_grounded;
pub use station::{Station, Withdrawal};

use crate::history::History;
use crate::ledger::{Entry, Made, Marked, Scope};
use crate::product_line::OriginDefaults;

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
    #[cfg(test)]
    pub(crate) fn is_repeated(&self) -> bool {
        self.entries.is_empty()
    }

    /// What to append, side by side.
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}

/// What becomes of a report that says something else than the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Correction {
    /// It is refused.
    Refuse,
    /// It is recorded as well, and counts from now on. The record it replaces stays in the log.
    Supersede {
        /// Why the record is wrong.
        reason: Text,
        /// On whose word: the name of an operator or of a system.
        by: String,
    },
}

/// Decides what of a report to write down, next to what is on record already. What the station left out is taken from `defaults`, its product line's.
///
/// A report without origin makes the device known and nothing more; its origin may follow later. The same report again orders nothing, even if the defaults have changed since or
/// if it was superseded, and neither does one without origin once there is one: what is on record stands, so that all reports of a run can be sent again.
/// A correction takes nothing back that was said of the key's standing: it keeps the status that was recorded, and a mark on the batch, line or station that the device was in goes
/// over to the device itself. Another IDevID or key is never a correction.
/// That no other device has the same key is for [`Ledger::append`](crate::Ledger::append) to say.
///
/// # Errors
/// [`Refusal::BasisNotAllowed`] if the station may not claim the origin's basis; [`Refusal::Inconsistent`] if the origin contradicts itself, lies in the future or bears the name of
/// another of the `enrolled` stations;
/// [`Refusal::SplitRevealed`] if it publishes n-k although n = 2k-1, or says otherwise than the line that n-k may be told, and the line's defaults do not say that this is wanted;
/// [`Refusal::Testimony`] if not all parties of a ceremony signed, or a seed lacks its receipt or a derivation;
/// [`Refusal::EvidenceUnfit`] and [`Refusal::EvidenceContradicts`] if a piece of its evidence does not count or says otherwise than the report; [`Refusal::BasisNotGrounded`] if none
/// grounds the basis that it claims ([`check_grounded`]);
/// [`Refusal::Contradiction`] if the record says otherwise.
pub fn evaluate(
    report: &GenuineReport,
    existing: Option<&History>,
    defaults: &OriginDefaults,
    enrolled: &[Station],
    correction: &Correction,
    salt: [u8; 16],
    now: UnixTime,
) -> Result<RecordOrder, Refusal> {
    let ManufactureReport { idevid, origin } = report.content();
    let mut entries = Vec::new();
    let reported_by = report.station().key.name.clone();
    let contradiction = |what| Refusal::Contradiction { what, device: idevid.device().clone() };
    match existing {
        None => entries.push(Entry::Made(Made { at: now, idevid: idevid.clone(), reported_by: reported_by.clone() })),
        Some(known) if known.idevid().spki_digest() != idevid.spki_digest() => return Err(contradiction("the serial number")),
        Some(known) if known.idevid() != idevid => return Err(contradiction("the IDevID certificate")),
        Some(_) => {}
    }
    let Some(origin) = origin else { return Ok(RecordOrder { entries }) };
    let digest = ReportDigest::of(report.content()).map_err(|err| Refusal::Inconsistent(err.to_string()))?;
    let on_record = existing.and_then(|known| Some((known, known.record()?)));
    if on_record.is_some_and(|(_, newest)| newest.report == Some(digest)) {
        return Ok(RecordOrder { entries });
    }
    let origin = defaults.complete(origin);
    check_basis(&origin, report.station())?;
    check_station(&origin, report.station(), enrolled)?;
    origin.check()?;
    check_split(&origin, defaults)?;
    check_made_at(&origin, now)?;
    // People before modules: what is missing is told in numbers.
    testimony::check(&origin, report.appraised(), report.station().without_evidence, latest(now))?;
    // Last of all, so that a mistake is told by its own name before evidence is held against it.
    let findings = findings(&origin, report.appraised())?;
    check_grounded(origin.basis, &findings, report.station())?;

    let record = |seq, status, supersedes| {
        let (device, spki, report) = (idevid.device().clone(), idevid.spki_digest(), Some(digest));
        ProvenanceRecord {
            device,
            spki,
            seq,
            salt,
            status,
            report,
            supersedes,
            reported_by,
            recorded_at: now,
            origin: origin.clone(),
            findings: findings.clone(),
        }
    };
    match on_record {
        None => entries.push(Entry::Recorded(Box::new(record(FIRST, Status::Valid, None)))),
        Some((_, newest)) if newest.origin == origin => {}
        Some((known, newest)) => match correction {
            Correction::Refuse if known.superseded().any(|(_, older)| older.report == Some(digest)) => {}
            Correction::Refuse => {
                let facts = contradiction::differing(&newest.origin, &origin)?;
                return Err(Refusal::OtherOrigin(idevid.device().clone(), facts));
            }
            Correction::Supersede { reason, by } => {
                let replaced = newest.digest().map_err(|err| Refusal::Inconsistent(err.to_string()))?;
                let seq = newest.seq.checked_add(1).ok_or_else(|| Refusal::Inconsistent("it was corrected too often".to_owned()))?;
                let supersedes = Supersession { record: replaced, reason: reason.clone(), by: by.clone() };
                let record = record(seq, known.recorded_as(), Some(supersedes));
                let mark = left_behind(known, &record, by, now);
                entries.push(Entry::Recorded(Box::new(record)));
                entries.extend(mark.map(Entry::Marked));
            }
        },
    }
    Ok(RecordOrder { entries })
}

/// The worst mark that a device would no longer be under once this record counts, as a mark of its own; `None` if another that stays is as bad.
fn left_behind(known: &History, record: &ProvenanceRecord, by: &str, now: UnixTime) -> Option<Marked> {
    let stays = |mark: &Marked| known.would_be_in(&mark.scope, Some(record));
    let kept = known.marks().filter(|mark| stays(mark)).map(|mark| mark.status).fold(record.status, Status::worse);
    let lost = known.marks().filter(|mark| !stays(mark)).max_by_key(|mark| mark.status.number())?;
    let scope = Scope::Device(known.device().clone());
    // Nobody finds it among those of its batch any more: whoever takes the batch's mark back has to see here what is left.
    let reason = format!("{} (taken along from {}, by a correction)", lost.reason, lost.scope);
    let mark = Marked { at: now, by: by.to_owned(), scope, status: lost.status, reason };
    (lost.status.worse(kept) != kept).then_some(mark)
}

fn check_basis(origin: &KeyOrigin, station: &Station) -> Result<(), Refusal> {
    match station.bases.contains(&origin.basis) {
        true => Ok(()),
        false => Err(Refusal::BasisNotAllowed { station: station.key.name.clone(), basis: origin.basis }),
    }
}

/// A station has no other's devices booked under that one's name.
fn check_station(origin: &KeyOrigin, station: &Station, enrolled: &[Station]) -> Result<(), Refusal> {
    let signer = &station.key.name;
    match origin.station.as_ref().map(Text::as_str) {
        Some(named) if named != signer && enrolled.iter().any(|other| other.key.name == named) => {
            Err(Refusal::Inconsistent(format!("station '{signer}' signed it, and its origin names '{named}', which is another enrolled station")))
        }
        Some(_) | None => Ok(()),
    }
}

/// n-k with n = 2k-1 tells n and k for good, so that no station decides on that, nor on whether n is 2k-1 where its line says that it is.
fn check_split(origin: &KeyOrigin, defaults: &OriginDefaults) -> Result<(), Refusal> {
    let published = origin.split.tells_all() && origin.answers.has(Question::IdentitySharedSplitExtra);
    match (published || defaults.split.is_opened_by(origin.split)) && !defaults.reveal_split {
        false => Ok(()),
        true => Err(Refusal::SplitRevealed),
    }
}

fn check_made_at(origin: &KeyOrigin, now: UnixTime) -> Result<(), Refusal> {
    match origin.made_at <= latest(now) {
        true => Ok(()),
        false => Err(Refusal::Inconsistent(format!("made-at is {}, which is yet to come", to_rfc3339(origin.made_at)))),
    }
}

/// What is dated later is yet to come.
fn latest(now: UnixTime) -> UnixTime {
    brski_common::time::at(now.as_secs().saturating_add(CLOCK_SKEW.as_secs()))
}

/// Sequence number of a device's first record.
const FIRST: u32 = 0;

/// How far a station's clock may run ahead of ours.
const CLOCK_SKEW: Duration = Duration::from_secs(600);
