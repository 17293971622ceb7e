//! Where the store goes: beside its place until it is whole, then there.

use core::time::Duration;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brski_common::UnixTime;
use brski_common::files::{beside, sync_folder};
use brski_registrar::pledges::is_in_use;

/// Whether a store may be put there.
pub(super) fn check(target: &Path, replace: bool) -> anyhow::Result<()> {
    if target.symlink_metadata().is_err() {
        return Ok(());
    }
    anyhow::ensure!(replace, "{}: exists; nothing was changed, --replace would move it aside", target.display());
    anyhow::ensure!(!is_in_use(target, PATIENCE), "{}: is in use; stop the server first", target.display());
    Ok(())
}

/// A copy beside its place. Removed when this is dropped, unless it was put.
pub(super) struct Staged {
    pub(super) path: PathBuf,
}

impl Staged {
    /// Copies the backup there; what an attempt that broke off left is removed.
    pub(super) fn begin(backup: &Path, target: &Path) -> anyhow::Result<Self> {
        let staged = Self { path: beside(target, ".restoring") };
        staged.remove();
        let cannot = || format!("{}: cannot be made", staged.path.display());
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder).with_context(cannot)?;
        }
        let mut options = OpenOptions::new();
        options.create_new(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&staged.path).with_context(cannot)?;
        let copied = std::fs::File::open(backup).and_then(|mut backup| std::io::copy(&mut backup, &mut file)).and_then(|_| file.sync_all());
        copied.with_context(cannot)?;
        Ok(staged)
    }

    /// Puts it into its place, where it survives a crash. What is there is moved aside, and is told where to.
    pub(super) fn put(&self, target: &Path) -> anyhow::Result<Vec<PathBuf>> {
        let cannot = || format!("{}: cannot be put into its place", target.display());
        anyhow::ensure!(!beside(&self.path, "-wal").exists(), "{}: SQLite has left a write-ahead log", self.path.display());
        std::fs::File::open(&self.path).and_then(|file| file.sync_all()).with_context(cannot)?;
        // SQLite would write the old one's write-ahead log into whatever bears its name.
        let moved = move_aside(target, &ENDINGS).with_context(cannot)?;
        sync_folder(target).with_context(cannot)?;
        std::fs::rename(&self.path, target).and_then(|()| sync_folder(target)).with_context(cannot)?;
        Ok(moved)
    }

    fn remove(&self) {
        ENDINGS.iter().for_each(|ending| drop(std::fs::remove_file(beside(&self.path, ending))));
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Moves a file aside, and those beside it with these endings. Where to: the file itself first.
pub(super) fn move_aside(path: &Path, endings: &[&str]) -> std::io::Result<Vec<PathBuf>> {
    let aside = free_name(path, endings);
    let mut moved = Vec::new();
    // The file itself last: as long as it has its name, the others belong to it.
    for ending in endings.iter().rev() {
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
fn free_name(path: &Path, endings: &[&str]) -> PathBuf {
    let now = UnixTime::now().as_secs();
    let mut names = (0_u32..).map(|count| beside(path, &if count == 0 { format!(".until-{now}") } else { format!(".until-{now}-{count}") }));
    let is_free = |name: &PathBuf| endings.iter().all(|ending| beside(name, ending).symlink_metadata().is_err());
    names.find(is_free).unwrap_or_else(|| beside(path, ".until"))
}

/// The store, and what SQLite keeps beside it while it is used.
const ENDINGS: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// How long somebody may need to let go of the store.
const PATIENCE: Duration = Duration::from_secs(1);
