//! The file that remembers: replaced as a whole, by one process at a time.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use brski_common::files;

use super::LogError;

/// A small text file, its lock and its successor.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
}

impl StateFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What it says, of one moment; `None` if it is not there.
    pub(super) fn read(&self) -> Result<Option<String>, LogError> {
        let read = || -> std::io::Result<String> {
            let mut text = String::new();
            File::open(&self.path)?.take(LONGEST).read_to_string(&mut text)?;
            Ok(text)
        };
        match read() {
            Ok(text) => Ok(Some(text)),
            Err(err) if err.kind() == ErrorKind::NotFound => Ok(None),
            Err(err) => Err(self.failed(err)),
        }
    }

    /// Writes `new` if the file says `old` still, or is still missing, and says whether it did. It survives a crash then.
    pub(super) fn replace(&self, old: Option<&str>, new: &str) -> Result<bool, LogError> {
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(files::beside(&self.path, ".lock"));
        let lock = lock.and_then(|file| file.lock().map(|()| file)).map_err(|err| self.failed(err))?;
        let replaced = match self.read()?.as_deref() == old {
            true => files::replace(&self.path, new.as_bytes()).map(|()| true).map_err(|err| self.failed(err)),
            false => Ok(false),
        };
        drop(lock);
        replaced
    }

    fn failed(&self, source: std::io::Error) -> LogError {
        LogError::File { path: self.path.clone(), source }
    }
}

/// In octets; a checkpoint with one signature has some 300.
const LONGEST: u64 = 64 * 1024;
