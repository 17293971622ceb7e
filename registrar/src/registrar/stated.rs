//! The newest that a manufacturer said of a member's key: at the admission, or since.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::provenance::Status;
use brski_common::{Format, Leniencies, ProvenanceStatement, Refusal, Signed, UnixTime, Verified, VerifyError};

use super::{Registrar, trusted};
use crate::error::Error;
use crate::pledges::StoreError;
use crate::relay::Admission;
use crate::trail::{Edition, Event, PledgeFile, What};
use crate::trust::Manufacturer;

/// A statement that was verified once, and when.
pub(super) struct Kept {
    statement: Signed<ProvenanceStatement>,
    edition: Edition,
    status: Status,
    at: UnixTime,
}

impl Kept {
    /// The newest that is on record of this device.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if a statement that is kept cannot be read: to go on with another one would be to forget what the manufacturer said.
    pub(super) fn newest(admission: &Admission, file: Option<&PledgeFile>) -> Result<Option<Self>, StoreError> {
        let at_admission = Self::at_admission(admission)?;
        let since = file.and_then(|file| file.stated.as_ref()).map(|stated| {
            let damaged = |source: Cause| damaged(admission, "since its admission", source);
            let octets = STANDARD.decode(&stated.statement).map_err(|err| damaged(err.into()))?;
            Self::of(Signed::from_wire(Format::Cose, octets), stated.at).map_err(|err| damaged(err.into()))
        });
        Ok(at_admission.into_iter().chain(since.transpose()?).max_by_key(|kept| kept.edition))
    }

    fn at_admission(admission: &Admission) -> Result<Option<Self>, StoreError> {
        let damaged = |source: Cause| damaged(admission, "at its admission", source);
        let Some(facts) = admission.ground().facts.as_ref() else { return Ok(None) };
        let statement = facts.statement().map_err(|err| damaged(err.into()))?;
        statement.map(|statement| Self::of(statement, admission.admitted_at()).map_err(|err| damaged(err.into()))).transpose()
    }

    // What the owner's own store keeps was verified before it was kept; its place among all is looked at here.
    fn of(statement: Signed<ProvenanceStatement>, at: UnixTime) -> Result<Self, VerifyError> {
        let read = statement.peek_unverified(Leniencies::default())?;
        Ok(Self { statement, edition: Edition::of(&read), status: read.status, at })
    }

    /// Its place among all that the manufacturer said of the key.
    pub(super) fn edition(&self) -> Edition {
        self.edition
    }

    /// Verified as of when it came. Anchors may be others since, which is of no matter where the manufacturer speaks today.
    pub(super) fn verified(&self, manufacturer: &Manufacturer) -> Result<Verified<ProvenanceStatement>, Refusal> {
        trusted(&self.statement, manufacturer, self.at)
    }
}

/// Whether the manufacturer said something since that this admission does not stand on, such as to a recheck.
///
/// # Errors
/// [`StoreError::Damaged`] if what it said cannot be read.
pub(super) fn is_newer(file: Option<&PledgeFile>, admission: &Admission) -> Result<bool, StoreError> {
    let edition = |kept: Option<Kept>| kept.map(|kept| kept.edition);
    Ok(edition(Kept::newest(admission, file)?) > edition(Kept::at_admission(admission)?))
}

fn damaged(admission: &Admission, when: &str, source: Cause) -> StoreError {
    let what = format!("what the manufacturer of {} said of its key {when} cannot be read", admission.device().serial);
    StoreError::Damaged { what, source: Some(source) }
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

impl Registrar {
    /// Writes down what the manufacturer says today, if it is newer than what is on record: before anything follows from it, so that it counts whatever becomes of this request.
    pub(super) async fn note_stated(
        &self,
        today: &Verified<ProvenanceStatement>,
        kept: Option<&Kept>,
        admission: &Admission,
        now: UnixTime,
    ) -> Result<(), Error> {
        let edition = Edition::of(today.get());
        let ProvenanceStatement { seq, issued_at, status, .. } = *today.get();
        // The same said once more, under another date, is nothing new.
        if kept.is_some_and(|kept| edition < kept.edition || (seq, status) == (kept.edition.seq(), kept.status)) {
            return Ok(());
        }
        let what = What::Stated { statement: STANDARD.encode(today.signed().wire()), seq, issued_at: Some(issued_at), status };
        Ok(self.parts.pledges.note(Event { at: now, pledge: Some(admission.subject()), what }).await?)
    }
}
