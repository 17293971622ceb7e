//! The rows that could not be recorded, as a file for whoever has to correct them.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brski_masa::import::{Failure, Place};
use serde::Serialize;

/// A file of errors, begun with the first of them.
pub(super) struct Errors {
    /// Where the command line wants it.
    wanted: Option<PathBuf>,
    begun: Option<(PathBuf, File)>,
}

#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    cause: &'a str,
}

impl Errors {
    /// Makes no file yet. One that the command line names must not exist: it would be somebody's list of what to correct.
    pub(super) fn new(wanted: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(path) = wanted {
            anyhow::ensure!(!path.exists(), "{}: exists already, --errors wants the name of a new file", path.display());
        }
        Ok(Self { wanted: wanted.map(Path::to_owned), begun: None })
    }

    /// Where the errors are; none if there were none.
    pub(super) fn path(&self) -> Option<&Path> {
        self.begun.as_ref().map(|(path, _)| path.as_path())
    }

    pub(super) fn write(&mut self, place: &Place, failure: &Failure) -> anyhow::Result<()> {
        if self.begun.is_none() {
            self.begun = Some(begin(self.wanted.as_deref())?);
        }
        let Some((path, file)) = &mut self.begun else { return Ok(()) };
        let line = Line { file: &place.file, line: place.line, row: place.row, field: failure.field.as_deref(), cause: &failure.cause };
        let text = serde_json::to_string(&line)? + "\n";
        file.write_all(text.as_bytes()).with_context(|| format!("{} cannot be written", path.display()))
    }
}

/// Makes a new file: the one that is wanted, or the first of the usual names that is free.
fn begin(wanted: Option<&Path>) -> anyhow::Result<(PathBuf, File)> {
    let usual = (0u32..).map(|number| PathBuf::from(if number == 0 { "errors.jsonl".to_owned() } else { format!("errors.{number}.jsonl") }));
    let names: Box<dyn Iterator<Item = PathBuf>> = match wanted {
        Some(path) => Box::new(core::iter::once(path.to_owned())),
        None => Box::new(usual),
    };
    for path in names {
        match File::create_new(&path) {
            Err(err) if err.kind() == ErrorKind::AlreadyExists && wanted.is_none() => {}
            made => return Ok((path.clone(), made.with_context(|| format!("{} cannot be made", path.display()))?)),
        }
    }
    anyhow::bail!("no name is free for a file of errors")
}
