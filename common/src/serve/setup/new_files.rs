//! Files that are made together and never overwrite any.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::SetupError;
use crate::sign::PublicKey;

/// Files to be made in one folder: all of them or, as far as the file system allows, none.
#[derive(Default)]
pub struct NewFiles {
    files: Vec<NewFile>,
}

struct NewFile {
    path: PathBuf,
    content: Zeroizing<Vec<u8>>,
    private: bool,
}

impl NewFiles {
    /// No files yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file that anybody may read. `path` is relative to the folder.
    pub fn public(&mut self, path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) {
        self.files.push(NewFile { path: path.into(), content: Zeroizing::new(content.into()), private: false });
    }

    /// Adds a private key as PEM; only the owner may read the file, from its first moment on.
    pub fn private_key(&mut self, path: impl Into<PathBuf>, pkcs8: &[u8]) {
        self.files.push(NewFile { path: path.into(), content: pem("PRIVATE KEY", pkcs8), private: true });
    }

    /// Adds a secret such as a token; only the owner may read the file, from its first moment on.
    pub fn secret(&mut self, path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) {
        self.files.push(NewFile { path: path.into(), content: Zeroizing::new(content.into()), private: true });
    }

    /// Adds a public key as PEM.
    pub fn public_key(&mut self, path: impl Into<PathBuf>, key: &PublicKey) {
        self.files.push(NewFile { path: path.into(), content: pem("PUBLIC KEY", key.spki()), private: false });
    }

    /// As [`write_into`](Self::write_into), for a folder that the user chose with `--dir` and that must not have anything in it: what is made there is a whole of its own.
    ///
    /// # Errors
    /// As for [`write_into`](Self::write_into); [`SetupError`] if the folder is not empty, in which case nothing is touched.
    pub fn write_into_empty(&self, folder: &Path) -> Result<(), SetupError> {
        match fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
            Ok(true) => {
                Err(SetupError::new(folder, "exists and is not empty; nothing was made, choose another folder with --dir, or change to another one first"))
            }
            // What cannot be read cannot be written either, which tells why.
            Ok(false) | Err(_) => self.write_into(folder),
        }
    }

    /// Makes the files and the folders they need.
    ///
    /// # Errors
    /// [`SetupError`] if one of them exists already, in which case nothing is touched, or if the file system does not play along, in which case those that were already made are removed.
    pub fn write_into(&self, folder: &Path) -> Result<(), SetupError> {
        let existing: Vec<PathBuf> = self.files.iter().map(|f| folder.join(&f.path)).filter(|p| p.symlink_metadata().is_ok()).collect();
        if let Some((first, others)) = existing.split_first() {
            let others = match others {
                [] => String::new(),
                [other] => format!(", and so does {}", other.display()),
                [other, more @ ..] => format!(", and so do {} and {} more", other.display(), more.len()),
            };
            return Err(SetupError::new(first, format!("exists already{others}; nothing was made, choose another place or remove what is there")));
        }
        for (made, file) in self.files.iter().enumerate() {
            let path = folder.join(&file.path);
            if let Err(err) = write_new(&path, &file.content, file.private) {
                // The one that failed is not ours if it exists: somebody else was faster.
                self.files.iter().take(made).for_each(|f| drop(fs::remove_file(folder.join(&f.path))));
                return Err(SetupError::new(&path, "cannot be made").because(err));
            }
        }
        Ok(())
    }
}

/// Makes a file that did not exist, and its folder; a private one can be read by its owner alone, from its first moment on.
fn write_new(path: &Path, content: &[u8], private: bool) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        make_folder(folder, private)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if private { 0o600 } else { 0o644 });
    let mut file = options.open(path)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a file would look like a whole one the next time.
        let _ = fs::remove_file(path);
    }
    written
}

fn make_folder(path: &Path, private: bool) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, if private { 0o700 } else { 0o755 });
    builder.create(path)
}

fn pem(label: &str, der: &[u8]) -> Zeroizing<Vec<u8>> {
    use base64::Engine as _;
    let text = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(der));
    // Reserved at once: a growing buffer would leave copies of a key behind.
    let mut pem = Zeroizing::new(Vec::with_capacity(text.len() + text.len() / 64 + 2 * label.len() + 64));
    pem.extend_from_slice(format!("-----BEGIN {label}-----\n").as_bytes());
    for line in text.as_bytes().chunks(64) {
        pem.extend_from_slice(line);
        pem.push(b'\n');
    }
    pem.extend_from_slice(format!("-----END {label}-----\n").as_bytes());
    pem
}
