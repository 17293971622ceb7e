//! The file of a backup: a tar archive that begins with its manifest, so that any tar shows what it is.

use std::fs::File;
use std::io::{BufReader, Read, Seek as _, SeekFrom, Write};
use std::path::Path;

use anyhow::Context as _;
use aws_lc_rs::digest::{self, SHA256};
use brski_masa::backup::{Manifest, PackedFile};
use tar::{Builder, EntryType, Header};

/// Writes a whole backup: the manifest, then what it lists, in that order. `small` are the files besides the ledger, which is the first of the list.
pub(super) fn write(out: &File, manifest: &Manifest, ledger: &Path, small: &[(String, Vec<u8>)]) -> anyhow::Result<()> {
    let mut tar = Builder::new(out);
    let time = manifest.made.as_secs();
    let json = manifest.to_json()?;
    append(&mut tar, MANIFEST, json.len() as u64, time, &*json)?;
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

/// Reads the manifest of a backup.
pub(super) fn manifest(file: &mut File, path: &Path) -> anyhow::Result<Manifest> {
    let no_backup = || format!("{}: no backup of a ledger", path.display());
    file.seek(SeekFrom::Start(0))?;
    let mut archive = tar::Archive::new(BufReader::new(file));
    let mut first = archive.entries()?.next().with_context(no_backup)?.with_context(no_backup)?;
    anyhow::ensure!(first.path_bytes() == MANIFEST.as_bytes() && first.size() <= LONGEST_SMALL, "{}", no_backup());
    let mut json = Vec::new();
    first.read_to_end(&mut json).with_context(no_backup)?;
    Manifest::from_json(&json).with_context(no_backup)
}

/// Unpacks what the manifest lists, the ledger into `ledger`, and returns the other files. Everything has to be there, as the manifest describes it, and nothing besides.
pub(super) fn unpack(file: &mut File, path: &Path, manifest: &Manifest, ledger: &mut File) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let at = |what: &str, problem: &str| anyhow::anyhow!("{}, {what}: {problem}, so that nothing of the backup is to be trusted", path.display());
    file.seek(SeekFrom::Start(0))?;
    let mut archive = tar::Archive::new(BufReader::new(file));
    let mut small = Vec::new();
    let mut listed = manifest.files.iter();
    for entry in archive.entries()?.skip(1) {
        let mut entry = entry.with_context(|| format!("{}: breaks off", path.display()))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
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

/// Longest manifest or file of the configuration, in octets.
const LONGEST_SMALL: u64 = 1024 * 1024;
