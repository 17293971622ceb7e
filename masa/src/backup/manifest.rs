//! What a backup says of itself.

use brski_common::time::rfc3339;
use brski_common::{DecodeError, UnixTime};
use serde::{Deserialize, Serialize};

use crate::ledger::TreeHead;

/// What is in a backup, of which log and of which state of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Manifest {
    /// Version of this form.
    version: u32,
    /// Name and version of the program that made the backup.
    pub program: String,
    /// When.
    #[serde(with = "rfc3339")]
    pub made: UnixTime,
    /// The authority of the MASA, which is the name in the ledger's genesis.
    pub log: String,
    /// The log's verifier key: by it others know the log.
    pub log_verifier: String,
    /// Number of entries.
    pub tree_size: u64,
    /// Root over them, in hex.
    pub root: String,
    /// The newest checkpoint that the log had signed, for information: what was signed since is not known here.
    pub checkpoint: Option<String>,
    /// Name of the configuration file in the backup.
    pub configuration: Option<String>,
    /// All that is in the backup besides this.
    pub files: Vec<PackedFile>,
    /// What the configuration names and the backup has not.
    pub left_out: Vec<LeftOut>,
}

/// A file in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PackedFile {
    /// Its name there: relative, with slashes, no part of it a dot or two.
    pub path: String,
    /// Length.
    pub octets: u64,
    /// SHA-256 over its content, in hex.
    pub sha256: String,
}

/// A file that a backup has not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LeftOut {
    /// Its path, as the configuration has it.
    pub path: String,
    /// Why.
    pub why: String,
}

impl Manifest {
    /// Of the backup of a log in this state, with nothing in it yet.
    pub fn new(log: &str, log_verifier: String, head: &TreeHead, made: UnixTime) -> Self {
        Self {
            version: 1,
            program: concat!("brski-masa ", env!("CARGO_PKG_VERSION")).to_owned(),
            made,
            log: log.to_owned(),
            log_verifier,
            tree_size: head.size,
            root: head.root.to_string(),
            checkpoint: None,
            configuration: None,
            files: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// Reads the JSON.
    ///
    /// # Errors
    /// [`DecodeError`] if it is not such JSON, of another version, or if the name of a file is none that may be unpacked, or occurs twice.
    pub fn from_json(octets: &[u8]) -> Result<Self, DecodeError> {
        let read: Self = serde_json::from_slice(octets).map_err(|err| DecodeError::syntax("backup manifest", "JSON", err))?;
        let wrong = |field, expected| Err(DecodeError::InvalidField { field, expected });
        let names: std::collections::BTreeSet<&str> = read.files.iter().map(|file| file.path.as_str()).collect();
        match &read {
            _ if read.version != 1 => wrong("version", "1"),
            _ if !names.iter().all(|name| is_plain(name)) => wrong("path", "relative, with slashes, no part of it a dot or two"),
            _ if names.len() != read.files.len() => wrong("path", "another one for each file"),
            _ => Ok(read),
        }
    }

    /// Writes the JSON, for people too.
    ///
    /// # Errors
    /// [`DecodeError::Syntax`] if it cannot be written, which does not happen.
    pub fn to_json(&self) -> Result<Vec<u8>, DecodeError> {
        serde_json::to_vec_pretty(self).map_err(|err| DecodeError::syntax("backup manifest", "JSON", err))
    }

    /// What it says of the file of this name.
    pub fn file(&self, path: &str) -> Option<&PackedFile> {
        self.files.iter().find(|file| file.path == path)
    }
}

/// Whether a file of this name stays in the folder that it is unpacked into.
fn is_plain(path: &str) -> bool {
    let ordinary = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0', ':']) && !part.chars().any(char::is_control);
    (1..=1024).contains(&path.len()) && path.split('/').all(ordinary)
}
