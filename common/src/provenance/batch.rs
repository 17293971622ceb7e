//! Many manufacture reports under one signature of their station.
//!
//! Only [`ManufactureBatch`] is signed; [`RowReader`] reads single rows, those of a batch and those that bear no signature yet.

mod columns;
mod confidential;
mod row;
#[cfg(test)]
mod tests;

use core::ops::Range;

use serde::{Deserialize, Serialize};

pub use self::columns::{COLUMNS, to_csv};
pub(super) use self::row::from_json;
pub use self::row::{RowError, RowReader};
use super::report::ManufactureReport;
use crate::envelope::Format;
use crate::error::DecodeError;
use crate::leniency::Reading;
use crate::signed::{Payload, Typ};

/// How the rows of a batch are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RowForm {
    /// One report a line, as JSON.
    Jsonl,
    /// A header, then one report a line, with the columns of [`COLUMNS`].
    Csv,
}

/// Reports of many devices, in a JWS or COSE_Sign1 of the station's key.
///
/// The payload is UTF-8 text in both: a first line `{"version": 1, "rows": "jsonl"}` (or `"csv"`), then the rows, one a line. Rows are read one by one, so that a fault in one leaves the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManufactureBatch {
    form: RowForm,
    reader: RowReader,
    text: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    version: u32,
    rows: RowForm,
}

impl ManufactureBatch {
    /// Largest batch: octets of its rows. A million rows take some hundred batches of this size, and none needs more memory than a server has for one request.
    pub const LARGEST: usize = 8 * 1024 * 1024;

    /// A batch of rows as they stand; those of CSV begin with their header.
    ///
    /// # Errors
    /// [`DecodeError`] if there are more than [`LARGEST`](Self::LARGEST) octets, or if the header of a CSV cannot be used.
    pub fn new(form: RowForm, rows: impl Into<String>) -> Result<Self, DecodeError> {
        let text = rows.into();
        if text.len() > Self::LARGEST {
            return Err(DecodeError::TooLarge { what: "the manufacture batch's size in octets", limit: Self::LARGEST });
        }
        let reader = match form {
            RowForm::Jsonl => RowReader::jsonl(),
            RowForm::Csv => {
                let header = text.lines().find(|line| !RowReader::is_blank(line.as_bytes()));
                let header = header.ok_or(DecodeError::MissingField { field: "header", artefact: "CSV" })?;
                RowReader::csv(header).map_err(|faults| {
                    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
                    DecodeError::syntax(Self::NAME, "CSV", faults.join("; "))
                })?
            }
        };
        Ok(Self { form, reader, text })
    }

    /// A batch of these reports, as JSON.
    ///
    /// # Errors
    /// [`DecodeError`] if they are too many for one.
    pub fn of_reports<'a>(reports: impl IntoIterator<Item = &'a ManufactureReport>) -> Result<Self, DecodeError> {
        let mut text = String::new();
        for report in reports {
            text.push_str(&report.to_json()?);
            text.push('\n');
        }
        Self::new(RowForm::Jsonl, text)
    }

    /// How its rows are written.
    pub fn form(&self) -> RowForm {
        self.form
    }

    /// Reads its rows.
    pub fn reader(&self) -> &RowReader {
        &self.reader
    }

    /// Its rows, with the header if it has one.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where its rows are in [`text`](Self::text), each with its number from 1. Blank lines and the header are none.
    pub fn rows(&self) -> impl Iterator<Item = (u64, Range<usize>)> + '_ {
        let mut from = 0;
        let lines = self.text.split_inclusive('\n').map(move |line| {
            let begin = from;
            from += line.len();
            (line, begin..begin + line.trim_end_matches(['\n', '\r']).len())
        });
        let header = match self.form {
            RowForm::Jsonl => 0,
            RowForm::Csv => 1,
        };
        (1..).zip(lines.filter(|(line, _)| !RowReader::is_blank(line.as_bytes())).skip(header).map(|(_, range)| range))
    }
}

impl Payload for ManufactureBatch {
    const NAME: &'static str = "manufacture batch";

    fn typ(format: Format) -> Option<Typ> {
        match format {
            Format::Cms => None,
            Format::Jws => Some(Typ::Required("manufacture-batch+jws")),
            Format::Cose => Some(Typ::Required("application/manufacture-batch+cose")),
        }
    }

    fn encode(&self, _: Format) -> Result<Vec<u8>, DecodeError> {
        let head = serde_json::to_string(&Head { version: VERSION, rows: self.form }).map_err(|err| DecodeError::syntax(Self::NAME, "JSON", err))?;
        Ok([head.as_bytes(), b"\n", self.text.as_bytes()].concat())
    }

    fn decode(octets: &[u8], _: Format, _: &Reading) -> Result<Self, DecodeError> {
        let text = core::str::from_utf8(octets).map_err(|_| DecodeError::syntax(Self::NAME, "UTF-8", "a character is not complete"))?;
        let (head, rows) = text.split_once('\n').unwrap_or((text, ""));
        let head: Head = serde_json::from_str(head).map_err(|err| DecodeError::syntax("manufacture batch's first line", "JSON", err))?;
        if head.version != VERSION {
            return Err(DecodeError::Unexpected { what: "version of the manufacture batch", found: head.version.to_string(), expected: "1" });
        }
        Self::new(head.rows, rows)
    }
}

const VERSION: u32 = 1;
