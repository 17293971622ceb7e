//! Disks without room, and disks that others keep busy.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::task::{JoinSet, spawn_blocking};

use crate::world::copy_folder;

/// Both servers' data on small file systems of their own, which are unmounted when dropped.
pub(super) struct Full(Vec<PathBuf>);

impl Full {
    /// Moves the servers' data there, which must have ended. In words why not, if this user may mount nothing.
    pub(super) fn mount(run: &Path) -> Result<Result<Self, String>> {
        let mut disk = Self(Vec::new());
        for part in ["masa", "registrar"] {
            let (folder, before) = (run.join(part), run.join(format!("{part}-before")));
            fs::rename(&folder, &before)?;
            fs::create_dir(&folder)?;
            let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", SIZE, "none"]).arg(&folder).output();
            if !mounted.is_ok_and(|output| output.status.success()) {
                return Ok(Err("no file system can be mounted; `unshare --map-root-user --mount` in front of the command may let it".to_owned()));
            }
            disk.0.push(folder.clone());
            copy_folder(&before, &folder).with_context(|| format!("{} does not go onto a small disk", folder.display()))?;
        }
        Ok(Ok(disk))
    }

    /// Takes all room there is.
    pub(super) fn fill(&self) -> Result<()> {
        for folder in &self.0 {
            let mut file = File::create(folder.join(FILLER))?;
            // What fits is less and less.
            for octets in [65_536, 4_096, 1] {
                while file.write_all(&vec![0; octets]).is_ok() {}
            }
        }
        Ok(())
    }

    pub(super) fn make_room(&self) -> Result<()> {
        Ok(self.0.iter().try_for_each(|folder| fs::remove_file(folder.join(FILLER)))?)
    }
}

impl Drop for Full {
    fn drop(&mut self) {
        for folder in &self.0 {
            // One that is in use goes once it is not.
            let _ = Command::new("umount").arg("--lazy").arg(folder).output();
        }
    }
}

/// Somebody who writes on the servers' disk and has it synced without a pause, so that all others wait.
pub(super) struct Writers {
    over: Arc<AtomicBool>,
    writing: JoinSet<Result<()>>,
}

impl Writers {
    pub(super) fn begin(folder: &Path) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let mut writing = JoinSet::new();
        for number in 0..WRITERS {
            let (over, path) = (over.clone(), folder.join(format!("others-{number}")));
            writing.spawn_blocking(move || {
                let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(&path)?;
                while !over.load(Ordering::Relaxed) {
                    // The same place again: it is to take time, not room.
                    file.rewind()?;
                    file.write_all(&vec![0x5a; WRITTEN])?;
                    file.sync_all()?;
                }
                Ok(fs::remove_file(path)?)
            });
        }
        Self { over, writing }
    }

    pub(super) async fn end(self) -> Result<()> {
        self.over.store(true, Ordering::Relaxed);
        self.writing.join_all().await.into_iter().collect()
    }
}

/// How long 4 KiB take until they survive a power failure, the median of some.
pub(super) async fn append_time(folder: &Path) -> Result<Duration> {
    let path = folder.join("append");
    spawn_blocking(move || {
        let mut file = File::create(&path)?;
        let mut times = Vec::new();
        for _ in 0..9 {
            let begun = Instant::now();
            file.write_all(&[0; 4_096])?;
            file.sync_data()?;
            times.push(begun.elapsed());
        }
        times.sort();
        fs::remove_file(path)?;
        Ok(times[times.len() / 2])
    })
    .await?
}

const SIZE: &str = "size=32m,mode=0700";
const FILLER: &str = "others";
const WRITERS: usize = 4;
const WRITTEN: usize = 8 * 1_024 * 1_024;
