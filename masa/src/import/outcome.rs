//! What became of each row.

use core::fmt;
use std::sync::Arc;

use brski_common::provenance::RowError;
use brski_common::text::in_full;
use brski_common::{DecodeError, SerialNumber, VerifyError};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::error::Error;
use crate::ledger::LedgerError;
use crate::manufacture::RowFault;
use crate::masa::Recorded;

/// The outcome of one row. In JSON: file, line and row, then device, index, repeated and origin-stands, or serial (if it is known), field, error and, if it is so,
/// trouble.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Which row.
    pub place: Place,
    /// What became of it.
    pub result: Result<Recorded, Failure>,
}

/// Where a row stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Name of the input.
    pub file: Arc<str>,
    /// Counted from 1: line of the input, or place of a COSE message in a sequence of them or of an element in a manifest; none if it is about the input as a whole.
    pub line: Option<u64>,
    /// Row within the signed batch in that line, or element of the delivery list, counted from 1; none if it is about the batch as a whole, or if there is none.
    pub row: Option<u64>,
}

/// Why a row was not recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Serial number of the device, if the row could be read far enough.
    pub serial: Option<SerialNumber>,
    /// The field or column in which the fault is, if it is in one.
    pub field: Option<String>,
    /// What is wrong and what would be right, in one sentence.
    pub cause: String,
    /// Whether the fault is this MASA's own (its ledger, its keys) rather than the row's: the same row may be recorded another time.
    pub trouble: bool,
}

impl Failure {
    /// Of a row as a whole.
    pub(super) fn new(cause: impl Into<String>) -> Self {
        Self { serial: None, field: None, cause: cause.into(), trouble: false }
    }

    /// The same of this device.
    pub(super) fn about(self, serial: Option<&SerialNumber>) -> Self {
        Self { serial: serial.cloned(), ..self }
    }

    /// What the MASA said.
    pub(super) fn of(err: &Error) -> Self {
        let trouble = match err {
            Error::Refused(_) | Error::Untrusted(_) | Error::Inexpressible { .. } => false,
            Error::Ledger(LedgerError::Encode(_)) => false,
            Error::Ledger(_) | Error::Log(_) | Error::Sign(_) | Error::Randomness => true,
        };
        match err {
            Error::Untrusted(err) => Self::untrusted(err),
            err => Self { trouble, ..Self::new(in_full(err)) },
        }
    }

    /// Of what cannot be read or trusted.
    pub(super) fn untrusted(err: &VerifyError) -> Self {
        let field = match err {
            VerifyError::Decode { source: DecodeError::Member { field, .. }, .. } => Some(field.clone()),
            VerifyError::Decode { source: DecodeError::InvalidField { field, .. } | DecodeError::MissingField { field, .. }, .. } => Some((*field).to_owned()),
            VerifyError::NoPath { .. } | VerifyError::NotCurrent { .. } | VerifyError::WrongUsage { .. } => Some("idevid".to_owned()),
            _ => None,
        };
        Self { field, ..Self::new(in_full(err)) }
    }

    /// There is one answer a report; this is for want of one.
    pub(super) fn not_answered() -> Self {
        Self { trouble: true, ..Self::new("the report was given up") }
    }
}

impl From<RowError> for Failure {
    fn from(RowError { field, cause }: RowError) -> Self {
        Self { field, ..Self::new(cause) }
    }
}

impl From<RowFault> for Failure {
    fn from(fault: RowFault) -> Self {
        match fault {
            RowFault::Unreadable(err) => err.into(),
            RowFault::Untrusted(err) => Self::untrusted(&err),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        self.line.iter().try_for_each(|line| write!(f, ", line {line}"))?;
        self.row.iter().try_for_each(|row| write!(f, ", row {row}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serial.iter().try_for_each(|serial| write!(f, "{serial}: "))?;
        self.field.iter().try_for_each(|field| write!(f, "{field}: "))?;
        f.write_str(&self.cause)
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("file", &*self.place.file)?;
        self.place.line.iter().try_for_each(|line| map.serialize_entry("line", line))?;
        self.place.row.iter().try_for_each(|row| map.serialize_entry("row", row))?;
        match &self.result {
            Ok(recorded) => {
                map.serialize_entry("device", &recorded.device)?;
                map.serialize_entry("index", &recorded.index)?;
                map.serialize_entry("repeated", &recorded.repeated)?;
                map.serialize_entry("origin-stands", &recorded.origin_stands)?;
            }
            Err(failure) => {
                failure.serial.iter().try_for_each(|serial| map.serialize_entry("serial", serial))?;
                failure.field.iter().try_for_each(|field| map.serialize_entry("field", field))?;
                map.serialize_entry("error", &failure.cause)?;
                failure.trouble.then(|| map.serialize_entry("trouble", &true)).transpose()?;
            }
        }
        map.end()
    }
}
