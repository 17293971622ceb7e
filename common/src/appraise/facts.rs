//! What a decision was made of, for whoever keeps it: enough to ask later what another policy would have said.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::view::{View, Word};
use super::{Appraisal, Case, MasaFindings, Policy, ReceiptFinding, decided, hopeless};
use crate::certificate::{Certificate, IDevIdCert, SerialSource};
use crate::envelope::Format;
use crate::error::{DecodeError, VerifyError};
use crate::leniency::Leniencies;
use crate::log::receipts_of;
use crate::provenance::ProvenanceStatement;
use crate::refusal::Refusal;
use crate::signed::Signed;
use crate::time::UnixTime;

/// A [`Case`] as it is written down: octets as they came. Once read back nothing in it is verified, so that it admits nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Facts {
    /// The IDevID's certificate in DER, in base64.
    pub idevid: String,
    /// Where in it the serial number stands by which the manufacturer knows the device.
    #[serde(default, skip_serializing_if = "SerialSource::is_default")]
    pub serial_source: SerialSource,
    /// The manufacturer, by the owner's name for it.
    pub manufacturer: String,
    /// The statement in COSE, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// Whether the statement is known to be in the manufacturer's log.
    pub receipt: ReceiptFinding,
    /// What the MASA said beside; none if it had not been asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<MasaFindings>,
}

impl Facts {
    /// What this case consists of.
    pub fn of(case: &Case<'_>) -> Self {
        Self {
            idevid: STANDARD.encode(case.idevid.certificate().der()),
            serial_source: case.idevid.serial_source(),
            manufacturer: case.manufacturer.to_owned(),
            statement: case.statement.map(|statement| STANDARD.encode(statement.signed().wire())),
            receipt: case.receipt,
            word: case.word.cloned(),
        }
    }

    /// The IDevID.
    ///
    /// # Errors
    /// [`DecodeError`] if it is none.
    pub fn idevid(&self) -> Result<IDevIdCert, DecodeError> {
        Certificate::from_der(&octets("idevid", &self.idevid)?).and_then(|idevid| IDevIdCert::with_serial_from(idevid, self.serial_source))
    }

    /// The statement, its signature not checked.
    ///
    /// # Errors
    /// [`DecodeError`] if it is no base64.
    pub fn statement(&self) -> Result<Option<Signed<ProvenanceStatement>>, DecodeError> {
        let octets = self.statement.as_deref().map(|statement| octets("statement", statement)).transpose()?;
        Ok(octets.map(|octets| Signed::from_wire(Format::Cose, octets)))
    }
}

/// What a policy would say of facts that were kept. Unlike an [`Appraisal`] it permits nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rehearsal {
    #[serde(flatten)]
    appraisal: Appraisal,
    provisional: bool,
}

impl Rehearsal {
    /// What it would decide.
    pub fn verdict(&self) -> super::Verdict {
        self.appraisal.verdict()
    }

    /// The rule that would decide.
    pub fn rule(&self) -> &str {
        self.appraisal.rule()
    }

    /// What the rules would decide, if the policy only warns and they would not accept.
    pub fn warned(&self) -> Option<super::Verdict> {
        self.appraisal.warned()
    }

    /// Whether the MASA would still have to be asked, as if it had nothing to say: the pledge was refused before that.
    pub fn is_provisional(&self) -> bool {
        self.provisional
    }

    /// Every rule that was tried, in order.
    pub fn trace(&self) -> &[super::TraceStep] {
        self.appraisal.trace()
    }
}

/// What `policy` would say of these facts, of which nothing is verified here.
///
/// # Errors
/// [`RehearsalError`] if the facts cannot be read, or what no policy could accept.
pub fn rehearse(policy: &Policy, facts: &Facts, now: UnixTime) -> Result<Rehearsal, RehearsalError> {
    let idevid = facts.idevid()?;
    let statement = facts.statement()?.map(|statement| statement.peek_unverified(Leniencies::default())).transpose()?;
    let (device, word) = (idevid.device(), Word::Said(facts.word.as_ref()));
    let view = View { idevid: Some(&idevid), device, manufacturer: &facts.manufacturer, statement: statement.as_ref(), receipt: facts.receipt, word };
    Ok(rehearsed(policy, &view, now)?)
}

/// A statement that somebody wants to try a policy on, and what to suppose beside.
#[derive(Clone, Debug)]
pub struct Supposition {
    /// The statement, of which nothing is verified.
    pub statement: Signed<ProvenanceStatement>,
    /// The IDevID that it is about; none to take the statement's word for which device that is, when its model is not known.
    pub idevid: Option<IDevIdCert>,
    /// The manufacturer by the owner's name for it.
    pub manufacturer: String,
    /// Whether the statement is known to be in the manufacturer's log; none to tell by whether it has a receipt, of which nothing is checked.
    pub receipt: Option<ReceiptFinding>,
    /// What the MASA said beside; none if it has not been asked.
    pub word: Option<MasaFindings>,
}

impl Supposition {
    /// What `policy` would say of it.
    ///
    /// # Errors
    /// As [`rehearse`].
    pub fn rehearse(&self, policy: &Policy, now: UnixTime) -> Result<Rehearsal, RehearsalError> {
        let statement = self.statement.peek_unverified(Leniencies::default())?;
        let found = match receipts_of(self.statement.wire())?.is_empty() {
            true => ReceiptFinding::Missing,
            false => ReceiptFinding::Unchecked,
        };
        let view = View {
            idevid: self.idevid.as_ref(),
            device: self.idevid.as_ref().map_or(&statement.device, IDevIdCert::device),
            manufacturer: &self.manufacturer,
            statement: Some(&statement),
            receipt: self.receipt.unwrap_or(found),
            word: Word::Said(self.word.as_ref()),
        };
        Ok(rehearsed(policy, &view, now)?)
    }
}

fn rehearsed(policy: &Policy, view: &View<'_>, now: UnixTime) -> Result<Rehearsal, Refusal> {
    let unasked = matches!(view.word, Word::Said(None));
    let early = match unasked {
        true => hopeless(policy, view, now)?,
        false => None,
    };
    Ok(match early {
        Some(appraisal) => Rehearsal { appraisal, provisional: false },
        None => Rehearsal { appraisal: decided(policy, view, now)?, provisional: unasked },
    })
}

/// Why nothing can be said of facts that were kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RehearsalError {
    /// They are not what was written down.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The statement cannot be read.
    #[error(transparent)]
    Statement(#[from] VerifyError),
    /// No policy could accept them.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

fn octets(field: &'static str, base64: &str) -> Result<Vec<u8>, DecodeError> {
    STANDARD.decode(base64).map_err(|_| DecodeError::InvalidField { field, expected: "base64" })
}
