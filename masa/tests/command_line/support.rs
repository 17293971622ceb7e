//! Runs a program as its users do: processes, files and exit codes. Both binaries' tests share it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// A folder of its own for one test, removed when dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("command-line-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A path in it.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.0.join(relative)
    }

    /// The text of a file in it.
    pub(crate) fn read(&self, relative: &str) -> String {
        std::fs::read_to_string(self.path(relative)).unwrap_or_else(|err| panic!("{relative}: {err}"))
    }

    /// Makes or replaces a file in it.
    pub(crate) fn write(&self, relative: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(relative), content).unwrap();
    }

    /// Replaces the only occurrence of `from` in a file.
    pub(crate) fn edit(&self, relative: &str, from: &str, to: &str) {
        let text = self.read(relative);
        assert_eq!(text.matches(from).count(), 1, "{relative} should contain {from:?} once");
        self.write(relative, text.replace(from, to));
    }

    /// Has every listener of a configuration take any free port.
    pub(crate) fn listen_anywhere(&self, configuration: &str) {
        let text = self.read(configuration);
        let anywhere = |line: &str| match line.strip_prefix("listen = \"").and_then(|rest| rest.rsplit_once(':')) {
            Some((address, _)) => format!("listen = \"{address}:0\"\n"),
            None => format!("{line}\n"),
        };
        let changed: String = text.lines().map(anywhere).collect();
        assert_ne!(changed, text, "{configuration} should name a listener");
        self.write(configuration, changed);
    }

    /// Every file below it with its content, in the order of paths.
    pub(crate) fn files(&self, relative: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        let mut folders = vec![self.path(relative)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => files.push((path.clone(), std::fs::read(path).unwrap())),
                }
            }
        }
        files.sort();
        files
    }

    /// Runs `program` in it to its end, with nothing on standard input.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Finished {
        let output = self.command(program, arguments).stdin(Stdio::null()).output().unwrap();
        let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
        Finished { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The same, for one that ends well and writes something else than text; its standard output.
    #[allow(dead_code, reason = "both binaries' tests share this file")]
    pub(crate) fn run_raw(&self, program: &str, arguments: &[&str]) -> Vec<u8> {
        let output = self.command(program, arguments).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// The same as [`run`](Self::run), but whoever was to read standard output has gone away already, as `head` does early; `both`: and standard error.
    pub(crate) fn run_unread(&self, program: &str, arguments: &[&str], both: bool) -> Finished {
        let closed = || Stdio::from(std::io::pipe().unwrap().1);
        let mut command = self.command(program, arguments);
        command.stdin(Stdio::null()).stdout(closed());
        let output = if both { command.stderr(closed()) } else { &mut command }.output().unwrap();
        Finished { code: output.status.code(), stdout: String::new(), stderr: String::from_utf8(output.stderr).unwrap() }
    }

    /// Starts `program` in it.
    pub(crate) fn start(&self, program: &str, arguments: &[&str]) -> Running {
        let mut child = self.command(program, arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().map(BufReader::new).unwrap());
        Running { child, stdin, stdout }
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        // What a person has set for the terminal or the log must not change what a test sees.
        command.args(arguments).current_dir(&self.0).env_remove("COLUMNS").env_remove("RUST_LOG");
        // Tokens of SoftHSM are those of the folder.
        command.env("SOFTHSM2_CONF", self.path("softhsm2.conf"));
        command
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// Its standard output, if it ended well.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// Its one line on standard error, if it ended with exit status 1.
    pub(crate) fn error(self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        let line = self.stderr.strip_suffix('\n').unwrap_or(&self.stderr);
        assert!(!line.is_empty() && !line.contains('\n'), "{self:?}");
        line.to_owned()
    }
}

/// A program that runs; killed when dropped.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Running {
    /// Writes a line to its standard input.
    pub(crate) fn write_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(line.trim_end().as_bytes()).and_then(|()| stdin.write_all(b"\n")).unwrap();
    }

    /// Its next line on standard output.
    pub(crate) fn read_line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The TCP port that its line on standard output names.
    pub(crate) fn port(&mut self) -> u16 {
        let line = self.read_line();
        line.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("no port in {line:?}"))
    }

    /// Sends a signal (`TERM`, `INT`), waits, and returns the exit status with what else it wrote to standard output.
    pub(crate) fn stop(self, signal: &str) -> (Option<i32>, String) {
        self.signal(signal);
        self.end()
    }

    /// Its process.
    #[allow(dead_code, reason = "not every test crate needs it")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Waits until it ends, and returns the exit status with what else it wrote to standard output.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        let (ended, end) = mpsc::channel::<()>();
        let watch = std::thread::spawn(move || {
            if end.recv_timeout(LONGEST_STOP) == Err(mpsc::RecvTimeoutError::Timeout) {
                let _ = Command::new("kill").args(["-KILL", &id]).status();
            }
        });
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.stdout, &mut rest).unwrap();
        let code = self.child.wait().unwrap().code();
        drop(ended);
        watch.join().unwrap();
        (code, rest)
    }

    /// Closes its standard input and returns its exit status.
    pub(crate) fn finish(mut self) -> Option<i32> {
        self.stdin = None;
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Compares the help of each command with the file that pins it; the environment variable `PIN_HELP` has the files written anew.
pub(crate) fn compare_help(program: &str, folder: &Path, commands: &[&str]) {
    for command in commands {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let found = Folder::new().run(program, &arguments).ok();
        let name = if command.is_empty() { "help".to_owned() } else { command.replace(' ', "-") };
        let file = folder.join(format!("{name}.txt"));
        if std::env::var_os("PIN_HELP").is_some() {
            std::fs::write(&file, &found).unwrap();
        }
        let pinned = std::fs::read_to_string(&file).unwrap_or_else(|err| panic!("{}: {err}", file.display()));
        assert_eq!(found, pinned, "{} differs; run the tests with PIN_HELP=1 if it should", file.display());
    }
}

// Far longer than a server without open requests needs, far shorter than a person's patience.
const LONGEST_STOP: Duration = Duration::from_secs(30);
