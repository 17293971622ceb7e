//! Where `restore` puts a database: beside its place until it is whole, then there. What was there is moved aside, never removed.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::files::{beside, sync_folder};
use crate::time::UnixTime;

/// A database beside its place. Removed when this is dropped, unless it was put.
#[derive(Debug)]
pub struct Staged {
    /// Where it is until it is put.
    pub path: PathBuf,
    /// The same, open.
    pub file: File,
}

impl Staged {
    /// An empty file, readable to its owner alone; what an attempt that broke off left is removed.
    ///
    /// # Errors
    /// A sentence, if it cannot be made.
    pub fn begin(target: &Path) -> anyhow::Result<Self> {
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

    /// Puts it into its place, where it survives a crash. What is there is moved aside, and is told where to: the database first, or what SQLite kept beside one that is gone.
    ///
    /// # Errors
    /// A sentence, if somebody still has it open or a file cannot be moved.
    pub fn put(&self, target: &Path) -> anyhow::Result<Vec<PathBuf>> {
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

/// Moves a file and what SQLite keeps beside it, or that alone if a server was killed and the file is gone. Where to: the file itself first.
///
/// # Errors
/// Whatever the file system says.
pub fn move_aside(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let aside = free_name(path);
    let mut moved = Vec::new();
    // The file itself last: as long as it has its name, the others belong to it.
    for ending in ENDINGS.iter().rev() {
        let to = beside(&aside, ending);
        match std::fs::rename(beside(path, ending), &to) {
            Err(err) if err.kind() == ErrorKind::NotFound => {}
            done => {
                done?;
                moved.insert(0, to);
            }
        }
    }
    Ok(moved)
}

/// A name beside a file that tells until when it was in its place, and is not taken, not even by what SQLite keeps beside a file.
pub fn free_name(path: &Path) -> PathBuf {
    let now = UnixTime::now().as_secs();
    let mut names = (0_u32..).map(|count| beside(path, &if count == 0 { format!(".until-{now}") } else { format!(".until-{now}-{count}") }));
    let is_free = |name: &PathBuf| ENDINGS.iter().all(|ending| beside(name, ending).symlink_metadata().is_err());
    names.find(is_free).unwrap_or_else(|| beside(path, ".until"))
}

/// A database, and what SQLite keeps beside it while it is used.
const ENDINGS: [&str; 4] = ["", "-wal", "-shm", "-journal"];

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("brski-place-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn with(self, names: &[&str]) -> Self {
            names.iter().for_each(|name| std::fs::write(self.0.join(name), name).unwrap());
            self
        }

        fn names(&self) -> Vec<String> {
            let mut names: Vec<_> = std::fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn database_that_is_put_takes_the_place_of_all_that_belonged_to_the_old_one() {
        let folder = Folder::new("put").with(&["db", "db-wal", "db-shm"]);
        let moved = Staged::begin(&folder.0.join("db")).unwrap().put(&folder.0.join("db")).unwrap();
        let contents: Vec<_> = moved.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
        assert_eq!(contents, ["db", "db-wal", "db-shm"]);
        assert_eq!(std::fs::read(folder.0.join("db")).unwrap(), b"");
        assert_eq!(folder.names().len(), 4, "{:?}", folder.names());
    }

    #[test]
    fn log_of_a_database_that_is_gone_is_moved_aside_as_well() {
        let folder = Folder::new("gone").with(&["db-wal"]);
        let moved = Staged::begin(&folder.0.join("db")).unwrap().put(&folder.0.join("db")).unwrap();
        assert_eq!(moved.len(), 1);
        assert!(moved[0].to_str().unwrap().ends_with("-wal"), "{moved:?}");
    }

    #[test]
    fn attempt_that_breaks_off_leaves_the_folder_as_it_was() {
        let folder = Folder::new("dropped").with(&["db"]);
        let staged = Staged::begin(&folder.0.join("db")).unwrap();
        std::fs::write(beside(&staged.path, "-wal"), "").unwrap();
        staged.put(&folder.0.join("db")).unwrap_err();
        drop(staged);
        assert_eq!(folder.names(), ["db"]);
    }

    #[test]
    fn names_of_one_second_are_told_apart() {
        let folder = Folder::new("names");
        let one = free_name(&folder.0.join("db"));
        std::fs::write(beside(&one, "-shm"), "").unwrap();
        assert_ne!(free_name(&folder.0.join("db")), one);
    }
}
