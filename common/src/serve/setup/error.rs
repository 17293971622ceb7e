//! One sentence about a file: which, where in it, and what would be right.

use std::path::{Path, PathBuf};

use super::suggestion;

/// A configuration, or a file it names, that cannot be used.
#[derive(Debug)]
pub struct SetupError {
    file: PathBuf,
    line: Option<usize>,
    field: Option<String>,
    problem: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl SetupError {
    /// A problem with a whole file.
    pub fn new(file: &Path, problem: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, field: None, problem: problem.into(), source: None }
    }

    /// Says in which field it lies; tables and keys are joined by dots. A place in brackets is left away: the line tells it.
    pub fn field(mut self, field: &str) -> Self {
        let parts = field.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest));
        self.field = Some(parts.collect());
        self
    }

    /// Says on which line it lies, if that is known.
    pub(super) fn line(mut self, line: Option<usize>) -> Self {
        self.line = line;
        self
    }

    /// Says what caused it.
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// A TOML error, with the line and the field it lies in.
    pub fn from_toml(file: &Path, text: &str, err: &toml::de::Error) -> Self {
        let problem = err.message().trim().replace('\n', ", ");
        let suggestion = suggestion::for_message(&problem);
        let problem = suggestion::and(problem, suggestion);
        let mut error = Self::new(file, problem);
        if let Some(before) = err.span().and_then(|span| text.get(..span.start)) {
            let index = before.matches('\n').count();
            error.line = Some(index + 1);
            error.field = field_at(text, index);
        }
        error
    }
}

impl core::fmt::Display for SetupError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}", self.file.display())?;
        self.line.iter().try_for_each(|line| write!(f, ", line {line}"))?;
        self.field.iter().try_for_each(|field| write!(f, ", field {field}"))?;
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for SetupError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// The key on this line of a TOML text, with the table it stands in.
fn field_at(text: &str, index: usize) -> Option<String> {
    let lines: Vec<&str> = text.lines().take(index + 1).collect();
    let table = lines.iter().rev().find_map(|line| line.trim().strip_prefix('['));
    let table = table.map(|rest| rest.trim_start_matches('[').split(']').next().unwrap_or_default().trim());
    let key = lines.last().and_then(|line| line.split_once('=')).map(|(key, _)| key.trim());
    match (table, key) {
        (Some(table), Some(key)) => Some(format!("{table}.{key}")),
        (one, other) => one.or(other).map(str::to_owned),
    }
}
