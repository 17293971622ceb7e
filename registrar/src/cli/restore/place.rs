//! Where the store goes: a copy of the backup, beside its place until it is whole.

use core::time::Duration;
use std::path::Path;

use anyhow::Context as _;
use brski_common::cli::place::Staged;
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

/// Copies the backup beside its place.
pub(super) fn copy(backup: &Path, target: &Path) -> anyhow::Result<Staged> {
    let mut staged = Staged::begin(target)?;
    let copied = std::fs::File::open(backup).and_then(|mut backup| std::io::copy(&mut backup, &mut staged.file));
    copied.with_context(|| format!("{}: cannot be made", staged.path.display()))?;
    Ok(staged)
}

/// How long somebody may need to let go of the store.
const PATIENCE: Duration = Duration::from_secs(1);
