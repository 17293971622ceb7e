//! Files and standard input, with what was read of them counted.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use brski_masa::import::Form;

/// An input whose octets are counted.
pub(super) struct Counted {
    input: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

/// Opens a file, or standard input for `-`, and says what its name lets expect.
pub(super) fn open(path: &Path, read: Arc<AtomicU64>) -> std::io::Result<(Counted, Option<Form>)> {
    let input: Box<dyn Read + Send> = if is_standard_input(path) { Box::new(std::io::stdin()) } else { Box::new(File::open(path)?) };
    let expected = match path.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => Some(Form::Csv),
        Some("jsonl" | "jws") => Some(Form::Lines),
        Some("cose" | "cbor") => Some(Form::Messages),
        Some(_) | None => None,
    };
    Ok((Counted { input, read }, expected))
}

/// Whether it stands for standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
