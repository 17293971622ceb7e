//! Journey 1: what stations report becomes what the ledger keeps, and what the line is given back.

mod trial;

use core::task::Poll;
use std::collections::HashSet;

use brski_common::log::Receipt;
use brski_common::provenance::ManufactureReport;
use brski_common::{BoxFuture, DeviceId, ProvenanceStatement, Signed, UnixTime};

pub use self::trial::Trial;
use super::transparency::ReceiptFrom;
use super::{Masa, fill, note, random, told};
use crate::error::Error;
use crate::history::History;
use crate::ledger::{Entry, LedgerError, Unique};
use crate::manufacture::{self, Correction, GenuineReport};

/// What is wanted of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// To know what would become of a report, next to what is on record. Nothing is written: reports that contradict each other alone are found by [`Masa::try_all`].
    Trial,
    /// That it is recorded. Statements are signed once somebody asks for them.
    Record,
    /// The statement and the receipt as well.
    Statement,
}

/// What became of a manufacture report.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Index of the record's entry in the ledger; that of the device's making if the report told no origin. `None` if it was a trial, and nothing is there yet.
    pub index: Option<u64>,
    /// Which device.
    pub device: DeviceId,
    /// What others may know of it, with the receipt in its unprotected header if there is one; `None` if nobody wrote down how its key came to be, or if none was wanted.
    pub statement: Option<Signed<ProvenanceStatement>>,
    /// That the record is in the log; `None` if there is no record, if none was wanted, or if the log could not prove or sign it: the record stands, and why is logged as an
    /// error.
    pub receipt: Option<Receipt>,
    /// Whether the ledger had all of it already.
    pub repeated: bool,
    /// Whether the report told no origin of a key whose origin is on record, which stands.
    pub origin_stands: bool,
}

impl Masa {
    /// Writes down what a station reports of one device, and signs what others may know of it. The same report again changes nothing and gets
    /// the same statement, with a receipt from a state of the log that may be newer.
    ///
    /// # Errors
    /// [`Error::Untrusted`] unless an enrolled station signed it and the IDevID is the manufacturer's own; [`Error::Refused`] if it contradicts itself or the record.
    #[tracing::instrument(skip_all, fields(serial))]
    pub async fn record(&self, report: &Signed<ManufactureReport>) -> Result<Recorded, Error> {
        let recorded = async {
            let report = self.genuine(report)?;
            note("serial", &report.device().serial);
            let now = self.0.clock.now();
            let recorded = self.record_one(&report, Want::Statement, &Correction::Refuse, now).await;
            self.with_statement(recorded, now).await
        };
        told("recorded", recorded.await)
    }

    /// Whether an enrolled station signed it and the IDevID is the manufacturer's own.
    ///
    /// # Errors
    /// [`Error::Untrusted`].
    pub fn genuine(&self, report: &Signed<ManufactureReport>) -> Result<GenuineReport, Error> {
        Ok(GenuineReport::verify(report, &self.0.stations, &self.0.idevid_anchors, &self.2, self.0.clock.now())?)
    }

