//! The rows that were refused, as a file for whoever has to correct them. It overwrites nothing: it would be somebody's list.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brski_common::files::sync_folder;
use clap::Args;
use serde::Serialize;

/// Where refused rows are told.
#[derive(Debug, Args)]
pub(super) struct ErrorsFile {
    /// New file for rows that are refused, made only if there are any; errors.jsonl unless it is given, and errors.1.jsonl and so on if that exists
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,
}

/// A file of errors, begun with the first of them.
pub(super) struct Errors {
    /// Where the command line wants it.
    wanted: Option<PathBuf>,
    begun: Option<(PathBuf, File)>,
}

/// A row that was refused, and why.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct RefusedRow<'a> {
    pub(super) file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<u64>,
    /// Within a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) row: Option<u64>,
    /// Of the device, if the row tells that much.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) serial: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) field: Option<&'a str>,
    pub(super) cause: &'a str,
}

impl ErrorsFile {
    /// Makes no file yet. One that the command line names must not exist.
    pub(super) fn errors(&self) -> anyhow::Result<Errors> {
        if let Some(path) = &self.errors {
            anyhow::ensure!(path.symlink_metadata().is_err(), "{}: exists already, --errors wants the name of a new file", path.display());
        }
        Ok(Errors { wanted: self.errors.clone(), begun: None })
    }
}

impl Errors {
    /// Where the errors are; none if there were none.
    pub(super) fn path(&self) -> Option<&Path> {
        self.begun.as_ref().map(|(path, _)| path.as_path())
    }

    /// Writes one, and says where.
    pub(super) fn write(&mut self, refused: &RefusedRow<'_>) -> anyhow::Result<&Path> {
        let (path, file) = match &mut self.begun {
            Some(begun) => begun,
            none => none.insert(begin(self.wanted.as_deref())?),
        };
        let text = serde_json::to_string(refused)? + "\n";
        file.write_all(text.as_bytes()).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(path)
    }

    /// Has all that was written survive a crash.
    pub(super) fn sync(&self) -> anyhow::Result<()> {
        let Some((path, file)) = &self.begun else { return Ok(()) };
        file.sync_data().and_then(|()| sync_folder(path)).with_context(|| format!("{} cannot be written", path.display()))
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
