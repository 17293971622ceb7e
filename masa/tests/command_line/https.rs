//! A MASA that serves, and what to ask of it.

pub(crate) use super::client::Client;
use super::support::{Folder, Running};

/// A MASA that serves, with its log in the file `log`.
pub(crate) struct Serving {
    pub(crate) process: Running,
    pub(crate) port: u16,
    pub(crate) admin_port: u16,
    pub(crate) token: String,
}

impl Serving {
    pub(crate) fn start(folder: &Folder) -> Self {
        let mut process = folder.start("sh", &["-c", "exec \"$0\" serve --log-format json 2> log", super::MASA]);
        let (port, admin_port) = (process.port(), process.port());
        Self { process, port, admin_port, token: folder.read("masa/keys/admin-token").trim_end().to_owned() }
    }

    pub(crate) fn admin(&self) -> Client {
        Client::new(self.admin_port)
    }

    /// The value of a metric.
    pub(crate) fn metric(&self, line: &str) -> Option<f64> {
        let (status, text) = self.admin().get("/metrics", &self.token);
        assert_eq!(status, 200, "{text}");
        text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' ')?.parse().ok())
    }

    /// Ends it and gives its log, line by line.
    pub(crate) fn stop(self, folder: &Folder) -> Vec<serde_json::Value> {
        assert_eq!(self.process.stop("TERM"), (Some(0), String::new()));
        folder.read("log").lines().map(|line| serde_json::from_str(line).unwrap_or_else(|err| panic!("{err}: {line}"))).collect()
    }
}
