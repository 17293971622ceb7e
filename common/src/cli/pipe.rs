//! Standard output and standard error, whose readers may go away.

use std::io::{ErrorKind, Result, StderrLock, StdoutLock, Write};

/// A stream whose reader may go away before the end, as `head` does. What is written from then on is dropped.
///
/// So that a command goes on to its own end and exit status: whoever records devices has them all recorded, however few of the outcomes somebody looked at.
/// One that does nothing but write asks [`is_gone`](Self::is_gone) and stops.
#[derive(Debug)]
pub struct Pipe<W> {
    stream: W,
    gone: bool,
}

/// Standard output, locked.
pub fn out() -> Pipe<StdoutLock<'static>> {
    Pipe::new(std::io::stdout().lock())
}

/// Standard error, locked.
pub fn err() -> Pipe<StderrLock<'static>> {
    Pipe::new(std::io::stderr().lock())
}

impl<W: Write> Pipe<W> {
    /// Writes into this.
    pub fn new(stream: W) -> Self {
        Self { stream, gone: false }
    }

    /// Whether somebody went away who was to read what was written so far.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// What the stream says, or else `done` if its reader is gone.
    fn unless_gone<T>(&mut self, done: T, write: impl FnOnce(&mut W) -> Result<T>) -> Result<T> {
        if self.gone {
            return Ok(done);
        }
        match write(&mut self.stream) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.gone = true;
                Ok(done)
            }
            other => other,
        }
    }
}

impl<W: Write> Write for Pipe<W> {
    fn write(&mut self, octets: &[u8]) -> Result<usize> {
        self.unless_gone(octets.len(), |stream| stream.write(octets))
    }

    fn flush(&mut self) -> Result<()> {
        self.unless_gone((), W::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many octets, and fails so afterwards.
    struct Narrow(usize, ErrorKind);

    impl Write for Narrow {
        fn write(&mut self, octets: &[u8]) -> Result<usize> {
            let taken = octets.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(self.1.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> Result<()> {
            if self.0 == 0 { Err(self.1.into()) } else { Ok(()) }
        }
    }

    #[test]
    fn pipe_takes_everything_once_its_reader_is_gone() {
        let mut pipe = Pipe::new(Narrow(3, ErrorKind::BrokenPipe));
        pipe.write_all(b"abc").unwrap();
        assert!(!pipe.is_gone());
        pipe.write_all(b"defgh").unwrap();
        pipe.flush().unwrap();
        assert!(pipe.is_gone());
    }

    #[test]
    fn full_disk_is_an_error_nevertheless() {
        let mut pipe = Pipe::new(Narrow(3, ErrorKind::StorageFull));
        assert_eq!(pipe.write_all(b"abcdef").unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(pipe.flush().unwrap_err().kind(), ErrorKind::StorageFull);
        assert!(!pipe.is_gone());
    }
}
