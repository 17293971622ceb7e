//! The `curl` command as an HTTPS client.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// What `curl` got for one request.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The fields of the last head, names in lower case.
    headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
    /// Octets of the request's body that left `curl`.
    pub(crate) sent: u64,
    /// Connections that were opened for this request.
    pub(crate) connections: u32,
}

impl Reply {
    /// The value of a field that occurs once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(found, _)| found == name);
        let value = values.next();
        assert!(values.next().is_none(), "{name} is there twice");
        value.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        core::str::from_utf8(&self.body).unwrap()
    }
}

/// A `curl` that has been started.
pub(crate) struct Running {
    child: Child,
    /// Where the heads are written to.
    heads: PathBuf,
}

/// Starts it in this folder with these arguments, separated by blanks. It heeds no configuration of the machine's and gives up after 30 s.
pub(crate) fn start(folder: &Path, arguments: &str) -> Running {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let heads = folder.join(format!("heads-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
    let mut command = Command::new("curl");
    command.args(["--disable", "--noproxy", "*", "--silent", "--max-time", "30", "--write-out", "%{stderr}%{size_upload} %{num_connects}\n"]);
    command.arg("--dump-header").arg(&heads).args(arguments.split_ascii_whitespace());
    let child = command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    Running { child, heads }
}

impl Running {
    /// The reply, or the exit code of a `curl` that failed. Of several requests only the last counts.
    pub(crate) fn finish(self) -> Result<Reply, i32> {
        let output = self.child.wait_with_output().unwrap();
        match output.status.code().unwrap() {
            0 => Ok(reply(&std::fs::read_to_string(self.heads).unwrap(), output.stdout, core::str::from_utf8(&output.stderr).unwrap())),
            code => Err(code),
        }
    }
}

fn reply(heads: &str, body: Vec<u8>, figures: &str) -> Reply {
    // An interim answer and an earlier request have heads, too.
    let last = heads.trim_end().rsplit("\r\n\r\n").next().unwrap();
    let mut lines = last.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.map(|line| line.split_once(':').unwrap()).map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    let (sent, connections) = figures.trim_end().rsplit('\n').next().unwrap().split_once(' ').unwrap();
    Reply { status, headers, body, sent: sent.parse().unwrap(), connections: connections.parse().unwrap() }
}
