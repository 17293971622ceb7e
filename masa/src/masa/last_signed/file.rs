//! The file that remembers: replaced as a whole, by one process at a time.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

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
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(self.beside(".lock"));
        let lock = lock.and_then(|file| file.lock().map(|()| file)).map_err(|err| self.failed(err))?;
        let replaced = match self.read()?.as_deref() == old {
            true => self.write(new).map(|()| true).map_err(|err| self.failed(err)),
            false => Ok(false),
        };
        drop(lock);
        replaced
    }

    /// To be called under the lock: the successor's name is always the same.
    fn write(&self, text: &str) -> std::io::Result<()> {
        let successor = self.beside(".new");
        let mut file = File::create(&successor)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&successor, &self.path)?;
        self.sync_folder()
    }

    /// The new name must survive a crash, too.
    #[cfg(unix)]
    fn sync_folder(&self) -> std::io::Result<()> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }

    /// Folders cannot be opened there.
    #[cfg(not(unix))]
    fn sync_folder(&self) -> std::io::Result<()> {
        Ok(())
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(ending);
        path.into()
    }

    fn failed(&self, source: std::io::Error) -> LogError {
        LogError::File { path: self.path.clone(), source }
    }
}

/// In octets; a checkpoint with one signature has some 300.
const LONGEST: u64 = 64 * 1024;
