//! One row: a report as JSON or as cells, and what is wrong with it, by field.

use serde::de::DeserializeOwned;

use super::columns::Columns;
use super::confidential::{REFUSED, is_confidential};
use crate::certificate::Certificate;
use crate::error::DecodeError;
use crate::provenance::report::ManufactureReport;
use crate::text::{LONGEST_WORDS, printable};

/// Why a row cannot be read. What stands in the row is not repeated, except for words where one of a few is expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{cause}", .field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default())]
pub struct RowError {
    /// The member or column in which the fault is, if it is in one.
    pub field: Option<String>,
    /// What is wrong, and what would be right.
    pub cause: String,
}

/// Reads the rows of one file or batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowReader(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Jsonl,
    Csv(Columns),
}

impl RowReader {
    /// Of reports as JSON, one a line.
    pub fn jsonl() -> Self {
        Self(Kind::Jsonl)
    }

    /// Of reports as CSV with this header.
    ///
    /// # Errors
    /// Everything that is wrong with the header: columns that are unknown, doubled, missing, or confidential.
    pub fn csv(header: &str) -> Result<Self, Vec<RowError>> {
        Columns::read(header).map(|columns| Self(Kind::Csv(columns)))
    }

    /// Whether a line could be the header of a CSV of reports: one of its cells names the column of the certificate.
    pub fn is_header(line: &str) -> bool {
        Columns::is_header(line)
    }

    /// Whether a line holds nothing: octets that ASCII calls white space, and no others. Whoever counts rows or lines goes by it.
    pub fn is_blank(line: &[u8]) -> bool {
        line.trim_ascii().is_empty()
    }

    /// Reads a row.
    ///
    /// # Errors
    /// [`RowError`] naming the field and what would be right.
    pub fn read(&self, row: &str) -> Result<ManufactureReport, RowError> {
        let refused = |_: &str| Err(RowError::of("idevid-file", "files are read only where the rows are signed, by `record` with --certificates"));
        self.read_finding(row, &refused)
    }

    /// Reads a row of which the IDevID may be in a file: `find` gets its name.
    ///
    /// # Errors
    /// [`RowError`] naming the field and what would be right, or what `find` said.
    pub fn read_finding(&self, row: &str, find: &dyn Fn(&str) -> Result<Certificate, RowError>) -> Result<ManufactureReport, RowError> {
        match &self.0 {
            Kind::Jsonl => ManufactureReport::from_json(row.as_bytes()),
            Kind::Csv(columns) => columns.report(row, find),
        }
    }

    /// Whether its rows name the files of their certificates instead of holding them.
    pub fn names_files(&self) -> bool {
        match &self.0 {
            Kind::Jsonl => false,
            Kind::Csv(columns) => columns.names_files(),
        }
    }
}

impl RowError {
    /// About one field.
    pub fn of(field: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { field: Some(field.into()), cause: cause.into() }
    }

    /// About the row as a whole.
    pub fn whole(cause: impl Into<String>) -> Self {
        Self { field: None, cause: cause.into() }
    }

    /// About the certificate.
    pub fn of_idevid(err: &DecodeError) -> Self {
        Self::of("idevid", crate::text::in_full(err))
    }

    /// What the deserializer says, without what it found.
    pub(crate) fn of_json(err: &serde_path_to_error::Error<serde_json::Error>) -> Self {
        let path = err.path().to_string();
        let said = err.inner().to_string();
        // Our own place says more than one within the row.
        let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
        if !err.inner().is_data() {
            return Self::whole(format!("it is no JSON object: {}", printable(said, LONGEST_WORDS)));
        }
        let within = |name: &str| match path.as_str() {
            "." => name.to_owned(),
            // An unknown member is told with its own path by some deserializers, and with its parent's by others.
            path if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
            path => format!("{path}.{name}"),
        };
        let quoted: Vec<&str> = said.split('`').skip(1).step_by(2).collect();
        match (said, quoted.as_slice()) {
            (said, [name, known @ ..]) if said.starts_with("unknown field") => Self::unknown(&within(&shown(name)), name, known.iter().copied(), "member"),
            (said, [name, ..]) if said.starts_with("missing field") => Self::of(within(name), "is missing"),
            (said, [name, ..]) if said.starts_with("duplicate field") => Self::of(within(name), "occurs twice"),
            (said, _) => Self { field: (path != ".").then(|| shown(&path)), cause: without_value(said, &path) },
        }
    }

    /// About a field that nobody knows.
    pub(super) fn unknown<'a>(field: &str, name: &str, known: impl Iterator<Item = &'a str>, kind: &str) -> Self {
        if is_confidential(name) {
            return Self::of(field, REFUSED);
        }
        let near = known.map(|known| (strsim::damerau_levenshtein(name, known), known)).min();
        match near.filter(|(distance, known)| *distance <= known.len().max(3) / 3 + 1) {
            Some((_, known)) => Self::of(field, format!("is no {kind} that is known here; the nearest is {known}")),
            None => Self::of(field, format!("is no {kind} that is known here")),
        }
    }
}

/// Reads JSON, and names the member in which a fault is.
pub(crate) fn from_json<T: DeserializeOwned>(octets: &[u8]) -> Result<T, RowError> {
    // Most rows are right; finding the path of a fault costs as much again.
    serde_json::from_slice(octets).or_else(|_| {
        let mut json = serde_json::Deserializer::from_slice(octets);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|err| RowError::of_json(&err))?;
        json.end().map_err(|_| RowError::whole("it is no JSON object: something follows its end"))?;
        Ok(value)
    })
}

/// A parser's sentence without the value that it found, which may be confidential.
fn without_value(said: &str, path: &str) -> String {
    let invalid = said.starts_with("invalid type") || said.starts_with("invalid value") || said.starts_with("invalid length");
    let of_split = path.contains("split") || path.contains("co-generation");
    let expected = match said.rsplit_once(", expected ") {
        Some((_, expected)) if invalid => Some(expected),
        _ => None,
    };
    match (expected, said.split_once("' is none of ")) {
        (Some(expected), _) => format!("must be {}", printable(expected, LONGEST_WORDS)),
        (None, Some((_, words))) if of_split => format!("must be one of {}", printable(words, LONGEST_WORDS)),
        (None, _) => printable(said, LONGEST_WORDS),
    }
}

fn shown(name: &str) -> String {
    printable(name, 64)
}
