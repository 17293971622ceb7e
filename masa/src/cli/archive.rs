//! The file of a backup: a tar archive that begins with its manifest and the log's signature over that, so that any tar shows what it is.

use std::fs::File;
use std::io::{BufReader, Read, Seek as _, SeekFrom, Write};
use std::path::Path;

use anyhow::Context as _;
use aws_lc_rs::digest::{self, SHA256};
use brski_masa::backup::{Manifest, PackedFile};
use tar::{Builder, EntryType, Header};

/// What a backup begins with.
pub(super) struct Opening {
    /// The manifest, octet for octet as it is signed.
    pub(super) json: Vec<u8>,
    /// What the log has signed of it.
    pub(super) seal: Option<String>,
}

/// Writes a whole backup: the manifest with its seal, then what it lists, in that order. `small` are the files besides the ledger, which is the first of the list.
pub(super) fn write(out: &File, manifest: &Manifest, opening: &Opening, ledger: &Path, small: &[(String, Vec<u8>)]) -> anyhow::Result<()> {
    let mut tar = Builder::new(out);
    let time = manifest.made.as_secs();
    append(&mut tar, MANIFEST, opening.json.len() as u64, time, &*opening.json)?;
    if let Some(seal) = &opening.seal {
        append(&mut tar, SEAL, seal.len() as u64, time, seal.as_bytes())?;
    }
    for file in &manifest.files {
        match small.iter().find(|(path, _)| *path == file.path) {
            Some((_, content)) => append(&mut tar, &file.path, file.octets, time, &**content)?,
            None => append(&mut tar, &file.path, file.octets, time, File::open(ledger)?)?,
        }
    }
    tar.into_inner()?;
    Ok(())
}

fn append(tar: &mut Builder<&File>, path: &str, octets: u64, time: u64, content: impl Read) -> std::io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(octets);
    header.set_mode(0o600);
    header.set_mtime(time);
    tar.append_data(&mut header, path, content)
}

/// Reads what a backup begins with. Nothing in it is verified.
pub(super) fn opening(file: &mut File, path: &Path) -> anyhow::Result<Opening> {
    let no_backup = || format!("{}: no backup of a ledger", path.display());
    file.seek(SeekFrom::Start(0))?;
    let mut archive = tar::Archive::new(BufReader::new(file));
    let mut entries = archive.entries()?;
    let mut next = |name: &str| -> anyhow::Result<Option<Vec<u8>>> {
        let Some(entry) = entries.next() else { return Ok(None) };
        let mut entry = entry.with_context(no_backup)?;
        if entry.path_bytes() != name.as_bytes() || entry.size() > LONGEST_SMALL {
            return Ok(None);
        }
        let mut octets = Vec::new();
        entry.read_to_end(&mut octets).with_context(no_backup)?;
        Ok(Some(octets))
    };
    let json = next(MANIFEST)?.with_context(no_backup)?;
    let seal = next(SEAL)?.map(String::from_utf8).transpose().with_context(no_backup)?;
    Ok(Opening { json, seal })
}

/// Unpacks what the manifest lists, the ledger into `ledger`, and returns the other files. Everything has to be there, as the manifest describes it, and nothing besides.
pub(super) fn unpack(file: &mut File, path: &Path, manifest: &Manifest, ledger: &mut File) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let at = |what: &str, problem: &str| anyhow::anyhow!("{}, {what}: {problem}, so that nothing of the backup is to be trusted", path.display());
    file.seek(SeekFrom::Start(0))?;
    let mut archive = tar::Archive::new(BufReader::new(file));
    let mut small = Vec::new();
    let mut listed = manifest.files.iter();
    for (index, entry) in archive.entries()?.enumerate().skip(1) {
        let mut entry = entry.with_context(|| format!("{}: breaks off", path.display()))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if index == 1 && name == SEAL {
            continue;
        }
        let expected = listed.next().filter(|file| file.path == name && entry.header().entry_type() == EntryType::Regular);
        let expected = expected.ok_or_else(|| at(&name, "is not what the manifest has at this place"))?;
        let digest = match name.as_str() {
            LEDGER => copy(&mut entry, ledger, expected)?,
            _ if expected.octets > LONGEST_SMALL => return Err(at(&name, "is longer than 1 MiB")),
            _ => {
                let mut content = Vec::new();
                let digest = copy(&mut entry, &mut content, expected)?;
                small.push((name.clone(), content));
                digest
            }
        };
        if digest != expected.sha256 {
            return Err(at(&name, "is not what was backed up: its SHA-256 is another than in the manifest"));
        }
    }
    match listed.next() {
        None => Ok(small),
        Some(missing) => Err(at(&missing.path, "is missing")),
    }
}

/// Describes a file as the manifest wants it.
pub(super) fn describe(path: &str, mut content: impl Read) -> std::io::Result<PackedFile> {
    let (octets, sha256) = digest(&mut content, &mut std::io::sink())?;
    Ok(PackedFile { path: path.to_owned(), octets, sha256 })
}

/// At most one octet more than expected, since more would be another digest anyway.
fn copy(from: &mut impl Read, to: &mut impl Write, expected: &PackedFile) -> std::io::Result<String> {
    digest(&mut from.take(expected.octets.saturating_add(1)), to).map(|(_, sha256)| sha256)
}

fn digest(from: &mut impl Read, to: &mut impl Write) -> std::io::Result<(u64, String)> {
    let mut context = digest::Context::new(&SHA256);
    let (mut octets, mut buffer) = (0, vec![0; 256 * 1024]);
    loop {
        let read = from.read(&mut buffer)?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        context.update(part);
        to.write_all(part)?;
        octets += part.len() as u64;
    }
    Ok((octets, context.finish().as_ref().iter().map(|octet| format!("{octet:02x}")).collect()))
}

/// The ledger's name in a backup.
pub(super) const LEDGER: &str = "ledger.sqlite";

/// The folder of the configuration in a backup.
pub(super) const CONFIGURATION: &str = "configuration/";

const MANIFEST: &str = "manifest.json";

/// The signed note over the manifest.
const SEAL: &str = "manifest.sig";

/// Longest manifest or file of the configuration, in octets.
const LONGEST_SMALL: u64 = 1024 * 1024;
