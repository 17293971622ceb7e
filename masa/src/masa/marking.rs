//! Revocation: devices are marked, and whom that concerns is counted.

use brski_common::provenance::{Status, Text};
use brski_common::text::in_full;

use super::{Masa, random};
use crate::affected::{Affected, AffectedDevice, Survey};
use crate::error::Error;
use crate::ledger::{Entry, Marked, Scope};
use crate::marks;

/// A mark that is in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marking {
    /// Index of its entry.
    pub index: u64,
    /// How many devices it concerns so far, and who has them; those that are recorded later are under it as well. `None` if the ledger could not be read through, which
    /// is logged as an error: the mark stands.
    pub affected: Option<Affected>,
}

/// How far the ledger has been read: entries, and how many there are to read.
pub type Progress<'a> = &'a mut (dyn FnMut(u64, u64) + Send);

impl Masa {
    /// Says of the keys of some devices that they are disputed, compromised, or valid again: of marks with the same scope the newest counts, of different marks the worst.
    ///
    /// From then on devices whose key is not valid get no voucher, and statements carry the status. `by` is on whose word.
    ///
    /// # Errors
    /// [`Refusal::UnknownDevice`](brski_common::Refusal::UnknownDevice) for a device that was never made here; a batch, station or line need not have any device.
    /// [`Error::Ledger`].
    pub async fn mark(&self, scope: Scope, status: Status, reason: Text, by: Text) -> Result<Marking, Error> {
        let index = self.mark_only(scope.clone(), status, reason, by).await?;
        let affected = self.affected(&scope).await;
        let affected = affected.inspect_err(|err| tracing::error!(outcome = "not counted", sentence = in_full(err))).ok();
        Ok(Marking { index, affected })
    }

    /// The same without counting whom it concerns, which reads the whole ledger; the index of its entry.
    ///
    /// # Errors
    /// As for [`mark`](Self::mark).
    #[tracing::instrument(skip_all, fields(scope = %scope, status = %status, by = %by))]
    pub async fn mark_only(&self, scope: Scope, status: Status, reason: Text, by: Text) -> Result<u64, Error> {
        let now = self.0.clock.now();
        let history = match &scope {
            Scope::Device(device) => self.0.ledger.history(device).await?,
            Scope::Batch(_) | Scope::Station(_) | Scope::Line(_) => None,
        };
        let marked = Marked { at: now, by: by.into(), scope, status, reason: reason.into() };
        let order = marks::evaluate(marked, history, random()?, now)?;
        // The mark first: the vouchers of a million devices do not wait until these are counted.
        let index = self.0.ledger.append(order.into_entries()).await?.start;
        tracing::info!(outcome = "marked", entry = index);
        Ok(index)
    }

    /// How many devices are in `scope`, and who has them. Reads the whole ledger, unless it is about one device.
    ///
    /// # Errors
    /// [`Refusal::UnknownDevice`](brski_common::Refusal::UnknownDevice) for a device that was never made here; [`Error::Ledger`].
    pub async fn affected(&self, scope: &Scope) -> Result<Affected, Error> {
        self.affected_devices(scope, &mut |_, _| (), None).await
    }

    /// The same, telling how far it is; `each` is called for every device in question, in the order in which they were made. With it the ledger is read twice.
    ///
    /// # Errors
    /// As for [`affected`](Self::affected).
    pub async fn affected_devices(
        &self,
        scope: &Scope,
        progress: Progress<'_>,
        each: Option<&mut (dyn FnMut(AffectedDevice) + Send)>,
    ) -> Result<Affected, Error> {
        if let Scope::Device(device) = scope {
            let found = AffectedDevice::of(&self.known(device).await?);
            let affected = found.affected();
            if let Some(each) = each {
                each(found);
            }
            return Ok(affected);
        }
        let mut survey = Survey::new(scope);
        // No further, so that a second reading sees the same.
        let end = self.0.ledger.head().await?.size;
        self.read_through(end, progress, |entry| survey.read(entry)).await?;
        if survey.is_incomplete() {
            survey.begin_again();
            self.read_through(end, progress, |entry| survey.read_again(entry)).await?;
        }
        if let Some(each) = each {
            self.read_through(end, progress, |entry| survey.device(entry).into_iter().for_each(&mut *each)).await?;
        }
        Ok(survey.affected())
    }

    async fn read_through(&self, end: u64, progress: Progress<'_>, mut read: impl FnMut(&Entry) + Send) -> Result<(), Error> {
        let mut next = 0;
        loop {
            let page = self.0.ledger.entries(next, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            let last = *last;
            page.iter().filter(|(index, _)| *index < end).for_each(|(_, entry)| read(entry));
            next = last.saturating_add(1);
            progress(next.min(end), end);
            if next >= end {
                break;
            }
        }
        Ok(())
    }
}

/// Entries that are in memory at a time.
const PAGE: usize = 1000;
