//! The newest that a manufacturer said of a member's key: at the admission, or since.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::provenance::Status;
use brski_common::{Format, Leniencies, ProvenanceStatement, Refusal, Signed, UnixTime, Verified};

use super::{Registrar, trusted};
use crate::error::Error;
use crate::relay::Admission;
use crate::trail::{Event, PledgeFile, What};
use crate::trust::Manufacturer;

/// A statement that was verified once, and when.
pub(super) struct Kept {
    statement: Signed<ProvenanceStatement>,
    seq: u32,
    issued_at: UnixTime,
    status: Status,
    at: UnixTime,
}

impl Kept {
    /// The newest that is on record of this device: of the same record, what was said last.
    pub(super) fn newest(admission: &Admission, file: Option<&PledgeFile>) -> Option<Self> {
        let at_admission = Self::at_admission(admission);
        let since = file.and_then(|file| file.stated.as_ref());
        let since = since.and_then(|stated| Some((Signed::from_wire(Format::Cose, STANDARD.decode(&stated.statement).ok()?), stated.at)));
        let since = since.and_then(|(statement, at)| Self::of(statement, at));
        [at_admission, since].into_iter().flatten().max_by_key(|kept| (kept.seq, kept.issued_at))
    }

    fn at_admission(admission: &Admission) -> Option<Self> {
        let statement = admission.ground().facts.as_ref().and_then(|facts| facts.statement().ok().flatten());
        Self::of(statement?, admission.admitted_at())
    }

    // What the owner's own store keeps was verified before it was kept; its number alone is looked at here.
    fn of(statement: Signed<ProvenanceStatement>, at: UnixTime) -> Option<Self> {
        let ProvenanceStatement { seq, issued_at, status, .. } = statement.peek_unverified(Leniencies::default()).ok()?;
        Some(Self { statement, seq, issued_at, status, at })
    }

    /// Its number among all that the manufacturer said of the key.
    pub(super) fn seq(&self) -> u32 {
        self.seq
    }

    /// Verified as of when it came. Anchors may be others since, which is of no matter where the manufacturer speaks today.
    pub(super) fn verified(&self, manufacturer: &Manufacturer) -> Result<Verified<ProvenanceStatement>, Refusal> {
        trusted(&self.statement, manufacturer, self.at)
    }
}

/// Whether the manufacturer said something since that this admission does not stand on, such as to a recheck.
pub(super) fn is_newer(file: Option<&PledgeFile>, admission: &Admission) -> bool {
    let age = |kept: &Kept| (kept.seq, kept.issued_at);
    Kept::newest(admission, file).as_ref().map(age) > Kept::at_admission(admission).as_ref().map(age)
}

impl Registrar {
    /// Writes down what the manufacturer says today, if it is newer than what is on record: before anything follows from it, so that it counts whatever becomes of this request.
    pub(super) async fn note_stated(
        &self,
        today: &Verified<ProvenanceStatement>,
        kept: Option<&Kept>,
        admission: &Admission,
        now: UnixTime,
    ) -> Result<(), Error> {
        let ProvenanceStatement { seq, issued_at, status, .. } = *today.get();
        // The same said once more, under another date, is nothing new.
        if kept.is_some_and(|kept| (seq, issued_at) < (kept.seq, kept.issued_at) || (seq, status) == (kept.seq, kept.status)) {
            return Ok(());
        }
        let what = What::Stated { statement: STANDARD.encode(today.signed().wire()), seq, status };
        Ok(self.parts.pledges.note(Event { at: now, pledge: Some(admission.subject()), what }).await?)
    }
}
