//! Where the ledger goes: beside its place until it is whole, then there.

use core::time::Duration;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brski_common::UnixTime;
use brski_common::files::{beside, replace, sync_folder};
use brski_masa::backup::{Manifest, is_in_use};
use brski_masa::ledger::verify;

/// A ledger beside its place. Removed when this is dropped, unless it was put.
pub(super) struct Staged {
    pub(super) path: PathBuf,
    pub(super) file: File,
}

impl Staged {
    /// An empty file, readable to its owner alone; what an attempt that broke off left is removed.
    pub(super) fn begin(target: &Path) -> anyhow::Result<Self> {
        let path = beside(target, ".restoring");
        let cannot = || format!("{}: cannot be made", path.display());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(cannot)?;
        }
        for ending in ENDINGS {
            let _none_left = std::fs::remove_file(beside(&path, ending));
        }
        let mut options = OpenOptions::new();
        options.create_new(true).read(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).with_context(cannot)?;
        Ok(Self { path, file })
    }

    /// Puts it into its place, where it survives a crash. What is there is moved aside, and is told where to: the ledger, or what SQLite kept beside one that is gone.
    pub(super) fn put(&self, target: &Path) -> anyhow::Result<Vec<PathBuf>> {
        let cannot = || format!("{}: cannot be put into its place", target.display());
        anyhow::ensure!(!beside(&self.path, "-wal").exists(), "{}: SQLite has left a write-ahead log", self.path.display());
        self.file.sync_all().with_context(cannot)?;
        // SQLite would write the old one's write-ahead log into whatever bears its name.
        let moved = move_aside(target).with_context(cannot)?;
        if !moved.is_empty() {
            // Gone for certain before there is a file that they could be taken to belong to.
            sync_folder(target).with_context(cannot)?;
        }
        std::fs::rename(&self.path, target).and_then(|()| sync_folder(target)).with_context(cannot)?;
        Ok(moved)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        ENDINGS.iter().for_each(|ending| drop(std::fs::remove_file(beside(&self.path, ending))));
    }
}

/// Whether a ledger may be put there: there is none, or it may be replaced, nobody uses it, and it is not better than the backup.
pub(super) fn check(target: &Path, name: &str, manifest: &Manifest, replace: bool) -> anyhow::Result<()> {
    if target.symlink_metadata().is_err() {
        return Ok(());
    }
    anyhow::ensure!(replace, "{}: exists; nothing was changed, --replace would move it aside", target.display());
    anyhow::ensure!(!is_in_use(target, PATIENCE), "{}: is in use; stop the server first", target.display());
    // A damaged one has no claim to its place.
    if let Ok(head) = verify(target, name, None, &mut |_| ()) {
        anyhow::ensure!(
            head.size <= manifest.tree_size,
            "{}: is whole and has {} entries, and the backup has {}: nothing would be won; whoever wants it nevertheless has to move it away",
            target.display(),
            head.size,
            manifest.tree_size
        );
    }
    Ok(())
}

/// Keeps a copy of a file that is going to be replaced.
pub(super) fn copy_aside(path: &Path) -> anyhow::Result<PathBuf> {
    let aside = free_name(path);
    std::fs::copy(path, &aside).with_context(|| format!("{}: cannot be copied to {}", path.display(), aside.display()))?;
    Ok(aside)
}

/// Writes a file, and keeps one of another content aside that is there already: says where to.
pub(super) fn write_aside(path: &Path, content: &str) -> anyhow::Result<Option<PathBuf>> {
    let cannot = || format!("{}: cannot be written", path.display());
    let kept = match std::fs::read(path) {
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => None,
        Ok(found) if found == content.as_bytes() => return Ok(None),
        Ok(_) => Some(copy_aside(path)?),
        Err(err) => return Err(err).with_context(cannot),
    };
    replace(path, content.as_bytes()).with_context(cannot)?;
    Ok(kept)
}

/// Moves a ledger and what SQLite keeps beside it, or that alone if a server was killed and the ledger is gone. Where to: the ledger first.
fn move_aside(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let aside = free_name(path);
    let mut moved = Vec::new();
    // The file itself last: as long as it has its name, the others belong to it.
    for ending in ENDINGS.iter().rev() {
        let to = beside(&aside, ending);
        match std::fs::rename(beside(path, ending), &to) {
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => {}
            done => {
                done?;
                moved.insert(0, to);
            }
        }
    }
    Ok(moved)
}

/// A name beside it that tells when, and is not taken.
fn free_name(path: &Path) -> PathBuf {
    let now = UnixTime::now().as_secs();
    let mut names = (0_u32..).map(|count| beside(path, &if count == 0 { format!(".until-{now}") } else { format!(".until-{now}-{count}") }));
    let is_free = |name: &PathBuf| ENDINGS.iter().all(|ending| beside(name, ending).symlink_metadata().is_err());
    names.find(is_free).unwrap_or_else(|| beside(path, ".until"))
}

/// The ledger, and what SQLite keeps beside it while it is used.
const ENDINGS: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// How long somebody may need to let go of the ledger.
const PATIENCE: Duration = Duration::from_secs(1);
