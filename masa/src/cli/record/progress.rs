//! How far a run is: a bar on a terminal, a line every few seconds elsewhere. Short runs show neither.

use core::time::Duration;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::input::is_standard_input;

/// Counts rows, and octets against the size of the files.
pub(super) struct Progress {
    begun: Instant,
    shown: Instant,
    rows: u64,
    read: Arc<AtomicU64>,
    /// Size of all files, if each has one.
    size: Option<u64>,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn new(files: &[PathBuf]) -> Self {
        let size_of = |path: &PathBuf| std::fs::metadata(path).ok().filter(|file| file.is_file() && !is_standard_input(path)).map(|file| file.len());
        let size = files.iter().map(size_of).sum::<Option<u64>>();
        let now = Instant::now();
        let bar = std::io::stderr().is_terminal().then(|| bar(size)).flatten();
        Self { begun: now, shown: now, rows: 0, read: Arc::new(AtomicU64::new(0)), size, bar }
    }

    /// Where octets are counted as they are read.
    pub(super) fn read(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.read)
    }

    /// Runs what writes to the terminal, with the bar out of its way.
    pub(super) fn beside(&self, write: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Counts a row.
    pub(super) fn count(&mut self) {
        self.rows += 1;
        // Asking for the time is cheap, but not for every row of a million.
        if self.rows.is_multiple_of(64) || self.rows < 64 {
            self.show();
        }
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }

    fn show(&mut self) {
        let every = if self.bar.is_some() { REDRAWN } else { REPEATED };
        if self.shown.elapsed() < every {
            return;
        }
        self.shown = Instant::now();
        let told = told(self.rows, self.begun.elapsed(), self.read.load(Ordering::Relaxed), self.size);
        match &self.bar {
            Some(bar) => {
                bar.set_position(self.read.load(Ordering::Relaxed));
                bar.set_message(told);
            }
            None => {
                let _ = writeln!(crate::cli::err(), "{told}");
            }
        }
    }
}

fn bar(size: Option<u64>) -> Option<ProgressBar> {
    let template = if size.is_some() { "{wide_bar} {msg}" } else { "{spinner} {msg}" };
    let bar = ProgressBar::with_draw_target(size, ProgressDrawTarget::stderr());
    Some(bar.with_style(ProgressStyle::with_template(template).ok()?))
}

/// Rows, their rate, and what remains as far as the octets read tell.
fn told(rows: u64, elapsed: Duration, read: u64, size: Option<u64>) -> String {
    let rate = u128::from(rows) * 1000 / elapsed.as_millis().max(1);
    let remaining = |size: u64| u128::from(size.saturating_sub(read)) * elapsed.as_millis() / u128::from(read.max(1)) / 1000;
    match size {
        Some(size) if size > 0 => {
            let percent = u128::from(read.min(size)) * 100 / u128::from(size);
            let (minutes, seconds) = (remaining(size) / 60, remaining(size) % 60);
            format!("{rows} rows, {rate} a second, {percent} % read, {minutes}:{seconds:02} min remain")
        }
        Some(_) | None => format!("{rows} rows, {rate} a second"),
    }
}

const REDRAWN: Duration = Duration::from_millis(100);

const REPEATED: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_remaining_time_follow_from_what_was_read() {
        let told = told(50_000, Duration::from_secs(2), 40, Some(100));
        assert_eq!(told, "50000 rows, 25000 a second, 40 % read, 0:03 min remain");
    }

    #[test]
    fn pipe_has_a_rate_but_no_end() {
        assert_eq!(told(10, Duration::from_secs(5), 40, None), "10 rows, 2 a second");
    }

    #[test]
    fn first_moment_divides_by_nothing() {
        assert_eq!(told(1, Duration::ZERO, 0, Some(9)), "1 rows, 1000 a second, 0 % read, 0:00 min remain");
    }
}
