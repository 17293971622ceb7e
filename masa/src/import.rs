//! Many reports at once: reads rows of any form that stations write, verifies them on all processors, records them in groups, and tells what became of each, in the order of the input.
//!
//! The `record` and `spool` commands and the admin interface call in, and so does whoever embeds a [`Masa`] beside an assembly line of its own.
//!
//! No runtime: [`Import::run`] blocks, and is called from a thread that may. Memory does not grow with the input. A row waits for others only as long as more of the input is at hand,
//! so that a station at the other end of a pipe hears of each report before it sends the next.
//! Recording the same report again changes nothing, so that an import that was interrupted is resumed by running it again.

mod current;
mod delivered;
mod open;
mod outcome;
mod queue;
mod signed;
mod source;
mod wait;

use core::num::NonZeroUsize;
use core::ops::ControlFlow;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use brski_common::SigningParty;

pub use current::Current;
pub use delivered::Delivery;
pub use outcome::{Failure, Outcome, Place};
pub use signed::{SignedItem, signed_items};
pub use source::LONGEST_LINE;

use crate::manufacture::{Correction, GenuineReport};
use crate::masa::{Masa, Trial, Want};
use current::{Held, Recorder};
use open::{Chunk, Opener, Work};
use queue::{Closing, Queue};
pub(crate) use wait::wait_for;

/// What to do with the rows of an input.
#[derive(Clone, Copy)]
pub struct Import<'a> {
    recorder: Recorder<'a>,
    want: Want,
    correction: &'a Correction,
    sign_as: Option<&'a SigningParty>,
    certificates: Option<&'a Path>,
    expected: Option<Form>,
    delivery: Option<&'a Delivery>,
    manifests_only: bool,
    /// What a trial remembers from one input to the next.
    trial: Option<&'a Trial>,
}

/// How an input is written. Its content decides; what is expected matters only where that leaves doubts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A JWS or a report as JSON in each line.
    Lines,
    /// A header, then a report in each line, with the columns of [`COLUMNS`](brski_common::provenance::COLUMNS).
    Csv,
    /// A CBOR sequence (RFC 8742) of COSE_Sign1 messages, each a batch.
    Messages,
    /// A secure-element vendor's manifest: a JSON array of [elements](brski_common::evidence::ManifestElement).
    Manifest,
}

/// A row that was verified, or why it was not.
type Checked = (Place, Result<GenuineReport, Failure>);

impl<'a> Import<'a> {
    /// Of reports that their stations signed; one that says something else than the record is refused.
    pub fn new(masa: &'a Masa, want: Want) -> Self {
        Self::by(Recorder::Fixed(masa), want)
    }

    /// The same, by whichever MASA is current at each group of rows, as long as whoever sends them may do so: what was withdrawn meanwhile counts no longer.
    pub fn by_current(current: &'a dyn Current, want: Want) -> Self {
        Self::by(Recorder::Current(current), want)
    }

    fn by(recorder: Recorder<'a>, want: Want) -> Self {
        Self {
            recorder,
            want,
            correction: &Correction::Refuse,
            sign_as: None,
            certificates: None,
            expected: None,
            delivery: None,
            manifests_only: false,
            trial: None,
        }
    }

