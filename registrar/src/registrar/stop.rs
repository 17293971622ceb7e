//! How journey 2 ends without a voucher: what is written down, what is withdrawn, and what the pledge hears.

use core::time::Duration;

use brski_common::text::{LONGEST_LINE, in_full, printable};
use brski_common::{Format, Refusal, SpkiDigest, UnixTime};

use super::Registrar;
use crate::approval::undecided;
use crate::error::Error;
use crate::relay::Declined;
use crate::trail::{Event, PledgeFile, State, Subject, What};

/// What stands around one voucher-request.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The octets that were sent.
    pub(super) request: SpkiDigest,
    /// The format that the voucher shall have.
    pub(super) answer: Format,
    /// Whether that is the request's own.
    pub(super) own_format: bool,
    pub(super) file: Option<&'a PledgeFile>,
    pub(super) now: UnixTime,
}

/// Why there is no voucher: the owner's own "no" or "not yet" with its grounds, or anything else.
#[derive(Debug)]
pub(super) enum NoVoucher {
    Declined(Declined),
    /// Another process asks what is said of a member's key, and has no answer yet.
    NotYet(Refusal),
    Other(Error),
}

impl<T: Into<Declined>> From<T> for NoVoucher {
    fn from(declined: T) -> Self {
        Self::Declined(declined.into())
    }
}

impl From<Error> for NoVoucher {
    fn from(err: Error) -> Self {
        match err {
            Error::Refused(refusal) => Self::Declined(refusal.into()),
            other => Self::Other(other),
        }
    }
}

impl Registrar {
    /// Writes down why there is no voucher, withdraws what must not outlive it where the pledge is `known`, and returns what the pledge hears.
    pub(super) async fn note_stop(&self, stop: NoVoucher, pledge: Subject, asked: Asked<'_>, known: bool) -> Result<Error, Error> {
        let Asked { request, own_format, .. } = asked;
        let patient = is_patient(request, asked.file, asked.now);
        // What is wrong with the way to the MASA is for the owner to read, not for the pledge.
        let mut trouble = None;
        let (err, decision, held) = match stop {
            NoVoucher::Declined(Declined { refusal: Refusal::Pending { .. }, decision, held: Some(_) }) if !patient => {
                (undecided(&pledge.serial).into(), decision, None)
            }
            NoVoucher::Declined(Declined { refusal, decision, held }) => (Error::from(refusal), decision, held),
            NoVoucher::NotYet(refusal) => (Error::from(refusal), None, None),
            // The MASA may be up again before the pledge gives up.
            NoVoucher::Other(Error::Masa(err)) if patient && err.is_passing() => {
                let cause = in_full(&err);
                tracing::warn!(serial = %pledge.serial, reason = cause, "the pledge waits for its MASA");
                trouble = Some(cause);
                let reason = "the MASA cannot be asked at the moment".to_owned();
                (Refusal::Pending { reason, wait: self.parts.settings.hold_retry }.into(), None, None)
            }
            NoVoucher::Other(err) => (err, None, None),
        };
        let sentence = trouble.unwrap_or_else(|| for_owner(&err));
        let withdrawn = known && err.is_definite(own_format);
        let what = match (&err, held) {
            (Error::Refused(Refusal::Pending { .. }), Some(held)) => What::Held { request, held: Some(*held), sentence, decision },
            (Error::Refused(Refusal::Pending { .. }), None) => What::Deferred { request, sentence },
            (_, _) => What::Refused { request: Some(request), sentence, decision, withdrawn },
        };
        let idevid = pledge.key;
        let event = Event { at: asked.now, pledge: Some(pledge), what };
        match withdrawn {
            true => self.parts.pledges.withdraw(idevid, event).await?,
            false if repeats(&event, asked.file, asked.now) || !self.pace.allows(idevid, asked.now) => {}
            false => self.parts.pledges.note(event).await?,
        }
        Ok(err)
    }
}

/// Why there is no voucher, as its owner should read it: without what only the pledge has to do, and with the setting that an owner has who wants it otherwise.
pub(super) fn for_owner(err: &Error) -> String {
    match err {
        Error::Refused(Refusal::Pending { reason, .. }) => reason.clone(),
        // Both are written alike, so that the earlier one is the smaller.
        Error::Refused(refusal @ Refusal::NotFresh { created_on, now, .. }) => {
            let setting = if created_on <= now { "requests.oldest" } else { "requests.clock-skew" };
            format!("{refusal}; {setting} in the registrar's configuration sets that")
        }
        other => in_full(other),
    }
}

/// Whether whoever sent this request still waits for its answer.
pub(super) fn is_patient(request: SpkiDigest, file: Option<&PledgeFile>, now: UnixTime) -> bool {
    !file.is_some_and(|file| file.waiting.is_some_and(|waiting| waiting.request == request) && file.has_waited_in_vain(now))
}

/// Whether the trail has this of the pledge already: one that waits asks every minute, one that misbehaves as often as it can. The trail has it once, then hourly.
pub(super) fn repeats(event: &Event, file: Option<&PledgeFile>, now: UnixTime) -> bool {
    let Some(file) = file else { return false };
    let recent = now.as_secs().saturating_sub(file.last_seen.as_secs()) < NOTED_AGAIN.as_secs();
    let same = |request: SpkiDigest| file.waiting.is_some_and(|waiting| waiting.request == request);
    match &event.what {
        What::Held { request, held, sentence, .. } => recent && same(*request) && file.state == State::Held && file.held == *held && file.sentence == *sentence,
        // Its sentence may tell the time.
        What::Deferred { request, .. } => recent && same(*request) && file.state == State::Deferred,
        // It ends the wait, which has to be told however recently something else was.
        What::Refused { withdrawn: false, .. } if matches!(file.state, State::Held | State::Deferred) => false,
        What::Refused { sentence, withdrawn: false, .. } | What::NotIssued { sentence, .. } => recent && file.sentence == printable(sentence, LONGEST_LINE),
        What::Refused { withdrawn: true, .. }
        | What::Admitted { .. }
        | What::Approved { .. }
        | What::Disapproved { .. }
        | What::Attested { .. }
        | What::Bound { .. }
        | What::Issued { .. }
        | What::Revoked { .. }
        | What::Ended { .. }
        | What::Told { .. }
        | What::Opinion { .. }
        | What::Stated { .. }
        | What::Strangers { .. }
        | What::Configured { .. }
        | What::Rechecked { .. }
        | What::Restored { .. } => false,
    }
}

const NOTED_AGAIN: Duration = Duration::from_secs(3600);
