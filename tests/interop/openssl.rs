//! The `openssl` command, in a folder of its own.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use brski_common::Certificate;

use crate::tool::tool;

/// A scratch folder in which `openssl` runs; nobody else can look into it, and it is removed with this value.
pub(crate) struct OpenSsl {
    folder: PathBuf,
}

impl OpenSsl {
    /// `None` where the command is missing; see [`tool`].
    pub(crate) fn find() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        tool("openssl")?;
        let name = format!("brski-openssl-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        DirBuilder::new().mode(0o700).create(&folder).unwrap();
        Some(Self { folder })
    }

    /// Runs it with these arguments, separated by blanks, and returns what it printed.
    ///
    /// # Panics
    /// If it fails.
    pub(crate) fn run(&self, arguments: &str) -> String {
        let output = self.output(arguments, b"");
        let printed = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(output.status.success(), "openssl {arguments}: {printed}");
        printed
    }

    /// Runs it with these octets as its input, however that ends.
    pub(crate) fn output(&self, arguments: &str, input: &[u8]) -> Output {
        let mut command = Command::new("openssl");
        command.args(arguments.split_ascii_whitespace()).current_dir(&self.folder);
        let mut running = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that ends without having read its input says why in its output.
        let _ = running.stdin.take().unwrap().write_all(input);
        running.wait_with_output().unwrap()
    }

    /// Where a file of the folder is.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.join(name)
    }

    /// Puts a file into the folder.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(self.path(name)).unwrap();
        file.write_all(content.as_ref()).unwrap();
    }

    /// Reads a file of the folder.
    pub(crate) fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// Reads a text file of the folder.
    pub(crate) fn text(&self, name: impl AsRef<Path>) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// Reads the certificates in a file of the folder.
    pub(crate) fn certificates(&self, name: impl AsRef<Path>) -> Vec<Certificate> {
        Certificate::all_from_pem(&self.text(name)).unwrap()
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