    fn masa(&self) -> Held<'a> {
        self.recorder.masa()
    }

    /// The same, and rows without signature are signed in the name of this station, whose key is at hand.
    #[must_use]
    pub fn signing_as(self, station: &'a SigningParty) -> Self {
        Self { sign_as: Some(station), ..self }
    }

    /// The same, and a CSV may name PEM files below this folder instead of holding certificates.
    #[must_use]
    pub fn with_certificates(self, folder: &'a Path) -> Self {
        Self { certificates: Some(folder), ..self }
    }

    /// The same, and this holds for the elements of manifests, of which otherwise no more is known than the vendor says. A delivery list says it itself, and must not say otherwise.
    #[must_use]
    pub fn of_delivery(self, delivery: &'a Delivery) -> Self {
        Self { delivery: Some(delivery), ..self }
    }

    /// The same, and whatever is no manifest or delivery list of secure elements is refused.
    #[must_use]
    pub fn of_manifests_only(self) -> Self {
        Self { manifests_only: true, ..self }
    }

    /// The same, with what the name or media type of the input says of its form.
    #[must_use]
    pub fn expecting(self, form: Form) -> Self {
        Self { expected: Some(form), ..self }
    }

    /// The same, and a trial ([`Want::Trial`]) goes on from what the inputs before it said; otherwise it remembers one input alone.
    #[must_use]
    pub fn after(self, trial: &'a Trial) -> Self {
        Self { trial: Some(trial), ..self }
    }

    /// The same, with this decision about reports that say something else than the record.
    #[must_use]
    pub fn correcting(self, correction: &'a Correction) -> Self {
        Self { correction, ..self }
    }

    /// Reads `input` to its end, and calls `tell` with one outcome a row, in order. `name` is the input's in the [`Place`] of each.
    ///
    /// What cannot be read is an outcome like any other, at its place. With [`ControlFlow::Break`] from `tell` it ends early: what was recorded stays.
    pub fn run(&self, name: &str, input: impl Read + Send + 'static, tell: &mut dyn FnMut(Outcome) -> ControlFlow<()>) -> ControlFlow<()> {
        let (blocks, chunks) = (Arc::new(Queue::<source::Block>::new(BLOCKS_AHEAD)), Queue::<Chunk>::new(CHUNKS_AHEAD));
        let (filled, expected) = (Arc::clone(&blocks), self.expected);
        // Not one of the scope's threads: nobody should wait for a pipe that stays silent.
        std::thread::spawn(move || {
            let filled = Closing(&*filled);
            source::read(input, expected, filled.0);
        });
        let workers = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MOST_WORKERS);
        std::thread::scope(|scope| {
            let (verified, results) = sync_channel(CHUNKS_VERIFIED);
            scope.spawn(|| {
                let (blocks, chunks) = (Closing(&*blocks), Closing(&chunks));
                Opener::new(self, Arc::from(name), chunks.0).run(blocks.0);
            });
            for _ in 0..workers {
                let (verified, chunks) = (verified.clone(), &chunks);
                scope.spawn(move || {
                    while let Some((number, chunk)) = chunks.take() {
                        if verified.send((number, self.verify(chunk))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(verified);
            let _closing = (Closing(&*blocks), Closing(&chunks));
            let alone = Trial::default();
            self.record(&results, &chunks, self.trial.unwrap_or(&alone), tell)
        })
    }

    fn verify(&self, chunk: Chunk) -> Vec<Checked> {
        let masa = self.masa();
        let verify = |(place, work)| {
            let checked = match work {
                Work::Report(report) => masa.genuine(&report).map_err(|err| Failure::of(&err)),
                Work::Row(batch, row) => masa.genuine_row(&batch, row.clone()).map_err(|fault| Failure::from(fault).about(batch.serial_number(row).as_ref())),
                Work::Failed(failure) => Err(failure),
            };
            (place, checked)
        };
        chunk.into_iter().map(verify).collect()
    }

    /// Records what is verified, in the order of the input: all that is at hand or being verified together, so that the ledger makes it durable at once and touches its indexes once.
    fn record(
        &self,
        results: &Receiver<(u64, Vec<Checked>)>,
        chunks: &Queue<Chunk>,
        trial: &Trial,
        tell: &mut dyn FnMut(Outcome) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let (mut waiting, mut next, mut group) = (BTreeMap::new(), 0, Vec::new());
        while let Ok((number, chunk)) = results.recv() {
            waiting.insert(number, chunk);
            loop {
                while group.len() < GROUP
                    && let Some(chunk) = waiting.remove(&next)
                {
                    group.extend(chunk);
                    next += 1;
                }
                let others_are_on_their_way = chunks.put_so_far() > next + waiting.len() as u64;
                if group.is_empty() || others_are_on_their_way && group.len() < GROUP {
                    break;
                }
                self.record_group(core::mem::take(&mut group), trial, tell)?;
            }
        }
        // Something is left only where a thread that verified ended before its time.
        if group.is_empty() { ControlFlow::Continue(()) } else { self.record_group(group, trial, tell) }
    }

    fn record_group(&self, group: Vec<Checked>, trial: &Trial, tell: &mut dyn FnMut(Outcome) -> ControlFlow<()>) -> ControlFlow<()> {
        if let (Some((place, _)), Err(failure)) = (group.first(), self.recorder.may_record()) {
            tell(Outcome { place: place.clone(), result: Err(failure) })?;
            return ControlFlow::Break(());
        }
        let masa = self.masa();
        let mut reports = Vec::with_capacity(group.len());
        let places: Vec<(Place, Option<Failure>)> = group
            .into_iter()
            .map(|(place, checked)| match checked.and_then(|report| in_use_still(&masa, report)) {
                Ok(report) => {
                    reports.push(report);
                    (place, None)
                }
                Err(failure) => (place, Some(failure)),
            })
            .collect();
        let recorded = match self.want {
            Want::Trial => wait_for(masa.try_all(&reports, self.correction, trial)),
            Want::Record | Want::Statement => wait_for(masa.record_all(&reports, self.want, self.correction)),
        };
        let mut recorded = recorded.into_iter().zip(&reports);
        for (place, failure) in places {
            let result = match failure {
                Some(failure) => Err(failure),
                None => match recorded.next() {
                    Some((result, report)) => result.map_err(|err| Failure::of(&err).about(Some(&report.device().serial))),
                    None => Err(Failure::not_answered()),
                },
            };
            tell(Outcome { place, result })?;
        }
        ControlFlow::Continue(())
    }
}

/// A batch may have been opened long ago, and its station withdrawn since.
fn in_use_still(masa: &Held<'_>, report: GenuineReport) -> Result<GenuineReport, Failure> {
    match masa.may_be_another() {
        true => masa.still_genuine(report).map_err(|err| Failure::untrusted(&err)),
        false => Ok(report),
    }
}

// Each may be as large as the largest batch.
const BLOCKS_AHEAD: usize = 1;

// A few, so that neither readers nor verifiers stand still for long; of at most some hundred rows each.
const CHUNKS_AHEAD: usize = 4;

// Enough that verifying goes on while a group is recorded and the disk is waited for.
const CHUNKS_VERIFIED: usize = 16;

// Rows that are recorded together, if so many are at hand. Keys come in no order: the more of them are listed at once, the fewer pages of their index are written for each.
const GROUP: usize = 4096;

const MOST_WORKERS: usize = 8;

#[cfg(test)]
mod tests;
