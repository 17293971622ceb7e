//! What the MASA says of a record under its signature: one statement for each level of readers, the same octets to all of them.

use brski_common::provenance::Disclosure;
use brski_common::{Format, ProvenanceStatement, Refusal, SignError, Signed, UnixTime};

use super::{Masa, random};
use crate::error::Error;
use crate::history::History;
use crate::ledger::{Entry, LedgerError, Stated};
use crate::marks;

impl Masa {
    /// The statement about a device's newest record for readers of this level: as it was stored, else signed now and stored. `None` if nobody wrote anything down.
    ///
    /// `history` is brought up to date first ([`restate`](Self::restate)): what it says afterwards is what the statement is about.
    pub(super) async fn statement(&self, history: &mut History, level: Disclosure, now: UnixTime) -> Result<Option<Signed<ProvenanceStatement>>, Error> {
        if level == Disclosure::Internal {
            return Err(Refusal::StaysWithManufacturer.into());
        }
        self.restate(history, now).await?;
        if let Some(statement) = history.statement(level) {
            return Ok(Some(statement.clone()));
        }
        let Some(record) = history.record() else { return Ok(None) };
        let key = history.idevid().certificate().public_key();
        let statement = ProvenanceStatement::view(record, &key, &self.0.authority, level, random()?, now);
        let encode = |source| SignError::Encode { artefact: "provenance statement", source: Box::new(source) };
        let statement = statement.map_err(encode)?;
        let statement = self.0.lines.of(&record.device).provenance.seal(&statement, Format::Cose).await?;

        let stated = Stated { device: record.device.clone(), seq: record.seq, level: Some(level), statement: statement.clone() };
        match self.0.ledger.append(vec![Entry::Stated(stated)]).await {
            Ok(_) => Ok(Some(statement)),
            // Signed twice at once: the one that was stored is the one that everybody gets.
            Err(conflict @ LedgerError::Conflict { .. }) => {
                *history = self.known(history.device()).await?;
                // None if a mark came in between, too: whoever asks again is told of it.
                history.statement(level).cloned().map(Some).ok_or_else(|| conflict.into())
            }
            Err(err) => Err(err.into()),
        }
    }

    /// Appends the record that says what the marks make of the newest one, if that does not say so itself, so that log, receipt and statement agree.
    /// A crash may leave the record without a statement, which is made up for.
    pub(super) async fn restate(&self, history: &mut History, now: UnixTime) -> Result<(), Error> {
        let Some(record) = marks::restated(history, random()?, now)? else { return Ok(()) };
        match self.0.ledger.append(vec![Entry::Recorded(Box::new(record))]).await {
            // Somebody else may have done the same at the same moment.
            Ok(_) | Err(LedgerError::Conflict { .. }) => {}
            Err(err) => return Err(err.into()),
        }
        *history = self.known(history.device()).await?;
        match marks::restated(history, random()?, now)? {
            None => Ok(()),
            // Marked again in between: whoever asks again is told of it.
            Some(_) => Err(LedgerError::Busy.into()),
        }
    }
}
