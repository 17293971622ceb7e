//! How far a long run is: one line that changes on a terminal, a line every few seconds elsewhere. Short runs show neither.

use core::time::Duration;
use std::io::{IsTerminal as _, Write as _};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget};

/// Told on standard error, which is for people: a run without any is none the worse.
pub(super) struct Progress {
    line: Option<ProgressBar>,
    shown: Instant,
}

impl Progress {
    pub(super) fn new() -> Self {
        let line = || ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(indicatif::ProgressStyle::default_spinner());
        Self { line: std::io::stderr().is_terminal().then(line), shown: Instant::now() }
    }

    /// So many entries are done, of so many if that is known.
    pub(super) fn entries(&mut self, what: &str, done: u64, all: Option<u64>) {
        self.show(|| match all {
            Some(all) => format!("{what}: {done} of {all} entries"),
            None => format!("{what}: {done} entries"),
        });
    }

    /// So many octets are done, of so many.
    pub(super) fn octets(&mut self, what: &str, done: u64, all: u64) {
        self.show(|| format!("{what}: {} of {} MiB", done >> 20, all >> 20));
    }

    /// Takes the line away.
    pub(super) fn end(&self) {
        self.line.iter().for_each(ProgressBar::finish_and_clear);
    }

    fn show(&mut self, told: impl FnOnce() -> String) {
        if self.shown.elapsed() < if self.line.is_some() { REDRAWN } else { REPEATED } {
            return;
        }
        self.shown = Instant::now();
        match &self.line {
            Some(line) => {
                line.tick();
                line.set_message(told());
            }
            None => {
                let _ = writeln!(crate::cli::err(), "{}", told());
            }
        }
    }
}

const REDRAWN: Duration = Duration::from_millis(100);

const REPEATED: Duration = Duration::from_secs(5);
