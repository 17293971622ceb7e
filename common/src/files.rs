//! Files that survive a crash: the old content or the new, never half of it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Puts a file with this content in the place of another, or where there is none, in one step. It keeps the permissions that it has.
///
/// On `Ok` the new content survives a crash; before, readers and a crash find the old. The new content is written beside the file first, under a name that no other process
/// uses; who is killed in between may leave that behind.
///
/// # Errors
/// Whatever the file system says. The file is what it was then, unless the folder alone could not be flushed.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let successor = beside(path, &format!(".{}.new", std::process::id()));
    let written = write(&successor, path, content).and_then(|()| fs::rename(&successor, path));
    if written.is_err() {
        // What is wrong with the file counts, not with what is left of its successor.
        let _none_left = fs::remove_file(&successor);
    }
    written.and_then(|()| sync_folder(path))
}

fn write(successor: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(successor)?;
    match fs::metadata(path) {
        // First: what only the owner may read stays so.
        Ok(present) => file.set_permissions(present.permissions())?,
        Err(err) if err.kind() == io::ErrorKind::NotFound => {}
        Err(err) => return Err(err),
    }
    file.write_all(content)?;
    file.sync_all()
}

/// Has the name of a file that was made, renamed or removed survive a crash, too.
///
/// # Errors
/// Whatever the file system says of its folder.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        // Folders cannot be opened there.
        false => Ok(()),
    }
}

/// A path with something appended to its name.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(ending);
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("brski-files-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn names(&self) -> Vec<OsString> {
            fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name()).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn content_is_replaced_and_nothing_is_left_beside_it() {
        let folder = Folder::new("replaced");
        let path = folder.0.join("state");
        for content in ["a longer first content", "second"] {
            replace(&path, content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(folder.names(), ["state"]);
    }

    #[test]
    fn file_that_cannot_be_replaced_is_what_it_was() {
        let folder = Folder::new("refused");
        let path = folder.0.join("state");
        fs::create_dir(&path).unwrap();
        replace(&path, b"x").unwrap_err();
        assert_eq!(folder.names(), ["state"]);
    }

    #[cfg(unix)]
    #[test]
    fn what_only_its_owner_may_read_stays_so() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new("mode");
        let path = folder.0.join("state");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