    /// Writes down what stations report of many devices, each for itself; the outcomes are in the order of the reports. Of two reports of one device the first comes first, and
    /// the second finds it on record.
    ///
    /// This is the fast way to record: one lookup and one append for all of them. Some thousands at once are best. The reports of one call become durable together, and until
    /// they are the caller waits for the disk; to use all cores, verify and record from a few threads, each with a batch of its own. Of two reports of one device in different
    /// calls at once either may come first.
    pub async fn record_all(&self, reports: &[GenuineReport], want: Want, correction: &Correction) -> Vec<Result<Recorded, Error>> {
        let mut outcomes: Vec<(usize, Result<Recorded, Error>)> = Vec::with_capacity(reports.len());
        let mut left: Vec<(usize, &GenuineReport)> = reports.iter().enumerate().collect();
        while !left.is_empty() {
            let mut devices = HashSet::with_capacity(left.len());
            // Of each device the first; those after it see what became of that.
            let (now, later): (Vec<_>, Vec<_>) = left.into_iter().partition(|(_, report)| devices.insert(report.device()));
            let (places, reports): (Vec<usize>, Vec<&GenuineReport>) = now.into_iter().unzip();
            let recorded = self.record_different(&reports, want, correction).await;
            let recorded = match want {
                Want::Trial | Want::Record => recorded,
                Want::Statement => self.with_statements(recorded, self.0.clock.now()).await,
            };
            outcomes.extend(places.into_iter().zip(recorded));
            left = later;
        }
        outcomes.sort_unstable_by_key(|(place, _)| *place);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// The same, of reports that are each of another device.
    async fn record_different(&self, reports: &[&GenuineReport], want: Want, correction: &Correction) -> Vec<Result<Recorded, Error>> {
        let now = self.0.clock.now();
        let devices: Vec<DeviceId> = reports.iter().map(|report| report.device().clone()).collect();
        let histories = match self.0.ledger.histories(&devices).await {
            Ok(histories) => histories,
            Err(_) => return self.record_each(reports, want, correction, now).await,
        };
        let (mut decided, mut groups) = (Vec::with_capacity(reports.len()), Vec::with_capacity(reports.len()));
        // One draw for all of them: what it costs hardly depends on how much is drawn.
        let mut salts = vec![[0; 16]; reports.len()];
        if fill(salts.as_flattened_mut()).is_err() {
            return reports.iter().map(|_| Err(Error::Randomness)).collect();
        }
        for ((report, history), salt) in reports.iter().zip(&histories).zip(salts) {
            decided.push(self.decide(report, history.as_ref(), correction, salt, want, now).await.map(|entries| {
                let evidence = evidence(&entries);
                if want != Want::Trial && !entries.is_empty() {
                    groups.push(entries);
                }
                evidence
            }));
        }
        // Record first: a crash may leave a record without its statement, which is made up for, never a statement without its record.
        let mut appended = self.append_all(groups).await.into_iter();
        let mut outcomes = Vec::with_capacity(reports.len());
        for ((report, history), decision) in reports.iter().zip(&histories).zip(decided) {
            let before = history.as_ref();
            let outcome = match (decision, want) {
                (Err(err), _) => Err(err),
                (Ok(evidence), Want::Trial) => self.tried(report, before, evidence.is_none()).await,
                (Ok(None), Want::Record | Want::Statement) => Ok(recorded(report, before, before.map(History::index), true)),
                (Ok(Some(evidence)), Want::Record | Want::Statement) => match appended.next().unwrap_or(Err(LedgerError::Busy)) {
                    Ok(indexes) => Ok(recorded(report, before, Some(indexes.start + evidence), false)),
                    Err(err) => self.overtaken(report, correction, err).await,
                },
            };
            outcomes.push(outcome);
        }
        outcomes
    }

    /// One by one, where what is known of all devices could not be looked up at once: an entry of one that cannot be read is no reason against the others.
    async fn record_each(&self, reports: &[&GenuineReport], want: Want, correction: &Correction, now: UnixTime) -> Vec<Result<Recorded, Error>> {
        let mut outcomes = Vec::with_capacity(reports.len());
        for report in reports {
            outcomes.push(self.record_one(report, want, correction, now).await);
        }
        outcomes
    }

    async fn record_one(&self, report: &GenuineReport, want: Want, correction: &Correction, now: UnixTime) -> Result<Recorded, Error> {
        let history = self.0.ledger.history(report.device()).await?;
        let entries = self.decide(report, history.as_ref(), correction, random()?, want, now).await?;
        match want {
            Want::Trial => return self.tried(report, history.as_ref(), entries.is_empty()).await,
            Want::Record | Want::Statement if entries.is_empty() => return Ok(recorded(report, history.as_ref(), history.as_ref().map(History::index), true)),
            Want::Record | Want::Statement => {}
        }
        let evidence = evidence(&entries).unwrap_or_default();
        match self.append_all(vec![entries]).await.pop().unwrap_or(Err(LedgerError::Busy)) {
            Ok(indexes) => Ok(recorded(report, history.as_ref(), Some(indexes.start + evidence), false)),
            Err(err) => self.overtaken(report, correction, err).await,
        }
    }

    /// What would become of a report that contradicts no record of its device: it is refused nevertheless if another one has its key, which an append would find.
    async fn tried(&self, report: &GenuineReport, before: Option<&History>, repeated: bool) -> Result<Recorded, Error> {
        if before.is_none()
            && let Some(device) = self.0.ledger.holder(&report.key()).await?
        {
            return Err(LedgerError::Conflict { what: Unique::PublicKey, device }.into());
        }
        Ok(recorded(report, before, before.map(History::index), repeated))
    }

    /// A report that was not appended: perhaps somebody reported the same in the meantime.
    async fn overtaken(&self, report: &GenuineReport, correction: &Correction, err: LedgerError) -> Result<Recorded, Error> {
        self.give_seed_back(report.device());
        let history = self.0.ledger.history(report.device()).await?;
        match self.decide(report, history.as_ref(), correction, random()?, Want::Trial, self.0.clock.now()).await?.is_empty() {
            true => Ok(recorded(report, history.as_ref(), history.as_ref().map(History::index), true)),
            false => Err(err.into()),
        }
    }

    /// What to append; nothing if all of it is on record.
    async fn decide(
        &self,
        report: &GenuineReport,
        history: Option<&History>,
        correction: &Correction,
        salt: [u8; 16],
        want: Want,
        now: UnixTime,
    ) -> Result<Vec<Entry>, Error> {
        let defaults = &self.0.lines.of(report.device()).defaults;
        let entries = manufacture::evaluate(report, history, defaults, &self.0.stations, correction, salt, now)?.into_entries();
        self.check_seeds(&entries, want).await?;
        Ok(entries)
    }

    /// Adds statements and receipts, of some at once: what is stored of one waits for the disk together with that of the others.
    async fn with_statements(&self, outcomes: Vec<Result<Recorded, Error>>, now: UnixTime) -> Vec<Result<Recorded, Error>> {
        let mut stated = Vec::with_capacity(outcomes.len());
        let mut outcomes = outcomes.into_iter().peekable();
        while outcomes.peek().is_some() {
            let some = outcomes.by_ref().take(AT_ONCE).map(|outcome| -> BoxFuture<'_, _> { Box::pin(self.with_statement(outcome, now)) });
            stated.extend(all(some.collect()).await);
        }
        stated
    }

    async fn with_statement(&self, outcome: Result<Recorded, Error>, now: UnixTime) -> Result<Recorded, Error> {
        let recorded = outcome?;
        let mut history = self.known(&recorded.device).await?;
        match self.statement(&mut history, self.0.lines.of(&recorded.device).disclosure.line, now).await? {
            Some(statement) => {
                let (statement, receipt) = self.with_receipt(statement, &history, ReceiptFrom::SinceRecorded).await;
                Ok(Recorded { statement: Some(statement), receipt, ..recorded })
            }
            None => Ok(recorded),
        }
    }
}

/// Which of the entries a device's provenance rests on: the record, or else its making. `None` if there are none.
fn evidence(entries: &[Entry]) -> Option<u64> {
    let record = (0..).zip(entries).filter(|(_, entry)| matches!(entry, Entry::Recorded(_))).last();
    (!entries.is_empty()).then(|| record.map_or(0, |(place, _)| place))
}

/// What became of a report, next to what was on record before.
fn recorded(report: &GenuineReport, before: Option<&History>, index: Option<u64>, repeated: bool) -> Recorded {
    let origin_stands = !report.tells_origin() && before.is_some_and(|history| history.record().is_some());
    Recorded { index, device: report.device().clone(), statement: None, receipt: None, repeated, origin_stands }
}

/// Waits for all of them at once.
async fn all<T>(mut futures: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    core::future::poll_fn(|context| {
        for (future, done) in futures.iter_mut().zip(&mut done) {
            if done.is_none()
                && let Poll::Ready(value) = future.as_mut().poll(context)
            {
                *done = Some(value);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// How many statements are made at once: enough to share a flush to disk, and few enough to be looked at again whenever one of them gets on.
const AT_ONCE: usize = 64;
