//! Whether a ledger may be put into its place, and files that are kept aside.

use core::time::Duration;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brski_common::cli::place::free_name;
use brski_common::files::replace;
use brski_masa::backup::{Manifest, is_in_use};
use brski_masa::ledger::verify;

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

/// How long somebody may need to let go of the ledger.
const PATIENCE: Duration = Duration::from_secs(1);
