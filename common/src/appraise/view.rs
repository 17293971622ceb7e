//! What a rule sees: plain values, of which only its callers know that they were verified.

use super::{Case, MasaFindings, ReceiptFinding};
use crate::certificate::IDevIdCert;
use crate::identity::DeviceId;
use crate::provenance::{ProvenanceStatement, Status};
use crate::signed::Verified;

#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// None only where nothing is permitted.
    pub(super) idevid: Option<&'a IDevIdCert>,
    pub(super) device: &'a DeviceId,
    pub(super) manufacturer: &'a str,
    pub(super) statement: Option<&'a ProvenanceStatement>,
    pub(super) receipt: ReceiptFinding,
    pub(super) word: Word<'a>,
}

/// What the MASA said beside the statement.
#[derive(Clone, Copy, Debug)]
pub(super) enum Word<'a> {
    /// It will be asked if that can matter.
    NotYet,
    /// This; with none, nothing.
    Said(Option<&'a MasaFindings>),
}

impl<'a> View<'a> {
    /// A case of which the MASA said all that it will.
    pub(super) fn complete(case: &Case<'a>) -> Self {
        let Case { idevid, manufacturer, statement, receipt, word } = *case;
        let (device, statement) = (idevid.device(), statement.map(Verified::get));
        Self { idevid: Some(idevid), device, manufacturer, statement, receipt, word: Word::Said(word) }
    }

    /// The same; the MASA is yet to be asked if it said nothing.
    pub(super) fn early(self) -> Self {
        match self.word {
            Word::Said(None) => Self { word: Word::NotYet, ..self },
            Word::NotYet | Word::Said(Some(_)) => self,
        }
    }

    pub(super) fn is_disputed(&self) -> bool {
        match self.statement.map(|said| said.status) {
            Some(Status::Disputed) => true,
            Some(Status::Valid | Status::Compromised) | None => false,
        }
    }
}
