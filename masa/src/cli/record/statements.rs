//! Provenance statements, as files, one a device, or as lines of one file.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::files::replace;
use brski_common::log::without_receipts;
use brski_common::provenance::ProvenanceStatement;
use brski_common::{DeviceId, Format, Leniencies, Signed};
use brski_masa::Recorded;
use serde::{Deserialize, Serialize};

use crate::cli::vouchers::file_name;

/// Where statements go.
pub(super) enum Statements {
    /// A folder of files.
    Folder(PathBuf),
    /// A file of lines, and which statements were in it when it was opened.
    Lines { path: PathBuf, file: File, known: HashSet<Key> },
}

/// Half of SHA-256 over a statement without its receipt, of which each run gets a newer one.
type Key = [u8; 16];

#[derive(Serialize)]
struct Line<'a> {
    device: &'a DeviceId,
    index: Option<u64>,
    statement: String,
    receipt: Option<String>,
}

/// What is read of a line that is there already.
#[derive(Deserialize)]
struct Written {
    statement: String,
}

impl Statements {
    /// Uses this folder or file, and makes it if it does not exist. A file is continued after its last whole line.
    pub(super) fn new(path: &PathBuf) -> anyhow::Result<Self> {
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            let cannot = || format!("{}: cannot be continued", path.display());
            let file = continued(path).with_context(cannot)?;
            let known = statements_in(path).with_context(cannot)?;
            return Ok(Self::Lines { path: path.clone(), file, known });
        }
        std::fs::create_dir_all(path).with_context(|| format!("{}: cannot be made", path.display()))?;
        Ok(Self::Folder(path.clone()))
    }

    /// Writes a device's statement, if there is one; in a folder it replaces an earlier one of the same device, and in a file of lines one that an earlier run wrote stands.
    pub(super) fn write(&mut self, recorded: &Recorded) -> anyhow::Result<()> {
        let Some(statement) = &recorded.statement else { return Ok(()) };
        match self {
            Self::Folder(folder) => write_file(folder, &recorded.device, statement),
            Self::Lines { known, .. } if recorded.repeated && key(statement.wire()).is_some_and(|key| known.contains(&key)) => Ok(()),
            Self::Lines { path, file, .. } => {
                let receipt = recorded.receipt.as_ref().map(|receipt| STANDARD.encode(receipt.wire()));
                let line = Line { device: &recorded.device, index: recorded.index, statement: STANDARD.encode(statement.wire()), receipt };
                let text = serde_json::to_string(&line)? + "\n";
                file.write_all(text.as_bytes()).with_context(|| format!("{} cannot be written (recorded nevertheless)", path.display()))
            }
        }
    }
}

/// Opens a file of lines for more of them. What a run that was killed left of its last line goes.
fn continued(path: &Path) -> std::io::Result<File> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let size = file.seek(SeekFrom::End(0))?;
    let from = size.saturating_sub(LONGEST_LINE);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    (&file).take(LONGEST_LINE).read_to_end(&mut tail)?;
    let whole = tail.iter().rposition(|octet| *octet == b'\n').map_or(0, |end| end as u64 + 1);
    if whole == 0 && from > 0 {
        return Err(std::io::Error::other("it is no file of lines"));
    }
    file.set_len(from + whole)?;
    file.seek(SeekFrom::End(0))?;
    Ok(file)
}

/// The statements in a file of lines. Lines that hold none are passed over: they repeat nothing.
fn statements_in(path: &Path) -> std::io::Result<HashSet<Key>> {
    let (mut file, mut known, mut line) = (BufReader::new(File::open(path)?), HashSet::new(), Vec::new());
    while (&mut file).take(LONGEST_LINE).read_until(b'\n', &mut line)? > 0 {
        let statement = serde_json::from_slice::<Written>(&line).ok().and_then(|line| STANDARD.decode(line.statement).ok());
        known.extend(statement.and_then(|statement| key(&statement)));
        line.clear();
    }
    Ok(known)
}

fn key(statement: &[u8]) -> Option<Key> {
    let hash = digest(&SHA256, &without_receipts(statement).ok()?);
    hash.as_ref().first_chunk().copied()
}

fn write_file(folder: &Path, device: &DeviceId, statement: &Signed<ProvenanceStatement>) -> anyhow::Result<()> {
    let path = folder.join(file_name(&device.serial) + ".cbor");
    if let Ok(present) = std::fs::read(&path) {
        let present = Signed::<ProvenanceStatement>::from_wire(Format::Cose, present).peek_unverified(Leniencies::default());
        let same = present.is_ok_and(|present| present.device == *device);
        anyhow::ensure!(same, "{} is not replaced, because it is no statement of this device (recorded nevertheless)", path.display());
    }
    replace(&path, statement.wire()).with_context(|| format!("{} cannot be written (recorded nevertheless)", path.display()))
}

// A statement with its receipt is some 2 KiB long.
const LONGEST_LINE: u64 = 1024 * 1024;
