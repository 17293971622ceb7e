//! The files in which strangers are kept, one each: a server writes them, an owner's commands read them.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use brski_common::text::in_full;
use brski_common::{SpkiDigest, UnixTime, files};

use super::{Stranger, in_order};
use crate::pledges::StoreError;

/// A folder with one file for each stranger; one that does not exist holds none, and is made with the first. Everything here blocks for as long as the disk takes.
#[derive(Clone, Debug)]
pub struct StrangerFolder(PathBuf);

impl StrangerFolder {
    /// The folder at this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Those who wait, the first that came first. A file that cannot be read is passed over: [`unreadable`](Self::unreadable) tells it.
    ///
    /// # Errors
    /// [`StoreError`] if the folder cannot be read.
    pub fn waiting(&self, now: UnixTime) -> Result<Vec<Stranger>, StoreError> {
        Ok(in_order(self.read()?.into_iter().filter_map(Result::ok).collect(), now))
    }

    /// Which files hold no stranger that could be read, and why.
    ///
    /// # Errors
    /// [`StoreError`] if the folder cannot be read.
    pub fn unreadable(&self) -> Result<Vec<NoStranger>, StoreError> {
        Ok(self.read()?.into_iter().filter_map(Result::err).collect())
    }

    /// Writes down what this one showed.
    ///
    /// # Errors
    /// [`StoreError`] if the file system does not play along.
    pub fn write(&self, stranger: &Stranger) -> Result<(), StoreError> {
        fs::create_dir_all(&self.0).map_err(unavailable)?;
        let text = serde_json::to_vec(stranger).map_err(|err| StoreError::Unavailable(err.into()))?;
        files::replace(&self.file_of(stranger.key), &text).map_err(unavailable)
    }

    /// Forgets what this one showed.
    ///
    /// # Errors
    /// [`StoreError`] if the file system does not play along.
    pub fn forget(&self, key: SpkiDigest) -> Result<(), StoreError> {
        match fs::remove_file(self.file_of(key)) {
            Err(err) if err.kind() != ErrorKind::NotFound => Err(unavailable(err)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// What is there, with those who wait no longer. A file that cannot be read is passed over with a warning that names it.
    pub(super) fn all(&self) -> Result<Vec<Stranger>, StoreError> {
        let told = |read: Result<Stranger, NoStranger>| read.inspect_err(|err| tracing::warn!(reason = in_full(err), "a file was passed over; remove it")).ok();
        Ok(self.read()?.into_iter().filter_map(told).collect())
    }

    fn read(&self) -> Result<Vec<Result<Stranger, NoStranger>>, StoreError> {
        let entries = match fs::read_dir(&self.0) {
            Err(err) if err.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(unavailable)?,
        };
        let paths: Vec<PathBuf> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().map_err(unavailable)?;
        let paths = paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "json"));
        Ok(paths.map(|path| self.read_one(path)).collect())
    }

    fn read_one(&self, path: &Path) -> Result<Stranger, NoStranger> {
        let err = |source| NoStranger { path: path.to_owned(), source };
        let mut octets = Vec::new();
        File::open(path).and_then(|file| file.take(LONGEST_FILE).read_to_end(&mut octets)).map_err(|source| err(source.into()))?;
        let stranger: Stranger = serde_json::from_slice(&octets).map_err(|source| err(source.into()))?;
        stranger.chain().map_err(|source| err(source.into()))?;
        // Under another name it could not be forgotten.
        match path == self.file_of(stranger.key) {
            true => Ok(stranger),
            false => Err(err("its name is not that of the key in it".into())),
        }
    }

    fn file_of(&self, key: SpkiDigest) -> PathBuf {
        self.0.join(format!("{key}.json"))
    }
}

/// A file in which nobody can read what a stranger showed.
#[derive(Debug, thiserror::Error)]
#[error("{} is no pledge of an unknown manufacturer", .path.display())]
pub struct NoStranger {
    path: PathBuf,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

fn unavailable(err: std::io::Error) -> StoreError {
    StoreError::Unavailable(err.into())
}

/// In octets: twice what the largest chain takes, for line ends that JSON writes as two characters and whatever stands beside it.
const LONGEST_FILE: u64 = 2 * Stranger::LARGEST as u64;
