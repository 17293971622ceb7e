//! Lines of bounded length, read by a thread of their own: a pipe may stay silent for long.

use core::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// One line that is not blank, or why it could not be read.
pub(super) struct Line {
    pub(super) place: Place,
    pub(super) content: anyhow::Result<Vec<u8>>,
}

/// Where a line stands.
#[derive(Serialize)]
pub(super) struct Place {
    file: String,
    /// Counted from 1; none if the file could not even be opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
}

/// Reads files one after the other; `-` is standard input.
pub(super) fn read(files: Vec<PathBuf>) -> Receiver<Line> {
    let (sender, receiver) = channel(16);
    // Not the runtime's: it would wait for a silent pipe when the process ends.
    std::thread::spawn(move || files.iter().all(|path| read_one(path, &sender)));
    receiver
}

/// Whether anybody listens still.
fn read_one(path: &Path, sender: &Sender<Line>) -> bool {
    let file = path.display().to_string();
    let input: std::io::Result<Box<dyn Read>> = match file.as_str() {
        "-" => Ok(Box::new(std::io::stdin())),
        _ => File::open(path).map(|file| Box::new(file) as _),
    };
    let send = |line, content| sender.blocking_send(Line { place: Place { file: file.clone(), line }, content }).is_ok();
    let blank = |content: &anyhow::Result<Vec<u8>>| content.as_ref().is_ok_and(|octets| octets.trim_ascii().is_empty());
    match input.context("cannot be read") {
        Ok(input) => (1..).zip(Lines::new(input)).filter(|(_, content)| !blank(content)).all(|(line, content)| send(Some(line), content)),
        Err(err) => send(None, Err(err)),
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        self.line.iter().try_for_each(|line| write!(f, ", line {line}"))
    }
}

/// The lines of an input, without their ends. A line that is too long is an error, and so is an input that breaks off; what follows the former is still read.
struct Lines<R> {
    input: BufReader<R>,
    broken: bool,
}

impl<R: Read> Lines<R> {
    fn new(input: R) -> Self {
        Self { input: BufReader::new(input), broken: false }
    }

    fn read(&mut self) -> std::io::Result<Option<Result<Vec<u8>, usize>>> {
        let mut line = Vec::new();
        let read = (&mut self.input).take(LONGEST as u64 + 1).read_until(b'\n', &mut line)?;
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() > LONGEST {
            self.input.skip_until(b'\n')?;
            return Ok(Some(Err(LONGEST)));
        }
        Ok((read > 0).then_some(Ok(line)))
    }
}

impl<R: Read> Iterator for Lines<R> {
    type Item = anyhow::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken {
            return None;
        }
        match self.read().transpose()? {
            Ok(Ok(line)) => Some(Ok(line)),
            Ok(Err(limit)) => Some(Err(anyhow::anyhow!("the line is longer than {limit} octets"))),
            Err(err) => {
                self.broken = true;
                Some(Err(err).context("the input cannot be read any further"))
            }
        }
    }
}

// A report with an IDevID and much to say is some 4 KiB long.
const LONGEST: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_after_one_that_is_too_long_is_read() {
        let mut input = vec![b'x'; LONGEST + 1];
        input.extend_from_slice(b"\nshort");
        let lines: Vec<_> = Lines::new(&*input).map(Result::ok).collect();
        assert_eq!(lines, [None, Some(b"short".to_vec())]);
    }

    #[test]
    fn longest_line_is_read_whole() {
        let mut input = vec![b'x'; LONGEST];
        input.push(b'\n');
        let lines: Vec<_> = Lines::new(&*input).map(Result::unwrap).collect();
        assert_eq!(lines, [vec![b'x'; LONGEST]]);
    }
}
