//! Where the example puts its files: a temporary folder, gone at the end, or one that is kept for inspection.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use brski_common::Certificate;
use brski_common::serve::setup::NewFiles;

/// A folder of mode 0700, removed when dropped unless it is to be kept.
pub(crate) struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    /// Makes `keep`, which must not exist yet or be empty, or else a temporary folder.
    pub(crate) fn new(keep: Option<PathBuf>) -> Result<Self> {
        let kept = keep.is_some();
        let path = match keep {
            Some(path) => path,
            None => std::env::temp_dir().join(format!("brski-onboard-{}-{:016x}", std::process::id(), u64::from_ne_bytes(*crate::manufacturer::random()?))),
        };
        let occupied = fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_some());
        anyhow::ensure!(!occupied, "{} is not empty: name a folder that does not exist yet", path.display());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Self { path, keep: kept })
    }

    /// The folder, if it will still be there.
    pub(crate) fn kept(&self) -> Option<&Path> {
        self.keep.then_some(&self.path)
    }

    /// A path inside.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes something public, making its folder.
    pub(crate) fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> Result<()> {
        let mut file = NewFiles::new();
        file.public(name.as_ref(), content.as_ref());
        Ok(file.write_into(&self.path)?)
    }

    /// Writes certificates as PEM, in their order.
    pub(crate) fn write_chain(&self, name: impl AsRef<Path>, chain: &[Certificate]) -> Result<()> {
        self.write(name, chain.iter().map(Certificate::to_pem).collect::<String>())
    }

    /// Writes a private key as PEM, readable to its owner alone.
    pub(crate) fn write_key(&self, name: impl AsRef<Path>, pkcs8: &[u8]) -> Result<()> {
        let mut file = NewFiles::new();
        file.private_key(name.as_ref(), pkcs8);
        Ok(file.write_into(&self.path)?)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            // Nothing can be done about a folder that will not go; it is in the system's place for such things.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
