//! The configuration out of a backup, on a machine that has none.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brski_masa::backup::Manifest;

use crate::cli::archive;
use crate::config::Configuration;

/// Unpacks what is missing of the configuration into `folder`, reads it there, and says which files were made. What is there already must be the same.
///
/// All of the backup is compared with its manifest before.
pub(super) fn configuration(file: &mut File, path: &Path, manifest: &Manifest, folder: &Path) -> anyhow::Result<(Configuration, Vec<PathBuf>)> {
    let name = manifest.configuration.as_deref();
    let name = name.with_context(|| format!("{}: has no configuration, put one into its place and name it with --config", path.display()))?;
    let contents = archive::unpack(file, path, manifest, &mut sink()?)?;
    let within: Vec<(PathBuf, &Vec<u8>)> =
        contents.iter().filter_map(|(path, content)| Some((folder.join(path.strip_prefix(archive::CONFIGURATION)?), content))).collect();
    for (path, content) in &within {
        match std::fs::read(path) {
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => {}
            found => {
                let same = found.with_context(|| format!("{}: cannot be read", path.display()))? == **content;
                anyhow::ensure!(same, "{}: exists and is another than in the backup; nothing was changed", path.display());
            }
        }
    }
    let mut made = Vec::new();
    for (path, content) in within {
        if !path.exists() {
            make(&path, content).with_context(|| format!("{}: cannot be made", path.display()))?;
            made.push(path);
        }
    }
    Ok((Configuration::read(&folder.join(name))?, made))
}

fn make(path: &Path, content: &[u8]) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    let mut file = File::create_new(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// The ledger is not wanted yet.
fn sink() -> anyhow::Result<File> {
    Ok(File::options().write(true).open(if cfg!(windows) { "NUL" } else { "/dev/null" })?)
}
