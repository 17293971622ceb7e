//! Rows that were refused: told in a file, so that the rest goes on.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

use super::pieces::Piece;

/// A file of refused rows, one JSON object a line, which grows.
pub(super) struct Errors {
    path: PathBuf,
    file: Option<File>,
}

impl Errors {
    pub(super) fn in_file(path: &Path) -> Self {
        Self { path: path.to_owned(), file: None }
    }

    /// Appends refused rows with the file and line that they came from. They survive a crash on `Ok`.
    pub(super) fn append(&mut self, piece: &Piece, refused: &[Value]) -> anyhow::Result<()> {
        if refused.is_empty() {
            return Ok(());
        }
        let mut lines = Vec::new();
        for outcome in refused {
            let mut told = outcome.clone();
            if let Some(fields) = told.as_object_mut() {
                fields.insert("file".to_owned(), piece.name.clone().into());
                if let Some(line) = fields.get("line").and_then(Value::as_u64) {
                    fields.insert("line".to_owned(), piece.line(line).into());
                }
            }
            serde_json::to_writer(&mut lines, &told)?;
            lines.push(b'\n');
        }
        let cannot = || format!("{}: cannot be written", self.path.display());
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(OpenOptions::new().create(true).append(true).open(&self.path).with_context(cannot)?),
        };
        file.write_all(&lines).and_then(|()| file.sync_data()).with_context(cannot)
    }
}
