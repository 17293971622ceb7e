//! CSV: the table of columns, reading a row by it, and writing reports that fit into it.

mod table;
mod write;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use self::table::{Column, IDEVID, IDEVID_FILE, TABLE, find};
pub use self::write::to_csv;
use super::row::RowError;
use crate::certificate::{Certificate, IDevIdCert};
use crate::provenance::origin::KeyOrigin;
use crate::provenance::report::{ManufactureReport, certificate};

/// The columns of a CSV of reports, for people.
pub const COLUMNS: &str = include_str!("columns.txt");

/// What each cell of a row is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    cells: Vec<Cell>,
    delimiter: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    Idevid,
    IdevidFile,
    Origin(&'static Column),
}

impl Columns {
    /// Whether one of a line's cells is named as the certificate's.
    pub(super) fn is_header(line: &str) -> bool {
        delimiter(line).is_some()
    }

    /// Reads a header.
    pub(super) fn read(header: &str) -> Result<Self, Vec<RowError>> {
        let header = header.strip_prefix('\u{feff}').unwrap_or(header);
        let delimiter = delimiter(header).unwrap_or(b',');
        let names = cells(header, delimiter).map_err(|err| vec![err])?;
        let (mut columns, mut faults, mut met) = (Vec::new(), Vec::new(), BTreeSet::new());
        for name in names.iter().map(str::trim) {
            let cell = match name {
                IDEVID => Some(Cell::Idevid),
                IDEVID_FILE => Some(Cell::IdevidFile),
                name => find(name).map(Cell::Origin),
            };
            match cell {
                Some(_) if !met.insert(name) => faults.push(RowError::of(name, "this column occurs twice")),
                Some(cell) => columns.push(cell),
                None => {
                    let known = [IDEVID, IDEVID_FILE].into_iter().chain(TABLE.iter().map(|column| column.name));
                    faults.push(RowError::unknown(&crate::text::printable(name, 64), name, known, "column"));
                }
            }
        }
        match (met.contains(IDEVID), met.contains(IDEVID_FILE)) {
            (true, true) => faults.push(RowError::of(IDEVID_FILE, "may not stand beside the column idevid: one of both says which certificate")),
            (false, false) => faults.push(RowError::of(IDEVID, "this column is missing")),
            (true, false) | (false, true) => {}
        }
        match faults.is_empty() {
            true => Ok(Self { cells: columns, delimiter }),
            false => Err(faults),
        }
    }

    pub(super) fn names_files(&self) -> bool {
        self.cells.contains(&Cell::IdevidFile)
    }

    /// Reads a row. An empty cell says nothing; a row that says nothing but the certificate tells no origin.
    pub(super) fn report(&self, row: &str, find: &dyn Fn(&str) -> Result<Certificate, RowError>) -> Result<ManufactureReport, RowError> {
        let row = cells(row, self.delimiter)?;
        if row.len() != self.cells.len() {
            return Err(RowError::whole(format!("the row has {} cells, the header {}", row.len(), self.cells.len())));
        }
        let (mut idevid, mut origin) = (None, Map::new());
        for (cell, text) in self.cells.iter().zip(row.iter().map(str::trim)).filter(|(_, text)| !text.is_empty()) {
            match cell {
                Cell::Idevid => idevid = Some(certificate(text).map_err(|err| RowError::of_idevid(&err))?),
                Cell::IdevidFile => idevid = Some(IDevIdCert::new(find(text)?).map_err(|err| RowError::of(IDEVID_FILE, err.to_string()))?),
                Cell::Origin(column) => column.put(column.value(text)?, &mut origin),
            }
        }
        let missing = || RowError::of(if self.names_files() { IDEVID_FILE } else { IDEVID }, "the cell is empty");
        let origin = if origin.is_empty() { None } else { Some(read_origin(origin)?) };
        Ok(ManufactureReport { idevid: idevid.ok_or_else(missing)?, origin })
    }
}

fn read_origin(origin: Map<String, Value>) -> Result<KeyOrigin, RowError> {
    let value = Value::Object(origin);
    serde_path_to_error::deserialize(value).map_err(|err| {
        let fault = RowError::of_json(&err);
        // By the column's name rather than the member's.
        let column = fault.field.as_deref().and_then(|path| TABLE.iter().find(|column| column.path.join(".") == path));
        RowError { field: column.map(|column| column.name.to_owned()).or(fault.field), cause: fault.cause }
    })
}

/// What separates the cells of a header in which the certificate's column is named.
fn delimiter(header: &str) -> Option<u8> {
    let header = header.strip_prefix('\u{feff}').unwrap_or(header);
    let named = |cell: &str| matches!(cell.trim().trim_matches('"'), IDEVID | IDEVID_FILE);
    b",;\t".iter().copied().find(|delimiter| header.split(char::from(*delimiter)).any(named))
}

/// The cells of one line (RFC 4180).
fn cells(line: &str, delimiter: u8) -> Result<csv::StringRecord, RowError> {
    let line = line.trim_end_matches('\r');
    // It would end a record, and what follows it be dropped.
    if line.contains('\r') {
        return Err(RowError::whole("a carriage return stands within the line, expected a line for each row"));
    }
    if line.bytes().filter(|octet| *octet == b'"').count() % 2 != 0 {
        return Err(RowError::whole("a quotation mark is not closed on its line"));
    }
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).buffer_capacity(line.len().max(1)).from_reader(line.as_bytes());
    let mut record = csv::StringRecord::new();
    reader.read_record(&mut record).map_err(|_| RowError::whole("the line is no CSV (RFC 4180)"))?;
    Ok(record)
}

#[cfg(test)]
mod tests;
